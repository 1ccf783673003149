//! Any octets as a mail of the receipt box, and answers of mail-to-fax services put together wrongly: they are about our
//! attempt or about none, by the service's own sender, and each says one thing.
#![no_main]

#[allow(dead_code, reason = "the targets of reports use more of it")]
mod mailbox;

use std::sync::LazyLock;

use arbitrary::{Arbitrary, Unstructured};
use mail::provider::{Account, Answer, Profile, Provider, Said, names, read_answer};
use mail::{Address, ReturnPath, TokenKey};

static PROVIDERS: LazyLock<Vec<Provider>> = LazyLock::new(|| {
    let provider = |name| {
        let address = |text| Address::parse(text).expect("an address");
        let profile = Profile::named(name).expect("a profile");
        let needs = |field| profile.needs(field);
        let account = Account {
            from: address("fax@gateway.example"),
            return_path: ReturnPath::new(address("receipts@gateway.example")).expect("short"),
            gateway: needs(mail::provider::Field::Gateway).then(|| "fax.example".to_owned()),
            account: None,
            code: None,
        };
        Provider::new(profile, account).expect("complete")
    };
    names().map(provider).collect()
});

/// What answers are made of: pieces of the rules, and what stands between.
const WORDS: [&str; 24] = [
    "FAX送信が成功しました -> ",
    "FAX送信が失敗しました -> ",
    "ＦＡＸ送信が失敗しました",
    "送信結果: ",
    "6017-話中",
    "3912",
    "facsimile job 17 to ",
    " completed",
    " failed",
    " requeued",
    "Pages: ",
    "Busy signal detected",
    "No answer from remote",
    "No carrier detected",
    "0312345678",
    "+81-3-1234-5678",
    "1",
    "99999",
    " ",
    "　",
    "{any}",
    "",
    "-",
    "\u{FEFF}",
];
/// Some are those of services.
const SENDERS: [&str; 8] = [
    "notify@fax.tc",
    "InterFAX <a@mail.interfax.jp>",
    "HylaFAX Agent <fax@fax.example>",
    "a@fax.example.evil.example",
    "a@notfax.tc",
    "a@fax.tc, b@evil.example",
    "fax.tc",
    "",
];
/// So many of them are.
const KNOWN_SENDERS: usize = 3;

/// An answer.
#[derive(Arbitrary, Debug)]
struct Parts {
    from: u8,
    token_in_to: bool,
    token_in_subject: bool,
    token_in_text: bool,
    html: bool,
    base64: bool,
    subject: Vec<u8>,
    lines: Vec<Vec<u8>>,
    more: String,
}

fn words(of: &[u8]) -> String {
    of.iter().take(12).map(|at| WORDS[usize::from(*at) % WORDS.len()]).collect()
}

impl Parts {
    fn sender(&self) -> usize {
        usize::from(self.from) % SENDERS.len()
    }

    fn mail(&self) -> String {
        let token = mailbox::token();
        let or_none = |stands: bool| if stands { token.as_str() } else { "" };
        let mut text: String =
            self.lines.iter().take(20).map(|line| words(line) + "\r\n").collect();
        text += or_none(self.token_in_text);
        text += &mailbox::one_line(&self.more);
        if self.html {
            text = format!("<html><body><p>{}</p></body></html>", text.replace("\r\n", "<br>"));
        }
        let coding = if self.base64 {
            text = data_encoding::BASE64_MIME.encode(text.as_bytes());
            "base64"
        } else {
            "8bit"
        };
        format!(
            "From: {}\r\nTo: receipts+{}@gateway.example\r\nSubject: {}{}\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/{}; charset=utf-8\r\nContent-Transfer-Encoding: {coding}\r\n\r\n{text}\r\n",
            SENDERS[self.sender()],
            or_none(self.token_in_to),
            words(&self.subject),
            or_none(self.token_in_subject),
            if self.html { "html" } else { "plain" },
        )
    }
}

/// Reads a mail by each profile and checks what must hold whatever it is.
fn read(octets: &[u8]) -> Vec<Answer> {
    let by = |provider: &Provider| {
        let answer = read_answer(octets, provider, &mailbox::key())?;
        assert_eq!(answer.about, mailbox::SUBJECT, "a token that nobody made");
        assert!(answer.pages.is_none_or(|pages| pages <= 9999));
        if let Some(end) = &answer.number_ends {
            assert!(end.len() == 4 && end.bytes().all(|octet| octet.is_ascii_digit()), "{end}");
        }
        let again = read_answer(octets, provider, &mailbox::key());
        assert_eq!(again.as_ref(), Some(&answer), "read twice");
        assert_eq!(read_answer(octets, provider, &TokenKey::new([8; 32])), None, "another key");
        Some(answer)
    };
    PROVIDERS.iter().filter_map(by).collect()
}

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    read(octets);
    let Ok(parts) = Parts::arbitrary(&mut Unstructured::new(octets)) else { return };
    let mail = parts.mail();
    for answer in read(mail.as_bytes()) {
        assert!(parts.sender() < KNOWN_SENDERS, "a stranger is believed: {mail}");
        assert!(mail.contains(&mailbox::token()) || parts.base64, "{mail}");
        // Each rule of a success has this in its subject.
        let says_so = mail.contains("成功") || mail.contains("completed");
        assert!(answer.said != Said::Sent || says_so, "{mail}");
    }
});

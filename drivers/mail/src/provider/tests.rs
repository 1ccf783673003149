//! Whole mails, out and in, by the built-in profiles.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::answer::MOST_LEVELS;
use super::*;
use crate::message::LetterError;
use crate::token::{Subject, Token, TokenKey};
use crate::{Address, ReturnPath};

const SUBJECT: Subject = *b"\x01\x93\x2a\x54\xf0\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa";
const PAGE: &[u8] = b"II*\0\xff what would be a page";

fn key() -> TokenKey {
    TokenKey::new([9; 32])
}

fn token() -> Token {
    key().mint(SUBJECT)
}

fn account() -> Account {
    Account {
        from: Address::parse("fax@renkei.example.jp").unwrap(),
        return_path: ReturnPath::new(Address::parse("receipts@renkei.example.jp").unwrap())
            .unwrap(),
        gateway: Some(String::from("fax.example.jp")),
        account: Some(String::from("renkei")),
        code: Some(Zeroizing::new(String::from("s3cret"))),
    }
}

fn provider(profile: Profile) -> Provider {
    Provider::new(profile, account()).unwrap()
}

fn named(name: &str) -> Provider {
    provider(Profile::named(name).unwrap())
}

fn written(provider: &Provider, file: &[u8]) -> Result<crate::smtp::Outgoing, FaxLetterError> {
    let fax = Fax {
        national: "0355500001",
        international: "81355500001",
        file,
        token: &token(),
        date: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_482_000),
    };
    provider.write(&fax)
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/provider").join(name)
}

/// Envelope and mail, octet for octet, as a relay gets them. `GOLDEN=rewrite` writes them anew.
#[test]
fn every_profile_sends_exactly_the_mail_that_is_kept_beside_it() {
    for name in names() {
        let mail = written(&named(name), PAGE).unwrap();
        let envelope = format!(
            "MAIL FROM:<{}>\r\nRCPT TO:<{}>\r\n\r\n",
            mail.from().as_str(),
            mail.to().as_str()
        );
        let got = [envelope.as_bytes(), mail.octets()].concat();
        let path = golden(&format!("{name}.eml"));
        if std::env::var("GOLDEN").is_ok_and(|it| it == "rewrite") {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &got).unwrap();
        }
        let kept = std::fs::read(&path).unwrap_or_default();
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(&kept), "{name}");
    }
}

fn parse(change: impl Fn(String) -> String) -> Profile {
    let text = include_str!("../../profiles/number-at-domain.toml").to_owned();
    Profile::parse(&change(text), "test").unwrap()
}

#[test]
fn code_stands_where_the_profile_wants_it_and_is_shown_nowhere() {
    let profile = parse(|text| {
        text.replace("{national}@", "{national}.{code}@")
            + "subject = { is = \"[{account} {code}]\", source = \"guess: x\" }\n"
    });
    assert!(profile.needs(Field::Code));
    let provider = provider(profile);
    let mail = written(&provider, PAGE).unwrap();
    let octets = String::from_utf8_lossy(mail.octets()).into_owned();
    assert!(octets.contains("Subject: [renkei s3cret]\r\n"), "{octets}");
    assert!(octets.contains("To: 0355500001.s3cret@fax.example.jp\r\n"), "{octets}");
    let shown = format!("{mail:?} {provider:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("0355500001"), "{shown}");
    assert_eq!(provider.strike("535 s3cret is unknown"), "535 *** is unknown");
}

#[test]
fn account_without_what_the_profile_needs_gets_no_mail() {
    let profile =
        parse(|text| text.replace("{national}@{gateway}", "{national}@{account}.{code}.jp"));
    for (field, take) in [
        (Field::Account, (|account| account.account = None) as fn(&mut Account)),
        (Field::Code, |account| account.code = None),
    ] {
        let mut account = account();
        take(&mut account);
        let refused = Provider::new(profile.clone(), account).map(|_| ());
        assert_eq!(refused, Err(FaxLetterError::Missing(field)));
    }
    assert!(Provider::new(profile, account()).is_ok());
}

#[test]
fn subject_that_the_code_makes_a_second_line_is_refused_before_any_fax() {
    let profile = parse(|text| text + "subject = { is = \"{code}\", source = \"guess: x\" }\n");
    let code = Some(Zeroizing::new(String::from("a\r\nBcc: x@y.jp")));
    let refused = Provider::new(profile, Account { code, ..account() });
    assert_eq!(refused.err(), Some(FaxLetterError::Letter(LetterError::HeaderText)));
}

#[test]
fn account_that_makes_no_address_is_refused_before_any_fax() {
    let profile = || parse(|text| text.replace("{national}@", "{national}.{account}@"));
    for (name, code) in [("a@b", "mail-address-local"), (&*"x".repeat(60), "mail-address-long")] {
        let account = Account { account: Some(name.into()), ..account() };
        let refused = Provider::new(profile(), account).err().unwrap();
        assert_eq!(refused.code(), code, "{name}");
    }
}

/// A page of odd pels, as the line would send it, is what ghostscript draws from the file, pel for pel.
#[test]
fn pdf_is_drawn_by_ghostscript_as_the_very_page() {
    let mut page = t4::Page::new(t4::WIDTH_A4_PELS, t4::Resolution::Fine);
    for row in 0..2155_u32 {
        let octets: Vec<u8> =
            (0..216_u32).map(|at| ((row * 31 + at * 17) ^ (row >> 3)) as u8 & 0x3C).collect();
        page.push_row(&octets).unwrap();
    }
    let mmr = t4::encode(&page, &t4::Encoding::file(t4::Coding::Mmr));
    let image =
        pdf::Image { mmr: &mmr, width_pels: 1728, rows: 2155, dpi: page.resolution().dpi() };
    let file = pdf::write(&image);
    assert_eq!(pdf::coded_page(&file), Some(mmr.as_slice()));

    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("page.pdf"), folder.path().join("page.tif"));
    std::fs::write(&from, &file).unwrap();
    let drawn = std::process::Command::new("gs")
        .args(["-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=tiffg4", "-r204x196"])
        .arg(format!("-sOutputFile={}", to.display()))
        .arg(&from)
        .status()
        .expect("gs, of the package ghostscript");
    assert!(drawn.success());
    let read = t4::container::read(std::fs::File::open(&to).unwrap()).unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!((read[0].page.width_pels(), read[0].page.rows()), (1728, 2155));
    assert!(read[0].page.bits() == page.bits(), "another pel");
}

/// An answer in Japanese as its sender would write it.
fn answer(from: &str, to: &str, subject: &str, text: &str) -> Vec<u8> {
    let (subject, _, _) = encoding_rs::ISO_2022_JP.encode(subject);
    let (text, _, _) = encoding_rs::ISO_2022_JP.encode(text);
    let subject = data_encoding::BASE64.encode(&subject);
    let head = format!(
        "From: {from}\r\nTo: {to}\r\nSubject: =?ISO-2022-JP?B?{subject}?=\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=ISO-2022-JP\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
    );
    [head.as_bytes(), &text].concat()
}

const SENT: &str = "FAX送信が成功しました -> 0355500001";
const FAILED: &str = "FAX送信が失敗しました -> 0355500001";

fn interfax(subject: &str, text: &str) -> Option<Answer> {
    let octets = answer("InterFAX <notify@fax.tc>", &to_us(), subject, text);
    read_answer(&octets, &named("interfax"), &key())
}

fn to_us() -> String {
    format!("receipts+{}@renkei.example.jp", token().as_str())
}

#[test]
fn success_in_japanese_is_about_our_attempt_and_names_the_end_of_the_number() {
    let expected =
        Answer { about: SUBJECT, said: Said::Sent, pages: None, number_ends: Some("0001".into()) };
    assert_eq!(interfax(SENT, "送信結果: OK\r\n"), Some(expected));
}

#[test]
fn failure_is_told_apart_by_the_code_in_its_text() {
    for (text, said) in [
        ("件名: x\r\n送信結果: 6017-話中\r\n", Said::Busy),
        ("送信結果：３９１２−FAX番号が使用不可です\r\n", Said::NoFax),
        ("送信結果: 3224-通信エラー\r\n", Said::Failed),
        ("", Said::Failed),
    ] {
        assert_eq!(interfax(FAILED, text).map(|answer| answer.said), Some(said), "{text}");
    }
}

#[test]
fn token_may_come_back_in_the_repeated_subject_alone() {
    let interfax = named("interfax");
    let text = format!("件名: {}\r\n", token().as_str());
    let octets = answer("notify@fax.tc", "fax@renkei.example.jp", SENT, &text);
    assert_eq!(read_answer(&octets, &interfax, &key()).map(|answer| answer.about), Some(SUBJECT));
}

#[test]
fn answer_of_a_stranger_without_a_token_or_with_a_forged_one_is_none() {
    let interfax = named("interfax");
    let forged = TokenKey::new([8; 32]).mint(SUBJECT);
    let forged = format!("receipts+{}@renkei.example.jp", forged.as_str());
    for (from, to) in [
        ("notify@fax.tc.example.jp", to_us()),
        ("notify@notfax.tc", to_us()),
        ("notify@fax.tc, x@example.jp", to_us()),
        ("x@example.jp", to_us()),
        ("notify@fax.tc", forged),
        ("notify@fax.tc", String::from("receipts@renkei.example.jp")),
    ] {
        assert_eq!(
            read_answer(&answer(from, &to, SENT, ""), &interfax, &key()),
            None,
            "{from} {to}"
        );
    }
    assert!(read_answer(&answer("n@mail.FAX.tc", &to_us(), SENT, ""), &interfax, &key()).is_some());
}

#[test]
fn answer_that_says_sent_and_not_sent_or_something_unknown_says_nothing() {
    let both = provider(parse(|text| {
        text + "[answers]\nfrom = { is = [\"fax.tc\"], source = \"guess: x\" }\n\
                token = { is = \"address\", source = \"guess: x\" }\n\
                [[answers.rule]]\nmeans = \"sent\"\ntext = [\"1: sent, {pages} pages\"]\nsource = \"guess: x\"\n\
                [[answers.rule]]\nmeans = \"busy\"\ntext = [\"2: busy\"]\nsource = \"guess: x\"\n\
                [[answers.rule]]\nmeans = \"failed\"\ntext = [\"{any}: {any}busy\"]\nsource = \"guess: x\"\n"
    }));
    for (text, said) in [
        ("1: sent, 3 pages\r\n", Some((Said::Sent, Some(3)))),
        ("2: busy\r\n", Some((Said::Busy, None))),
        ("1: not busy\r\n", Some((Said::Failed, None))),
        ("1: sent, 1 pages\r\n2: busy\r\n", None),
        ("Hello\r\n", None),
    ] {
        let octets = answer("x@fax.tc", &to_us(), "result", text);
        let read = read_answer(&octets, &both, &key());
        assert_eq!(read.map(|answer| (answer.said, answer.pages)), said, "{text}");
    }
}

#[test]
fn notices_of_hylafax_are_read_as_its_templates_write_them() {
    let hylafax = named("hylafax");
    for (end, text, said) in [
        (
            "completed ",
            "Your job to 0355500001 was completed successfully.\n\n            Pages: 1\n",
            Said::Sent,
        ),
        ("requeued ", "Your job to 0355500001 was not sent because:\n\nBusy\n", Said::Accepted),
        (
            "failed",
            "Your job to 0355500001 failed because:\n\nNo response to EOP repeated 3 tries\n",
            Said::Failed,
        ),
    ] {
        let subject = format!("facsimile job 17 to 0355500001 {end}");
        let octets = answer("HylaFAX Agent <fax@fax.example.jp>", &to_us(), &subject, text);
        let read = read_answer(&octets, &hylafax, &key()).unwrap();
        assert_eq!(read.said, said);
        assert_eq!(read.pages, (said == Said::Sent).then_some(1));
    }
}

#[test]
fn answer_of_a_megabyte_ends_soon() {
    let interfax = named("interfax");
    let long = answer("notify@fax.tc", &to_us(), FAILED, &"送信結果 送信結果\r\n".repeat(50_000));
    assert_eq!(read_answer(&long, &interfax, &key()).map(|answer| answer.said), Some(Said::Failed));
}

/// A mail of the service with what `body` says of content type and body.
fn from_the_service(body: &str) -> Vec<u8> {
    format!("From: notify@fax.tc\r\nTo: {}\r\nSubject: {FAILED}\r\n{body}", to_us()).into_bytes()
}

fn nested(levels: usize, text: &str) -> String {
    (0..levels).fold(format!("\r\n{text}"), |inner, level| {
        format!(
            "Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n{inner}\r\n--b{level}--\r\n"
        )
    })
}

#[test]
fn text_is_found_beside_its_html_and_a_file_and_not_deeper() {
    let choice = "Content-Type: multipart/alternative; boundary=B\r\n\r\n\
        --B\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>送信結果: 3224</p>\r\n\
        --B\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n送信結果: 6017\r\n--B--\r\n";
    let with_a_file = format!(
        "Content-Type: multipart/mixed; boundary=A\r\n\r\n\
         --A\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\n送信結果: 3912\r\n\
         --A\r\nContent-Type: application/pdf\r\n\r\n送信結果: 3912\r\n--A\r\n{choice}\r\n--A--"
    );
    let html = "Content-Type: text/html; charset=utf-8\r\n\r\n<p>送信結果: 6017</p>";
    for (body, said) in [
        (choice, Said::Busy),
        (&with_a_file, Said::Busy),
        (html, Said::Busy),
        ("\r\n送信結果: 6017", Said::Busy),
        (&nested(MOST_LEVELS, "送信結果: 6017"), Said::Busy),
        // Not found: what the subject says remains.
        (&nested(MOST_LEVELS + 1, "送信結果: 6017"), Said::Failed),
        ("Content-Type: application/pdf\r\n\r\n送信結果: 6017", Said::Failed),
        ("Content-Type: message/rfc822\r\n\r\n\r\n送信結果: 6017", Said::Failed),
    ] {
        let read = read_answer(&from_the_service(body), &named("interfax"), &key());
        assert_eq!(read.map(|answer| answer.said), Some(said), "{body}");
    }
}

/// On a stack on which a descent into each level of any of these ends in a crash.
#[test]
fn answer_of_thousands_of_levels_is_read_on_a_small_stack() {
    let mail = "Content-Type: message/rfc822\n\n".repeat(2_000);
    let in_base64 = format!(
        "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
        data_encoding::BASE64_MIME.encode(mail.as_bytes())
    );
    let multiparts: String = (0..4_000)
        .map(|level| {
            format!("Content-Type: multipart/mixed; boundary={level}\r\n\r\n--{level}\r\n")
        })
        .collect();
    for body in [mail.repeat(3), in_base64, multiparts] {
        let read = move || read_answer(&from_the_service(&body), &named("interfax"), &key());
        let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(read).unwrap();
        assert_eq!(thread.join().unwrap().map(|answer| answer.said), Some(Said::Failed));
    }
}

proptest! {
    /// A success with octets changed here and there may say nothing any more, but nothing of another attempt.
    #[test]
    fn damaged_answer_is_about_us_or_about_nothing(changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..20)) {
        let mut mail = answer("notify@fax.tc", &to_us(), SENT, "送信結果: OK\r\n");
        for (at, octet) in changes {
            let at = usize::from(at) % mail.len();
            mail[at] = octet;
        }
        let read = read_answer(&mail, &named("interfax"), &key());
        prop_assert!(read.is_none_or(|answer| answer.about == SUBJECT));
    }
}

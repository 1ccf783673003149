//! Mails as somebody else's program reads them: Python's `email`, beside the reader that our own tests use.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use mail::message::{Charset, Letter, compose};
use mail::{Address, TokenKey};

/// Prints subject, name of the sender, text and HTML; a fault that the reader found in the mail ends it. The name is
/// taken apart by the older half of the library: the newer one leaves a blank between two encoded words of a name
/// (in 3.11), against RFC 2047 6.2.
const READER: &str = r#"
import email, email.header, email.policy, email.utils, sys
mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
parts = list(mail.walk())
assert not any(part.defects for part in parts), [part.defects for part in parts]
assert not any(value.defects for value in mail.values()), [value.defects for value in mail.values()]
print(mail["subject"])
name, _ = email.utils.parseaddr(dict(mail.raw_items())["From"])
print(email.header.make_header(email.header.decode_header(name)))
for kind in "plain", "html":
    print(mail.get_body((kind,)).get_content())
"#;

fn read(charset: Charset, text: &str) -> String {
    let from = Address::parse("notice@renkei.example.jp").expect("an address");
    let to = Address::parse("office@example.co.jp").expect("an address");
    let token = TokenKey::new([1; 32]).mint([2; 16]);
    let octets = compose(&Letter {
        from_name: text,
        from: &from,
        to: &to,
        subject: text,
        text,
        html: Some(text),
        attachment: None,
        token: &token,
        date: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_482_000),
        ask_displayed: None,
        reply_to: None,
        charset,
    })
    .expect("a mail");
    let mut python = Command::new("python3")
        .args(["-X", "utf8", "-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3, of the Debian package python3");
    python.stdin.take().expect("piped").write_all(&octets).expect("it reads");
    let output = python.wait_with_output().expect("it ends");
    let shown = String::from_utf8_lossy(&octets);
    assert!(output.status.success(), "{shown}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What comes out of a mail in all four places.
fn come_out(charset: Charset, text: &str) -> String {
    let read = read(charset, text);
    let mut lines: Vec<&str> = read.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 4, "{read}");
    lines.dedup();
    assert_eq!(lines.len(), 1, "{read}");
    lines.remove(0).to_owned()
}

#[test]
fn python_reads_in_subject_name_text_and_html_what_was_written() {
    for text in [
        "書類が届いています ①㈱髙﨑𠮷 ～〜 ﾃﾞｲｻｰﾋﾞｽ",
        "Documents, \"quoted\" (and) <more>; 100 % = 100 %",
        "あ".repeat(60).as_str(),
    ] {
        assert_eq!(come_out(Charset::Utf8, text), text);
    }
}

#[test]
fn python_reads_old_mail_as_written_but_for_half_width_kana() {
    for (written, read) in [
        ("書類が届いています。返事はサイトから（FAXは不可）", None),
        ("ABC ~ \\ 100 % あいう xyz", None),
        ("凜と熙と堯・槇・遙・瑤", None),
        ("ｱｵｿﾞﾗﾃﾞｲｻｰﾋﾞｽ ｳﾞ", Some("アオゾラデイサービス ヴ")),
        ("9:00〜17:00", None),
        ("9:00～17:00", Some("9:00〜17:00")), // one place in JIS; Python shows it as the other
        ("あ".repeat(60).as_str(), None),
        ("一部だけ㈱", None), // goes as UTF-8
    ] {
        assert_eq!(come_out(Charset::Iso2022Jp, written), read.unwrap_or(written));
    }
}

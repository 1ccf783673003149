//! How much memory a mail can make its reader take. A program of its own: what it measures is its process.

use std::fmt::Write as _;

use data_encoding::BASE64_MIME;
use mail::report::READ_OCTETS;
use mail::{TokenKey, read};

/// Some copies of what is looked at, as headers and undone encodings; not one for each level or part.
const MOST_KIB: u64 = 16 << 10;

/// What the kernel says of this process, in KiB; `VmHWM` is the most that it ever had.
fn memory_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let figure = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    figure.expect("a figure")
}

/// The inside of a mail in base64, where no search for fields in the mail finds any.
fn hidden(inside: &str) -> String {
    format!(
        "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
        BASE64_MIME.encode(inside.as_bytes())
    )
}

/// The worst that a quarter of a MiB can be made of.
fn hostile() -> Vec<(&'static str, String)> {
    let report = "Content-Type: multipart/report; report-type=delivery-status; boundary=B\r\n\r\n";
    let nest = "Content-Type: message/rfc822\n\n".repeat(1_000) + &"x".repeat(150_000);
    let mut multiparts = String::new();
    for level in 0..2_800 {
        let _ = write!(
            multiparts,
            "Content-Type: multipart/report; report-type=delivery-status; boundary={level}\n\n--{level}\n"
        );
    }
    let returned = hidden(&"a:b\n".repeat(400));
    vec![
        ("a thousand mails in one in base64", hidden(&nest)),
        ("the same in a report", format!("{report}--B\r\n{}", hidden(&nest))),
        ("multiparts in multiparts", multiparts),
        ("fields of three octets", "a:\n".repeat(21_000) + "\nbody"),
        ("addresses of two octets", format!("From: {}\n\nbody", "a,".repeat(32_000))),
        ("a boundary on every line", report.to_owned() + &"--B\n".repeat(60_000)),
        ("returned mails", report.to_owned() + &format!("--B\r\n{returned}\r\n").repeat(100)),
        (
            "blocks of a status",
            format!(
                "{report}--B\r\nContent-Type: message/delivery-status\r\n\r\n{}",
                "a:b\n\n".repeat(50_000)
            ),
        ),
    ]
}

#[test]
fn no_mail_makes_its_reader_big() {
    let key = TokenKey::new([9; 32]);
    let _ = read(b"To: x@example.jp\r\n\r\nthe first read\r\n", &key);
    for (what, mail) in hostile() {
        assert!(mail.len() <= READ_OCTETS + 1024, "{what} is {} octets, some unread", mail.len());
        let before = memory_kib("VmHWM");
        let _ = read(mail.as_bytes(), &key);
        let took = memory_kib("VmHWM") - before;
        assert!(took < MOST_KIB, "{what} took {took} KiB");
    }
}

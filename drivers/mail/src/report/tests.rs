//! Whole mails, as hosts and programs write them.

use proptest::prelude::*;

use super::*;

const SUBJECT: Subject = *b"\x01\x93\x2a\x54\xf0\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa";

fn key() -> TokenKey {
    TokenKey::new([9; 32])
}

fn token() -> String {
    key().mint(SUBJECT).as_str().to_owned()
}

/// As Postfix reports: text, status, header of what it returns.
fn dsn(to: &str, status: &str) -> String {
    format!(
        "Return-Path: <>\r\nTo: {to}\r\nFrom: MAILER-DAEMON@mx.example.jp (Mail Delivery System)\r\n\
         Subject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"B\"\r\n\r\n\
         --B\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nThis is the mail system.\r\n\r\n\
         --B\r\nContent-Type: message/delivery-status\r\n\r\n{status}\r\n\
         --B\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <m1@example.jp>\r\n\r\n--B--\r\n"
    )
}

const FAILED: &str = "Reporting-MTA: dns; mx.example.jp\r\nX-Postfix-Queue-ID: 4ABC\r\n\r\n\
    Final-Recipient: rfc822; office@example.co.jp\r\nAction: failed\r\nStatus: 5.1.1\r\n\
    Remote-MTA: dns; in.example.co.jp\r\nDiagnostic-Code: smtp; 550 5.1.1\r\n <office@example.co.jp>: User unknown\r\n";

fn to_us() -> String {
    format!("<receipts+{}@example.jp>", token())
}

#[test]
fn bounce_of_postfix_is_about_our_attempt_and_says_why() {
    let reading = read(dsn(&to_us(), FAILED).as_bytes(), &key());
    assert_eq!(reading.about, Some(SUBJECT));
    let Content::Delivery(report) = reading.content else { panic!("{reading:?}") };
    assert_eq!(report.reporting_mta.as_deref(), Some("mx.example.jp"));
    let [recipient] = report.recipients.as_slice() else { panic!("{report:?}") };
    assert_eq!((recipient.action, recipient.status.to_string()), (Action::Failed, "5.1.1".into()));
    assert_eq!(recipient.remote_mta.as_deref(), Some("in.example.co.jp"));
    let words = "550 5.1.1 <office@example.co.jp>: User unknown";
    assert_eq!(recipient.diagnostic.as_deref(), Some(words));
}

#[test]
fn token_may_come_back_in_the_envelope_id_alone() {
    let status = format!("Original-Envelope-Id: {}\r\n{FAILED}", token());
    assert_eq!(read(dsn("<receipts@example.jp>", &status).as_bytes(), &key()).about, Some(SUBJECT));
}

#[test]
fn token_may_come_back_in_the_returned_header_alone() {
    let returned = format!("Message-ID: <{}@example.jp>", token());
    let mail =
        dsn("<receipts@example.jp>", FAILED).replace("Message-ID: <m1@example.jp>", &returned);
    assert_eq!(read(mail.as_bytes(), &key()).about, Some(SUBJECT));
}

#[test]
fn token_of_somebody_else_or_in_the_text_is_about_nothing() {
    let forged = TokenKey::new([8; 32]).mint(SUBJECT).as_str().to_owned();
    let mail = dsn(&format!("<receipts+{forged}@example.jp>"), FAILED);
    assert_eq!(read(mail.as_bytes(), &key()).about, None);
    let mail = format!("To: <receipts@example.jp>\r\nSubject: {0}\r\n\r\n{0}\r\n", token());
    assert_eq!(read(mail.as_bytes(), &key()), Reading { about: None, content: Content::Other });
}

#[test]
fn holiday_note_says_nothing_about_delivery() {
    let mail = format!(
        "To: {}\r\nFrom: tanaka@example.co.jp\r\nAuto-Submitted: auto-replied (vacation)\r\n\
         Subject: =?ISO-2022-JP?B?GyRCSVQ6XxsoQg==?=\r\n\r\n...\r\n",
        to_us()
    );
    let reading = read(mail.as_bytes(), &key());
    assert_eq!(reading, Reading { about: Some(SUBJECT), content: Content::Automatic });
}

#[test]
fn person_who_answers_is_other_and_an_old_host_is_unstructured() {
    let person = format!("To: {}\r\nFrom: tanaka@example.co.jp\r\n\r\nThanks\r\n", to_us());
    assert_eq!(read(person.as_bytes(), &key()).content, Content::Other);
    let qmail = format!(
        "Return-Path: <>\r\nTo: {}\r\n\r\nHi. This is the qmail-send program.\r\n",
        to_us()
    );
    assert_eq!(read(qmail.as_bytes(), &key()).content, Content::Unstructured);
}

#[test]
fn report_without_its_status_part_is_unusable() {
    let mail = dsn(&to_us(), FAILED).replace("message/delivery-status", "text/plain");
    assert_eq!(read(mail.as_bytes(), &key()).content, Content::Unusable(Flaw::NoStatus));
    let mail = dsn(
        &to_us(),
        "Reporting-MTA: dns; x\r\n\r\nStatus: 2.0.0\r\nStatus: 5.1.1\r\nAction: failed\r\n",
    );
    assert_eq!(read(mail.as_bytes(), &key()).content, Content::Unusable(Flaw::StatusCode));
}

#[test]
fn status_part_in_base64_is_read_as_well() {
    let coded = data_encoding::BASE64_MIME.encode(FAILED.as_bytes());
    let mail = dsn(&to_us(), &coded).replace(
        "Content-Type: message/delivery-status",
        "Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: base64",
    );
    assert!(matches!(read(mail.as_bytes(), &key()).content, Content::Delivery(_)));
}

#[test]
fn disposition_that_names_our_message_is_read() {
    let mail = format!(
        "To: <receipts@example.jp>\r\nContent-Type: multipart/report; report-type=disposition-notification; boundary=B\r\n\r\n\
         --B\r\nContent-Type: message/disposition-notification\r\n\r\n\
         Final-Recipient: rfc822; a@b.jp\r\nOriginal-Message-ID: <{}@example.jp>\r\n\
         Disposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--B--\r\n",
        token()
    );
    let reading = read(mail.as_bytes(), &key());
    assert_eq!(reading.about, Some(SUBJECT));
    let Content::Disposition(report) = reading.content else { panic!("{reading:?}") };
    assert_eq!(report.kind, DispositionKind::Displayed);
}

#[test]
fn ten_megabytes_of_returned_mail_are_not_looked_at() {
    let mut mail = dsn(&to_us(), FAILED).into_bytes();
    mail.extend(vec![b'x'; 10 << 20]);
    assert!(matches!(read(&mail, &key()).content, Content::Delivery(_)));
}

#[test]
fn returned_mail_that_is_a_mail_in_a_mail_does_not_hide_the_report() {
    let returned = "Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny\r\n";
    let mail = dsn(&to_us(), FAILED).replace(
        "Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <m1@example.jp>\r\n\r\n",
        returned,
    );
    assert!(mail.contains(returned));
    let reading = read(mail.as_bytes(), &key());
    assert_eq!(reading.about, Some(SUBJECT));
    assert!(matches!(reading.content, Content::Delivery(_)), "{reading:?}");
}

/// On a stack on which a descent into each level of any of these ends in a crash.
fn read_on_a_small_stack(mail: Vec<u8>) -> Content {
    let read = move || read(&mail, &key()).content;
    let thread = std::thread::Builder::new().stack_size(128 << 10).spawn(read).unwrap();
    thread.join().unwrap()
}

#[test]
fn mail_in_mail_eight_thousand_deep_is_no_report() {
    for field in ["Content-Type: ", "Content-Type : ", "CONTENT-TYPE:\r\n\t", "Content-Type\t:"] {
        let mail = format!("{field}message/rfc822\r\n\r\n").repeat(8_000);
        assert_eq!(read_on_a_small_stack(mail.into_bytes()), Content::Other, "{field}");
    }
}

#[test]
fn mail_in_mail_under_an_encoding_is_no_report_and_in_a_report_not_looked_into() {
    let deep = "Content-Type: message/rfc822\n\n".repeat(2_000) + "Subject: x\n\nx\n";
    let coded = data_encoding::BASE64_MIME.encode(deep.as_bytes());
    let coded =
        format!("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{coded}");
    assert_eq!(read_on_a_small_stack(coded.clone().into_bytes()), Content::Other);
    let report =
        dsn(&to_us(), FAILED).replace("\r\n--B--", &format!("\r\n--B\r\n{coded}\r\n--B--"));
    assert!(matches!(read_on_a_small_stack(report.into_bytes()), Content::Delivery(_)));
}

#[test]
fn multipart_in_multipart_is_no_report() {
    let mut mail = String::new();
    for level in 0..4_000 {
        mail += &format!("Content-Type: multipart/report; boundary={level}\r\n\r\n--{level}\r\n");
    }
    assert_eq!(read_on_a_small_stack(mail.into_bytes()), Content::Other);
}

#[test]
fn returned_mail_is_known_by_its_header_and_not_by_what_is_in_it() {
    let returned = |mail: String| {
        let part = format!("Content-Type: message/rfc822\r\n\r\n{mail}");
        dsn("<receipts@example.jp>", FAILED)
            .replace("Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <m1@example.jp>", &part)
    };
    let ours = format!("Message-ID: <{}@example.jp>\r\n\r\ntext\r\n", token());
    assert_eq!(read(returned(ours.clone()).as_bytes(), &key()).about, Some(SUBJECT));
    let forwarded = format!("Content-Type: message/rfc822\r\n\r\n{ours}");
    assert_eq!(read(returned(forwarded).as_bytes(), &key()).about, None);
}

/// A stranger writes a report into a part of something else, e.g. a person's answer that quotes one.
#[test]
fn status_in_a_multipart_of_the_report_is_not_the_reports() {
    let inner = format!(
        "Content-Type: multipart/mixed; boundary=C\r\n\r\n--C\r\nContent-Type: message/delivery-status\r\n\r\n\
         {FAILED}\r\n--C--"
    );
    let mail = dsn(&to_us(), FAILED)
        .replace(&format!("Content-Type: message/delivery-status\r\n\r\n{FAILED}"), &inner);
    assert_eq!(read(mail.as_bytes(), &key()).content, Content::Unusable(Flaw::NoStatus));
}

const NEST: [&str; 10] = [
    "Content-Type: message/rfc822\r\n",
    "Content-Type: multipart/report; report-type=delivery-status; boundary=B\r\n",
    "Content-Type: multipart/mixed; boundary=\"B\"\r\n",
    "Content-Type: message/delivery-status\r\n",
    "Content-Transfer-Encoding: quoted-printable\r\n",
    "To: <receipts@example.jp>\r\n",
    "\r\n",
    "\r\n",
    "\r\n--B\r\n",
    "\r\n--B--\r\n",
];

proptest! {
    #[test]
    fn any_octets_are_read_without_a_panic(octets in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = read(&octets, &key());
    }

    /// Lines of which mails are made, in any order and in any number of layers of encoding: never a deep descent.
    #[test]
    fn any_nest_is_read_on_a_small_stack(
        lines in proptest::collection::vec(0..NEST.len(), 1..40),
        times in 1_usize..400,
        encodings in 0..3,
    ) {
        let mut mail: String = lines.into_iter().map(|line| NEST[line]).collect();
        mail = mail.repeat(times);
        mail.truncate(READ_OCTETS / 2);
        for _ in 0..encodings {
            mail = format!(
                "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
                data_encoding::BASE64_MIME.encode(mail.as_bytes())
            );
        }
        read_on_a_small_stack(mail.into_bytes());
    }

    /// A report with octets changed here and there: it may become unusable, but never about another attempt.
    #[test]
    fn damaged_report_is_about_us_or_about_nothing(changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..20)) {
        let mut mail = dsn(&to_us(), FAILED).into_bytes();
        for (at, octet) in changes {
            let at = usize::from(at) % mail.len();
            mail[at] = octet;
        }
        let about = read(&mail, &key()).about;
        prop_assert!(about.is_none() || about == Some(SUBJECT));
    }
}

//! Any octets as a mail of the receipt box, and reports of delivery put together wrongly: they are about our attempt or
//! about none, and none says that a mail arrived unless it says so completely.
#![no_main]

mod mailbox;

use arbitrary::{Arbitrary, Unstructured};
use data_encoding::BASE64_MIME;
use mail::report::{Action, Content};

/// A report. Each part is as a mail host writes it, or not.
#[derive(Arbitrary, Debug)]
struct Report {
    token_stands: Place,
    null_path: bool,
    kind: u8,
    coded: bool,
    /// Levels of mail in mail around it.
    wraps: u8,
    bare_line_ends: bool,
    of_the_mail: Vec<(Field, String)>,
    of_recipients: Vec<Vec<(Field, String)>>,
    text: String,
}

/// Where the token stands.
#[derive(Arbitrary, Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    Nowhere,
    /// The return path that we gave.
    To,
    EnvelopeId,
    ReturnedHeader,
    InReplyTo,
    /// Where only a person can have put it.
    Subject,
    Text,
    From,
}

#[derive(Arbitrary, Debug)]
enum Field {
    ReportingMta,
    EnvelopeId,
    FinalRecipient,
    /// One of [`ACTIONS`].
    Action(u8),
    /// One of [`STATUSES`].
    Status(u8),
    RemoteMta,
    Diagnostic,
    Folded,
    Any,
}

const ACTIONS: [&str; 8] =
    ["failed", "delayed", "delivered", "relayed", "expanded", "Delivered (yes)", "eaten", ""];
const STATUSES: [&str; 8] =
    ["2.0.0", "5.1.1", "4.4.7", "2.1.5 (ok)", "5.7.26", "3.0.0", "5.1", "999.1.1"];
const KINDS: [&str; 5] =
    ["delivery-status", "Delivery-Status", "disposition-notification", "feedback-report", ""];

fn one_of(list: &'static [&'static str], at: u8) -> &'static str {
    list[usize::from(at) % list.len()]
}

impl Field {
    fn line(&self, text: &str) -> String {
        let text = mailbox::one_line(text);
        match self {
            Self::ReportingMta => format!("Reporting-MTA: dns; {text}"),
            Self::EnvelopeId => format!("Original-Envelope-Id: {text}"),
            Self::FinalRecipient => format!("Final-Recipient: rfc822; {text}"),
            Self::Action(at) => format!("Action: {}", one_of(&ACTIONS, *at)),
            Self::Status(at) => format!("Status: {}", one_of(&STATUSES, *at)),
            Self::RemoteMta => format!("Remote-MTA: dns; {text}"),
            Self::Diagnostic => format!("Diagnostic-Code: smtp; {text}"),
            Self::Folded => format!(" {text}"),
            Self::Any => text,
        }
    }
}

impl Report {
    fn mail(&self) -> String {
        let token = mailbox::token();
        let at = |place, text: String| if self.token_stands == place { text } else { String::new() };
        let block = |fields: &[(Field, String)]| {
            let lines = fields.iter().take(6).map(|(field, text)| field.line(text) + "\r\n");
            lines.collect::<String>() + "\r\n"
        };
        let mut status = at(Place::EnvelopeId, format!("Original-Envelope-Id: {token}\r\n"));
        status += &block(&self.of_the_mail);
        status.extend(self.of_recipients.iter().take(4).map(|fields| block(fields)));
        let coding = if self.coded {
            status = BASE64_MIME.encode(status.as_bytes());
            "Content-Transfer-Encoding: base64\r\n"
        } else {
            ""
        };
        let kind = one_of(&KINDS, self.kind);
        let mut mail = format!(
            "{}To: <receipts{}@example.jp>\r\nFrom: {} <MAILER-DAEMON@mx.example.jp>\r\n\
             Subject: Undelivered {}\r\n{}MIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type={kind}; boundary=\"B\"\r\n\r\n\
             --B\r\nContent-Type: text/plain\r\n\r\n{} {}\r\n\
             --B\r\nContent-Type: message/delivery-status\r\n{coding}\r\n{status}\r\n\
             --B\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{}m@example.jp>\r\n\r\n--B--\r\n",
            if self.null_path { "Return-Path: <>\r\n" } else { "" },
            at(Place::To, format!("+{token}")),
            at(Place::From, token.clone()),
            at(Place::Subject, token.clone()),
            at(Place::InReplyTo, format!("In-Reply-To: <{token}@example.jp>\r\n")),
            mailbox::one_line(&self.text),
            at(Place::Text, token.clone()),
            at(Place::ReturnedHeader, format!("{token}.")),
        );
        for _ in 0..self.wraps % 4 {
            mail = format!("To: <x@example.jp>\r\nContent-Type: message/rfc822\r\n\r\n{mail}");
        }
        if self.bare_line_ends { mail.replace("\r\n", "\n") } else { mail }
    }
}

fn check(report: &Report) {
    let mail = report.mail();
    let reading = mailbox::read(mail.as_bytes());
    let is_wrapped = report.wraps % 4 > 0;
    match report.token_stands {
        Place::Nowhere | Place::Subject | Place::Text | Place::From => {
            assert_eq!(reading.about, None, "{mail}");
        }
        Place::To | Place::InReplyTo if !is_wrapped => {
            assert_eq!(reading.about, Some(mailbox::SUBJECT), "{mail}");
        }
        Place::To | Place::InReplyTo | Place::EnvelopeId | Place::ReturnedHeader => {}
    }
    let Content::Delivery(delivery) = reading.content else { return };
    let of_a_kind = one_of(&KINDS, report.kind).eq_ignore_ascii_case("delivery-status");
    assert!(of_a_kind && !is_wrapped, "no report: {mail}");
    for recipient in &delivery.recipients {
        let arrived = match recipient.action {
            Action::Delivered | Action::Relayed | Action::Expanded => true,
            Action::Failed | Action::Delayed => false,
        };
        assert_eq!(arrived, recipient.status.class == 2, "{mail}");
    }
}

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    mailbox::read(octets);
    if let Ok(report) = Report::arbitrary_take_rest(Unstructured::new(octets)) {
        check(&report);
    }
});

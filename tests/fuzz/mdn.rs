//! Any octets as a mail of the receipt box, and a reader's notes put together wrongly: they are about our attempt or
//! about none, and none says more than its disposition.
#![no_main]

mod mailbox;

use arbitrary::{Arbitrary, Unstructured};
use mail::report::{Content, DispositionKind};

/// A note of a reader's program.
#[derive(Arbitrary, Debug)]
struct Note {
    token_in_id: bool,
    token_in_to: bool,
    /// A second mail's token beside it, or none.
    two_ids: bool,
    auto_submitted: bool,
    /// One of [`TYPES`].
    kind: u8,
    by_hand: bool,
    modifier: String,
    fields: Vec<(String, String)>,
    text: String,
}

const TYPES: [&str; 8] = [
    "displayed",
    "deleted",
    "dispatched",
    "processed",
    "Displayed/error",
    "displayed, deleted",
    "denied",
    "",
];

impl Note {
    fn mail(&self) -> String {
        let token = mailbox::token();
        let to = if self.token_in_to { format!("+{token}") } else { String::new() };
        let id = if self.token_in_id { token } else { String::from("n1") };
        let fields = self.fields.iter().take(6).map(|(name, value)| {
            let name = mailbox::one_line(name);
            format!("{name}: {}\r\n", mailbox::one_line(value))
        });
        let mode = if self.by_hand { "manual-action" } else { "automatic-action" };
        format!(
            "To: <receipts{to}@example.jp>\r\n{}Content-Type: multipart/report;\r\n\t\
             report-type=disposition-notification; boundary=B\r\n\r\n\
             --B\r\n\r\n{}\r\n--B\r\nContent-Type: message/disposition-notification\r\n\r\n\
             Original-Message-ID: <{id}@example.jp>\r\n{}\
             Disposition: {mode}/MDN-sent-automatically; {}{}\r\n{}\r\n--B--\r\n",
            if self.auto_submitted { "Auto-Submitted: auto-replied\r\n" } else { "" },
            mailbox::one_line(&self.text),
            if self.two_ids { "Original-Message-ID: <n2@example.jp>\r\n" } else { "" },
            self.kind(),
            mailbox::one_line(&self.modifier),
            fields.collect::<String>(),
        )
    }

    fn kind(&self) -> &'static str {
        TYPES[usize::from(self.kind) % TYPES.len()]
    }
}

fn check(note: &Note) {
    let mail = note.mail();
    let reading = mailbox::read(mail.as_bytes());
    if note.token_in_to {
        assert_eq!(reading.about, Some(mailbox::SUBJECT), "{mail}");
    } else if !note.token_in_id {
        assert_eq!(reading.about, None, "{mail}");
    }
    let Content::Disposition(disposition) = reading.content else { return };
    let said = note.kind().to_ascii_lowercase() + &note.modifier.to_ascii_lowercase();
    let word = match disposition.kind {
        DispositionKind::Displayed => "displayed",
        DispositionKind::Deleted => "deleted",
        DispositionKind::Dispatched => "dispatched",
        DispositionKind::Processed => "processed",
    };
    assert!(said.contains(word), "{mail}");
    assert_eq!(disposition.by_hand, note.by_hand, "{mail}");
}

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    mailbox::read(octets);
    if let Ok(note) = Note::arbitrary_take_rest(Unstructured::new(octets)) {
        check(&note);
    }
});

//! What a reader's program says became of a mail (MDN).
//!
//! In: the octets of the part `message/disposition-notification`. Out: a [`Disposition`].
//! Source: RFC 8098 3.1, 3.2.6.
//! Not here: asking for one (the caller's `Disposition-Notification-To`).

use super::delivery::Flaw;
use super::fields::blocks;

/// A message disposition notification.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Disposition {
    /// What was done with the mail.
    pub kind: DispositionKind,
    /// A person did it, or agreed to say so; otherwise a program by itself.
    pub by_hand: bool,
    /// The id of the mail that it is about.
    pub original_message_id: Option<String>,
}

/// What was done with a mail (RFC 8098 3.2.6.2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DispositionKind {
    /// Shown to somebody; whether he read it is not known.
    Displayed,
    /// Thrown away, perhaps unseen.
    Deleted,
    /// Passed on or worked on without being shown.
    Dispatched,
    /// Worked on by a program.
    Processed,
}

/// Reads the part.
pub(super) fn parse(octets: &[u8]) -> Result<Disposition, Flaw> {
    let blocks = blocks(octets);
    let block = blocks.first().ok_or(Flaw::NoStatus)?;
    // action-mode/sending-mode; disposition-type/modifier
    let (mode, kind) =
        block.one("Disposition").and_then(|text| text.split_once(';')).ok_or(Flaw::Action)?;
    let word = kind.split(['/', ',']).next().unwrap_or_default().trim().to_ascii_lowercase();
    let kind = match word.as_str() {
        "displayed" => DispositionKind::Displayed,
        "deleted" => DispositionKind::Deleted,
        "dispatched" => DispositionKind::Dispatched,
        "processed" => DispositionKind::Processed,
        _unknown => return Err(Flaw::Action),
    };
    let action = mode.split('/').next().unwrap_or_default().trim();
    Ok(Disposition {
        kind,
        by_hand: action.eq_ignore_ascii_case("manual-action"),
        original_message_id: block.one("Original-Message-ID").map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disposition_is_read_with_its_mode_and_modifiers() {
        let cases = [
            ("manual-action/MDN-sent-manually; displayed", DispositionKind::Displayed, true),
            (
                "automatic-action/MDN-sent-automatically;Deleted/error",
                DispositionKind::Deleted,
                false,
            ),
        ];
        for (text, kind, by_hand) in cases {
            let octets = format!("Disposition: {text}\nOriginal-Message-ID: <x@y.jp>\n");
            let report = parse(octets.as_bytes()).unwrap();
            assert_eq!((report.kind, report.by_hand), (kind, by_hand), "{text}");
            assert_eq!(report.original_message_id.as_deref(), Some("<x@y.jp>"));
        }
    }

    #[test]
    fn disposition_that_says_nothing_is_a_flaw() {
        assert_eq!(parse(b"Disposition: manual-action/x; eaten\n"), Err(Flaw::Action));
        assert_eq!(parse(b"Disposition: displayed\n"), Err(Flaw::Action));
        assert_eq!(parse(b"\n\n"), Err(Flaw::NoStatus));
    }
}

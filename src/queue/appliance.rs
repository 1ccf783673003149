//! The appliance itself, apart from its notifications: which store it has, how often it started, and whether it holds
//! back.
//!
//! In: what a person or a start decides. Out: an [`Appliance`], which the exchange can compare with what it saw before:
//! another store, a lower start or a lower event means that an older copy came back.
//! While it holds back nothing is claimed, and what was claimed before does not begin: no line dials, for no test either,
//! and no mail leaves. Everything else goes on: notifications are accepted and withdrawn, receipts come in, what runs out
//! ends, and calls and mails that have begun go to their end.
//! Not here: how an older copy is known (`sqlite/high_water.rs`).

use crate::job::names::stable_names;
use crate::job::{JobState, UnixMillis};

/// Longest note, in characters. Chosen: a line of the journal.
const LONGEST_NOTE: usize = 200;

/// What can be said of the appliance without a look at any notification.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Appliance {
    /// Drawn when the store was made, and anew when an older copy of it came back.
    pub store_id: [u8; 16],
    /// How often a daemon opened the store.
    pub generation: u64,
    /// The newest cursor of the feed; 0 before the first event.
    pub events_head: i64,
    /// Somebody else has changed, put in or taken out the event with this cursor, and maybe later ones.
    pub events_altered_at: Option<i64>,
    pub held: Option<Held>,
    /// The disk has room for more; without it notifications are refused, and results are still written.
    pub takes_new_work: bool,
    /// Free octets where the store lies; `None` if the system does not say.
    pub free_octets: Option<u64>,
}

/// It holds back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Held {
    pub reason: HoldReason,
    pub since: UnixMillis,
    /// What a person wrote, or what was found.
    pub note: Option<String>,
}

/// Why it holds back.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum HoldReason {
    /// Somebody said so.
    Person,
    /// The store is not the one that was here before: calls may have been made that it knows nothing of.
    Restored,
    /// The disk failed again and again.
    Trouble,
}

stable_names!(HoldReason {
    Person => "person",
    Restored => "restored",
    Trouble => "trouble",
});

impl HoldReason {
    /// What happened and what to do, in English.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Person => "Somebody holds the gateway back; `shirase release` lets it go on.",
            Self::Restored => {
                "The store is another or an older one than was here before: it may not know of sheets that are out. \
                 Compare with the exchange what waits (`shirase list`), cancel what was sent, then `shirase release`."
            }
            Self::Trouble => {
                "Three times in five minutes the disk did not say whether a change is kept. Look at the disk \
                 (`journalctl -k`, its free space, its health), then `shirase release`."
            }
        }
    }

    /// The same in Japanese.
    pub const fn text_ja(self) -> &'static str {
        match self {
            Self::Person => {
                "担当者の操作で送信を止めています。再開するには shirase release を実行してください。"
            }
            Self::Restored => {
                "データベースが以前のものと異なるか、古い状態に戻っています。送信済みの通知が待機中に見える恐れがあります。\
                 待機中の通知（shirase list）を交換サイトと照合し、送信済みのものを取り消してから shirase release を実行してください。"
            }
            Self::Trouble => {
                "5 分間に 3 回、ディスクへの書き込みを確認できませんでした。ディスクの状態と空き容量（journalctl -k）を調べ、\
                 shirase release を実行してください。"
            }
        }
    }
}

/// Why somebody holds something back, in one line of his own words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note(String);

impl Note {
    /// `None` if it is empty, longer than 200 characters or no single line.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_long = text.chars().nth(LONGEST_NOTE).is_some();
        let is_plain = !text.chars().any(|char| char.is_control() || is_invisible(char));
        (!text.is_empty() && !is_long && is_plain).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Breaks a line or turns what follows around.
fn is_invisible(char: char) -> bool {
    matches!(char, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What became of holding one notification, or of letting it go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OneHeld {
    Done,
    /// It was so before.
    Already,
    /// Only what waits can be held, and only what is held can go on.
    NotNow(JobState),
    NotFound,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn note_is_one_plain_line() {
        assert_eq!(Note::parse("  disk changed ").as_ref().map(Note::as_str), Some("disk changed"));
        assert!(Note::parse(&"あ".repeat(200)).is_some());
        let refused = ["", "  ", "a\nb", "a\u{2028}b", "a\u{202e}b", &"あ".repeat(201)];
        assert_eq!(refused.iter().find(|text| Note::parse(text).is_some()), None);
    }
}

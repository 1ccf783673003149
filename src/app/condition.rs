//! What `systemctl status` and the journal say of the appliance as a whole: that it holds back, that the disk is nearly
//! full, that its clock is in doubt.
//!
//! In: the appliance and the clock, now and then. Out: words, and a line of the journal for each change.
//! Not here: why it is so (`queue/appliance.rs`, `queue/sqlite/room.rs`, `clock.rs`).

use super::clock::Doubt;
use crate::job::UnixMillis;
use crate::queue::{Appliance, Held, HoldReason};

/// The condition that was told last.
pub struct Condition {
    of: String,
    told: Told,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Told {
    held: Option<(HoldReason, UnixMillis)>,
    is_full: bool,
    doubts_clock: bool,
}

/// Words for `systemctl status`.
pub struct Said {
    pub text: String,
    pub is_new: bool,
}

impl Condition {
    /// Nothing is out of the ordinary with what is at work.
    pub fn new(of: String) -> Self {
        Self { of, told: Told::default() }
    }

    /// The words; the journal hears of each change once.
    pub fn now(&mut self, appliance: &Appliance, doubt: Option<&Doubt>) -> Said {
        let before = self.told;
        self.told = Told {
            held: appliance.held.as_ref().map(|held| (held.reason, held.since)),
            is_full: !appliance.takes_new_work,
            doubts_clock: doubt.is_some(),
        };
        let mut text = self.of.clone();
        if let Some(Held { reason, since, note }) = &appliance.held {
            text += &format!("; HELD ({reason}): nothing is sent until `shirase release`");
            if self.told.held != before.held {
                let (since, what) = (since.rfc3339(), reason.text());
                tracing::error!(%reason, since, note, what, "app.hold.nothing_is_sent");
            }
        } else if before.held.is_some() {
            tracing::info!("app.hold.released");
        }
        if self.told.is_full {
            text += "; the disk is nearly full: nothing is accepted";
            if !before.is_full {
                let what = "nothing is accepted, results are still written; make room where the store lies";
                tracing::error!(what, "app.store.nearly_full");
            }
        } else if before.is_full {
            tracing::info!("app.store.has_room_again");
        }
        if let Some(doubt) = doubt {
            text += "; the clock is in doubt: nothing is sent";
            if !before.doubts_clock {
                tracing::error!(what = %doubt, "app.clock.doubtful");
            }
        } else if before.doubts_clock {
            tracing::info!("app.clock.believed");
        }
        Said { text, is_new: self.told != before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_is_new_once_and_stands_in_the_words_as_long_as_it_lasts() {
        let sound = Appliance {
            store_id: [1; 16],
            generation: 1,
            events_head: 0,
            events_altered_at: None,
            held: None,
            takes_new_work: true,
            free_octets: None,
        };
        let held =
            Held { reason: HoldReason::Restored, since: UnixMillis(1), note: Some("x".into()) };
        let held = Appliance { held: Some(held), ..sound.clone() };
        let full = Appliance { takes_new_work: false, ..sound.clone() };
        let mut condition = Condition::new("2 lines".into());
        let mut say = |appliance: &Appliance| {
            let Said { text, is_new } = condition.now(appliance, None);
            (text, is_new)
        };
        assert_eq!(say(&sound), ("2 lines".into(), false));
        let words = "2 lines; HELD (restored): nothing is sent until `shirase release`";
        assert_eq!(say(&held), (words.into(), true));
        assert_eq!(say(&held), (words.into(), false));
        assert_eq!(
            say(&full),
            ("2 lines; the disk is nearly full: nothing is accepted".into(), true)
        );
        assert_eq!(say(&sound), ("2 lines".into(), true));
    }
}

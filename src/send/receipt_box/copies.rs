//! Which copies of sent mails are looked for: each is a search, so not all at a time.
//!
//! In: mails of which nobody knows whether the relay has them, the newest first. Out: those that have their turn.
//! Those that were never looked for come first, then those of the longest ago: none waits for ever behind others.

use std::collections::BTreeMap;

use mail::Subject;

use super::LOOK_EVERY;
use crate::job::UnixMillis;

/// Copies that are looked for at a time.
const MOST_COPIES: usize = 50;

/// When each was last looked for.
#[derive(Debug, Default)]
pub(super) struct Looks(BTreeMap<Subject, UnixMillis>);

impl Looks {
    /// Those that have their turn now; they are taken to have been looked for.
    pub(super) fn turn(&mut self, unsure: &[Subject], now: UnixMillis) -> Vec<Subject> {
        self.0.retain(|subject, _| unsure.contains(subject));
        let is_due = |last: Option<UnixMillis>| {
            // Also when the clock was set back.
            last.is_none_or(|last| now < last || now >= last.after(LOOK_EVERY))
        };
        let looked = unsure.iter().map(|subject| (self.0.get(subject).copied(), *subject));
        let mut due: Vec<_> = looked.filter(|(last, _)| is_due(*last)).collect();
        due.sort_by_key(|(last, _)| *last);
        due.truncate(MOST_COPIES);
        self.0.extend(due.iter().map(|(_, subject)| (*subject, now)));
        due.into_iter().map(|(_, subject)| subject).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_000_000_000);

    fn unsure(count: u8) -> Vec<Subject> {
        (1..=count).map(|octet| [octet; 16]).collect()
    }

    #[test]
    fn every_mail_has_its_turn_however_many_stand_before_it() {
        let (all, mut looks) = (unsure(120), Looks::default());
        assert_eq!(looks.turn(&all, NOW), all[..50]);
        // The first are due again, and wait for those that had no turn yet.
        let (second, third) = (NOW.after(LOOK_EVERY), NOW.after(2 * LOOK_EVERY));
        assert_eq!(looks.turn(&all, second), all[50..100]);
        let newer = [vec![[200; 16]], all.clone()].concat();
        let expected = [&[[200; 16]], &all[100..], &all[..29]].concat();
        assert_eq!(looks.turn(&newer, third), expected);
    }

    #[test]
    fn mail_is_not_looked_for_again_with_each_new_mail_of_the_box() {
        let (all, mut looks) = (unsure(2), Looks::default());
        assert_eq!(looks.turn(&all, NOW), all);
        let soon = NOW.after(Duration::from_secs(1));
        assert_eq!(looks.turn(&all, soon), [[0; 16]; 0]);
        assert_eq!(looks.turn(&all, UnixMillis(NOW.0 - 1)), all, "the clock was set back");
        assert_eq!(looks.turn(&all, NOW), [[0; 16]; 0].to_vec());
    }

    #[test]
    fn mail_of_which_somebody_knows_now_is_forgotten() {
        let mut looks = Looks::default();
        looks.turn(&unsure(9), NOW);
        looks.turn(&unsure(2), NOW);
        assert_eq!(looks.0.len(), 2);
    }
}

//! What there is, counted: by state and channel, and what waits by the hour of its turn.
//!
//! In: the counts that the store keeps. Out: how many stand so, and how many have their turn before another one.
//! Not here: when that turn comes (`schedule/horizon.rs`).

use crate::job::{Channel, JobState, UnixMillis, Urgency};

const HOUR_MS: i64 = 60 * 60 * 1000;

/// Everything that there is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    pub counted: Vec<Counted>,
    /// When the turn of the one that waits longest for a line came, or will come.
    pub fax_due: Option<UnixMillis>,
    /// The same of a lane.
    pub mail_due: Option<UnixMillis>,
}

/// How many notifications stand in the same way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Counted {
    pub state: JobState,
    pub channel: Channel,
    pub urgency: Urgency,
    /// In which hour their turn comes, in hours since 1970; of those that wait, and of no others.
    pub due_hour: Option<i64>,
    pub jobs: u64,
}

impl Tally {
    /// How many are in a state, on a channel.
    pub fn of(&self, state: JobState, channel: Channel) -> u64 {
        self.sum(|counted| counted.state == state && counted.channel == channel)
    }

    /// How many have their turn before one that would be due then; to the hour.
    pub fn ahead(&self, channel: Channel, urgency: Urgency, due: UnixMillis) -> u64 {
        let hour = due.0.div_euclid(HOUR_MS);
        self.sum(|counted| {
            counted.channel == channel
                && goes_before(counted.urgency, urgency)
                && counted.due_hour.is_some_and(|due_hour| due_hour <= hour)
        })
    }

    /// One more waits.
    pub fn add(&mut self, channel: Channel, urgency: Urgency, due: UnixMillis) {
        let due_hour = Some(due.0.div_euclid(HOUR_MS));
        let state = JobState::Waiting;
        let alike = Counted { state, channel, urgency, due_hour, jobs: 1 };
        let same = |counted: &&mut Counted| Counted { jobs: 1, ..**counted } == alike;
        match self.counted.iter_mut().find(same) {
            Some(counted) => counted.jobs = counted.jobs.saturating_add(1),
            None => self.counted.push(alike),
        }
    }

    fn sum(&self, which: impl Fn(&Counted) -> bool) -> u64 {
        let jobs = self.counted.iter().filter(|counted| which(counted)).map(|counted| counted.jobs);
        jobs.fold(0, u64::saturating_add)
    }
}

/// Whether what is due at the same time goes first, or at least not after.
fn goes_before(this: Urgency, other: Urgency) -> bool {
    match (this, other) {
        (Urgency::Urgent, _) | (Urgency::Normal, Urgency::Normal) => true,
        (Urgency::Normal, Urgency::Urgent) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::job::examples::TUESDAY_10_00 as NOW;

    fn hours(count: u64) -> UnixMillis {
        NOW.after(Duration::from_secs(3600 * count))
    }

    #[test]
    fn urgent_ones_wait_for_urgent_ones_alone_and_nobody_for_what_is_due_later() {
        let mut tally = Tally::default();
        for (urgency, due, times) in [
            (Urgency::Normal, NOW, 5),
            (Urgency::Urgent, NOW, 2),
            (Urgency::Normal, hours(2), 40),
            (Urgency::Urgent, hours(2), 20),
        ] {
            (0..times).for_each(|_| tally.add(Channel::Fax, urgency, due));
        }
        tally.add(Channel::Mail, Urgency::Urgent, NOW);
        let ahead = |urgency, due| tally.ahead(Channel::Fax, urgency, due);
        assert_eq!(ahead(Urgency::Normal, NOW), 7);
        assert_eq!(ahead(Urgency::Urgent, NOW), 2);
        assert_eq!(ahead(Urgency::Normal, hours(1)), 7);
        assert_eq!(ahead(Urgency::Normal, hours(2)), 67);
        assert_eq!(tally.of(JobState::Waiting, Channel::Fax), 67);
        assert_eq!(tally.of(JobState::Waiting, Channel::Mail), 1);
    }
}

//! Which events an endpoint is told.
//!
//! In: the name of an event. Out: yes or no. Every event stands in the feed, told or not.

use crate::job::names::stable_names;
use crate::job::{JobState, Sign};

/// An event was not taken for as long as it is posted, and is posted no more.
pub const GIVEN_UP: &str = "webhook_given_up";

/// An endpoint said that nobody wants posts there any more. Told to nobody: it would come when that is over.
pub const DISABLED: &str = "webhook_disabled";

/// What came back later about an attempt. See `settle/receipts.rs`.
const RECEIPTS: [&str; 8] = [
    "mail_delivered",
    "mail_relayed",
    "mail_delayed",
    "mail_bounced",
    "mail_displayed",
    "sent_copy",
    "fax_sent",
    "fax_failed",
];

/// Nobody has decided about an uncertain one.
const REMINDER: &str = "uncertain_open";

/// How much an endpoint is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Carries {
    /// What changes something for whoever handed a notification in: states, receipts, signs, reminders.
    Usual,
    /// The rungs of calls and mails, too.
    All,
}

stable_names!(Carries {
    Usual => "usual",
    All => "all",
});

impl Carries {
    /// Whether an event of this name is told.
    pub fn takes(self, name: &str) -> bool {
        match self {
            Self::Usual => {
                name.parse::<JobState>().is_ok()
                    || name.parse::<Sign>().is_ok()
                    || RECEIPTS.contains(&name)
                    || [REMINDER, GIVEN_UP].contains(&name)
            }
            Self::All => name != DISABLED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settle::receipts::{FaxFailure, Report};

    #[test]
    fn usual_endpoint_is_told_states_receipts_signs_and_reminders_and_no_rungs() {
        let states = JobState::ALL.iter().map(|state| state.as_str());
        let signs = Sign::ALL.iter().map(|sign| sign.as_str());
        let receipts = [
            Report::Delivered,
            Report::Relayed,
            Report::Delayed,
            Report::Displayed,
            Report::SentCopy,
            Report::FaxSent { pages: None },
            Report::FaxFailed(FaxFailure::Busy),
        ];
        let receipts = receipts.iter().map(|report| report.rung());
        for name in states.chain(signs).chain(receipts).chain(RECEIPTS).chain([REMINDER, GIVEN_UP])
        {
            assert!(Carries::Usual.takes(name) && Carries::All.takes(name), "{name}");
        }
        for rung in ["accepted", "dialing", "page_started", "dot_sent", "identity", "stop_wanted"] {
            assert!(!Carries::Usual.takes(rung) && Carries::All.takes(rung), "{rung}");
        }
        assert!(!Carries::All.takes(DISABLED));
    }
}

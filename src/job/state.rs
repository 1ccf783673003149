//! The states of a notification and of an attempt, named after evidence.
//!
//! Not here: which change is allowed when (`queue`), what an ending proves (`settle/verdict.rs`).

use super::names::stable_names;

/// Where a notification stands.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum JobState {
    /// Queued: first turn, backoff, another copy, window, line down or cap; `due` says when, `reason` why.
    Waiting,
    /// Exactly one open attempt.
    Sending,
    /// It may or may not be on paper; somebody must decide.
    Uncertain,
    /// The operator, a restore or an alarm holds it.
    Hold,
    /// The far end acknowledged every page. Final.
    Confirmed,
    /// It was not and will not be sent. Final.
    Failed,
    /// Its time ran out before any page data left. Final.
    Expired,
    /// Withdrawn before any page data left. Final.
    Cancelled,
    /// Was uncertain; somebody said that it arrived. Final.
    ResolvedDelivered,
    /// Was uncertain; somebody said that it did not, or nobody said anything while there was time: then it may still
    /// be on paper, as its reason says. Final.
    ResolvedNotDelivered,
}

stable_names!(JobState {
    Waiting => "waiting",
    Sending => "sending",
    Uncertain => "uncertain",
    Hold => "hold",
    Confirmed => "confirmed",
    Failed => "failed",
    Expired => "expired",
    Cancelled => "cancelled",
    ResolvedDelivered => "resolved_delivered",
    ResolvedNotDelivered => "resolved_not_delivered",
});

impl JobState {
    /// Nothing leaves this state; its secret is destroyed.
    pub fn is_final(self) -> bool {
        match self {
            Self::Waiting | Self::Sending | Self::Uncertain | Self::Hold => false,
            Self::Confirmed
            | Self::Failed
            | Self::Expired
            | Self::Cancelled
            | Self::ResolvedDelivered
            | Self::ResolvedNotDelivered => true,
        }
    }
}

/// Where an attempt stands. Each is durable before the side effect that follows it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum AttemptState {
    /// Before the device is opened.
    Claimed,
    /// Before the first octet of `ATD`; counted by the redial rule.
    Dialing,
    /// Before the first octet of phase C: the point of no return.
    PageStarted,
    /// A page was confirmed and more follow.
    PageAcked,
    /// MCF (or RTP, PIP) to the last post-page command.
    Confirmed,
    /// Nothing of a page left.
    NotSent,
    /// Page data left and no confirmation of all of it came.
    Uncertain,
}

stable_names!(AttemptState {
    Claimed => "claimed",
    Dialing => "dialing",
    PageStarted => "page_started",
    PageAcked => "page_acked",
    Confirmed => "confirmed",
    NotSent => "not_sent",
    Uncertain => "uncertain",
});

impl AttemptState {
    /// Its call is over.
    pub fn is_final(self) -> bool {
        match self {
            Self::Claimed | Self::Dialing | Self::PageStarted | Self::PageAcked => false,
            Self::Confirmed | Self::NotSent | Self::Uncertain => true,
        }
    }

    /// Page data may have left: nobody can say that nothing was printed.
    pub fn past_no_return(self) -> bool {
        match self {
            Self::Claimed | Self::Dialing | Self::NotSent => false,
            Self::PageStarted | Self::PageAcked | Self::Confirmed | Self::Uncertain => true,
        }
    }
}

/// What an ending proves.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Evidence {
    NotSent,
    Uncertain,
    Confirmed,
}

stable_names!(Evidence {
    NotSent => "not_sent",
    Uncertain => "uncertain",
    Confirmed => "confirmed",
});

impl Evidence {
    /// The state in which it leaves the attempt.
    pub fn attempt_state(self) -> AttemptState {
        match self {
            Self::NotSent => AttemptState::NotSent,
            Self::Uncertain => AttemptState::Uncertain,
            Self::Confirmed => AttemptState::Confirmed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back_to_its_state_and_names_differ() {
        for (i, state) in JobState::ALL.iter().enumerate() {
            assert_eq!(state.as_str().parse(), Ok(*state));
            assert!(JobState::ALL[..i].iter().all(|other| other.as_str() != state.as_str()));
        }
        for state in AttemptState::ALL {
            assert_eq!(state.as_str().parse(), Ok(*state));
        }
        assert!("Waiting".parse::<JobState>().is_err());
        assert!("".parse::<Evidence>().is_err());
    }
}

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
    /// A relay or a provider has it and answers for it; what became of it is told by a receipt, or by nobody in time.
    HandedOff,
    /// It may or may not have arrived; somebody must decide.
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
    HandedOff => "handed_off",
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
            Self::Waiting | Self::Sending | Self::HandedOff | Self::Uncertain | Self::Hold => false,
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
    /// Before the first octet of a mail's content, which ends with the dot: the point of no return of a mail.
    DotSent,
    /// The relay said 250 to the dot: it answers for the mail now.
    HandedOff,
    /// MCF (or RTP, PIP) to the last post-page command.
    Confirmed,
    /// Nothing of a page or of a mail is anywhere.
    NotSent,
    /// Page data left and no confirmation of all of it came; or the content of a mail, and no reply to it.
    Uncertain,
}

stable_names!(AttemptState {
    Claimed => "claimed",
    Dialing => "dialing",
    PageStarted => "page_started",
    PageAcked => "page_acked",
    DotSent => "dot_sent",
    HandedOff => "handed_off",
    Confirmed => "confirmed",
    NotSent => "not_sent",
    Uncertain => "uncertain",
});

impl AttemptState {
    /// Its call is over, or its mail handed over or not.
    pub fn is_final(self) -> bool {
        match self {
            Self::Claimed | Self::Dialing | Self::PageStarted | Self::PageAcked | Self::DotSent => {
                false
            }
            Self::HandedOff | Self::Confirmed | Self::NotSent | Self::Uncertain => true,
        }
    }

    /// Page data or a mail's content may have left: nobody can say that nothing was printed or delivered.
    pub fn past_no_return(self) -> bool {
        match self {
            Self::Claimed | Self::Dialing | Self::NotSent => false,
            Self::PageStarted
            | Self::PageAcked
            | Self::DotSent
            | Self::HandedOff
            | Self::Confirmed
            | Self::Uncertain => true,
        }
    }
}

/// What an ending proves.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Evidence {
    NotSent,
    Uncertain,
    /// A relay answers for it.
    HandedOff,
    Confirmed,
}

stable_names!(Evidence {
    NotSent => "not_sent",
    Uncertain => "uncertain",
    HandedOff => "handed_off",
    Confirmed => "confirmed",
});

impl Evidence {
    /// The state in which it leaves the attempt.
    pub fn attempt_state(self) -> AttemptState {
        match self {
            Self::NotSent => AttemptState::NotSent,
            Self::Uncertain => AttemptState::Uncertain,
            Self::HandedOff => AttemptState::HandedOff,
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

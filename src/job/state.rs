//! The states of a notification and of an attempt, named after evidence.

/// Where a notification stands.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum JobState {
    /// Queued: first turn, backoff, window, line down or cap; `due` says when, `reason` why.
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
    /// Was uncertain; somebody said that it did not, or it ran out. Final.
    ResolvedNotDelivered,
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

/// What an ending proves.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Evidence {
    NotSent,
    Uncertain,
    Confirmed,
}

//! What it means how a mail to a relay ended: a notice to an office, or an order to a fax provider.
//!
//! In: an [`Outcome`] of the relay, or why we stopped. Out: a [`Settlement`], and whose [`Fault`] it was. Pure.
//! A reply to the dot decides: 250 is "handed off", any other "no", none at all "uncertain" for ever, so that the mail is
//! not sent again. Before the dot nobody has it.
//! Source: RFC 5321 4.2.1 (replies), 4.5.4.1 (pauses), 6.1 (whose the mail is); RFC 1047 (no reply to the dot).
//! Not here: what reports say later (`receipts.rs`), what the codes say to people (`endings.rs`), the pauses
//! (`schedule/backoff.rs`).

use std::time::Duration;

use mail::smtp::{Outcome, Reply, Step, Trouble};
use serde_json::{Value, json};

use super::bounce::{Bounce, status_in};
use super::verdict::{self, Remedy, Verdict};
use super::words::masked;
use super::{MailStanding, Next, Reach, Settlement, Standing, Stop, Watch, carry_out, receipts};
use crate::job::{AttemptState, Evidence, FaxBecause, JobState, UnixMillis};
use crate::schedule::backoff::{self, Cause};
use crate::schedule::windows::Windows;

/// The codes of tries that count among [`MailStanding::tries`]: each makes the next pause longer. What is the relay's
/// fault, or that of a connection, does not.
pub const COUNTED: [&str; 5] =
    ["mail-deferred", "mail-mailbox-full", "mail-policy", "mail-broke-off", "letter-failed"];

/// Whose fault it was that a mail was not taken, so that the others know whether to wait. It is decided here alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// No mail goes over this relay now.
    Relay,
    /// Mails to this domain had better wait; others may go.
    Domain,
    /// The relay fell silent or hung up when it was asked about this mail. It may be the relay, or what it asks about this
    /// domain: the relay is looked at, and the next mail goes elsewhere.
    Either,
    /// This mail's alone, or nobody's: others may go.
    None,
}

/// How the hand-over of one mail ended.
#[derive(Clone, Copy, Debug)]
pub enum Ended<'a> {
    /// As the relay said, or did not say.
    Relay(&'a Outcome),
    /// We ended it before any content went out.
    Stopped(Stop),
}

impl<'a> Ended<'a> {
    /// `stop` is why we wanted it to end, if we did: it counts only if it came in time.
    pub fn of(outcome: &'a Outcome, stop: Option<Stop>) -> Self {
        match outcome {
            Outcome::Stopped => Self::Stopped(stop.unwrap_or(Stop::ShuttingDown)),
            Outcome::Accepted { .. }
            | Outcome::Refused { .. }
            | Outcome::NotHanded { .. }
            | Outcome::Unknown { .. } => Self::Relay(outcome),
        }
    }

    /// Whose fault it was.
    pub fn fault(self) -> Fault {
        meaning(self).fault
    }

    /// Its stable code.
    pub fn code(self) -> &'static str {
        meaning(self).code
    }

    /// Whether the next order to a fax provider would most likely end no better: all go to one domain under one account,
    /// whatever the relay has against one of them.
    pub fn is_fault_of_the_line(self) -> bool {
        let Meaning { fault, fate, .. } = meaning(self);
        match (fate, fault) {
            (Fate::Never(_) | Fate::Stopped(Stop::LetterFailed), _)
            | (_, Fault::Relay | Fault::Domain | Fault::Either) => true,
            (Fate::Taken | Fate::Unknown | Fate::Later(_) | Fate::Stopped(_), Fault::None) => false,
        }
    }
}

/// What an end of a hand-over means, whatever was mailed.
struct Meaning {
    code: &'static str,
    fault: Fault,
    fate: Fate,
}

/// Who has the mail, and what follows.
#[derive(Clone, Copy)]
enum Fate {
    /// The relay.
    Taken,
    /// Nobody can say.
    Unknown,
    /// Nobody. A pause can heal it.
    Later(Cause),
    /// Nobody, for this reason. No pause can heal it.
    Never(Bounce),
    /// Nobody. We ended it.
    Stopped(Stop),
}

fn meaning(ended: Ended<'_>) -> Meaning {
    let outcome = match ended {
        Ended::Stopped(stop) => {
            return Meaning {
                code: verdict::stop_code(stop),
                fault: Fault::None,
                fate: Fate::Stopped(stop),
            };
        }
        Ended::Relay(outcome) => outcome,
    };
    match outcome {
        Outcome::Accepted { .. } => {
            Meaning { code: "mail-accepted", fault: Fault::None, fate: Fate::Taken }
        }
        Outcome::Unknown { .. } => {
            Meaning { code: "mail-no-reply", fault: Fault::Either, fate: Fate::Unknown }
        }
        Outcome::Refused { step, reply } => refused(*step, reply),
        Outcome::NotHanded { step, trouble } => not_handed(*step, trouble),
        // `Ended::of` gave it its reason.
        Outcome::Stopped => meaning(Ended::Stopped(Stop::ShuttingDown)),
    }
}

/// Until the relay is asked about the recipient, a refusal is about us.
fn refused(step: Step, reply: &Reply) -> Meaning {
    let of_the_relay =
        |code| Meaning { code, fault: Fault::Relay, fate: Fate::Later(Cause::RelayDown) };
    let of_the_domain =
        |code| Meaning { code, fault: Fault::Domain, fate: Fate::Later(Cause::MailDeferred) };
    match step {
        Step::Connect | Step::Tls => of_the_relay("smtp-refused"),
        Step::Login => of_the_relay("smtp-login-refused"),
        Step::Sender if is_of_the_login(reply) => of_the_relay("smtp-login-refused"),
        Step::Sender => of_the_relay("smtp-sender-refused"),
        // It hangs up, it wants a login, it is itself not well (RFC 3463 3.4): whoever the recipient is.
        Step::Recipient | Step::Content if reply.code == 421 => of_the_relay("smtp-refused"),
        Step::Recipient if is_of_the_login(reply) => of_the_relay("smtp-login-refused"),
        Step::Recipient | Step::Content
            if !reply.is_permanent()
                && status_in(reply).is_some_and(|status| status.subject == 3) =>
        {
            of_the_relay("smtp-refused")
        }
        Step::Recipient => match (Bounce::of_reply(reply), reply.is_permanent()) {
            // A relay that will not relay for us says so of every address: that is no word about this one.
            (Bounce::Policy, true) => of_the_domain(Bounce::Policy.as_str()),
            (bounce, true) => given_up(bounce),
            (Bounce::MailboxFull, false) => of_the_domain(Bounce::MailboxFull.as_str()),
            (
                Bounce::NoSuchUser
                | Bounce::MailboxClosed
                | Bounce::NoSuchDomain
                | Bounce::Unreachable
                | Bounce::Policy
                | Bounce::Content
                | Bounce::Other,
                false,
            ) => of_the_domain("mail-deferred"),
        },
        Step::Content if reply.is_permanent() => given_up(Bounce::of_reply(reply)),
        Step::Content => of_the_domain("mail-deferred"),
    }
}

fn given_up(bounce: Bounce) -> Meaning {
    Meaning { code: bounce.as_str(), fault: Fault::None, fate: Fate::Never(bounce) }
}

/// RFC 4954 6.
fn is_of_the_login(reply: &Reply) -> bool {
    matches!(reply.code, 530 | 534 | 535 | 538)
}

/// Until the relay is asked about the recipient, it is its connection that fails.
fn not_handed(step: Step, trouble: &Trouble) -> Meaning {
    match step {
        Step::Connect | Step::Tls | Step::Login | Step::Sender => Meaning {
            code: trouble.code(),
            fault: Fault::Relay,
            fate: Fate::Later(Cause::RelayDown),
        },
        Step::Recipient | Step::Content => Meaning {
            code: "mail-broke-off",
            fault: Fault::Either,
            fate: Fate::Later(Cause::MailDeferred),
        },
    }
}

/// Decides what becomes of a notice by mail. While there is time for a FAX it never fails.
pub fn settle(
    ended: Ended<'_>,
    standing: MailStanding,
    now: UnixMillis,
    windows: &Windows,
) -> Settlement {
    let Meaning { code, fate, .. } = meaning(ended);
    let (evidence, next) = match fate {
        Fate::Taken => {
            let watch = standing.watch.in_time(now, standing.not_after, windows);
            (Evidence::HandedOff, Next::Watch { state: JobState::HandedOff, watch })
        }
        Fate::Unknown => {
            let watch = standing.watch.in_time(now, standing.not_after, windows);
            (Evidence::Uncertain, Next::Watch { state: JobState::Uncertain, watch })
        }
        Fate::Later(cause) => (Evidence::NotSent, later(cause, standing, now, windows)),
        Fate::Never(bounce) => {
            let by_fax = by_fax(bounce.because(), standing.not_after, now, windows);
            (Evidence::NotSent, by_fax.unwrap_or(Next::Rest(JobState::Failed)))
        }
        Fate::Stopped(Stop::Cancelled) => (Evidence::NotSent, Next::Rest(JobState::Cancelled)),
        Fate::Stopped(stop) => (Evidence::NotSent, later(cause_of(stop), standing, now, windows)),
    };
    let receipt = receipt(ended, code);
    Settlement { now, evidence, code, reach: Reach::NoCall, next, receipt, lesson: None }
}

/// Decides on a notice by mail that was under way when the process died. `Claimed` is before the content.
pub fn after_crash(
    state: AttemptState,
    standing: MailStanding,
    now: UnixMillis,
    windows: &Windows,
) -> Settlement {
    let (evidence, code, next) = match state {
        AttemptState::Claimed | AttemptState::Dialing | AttemptState::NotSent => {
            let next = later(Cause::Interrupted, standing, now, windows);
            (Evidence::NotSent, "crash-before-dot", next)
        }
        // The ended ones are never asked about; if they were, this claims nothing.
        AttemptState::DotSent
        | AttemptState::PageStarted
        | AttemptState::PageAcked
        | AttemptState::HandedOff
        | AttemptState::Confirmed
        | AttemptState::Uncertain => {
            let watch = standing.watch.in_time(now, standing.not_after, windows);
            let next = Next::Watch { state: JobState::Uncertain, watch };
            (Evidence::Uncertain, "crash-after-dot", next)
        }
    };
    let receipt = json!({ "code": code });
    Settlement { now, evidence, code, reach: Reach::NoCall, next, receipt, lesson: None }
}

/// Decides what becomes of a sheet that went by mail to a fax provider, who calls the office and answers until the watch
/// is over.
pub fn settle_order(
    ended: Ended<'_>,
    standing: Standing,
    watch: Watch,
    now: UnixMillis,
    windows: &Windows,
) -> Settlement {
    let Meaning { code, fate, .. } = meaning(ended);
    let code = order_code(code, fate);
    let receipt = receipt(ended, code);
    let watched = |evidence, state| {
        let next = Next::Watch { state, watch };
        // The provider dials; whether anybody answers is not known yet.
        let reach = Reach::NoAnswer;
        Settlement { now, evidence, code, reach, next, receipt: receipt.clone(), lesson: None }
    };
    let remedy = match fate {
        Fate::Taken => return watched(Evidence::HandedOff, JobState::HandedOff),
        Fate::Unknown => return watched(Evidence::Uncertain, JobState::Uncertain),
        Fate::Later(cause) => Remedy::Retry(cause),
        // It is the account, the gateway or the relay, and nothing that the office did: another line may take it.
        Fate::Never(_) => Remedy::Retry(Cause::ServiceRefused),
        Fate::Stopped(stop) => verdict::stop_remedy(Some(stop)),
    };
    let verdict = Verdict { evidence: Evidence::NotSent, code, reach: Reach::NoCall, remedy };
    carry_out(verdict, standing, now, windows, receipt)
}

/// What a host says of a mailbox is said of the gateway here, and not of the office.
fn order_code(code: &'static str, fate: Fate) -> &'static str {
    match fate {
        Fate::Never(_) => "service-refused",
        Fate::Taken | Fate::Unknown | Fate::Later(_) | Fate::Stopped(_) => code,
    }
}

/// Decides on such an order that was under way when the process died.
pub fn order_after_crash(
    state: AttemptState,
    standing: Standing,
    watch: Watch,
    now: UnixMillis,
) -> Settlement {
    let settlement = super::after_crash(state, standing, now);
    if settlement.evidence == Evidence::NotSent {
        return settlement;
    }
    let code = "crash-after-dot";
    let next = Next::Watch { state: JobState::Uncertain, watch };
    Settlement {
        code,
        reach: Reach::NoAnswer,
        next,
        receipt: json!({ "code": code }),
        ..settlement
    }
}

/// So long a relay that is well may take until it gets to a mail; a domain that rests does so for no longer than 15 min.
/// Chosen.
const FIRST_TRY: Duration = Duration::from_secs(15 * 60);

/// Which notices have waited for a relay as long as they can, whatever keeps it from taking them: they go by FAX, if one
/// can still begin in time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Overdue {
    /// Those that wait since before then.
    pub since: UnixMillis,
    /// Those that must have arrived by then: a FAX that begins later has no calling time left.
    pub not_after: UnixMillis,
    /// Of these only those that were tried, or whose first try is due since before then.
    pub untried_since: UnixMillis,
}

/// Before it lies every time.
const EVER: UnixMillis = UnixMillis(i64::MAX);

impl Overdue {
    /// `fax_after` is how much calling time a mail has to be read; without it a relay may try for as long as any host.
    /// A relay that is known to be out of order gets nothing before a FAX has to go.
    pub fn at(
        now: UnixMillis,
        fax_after: Option<Duration>,
        relay_is_faulty: bool,
        windows: &Windows,
    ) -> Self {
        let since = fax_after.and_then(|span| windows.open_before(now, span));
        let not_after = windows.open_for(now, receipts::TIME_FOR_FAX).unwrap_or(now);
        Self {
            since: since.unwrap_or(now.before(receipts::LATEST_BOUNCE)),
            not_after: not_after.after(backoff::LAST_CALL),
            untried_since: if relay_is_faulty { EVER } else { now.before(FIRST_TRY) },
        }
    }

    /// All of them: there is no relay any more.
    pub fn all() -> Self {
        Self { since: EVER, not_after: EVER, untried_since: EVER }
    }
}

/// The next try, as long as a FAX could still follow it; then the FAX. If there is no time for one, tries are all that
/// is left.
fn later(cause: Cause, standing: MailStanding, now: UnixMillis, windows: &Windows) -> Next {
    let counts = match cause {
        Cause::RelayDown | Cause::Interrupted => 1,
        Cause::MailDeferred
        | Cause::SheetUnavailable
        | Cause::Busy
        | Cause::NoAnswer
        | Cause::NoFaxTone
        | Cause::Handshake
        | Cause::CannotReceive
        | Cause::LineDown
        | Cause::ServiceRefused
        | Cause::Unconfirmed => standing.tries.saturating_add(1),
    };
    let due = now.after(backoff::pause(cause, counts));
    let again = Next::Again { due, reason: cause.as_str() };
    if receipts::fax_by(standing.not_after, windows).is_some_and(|last| due <= last) {
        return again;
    }
    match by_fax(FaxBecause::MailNotSent, standing.not_after, now, windows) {
        Some(by_fax) => by_fax,
        None if due < standing.not_after => again,
        None => Next::Rest(JobState::Expired),
    }
}

/// The FAX, if one can still begin.
fn by_fax(
    because: FaxBecause,
    not_after: UnixMillis,
    now: UnixMillis,
    windows: &Windows,
) -> Option<Next> {
    receipts::fax_at(now, not_after, windows).map(|due| Next::ByFax { due, because })
}

fn cause_of(stop: Stop) -> Cause {
    match stop {
        Stop::LetterFailed
        | Stop::SheetFailed
        | Stop::SheetProofFailed
        | Stop::SheetOctetsWrong => Cause::SheetUnavailable,
        Stop::Cancelled
        | Stop::Held
        | Stop::ShuttingDown
        | Stop::NotStored
        | Stop::IdentityConflict
        | Stop::IdentityNotLocked
        | Stop::IdentityAbsent => Cause::Interrupted,
    }
}

/// What a client may know of it: the relay's words without addresses.
fn receipt(ended: Ended<'_>, code: &'static str) -> Value {
    match ended {
        Ended::Relay(Outcome::Accepted { reply, dsn }) => json!({
            "code": code,
            "reply_code": reply.code,
            "reply": masked(&reply.text),
            "reports_promised": dsn,
        }),
        Ended::Relay(Outcome::Refused { step, reply }) => json!({
            "code": code,
            "step": step_name(*step),
            "reply_code": reply.code,
            "reply": masked(&reply.text),
        }),
        Ended::Relay(Outcome::NotHanded { step, trouble }) => json!({
            "code": code,
            "step": step_name(*step),
            "trouble": masked(&trouble.to_string()),
        }),
        Ended::Relay(Outcome::Unknown { trouble }) => json!({
            "code": code,
            "trouble": masked(&trouble.to_string()),
        }),
        Ended::Relay(Outcome::Stopped) | Ended::Stopped(_) => json!({ "code": code }),
    }
}

fn step_name(step: Step) -> &'static str {
    match step {
        Step::Connect => "connect",
        Step::Tls => "tls",
        Step::Login => "login",
        Step::Sender => "sender",
        Step::Recipient => "recipient",
        Step::Content => "content",
    }
}

#[cfg(test)]
mod tests;

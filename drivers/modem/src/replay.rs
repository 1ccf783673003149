//! A recorded call, run against the session once more: would it do the same today?
//!
//! In: a [`Trace`], hostile. Out: a [`Replay`]. The session gets the recorded inputs at the recorded
//! times, and each thing it wants is compared with what it wanted then. The page is blank but as long as
//! it was; covered identities have zeros where their digits were. Neither decides anything. A trace from before
//! sessions asked how long pages are in each coding gets lengths with which the densest is taken, as it was then.
//! Source: the driving contract of `t30::Sender`.
//! Not here: commands and answers of the modem, which are no part of the session.

use t30::{
    Identity, Input, Millis, Modulations, Output, Password, Question, Sender, SenderSettings,
    Subaddress,
};

use crate::trace::{SessionSettings, Trace, What, modulation};

/// Page octets that are believed: ten minutes at 14 400 bit/s are 1 MiB.
const PAGE_OCTETS: usize = 4 << 20;
/// Where ATD stands on the session's clock: a recorded time before it is a time all the same.
const ATD: Millis = Millis(1 << 40);

/// What came of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Replay {
    /// It wants the same at the same times, in so many turns. If it did not end with them, the modem's
    /// dialogue broke off there, or the trace was full.
    Same { turns: usize, ended: bool },
    /// The first thing that it wants and did not want then.
    Differs { at_ms: i64, recorded: Box<What>, now: Box<What> },
    /// No session of ours is in it: nobody answered, or the modem had the session itself (Class 2).
    NoSession,
    /// Something in it cannot have been recorded.
    Unreadable { what: &'static str },
}

/// Runs it.
#[must_use]
pub fn replay(trace: &Trace) -> Replay {
    let mut entries = trace.entries.iter();
    let settings = entries.find_map(|entry| match &entry.what {
        What::Session(settings) => Some(settings),
        _ => None, // whatever went before
    });
    let Some(settings) = settings else { return Replay::NoSession };
    let Some(settings) = sender_settings(settings) else {
        return Replay::Unreadable { what: "settings of the session" };
    };
    let (mut sender, mut now) = (Sender::new(settings), ATD);
    let asks_lengths =
        trace.entries.iter().any(|entry| matches!(entry.what, What::AskLengths { .. }));
    let (mut turns, mut ended) = (0, false);
    for entry in entries {
        // Time never goes back, whatever stands there.
        now = now.max(Millis(ATD.0.saturating_add_signed(entry.at_ms)));
        match &entry.what {
            What::Page { octets } if *octets > PAGE_OCTETS => {
                return Replay::Unreadable { what: "length of a page" };
            }
            recorded => match part(recorded) {
                Part::Beside => {}
                Part::Told(input) => sender.handle(now, input),
                Part::Wanted => {
                    let mut wanted = sender.poll(now);
                    if let Output::Ask(Question::Lengths { contracts, .. }) = &wanted
                        && !asks_lengths
                    {
                        sender.handle(now, Input::Lengths(falling(contracts.len())));
                        wanted = sender.poll(now);
                    }
                    ended |= matches!(wanted, Output::Ended(_));
                    let mut wanted = What::wanted(&wanted, ATD);
                    if sender.contract().is_some_and(|contract| contract.ecm) {
                        forget_stuffing(&mut wanted, recorded);
                    }
                    if wanted != *recorded {
                        let (recorded, now) = (Box::new(recorded.clone()), Box::new(wanted));
                        return Replay::Differs { at_ms: entry.at_ms, recorded, now };
                    }
                    turns += 1;
                }
            },
        }
    }
    Replay::Same { turns, ended }
}

/// Lengths with which the last of so many contracts is the quickest.
fn falling(contracts: usize) -> Vec<usize> {
    (1..=contracts).rev().map(|steps| steps.saturating_mul(PAGE_OCTETS)).collect()
}

/// The length of a block on the line depends on its bits, for zeros are stuffed between them, and those
/// bits are not in a trace.
fn forget_stuffing(wanted: &mut What, recorded: &What) {
    if let (
        What::Carrier { page: Some(_), octets, .. },
        What::Carrier { page: Some(_), octets: then, .. },
    ) = (wanted, recorded)
    {
        *octets = *then;
    }
}

/// Whose part an entry is.
enum Part {
    /// The session wanted it.
    Wanted,
    /// The session was told it.
    Told(Input),
    /// The session has nothing to do with it.
    Beside,
}

fn part(what: &What) -> Part {
    match what {
        What::Control { .. }
        | What::Carrier { .. }
        | What::Listen { .. }
        | What::AskFarEnd
        | What::AskLengths { .. }
        | What::AskPage { .. }
        | What::AskStart { .. }
        | What::Agreed(_)
        | What::Training { .. }
        | What::Trained { .. }
        | What::Confirmed { .. }
        | What::Repeat { .. }
        | What::Ended { .. } => Part::Wanted,
        What::Sent => Part::Told(Input::Sent),
        What::Frame(octets) => Part::Told(Input::Frame(octets.0.clone())),
        What::BadFrame => Part::Told(Input::BadFrame),
        What::Quiet => Part::Told(Input::Quiet),
        What::Judged(yes) => Part::Told(Input::Judged(*yes)),
        What::Lengths(octets) => Part::Told(Input::Lengths(octets.clone())),
        What::Page { octets } => Part::Told(Input::Page(vec![0; *octets])),
        What::MayStart(yes) => Part::Told(Input::PageMayStart(*yes)),
        What::Abort => Part::Told(Input::Abort),
        What::Command(_)
        | What::Reply(_)
        | What::DtrDropped
        | What::Reopened
        | What::HangUp { .. }
        | What::Fault { .. }
        | What::Session(_) => Part::Beside,
    }
}

fn sender_settings(traced: &SessionSettings) -> Option<SenderSettings> {
    let SessionSettings {
        tsi,
        pages,
        fine,
        ecm,
        mr,
        mmr,
        t85,
        fastest,
        lacks,
        longest_page_mm,
        sub,
        pwd,
    } = traced;
    // Any will do: of both a trace has nothing but their length, which is always the same.
    let sub = sub.then(|| Subaddress::parse("0")).transpose().ok()?;
    let pwd = pwd.then(|| Password::parse("0")).transpose().ok()?;
    let uncovered = tsi.as_ref().map(|tsi| Identity::parse(&tsi.replace('*', "0")));
    Some(SenderSettings {
        tsi: uncovered.transpose().ok()?,
        pages: *pages,
        fine: *fine,
        ecm: *ecm,
        mr: *mr,
        mmr: *mmr,
        t85: *t85,
        fastest: modulation(fastest)?,
        modulations: lacks
            .iter()
            .try_fold(Modulations::ALL, |all, name| Some(all.without(modulation(name)?)))?,
        longest_page_mm: *longest_page_mm,
        sub,
        pwd,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Entry, Octets};

    fn trace(entries: impl IntoIterator<Item = (i64, What)>) -> Trace {
        let entries = entries.into_iter().map(|(at_ms, what)| Entry { at_ms, what }).collect();
        Trace { entries, dropped: 0 }
    }

    fn settings() -> SessionSettings {
        SessionSettings::of(&SenderSettings::new(1), Some("03 1234 5678"))
    }

    #[test]
    fn trace_without_a_session_has_nothing_to_run() {
        assert_eq!(replay(&Trace::default()), Replay::NoSession);
        assert_eq!(replay(&trace([(0, What::Command("ATD".into()))])), Replay::NoSession);
    }

    #[test]
    fn wait_that_has_become_longer_is_the_first_difference() {
        let recorded = What::Listen { until_ms: 45_000 };
        let call = [(10_000, What::Session(settings())), (10_000, recorded.clone())];
        let now = What::Listen { until_ms: 45_000 };
        assert_eq!(replay(&trace(call.clone())), Replay::Same { turns: 1, ended: false });
        let mut other = call;
        other[1].1 = What::Listen { until_ms: 44_000 };
        let differs = Replay::Differs {
            at_ms: 10_000,
            recorded: Box::new(other[1].1.clone()),
            now: Box::new(now),
        };
        assert_eq!(replay(&trace(other)), differs);
    }

    #[test]
    fn what_no_call_can_have_recorded_is_refused_or_differs_and_never_panics() {
        let wrong = |what| Replay::Unreadable { what };
        let fast = SessionSettings { fastest: "V.90".into(), ..settings() };
        assert_eq!(replay(&trace([(0, What::Session(fast))])), wrong("settings of the session"));
        let tsi = SessionSettings { tsi: Some("x".into()), ..settings() };
        assert_eq!(replay(&trace([(0, What::Session(tsi))])), wrong("settings of the session"));
        let begins = (i64::MAX, What::Session(settings()));
        let page = (i64::MIN, What::Page { octets: usize::MAX });
        assert_eq!(replay(&trace([begins.clone(), page])), wrong("length of a page"));
        for what in [
            What::Frame(Octets(vec![0; 5000])),
            What::Page { octets: 1 },
            What::MayStart(true),
            What::Sent,
            What::Abort,
        ] {
            let answers = trace([begins.clone(), (i64::MIN, what.clone()), (0, what)]);
            assert_eq!(replay(&answers), Replay::Same { turns: 0, ended: false });
        }
    }
}

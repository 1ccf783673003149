//! With which settings is a number called next?
//!
//! In: what is [`Known`] of it, what the line may, whether the sheet holds a secret. Out: [`CallTerms`], with a
//! reason for everything that is less than the line may. The same inputs give the same terms; never faster than
//! the line.
//! Not here: what a machine can (T.30 finds that out in each call), whether to call (`settle`, `queue`).

use t30::Modulation;

use super::known::{GOOD, Known, T85, TROUBLE, Trouble, fresh};
use super::rate::Rate;
use crate::job::UnixMillis;

/// What the settings of a line allow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LineLimits {
    /// The line's name.
    pub line: String,
    pub fastest: Rate,
    pub ecm: bool,
}

/// How a number is called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallTerms {
    pub fastest: Rate,
    pub ecm: bool,
    /// T.85, where the far end offers it.
    pub t85: bool,
    /// Why that is less than the line allows; empty if it is not.
    pub why: Vec<Why>,
}

/// A reason to hold back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Why {
    pub reason: Reason,
    /// Until when it counts; `None` if it does not end by itself.
    pub until: Option<UnixMillis>,
}

/// What holds a call back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reason {
    Locked,
    KnownGood,
    Training,
    V17,
    T85,
    Ecm,
    Rtn,
}

crate::job::names::stable_names!(Reason {
    Locked => "locked",
    KnownGood => "known-good-rate",
    Training => "training-trouble",
    V17 => "v17-trouble",
    T85 => "t85-trouble",
    Ecm => "ecm-trouble",
    Rtn => "rtn-trouble",
});

impl Reason {
    /// In a technician's words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Locked => "a technician has set it so",
            Self::KnownGood => "the last sheet went at this speed",
            Self::Training => "the machines did not come to terms in an earlier call",
            Self::V17 => "V.17 failed in an earlier call",
            Self::T85 => "a page in T.85 was not taken in an earlier call",
            Self::Ecm => "error correction failed in an earlier call",
            Self::Rtn => "an earlier page was rejected as illegible",
        }
    }
}

/// From the second trouble on, the slowest that nearly every line carries.
const SECOND_RUNG: Rate = Rate(Modulation::V27ter4800);
/// Below V.17: another training sequence and another receiver, and no short training before the page.
const FIRST_RUNG: Rate = Rate(Modulation::V29At9600);
/// Error correction goes off at the second trouble: one alone is more often the line's fault.
const ECM_TROUBLES: u32 = 2;

/// Decides on the terms of the next call.
///
/// Error correction stays on for a sheet with a secret, whatever happened: without it the far machine confirms
/// pages with wrong lines (19 of 40 at V.17 on the software line with 24 dB), and one wrong stroke makes another
/// character of a key. Such a sheet goes slower instead. Only a technician's word takes error correction from it.
pub fn of_next_call(
    known: &Known,
    limits: &LineLimits,
    has_secret: bool,
    now: UnixMillis,
) -> CallTerms {
    let mut terms =
        CallTerms { fastest: limits.fastest, ecm: limits.ecm, t85: true, why: Vec::new() };
    if let Some(lock) = &known.lock {
        let locked = Why { reason: Reason::Locked, until: None };
        lock.fastest.into_iter().for_each(|rate| terms.cap(rate, locked));
        if lock.no_ecm {
            terms.without_ecm(locked);
        }
        if lock.no_t85 {
            terms.without_t85(locked);
        }
    }
    let troubles = &known.troubles;
    if let Some(trouble) = fresh(troubles.t85.as_ref(), T85, now) {
        terms.without_t85(Why { reason: Reason::T85, until: Some(trouble.last.after(T85)) });
    }
    let trouble = |trouble: &Option<Trouble>, reason| {
        let trouble = fresh(trouble.as_ref(), TROUBLE, now)?.clone();
        let why = Why { reason, until: Some(trouble.last.after(TROUBLE)) };
        Some((trouble, why))
    };
    if let Some((trouble, why)) = trouble(&troubles.ecm, Reason::Ecm)
        && trouble.times >= ECM_TROUBLES
        && !has_secret
    {
        terms.without_ecm(why);
    }
    // What a technician has set for the speed is the last word on it.
    if known.lock.as_ref().is_some_and(|lock| lock.fastest.is_some()) {
        return terms;
    }
    if let Some(good) = known.good(now) {
        let until = Some(good.since.after(GOOD));
        terms.cap(good.terms.rate, Why { reason: Reason::KnownGood, until });
    }
    if let Some((_, why)) = trouble(&troubles.v17, Reason::V17) {
        terms.cap(FIRST_RUNG, why);
    }
    if let Some((trouble, why)) = trouble(&troubles.training, Reason::Training) {
        terms.cap(if trouble.times == 1 { FIRST_RUNG } else { SECOND_RUNG }, why);
    }
    if let Some((trouble, why)) = trouble(&troubles.rtn, Reason::Rtn) {
        let slower = trouble.rate.map_or(FIRST_RUNG, one_slower);
        terms.cap(if trouble.times == 1 { slower } else { SECOND_RUNG.min(slower) }, why);
    }
    if let Some((trouble, why)) = trouble(&troubles.ecm, Reason::Ecm)
        && terms.ecm
    {
        let slower = trouble.rate.map_or(FIRST_RUNG, one_slower);
        terms.cap(if trouble.times == 1 { slower.min(FIRST_RUNG) } else { SECOND_RUNG }, why);
    }
    terms
}

impl CallTerms {
    fn cap(&mut self, rate: Rate, why: Why) {
        if rate < self.fastest {
            self.fastest = rate;
            self.why.push(why);
        }
    }

    fn without_t85(&mut self, why: Why) {
        if self.t85 {
            self.t85 = false;
            self.why.push(why);
        }
    }

    fn without_ecm(&mut self, why: Why) {
        if self.ecm {
            self.ecm = false;
            self.why.push(why);
        }
    }
}

/// The next slower rate in bit/s.
fn one_slower(rate: Rate) -> Rate {
    Rate(match rate.0 {
        Modulation::V17At14400 => Modulation::V17At12000,
        Modulation::V17At12000 => Modulation::V29At9600,
        Modulation::V17At9600 | Modulation::V29At9600 => Modulation::V29At7200,
        Modulation::V17At7200 | Modulation::V29At7200 => Modulation::V27ter4800,
        Modulation::V27ter4800 | Modulation::V27ter2400 => Modulation::V27ter2400,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::job::examples::TUESDAY_10_00 as NOW;
    use crate::office::known::{Good, Lesson, Lock, Taught, Terms};

    const V17_14400: Rate = Rate(Modulation::V17At14400);
    const V17_12000: Rate = Rate(Modulation::V17At12000);
    const V29_9600: Rate = Rate(Modulation::V29At9600);
    const V29_7200: Rate = Rate(Modulation::V29At7200);
    const V27_4800: Rate = Rate(Modulation::V27ter4800);
    const V27_2400: Rate = Rate(Modulation::V27ter2400);

    fn line(fastest: Rate) -> LineLimits {
        LineLimits { line: "line1".into(), fastest, ecm: true }
    }

    fn after(lessons: &[Taught]) -> Known {
        lessons.iter().fold(Known::default(), |known, taught| {
            known.learn(Lesson { result: Some(taught.clone()), ..Lesson::default() }, NOW)
        })
    }

    fn confirmed(rate: Rate) -> Taught {
        Taught::Confirmed(Terms { rate, ecm: true, coding: "MMR".into() })
    }

    fn locked(fastest: Option<Rate>, no_ecm: bool, known: Known) -> Known {
        Known {
            lock: Some(Lock { fastest, no_ecm, no_t85: false, identity: None, at: NOW }),
            ..known
        }
    }

    #[test]
    fn every_rung_of_the_ladder() {
        use Reason::{Ecm, KnownGood, Locked, Rtn, Training, V17};
        use Taught::{Ecm as EcmFailed, Rtn as Rejected, Training as NoTraining};
        let v17_failed = || {
            let lesson = Lesson { v17_failed: true, ..Lesson::default() };
            Known::default().learn(lesson, NOW)
        };
        // What is known, what the line may, a secret on the sheet; the speed, error correction, why.
        let cases: Vec<(Known, Rate, bool, Rate, bool, Vec<Reason>)> = vec![
            (Known::default(), V17_14400, true, V17_14400, true, vec![]),
            (Known::default(), V29_9600, true, V29_9600, true, vec![]),
            (after(&[confirmed(V17_14400)]), V17_14400, true, V17_14400, true, vec![]),
            (after(&[confirmed(V29_7200)]), V17_14400, true, V29_7200, true, vec![KnownGood]),
            (after(&[confirmed(V17_14400)]), V27_4800, true, V27_4800, true, vec![]),
            (v17_failed(), V17_14400, true, V29_9600, true, vec![V17]),
            (after(&[NoTraining]), V17_14400, true, V29_9600, true, vec![Training]),
            (after(&[NoTraining, NoTraining]), V17_14400, true, V27_4800, true, vec![Training]),
            (after(&[NoTraining, NoTraining]), V27_2400, true, V27_2400, true, vec![]),
            (after(&[Rejected(V17_14400)]), V17_14400, true, V17_12000, true, vec![Rtn]),
            (after(&[Rejected(V29_9600)]), V17_14400, true, V29_7200, true, vec![Rtn]),
            (
                after(&[Rejected(V17_14400), Rejected(V17_12000)]),
                V17_14400,
                true,
                V27_4800,
                true,
                vec![Rtn],
            ),
            (after(&[EcmFailed(V17_14400)]), V17_14400, true, V29_9600, true, vec![Ecm]),
            (after(&[EcmFailed(V17_14400)]), V17_14400, false, V29_9600, true, vec![Ecm]),
            // A secret keeps its error correction and goes slower still.
            (
                after(&[EcmFailed(V17_14400), EcmFailed(V29_9600)]),
                V17_14400,
                true,
                V27_4800,
                true,
                vec![Ecm],
            ),
            (
                after(&[EcmFailed(V17_14400), EcmFailed(V29_9600)]),
                V17_14400,
                false,
                V17_14400,
                false,
                vec![Ecm],
            ),
            // A technician's word wins, but for the line's own limit.
            (
                locked(Some(V17_12000), false, after(&[NoTraining, NoTraining])),
                V17_14400,
                true,
                V17_12000,
                true,
                vec![Locked],
            ),
            (
                locked(Some(V17_14400), false, Known::default()),
                V29_9600,
                true,
                V29_9600,
                true,
                vec![],
            ),
            (locked(None, true, Known::default()), V17_14400, true, V17_14400, false, vec![Locked]),
            (
                locked(None, true, after(&[NoTraining])),
                V17_14400,
                true,
                V29_9600,
                false,
                vec![Locked, Training],
            ),
        ];
        for (known, fastest, has_secret, expected, ecm, why) in cases {
            let got = of_next_call(&known, &line(fastest), has_secret, NOW);
            let reasons: Vec<Reason> = got.why.iter().map(|why| why.reason).collect();
            assert_eq!((got.fastest, got.ecm, reasons), (expected, ecm, why), "{known:?}");
        }
    }

    fn any_lesson() -> impl Strategy<Value = Lesson> {
        let rate = || (0..Rate::ALL.len()).prop_map(|place| Rate::ALL[place]);
        let page = (rate(), any::<bool>())
            .prop_map(|(rate, ecm)| Taught::Confirmed(Terms { rate, ecm, coding: "MR".into() }));
        let taught = prop_oneof![
            page,
            Just(Taught::Training),
            rate().prop_map(Taught::Ecm),
            rate().prop_map(Taught::Rtn),
            Just(Taught::Voice),
            Just(Taught::Toneless),
        ];
        let flags = any::<[bool; 2]>();
        (proptest::option::of(taught), flags).prop_map(|(result, [v17_failed, t85_failed])| {
            Lesson { result, v17_failed, t85_failed, ..Lesson::default() }
        })
    }

    proptest! {
        /// Whatever calls have taught, in whatever order and however far apart.
        #[test]
        fn no_history_makes_a_call_faster_than_its_line_or_takes_error_correction_from_a_secret(
            lessons in proptest::collection::vec((any_lesson(), 0..40_u64), 0..12),
            limit in 0..Rate::ALL.len(),
            ecm: bool,
        ) {
            let limits = LineLimits { line: "line1".into(), fastest: Rate::ALL[limit], ecm };
            let mut now = NOW;
            let mut known = Known::default();
            for (lesson, days) in lessons {
                now = now.after(Duration::from_secs(days * 24 * 60 * 60));
                known = known.learn(lesson, now);
                let terms = of_next_call(&known, &limits, true, now);
                prop_assert!(terms.fastest <= limits.fastest);
                prop_assert_eq!(terms.ecm, ecm);
                prop_assert_eq!(terms.why.is_empty(), terms.fastest == limits.fastest && terms.t85);
                prop_assert!(terms.why.iter().all(|why| why.until.is_some_and(|until| until > now)));
            }
            let far = now.after(Duration::from_secs(400 * 24 * 60 * 60));
            let terms = of_next_call(&known, &limits, true, far);
            prop_assert_eq!((terms.fastest, terms.t85, terms.why), (limits.fastest, true, vec![]));
        }
    }

    #[test]
    fn machine_that_did_not_take_t85_is_not_asked_for_it_for_half_a_year_and_as_fast_as_before() {
        let lesson = Lesson { t85_failed: true, ..Lesson::default() };
        let known = Known::default().learn(lesson, NOW);
        let next = |at| of_next_call(&known, &line(V17_14400), true, at);
        let until = NOW.after(T85);
        let why = Why { reason: Reason::T85, until: Some(until) };
        let terms = next(UnixMillis(until.0 - 1));
        assert_eq!((terms.t85, terms.fastest, terms.why), (false, V17_14400, vec![why]));
        assert!(next(until).t85);
        // A technician's word on the speed does not bring it back.
        let locked = locked(Some(V29_9600), false, known.clone());
        assert!(!of_next_call(&locked, &line(V17_14400), true, NOW).t85);
    }

    #[test]
    fn technician_bars_t85_and_nothing_else_until_the_lock_is_lifted() {
        let lock = Lock { fastest: None, no_ecm: false, no_t85: true, identity: None, at: NOW };
        let known = Known { lock: Some(lock), ..Known::default() };
        for at in [NOW, NOW.after(T85)] {
            let terms = of_next_call(&known, &line(V17_14400), true, at);
            let why = Why { reason: Reason::Locked, until: None };
            assert_eq!((terms.t85, terms.ecm, terms.fastest), (false, true, V17_14400));
            assert_eq!(terms.why, [why]);
        }
        let stored = r#"{"fastest":null,"no_ecm":true,"identity":null,"at":0}"#;
        let old: Lock = serde_json::from_str(stored).expect("a lock of an earlier version");
        assert!(!old.no_t85);
    }

    #[test]
    fn line_without_error_correction_never_gets_it() {
        let limits = LineLimits { ecm: false, ..line(V17_14400) };
        for known in [Known::default(), after(&[Taught::Ecm(V17_14400)])] {
            assert!(!of_next_call(&known, &limits, true, NOW).ecm);
        }
    }

    #[test]
    fn full_speed_comes_back_when_the_reasons_have_ended() {
        let known = after(&[confirmed(V29_9600), Taught::Training, Taught::Rtn(V29_9600)]);
        let slow = of_next_call(&known, &line(V17_14400), true, NOW);
        let ends: Vec<UnixMillis> = slow.why.iter().filter_map(|why| why.until).collect();
        assert_eq!(ends.len(), slow.why.len(), "each says until when");
        let end = ends.into_iter().max().expect("reasons");
        let full = of_next_call(&known, &line(V17_14400), true, end);
        assert_eq!((full.fastest, full.why), (V17_14400, vec![]));
    }

    #[test]
    fn good_speed_of_a_faster_line_does_not_speed_up_a_slower_one() {
        let good = Good {
            terms: Terms { rate: V17_14400, ecm: true, coding: "MMR".into() },
            since: NOW.before(Duration::from_secs(60)),
        };
        let known = Known { good: Some(good), ..Known::default() };
        assert_eq!(of_next_call(&known, &line(V29_7200), true, NOW).fastest, V29_7200);
    }
}

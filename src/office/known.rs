//! What is remembered of a number: who answers there, what it can do, what worked and what did not.
//!
//! In: the [`Lesson`] of each call and the time. Out: [`Known`], whose parts each come to their end by
//! themselves, but for what a technician has locked.
//! Every answer is a function of what is remembered and of the time it is asked at. A date in the future, left
//! by a clock that was set back, is believed.
//! Not here: what a call teaches (`settle/lesson.rs`), how the next one is made (`terms.rs`), whether a machine
//! is the right one (`identity.rs`), where it is kept (`queue`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::identity::Said;
use super::rate::Rate;
use crate::job::UnixMillis;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A speed that worked. Chosen: machines train down by themselves in 5 s a step, and a page at 9600 bit/s takes
/// 7 s longer than at 14 400, so one noisy day must not slow a number down for long. Counted from the day the
/// speed was first confirmed, so that slow calls do not keep themselves slow.
pub const GOOD: Duration = DAY.saturating_mul(14);
/// A trouble. Chosen as [`GOOD`].
pub const TROUBLE: Duration = DAY.saturating_mul(14);
/// Who answers, and what the machine can. Chosen: offices keep a machine for years; after half a year without a
/// call nobody can say whose it is.
pub const IDENTITY: Duration = DAY.saturating_mul(180);
/// A person answered. Chosen: a wrong number stays wrong until somebody mends it, and then it can be forgotten.
pub const VOICE: Duration = DAY.saturating_mul(14);
/// No fax tone. To most modems a machine that is switched off is the same, so this is believed for a day only.
pub const TONELESS: Duration = DAY;
/// The machine offered T.85 and did not take a page in it. Chosen as [`IDENTITY`]: no machine learns it, and
/// without it a page takes a second or two longer.
pub const T85: Duration = IDENTITY;
/// That a sheet was confirmed there. Chosen as [`IDENTITY`]: after that the number may be somebody else's.
pub const PROOF: Duration = IDENTITY;
/// Nothing is kept longer than this after the last change, unless a technician locked it.
pub const LONGEST: Duration = IDENTITY;

/// So many calls that met a person make a number a telephone. Chosen: at the first one somebody may have
/// lifted the receiver of the fax machine.
pub const VOICE_CALLS: u32 = 2;
/// After so many calls in a row without a fax tone it rests. Chosen: a person is rung up three times a day at most.
pub const TONELESS_CALLS: u32 = 3;

/// What is remembered of one number.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Known {
    /// When a fax machine first answered there, and when last.
    pub first_seen: Option<UnixMillis>,
    pub last_seen: Option<UnixMillis>,
    /// As whom the last one answered, whatever came of the call.
    pub last_said: Option<Said>,
    pub identity: Option<SeenIdentity>,
    /// When a sheet was last confirmed there, if no other machine has answered since.
    pub proven: Option<UnixMillis>,
    pub abilities: Option<Abilities>,
    pub good: Option<Good>,
    pub troubles: Troubles,
    /// Calls that met a person.
    pub voice: Option<Trouble>,
    /// Calls in a row without a fax tone.
    pub toneless: Option<Trouble>,
    pub lock: Option<Lock>,
}

/// What went wrong there, one counter each.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Troubles {
    /// V.17 did not carry a page; slower modulations may.
    pub v17: Option<Trouble>,
    /// A page in T.85 was not taken; it may be in another coding.
    pub t85: Option<Trouble>,
    /// With error correction no confirmation came.
    pub ecm: Option<Trouble>,
    /// No training came through, or both machines did not come to terms.
    pub training: Option<Trouble>,
    /// The page was rejected as illegible.
    pub rtn: Option<Trouble>,
}

/// Who said what at deliveries that were confirmed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SeenIdentity {
    pub said: Said,
    pub first: UnixMillis,
    pub last: UnixMillis,
    /// Confirmed deliveries at which it said so.
    pub confirmed: u32,
}

/// What the machine says that it can do.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Abilities {
    /// FIF octets of its last DIS.
    pub dis: Vec<u8>,
    pub at: UnixMillis,
}

/// The terms under which a page was last confirmed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Good {
    #[serde(flatten)]
    pub terms: Terms,
    /// When this speed was first confirmed.
    pub since: UnixMillis,
}

/// How a page went.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Terms {
    pub rate: Rate,
    pub ecm: bool,
    /// `MH`, `MR`, `MMR` or `T.85`.
    pub coding: String,
}

/// Something that went wrong.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Trouble {
    pub times: u32,
    pub last: UnixMillis,
    /// The speed at which it last did, where speed has a part in it.
    pub rate: Option<Rate>,
}

/// What a technician has set for a number: it stays until it is lifted, and it vouches that a fax machine
/// is there. Of a call that is on, the identity counts until the machine has said who it is; the speed counts from
/// the next call on.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Lock {
    /// No faster than this.
    pub fastest: Option<Rate>,
    /// Without error correction.
    pub no_ecm: bool,
    /// Without T.85; not in locks of earlier versions.
    #[serde(default)]
    pub no_t85: bool,
    /// The machine that says this is the right one; besides the number dialled, no other gets a page, and none
    /// that does not say who it is.
    pub identity: Option<Said>,
    pub at: UnixMillis,
}

/// What one call taught.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lesson {
    /// The machine that answered, if one said what it can.
    pub heard: Option<Heard>,
    pub result: Option<Taught>,
    /// V.17 was tried and given up, whatever came after.
    pub v17_failed: bool,
    /// T.85 was agreed on and given up, or the page in it was not taken.
    pub t85_failed: bool,
    /// Another machine answered than the right one.
    pub stranger: bool,
}

/// A machine that answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    pub said: Option<Said>,
    pub dis: Vec<u8>,
}

/// What an ending says about the number.
#[derive(Clone, Debug, PartialEq)]
pub enum Taught {
    Confirmed(Terms),
    /// A service that faxes mails says that its sheet was taken there; by which machine nobody heard.
    ConfirmedByService,
    /// Somebody of the office has the sheet of a call that began then.
    ConfirmedByPerson {
        sent: UnixMillis,
    },
    Voice,
    Toneless,
    /// The machines did not come to terms before the page.
    Training,
    /// After the page no confirmation came, with error correction.
    Ecm(Rate),
    /// The page was rejected.
    Rtn(Rate),
}

/// Why a number is not called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotCalled {
    /// People answered: it is a telephone until somebody has mended it.
    Voice,
    /// No fax tone, call after call: mostly nobody answered, maybe a person did. It rests until then.
    Toneless { until: UnixMillis },
}

impl Known {
    /// What remains once a call has taught something.
    pub fn learn(mut self, lesson: Lesson, now: UnixMillis) -> Self {
        let said = lesson.heard.as_ref().and_then(|heard| heard.said.clone());
        if let Some(heard) = lesson.heard {
            self.first_seen.get_or_insert(now);
            self.last_seen = Some(now);
            self.last_said = heard.said;
            // A modem that speaks T.30 itself keeps the DIS to itself too.
            if !heard.dis.is_empty() {
                self.abilities = Some(Abilities { dis: heard.dis, at: now });
            }
            // A fax machine is there after all.
            (self.voice, self.toneless) = (None, None);
        }
        if lesson.stranger {
            self.proven = None;
        }
        if lesson.v17_failed {
            self.troubles.v17 = Some(once_more(self.troubles.v17, TROUBLE, now, None));
        }
        if lesson.t85_failed {
            self.troubles.t85 = Some(once_more(self.troubles.t85, T85, now, None));
        }
        match lesson.result {
            None => {}
            Some(Taught::Confirmed(terms)) => self.confirmed(terms, said, now),
            Some(Taught::ConfirmedByService) => self.proven = Some(now),
            // Whatever was reported since then still counts.
            Some(Taught::ConfirmedByPerson { sent }) => self.proven = self.proven.max(Some(sent)),
            Some(Taught::Voice) => self.voice = Some(once_more(self.voice, VOICE, now, None)),
            Some(Taught::Toneless) => {
                self.toneless = Some(once_more(self.toneless, TONELESS, now, None));
            }
            Some(Taught::Training) => {
                let before = self.troubles.training;
                self.troubles.training = Some(once_more(before, TROUBLE, now, None));
            }
            Some(Taught::Ecm(rate)) => {
                self.troubles.ecm = Some(once_more(self.troubles.ecm, TROUBLE, now, Some(rate)));
            }
            Some(Taught::Rtn(rate)) => {
                self.troubles.rtn = Some(once_more(self.troubles.rtn, TROUBLE, now, Some(rate)));
            }
        }
        self
    }

    fn confirmed(&mut self, terms: Terms, said: Option<Said>, now: UnixMillis) {
        self.proven = Some(now);
        // From here on the speed that worked is what counts.
        (self.troubles.training, self.troubles.rtn) = (None, None);
        if terms.rate.is_v17() {
            self.troubles.v17 = None;
        }
        if terms.ecm {
            self.troubles.ecm = None;
        }
        let since = match self.good(now) {
            Some(good) if good.terms.rate == terms.rate => good.since,
            Some(_) | None => now,
        };
        self.good = Some(Good { terms, since });
        let Some(said) = said else { return };
        self.identity = Some(match self.identity(now) {
            Some(seen) if seen.said == said => SeenIdentity {
                last: now,
                confirmed: seen.confirmed.saturating_add(1),
                ..seen.clone()
            },
            Some(_) | None => SeenIdentity { said, first: now, last: now, confirmed: 1 },
        });
    }

    /// Who answered there, while that is still believed.
    pub fn identity(&self, now: UnixMillis) -> Option<&SeenIdentity> {
        self.identity.as_ref().filter(|seen| now < seen.last.after(IDENTITY))
    }

    /// Until when a key may go there, if it may: a sheet was confirmed, after `anew_since`, and nothing contradicts. A number
    /// that is a telephone by now proves nothing.
    pub fn proven_until(
        &self,
        anew_since: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Option<UnixMillis> {
        let is_telephone = self.not_called(now) == Some(NotCalled::Voice);
        let proven =
            self.proven.filter(|at| !is_telephone && anew_since.is_none_or(|anew| *at > anew));
        proven.map(|at| at.after(PROOF)).filter(|until| now < *until)
    }

    /// What the machine can, while that is still believed.
    pub fn abilities(&self, now: UnixMillis) -> Option<&Abilities> {
        self.abilities.as_ref().filter(|abilities| now < abilities.at.after(IDENTITY))
    }

    /// The speed that worked, while that is still believed.
    pub fn good(&self, now: UnixMillis) -> Option<&Good> {
        self.good.as_ref().filter(|good| now < good.since.after(GOOD))
    }

    /// Why it is not called now, if it is not. Where a technician vouches for a fax machine it is.
    pub fn not_called(&self, now: UnixMillis) -> Option<NotCalled> {
        if self.lock.is_some() {
            return None;
        }
        if times(self.voice.as_ref(), VOICE, now) >= VOICE_CALLS {
            return Some(NotCalled::Voice);
        }
        let row = fresh(self.toneless.as_ref(), TONELESS, now);
        row.filter(|row| row.times >= TONELESS_CALLS)
            .map(|row| NotCalled::Toneless { until: row.last.after(TONELESS) })
    }

    /// Calls in a row without a fax tone; none where a technician vouches for a fax machine.
    pub fn toneless_calls(&self, now: UnixMillis) -> u32 {
        match self.lock {
            Some(_) => 0,
            None => times(self.toneless.as_ref(), TONELESS, now),
        }
    }
}

/// A trouble that is still believed.
pub fn fresh(trouble: Option<&Trouble>, span: Duration, now: UnixMillis) -> Option<&Trouble> {
    trouble.filter(|trouble| now < trouble.last.after(span))
}

fn times(trouble: Option<&Trouble>, span: Duration, now: UnixMillis) -> u32 {
    fresh(trouble, span, now).map_or(0, |trouble| trouble.times)
}

fn once_more(
    before: Option<Trouble>,
    span: Duration,
    now: UnixMillis,
    rate: Option<Rate>,
) -> Trouble {
    let times = times(before.as_ref(), span, now).saturating_add(1);
    Trouble { times, last: now, rate }
}

#[cfg(test)]
mod tests {
    use t30::Modulation;

    use super::*;
    use crate::job::examples::TUESDAY_10_00 as NOW;

    const FAST: Rate = Rate(Modulation::V17At14400);
    const SLOW: Rate = Rate(Modulation::V29At9600);

    fn days(count: u32) -> UnixMillis {
        NOW.after(DAY * count)
    }

    fn terms(rate: Rate) -> Terms {
        Terms { rate, ecm: true, coding: "MMR".into() }
    }

    fn heard(csi: &str) -> Option<Heard> {
        Some(Heard { said: Said::read(csi), dis: vec![0, 0xEE] })
    }

    fn confirmed(rate: Rate, csi: &str) -> Lesson {
        let result = Some(Taught::Confirmed(terms(rate)));
        Lesson { heard: heard(csi), result, ..Lesson::default() }
    }

    fn taught(result: Taught) -> Lesson {
        Lesson { result: Some(result), ..Lesson::default() }
    }

    #[test]
    fn each_part_is_believed_until_the_moment_it_ends() {
        let last_moment = |span: Duration| UnixMillis(NOW.after(span).0 - 1);
        let known = Known::default().learn(confirmed(SLOW, "0312345678"), NOW);
        assert!(known.identity(last_moment(IDENTITY)).is_some());
        assert!(known.identity(NOW.after(IDENTITY)).is_none());
        assert!(known.abilities(last_moment(IDENTITY)).is_some());
        assert!(known.abilities(NOW.after(IDENTITY)).is_none());
        assert!(known.good(last_moment(GOOD)).is_some());
        assert!(known.good(NOW.after(GOOD)).is_none());

        let mut people = Known::default();
        for _ in 0..VOICE_CALLS {
            people = people.learn(taught(Taught::Voice), NOW);
        }
        assert_eq!(people.not_called(last_moment(VOICE)), Some(NotCalled::Voice));
        assert_eq!(people.not_called(NOW.after(VOICE)), None);

        let trouble = Known::default().learn(taught(Taught::Training), NOW).troubles.training;
        assert!(fresh(trouble.as_ref(), TROUBLE, last_moment(TROUBLE)).is_some());
        assert!(fresh(trouble.as_ref(), TROUBLE, NOW.after(TROUBLE)).is_none());
    }

    #[test]
    fn speed_that_worked_is_believed_from_its_first_day_so_that_it_can_rise_again() {
        let mut known = Known::default();
        for day in 0..14 {
            known = known.learn(confirmed(SLOW, "0312345678"), days(day));
        }
        assert!(known.good(days(13)).is_some());
        assert!(known.good(days(14)).is_none(), "a slow call every day kept it slow");
        // Another speed begins its own fortnight.
        let known = known.learn(confirmed(FAST, "0312345678"), days(14));
        assert_eq!(known.good(days(27)).map(|good| good.terms.rate), Some(FAST));
    }

    #[test]
    fn number_is_proven_for_half_a_year_by_a_confirmed_sheet_until_another_machine_answers() {
        let known = Known::default().learn(confirmed(FAST, ""), NOW);
        assert_eq!(known.proven_until(None, NOW), Some(NOW.after(PROOF)));
        assert_eq!(known.proven_until(None, days(180)), None);
        assert_eq!(known.proven_until(Some(NOW), days(1)), None, "the office counts anew since");
        let again = known.clone().learn(taught(Taught::ConfirmedByService), days(2));
        assert_eq!(again.proven_until(Some(NOW), days(3)), Some(days(2).after(PROOF)));
        let busy = again.clone().learn(Lesson::default(), days(3));
        assert!(
            busy.proven_until(None, days(3)).is_some(),
            "a call that failed contradicts nothing"
        );
        let stranger = again.clone().learn(Lesson { stranger: true, ..Lesson::default() }, days(3));
        assert_eq!(stranger.proven_until(None, days(3)), None);
        let people =
            (0..VOICE_CALLS).fold(again, |known, _| known.learn(taught(Taught::Voice), days(3)));
        assert_eq!(people.proven_until(None, days(3)), None, "it is a telephone by now");
        assert_eq!(Known::default().proven_until(None, NOW), None);
    }

    #[test]
    fn identity_counts_deliveries_and_begins_anew_with_another() {
        let known = Known::default()
            .learn(confirmed(FAST, "CARE CENTER"), NOW)
            .learn(confirmed(FAST, "care  center "), days(1))
            .learn(confirmed(FAST, ""), days(2));
        let seen = known.identity(days(2)).expect("seen");
        assert_eq!(
            (seen.confirmed, seen.first, seen.last),
            (2, NOW, days(1)),
            "silence says nothing"
        );
        let other = known.learn(confirmed(FAST, "0312345678"), days(3));
        assert_eq!(other.identity(days(3)).map(|seen| seen.confirmed), Some(1));
    }

    #[test]
    fn identity_of_a_call_that_delivered_nothing_is_not_learnt() {
        let met = Lesson { heard: heard("0699999999"), ..taught(Taught::Training) };
        let known = Known::default().learn(met, NOW);
        assert_eq!(known.identity(NOW), None);
        assert_eq!((known.first_seen, known.last_seen), (Some(NOW), Some(NOW)));
    }

    #[test]
    fn troubles_end_with_what_disproves_them_and_with_nothing_less() {
        let troubled = || {
            [Taught::Training, Taught::Ecm(FAST), Taught::Rtn(FAST)]
                .into_iter()
                .fold(Known::default(), |known, trouble| known.learn(taught(trouble), NOW))
                .learn(Lesson { v17_failed: true, ..Lesson::default() }, NOW)
        };
        let slowly = troubled().learn(confirmed(SLOW, ""), NOW).troubles;
        assert!(slowly.v17.is_some() && slowly.ecm.is_none());
        assert!(slowly.training.is_none() && slowly.rtn.is_none());
        let without_ecm = Terms { ecm: false, ..terms(FAST) };
        let plain = troubled().learn(taught(Taught::Confirmed(without_ecm)), NOW).troubles;
        assert!(plain.v17.is_none() && plain.ecm.is_some());
        // Given up in the very call that then succeeded.
        let stepped = Lesson { v17_failed: true, ..confirmed(SLOW, "") };
        assert!(Known::default().learn(stepped, NOW).troubles.v17.is_some());
    }

    #[test]
    fn troubles_far_apart_are_not_counted_together() {
        let once = Known::default().learn(taught(Taught::Training), NOW);
        let twice = once.clone().learn(taught(Taught::Training), days(13));
        assert_eq!(twice.troubles.training.map(|trouble| trouble.times), Some(2));
        let late = once.learn(taught(Taught::Training), days(14));
        assert_eq!(late.troubles.training.map(|trouble| trouble.times), Some(1));
    }

    #[test]
    fn row_without_a_fax_tone_rests_for_a_day_unless_one_is_heard_or_a_technician_vouches() {
        let mut known = Known::default();
        for _ in 0..TONELESS_CALLS {
            assert_eq!(known.not_called(NOW), None);
            known = known.learn(taught(Taught::Toneless), NOW);
        }
        let until = NOW.after(TONELESS);
        assert_eq!(known.not_called(NOW), Some(NotCalled::Toneless { until }));
        assert_eq!(known.not_called(until), None);
        let met = Lesson { heard: heard(""), ..taught(Taught::Training) };
        assert_eq!(known.clone().learn(met, NOW).not_called(NOW), None);
        let lock = Lock { fastest: None, no_ecm: false, no_t85: false, identity: None, at: NOW };
        let vouched = Known { lock: Some(lock), ..known };
        assert_eq!((vouched.not_called(NOW), vouched.toneless_calls(NOW)), (None, 0));
    }

    #[test]
    fn what_was_stored_reads_back_and_what_is_new_since_then_is_empty() {
        let mut known = Known::default().learn(confirmed(SLOW, "03 1234 5678"), NOW);
        known.lock = Some(Lock {
            fastest: Some(SLOW),
            no_ecm: true,
            no_t85: false,
            identity: Said::read("CARE CENTER"),
            at: NOW,
        });
        let text = serde_json::to_string(&known).expect("writes");
        assert_eq!(serde_json::from_str::<Known>(&text).expect("reads"), known);
        assert_eq!(serde_json::from_str::<Known>("{}").expect("reads"), Known::default());
    }

    #[test]
    fn debug_output_shows_no_whole_identity() {
        let known = Known::default().learn(confirmed(SLOW, "03 1234 5678"), NOW);
        let shown = format!("{known:?}");
        assert!(shown.contains("******5678") && !shown.contains("1234"), "{shown}");
    }
}

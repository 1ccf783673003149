//! May a line take work? From its faults and its good answers to what is done next.
//!
//! In: an [`Input`] each time the line was asked, called, or looked at by a person. Out: the next [`Health`],
//! and a [`Notice`] where a person should hear of it: once for each change, not for each try.
//! A clock is not needed: states count answers, and [`Health::pause`] says how long to wait for the next.
//!
//! | rung | means | where |
//! |---|---|---|
//! | 1 | the word: ATZ, an octet that ends data, ATH | `init` and `hang_up` of `drivers/modem` |
//! | 2 | DTR off and on | the same |
//! | 3 | the device is closed and opened anew | the same, and before each try here |
//! | 4 | quarantine with an alarm | here |
//!
//! Each try of a line climbs the first three. A device that is not there, or that another program has, is
//! waited for and is no strike: a cable that is pulled and put back leads nowhere.
//! Not here: asking the modem (`send`), who waits and logs (`lines.rs`).

use std::time::Duration;

use crate::send::LineFault;

/// Faults without a good call between them, up to which a line is believed again at its first answer.
/// Chosen: the third call that a modem spoils is the last.
const STRIKES: u8 = 3;
/// So many answers in a row, one a second, make up for earlier faults: ten minutes.
const FORGIVEN_AFTER: u16 = 600;
/// Answers in a row that end a first, second, third and later quarantine: one, five, twenty minutes.
const ANSWERS_WANTED: [u8; 3] = [3, 15, 60];

/// Between two looks for a device that is not there. A name that is missing costs nothing to look for, and
/// whoever plugs a modem in stands beside it.
const NO_DEVICE_PAUSE: Duration = Duration::from_secs(2);
const FAULT_PAUSE: Duration = Duration::from_secs(5);
const QUARANTINE_ANSWERED_PAUSE: Duration = Duration::from_secs(20);
/// Of a line in quarantine that does not answer: doubled from the usual pause up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Named for what the line waits for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Health {
    AwaitFirstAnswer,
    /// It takes work.
    InUse {
        strikes: u8,
        /// In a row, one a second.
        answers: u16,
        quarantines: u8,
    },
    AwaitAnswer {
        fault: LineFault,
        strikes: u8,
        quarantines: u8,
    },
    AwaitDevice {
        fault: LineFault,
        strikes: u8,
        quarantines: u8,
    },
    /// Faulty again and again: a person is called, and only many answers are believed.
    AwaitManyAnswers {
        fault: LineFault,
        answers: u8,
        misses: u8,
        /// This one included.
        quarantines: u8,
    },
}

/// What became known of a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Input {
    /// The modem was asked and is ready; after a dead telephone line the exchange was heard too.
    Answered,
    /// A call ended without a fault of the modem, whatever the far end did; or a call of a test
    /// passed.
    CallWentWell,
    /// The modem was not ready, or it or the telephone line failed in a call or test.
    Failed(LineFault),
    /// The device file is another one than before: somebody plugged something.
    DeviceChanged,
    /// A person says that it is mended.
    Lift,
}

/// What a person should hear.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Notice {
    Nothing,
    Ready,
    Faulty,
    Quarantined,
}

impl Health {
    pub fn takes_work(&self) -> bool {
        match self {
            Self::InUse { .. } => true,
            Self::AwaitFirstAnswer
            | Self::AwaitAnswer { .. }
            | Self::AwaitDevice { .. }
            | Self::AwaitManyAnswers { .. } => false,
        }
    }

    /// What is wrong, if anything.
    pub fn fault(&self) -> Option<&LineFault> {
        match self {
            Self::AwaitFirstAnswer | Self::InUse { .. } => None,
            Self::AwaitAnswer { fault, .. }
            | Self::AwaitDevice { fault, .. }
            | Self::AwaitManyAnswers { fault, .. } => Some(fault),
        }
    }

    pub fn is_quarantined(&self) -> bool {
        match self {
            Self::AwaitManyAnswers { .. } => true,
            Self::AwaitFirstAnswer
            | Self::InUse { .. }
            | Self::AwaitAnswer { .. }
            | Self::AwaitDevice { .. } => false,
        }
    }

    /// How long to wait before a line that takes no work is asked again.
    pub fn pause(&self) -> Duration {
        match self {
            Self::AwaitFirstAnswer | Self::InUse { .. } => Duration::ZERO,
            Self::AwaitAnswer { .. } => FAULT_PAUSE,
            Self::AwaitDevice { .. } => NO_DEVICE_PAUSE,
            Self::AwaitManyAnswers { misses: 0, .. } => QUARANTINE_ANSWERED_PAUSE,
            Self::AwaitManyAnswers { misses, .. } => {
                let doublings = u32::from(misses.saturating_sub(1)).min(8);
                (FAULT_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE)
            }
        }
    }

    /// The state after an input, and what to tell.
    pub fn step(self, input: Input) -> (Self, Notice) {
        match (self, input) {
            (
                Self::AwaitFirstAnswer | Self::AwaitAnswer { .. } | Self::AwaitDevice { .. },
                Input::CallWentWell,
            ) => (Self::fresh(), Notice::Ready),
            (Self::AwaitManyAnswers { .. }, Input::CallWentWell) => (Self::fresh(), Notice::Ready),
            (Self::InUse { .. }, Input::CallWentWell | Input::Lift) => {
                (Self::fresh(), Notice::Nothing)
            }

            (Self::AwaitFirstAnswer, Input::Answered) => (Self::fresh(), Notice::Ready),
            (Self::AwaitFirstAnswer, Input::Failed(fault)) => Self::struck(fault, None, 0, 0),
            (stay @ Self::AwaitFirstAnswer, Input::DeviceChanged | Input::Lift) => {
                (stay, Notice::Nothing)
            }

            (Self::InUse { answers, quarantines, .. }, Input::Answered)
                if answers >= FORGIVEN_AFTER =>
            {
                (Self::InUse { strikes: 0, answers, quarantines }, Notice::Nothing)
            }
            (Self::InUse { strikes, answers, quarantines }, Input::Answered) => {
                (Self::InUse { strikes, answers: answers + 1, quarantines }, Notice::Nothing)
            }
            (Self::InUse { strikes, quarantines, .. }, Input::Failed(fault)) => {
                Self::struck(fault, None, strikes, quarantines)
            }
            (stay @ Self::InUse { .. }, Input::DeviceChanged) => (stay, Notice::Nothing),

            (
                Self::AwaitAnswer { strikes, quarantines, .. }
                | Self::AwaitDevice { strikes, quarantines, .. },
                Input::Answered,
            ) => (Self::InUse { strikes, answers: 0, quarantines }, Notice::Ready),
            (
                Self::AwaitAnswer { fault: before, strikes, quarantines }
                | Self::AwaitDevice { fault: before, strikes, quarantines },
                Input::Failed(fault),
            ) => Self::struck(fault, Some(&before), strikes, quarantines),
            (
                stay @ (Self::AwaitAnswer { .. } | Self::AwaitDevice { .. }),
                Input::DeviceChanged,
            ) => (stay, Notice::Nothing),

            (Self::AwaitManyAnswers { fault, answers, quarantines, .. }, Input::Answered) => {
                let answers = answers + 1;
                if answers >= wanted(quarantines) {
                    // One more fault, and it is back here.
                    let strikes = STRIKES - 1;
                    return (Self::InUse { strikes, answers: 0, quarantines }, Notice::Ready);
                }
                (Self::AwaitManyAnswers { fault, answers, misses: 0, quarantines }, Notice::Nothing)
            }
            (Self::AwaitManyAnswers { misses, quarantines, .. }, Input::Failed(fault)) => {
                let misses = misses.saturating_add(1);
                (Self::AwaitManyAnswers { fault, answers: 0, misses, quarantines }, Notice::Nothing)
            }
            // Somebody did something about it: the next answer is believed.
            (Self::AwaitManyAnswers { fault, quarantines, .. }, Input::DeviceChanged) => {
                let answers = wanted(quarantines) - 1;
                (Self::AwaitManyAnswers { fault, answers, misses: 0, quarantines }, Notice::Nothing)
            }
            (
                Self::AwaitAnswer { fault, .. }
                | Self::AwaitDevice { fault, .. }
                | Self::AwaitManyAnswers { fault, .. },
                Input::Lift,
            ) => (Self::AwaitAnswer { fault, strikes: 0, quarantines: 0 }, Notice::Nothing),
        }
    }

    fn fresh() -> Self {
        Self::InUse { strikes: 0, answers: 0, quarantines: 0 }
    }

    fn struck(
        fault: LineFault,
        before: Option<&LineFault>,
        strikes: u8,
        quarantines: u8,
    ) -> (Self, Notice) {
        let known = before.is_some_and(|before| before.code == fault.code);
        let notice = if known { Notice::Nothing } else { Notice::Faulty };
        if fault.is_absence() {
            return (Self::AwaitDevice { fault, strikes, quarantines }, notice);
        }
        let strikes = strikes.saturating_add(1);
        if strikes < STRIKES {
            return (Self::AwaitAnswer { fault, strikes, quarantines }, notice);
        }
        let quarantines = quarantines.saturating_add(1);
        (Self::AwaitManyAnswers { fault, answers: 0, misses: 1, quarantines }, Notice::Quarantined)
    }
}

fn wanted(quarantines: u8) -> u8 {
    let place = usize::from(quarantines.saturating_sub(1)).min(ANSWERS_WANTED.len() - 1);
    ANSWERS_WANTED[place]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn silent() -> Input {
        Input::Failed(LineFault { code: "modem-silent", message: "switch it off and on".into() })
    }

    fn unplugged() -> Input {
        Input::Failed(LineFault { code: "modem-gone", message: "plug it in".into() })
    }

    /// The state after all of these, and every notice but [`Notice::Nothing`].
    fn after(inputs: impl IntoIterator<Item = Input>) -> (Health, Vec<Notice>) {
        let mut notices = Vec::new();
        let health = inputs.into_iter().fold(Health::AwaitFirstAnswer, |health, input| {
            let (health, notice) = health.step(input);
            notices.extend((notice != Notice::Nothing).then_some(notice));
            health
        });
        (health, notices)
    }

    fn quarantined() -> Vec<Input> {
        vec![Input::Answered, silent(), silent(), silent()]
    }

    #[test]
    fn third_fault_in_a_row_is_quarantine_and_each_change_is_told_once() {
        let (health, notices) = after(quarantined());
        assert!(health.is_quarantined() && !health.takes_work());
        assert_eq!(notices, [Notice::Ready, Notice::Faulty, Notice::Quarantined]);
        let (_, notices) = after([quarantined(), vec![silent(); 1000]].concat());
        assert_eq!(notices.len(), 3, "no alarm for each try");
    }

    #[test]
    fn modem_that_answers_but_spoils_three_calls_is_quarantined() {
        let spoiled = || [silent(), Input::Answered];
        let (health, _) = after((0..3).flat_map(|_| spoiled()));
        assert!(health.is_quarantined());
        let good = [Input::CallWentWell];
        let (health, _) =
            after(spoiled().into_iter().chain(spoiled()).chain(good).chain(spoiled()));
        assert!(health.takes_work(), "a good call between them makes up for it");
    }

    #[test]
    fn faults_hours_apart_are_forgiven() {
        let hour = || std::iter::repeat_n(Input::Answered, 3600);
        let (health, _) = after((0..10).flat_map(|_| hour().chain([silent()])).chain(hour()));
        assert!(health.takes_work());
    }

    #[test]
    fn unplugged_any_number_of_times_is_never_quarantine_and_used_at_the_first_answer() {
        let (health, notices) =
            after((0..50).flat_map(|_| [Input::Answered, unplugged(), unplugged(), unplugged()]));
        assert!(!health.is_quarantined());
        assert_eq!(health.pause(), NO_DEVICE_PAUSE);
        assert_eq!(notices.len(), 100, "told once when it goes and once when it comes");
        assert!(health.step(Input::Answered).0.takes_work());
    }

    #[test]
    fn modem_that_another_program_looks_at_is_used_when_that_lets_it_go() {
        let taken = Input::Failed(LineFault { code: "device-taken", message: "stop it".into() });
        let (health, notices) = after(std::iter::repeat_n(taken, 100));
        assert_eq!(notices, [Notice::Faulty]);
        assert_eq!(health.pause(), NO_DEVICE_PAUSE);
        assert!(health.step(Input::Answered).0.takes_work());
    }

    #[test]
    fn quarantine_ends_by_itself_after_1_5_and_20_minutes_of_answers() {
        let mut health = after(quarantined()).0;
        for minutes in [1, 5, 20, 20] {
            let mut waited = Duration::ZERO;
            let mut notice = Notice::Nothing;
            while !health.takes_work() {
                (health, notice) = health.step(Input::Answered);
                waited += health.pause();
            }
            // The last answer is not waited for.
            let waited = waited + QUARANTINE_ANSWERED_PAUSE;
            assert_eq!((waited.as_secs() / 60, notice), (minutes, Notice::Ready));
            let (again, notice) = health.step(silent());
            assert_eq!(notice, Notice::Quarantined, "one fault more is enough");
            health = again;
        }
    }

    #[test]
    fn quarantine_is_asked_at_growing_pauses_of_a_minute_at_most() {
        let mut health = after(quarantined()).0;
        let mut pauses = Vec::new();
        for _ in 0..7 {
            pauses.push(health.pause().as_secs());
            health = health.step(silent()).0;
        }
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60, 60]);
    }

    #[test]
    fn quarantined_modem_that_was_plugged_anew_is_believed_at_its_first_answer() {
        let (health, _) =
            after([quarantined(), vec![Input::DeviceChanged, Input::Answered]].concat());
        assert!(health.takes_work());
    }

    #[test]
    fn lifted_quarantine_is_work_at_the_first_answer_and_quarantine_only_after_three_more_faults() {
        let (health, _) = after([quarantined(), vec![Input::Lift]].concat());
        assert!(!health.takes_work(), "the word of a person is no answer of a modem");
        assert!(health.clone().step(Input::Answered).0.takes_work());
        let (health, _) = after([quarantined(), vec![Input::Lift, silent(), silent()]].concat());
        assert!(!health.is_quarantined());
    }

    fn any_input() -> impl Strategy<Value = Input> {
        prop_oneof![
            Just(Input::Answered),
            Just(Input::CallWentWell),
            Just(silent()),
            Just(unplugged()),
            Just(Input::DeviceChanged),
            Just(Input::Lift),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happened_a_modem_that_answers_is_in_use_within_20_minutes_and_no_pause_spins(
            inputs in prop::collection::vec(any_input(), 0..200),
        ) {
            let (mut health, _) = after(inputs);
            let mut waited = Duration::ZERO;
            while !health.takes_work() {
                health = health.step(Input::Answered).0;
                prop_assert!(health.takes_work() || health.pause() >= Duration::from_secs(1));
                waited += health.pause();
            }
            prop_assert!(waited <= Duration::from_secs(20 * 60));
            let (health, _) = health.step(silent());
            prop_assert!(!health.takes_work(), "a fault always takes it out of use");
        }
    }
}

//! One call, from ATD to on-hook.
//!
//! In: a ready modem, a [`Call`], and the [`CallHost`] that decides and writes down. Out: a
//! [`CallReport`]. Source: ITU-T V.250 6.3.1 (D), T.31 and T.32 (ATD in a fax class); our order of what is
//! durable before which octet: intent before ATD, page start before the page, result before ATH.
//! Not here: what is said on an answered line (`class1/session.rs`, `class2/session.rs`), setting the
//! modem up (`init.rs`).

use crate::at::{Reply, dial_command};
use crate::class1::{Class1, session::session};
use crate::class2::agree::prepare;
use crate::class2::session::{Class2, hear_out};
use crate::class2::terms::Terms;
use crate::class2::{Dialect, Word};
use crate::hang_up::{Dialogue, hang_up};
use crate::init::{Abilities, Skill};
use crate::port::Port;
use crate::profile::Profile;
use crate::talk::{Talk, later, since};
use crate::trace::{SessionSettings, Trace, What};
use crate::{Call, CallHost, CallReport, CallTimes, Ending, Fault, Go, LineSettings, Progress};
use std::time::Duration;
use t30::Millis;
use tracing::debug;

/// Tone dialling: 0.1 s on, 0.1 s off, and a margin (V.250 S11 95 ms).
const PER_DIGIT: Duration = Duration::from_millis(250);
/// A comma waits S8, 2 s by default.
const PER_COMMA: Duration = Duration::from_secs(2);
/// Second dial tone: S7 in most modems, but an exchange gives it within 3 s.
const PER_TONE: Duration = Duration::from_secs(5);
/// Relay, first dial tone, and the modem's own slack after S7.
const DIAL_SLACK: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(200);
/// A modem drops a dialling within a second; 5 s, because some finish the digits first.
const DIAL_ABORT: Duration = Duration::from_secs(5);

/// What one call has come to so far.
pub(crate) struct Course {
    /// When the first octet of ATD left.
    pub started: Millis,
    pub page_started: bool,
    pub pages_confirmed: u16,
    /// None until somebody answered; then each class keeps it.
    pub phase: Option<t30::Phase>,
    pub csi: Option<String>,
    pub contract: Option<t30::Contract>,
    /// Class 2 modems are not asked for it.
    pub t85: t30::T85,
    pub times: CallTimes,
    /// How the modem was left by the session; only a page that was called off leaves it other than clean.
    pub stood: Dialogue,
}

impl Course {
    /// What is known before the hang-up.
    fn report(self, ending: Ending) -> CallReport {
        CallReport {
            ending,
            page_started: self.page_started,
            pages_confirmed: self.pages_confirmed,
            phase: self.phase,
            csi: self.csi,
            contract: self.contract,
            t85: self.t85,
            times: self.times,
            hang_up_verified: false,
            trace: Trace::default(),
        }
    }
}

/// Makes the call. The modem is on-hook again when this returns, or the report says otherwise.
pub(crate) fn run<P: Port>(
    talk: &mut Talk<P>,
    profile: &Profile,
    settings: &LineSettings,
    abilities: Abilities,
    call: &Call,
    host: &mut dyn CallHost,
) -> CallReport {
    let mut course = Course {
        started: talk.now(),
        page_started: false,
        pages_confirmed: 0,
        phase: None,
        csi: None,
        contract: None,
        t85: t30::T85::Unasked,
        times: CallTimes::default(),
        stood: Dialogue::Clean,
    };
    let limit = settings.call_limit;
    talk.limit(limit, Fault::CallLimit { limit });
    let (ending, stood) = match prepared(profile, settings, abilities, call) {
        Err(fault) => (broken_off(talk, &fault), Dialogue::Clean),
        Ok(plan) => match dial_and_send(talk, profile, settings, plan, host, &mut course) {
            Ok(ending) => (ending, course.stood),
            // Nothing but the DCN was left to say: no mishap there undoes a confirmation.
            Err(fault) if call.pages > 0 && course.pages_confirmed >= call.pages => {
                debug!(code = fault.code(), "modem.call.dcn_not_sent");
                (Ending::Delivered, Dialogue::after(&fault))
            }
            Err(fault) => (broken_off(talk, &fault), course.stood.or_after(&fault)),
        },
    };
    let started = course.started;
    let mut report = course.report(ending);
    host.result_before_hang_up(&report);
    talk.recorder.ending();
    report.hang_up_verified = hang_up(talk, profile, stood);
    report.times.hung_up = report.times.dialled.map(|_| since(started, talk.now()));
    report.trace = talk.recorder.take();
    host.progress(Progress::HungUp);
    let CallReport { ending, page_started, hang_up_verified, .. } = &report;
    debug!(?ending, hang_up_verified, page_started, "modem.call.ended");
    report
}

/// The report of a call that no modem could make.
pub(crate) fn not_made(host: &mut dyn CallHost, code: &'static str, detail: String) -> CallReport {
    let report = CallReport {
        ending: Ending::Modem { code, detail },
        page_started: false,
        pages_confirmed: 0,
        phase: None,
        csi: None,
        contract: None,
        t85: t30::T85::Unasked,
        times: CallTimes::default(),
        hang_up_verified: false,
        trace: Trace::default(),
    };
    host.result_before_hang_up(&report);
    report
}

fn broken_off<P: Port>(talk: &mut Talk<P>, fault: &Fault) -> Ending {
    let (code, detail) = (fault.code(), fault.to_string());
    talk.note(What::Fault { code: code.into(), says: detail.clone() });
    Ending::Modem { code, detail }
}

/// A call whose every octet is known to be allowed.
struct Plan {
    /// The whole command line, with the number in it.
    command: String,
    way: Way,
}

/// Who speaks T.30.
enum Way {
    /// We do (Class 1, 1.0).
    Ours {
        sender: t30::SenderSettings,
        /// The same for the trace.
        traced: SessionSettings,
    },
    /// The modem does (Class 2, 2.0, 2.1).
    TheModems {
        dialect: &'static Dialect,
        terms: Terms,
        tsi: Option<String>,
        pages: u16,
        longest_page_mm: u16,
    },
}

fn prepared(
    profile: &Profile,
    settings: &LineSettings,
    abilities: Abilities,
    call: &Call,
) -> Result<Plan, Fault> {
    let command = dial_command(&profile.dial, &settings.dial_prefix, &call.digits);
    let tsi = call.tsi.as_deref().map(t30::Identity::parse).transpose().map_err(Fault::Identity)?;
    let way = match abilities.skill {
        Skill::Frames { carriers } => {
            let sender = t30::SenderSettings {
                tsi,
                fine: call.fine,
                ecm: call.ecm,
                t85: call.t85,
                fastest: call.fastest,
                modulations: carriers,
                longest_page_mm: call.longest_page_mm,
                sub: call.sub.clone(),
                pwd: call.pwd.clone(),
                ..t30::SenderSettings::new(call.pages)
            };
            let traced = SessionSettings::of(&sender, call.tsi.as_deref());
            Way::Ours { sender, traced }
        }
        // These modems say what is said; of boxes few of them know.
        Skill::Pages { .. } if call.sub.is_some() || call.pwd.is_some() => {
            return Err(Fault::BoxNeedsClass1);
        }
        Skill::Pages { dialect, means } => Way::TheModems {
            dialect,
            terms: Terms::of(call, means),
            tsi: call.tsi.clone(),
            pages: call.pages,
            longest_page_mm: call.longest_page_mm,
        },
    };
    Ok(Plan { command: command.ok_or(Fault::NotDigits)?, way })
}

fn dial_and_send<P: Port>(
    talk: &mut Talk<P>,
    profile: &Profile,
    settings: &LineSettings,
    plan: Plan,
    host: &mut dyn CallHost,
    course: &mut Course,
) -> Result<Ending, Fault> {
    let dialect = match &plan.way {
        Way::Ours { .. } => None,
        Way::TheModems { dialect, terms, tsi, .. } => {
            prepare(talk, dialect, *terms, tsi.as_deref())?;
            Some(*dialect)
        }
    };
    match dial(talk, profile, settings, &plan.command, dialect, host, course)? {
        Dialled::Not(ending) => Ok(ending),
        Dialled::Answered => match plan.way {
            Way::Ours { sender, traced } => {
                talk.note(What::Session(traced));
                let mut line = Class1::connected(talk, profile.flow, profile.abort);
                session(&mut line, t30::Sender::new(sender), host, course)
            }
            Way::TheModems { dialect, terms, tsi: _, pages, longest_page_mm } => {
                Class2 { talk, dialect, profile, terms, pages, longest_page_mm }.run(host, course)
            }
        },
    }
}

enum Dialled {
    /// CONNECT: the V.21 receiver is on. In Class 2 +FCON: the modem hears a fax machine.
    Answered,
    Not(Ending),
}

fn dial<P: Port>(
    talk: &mut Talk<P>,
    profile: &Profile,
    settings: &LineSettings,
    command: &str,
    dialect: Option<&Dialect>,
    host: &mut dyn CallHost,
    course: &mut Course,
) -> Result<Dialled, Fault> {
    // A ringing line would be answered by going off-hook.
    talk.discard()?;
    if talk.is_ringing() {
        return Ok(Dialled::Not(Ending::Glare));
    }
    if host.cancelled() || host.dial_starts() == Go::Stop {
        return Ok(Dialled::Not(Ending::Stopped));
    }
    host.progress(Progress::Dialling);
    course.started = talk.now();
    course.times.dialled = Some(Duration::ZERO);
    talk.recorder.dialled(course.started);
    talk.start(command, "ATD")?;

    let dialling: Duration = command.chars().map(time_to_dial).sum();
    let until = talk.after(dialling + settings.answer_wait + DIAL_SLACK);
    loop {
        if host.cancelled() {
            stop_dialling(talk, profile)?;
            return Ok(Dialled::Not(Ending::Stopped));
        }
        let now = talk.now();
        if now >= until {
            stop_dialling(talk, profile)?;
            return Ok(Dialled::Not(Ending::NoWord));
        }
        let ending = match talk.reply(later(now, TICK).min(until))? {
            Some(Reply::Connect) if dialect.is_none() => {
                return Ok(answered(talk, host, course));
            }
            // In Class 2 a CONNECT would be one to a data modem.
            Some(Reply::Busy) => Ending::Busy,
            Some(Reply::NoAnswer) => Ending::NoAnswer,
            Some(Reply::NoDialTone) => Ending::NoDialTone,
            Some(Reply::NoCarrier) => Ending::NoCarrier,
            Some(Reply::DialRefused(word)) => Ending::DialRefused { word },
            Some(Reply::Voice) => Ending::Voice,
            Some(Reply::Ring) => {
                stop_dialling(talk, profile)?;
                Ending::Glare
            }
            Some(Reply::Error) => return Err(talk.refused()),
            Some(other @ (Reply::Connect | Reply::Ok | Reply::FcError)) => {
                return Err(talk.nonsense(&other));
            }
            Some(Reply::Text(line)) => match dialect.map(|it| Word::parse(&line, it.edition)) {
                Some(Word::Connected) => return Ok(answered(talk, host, course)),
                Some(Word::HungUp(hung_up)) => {
                    hear_out(talk)?;
                    Ending::HungUp(hung_up)
                }
                Some(Word::Voice) => Ending::Voice,
                Some(
                    Word::Csi(_)
                    | Word::Dis(_)
                    | Word::Dcs(_)
                    | Word::Nsf(_)
                    | Word::PageStatus(_)
                    | Word::Other,
                )
                | None => continue, // RINGING and the like
            },
            None => continue,
        };
        return Ok(Dialled::Not(ending));
    }
}

fn answered<P: Port>(talk: &Talk<P>, host: &mut dyn CallHost, course: &mut Course) -> Dialled {
    course.times.answered = Some(since(course.started, talk.now()));
    course.phase = Some(t30::Phase::A);
    host.progress(Progress::Answered);
    Dialled::Answered
}

fn time_to_dial(modifier: char) -> Duration {
    match modifier {
        ',' => PER_COMMA,
        'W' => PER_TONE,
        _ => PER_DIGIT,
    }
}

/// Any octet stops a dialling (V.250 5.6.1); the modem says NO CARRIER or OK.
pub(crate) fn stop_dialling<P: Port>(talk: &mut Talk<P>, profile: &Profile) -> Result<(), Fault> {
    if talk.stop(profile.abort, DIAL_ABORT)? { Ok(()) } else { Err(talk.silent(DIAL_ABORT)) }
}

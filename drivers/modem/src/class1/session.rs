//! A call in Class 1: `t30::Sender` decides, the host is asked, `class1` carries out.
//!
//! In: a modem that said CONNECT to ATD, a sender, the [`CallHost`]. Out: the [`Ending`], and what was
//! seen on the way in [`Course`]. Source: the driving contract of `t30::Sender`.
//! Not here: AT commands (`class1.rs`), dialling and hanging up (`call.rs`).

use super::{Class1, Heard, Sending};
use crate::call::Course;
use crate::port::Port;
use crate::talk::{millis, since};
use crate::trace::What;
use crate::{CallHost, Ending, Fault, Go, PageConfirmed, Progress};
use std::time::Duration;
use t30::{Event, Input, LineAction, Millis, Output, Phase, Question};
use tracing::trace;

/// How often a person sees the page move.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// Drives T.30 until it ends.
pub(crate) fn session<P: Port>(
    line: &mut Class1<'_, P>,
    mut sender: t30::Sender,
    host: &mut dyn CallHost,
    course: &mut Course,
) -> Result<Ending, Fault> {
    let mut stopping = false;
    loop {
        let now = line.now();
        let output = sender.poll(now);
        course.t85 = sender.t85();
        line.recorder().wanted(now, &output);
        let input = match output {
            // Once page data has left, stopping would only hide what became of it.
            Output::Line(_) if !stopping && !course.page_started && host.cancelled() => {
                stopping = true;
                Input::Abort
            }
            Output::Line(action) => match perform(line, action, stopping, host, course)? {
                Heard::Input(input) => input,
                Heard::Interrupted => {
                    stopping = true;
                    Input::Abort
                }
            },
            Output::Ask(question) => answer(question, host, course),
            Output::Event(event) => {
                note(event, line.now(), host, course);
                continue;
            }
            Output::Ended(Ok(())) => return Ok(Ending::Delivered),
            Output::Ended(Err(_)) if stopping => return Ok(Ending::Stopped),
            Output::Ended(Err(error)) => return Ok(Ending::Session(error)),
        };
        let now = line.now();
        line.recorder().note(now, What::told(&input));
        sender.handle(now, input);
    }
}

fn perform<P: Port>(
    line: &mut Class1<'_, P>,
    action: LineAction,
    stopping: bool,
    host: &mut dyn CallHost,
    course: &mut Course,
) -> Result<Heard, Fault> {
    let input = match action {
        LineAction::SendControl { silence, frames } => line.send_control(silence, &frames)?,
        LineAction::Receive { until } => {
            let may_stop = !stopping && !course.page_started;
            return line.receive(until, &|| may_stop && host.cancelled());
        }
        LineAction::SendFast { silence, modulation, training, what, octets } => {
            let mut shown: Option<(Millis, usize)> = None;
            let now_of = course.started;
            let mut watch = |sending: Sending, now: Millis| match (what, sending) {
                (t30::Fast::Tcf, Sending::Starts | Sending::Taken(_)) => {}
                (t30::Fast::Page { page: _ }, Sending::Starts) => {
                    course.page_started = true;
                    course.times.page_started.get_or_insert(since(now_of, now));
                }
                (t30::Fast::Page { page }, Sending::Taken(taken)) => {
                    let of = octets.len();
                    let due = shown.is_none_or(|(at, before)| {
                        taken != before && (taken == of || since(at, now) >= PROGRESS_EVERY)
                    });
                    if due {
                        shown = Some((now, taken));
                        host.progress(Progress::Page { page, octets: taken, of });
                    }
                }
            };
            let sent = line.send_fast(silence, modulation, training, &octets, &mut watch)?;
            match what {
                t30::Fast::Tcf => {}
                t30::Fast::Page { page: _ } => course.phase = Some(Phase::D),
            }
            sent
        }
    };
    Ok(Heard::Input(input))
}

fn answer(question: Question, host: &mut dyn CallHost, course: &mut Course) -> Input {
    match question {
        Question::FarEnd(far_end) => {
            course.phase = Some(Phase::B);
            course.csi.clone_from(&far_end.csi);
            host.progress(Progress::Identity { csi: far_end.csi.clone() });
            Input::Judged(host.far_end(&far_end) == Go::On)
        }
        Question::Lengths { page, contracts } => Input::Lengths(host.lengths(page, &contracts)),
        Question::Page { page, contract } => Input::Page(host.page(page, &contract)),
        // T.30 leaves the far end waiting meanwhile; the carrier must not, so this comes before +FTM.
        Question::PageStart { page } => {
            let go = host.page_starts(page);
            if go == Go::On {
                course.phase = Some(Phase::C);
            }
            Input::PageMayStart(go == Go::On)
        }
    }
}

fn note(event: Event, now: Millis, host: &mut dyn CallHost, course: &mut Course) {
    let at = since(course.started, now);
    trace!(?event, at_ms = millis(at), "modem.session.event");
    match event {
        Event::Agreed(contract) => {
            course.contract = Some(contract.clone());
            host.progress(Progress::Agreed(contract));
        }
        Event::Training { modulation, tries } => {
            host.progress(Progress::Training { modulation, tries });
        }
        Event::Trained { modulation } => {
            course.times.trained = Some(at);
            host.progress(Progress::Trained { modulation });
        }
        Event::Confirmed(proof) => {
            course.pages_confirmed = course.pages_confirmed.saturating_add(1);
            course.times.confirmed = Some(at);
            let page = proof.page();
            host.page_confirmed(PageConfirmed::Frame(proof));
            host.progress(Progress::Confirmed { page });
        }
        Event::Repeat { page, frames } => host.progress(Progress::Repeat { page, frames }),
    }
}

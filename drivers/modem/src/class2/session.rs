//! The call from the fax tone to the word on the last page: what follows what, and how it is left.
//!
//! In: a modem that hears a fax machine, the [`CallHost`]. Out: the [`Ending`], and what was seen on the
//! way in [`Course`]. Source: SP-2388-A, T.32; our order of what is durable before which octet: who
//! answered is judged before +FDT, the page's start is on disk before its first octet.
//! Not here: the steps themselves (`agree.rs`, `page.rs`, `status.rs`).

use super::dialect::Dialect;
use super::status::{Status, Taken};
use super::terms::Terms;
use super::words::Word;
use crate::call::Course;
use crate::confirmed::StatusConfirmed;
use crate::port::Port;
use crate::profile::Profile;
use crate::talk::{Talk, since};
use crate::trace::What;
use crate::{CallHost, Ending, Fault, HungUp, PageConfirmed, Progress};
use std::time::Duration;
use t30::CallError;
use tracing::debug;

/// DCN and the relay.
const LEAVE: Duration = Duration::from_secs(10);
/// OK always follows a hang-up code.
const AFTER_HANG_UP: Duration = Duration::from_secs(2);
/// Any octet stops a dialling; 5 s, because DCN may go out first.
const STOP: Duration = Duration::from_secs(5);
/// How often progress and a wish to stop are looked at while nothing else happens.
pub(super) const TICK: Duration = Duration::from_millis(200);
/// How often in a call a page goes out again after RTN, as in Class 1: the receiver may have printed
/// each.
const RTN_RESENDS: u8 = 2;

/// A call that a modem is ready to make.
pub(crate) struct Class2<'a, P> {
    pub talk: &'a mut Talk<P>,
    pub dialect: &'static Dialect,
    pub profile: &'a Profile,
    pub terms: Terms,
    pub pages: u16,
    pub longest_page_mm: u16,
}

/// What a wait came to: what was waited for, or the end of the call.
pub(super) type Met<T> = Result<T, End>;

/// Why the call is over.
pub(super) enum End {
    Ending(Ending),
    Fault(Fault),
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<P: Port> Class2<'_, P> {
    /// From the fax tone to the end. `course.stood` says if the modem may wait for a page then, and
    /// is hung up without a word (`hang_up.rs`).
    pub(crate) fn run(
        mut self,
        host: &mut dyn CallHost,
        course: &mut Course,
    ) -> Result<Ending, Fault> {
        match self.all_pages(host, course) {
            Ok(()) => Ok(Ending::Delivered),
            Err(End::Ending(ending)) => Ok(ending),
            Err(End::Fault(fault)) => Err(fault),
        }
    }

    fn all_pages(&mut self, host: &mut dyn CallHost, course: &mut Course) -> Met<()> {
        let (far_end, dis) = self.await_far_end(host, course)?;
        self.judge(&far_end, host, course)?;
        self.see_that_it_fits(dis)?;
        let (mut page, mut rejected) = (0, 0);
        while page < self.pages {
            self.await_training(&far_end, host, course)?;
            self.send_page(page, host, course)?;
            match self.await_status(page)? {
                Status::Taken(taken) => {
                    self.confirm(page, taken, host, course);
                    (page, rejected) = (page.saturating_add(1), 0);
                }
                Status::Operator => {
                    self.leave();
                    return Err(session_end(CallError::Pin { page }));
                }
                Status::Rejected => {
                    rejected += 1;
                    if rejected > RTN_RESENDS {
                        self.leave();
                        return Err(session_end(CallError::Rtn { page, times: rejected }));
                    }
                    host.progress(Progress::Repeat { page, frames: 0 });
                    self.slow_down(course)?;
                }
            }
        }
        Ok(())
    }

    fn confirm(&mut self, page: u16, taken: Taken, host: &mut dyn CallHost, course: &mut Course) {
        course.pages_confirmed = course.pages_confirmed.saturating_add(1);
        course.times.confirmed = Some(since(course.started, self.talk.now()));
        self.talk.note(What::Confirmed { page });
        host.page_confirmed(PageConfirmed::Status(StatusConfirmed::new(page, taken)));
        host.progress(Progress::Confirmed { page });
    }

    /// A hang-up by the modem.
    pub(super) fn hung_up(&mut self, hung_up: HungUp) -> Result<End, Fault> {
        hear_out(self.talk)?;
        Ok(End::Ending(Ending::HungUp(hung_up)))
    }

    /// While the modem dials, any octet stops it.
    pub(super) fn stop(&mut self) -> Result<End, Fault> {
        if self.talk.stop(self.profile.abort, STOP)? {
            Ok(End::Ending(Ending::Stopped))
        } else {
            Err(self.talk.silent(STOP))
        }
    }

    /// DCN between pages. A modem that refuses, or is gone, is for who hangs up; why we leave stays true.
    pub(super) fn leave(&mut self) {
        match self.talk.command(self.dialect.leave, LEAVE) {
            Ok(answer) => debug!(result = answer.result.name(), "modem.leave"),
            Err(fault) => debug!(code = fault.code(), "modem.leave.failed"),
        }
    }

    pub(super) fn word(&self, line: &str) -> Word {
        Word::parse(line, self.dialect.edition)
    }

    pub(super) fn is_last(&self, page: u16) -> bool {
        page.saturating_add(1) >= self.pages
    }
}

/// Behind a hang-up code comes OK, or nothing.
pub(crate) fn hear_out<P: Port>(talk: &mut Talk<P>) -> Result<(), Fault> {
    let until = talk.after(AFTER_HANG_UP);
    while let Some(reply) = talk.reply(until)? {
        if reply.ends_a_command() {
            break;
        }
    }
    Ok(())
}

pub(super) fn session_end(error: CallError) -> End {
    End::Ending(Ending::Session(error))
}

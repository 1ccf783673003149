//! Phase C: the page, from CONNECT to its end mark.
//!
//! In: a modem that waits for a page in an agreed coding. Out: the page in the modem's buffers.
//! Source: SP-2388-A, T.32 8.3.3 (DLE, end marks, XON); bit 0 of each octet first (+FBOR=0, +FBO=0), which
//! is how modems of all these classes take pages, whatever they do when they receive.
//! Not here: what the far end says to it (`status.rs`).

use super::dialect::PageEnd;
use super::session::{Class2, End, Met, TICK, session_end};
use super::words::Word;
use crate::at::Reply;
use crate::call::Course;
use crate::dle::{DLE, ETX, shield_open};
use crate::hang_up::Dialogue;
use crate::port::{Flow, Port};
use crate::talk::{Xon, later, since};
use crate::trace::What;
use crate::{CallHost, Ending, Fault, Go, Progress};
use std::time::Duration;
use t30::{CallError, Contract, Millis, Phase};
use tracing::debug;

/// XON follows CONNECT at once in the modems that send one. The far end waits for the page no longer than
/// T2, 6 s +-1 s (T.30 5.4.3.1), and a disk may take 2 s of them behind this.
const READY: Duration = Duration::from_secs(1);
/// No octet is taken for this long: longer than a block of error correction takes to be sent four
/// times at 9600 bit/s; the call's own limit ends what is slower.
const STUCK: Duration = Duration::from_secs(240);
/// How often a person sees the page move.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

impl<P: Port> Class2<'_, P> {
    /// CONNECT is there: the page in the coding that was agreed, and how it ends.
    pub(super) fn send_page(
        &mut self,
        page: u16,
        host: &mut dyn CallHost,
        course: &mut Course,
    ) -> Met<()> {
        let Some(contract) = course.contract.clone() else {
            return Err(Fault::NoContract.into());
        };
        // Coding the page is work that XON may come in.
        let ready_by = self.talk.after(READY);
        let octets = host.page(page, &contract);
        if octets.is_empty() {
            return Err(session_end(CallError::PageEmpty { page }));
        }
        if self.dialect.waits_for_xon {
            self.await_xon(ready_by)?;
        }
        if !course.page_started && host.cancelled() {
            return Err(End::Ending(Ending::Stopped));
        }
        self.talk.note(What::AskStart { page });
        let go = host.page_starts(page);
        self.talk.note(What::MayStart(go == Go::On));
        if go == Go::Stop {
            return Err(session_end(CallError::PageNotAllowed { page }));
        }
        course.phase = Some(Phase::C);
        self.talk.note(What::page(page, &contract, octets.len()));
        let mut data = shield_open(&octets);
        match self.dialect.page_end {
            PageEnd::Command { .. } => data.extend([DLE, ETX]),
            PageEnd::Mark { next_page, no_more, .. } => {
                data.extend([DLE, if self.is_last(page) { no_more } else { next_page }]);
            }
        }
        let by_xon = self.profile.flow == Flow::XonXoff;
        if by_xon {
            self.talk.port().xon_xoff(true).map_err(Fault::from)?;
        }
        let sent = self.stream(page, &octets, &data, &contract, host, course);
        if by_xon {
            self.talk.port().xon_xoff(false).map_err(Fault::from)?;
        }
        sent
    }

    /// SP-2388-A asks for one and its successors do not; some modems of this class go without. Then only
    /// RTS/CTS holds us back. Nothing but a hang-up or a result that ends +FDT ends the wait sooner.
    fn await_xon(&mut self, until: Millis) -> Met<()> {
        loop {
            match self.talk.xon(until)? {
                Xon::Came => return Ok(()),
                Xon::Late => {
                    debug!("modem.xon.none");
                    return Ok(());
                }
                Xon::Reply(Reply::Text(line)) => {
                    if let Word::HungUp(hung_up) = self.word(&line) {
                        return Err(self.hung_up(hung_up)?);
                    }
                }
                Xon::Reply(Reply::Ring | Reply::Connect) => {}
                Xon::Reply(other) => {
                    return Err(self.talk.lost("the start of a page", &other).into());
                }
            }
        }
    }

    fn stream(
        &mut self,
        page: u16,
        octets: &[u8],
        data: &[u8],
        contract: &Contract,
        host: &mut dyn CallHost,
        course: &mut Course,
    ) -> Met<()> {
        self.talk.now_at("a page");
        let begin = self.talk.now();
        (course.page_started, course.stood) = (true, Dialogue::Clean);
        course.times.page_started.get_or_insert(since(course.started, begin));
        let of = octets.len();
        let rate_bps = u128::from(contract.modulation.rate_bps());
        let mut shown: Option<Millis> = None;
        let (mut rest, mut taken_at) = (data, begin);
        while !rest.is_empty() {
            let now = self.talk.now();
            if since(taken_at, now) >= STUCK {
                let taken = data.len() - rest.len();
                return Err(Fault::Stuck { taken, of: data.len(), waited: STUCK }.into());
            }
            let taken = self.talk.offer(rest, later(now, TICK))?;
            rest = rest.get(taken..).unwrap_or_default();
            let now = self.talk.now();
            if taken > 0 {
                taken_at = now;
            }
            if shown.is_none_or(|at| since(at, now) >= PROGRESS_EVERY) {
                shown = Some(now);
                // The modem takes octets sooner than the line does.
                let by_clock = since(begin, now).as_millis() * rate_bps / 8000;
                let by_clock = usize::try_from(by_clock).unwrap_or(usize::MAX);
                let taken = of.saturating_sub(rest.len());
                host.progress(Progress::Page { page, octets: by_clock.min(taken), of });
            }
            if rest.is_empty() {
                break; // what comes now may be the answer to the whole page
            }
            match self.talk.reply(Millis(0))? {
                Some(Reply::Text(line)) => {
                    if let Word::HungUp(hung_up) = self.word(&line) {
                        return Err(self.hung_up(hung_up)?);
                    }
                }
                Some(Reply::Ring | Reply::Connect) | None => {}
                Some(Reply::Ok) => {
                    let taken = data.len() - rest.len();
                    return Err(Fault::Underrun { taken, of: data.len() }.into());
                }
                Some(other) => return Err(self.talk.lost("a page", &other).into()),
            }
        }
        self.talk.note(What::Sent);
        host.progress(Progress::Page { page, octets: of, of });
        course.phase = Some(Phase::D);
        Ok(())
    }
}

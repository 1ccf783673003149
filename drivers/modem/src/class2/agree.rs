//! Phases A and B: set up, who answered, what was agreed, trained.
//!
//! In: lines of the modem from ATD to CONNECT. Out: a judged [`FarEnd`], and the contract in [`Course`].
//! Source: SP-2388-A, T.32 8.3 (+FDT), their responses.
//! Not here: how terms are written (`terms.rs`), dialling (`call.rs`).

use super::dialect::Dialect;
use super::session::{Class2, End, Met, TICK, session_end};
use super::terms::{self, Dis, Terms};
use super::words::Word;
use crate::at::Reply;
use crate::call::Course;
use crate::hang_up::Dialogue;
use crate::port::Port;
use crate::profile::Need;
use crate::talk::{Talk, later, since};
use crate::trace::What;
use crate::{CallHost, Ending, Fault, Go, Progress};
use std::time::Duration;
use t30::{CallError, FarEnd, Phase};
use tracing::{debug, warn};

/// A set-up command; some modems write to flash.
const ANSWER: Duration = Duration::from_secs(5);
/// From the fax tone to the far end's DIS: T1 is 35 s +-5 s (T.30 5.4.3.1), and its frames.
const FAR_END: Duration = Duration::from_secs(50);
/// From +FDT to CONNECT: three tries of DCS and TCF at each of eight rates, 6 s each, are 144 s.
const TRAINING: Duration = Duration::from_secs(180);

/// Sets the modem up for this call, before it dials.
pub(crate) fn prepare<P: Port>(
    talk: &mut Talk<P>,
    dialect: &Dialect,
    terms: Terms,
    tsi: Option<&str>,
) -> Result<(), Fault> {
    for (command, need) in dialect.setup {
        match (talk.command(command, ANSWER)?.result, need) {
            (Reply::Ok, Need::Must | Need::May) => {}
            (_, Need::May) => debug!(command, "modem.setup.not_known"),
            (_, Need::Must) => return Err(talk.refused()),
        }
    }
    let identity = format!("{}=\"{}\"", dialect.our_identity, tsi.unwrap_or_default());
    talk.start(&identity, dialect.our_identity)?; // our number: not in logs
    if talk.result(ANSWER)? != Reply::Ok {
        debug!("modem.setup.identity_refused");
    }
    let asked = format!("{}={}", dialect.terms, terms.text(dialect.ecm_code));
    match talk.command(&asked, ANSWER)?.result {
        Reply::Ok => Ok(()),
        _ => Err(talk.refused()),
    }
}

impl<P: Port> Class2<'_, P> {
    /// `+FCON` was said; the far end's NSF, CSI and DIS follow, and OK closes them.
    pub(super) fn await_far_end(
        &mut self,
        host: &mut dyn CallHost,
        course: &mut Course,
    ) -> Met<(FarEnd, Dis)> {
        let until = self.talk.after(FAR_END);
        let mut far_end = FarEnd { csi: None, dis: Vec::new(), nsf: None };
        let mut heard = None;
        loop {
            if host.cancelled() {
                return Err(self.stop()?);
            }
            let now = self.talk.now();
            if now >= until {
                return Err(self.talk.silent(FAR_END).into());
            }
            match (self.talk.reply(later(now, TICK).min(until))?, heard) {
                (Some(Reply::Ok), Some(dis)) => return Ok((far_end, dis)),
                (Some(Reply::Text(line)), _) => match self.word(&line) {
                    Word::Csi(csi) => {
                        course.csi.clone_from(&csi);
                        far_end.csi = csi;
                    }
                    Word::Dis(text) => heard = terms::dis(&text),
                    Word::Nsf(nsf) => far_end.nsf = nsf,
                    Word::HungUp(hung_up) => return Err(self.hung_up(hung_up)?),
                    Word::Connected
                    | Word::Dcs(_)
                    | Word::PageStatus(_)
                    | Word::Voice
                    | Word::Other => {}
                },
                (Some(Reply::Ring) | None, _) => {}
                (Some(other), _) => {
                    return Err(self.talk.lost("the far end's answer", &other).into());
                }
            }
        }
    }

    /// Before any page: is this whom we called?
    pub(super) fn judge(
        &mut self,
        far_end: &FarEnd,
        host: &mut dyn CallHost,
        course: &mut Course,
    ) -> Met<()> {
        course.phase = Some(Phase::B);
        host.progress(Progress::Identity { csi: course.csi.clone() });
        let go = host.far_end(far_end);
        self.talk.note(What::Judged(go == Go::On));
        if go == Go::Stop {
            self.leave();
            return Err(session_end(CallError::RefusedFarEnd));
        }
        Ok(())
    }

    /// A page that is longer than the far end's paper is no page for it.
    pub(super) fn see_that_it_fits(&mut self, far_end: Dis) -> Met<()> {
        self.fits(far_end).map_err(|too_long| {
            self.leave();
            session_end(too_long)
        })
    }

    fn fits(&self, far_end: Dis) -> Result<(), CallError> {
        let page_mm = self.longest_page_mm;
        match far_end.limit_mm.filter(|&limit_mm| page_mm > limit_mm) {
            None => Ok(()),
            Some(limit_mm) => Err(CallError::PageTooLong { page_mm, limit_mm }),
        }
    }

    /// `+FDT` makes the modem agree and train; CONNECT says that the page may follow.
    pub(super) fn await_training(
        &mut self,
        judged: &FarEnd,
        host: &mut dyn CallHost,
        course: &mut Course,
    ) -> Met<()> {
        // Once page data has left, stopping would only hide what became of it.
        let may_stop = !course.page_started;
        if may_stop && host.cancelled() {
            self.leave();
            return Err(End::Ending(Ending::Stopped));
        }
        // From here to the page's first octet whatever is written may be taken for one.
        course.stood = Dialogue::AtPage;
        self.talk.start(self.dialect.send_page, self.dialect.send_page)?;
        let until = self.talk.after(TRAINING);
        let mut other_csi = None;
        let mut other_dis = None;
        loop {
            if may_stop && host.cancelled() {
                return Err(End::Ending(Ending::Stopped));
            }
            let now = self.talk.now();
            if now >= until {
                return Err(self.talk.silent(TRAINING).into());
            }
            match self.talk.reply(later(now, TICK).min(until))? {
                Some(Reply::Connect) => break,
                Some(Reply::Text(line)) => match self.word(&line) {
                    Word::Dcs(dcs) => self.agreed(&dcs, host, course)?,
                    // The far end began anew: it must still be the one that was judged.
                    Word::Csi(csi) if csi != judged.csi => other_csi = Some(csi),
                    Word::Dis(text) => other_dis = terms::dis(&text).or(other_dis),
                    Word::HungUp(hung_up) => return Err(self.hung_up(hung_up)?),
                    Word::Csi(_)
                    | Word::Connected
                    | Word::Nsf(_)
                    | Word::PageStatus(_)
                    | Word::Voice
                    | Word::Other => {}
                },
                Some(Reply::Ring) | None => {}
                Some(other) => return Err(self.talk.lost("training", &other).into()),
            }
        }
        if let Some(contract) = &course.contract {
            course.times.trained = Some(since(course.started, self.talk.now()));
            host.progress(Progress::Trained { modulation: contract.modulation });
        }
        if let Some(csi) = other_csi {
            course.csi.clone_from(&csi);
            host.progress(Progress::Identity { csi: csi.clone() });
            let go = host.far_end(&FarEnd { csi, ..judged.clone() });
            self.talk.note(What::Judged(go == Go::On));
            if go == Go::Stop {
                return Err(session_end(CallError::RefusedFarEnd));
            }
        }
        other_dis.map_or(Ok(()), |dis| self.fits(dis)).map_err(session_end)
    }

    fn agreed(&mut self, dcs: &str, host: &mut dyn CallHost, course: &mut Course) -> Met<()> {
        let contract = terms::contract(dcs);
        if contract.is_none() {
            warn!(dcs = numbers_only(dcs), "modem.contract.unusable");
        }
        if contract.is_some() && contract != course.contract {
            host.progress(Progress::Agreed(contract.clone().ok_or(Fault::NoContract)?));
        }
        course.contract = contract;
        Ok(())
    }

    /// After RTN: one rate below what was agreed, if the modem lets us say so.
    pub(super) fn slow_down(&mut self, course: &Course) -> Met<()> {
        if let Some(contract) = &course.contract {
            self.terms = self.terms.at_most(contract.modulation);
        }
        if let Some(slower) = self.terms.slower() {
            self.terms = slower;
            let text = slower.text(self.dialect.ecm_code);
            let command = format!("{}={text}", self.dialect.terms_now);
            if self.talk.command(&command, ANSWER)?.result != Reply::Ok {
                debug!("modem.terms.not_changed");
            }
        }
        Ok(())
    }
}

/// For the trace: a contract holds numbers and commas, and whatever else is there is not ours to show.
fn numbers_only(dcs: &str) -> String {
    dcs.chars().filter(|c| c.is_ascii_hexdigit() || *c == ',').take(32).collect()
}

//! The call from ATD's answer to the word on the last page.
//!
//! In: a modem that dials, the [`CallHost`]. Out: the [`Ending`], and what was seen on the way in
//! [`Course`]. Source: SP-2388-A, T.32 8.3 and 8.4; our order of what is durable before which octet: who
//! answered is judged before +FDT, the page's start is on disk before its first octet.
//! Not here: a second opinion. What the modem does not say is not known, and a page without a word on
//! it is neither confirmed nor refuted.

use super::dialect::{Dialect, PageEnd};
use super::terms::{self, Terms};
use super::words::{self, Word};
use crate::at::Reply;
use crate::call::Course;
use crate::confirmed::StatusConfirmed;
use crate::dle::{DLE, ETX, shield_open};
use crate::hang_up::Dialogue;
use crate::port::{Flow, Port};
use crate::profile::{Need, Profile};
use crate::talk::{Talk, Xon, later, since};
use crate::{CallHost, Ending, Fault, Go, HungUp, PageConfirmed, Progress};
use std::time::Duration;
use t30::{CallError, Contract, FarEnd, Millis, Phase};
use tracing::{debug, warn};

/// A set-up command; some modems write to flash.
const ANSWER: Duration = Duration::from_secs(5);
/// From the fax tone to the far end's DIS: T1 is 35 s +-5 s (T.30 5.4.3.1), and its frames.
const FAR_END: Duration = Duration::from_secs(50);
/// From +FDT to CONNECT: three tries of DCS and TCF at each of eight rates, 6 s each, are 144 s.
const TRAINING: Duration = Duration::from_secs(180);
/// XON follows CONNECT at once in the modems that send one; 5 s, of the 6 s that T2 gives the page.
const READY: Duration = Duration::from_secs(5);
/// No octet is taken for this long: longer than a block of error correction takes to be sent four
/// times at 9600 bit/s; the call's own limit ends what is slower.
const STUCK: Duration = Duration::from_secs(240);
/// From the last octet of a page to its status: what the modem still holds, three tries of the command
/// (T.30 figure 5-2b), and with error correction repeats of the last block.
const STATUS: Duration = Duration::from_secs(180);
/// A question that the modem answers by itself.
const QUESTION: Duration = Duration::from_secs(3);
/// DCN and the relay.
const LEAVE: Duration = Duration::from_secs(10);
/// OK always follows a hang-up code.
const AFTER_HANG_UP: Duration = Duration::from_secs(2);
/// Any octet stops a dialling; 5 s, because DCN may go out first.
const STOP: Duration = Duration::from_secs(5);
/// How often progress and a wish to stop are looked at while nothing else happens.
const TICK: Duration = Duration::from_millis(200);
/// How often a person sees the page move.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// How often in a call a page goes out again after RTN, as in Class 1: the receiver may have printed
/// each.
const RTN_RESENDS: u8 = 2;

/// What the modem says to a page that was taken: proof once, and only made where that is read.
#[derive(Debug)]
pub(crate) struct Taken(());

/// A call that a modem is ready to make.
pub(crate) struct Class2<'a, P> {
    pub talk: &'a mut Talk<P>,
    pub dialect: &'static Dialect,
    pub profile: &'a Profile,
    pub terms: Terms,
    pub pages: u16,
}

/// What a wait came to: what was waited for, or the end of the call.
type Met<T> = Result<T, End>;

/// Why the call is over.
enum End {
    Ending(Ending),
    Fault(Fault),
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A page status in words.
enum Status {
    Taken(Taken),
    Rejected,
    Operator,
}

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
    talk.start(&identity, dialect.our_identity)?; // our number: not in traces
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
    /// From the fax tone to the end. `course.stood` says if the modem may wait for a page then.
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
        let far_end = self.await_far_end(host, course)?;
        self.judge(&far_end, host, course)?;
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
                    self.leave()?;
                    return Err(session_end(CallError::Pin { page }));
                }
                Status::Rejected => {
                    rejected += 1;
                    if rejected > RTN_RESENDS {
                        self.leave()?;
                        return Err(session_end(CallError::Rtn { page, times: rejected }));
                    }
                    host.progress(Progress::Repeat { page, frames: 0 });
                    self.slow_down(course)?;
                }
            }
        }
        Ok(())
    }

    /// `+FCON` was said; the far end's NSF, CSI and DIS follow, and OK closes them.
    fn await_far_end(&mut self, host: &mut dyn CallHost, course: &mut Course) -> Met<FarEnd> {
        let until = self.talk.after(FAR_END);
        let mut far_end = FarEnd { csi: None, dis: Vec::new(), nsf: None };
        let mut has_dis = false;
        loop {
            if host.cancelled() {
                return Err(self.stop()?);
            }
            let now = self.talk.now();
            if now >= until {
                return Err(self.talk.silent(FAR_END).into());
            }
            match self.talk.reply(later(now, TICK).min(until))? {
                Some(Reply::Text(line)) => match self.word(&line) {
                    Word::Csi(csi) => {
                        course.csi.clone_from(&csi);
                        far_end.csi = csi;
                    }
                    Word::Dis(dis) => has_dis = terms::is_dis(&dis),
                    Word::Nsf(nsf) => far_end.nsf = nsf,
                    Word::HungUp(hung_up) => return Err(self.hung_up(hung_up)?),
                    Word::Connected
                    | Word::Dcs(_)
                    | Word::PageStatus(_)
                    | Word::Voice
                    | Word::Other => {}
                },
                Some(Reply::Ok) if has_dis => return Ok(far_end),
                Some(Reply::Ring) | None => {}
                Some(other) => return Err(self.lost("the far end's answer", &other).into()),
            }
        }
    }

    /// Before any page: is this whom we called?
    fn judge(&mut self, far_end: &FarEnd, host: &mut dyn CallHost, course: &mut Course) -> Met<()> {
        course.phase = Some(Phase::B);
        host.progress(Progress::Identity { csi: course.csi.clone() });
        if host.far_end(far_end) == Go::Stop {
            self.leave()?;
            return Err(session_end(CallError::RefusedFarEnd));
        }
        Ok(())
    }

    /// `+FDT` makes the modem agree and train; CONNECT says that the page may follow.
    fn await_training(
        &mut self,
        judged: &FarEnd,
        host: &mut dyn CallHost,
        course: &mut Course,
    ) -> Met<()> {
        // Once page data has left, stopping would only hide what became of it.
        let may_stop = !course.page_started;
        if may_stop && host.cancelled() {
            self.leave()?;
            return Err(End::Ending(Ending::Stopped));
        }
        self.talk.start(self.dialect.send_page, self.dialect.send_page)?;
        let until = self.talk.after(TRAINING);
        let mut other_csi = None;
        loop {
            if may_stop && host.cancelled() {
                // An octet would stop the training, or, if CONNECT crosses it, be one of a page.
                return Err(called_off(Ending::Stopped, course));
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
                    Word::HungUp(hung_up) => return Err(self.hung_up(hung_up)?),
                    Word::Csi(_)
                    | Word::Connected
                    | Word::Dis(_)
                    | Word::Nsf(_)
                    | Word::PageStatus(_)
                    | Word::Voice
                    | Word::Other => {}
                },
                Some(Reply::Ring) | None => {}
                Some(other) => return Err(self.lost("training", &other).into()),
            }
        }
        if let Some(contract) = &course.contract {
            course.times.trained = Some(since(course.started, self.talk.now()));
            host.progress(Progress::Trained { modulation: contract.modulation });
        }
        if let Some(csi) = other_csi {
            course.csi.clone_from(&csi);
            host.progress(Progress::Identity { csi: csi.clone() });
            if host.far_end(&FarEnd { csi, ..judged.clone() }) == Go::Stop {
                return Err(called_off(Ending::Session(CallError::RefusedFarEnd), course));
            }
        }
        Ok(())
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

    /// CONNECT is there: the page in the coding that was agreed, and how it ends.
    fn send_page(&mut self, page: u16, host: &mut dyn CallHost, course: &mut Course) -> Met<()> {
        let Some(contract) = course.contract.clone() else {
            course.stood = Dialogue::AtPage;
            return Err(Fault::NoContract.into());
        };
        if self.dialect.waits_for_xon {
            self.await_xon()?;
        }
        if !course.page_started && host.cancelled() {
            return Err(called_off(Ending::Stopped, course));
        }
        let octets = host.page(page, &contract);
        if octets.is_empty() {
            return Err(called_off(Ending::Session(CallError::PageEmpty { page }), course));
        }
        if host.page_starts(page) == Go::Stop {
            return Err(called_off(Ending::Session(CallError::PageNotAllowed { page }), course));
        }
        course.phase = Some(Phase::C);
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

    /// Only modems after SP-2388-A send one, and not all: without it RTS/CTS holds us back.
    fn await_xon(&mut self) -> Met<()> {
        match self.talk.xon(self.talk.after(READY))? {
            Xon::Came => Ok(()),
            Xon::Late => {
                debug!("modem.xon.none");
                Ok(())
            }
            Xon::Reply(Reply::Text(line)) => match self.word(&line) {
                Word::HungUp(hung_up) => Err(self.hung_up(hung_up)?),
                Word::Connected
                | Word::Csi(_)
                | Word::Dis(_)
                | Word::Dcs(_)
                | Word::Nsf(_)
                | Word::PageStatus(_)
                | Word::Voice
                | Word::Other => Ok(()),
            },
            Xon::Reply(other) => Err(self.lost("the start of a page", &other).into()),
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
        course.page_started = true;
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
                Some(other) => return Err(self.lost("a page", &other).into()),
            }
        }
        host.progress(Progress::Page { page, octets: of, of });
        course.phase = Some(Phase::D);
        Ok(())
    }

    /// The page is with the modem: what does the far end say to it?
    ///
    /// Taken only if a status says so, nothing else in the same breath speaks against it, and the
    /// modem's own OK agrees: a status that is left over from an earlier page does not count.
    fn await_status(&mut self, page: u16) -> Met<Status> {
        let command = match self.dialect.page_end {
            PageEnd::Mark { .. } => None,
            PageEnd::Command { next_page, no_more } => {
                match self.hear(STATUS)? {
                    (heard, Reply::Ok) if heard.hung_up.is_none() => {}
                    (heard, result) => return Err(self.no_status(heard, &result)),
                }
                Some(if self.is_last(page) { no_more } else { next_page })
            }
        };
        if let Some(command) = command {
            self.talk.start(command, command)?;
        }
        let (mut heard, result) = self.hear(STATUS)?;
        let good = match result {
            Reply::Ok => true,
            Reply::Error => false,
            other => return Err(self.no_status(heard, &other)),
        };
        if let (PageEnd::Mark { question, .. }, None) = (self.dialect.page_end, heard.status) {
            let answer = self.talk.command(question, QUESTION)?;
            if answer.result == Reply::Ok {
                heard.status = answer.text.iter().find_map(|line| words::page_status(line));
            }
        }
        let contradicted = heard.contradicted
            || heard.hung_up.as_ref().is_some_and(|it| it.cause().contradicts_a_confirmation());
        match (heard.status, good, contradicted) {
            // MCF, RTP and PIP.
            (Some(1 | 3 | 5), true, false) => Ok(Status::Taken(Taken(()))),
            // RTN; a modem that has hung up sends nothing again.
            (Some(2), _, _) if heard.hung_up.is_none() => Ok(Status::Rejected),
            (Some(2), _, _) => Err(session_end(CallError::Rtn { page, times: 1 })),
            (Some(4), _, _) if heard.hung_up.is_none() => Ok(Status::Operator),
            (Some(4), _, _) => Err(session_end(CallError::Pin { page })),
            (status, _, _) => {
                warn!(page, ?status, good, contradicted, "modem.page_status.missing");
                Err(match heard.hung_up {
                    Some(hung_up) => End::Ending(Ending::HungUp(hung_up)),
                    None => Fault::NoPageStatus { page }.into(),
                })
            }
        }
    }

    /// Everything until a final result.
    fn hear(&mut self, wait: Duration) -> Met<(Heard, Reply)> {
        let until = self.talk.after(wait);
        let mut heard = Heard::default();
        loop {
            match self.talk.reply(until)? {
                Some(Reply::Text(line)) => heard.take(self.word(&line)),
                Some(Reply::Ring | Reply::Connect) => {}
                Some(result) => return Ok((heard, result)),
                // A modem that hung up and keeps its OK to itself has said all.
                None if heard.hung_up.is_some() => return Ok((heard, Reply::Ok)),
                None => return Err(self.talk.silent(wait).into()),
            }
        }
    }

    /// No status can come any more.
    fn no_status(&self, heard: Heard, result: &Reply) -> End {
        match heard.hung_up {
            Some(hung_up) => End::Ending(Ending::HungUp(hung_up)),
            None => End::Fault(self.lost("the end of a page", result)),
        }
    }

    fn confirm(&self, page: u16, taken: Taken, host: &mut dyn CallHost, course: &mut Course) {
        course.pages_confirmed = course.pages_confirmed.saturating_add(1);
        course.times.confirmed = Some(since(course.started, self.talk.now()));
        host.page_confirmed(PageConfirmed::Status(StatusConfirmed::new(page, taken)));
        host.progress(Progress::Confirmed { page });
    }

    /// After RTN: one rate below what was agreed, if the modem lets us say so.
    fn slow_down(&mut self, course: &Course) -> Met<()> {
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

    /// A hang-up by the modem.
    fn hung_up(&mut self, hung_up: HungUp) -> Result<End, Fault> {
        hear_out(self.talk)?;
        Ok(End::Ending(Ending::HungUp(hung_up)))
    }

    /// While the modem dials, any octet stops it.
    fn stop(&mut self) -> Result<End, Fault> {
        if self.talk.stop(self.profile.abort, STOP)? {
            Ok(End::Ending(Ending::Stopped))
        } else {
            Err(self.talk.silent(STOP))
        }
    }

    /// DCN between pages. A modem that refuses is hung up by ATH.
    fn leave(&mut self) -> Result<(), Fault> {
        let answer = self.talk.command(self.dialect.leave, LEAVE)?;
        if answer.result != Reply::Ok {
            debug!(result = answer.result.name(), "modem.leave.refused");
        }
        Ok(())
    }

    fn word(&self, line: &str) -> Word {
        Word::parse(line, self.dialect.edition)
    }

    fn is_last(&self, page: u16) -> bool {
        page.saturating_add(1) >= self.pages
    }

    /// The meaning of a result that ends what we were doing.
    fn lost(&self, during: &'static str, reply: &Reply) -> Fault {
        match reply {
            Reply::NoCarrier | Reply::Busy | Reply::NoAnswer | Reply::NoDialTone => {
                Fault::Dropped { during, word: reply.name() }
            }
            Reply::Error => self.talk.refused(),
            Reply::Ok
            | Reply::Connect
            | Reply::Ring
            | Reply::DialRefused(_)
            | Reply::Voice
            | Reply::FcError
            | Reply::Text(_) => self.talk.nonsense(reply),
        }
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

/// What was said on the way to a final result.
#[derive(Debug, Default)]
struct Heard {
    status: Option<u8>,
    /// Two statuses that differ, or one that is no number.
    contradicted: bool,
    hung_up: Option<HungUp>,
}

impl Heard {
    fn take(&mut self, word: Word) {
        match word {
            Word::PageStatus(status) => {
                self.contradicted |=
                    status.is_none() || self.status.is_some_and(|before| Some(before) != status);
                // Of two the one that claims less.
                self.status = match (self.status, status) {
                    (Some(1 | 3 | 5), Some(now)) => Some(now),
                    (Some(before), _) => Some(before),
                    (None, now) => now,
                };
            }
            Word::HungUp(hung_up) => self.hung_up = Some(hung_up),
            Word::Connected
            | Word::Csi(_)
            | Word::Dis(_)
            | Word::Dcs(_)
            | Word::Nsf(_)
            | Word::Voice
            | Word::Other => {}
        }
    }
}

/// The modem waits, or is about to wait, for a page that it shall not get. Whatever is written now may be
/// taken for one, so the call is ended without a word (`hang_up.rs`).
fn called_off(ending: Ending, course: &mut Course) -> End {
    course.stood = Dialogue::AtPage;
    End::Ending(ending)
}

fn session_end(error: CallError) -> End {
    End::Ending(Ending::Session(error))
}

/// For the trace: a contract holds numbers and commas, and whatever else is there is not ours to show.
fn numbers_only(dcs: &str) -> String {
    dcs.chars().filter(|c| c.is_ascii_hexdigit() || *c == ',').take(32).collect()
}

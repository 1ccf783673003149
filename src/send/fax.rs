//! One fax call: the driver dials and talks, this host decides and writes down.
//!
//! In: a claim and an open modem line. Out: steps of the attempt, each on disk before its side
//! effect, and the settled result before the line is let go.
//! Source: the order of writes is the attempt's state machine, `job/state.rs`.
//! Not here: AT and T.30 (`drivers`), the meaning of an ending (`settle/verdict.rs`).

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use modem::{CallHost, CallReport, CallTimes, DialTone, Ending, Go, HangUpCause, Port, Progress};
use serde_json::json;

use super::line_test::{self, How, Plan, Watch};
use super::sheets::{Coded, NoSheet, SheetMarks, Sheets};
use super::tag_line::TagLine;
use super::trace::{self, Over};
use super::{Carried, Carrier, DeviceMark, LineFault, ModemFacts, journal, result};
use crate::app::clock::Clock;
use crate::app::crash::{self, Point};
use crate::job::{FaxNumber, JobId, Language, Live, ProgressBoard, UnixMillis, hex};
use crate::office::identity::{self, Identity, Judgement, OnAbsent};
use crate::office::known::Known;
use crate::office::terms::{self, CallTerms, LineLimits};
use crate::queue::{Claim, LineAsk, Pending, Queue, QueueError, Step, Unreadable};
use crate::render::Renderer;
use crate::schedule::windows::Windows;
use crate::settle::{self, Outcome, Seen, Settlement, Stop, receipt};

/// Longest wait for any other step or result to reach the disk; its slowest COMMIT takes about 0.1 s.
const STORE_WAIT: Duration = Duration::from_secs(5);

/// Longest wait for PAGE_STARTED to reach the disk: the called machine waits T2, 6 s, for a page
/// (T.30 5.4.3.1), and a page that is not started is better than one nobody recorded.
const PAGE_START_WAIT: Duration = Duration::from_secs(2);

/// Longest wait for what is remembered of the number once its machine has said who it is: the store's reader takes
/// some ms, and a machine that gets no answer says its DIS again after 3 s (T4, T.30 5.4.3.1).
const RECALL_WAIT: Duration = Duration::from_millis(500);

/// What every line of the appliance shares.
pub struct Desk {
    pub queue: Arc<dyn Queue>,
    pub renderer: Arc<Renderer>,
    pub marks: SheetMarks,
    pub clock: Arc<dyn Clock>,
    pub board: ProgressBoard,
    pub windows: Windows,
    pub on_absent: OnAbsent,
    /// The appliance stops: calls without page data end, others finish.
    pub stopping: AtomicBool,
    pub runtime: tokio::runtime::Handle,
}

/// How this line calls.
#[derive(Clone, Debug)]
pub struct FaxSettings {
    pub line: modem::LineSettings,
    pub tsi: Option<String>,
    pub limits: LineLimits,
}

/// A modem and the settings of its line.
pub struct FaxCarrier {
    desk: Arc<Desk>,
    settings: FaxSettings,
    line: Option<modem::Line>,
}

impl FaxCarrier {
    /// Opens nothing yet: [`Carrier::make_ready`] does.
    pub fn new(desk: Arc<Desk>, settings: FaxSettings) -> Self {
        Self { desk, settings, line: None }
    }

    fn open(&mut self) -> Result<(), modem::LineError> {
        crash::here(Point::DeviceOpens);
        match self.line.as_mut() {
            Some(line) => line.make_ready(),
            None => {
                self.line = Some(modem::Line::open(self.settings.line.clone())?);
                Ok(())
            }
        }
    }

    /// The pages of a call that begins as soon as they are there. Their tag line has the minute in which they were
    /// drawn; the modem dials seconds later.
    fn sheets(&self, claim: &Claim) -> Result<Coded, NoSheet> {
        let Desk { renderer, clock, .. } = self.desk.as_ref();
        let sheets = Sheets::draw(renderer, claim)?;
        let tsi = self.settings.tsi.as_deref();
        let tag_line = TagLine::of(&claim.job, renderer.site(), tsi, clock.now());
        sheets.stamped(&tag_line)?.coded()
    }
}

impl Carrier for FaxCarrier {
    fn name(&self) -> &str {
        &self.settings.line.name
    }

    fn device(&self) -> DeviceMark {
        DeviceMark::of(&self.settings.line.device)
    }

    fn ask(&self, _now: UnixMillis) -> LineAsk {
        LineAsk { line: self.settings.line.name.clone(), secrets: true, watch: None }
    }

    fn make_ready(&mut self) -> Result<(), LineFault> {
        self.open().map_err(|error| {
            // What is known of the device may be out of date: the next try opens it anew.
            self.line = None;
            LineFault { code: error.code(), message: error.to_string() }
        })
    }

    fn dial_tone(&mut self) -> Result<(), LineFault> {
        self.make_ready()?;
        match self.line.as_mut().map(modem::Line::dial_tone) {
            Some(Ok(DialTone::None)) => Err(LineFault::no_dial_tone()),
            Some(Ok(DialTone::Heard | DialTone::Ringing | DialTone::Unknown(_))) | None => Ok(()),
            Some(Err(error)) => Err(LineFault { code: error.code(), message: error.to_string() }),
        }
    }

    fn modem(&self) -> Option<ModemFacts> {
        let (model, class) = self.line.as_ref()?.modem()?;
        Some(ModemFacts { model: model.to_owned(), class: class.to_string() })
    }

    fn is_ringing(&self) -> bool {
        self.line.as_ref().is_some_and(modem::Line::is_ringing)
    }

    fn rings(&self) -> u64 {
        self.line.as_ref().map_or(0, modem::Line::rings)
    }

    fn carry(&mut self, claim: Claim) -> Result<Carried, QueueError> {
        let mut host = FaxHost::new(&self.desk, &claim);
        let report = match (self.sheets(&claim), self.line.as_mut()) {
            (Ok(sheets), Some(line)) => {
                crash::here(Point::SheetProven);
                call_over(line, &self.settings, sheets, &mut host)
            }
            (Ok(_), None) => not_called("no line is open"),
            (Err(error), _) => {
                tracing::error!(job = %claim.id, code = error.code(), %error, "fax.sheet.failed");
                host.seen.stop = Some(error.stop());
                not_called("no sheet")
            }
        };
        let fault = line_fault(&report);
        let CallTimes { answered, hung_up, .. } = report.times;
        let connected = answered.zip(hung_up).map(|(begin, end)| end.saturating_sub(begin));
        let connected = connected.unwrap_or_default();
        host.finish(&report).map(|code| Carried { code, fault, connected })
    }

    fn test(&mut self, plan: Plan<'_>, watch: &dyn Watch) {
        let opened = self.open();
        let Self { desk, settings, line } = self;
        let how = How {
            country: settings.line.country,
            tsi: settings.tsi.clone(),
            fastest: settings.limits.fastest.0,
            ecm: settings.limits.ecm,
            sheet: &|| test_sheet(desk, settings),
        };
        match (opened, line.as_mut()) {
            (Ok(()), Some(line)) => line_test::run(line, &how, plan, watch),
            (Err(error), _) => line_test::not_opened(&error, watch),
            (Ok(()), None) => {} // an open line is there
        }
    }
}

/// The sheet by which a technician judges this line, for a call that begins as soon as it is there, and its id.
fn test_sheet(desk: &Desk, settings: &FaxSettings) -> Result<(JobId, Coded), NoSheet> {
    let (line, now) = (&settings.line.name, desk.clock.now());
    // The time once more instead of chance: the reference only tells one test from the next.
    let id = JobId::new(now, u128::from(now.0.unsigned_abs()));
    let language = Language::default();
    let tag_line = TagLine {
        at: now,
        sender: &desk.renderer.site().in_language(language).name,
        tsi: settings.tsi.as_deref(),
        receiver: line,
    };
    let drawn = desk.renderer.draw_line_test(id, line, language)?;
    Ok((id, Sheets::without_secret(drawn).stamped(&tag_line)?.coded()?))
}

/// The call of a claim over an open line.
fn call_over<P: Port>(
    line: &mut modem::Line<P>,
    settings: &FaxSettings,
    sheets: Coded,
    host: &mut FaxHost<'_>,
) -> CallReport {
    let (claim, now) = (host.claim, host.desk.clock.now());
    let longest_page_mm = sheets.length_mm();
    host.sheets = Some(sheets);
    let terms =
        terms::of_next_call(&claim.known, &settings.limits, claim.job.kind().has_secret(), now);
    host.note_terms(&terms);
    let number = &claim.job.recipient.fax;
    let call = modem::Call {
        digits: number.digits().to_owned(),
        tsi: settings.tsi.clone(),
        pages: 1,
        fine: true,
        ecm: terms.ecm,
        t85: terms.t85,
        fastest: terms.fastest.0,
        longest_page_mm,
        sub: None,
        pwd: None,
    };
    line.call(&call, host)
}

/// What the modem or the telephone line did wrong in a call, and nobody else: a line that the far end let go
/// is no fault of it.
fn line_fault(report: &CallReport) -> Option<LineFault> {
    let off_hook = (!report.hang_up_verified).then(|| {
        let fault = modem::Fault::OffHook;
        LineFault { code: fault.code(), message: fault.to_string() }
    });
    match &report.ending {
        Ending::Modem { code, detail } => {
            let elsewhere = matches!(
                *code,
                "number-not-digits"
                    | "own-identity"
                    | "box-needs-class-1"
                    | "line-dropped"
                    | "call-limit"
            );
            (!elsewhere).then(|| LineFault { code, message: detail.clone() })
        }
        Ending::NoDialTone => off_hook.or_else(|| Some(LineFault::no_dial_tone())),
        // Once somebody has answered, it was the exchange that cut the current.
        Ending::HungUp(hung_up)
            if hung_up.cause() == HangUpCause::NoLoopCurrent && report.times.answered.is_none() =>
        {
            off_hook.or_else(|| Some(LineFault::no_loop_current()))
        }
        Ending::Delivered
        | Ending::Busy
        | Ending::NoAnswer
        | Ending::NoCarrier
        | Ending::NoWord
        | Ending::DialRefused { .. }
        | Ending::Glare
        | Ending::Voice
        | Ending::Stopped
        | Ending::Session(_)
        | Ending::HungUp(_) => off_hook,
    }
}

/// The report of a call that was not begun.
fn not_called(detail: &str) -> CallReport {
    tracing::debug!(detail, "fax.not_called");
    CallReport {
        ending: Ending::Stopped,
        page_started: false,
        pages_confirmed: 0,
        phase: None,
        csi: None,
        contract: None,
        t85: t30::T85::Unasked,
        times: CallTimes::default(),
        hang_up_verified: true,
        trace: modem::Trace::default(),
    }
}

/// The decisions of one call.
struct FaxHost<'a> {
    desk: &'a Desk,
    claim: &'a Claim,
    /// There before the driver is given the call.
    sheets: Option<Coded>,
    /// Names the pels that were coded for this call.
    sent_mark: Option<[u8; 32]>,
    /// Who answered, what was tried first, and why we ended the call, if we did.
    seen: Seen,
    /// ATD, or the beginning as long as that is to come.
    began_at: UnixMillis,
    /// The result on its way to the disk, once the driver has asked for it.
    settling: Option<Settling>,
    /// The store's answer to it.
    settled: Option<Result<(), QueueError>>,
}

/// A result that is being stored.
struct Settling {
    settlement: Settlement,
    pending: Pending<()>,
}

impl<'a> FaxHost<'a> {
    fn new(desk: &'a Desk, claim: &'a Claim) -> Self {
        Self {
            desk,
            claim,
            sheets: None,
            sent_mark: None,
            seen: Seen::default(),
            began_at: desk.clock.now(),
            settling: None,
            settled: None,
        }
    }

    /// Waits for the result to be on disk, and notes the hang-up. Gives the code of the ending.
    fn finish(mut self, report: &CallReport) -> Result<&'static str, QueueError> {
        if self.settling.is_none() {
            self.result_before_hang_up(report);
        }
        let code = self.settling.as_ref().map(|settling| settling.settlement.code);
        let stored = self.stored();
        if let Some(code) = code {
            let number = &self.claim.job.recipient.fax;
            let (attempt, line) = (Some(self.claim.attempt), self.claim.line.clone());
            let call = Over { attempt, line, number, began_at: self.began_at, code };
            trace::keep(self.desk.queue.as_ref(), call, report);
        }
        if let Some(at) = report.times.hung_up {
            let line_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
            let verified = report.hang_up_verified;
            self.rung("hung_up", json!({ "line_ms": line_ms, "verified": verified }));
            if !verified {
                tracing::error!(line = self.claim.line, "line.hang_up.unverified");
            }
        }
        self.desk.board.clear(self.claim.id);
        // Without a settlement nothing was stored: this is an error.
        stored.map(|()| code.unwrap_or("stopped"))
    }

    /// The store's last word on the result.
    fn stored(&mut self) -> Result<(), QueueError> {
        let Some(Settling { settlement, pending }) = self.settling.take() else {
            return Err(QueueError::Stopped);
        };
        let first = self.settled.take().unwrap_or_else(|| pending.wait());
        let (queue, Claim { id, attempt, .. }) = (self.desk.queue.as_ref(), self.claim);
        self.desk.runtime.block_on(result::stored(queue, *id, *attempt, &settlement, first))
    }

    /// The store's answer, if it comes in time.
    fn within<T>(
        &self,
        longest: Duration,
        pending: &mut Pending<T>,
    ) -> Option<Result<T, QueueError>> {
        let answer = async { tokio::time::timeout(longest, pending).await };
        self.desk.runtime.block_on(answer).ok()
    }

    /// As [`Self::within`]; a late answer is none, and what waits for it does not happen.
    fn stored_within(
        &self,
        longest: Duration,
        pending: &mut Pending<()>,
    ) -> Result<(), QueueError> {
        self.within(longest, pending).unwrap_or(Err(QueueError::Stopped))
    }

    /// What is remembered of the number now: a technician may have locked it, or had it forgotten, since the
    /// claim. If the store does not say so in time, or cannot read it, what it was at the claim.
    fn known(&self, number: &FaxNumber) -> Cow<'_, Known> {
        let mut pending = self.desk.queue.known(number.clone());
        match self.within(RECALL_WAIT, &mut pending) {
            Some(Ok(None)) => Cow::Owned(Known::default()),
            Some(Ok(Some(Ok(known)))) => Cow::Owned(known),
            Some(Ok(Some(Err(Unreadable { .. }))) | Err(_)) | None => {
                tracing::warn!(job = %self.claim.id, "fax.number.not_recalled");
                Cow::Borrowed(&self.claim.known)
            }
        }
    }

    fn step(&self, step: Step) -> Pending<()> {
        self.desk.queue.step(self.claim.attempt, step)
    }

    /// Notes a rung for people; the call does not wait for it.
    fn rung(&self, name: &'static str, detail: serde_json::Value) {
        drop(self.step(Step::Rung { now: self.desk.clock.now(), name, detail }));
    }

    /// Says with which settings the call is made, and why not with all that the line can.
    fn note_terms(&self, terms: &CallTerms) {
        let mut detail = json!({
            "fastest": terms.fastest.family(),
            "fastest_bps": terms.fastest.0.rate_bps(),
            "ecm": terms.ecm,
            "t85": terms.t85,
        });
        let why: Vec<&str> = terms.why.iter().map(|why| why.reason.as_str()).collect();
        if !why.is_empty() {
            detail["why"] = json!(why.join(", "));
        }
        self.rung("settings", detail);
    }

    fn live(&self, phase: &'static str, percent: Option<u8>) {
        let line = self.claim.line.clone();
        self.desk.board.set(self.claim.id, Live { line, phase, percent });
    }

    /// Goes on only if the step is on disk.
    fn go(&mut self, what: &'static str, stored: Result<(), QueueError>) -> Go {
        match stored {
            Ok(()) => Go::On,
            Err(QueueError::NotAllowed { .. }) if self.cancelled() => {
                self.seen.stop = Some(self.why_cancelled());
                Go::Stop
            }
            Err(QueueError::Held) => {
                self.seen.stop = Some(Stop::Held);
                Go::Stop
            }
            Err(error) => {
                tracing::error!(job = %self.claim.id, what, %error, "fax.step.not_stored");
                self.seen.stop = Some(Stop::NotStored);
                Go::Stop
            }
        }
    }

    fn why_cancelled(&self) -> Stop {
        if self.desk.queue.stop_wanted(self.claim.attempt) {
            Stop::Cancelled
        } else {
            Stop::ShuttingDown
        }
    }
}

impl CallHost for FaxHost<'_> {
    fn dial_starts(&mut self) -> Go {
        let fine = self.sheets.as_ref().map(|sheets| sheets.page(t30::Resolution::Fine));
        let sheet_mark = fine.map(|page| self.desk.marks.of(page)).unwrap_or_default();
        let step = Step::Dialing { now: self.desk.clock.now(), sheet_mark };
        crash::here(Point::DialAsked);
        let stored = self.stored_within(STORE_WAIT, &mut self.step(step));
        crash::here(Point::DialCommitted);
        self.began_at = self.desk.clock.now();
        self.go("dialing", stored)
    }

    fn far_end(&mut self, far_end: &t30::FarEnd) -> Go {
        let number = &self.claim.job.recipient.fax;
        let Judgement { identity, allowed } = identity::judge(
            far_end.csi.as_deref(),
            number,
            &self.known(number),
            self.desk.on_absent.for_sheet(self.claim.job.kind().has_secret()),
            self.desk.clock.now(),
        );
        self.seen.far_end = Some(far_end.clone());
        self.seen.identity = Some(identity);
        self.rung("identity", json!({ "verdict": identity.as_str(), "allowed": allowed }));
        self.live("identity", None);
        if allowed {
            crash::here(Point::FarEndJudged);
            return Go::On;
        }
        self.seen.stop = Some(match identity {
            Identity::Conflict => Stop::IdentityConflict,
            Identity::Learnt => Stop::IdentityNotLocked,
            Identity::Absent | Identity::Exact => Stop::IdentityAbsent,
        });
        Go::Stop
    }

    fn lengths(&mut self, _page: u16, contracts: &[t30::Contract]) -> Vec<usize> {
        self.sheets.as_mut().map(|sheets| sheets.lengths(contracts)).unwrap_or_default()
    }

    /// The driver refuses an empty page, and ends the call before anything of a page has left.
    fn page(&mut self, _page: u16, contract: &t30::Contract) -> Vec<u8> {
        let Some(sheets) = self.sheets.as_mut() else { return Vec::new() };
        self.sent_mark = Some(self.desk.marks.of(sheets.page(contract.resolution)));
        match sheets.octets(contract) {
            Ok(octets) => octets.to_vec(),
            Err(error) => {
                tracing::error!(job = %self.claim.id, code = error.code(), %error, "fax.sheet.failed");
                self.seen.stop = Some(Stop::SheetOctetsWrong);
                Vec::new()
            }
        }
    }

    fn page_starts(&mut self, page: u16) -> Go {
        let step = Step::PageStarted { now: self.desk.clock.now(), page };
        crash::here(Point::PageAsked);
        let stored = self.stored_within(PAGE_START_WAIT, &mut self.step(step));
        crash::here(Point::PageCommitted);
        let go = self.go("page_started", stored);
        if go == Go::On {
            self.live("page", Some(0));
        }
        go
    }

    fn page_confirmed(&mut self, proof: modem::PageConfirmed) {
        crash::here(Point::PageAcknowledged);
        self.rung("page_confirmed", json!({ "page": proof.page() + 1 }));
    }

    fn result_before_hang_up(&mut self, report: &CallReport) {
        if report.ending == Ending::Stopped && self.seen.stop.is_none() {
            self.seen.stop = Some(self.why_cancelled());
        }
        let outcome = Outcome::of(report, &self.seen);
        let now = self.desk.clock.now();
        let mut settlement = settle::settle(&outcome, self.claim.standing, now, &self.desk.windows);
        if let (Some(receipt), Some(mark)) = (settlement.receipt.as_object_mut(), self.sent_mark) {
            receipt.insert("sheet_mark".to_owned(), json!(hex(&mark)));
        }
        let Claim { id, attempt, line, .. } = self.claim;
        journal::settled(*id, *attempt, line, &settlement);
        let pending = self.desk.queue.settle(self.claim.attempt, settlement.clone());
        let mut settling = Settling { settlement, pending };
        // A disk that hangs must not hold the telephone line: the rest is waited for on-hook.
        match self.within(STORE_WAIT, &mut settling.pending) {
            Some(stored) => {
                self.settled = Some(stored);
                crash::here(Point::CallSettled);
            }
            None => tracing::error!(job = %self.claim.id, "fax.result.late"),
        }
        self.settling = Some(settling);
    }

    fn progress(&mut self, progress: Progress) {
        match progress {
            Progress::Dialling => {
                let number = &self.claim.job.recipient.fax;
                let (job, line) = (self.claim.id, &self.claim.line);
                tracing::info!(%job, line, to = %number, "fax.dialling"); // shows the last four digits
                self.live("dialling", None);
            }
            Progress::Answered => {
                self.live("answered", None);
                self.rung("answered", json!({}));
                crash::here(Point::Answered);
            }
            Progress::Identity { .. } => {} // noted with its verdict in `far_end`
            Progress::Agreed(contract) => {
                self.rung("agreed", receipt::contract(&contract));
            }
            Progress::Training { modulation, tries } => {
                self.seen.tried.get_or_insert(modulation);
                self.live("training", None);
                self.rung("training", json!({ "rate_bps": modulation.rate_bps(), "try": tries }));
            }
            Progress::Trained { .. } => {}
            Progress::Page { octets, of, .. } => {
                let percent = u8::try_from(octets * 100 / of.max(1)).unwrap_or(100);
                self.live("page", Some(percent));
                if octets < of {
                    crash::here(Point::PageMidway);
                } else {
                    crash::here(Point::PageLeft);
                }
            }
            Progress::Repeat { page, frames } => {
                self.rung("repeat", json!({ "page": page + 1, "frames": frames }));
            }
            Progress::Confirmed { .. } => self.live("confirmed", None),
            Progress::HungUp => {
                self.live("hung_up", None);
                crash::here(Point::CallHungUp);
            }
        }
    }

    fn cancelled(&self) -> bool {
        self.desk.stopping.load(Ordering::Acquire)
            || self.desk.queue.stop_wanted(self.claim.attempt)
    }
}

#[cfg(test)]
mod tests;

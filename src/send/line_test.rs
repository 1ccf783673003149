//! The test of one line, step by step: modem, country, dial tone, a ring at another line of ours, a fax machine.
//!
//! In: an open modem line and a [`Plan`] of what may be called. Out: a [`Step`] each, told as it ends.
//! A step that cannot be made here is skipped with its reason and is no failure. After a failed modem nothing
//! else is tried.
//! No page and no call of a test is anybody's notification: the line that is rung never answers, and the fax
//! machine is let go with DCN once it has said DIS (T.30 4.3.3, 5.3.6.1.7), unless a person wants to see a page come
//! out of it: then it gets the sheet of a line test, whatever it calls itself, for there is no secret on it.
//! Not here: when a test is due and which calls are allowed (`schedule/self_test.rs`), the AT commands
//! (`drivers/modem/src/check.rs`).

use modem::{
    Call, CallHost, CallReport, Country, DialTone, Ending, Go, HangUpCause, LineError, Port,
    Progress,
};

use super::sheets::{Coded, NoSheet};
use crate::job::names::stable_names;
use crate::job::number::mask;
use crate::job::{FaxNumber, JobId, UnixMillis};

/// What is tried, in this order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StepName {
    /// The modem answers and can be set up.
    Modem,
    /// It is set to the country of the settings.
    Country,
    /// The exchange is there.
    DialTone,
    /// Another line of ours rings when this one dials it.
    LoopCall,
    /// A fax machine answers at the test number.
    TestCall,
    /// It takes a page.
    TestPage,
    /// The mail relay takes mail, of a line that is a service reached by it.
    Relay,
    /// What is known of that service.
    Service,
}

stable_names!(StepName {
    Modem => "modem",
    Country => "country",
    DialTone => "dial-tone",
    LoopCall => "loop-call",
    TestCall => "test-call",
    TestPage => "test-page",
    Relay => "relay",
    Service => "service",
});

/// What to do about a telephone line that is dead.
pub const DEAD_LINE: &str = "put a telephone on this socket: if it is dead too, call the telephone company; else check the \
     cable to the modem and whether another device is off-hook";

/// How a step ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// What was found.
    Passed(String),
    /// Why it could not be tried.
    Skipped(String),
    /// A stable code, and what to do.
    Failed { code: &'static str, what_to_do: String },
}

/// A step that was made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    pub name: StepName,
    pub took_ms: u64,
    pub outcome: Outcome,
}

impl Step {
    pub fn has_failed(&self) -> bool {
        match self.outcome {
            Outcome::Failed { .. } => true,
            Outcome::Passed(_) | Outcome::Skipped(_) => false,
        }
    }
}

/// What this test may do besides asking the modem.
pub struct Plan<'a> {
    /// The other line to ring, or why none is.
    pub loop_call: Result<Loop<'a>, String>,
    /// The number at which a fax machine answers, or why it is not called.
    pub test_call: Result<FaxNumber, String>,
    /// That machine gets a page.
    pub page: bool,
}

/// Another line of ours.
pub struct Loop<'a> {
    pub name: String,
    pub number: FaxNumber,
    /// How often it has rung, as far as it was last looked; at once.
    pub rings: &'a dyn Fn() -> u64,
    /// How often it has rung by now; `None` if nobody looks after it just now.
    pub look: &'a dyn Fn() -> Option<u64>,
}

/// Who follows a test.
pub trait Watch {
    fn now(&self) -> UnixMillis;
    fn starts(&self, step: StepName);
    fn ended(&self, step: Step);
    /// A number is to go out now. With leave it counts for the redial rule.
    ///
    /// # Errors
    /// Why it may not.
    fn may_dial(&self, number: &FaxNumber) -> Result<(), String>;
    /// It was answered.
    fn answered(&self, number: &FaxNumber);
    /// A call is over.
    fn called(&self, number: &FaxNumber, began_at: UnixMillis, report: &CallReport);
    /// Nothing further is to be begun.
    fn stopping(&self) -> bool;
}

/// How a test's calls are made.
pub struct How<'a> {
    pub country: Option<u8>,
    pub tsi: Option<String>,
    pub fastest: t30::Modulation,
    pub ecm: bool,
    /// Draws the sheet of a line test, for a call that begins at once, and says its id.
    pub sheet: &'a dyn Fn() -> Result<(JobId, Coded), NoSheet>,
}

/// Tests a line. Blocks its thread: half a minute, two with a test call, some more with a page.
pub fn run<P: Port>(line: &mut modem::Line<P>, how: &How<'_>, plan: Plan<'_>, watch: &dyn Watch) {
    let step = |name: StepName, made: &mut dyn FnMut() -> Outcome| {
        watch.starts(name);
        let began = watch.now();
        let outcome = if watch.stopping() { skipped("the gateway stops") } else { made() };
        let took_ms = u64::try_from(watch.now().0.saturating_sub(began.0)).unwrap_or(0);
        let step = Step { name, took_ms, outcome };
        let goes_on = !step.has_failed();
        watch.ended(step);
        goes_on
    };
    if !step(StepName::Modem, &mut || match line.make_ready() {
        Ok(()) => Outcome::Passed(String::from("answers and is set up")),
        Err(error) => failed(&error),
    }) {
        return;
    }
    step(StepName::Country, &mut || country(line, how.country));
    let has_dial_tone = step(StepName::DialTone, &mut || dial_tone(line));
    step(StepName::LoopCall, &mut || match &plan.loop_call {
        Err(why) => skipped(why),
        Ok(_) if !has_dial_tone => skipped("without a dial tone nothing is dialled"),
        Ok(peer) => loop_call(line, how, peer, watch),
    });
    let last = if plan.page { StepName::TestPage } else { StepName::TestCall };
    step(last, &mut || match &plan.test_call {
        Err(why) => skipped(why),
        Ok(_) if !has_dial_tone => skipped("without a dial tone nothing is dialled"),
        Ok(number) if plan.page => test_page(line, how, number, watch),
        Ok(number) => test_call(line, how, number, watch),
    });
}

/// The steps of a test of a line whose modem could not be opened.
pub fn not_opened(error: &LineError, watch: &dyn Watch) {
    watch.starts(StepName::Modem);
    watch.ended(Step { name: StepName::Modem, took_ms: 0, outcome: failed(error) });
}

fn country<P: Port>(line: &mut modem::Line<P>, wanted: Option<u8>) -> Outcome {
    match (line.country(), wanted) {
        (Err(error), _) => failed(&error),
        (Ok(Country::Unknown), _) => skipped("the modem does not say its country"),
        (Ok(Country::Is(is)), Some(wanted)) if is != wanted => Outcome::Failed {
            code: "country-not-set",
            what_to_do: format!(
                "the modem keeps country {is:02X} (T.35) and not {wanted:02X}: use one that is approved for this \
                 country, or correct `country`"
            ),
        },
        (Ok(Country::Is(is)), _) => Outcome::Passed(format!("+GCI {is:02X}, read back")),
    }
}

fn dial_tone<P: Port>(line: &mut modem::Line<P>) -> Outcome {
    match line.dial_tone() {
        Ok(DialTone::Heard) => Outcome::Passed(String::from("heard")),
        Ok(DialTone::None) => {
            Outcome::Failed { code: "no-dial-tone", what_to_do: DEAD_LINE.into() }
        }
        Ok(DialTone::Ringing) => skipped("somebody calls this line just now"),
        Ok(DialTone::Unknown(said)) => {
            skipped(&format!("the modem cannot listen for it alone (it said {said})"))
        }
        Err(error) => failed(&error),
    }
}

fn loop_call<P: Port>(
    line: &mut modem::Line<P>,
    how: &How<'_>,
    peer: &Loop<'_>,
    watch: &dyn Watch,
) -> Outcome {
    // A ring that somebody else gave it before is no answer to ours.
    let Some(before) = (peer.look)() else { return not_looked_after(peer) };
    let rang = || (peer.rings)() > before;
    let mut host = TestHost::new(watch, &peer.number, &rang);
    let began_at = watch.now();
    let report = line.call(&call(how, &peer.number), &mut host);
    if let Some(why) = host.not_dialled {
        return skipped(&why);
    }
    watch.called(&peer.number, began_at, &report);
    if rang() {
        return on_hook(&report, format!("{} rings", peer.name));
    }
    if let Some(failed) = could_not_dial(&report) {
        return failed;
    }
    match report.ending {
        Ending::Busy => skipped(&format!("{} is engaged", peer.name)),
        Ending::Glare => skipped("somebody calls this line just now"),
        Ending::Stopped => skipped("the gateway stops"),
        Ending::Modem { code, detail } => Outcome::Failed { code, what_to_do: detail },
        Ending::Session(_) => Outcome::Failed {
            code: "loop-answered",
            what_to_do: format!(
                "a fax machine answered the number of {}: correct its `number`, or stop the forwarding of the line",
                peer.name
            ),
        },
        ref ending @ (Ending::Delivered
        | Ending::HungUp(_)
        | Ending::NoAnswer
        | Ending::NoDialTone
        | Ending::NoCarrier
        | Ending::NoWord
        | Ending::DialRefused { .. }
        | Ending::Voice) => match (peer.look)() {
            None => not_looked_after(peer),
            Some(rings) if rings > before => on_hook(&report, format!("{} rings", peer.name)),
            Some(_) => Outcome::Failed {
                code: "loop-silent",
                what_to_do: format!(
                    "{} did not ring when its number was dialled ({}): check its `number`, and the cable of that line",
                    peer.name,
                    word(ending)
                ),
            },
        },
    }
}

fn not_looked_after(peer: &Loop<'_>) -> Outcome {
    skipped(&format!("{} has trouble with its modem just now", peer.name))
}

fn test_call<P: Port>(
    line: &mut modem::Line<P>,
    how: &How<'_>,
    number: &FaxNumber,
    watch: &dyn Watch,
) -> Outcome {
    let never = || false;
    let mut host = TestHost::new(watch, number, &never);
    let began_at = watch.now();
    let report = line.call(&call(how, number), &mut host);
    if let Some(why) = host.not_dialled {
        return skipped(&why);
    }
    watch.called(number, began_at, &report);
    match host.far_end {
        Some(csi) => on_hook(&report, format!("a fax machine answers: {}", named(csi))),
        None => no_fax_machine(report),
    }
}

fn test_page<P: Port>(
    line: &mut modem::Line<P>,
    how: &How<'_>,
    number: &FaxNumber,
    watch: &dyn Watch,
) -> Outcome {
    let (id, sheets) = match (how.sheet)() {
        Ok(drawn) => drawn,
        Err(error) => {
            return Outcome::Failed { code: error.code(), what_to_do: error.to_string() };
        }
    };
    let never = || false;
    let call = Call { longest_page_mm: sheets.length_mm(), ..call(how, number) };
    let mut host = TestHost::new(watch, number, &never).with_page(sheets);
    let began_at = watch.now();
    let report = line.call(&call, &mut host);
    if let Some(why) = host.not_dialled {
        return skipped(&why);
    }
    watch.called(number, began_at, &report);
    let Some(csi) = host.far_end else { return no_fax_machine(report) };
    match &report.ending {
        Ending::Delivered => {
            let found =
                format!("page confirmed{}, by {}; its id is {id}", terms(&report), named(csi));
            on_hook(&report, found)
        }
        Ending::Stopped => skipped("the gateway stops"),
        Ending::Modem { code, detail } => Outcome::Failed { code, what_to_do: detail.clone() },
        ending @ (Ending::Session(_)
        | Ending::HungUp(_)
        | Ending::Busy
        | Ending::NoAnswer
        | Ending::NoDialTone
        | Ending::NoCarrier
        | Ending::NoWord
        | Ending::DialRefused { .. }
        | Ending::Glare
        | Ending::Voice) => Outcome::Failed {
            code: "test-page-not-confirmed",
            what_to_do: format!(
                "a fax machine answered ({}) and confirmed no page ({}): look at what passed with `shirase calls`, then \
                 send the page from another line; if it comes through there, this line or its modem is bad",
                named(csi),
                word(ending)
            ),
        },
    }
}

/// ` at 14400 bit/s, ECM, MMR, after 9.2 s`.
fn terms(report: &CallReport) -> String {
    let mut said = String::new();
    if let Some(contract) = &report.contract {
        let ecm = if contract.ecm { "ECM" } else { "no ECM" };
        let rate_bps = contract.modulation.rate_bps();
        said += &format!(" at {rate_bps} bit/s, {ecm}, {}", contract.coding);
    }
    if let Some((began, confirmed)) = report.times.page_started.zip(report.times.confirmed) {
        said += &format!(", after {:.1} s", confirmed.saturating_sub(began).as_secs_f64());
    }
    said
}

/// Who answered, for people.
fn named(csi: Option<String>) -> String {
    csi.map_or(String::from("a machine without a name"), |csi| mask(csi.trim()))
}

/// No fax machine has said who it is.
fn no_fax_machine(report: CallReport) -> Outcome {
    if let Some(failed) = could_not_dial(&report) {
        return failed;
    }
    match report.ending {
        Ending::Busy => skipped("the test number is engaged"),
        Ending::Glare => skipped("somebody calls this line just now"),
        Ending::Stopped => skipped("the gateway stops"),
        Ending::Modem { code, detail } => Outcome::Failed { code, what_to_do: detail },
        ending @ (Ending::Session(_)
        | Ending::HungUp(_)
        | Ending::Delivered
        | Ending::NoAnswer
        | Ending::NoDialTone
        | Ending::NoCarrier
        | Ending::NoWord
        | Ending::DialRefused { .. }
        | Ending::Voice) => Outcome::Failed {
            code: "test-call-no-fax",
            what_to_do: format!(
                "no fax machine answered the test number ({}): call it with a telephone and listen for its tone",
                word(&ending)
            ),
        },
    }
}

/// The failure of a call that never left this line: it says nothing of the number.
fn could_not_dial(report: &CallReport) -> Option<Outcome> {
    let (code, what_to_do) = match &report.ending {
        Ending::NoDialTone => ("no-dial-tone", DEAD_LINE.to_owned()),
        Ending::DialRefused { word } => (
            "dial-refused",
            format!(
                "the modem refused to dial (it said {word}): switch it off and on, and look for a list of blocked numbers in it"
            ),
        ),
        Ending::HungUp(hung_up)
            if hung_up.cause() == HangUpCause::NoLoopCurrent && report.times.answered.is_none() =>
        {
            ("no-loop-current", DEAD_LINE.to_owned())
        }
        Ending::Delivered
        | Ending::Busy
        | Ending::NoAnswer
        | Ending::NoCarrier
        | Ending::NoWord
        | Ending::Glare
        | Ending::Voice
        | Ending::Stopped
        | Ending::Session(_)
        | Ending::HungUp(_)
        | Ending::Modem { .. } => return None,
    };
    Some(Outcome::Failed { code, what_to_do })
}

/// A step whose call is over: a line that stays off-hook is no success.
fn on_hook(report: &CallReport, found: String) -> Outcome {
    if report.hang_up_verified {
        return Outcome::Passed(found);
    }
    Outcome::Failed {
        code: "modem-off-hook",
        what_to_do: String::from("the modem does not hang up: switch it off and on"),
    }
}

fn call(how: &How<'_>, number: &FaxNumber) -> Call {
    Call {
        digits: number.digits().to_owned(),
        tsi: how.tsi.clone(),
        pages: 1,
        fine: true,
        ecm: how.ecm,
        t85: true,
        fastest: how.fastest,
        longest_page_mm: 0, // none leaves, unless the caller says so
        sub: None,
        pwd: None,
    }
}

/// What a modem said of a call that came to nothing, for people.
fn word(ending: &Ending) -> &'static str {
    match ending {
        Ending::Delivered => "delivered",
        Ending::Busy => "busy",
        Ending::NoAnswer => "no answer",
        Ending::NoDialTone => "no dial tone",
        Ending::NoCarrier | Ending::NoWord => "no answer, or no fax tone",
        Ending::DialRefused { .. } => "the modem refused to dial",
        Ending::Glare => "an incoming call",
        Ending::Voice => "a voice",
        Ending::Stopped => "stopped",
        Ending::Session(error) => error.code(),
        Ending::HungUp(hung_up) => hung_up.cause().code(),
        Ending::Modem { code, .. } => code,
    }
}

fn failed(error: &LineError) -> Outcome {
    Outcome::Failed { code: error.code(), what_to_do: error.to_string() }
}

fn skipped(why: &str) -> Outcome {
    Outcome::Skipped(why.to_owned())
}

/// Goes as far as the far end's identity and, without a page to send, no further.
struct TestHost<'a> {
    watch: &'a dyn Watch,
    number: &'a FaxNumber,
    /// What is waited for has come.
    until: &'a dyn Fn() -> bool,
    /// Its CSI, once it has said who it is.
    far_end: Option<Option<String>>,
    /// Why the number was not dialled.
    not_dialled: Option<String>,
    /// What the far end gets.
    page: Option<Coded>,
}

impl<'a> TestHost<'a> {
    fn new(watch: &'a dyn Watch, number: &'a FaxNumber, until: &'a dyn Fn() -> bool) -> Self {
        Self { watch, number, until, far_end: None, not_dialled: None, page: None }
    }

    fn with_page(mut self, sheets: Coded) -> Self {
        self.page = Some(sheets);
        self
    }

    /// Whether the call goes on behind the far end's identity.
    fn sends(&self) -> Go {
        if self.page.is_some() { Go::On } else { Go::Stop }
    }
}

impl CallHost for TestHost<'_> {
    fn dial_starts(&mut self) -> Go {
        match self.watch.may_dial(self.number) {
            Ok(()) => Go::On,
            Err(why) => {
                self.not_dialled = Some(why);
                Go::Stop
            }
        }
    }

    fn far_end(&mut self, far_end: &t30::FarEnd) -> Go {
        self.watch.answered(self.number);
        self.far_end = Some(far_end.csi.clone());
        self.sends()
    }

    fn lengths(&mut self, _page: u16, contracts: &[t30::Contract]) -> Vec<usize> {
        self.page.as_mut().map(|sheets| sheets.lengths(contracts)).unwrap_or_default()
    }

    fn page(&mut self, _page: u16, contract: &t30::Contract) -> Vec<u8> {
        // The session refuses an empty page, and its error is the outcome.
        let octets = self.page.as_mut().and_then(|sheets| sheets.octets(contract).ok());
        octets.map(<[u8]>::to_vec).unwrap_or_default()
    }

    fn page_starts(&mut self, _page: u16) -> Go {
        self.sends()
    }

    fn page_confirmed(&mut self, _proof: modem::PageConfirmed) {} // the report's ending says so too

    fn result_before_hang_up(&mut self, _report: &CallReport) {}

    fn progress(&mut self, _progress: Progress) {}

    fn cancelled(&self) -> bool {
        self.watch.stopping() || (self.until)()
    }
}

#[cfg(test)]
mod tests;

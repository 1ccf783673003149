//! A fax machine that answers, receives and hangs up.
//!
//! In: audio. Out: audio, a TIFF file, and what T.30 says about it.
//! Source: ITU-T T.30 4.1 for the time before CED. Not here: the protocol (libspandsp).

use crate::clock::LineTime;
use crate::config::FaxPlan;
use crate::ffi::{FaxTerminal, PageStats, Side, completion_text};
use std::path::{Path, PathBuf};

/// libspandsp's terminal is silent for this long before its CED.
const OWN_SILENCE_S: f64 = 0.2;

pub(crate) struct FaxEnd {
    terminal: FaxTerminal,
    file: PathBuf,
    wakes: LineTime,
    hangs_up: Option<LineTime>,
}

/// How the call looked to the machine.
#[derive(Clone, Debug)]
pub(crate) struct FaxReport {
    /// Completion code of the library, 0 for success; nothing while the call lasts.
    pub code: Option<i32>,
    pub text: Option<String>,
    pub pages: PageStats,
    /// The sender's identity (TSI).
    pub tsi: Option<String>,
    /// The box that the sender named (SUB), and how long its password was (SID).
    pub sub: Option<String>,
    pub password_characters: Option<usize>,
    /// Where the pages are, if any arrived.
    pub file: Option<PathBuf>,
}

impl FaxEnd {
    /// Answers at `now`. `leaves` says whether it hangs up by itself after a while.
    pub(crate) fn answer(plan: &FaxPlan, file: &Path, now: LineTime, leaves: bool) -> Self {
        Self {
            terminal: FaxTerminal::new(&plan.terminal, Side::Called { into: file }),
            file: file.to_owned(),
            wakes: now.after_ms(ms(plan.pre_s - OWN_SILENCE_S)),
            hangs_up: leaves.then(|| now.after_ms(ms(plan.after_s))),
        }
    }

    pub(crate) fn hears(&mut self, audio: &mut [i16], now: LineTime) {
        if now >= self.wakes {
            self.terminal.hears(audio);
        }
    }

    pub(crate) fn speaks(&mut self, audio: &mut [i16], now: LineTime) {
        if now >= self.wakes {
            self.terminal.speaks(audio);
        } else {
            audio.fill(0);
        }
    }

    /// The machine has hung up: its T.30 has ended, or its time is over.
    pub(crate) fn gone(&mut self, now: LineTime) -> bool {
        if self.hangs_up.is_some_and(|at| now >= at) {
            self.terminal.terminate();
        }
        !self.terminal.active()
    }

    /// The call was cut at the other end.
    pub(crate) fn cut(&mut self) {
        self.terminal.terminate();
    }

    pub(crate) fn report(&self) -> FaxReport {
        let code = self.terminal.ended();
        let pages = self.terminal.page_stats();
        let received = pages.pages > 0 && self.file.exists();
        FaxReport {
            code,
            text: code.map(completion_text),
            pages,
            tsi: self.terminal.peer_ident(),
            sub: self.terminal.subaddress(),
            password_characters: self.terminal.password().map(|password| password.len()),
            file: received.then(|| self.file.clone()),
        }
    }
}

fn ms(seconds: f64) -> u64 {
    (seconds.max(0.0) * 1000.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FarKind, FarPlan};
    use crate::faults::{Channel, FaultSettings};
    use crate::ffi::TerminalOptions;
    use crate::test_page;

    const FRAME: usize = 160;
    const LINES: usize = 600;

    /// A machine that sends `page` to one that is like `plan`, over a line with `faults`.
    fn received(page: &Path, into: &Path, plan: &FaxPlan, faults: &FaultSettings) -> FaxReport {
        let mut caller = FaxTerminal::new(
            &FarPlan::new("1".to_owned(), FarKind::Fax).fax.terminal,
            Side::Calling { from: page },
        );
        let mut called = FaxEnd::answer(plan, into, LineTime(0), false);
        let (mut up, mut down) = (Channel::new(faults, 1, 0), Channel::new(faults, 1, 1));
        let mut now = LineTime(0);
        while !called.gone(now) && now < LineTime(8000 * 200) {
            let (mut sent, mut said) = ([0; FRAME], [0; FRAME]);
            caller.speaks(&mut sent);
            up.carry(&mut sent);
            called.speaks(&mut said, now);
            down.carry(&mut said);
            called.hears(&mut sent, now);
            caller.hears(&mut said);
            now = now.after_samples(FRAME);
        }
        called.report()
    }

    fn page(folder: &Path) -> PathBuf {
        let page = folder.join("page.tif");
        test_page::write(&page, LINES);
        page
    }

    fn plan(change: impl FnOnce(&mut TerminalOptions)) -> FaxPlan {
        let mut plan = FarPlan::new("2".to_owned(), FarKind::Fax).fax;
        change(&mut plan.terminal);
        plan
    }

    #[test]
    fn machine_receives_what_each_modulation_and_coding_brings() {
        let folder = tempfile::tempdir().unwrap();
        let page = page(folder.path());
        let sent = test_page::rows(LINES);
        let all = [
            (TerminalOptions::V17, 14_400),
            (TerminalOptions::V29, 9600),
            (TerminalOptions::V27TER, 4800),
        ];
        let codings = [
            (TerminalOptions::MH, false, "MH"),
            (TerminalOptions::MR, false, "MR"),
            (TerminalOptions::MMR, true, "MMR"),
        ];
        for (modem, rate_bps) in all {
            for (coding, ecm, name) in codings {
                let plan = plan(|terminal| {
                    terminal.modems = modem | TerminalOptions::V27TER;
                    terminal.compressions = coding | TerminalOptions::MH;
                    terminal.ecm = ecm;
                });
                let into = folder.path().join(format!("{rate_bps}-{name}.tif"));
                let report = received(&page, &into, &plan, &FaultSettings::default());
                assert_eq!(report.code, Some(0), "{rate_bps} {name}: {:?}", report.text);
                assert_eq!((report.pages.pages, report.pages.rate_bps), (1, rate_bps));
                assert_eq!((report.pages.ecm, report.pages.encoding), (ecm, name));
                assert!(test_page::read(&into) == sent, "{rate_bps} {name}: the page has changed");
            }
        }
    }

    #[test]
    fn machine_on_a_noisy_line_has_every_page_mended_by_ecm() {
        let folder = tempfile::tempdir().unwrap();
        let page = page(folder.path());
        let into = folder.path().join("noisy.tif");
        let noisy = FaultSettings { snr_db: Some(22.0), seed: 3, ..Default::default() };
        let report = received(&page, &into, &plan(|_| {}), &noisy);
        assert_eq!(report.code, Some(0), "{:?}", report.text);
        assert!(test_page::read(&into) == test_page::rows(LINES));
        let raw = plan(|terminal| terminal.ecm = false);
        let report = received(&page, &folder.path().join("raw.tif"), &raw, &noisy);
        assert!(report.pages.bad_rows > 0, "without ECM the same noise is in the page");
    }

    #[test]
    fn machine_that_is_cut_off_has_no_page() {
        let folder = tempfile::tempdir().unwrap();
        let into = folder.path().join("none.tif");
        let mut end = FaxEnd::answer(&plan(|_| {}), &into, LineTime(0), false);
        end.cut();
        let report = end.report();
        assert!(report.code.is_some_and(|code| code != 0));
        assert_eq!((report.pages.pages, report.file), (0, None));
    }
}

//! `shirase check`: looks at everything that the gateway needs, and says of each thing what it means and what to do.
//!
//! In: the settings; no daemon has to run. Nothing is sent or dialled, and nothing changes. Out: findings, what is wrong first,
//! and a status: 0 if nothing is wrong.
//! Not here: what is looked at (a file for each group of things), the codes (`check/thing.rs`).

mod clock;
mod credentials;
mod dates;
mod devices;
mod judge;
mod mail;
mod sheets;
mod store;
mod thing;
mod tls;
mod webhooks;

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::clock::{Clock as _, SystemClock};
use super::exit::{Exit, Failure};
use super::print;
use super::settings::Settings;
pub(super) use thing::Thing;

/// Look at everything that the gateway needs: is it there, is it as it should be, and what to do if not? Settings, secret
/// files, certificates, templates, faces, the store, its disk, modems, the clock, webhooks, and the mail channel. Nothing is
/// sent or dialled. As root,
/// with CREDENTIALS_DIRECTORY=/etc/shirase/credentials. What is wrong comes first; the status is 0 unless something is
/// wrong. What cannot be told from here is shown and is no fault.
#[derive(clap::Args)]
pub struct Check {
    #[command(subcommand)]
    what: Option<What>,
    /// The settings file.
    #[arg(
        long,
        global = true,
        env = "SHIRASE_CONFIG",
        default_value = "/etc/shirase/shirase.toml",
        value_name = "FILE"
    )]
    config: PathBuf,
    /// As JSON, for programs.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum What {
    Mail(mail::Mail),
}

impl Check {
    /// # Errors
    /// [`Failure`]: settings that cannot be used, or something that is not in order.
    pub async fn run(self) -> Result<(), Failure> {
        let (what, report) = match self.what {
            None => ("all", everything(&self.config).await),
            Some(What::Mail(mail)) => ("mail", mail.run(&self.config).await?),
        };
        if self.json { report.tell_programs() } else { report.tell(what) }
    }
}

async fn everything(config: &Path) -> Report {
    let mut report = Report::default();
    report.add([clock::look()]);
    let settings = match Settings::load(config) {
        Ok(settings) => settings,
        Err(error) => {
            let todo = "mend it there; the daemon does not start with it, and a running one goes on with the old settings";
            report.add([Finding::new(Mark::Wrong, Thing::Settings, error.to_string(), todo)]);
            return report;
        }
    };
    let lines = settings.lines.len() + settings.provider_lines.len();
    let found = format!("{}, {lines} lines", config.display());
    report.add([Finding::good(Thing::Settings, found)]);
    let listen = settings.http.listen;
    report.add([Finding::good(Thing::Listener, format!("{listen}, for this machine alone"))]);
    report.add(credentials::look(&settings));
    if let Some(tls) = &settings.http.tls {
        report.add(tls::look(tls, SystemClock.now()));
    }
    report.add(sheets::look(&settings));
    report.add(store::look(&settings.store.path));
    report.add(devices::look(&settings.lines));
    report.add(webhooks::look(&settings.webhooks).await);
    if settings.mail.is_some() {
        match mail::Mail::default().run(config).await {
            Ok(mail) => report.add(mail.0),
            Err(failure) => {
                let todo = "mend the file or the setting that is named";
                report.add([Finding::new(Mark::Wrong, Thing::Credentials, failure.message, todo)]);
            }
        }
    }
    report
}

/// What is known of a thing. The worst is the least.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Mark {
    /// Notices get lost, are refused, or do not go out.
    Wrong,
    /// It works, but less well than it could.
    Warning,
    /// It cannot be told from here.
    Open,
    /// It is as it should be.
    Good,
}

impl Mark {
    const fn sign(self) -> char {
        match self {
            Self::Good => '✓',
            Self::Warning => '!',
            Self::Wrong => '✗',
            Self::Open => '?',
        }
    }
}

/// What was found of one thing.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Finding {
    mark: Mark,
    of: Thing,
    /// What was found, and what that means.
    found: String,
    /// What to do about it.
    todo: Option<String>,
}

impl Finding {
    fn good(of: Thing, found: impl Into<String>) -> Self {
        Self { mark: Mark::Good, of, found: found.into(), todo: None }
    }

    fn new(mark: Mark, of: Thing, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { mark, of, found: found.into(), todo: Some(todo.into()) }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Relays and name servers choose some of the words.
        write!(f, "{} {:<12} {}", self.mark.sign(), self.of.word(), print::clean(&self.found))?;
        match &self.todo {
            Some(todo) => write!(f, "\n{:<14} → {todo}", ""),
            None => Ok(()),
        }
    }
}

/// A finding for programs.
#[derive(Serialize)]
struct FindingView<'a> {
    code: &'static str,
    mark: Mark,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<&'a str>,
}

/// Everything that was found.
#[derive(Debug, Default)]
struct Report(Vec<Finding>);

impl Report {
    fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.0.extend(findings);
    }

    /// One line for each finding, the worst first, and how it all ends.
    fn tell(mut self, what: &str) -> Result<(), Failure> {
        self.0.sort_by_key(|finding| finding.mark);
        for finding in &self.0 {
            print::out(&finding.to_string())?;
        }
        let text = format!("{what}: {}", self.counts());
        if self.is_wrong() { Err(Failure::new(Exit::NotSent, text)) } else { print::out(&text) }
    }

    fn tell_programs(mut self) -> Result<(), Failure> {
        self.0.sort_by_key(|finding| finding.mark);
        let views: Vec<FindingView<'_>> = self
            .0
            .iter()
            .map(|finding| FindingView {
                code: finding.of.as_str(),
                mark: finding.mark,
                found: print::clean(&finding.found).to_string(),
                todo: finding.todo.as_deref(),
            })
            .collect();
        let json = serde_json::to_string_pretty(&views)
            .map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
        print::out(&json)?;
        if self.is_wrong() { Err(Failure::new(Exit::NotSent, self.counts())) } else { Ok(()) }
    }

    fn is_wrong(&self) -> bool {
        self.0.iter().any(|finding| finding.mark == Mark::Wrong)
    }

    fn counts(&self) -> String {
        let count = |mark| self.0.iter().filter(|finding| finding.mark == mark).count();
        let counts = [
            (count(Mark::Wrong), "wrong"),
            (count(Mark::Warning), "could be better"),
            (count(Mark::Open), "cannot be told from here"),
        ];
        let counted = counts.into_iter().filter(|(count, _)| *count > 0);
        let words: Vec<String> = counted.map(|(count, what)| format!("{count} {what}")).collect();
        if words.is_empty() { String::from("all in order") } else { words.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_that_could_not_look_does_not_say_that_all_is_in_order() {
        let counts = |marks: &[Mark]| {
            let finding = |mark: &Mark| Finding::new(*mark, Thing::Clock, "x", "y");
            Report(marks.iter().map(finding).collect()).counts()
        };
        assert_eq!(counts(&[Mark::Good]), "all in order");
        assert_eq!(counts(&[Mark::Open; 5]), "5 cannot be told from here");
        assert_eq!(
            counts(&[Mark::Wrong, Mark::Warning, Mark::Warning]),
            "1 wrong, 2 could be better"
        );
    }

    #[test]
    fn what_is_wrong_is_less_than_what_could_be_better_and_so_comes_first() {
        let mut marks = [Mark::Good, Mark::Open, Mark::Warning, Mark::Wrong];
        marks.sort();
        assert_eq!(marks, [Mark::Wrong, Mark::Warning, Mark::Open, Mark::Good]);
    }
}

//! `shirase calls`: what passed on the telephone lines, listed, drawn, and run again.

use std::io::{IsTerminal, Read};
use std::path::Path;

use modem::{Replay, Trace};
use serde::Deserialize;
use serde_json::Value;

use super::client::Gateway;
use super::diagram::{self, Style};
use super::exit::{Exit, Failure};
use super::print;

/// A saved call that is longer is none: a trace has at most about 0.3 MiB.
const FILE_LIMIT_OCTETS: u64 = 4 << 20;

/// List calls, newest first; draw one as a ladder; run one against the session again.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Calls {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: List,
}

#[derive(clap::Subcommand)]
enum Verb {
    Show(Show),
    Replay(Again),
}

#[derive(clap::Args)]
struct List {
    #[command(flatten)]
    gateway: Gateway,
    /// Only those of this line.
    #[arg(long, value_name = "NAME")]
    line: Option<String>,
    /// Only those of this notification.
    #[arg(long, value_name = "ID")]
    of: Option<String>,
    /// Only those before this id.
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// Most of them, 1 to 200.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
    limit: u16,
    /// Print JSON as the gateway gives it.
    #[arg(long)]
    json: bool,
}

/// Draw a call: we at the left, the far end at the right, frames in words, seconds since dialling.
#[derive(clap::Args)]
struct Show {
    #[command(flatten)]
    which: Which,
    /// With all commands to the modem and its answers.
    #[arg(long)]
    at: bool,
    /// Print JSON as the gateway gives it; a file of it can be shown and replayed anywhere.
    #[arg(long)]
    json: bool,
}

/// Run a recorded call against the session of this program: the same commands at the same times?
///
/// Exit status 0 if so, 6 at the first difference.
#[derive(clap::Args)]
struct Again {
    #[command(flatten)]
    which: Which,
}

#[derive(clap::Args)]
struct Which {
    /// Its id, or a file that `calls show --json` printed.
    #[arg(value_name = "ID|FILE")]
    call: String,
    #[command(flatten)]
    gateway: Gateway,
}

impl Calls {
    /// # Errors
    /// [`Failure`]: not found, not reachable, or no call in the file; [`Exit::Differs`] after a replay.
    pub async fn run(self) -> Result<(), Failure> {
        match self.verb {
            None => self.list.run().await,
            Some(Verb::Show(show)) => show.run().await,
            Some(Verb::Replay(again)) => again.run().await,
        }
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let mut path = format!("/v1/calls?limit={}", self.limit);
        for (name, value) in [("line", self.line), ("notification", self.of)] {
            if let Some(value) = value {
                // Neither needs an escape, and what does is none.
                let value = super::client::path(&[&value])?;
                path += &format!("&{name}={}", value.trim_start_matches('/'));
            }
        }
        if let Some(before) = self.before {
            path += &format!("&before={before}");
        }
        let calls = self.gateway.client()?.get(&path).await?.body;
        if self.json {
            return print::out(&format!("{calls:#}"));
        }
        let mut calls = calls.as_array().into_iter().flatten();
        calls.try_for_each(|call| print::out(&print::call(call)))
    }
}

impl Show {
    async fn run(self) -> Result<(), Failure> {
        let view = self.which.view().await?;
        if self.json {
            return print::out(&format!("{view:#}"));
        }
        let trace = trace(&view)?;
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let ladder = diagram::draw(&trace, Style { at: self.at, colour });
        let (call, ending) = (print::call(&view), print::ending(&view["ending"], ""));
        print::out(&format!("call {}\n\n{ladder}\n{ending}", call.trim_start()))
    }
}

impl Again {
    async fn run(self) -> Result<(), Failure> {
        let trace = trace(&self.which.view().await?)?;
        match modem::replay(&trace) {
            Replay::Same { turns, ended: true } => {
                print::out(&format!("same: {turns} turns as recorded, to the end of the session"))
            }
            Replay::Same { turns, ended: false } => print::out(&format!(
                "same: {turns} turns as recorded, as far as the recording goes"
            )),
            Replay::Differs { at_ms, recorded, now } => {
                print::out(&format!(
                    "different at {:.3} s\n  recorded: {}\n  now:      {}",
                    at_ms as f64 / 1000.0,
                    diagram::say(&recorded),
                    diagram::say(&now),
                ))?;
                Err(Failure::new(Exit::Differs, "the session does not do what was recorded"))
            }
            Replay::NoSession => print::out(
                "nothing to run: nobody answered, or the modem had the session itself (class 2)",
            ),
            Replay::Unreadable { what } => Err(unreadable(what)),
        }
    }
}

impl Which {
    /// The call as the gateway gives it.
    async fn view(&self) -> Result<Value, Failure> {
        if self.call.bytes().all(|octet| octet.is_ascii_digit()) {
            let path = super::client::path(&["v1", "calls", &self.call])?;
            return Ok(self.gateway.client()?.get(&path).await?.body);
        }
        let path = Path::new(&self.call);
        let failure = |why: String| Failure::new(Exit::Usage, format!("{}: {why}", path.display()));
        let mut text = String::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(FILE_LIMIT_OCTETS).read_to_string(&mut text))
            .map_err(|error| failure(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| failure(format!("no saved call: {error}")))
    }
}

fn trace(view: &Value) -> Result<Trace, Failure> {
    Trace::deserialize(&view["trace"]).map_err(|_| unreadable("trace"))
}

fn unreadable(what: &str) -> Failure {
    Failure::new(Exit::Usage, format!("the {what} of this call cannot be read"))
}

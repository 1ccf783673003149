//! `softline`: a telephone line in software, to rehearse with and to test against.
//!
//! Each line end is a terminal that a fax program opens as if a Class 1 modem were behind it, and
//! one is: libspandsp's. The number dialled chooses what answers: a fax machine, a busy line,
//! nobody, a person, or another line of ours. Line time is counted in samples, so that every time
//! in a report is exact, and may run faster than the clock on the wall.
//!
//! In: the command line and a TOML file (`config`). Out: JSON lines on standard output (`report`),
//! received pages as TIFF files. Ends by SIGTERM or SIGINT and takes its links away.
//!
//! | file | room |
//! |---|---|
//! | `config` | lines, far ends and faults, from TOML or the command line |
//! | `pty`, `modem_end`, `at_tap` | a line end: terminal, modem, what the host is doing |
//! | `exchange`, `call` | who is connected to whom, and since when |
//! | `far/` | the far ends that answer |
//! | `faults` | noise, delay, loss on the way |
//! | `signals`, `report` | what was heard, and how it is told |
//! | `control` | commands on standard input |
//! | `clock` | line time against wall time |
//! | `ffi/` | libspandsp; the only unsafe code |
//!
//! Not here: the fax gateway. It never links libspandsp and meets this program only at a terminal.

mod at_tap;
mod call;
mod clock;
mod config;
mod control;
mod exchange;
mod far;
mod faults;
mod ffi;
mod modem_end;
mod pty;
mod report;
mod signals;
#[cfg(test)]
mod test_page;

use clap::Parser;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A telephone line in software: fax modems on terminals, and far ends to call.
///
/// Without any --line there is one line; without any --far there are 0355500001 (fax, V.17, ECM),
/// 0355500002 (old fax, V.27ter, MH), 0355500003 (busy), 0355500004 (no answer), 0355500005 (no
/// dial tone), 0355500006 (a person) and 0355500007 (a fax that hangs up after 20 s).
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// TOML file with lines, far ends and faults.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A line end, and where to put a link to its terminal; may be repeated.
    #[arg(long = "line", value_name = "NAME[=LINK]")]
    lines: Vec<String>,
    /// A far end: NUMBER=KIND,key=value,… with KIND fax, busy, noanswer, nodialtone, voice, hangup,
    /// line or none; NUMBER * is the rest. May be repeated.
    #[arg(long = "far", value_name = "NUMBER=KIND[,…]")]
    fars: Vec<String>,
    /// Faults of all calls: snr=DB, noise=DBM0, burst=EVERY/LENGTH/DBM0, attenuation=DB, delay=MS,
    /// loss=PERCENT, codec=alaw|ulaw, seed=N.
    #[arg(long, value_name = "key=value,…")]
    fault: Option<String>,
    /// Folder for received pages; made if it is not there.
    #[arg(long, value_name = "DIR", default_value = "received")]
    out: PathBuf,
    /// Write the dialogue of hosts and modems to this file, with line time in seconds: commands
    /// after `>`, result codes after `<`, no page data.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Line time runs this many times as fast as the clock on the wall. 0.1 to 1000.
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Audio moves in frames of this length. 1 to 20 ms.
    #[arg(long, value_name = "MS", default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=20))]
    frame_ms: u8,
    /// A modem that runs out of page data drops its carrier, as real ones do.
    #[arg(long)]
    strict: bool,
    /// Longest call in seconds of line time, off-hook to on-hook.
    #[arg(long, value_name = "S", default_value_t = 3600)]
    limit: u64,
    /// Take `unplug NAME` and `plug NAME` on standard input: a line loses its terminal in the middle of
    /// anything, and gets a new one behind the same link.
    #[arg(long)]
    control: bool,
    /// End when the program that started this one ends.
    #[arg(long)]
    exit_with_parent: bool,
}

/// `EX_CONFIG` and `EX_OSERR` of sysexits.h.
const EXIT_CONFIG: u8 = 78;
const EXIT_OS: u8 = 71;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    #[error(transparent)]
    Line(#[from] pty::PtyError),
    #[error("cannot use the folder {}: {source}", path.display())]
    Out { path: PathBuf, source: std::io::Error },
    #[error("cannot write to {}: {source}", path.display())]
    Log { path: PathBuf, source: std::io::Error },
    #[error("cannot write the report: {0}")]
    Report(std::io::Error),
    #[error("cannot prepare for signals: {0}")]
    Signals(std::io::Error),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("softline: {failure}");
            ExitCode::from(match failure {
                Failure::Config(_) => EXIT_CONFIG,
                Failure::Line(_)
                | Failure::Out { .. }
                | Failure::Log { .. }
                | Failure::Report(_)
                | Failure::Signals(_) => EXIT_OS,
            })
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(Failure::Signals)?;
    }
    if arguments.exit_with_parent {
        end_with_parent(&stop).map_err(Failure::Signals)?;
    }
    let plan = config::Plan::load(
        arguments.config.as_deref(),
        &arguments.lines,
        &arguments.fars,
        arguments.fault.as_deref(),
    )?;
    std::fs::create_dir_all(&arguments.out)
        .map_err(|source| Failure::Out { path: arguments.out.clone(), source })?;
    let mut out = std::io::stdout().lock();
    let mut log = arguments.log.as_deref().map(open_log).transpose()?;
    let frame_samples = usize::from(arguments.frame_ms) * 8;
    let settings = call::CallSettings {
        out: arguments.out.clone(),
        limit_s: arguments.limit,
        frame_samples,
        faults: plan.faults.clone(),
    };
    let mut exchange = exchange::Exchange::new(plan, settings, arguments.strict)?;
    let mut clock = clock::LineClock::new(frame_samples, arguments.speed);
    let mut control = arguments.control.then(control::Control::default);
    while !stop.load(Ordering::Relaxed) {
        for command in control.iter_mut().flat_map(control::Control::take) {
            exchange.obey(command);
        }
        for event in exchange.take_events() {
            event.write(&mut out).map_err(Failure::Report)?;
        }
        for spoken in exchange.take_dialogue() {
            if let Some(log) = &mut log {
                writeln!(log, "{spoken}").map_err(Failure::Report)?;
            }
        }
        exchange.wait_and_serve(&clock);
        if clock.wait().is_zero() {
            exchange.frame(clock.slipped());
            clock.frame_ran();
        }
    }
    Ok(())
}

fn open_log(path: &Path) -> Result<File, Failure> {
    File::create(path).map_err(|source| Failure::Log { path: path.to_owned(), source })
}

/// Asks for SIGTERM when the parent ends, and notices one that has ended already.
fn end_with_parent(stop: &AtomicBool) -> std::io::Result<()> {
    let parent = rustix::process::getppid();
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
    if rustix::process::getppid() != parent || parent.is_none() {
        stop.store(true, Ordering::Relaxed);
    }
    Ok(())
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "it is a number".to_owned())?;
    if (0.1..=1000.0).contains(&speed) { Ok(speed) } else { Err("it is 0.1 to 1000".to_owned()) }
}

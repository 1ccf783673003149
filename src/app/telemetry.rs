//! Where log events go: the journal under systemd, standard error elsewhere.
//!
//! In: `tracing` events with dotted names. Out: journal fields or lines of text.
//! `SHIRASE_LOG` holds a filter such as `info,shirase::queue=debug`; without it, `info`.
//! Not here: what may be said in an event; that is for the one who writes it.

use std::io::IsTerminal as _;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use super::exit::{Exit, Failure};

/// Starts logging for this process.
///
/// # Errors
/// [`Failure`] if `SHIRASE_LOG` is no filter, or logging was started before.
pub fn start() -> Result<(), Failure> {
    let words = std::env::var("SHIRASE_LOG").unwrap_or_else(|_| String::from("info"));
    let filter = EnvFilter::try_new(&words)
        .map_err(|error| Failure::new(Exit::Settings, format!("SHIRASE_LOG: {error}")))?;
    let started = match journal() {
        Some(journal) => tracing_subscriber::registry().with(filter).with(journal).try_init(),
        None => {
            // Colours in a file are noise.
            let colours = std::io::stderr().is_terminal();
            let lines =
                fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(colours);
            tracing_subscriber::registry().with(filter).with(lines).try_init()
        }
    };
    started.map_err(|error| Failure::new(Exit::Internal, format!("logging: {error}")))
}

/// The journal, if systemd connected us to it; lines of text then would appear twice.
fn journal() -> Option<tracing_journald::Layer> {
    std::env::var_os("JOURNAL_STREAM")?;
    tracing_journald::layer().ok()
}

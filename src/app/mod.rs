//! The program around the way of a notification: command line, settings, start and stop.
//!
//! One file per verb; what verbs share: `client`, `diagram`, `ladder`, `print` for those who call a gateway, `preview`
//! for those who show what would be sent, `settings`, `secrets`, `harden`, `telemetry`, `systemd`, `fleet`, `tellers` for the gateway
//! itself; `clock`, `crash` and `exit` for all.
//! Not here: anything about a notification; that is in its rooms.

mod calls;
mod cancel;
pub mod catalogue;
mod check;
mod client;
pub mod clock;
mod condition;
pub mod crash;
mod diagram;
mod events;
pub mod exit;
mod explain;
mod fleet;
mod harden;
mod hold;
mod key;
mod ladder;
mod letter;
mod lines;
mod list;
mod mail;
mod mail_channel;
mod numbers;
mod office;
mod openapi;
mod preview;
mod print;
mod renewal;
mod resolve;
pub mod secrets;
mod serve;
mod services;
pub mod settings;
mod sheet;
mod show;
mod status;
mod submit;
pub mod systemd;
pub mod telemetry;
mod tellers;
mod token;
mod webhook;
mod why;

use clap::{Parser, Subcommand};

use exit::{Exit, Failure};

/// FAX notification gateway.
///
/// Exit status: 0 done, and with `submit --wait` confirmed by the far machine; 1 not sent, or not in order; 2 wrong
/// usage; 3 undecided; 4 refused by the gateway; 5 still on its way; 6 not the same; 65 store not usable; 69 gateway
/// not reachable; 70 internal; 74 unknown whether stored; 75 store in use; 78 settings.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Serve(serve::Serve),
    Submit(submit::Submit),
    Show(show::Show),
    Why(why::Why),
    List(list::List),
    Events(events::Events),
    Calls(calls::Calls),
    Cancel(cancel::Cancel),
    Hold(hold::Hold),
    Release(hold::Release),
    Status(status::Status),
    Resolve(resolve::Resolve),
    Lines(lines::Lines),
    Mail(mail::Mail),
    Numbers(numbers::Numbers),
    Office(office::Office),
    Webhook(webhook::Webhook),
    Check(check::Check),
    Explain(explain::Explain),
    Sheet(sheet::Sheet),
    Letter(letter::Letter),
    Openapi(openapi::Openapi),
    Token(token::Token),
    Key(key::Key),
}

/// Does what the command line says.
///
/// # Errors
/// [`Failure`] with the exit status and the line to print.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.verb {
        Verb::Serve(verb) => verb.run(),
        Verb::Submit(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Show(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Why(verb) => small_runtime()?.block_on(verb.run()),
        Verb::List(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Events(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Calls(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Cancel(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Hold(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Release(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Status(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Resolve(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Lines(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Mail(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Numbers(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Office(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Webhook(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Check(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Explain(verb) => verb.run(),
        Verb::Sheet(verb) => verb.run(),
        Verb::Letter(verb) => verb.run(),
        Verb::Openapi(verb) => verb.run(),
        Verb::Token(verb) => verb.run(),
        Verb::Key(verb) => verb.run(),
    }
}

/// Enough for one request after the other.
fn small_runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Internal, format!("cannot start: {error}")))
}

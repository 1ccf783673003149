//! `crash-check FOLDER`: judges what an appliance that was killed again and again left behind.
//!
//! In: a folder with the logs of [`history`] and the store, `queue.db`, of a gateway that is not running. Out: on stdout one
//! object with what was counted and every `violations`; exit status 1 if there is one.
//! It is a program of its own and uses nothing of the gateway: SQL on the store, lines of the logs. Whoever drove the
//! gateway has no part in the judgement.
//! Source: what the gateway promises, as the README has it; the numbers I1 to I12 name the promises in the messages.
//! Not here: how the logs came about (`house.rs`, `line.rs`, `relay.rs`).

#[allow(dead_code, reason = "it reads and writes nothing")]
mod history;
mod judge;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("usage: crash-check FOLDER");
        return ExitCode::from(2);
    };
    let verdict = judge::judge(Path::new(&folder));
    println!("{}", verdict.to_json());
    ExitCode::from(u8::from(!verdict.violations.is_empty()))
}

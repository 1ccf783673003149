//! `crash [RUNS] [POINT...]`: SIGKILL at every named point of the gateway, so often at each, and a judgement of what is left.
//!
//! Out: a line for each point, and a summary; exit status 1 if a promise was broken.
//! Not here: the same as a test (`main.rs`).

mod history;
mod house;
mod line;
mod stories;
mod sweep;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let runs = arguments.next().map_or(Ok(20), |runs| runs.parse());
    let points = arguments.map(|name| name.parse()).collect::<Result<Vec<_>, _>>();
    let (Ok(runs), Ok(mut points)) = (runs, points) else {
        eprintln!("usage: crash [RUNS] [POINT...]");
        return ExitCode::from(2);
    };
    if points.is_empty() {
        points = stories::points().collect();
    }
    let summary = sweep::kill_at_all(&points, runs, &|done| println!("{done}"));
    println!("{summary}");
    ExitCode::from(u8::from(!summary.violations.is_empty()))
}

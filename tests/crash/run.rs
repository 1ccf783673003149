//! `crash [RUNS] [PLACE...]`: SIGKILL at every named place of the gateway, so often at each, and a judgement of what is left.
//!
//! Out: a line for each place, and a summary; exit status 1 if a promise was broken.
//! Not here: the same as a test (`main.rs`).

mod exchange;
mod history;
mod house;
mod line;
mod post_office;
mod stories;
mod sweep;

use std::process::ExitCode;

use stories::Place;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let runs = arguments.next().map_or(Ok(20), |runs| runs.parse());
    let (names, all): (Vec<String>, _) = (arguments.collect(), Place::all());
    let is_meant = |place: &Place| names.is_empty() || names.iter().any(|it| it == place.as_str());
    let places: Vec<Place> = all.into_iter().filter(is_meant).collect();
    let (Ok(runs), false) = (runs, places.len() < names.len()) else {
        eprintln!("usage: crash [RUNS] [PLACE...]");
        return ExitCode::from(2);
    };
    let summary = sweep::kill_at_all(&places, runs, &|done| println!("{done}"));
    println!("{summary}");
    ExitCode::from(u8::from(!summary.violations.is_empty()))
}

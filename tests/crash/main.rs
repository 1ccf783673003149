//! SIGKILL at every named point of the gateway, again and again; afterwards nothing is lost, nothing was sent twice without
//! a decision, and nothing is claimed that was not seen.
//!
//! `history.rs` says which files are written. The generator is `house.rs`, the appliance; `caller.rs`, who asks it; `line.rs`, its
//! modems; `post_office.rs`, its relay; `exchange.rs`, the endpoint that it tells; `stories.rs`, which takes it to each point. The
//! judgement is `judge.rs`, with `told.rs` and `posts.rs`, and runs in a program of its own (`check.rs`).
//! More of the same: `make crash RUNS=1000` (`run.rs`).

mod exchange;
mod history;
mod house;
mod keys;
mod line;
mod planted;
mod post_office;
mod stories;
mod sweep;

/// Kills at each point; CI asks for more.
fn kills() -> u32 {
    std::env::var("CRASH_RUNS").map_or(3, |runs| runs.parse().expect("a number"))
}

#[test]
fn killed_at_every_point_loses_nothing_and_sends_nothing_twice_in_secret() {
    let places = stories::Place::all();
    let summary = sweep::kill_at_all(&places, kills(), &|done| println!("{done}"));
    println!("{summary}");
    assert_eq!(summary.violations, [""; 0]);
    assert_eq!(summary.places, places.len());
}

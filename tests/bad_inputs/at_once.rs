//! All at once: notifications that wait, two thousand slow clients, a modem without its plug, no relay, SIGKILL.
//!
//! Seconds of what `make chaos` does for minutes; its judgement is shown two planted faults in the same run.

use std::process::Command;

use crate::program::program;

#[test]
fn b48_all_at_once_loses_nothing_and_sends_nothing_twice_in_secret() {
    let run = Command::new(program("examples/chaos"))
        .envs([("FOR", "5"), ("ROWS", "2000"), ("SLOW", "2000"), ("SEED", "48")])
        .output()
        .expect("chaos runs");
    let said = String::from_utf8_lossy(&run.stdout);
    println!("{said}{}", String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success());
}

//! A copy of the store from before a call comes back: nobody is called until somebody has looked.

use crate::harness::{Appliance, Setup};

#[test]
fn restored_copy_calls_nobody_until_it_is_released() {
    let far = "0312345678=fax,csi=0312345678";
    let mut appliance = Appliance::start(&Setup { fars: &[far], ..Setup::default() });
    appliance.hold("while a backup is made");
    let id = appliance.submit("0312345678");
    let copy = appliance.path("backup.db");
    let store = rusqlite::Connection::open(appliance.path("queue.db")).expect("opens");
    store
        .backup("main", &copy, None::<fn(rusqlite::backup::Progress)>)
        .expect("a backup of the running store");
    drop(store);
    assert!(appliance.calls().is_empty(), "held: nobody was called");
    appliance.release();
    appliance.await_state(&id, &["confirmed"]);
    assert_eq!(appliance.await_calls(1).len(), 1);
    appliance.kill_daemon();

    for suffix in ["", "-wal", "-shm"] {
        let _was_there = std::fs::remove_file(appliance.path(&format!("queue.db{suffix}")));
    }
    std::fs::rename(copy, appliance.path("queue.db")).expect("restored");
    appliance.start_daemon();
    let held = appliance.request("GET", "/v1/hold", &[], b"").json();
    assert_eq!(held["held"]["reason"], "restored", "{held:#}");
    assert_eq!(appliance.show(&id)["state"], "waiting", "the copy knows no better");
    // The line comes round to look for work between two tests of its own, and finds none.
    appliance.await_line("line1", "ready");
    for number in 1..=3 {
        appliance.request("POST", "/v1/lines/line1/test", &[], b"");
        appliance.until("the line is tested", |appliance| {
            let test = appliance.line("line1")["last_test"].clone();
            (test["number"] == number && !test["ended_at"].is_null()).then_some(())
        });
    }
    assert_eq!(appliance.calls().len(), 1, "nobody was called");
    assert_eq!(appliance.show(&id)["attempts"].as_array().map(Vec::len), Some(0));
    appliance.release();
    appliance.await_state(&id, &["confirmed"]);
    assert_eq!(appliance.await_calls(2).len(), 2, "as the technician wanted it");
}

//! SIGTERM while a call is on: what has not begun is called off and comes again, a page that has begun is sent to its end,
//! nobody else is called, and the process ends by itself.

use crate::harness::{Appliance, Setup};
use crate::softline::page_carriers;

#[test]
fn told_to_stop_before_the_page_hangs_up_and_the_next_start_calls_again() {
    let mut appliance =
        Appliance::start(&Setup { fars: &["0312345678=fax,csi=0312345678"], ..Setup::default() });
    let id = appliance.submit("0312345678");
    appliance.await_attempt(&id, &["dialing"]);
    assert_eq!(appliance.stop_daemon(), Some(0));
    let calls = appliance.await_calls(1);
    assert_eq!(page_carriers(&calls[0]), 0, "nothing is on paper: {calls:#?}");
    appliance.start_daemon();
    let view = appliance.show(&id);
    assert_eq!(view["attempts"][0]["state"], "not_sent", "{view:#}");
    assert_eq!(view["attempts"][0]["code"], "shutting-down", "not found by the start as a crash");
    assert_eq!((&view["state"], &view["reason"]), (&"waiting".into(), &"interrupted".into()));
    assert!(view["due_at"].is_string(), "{view:#}");
}

#[test]
fn told_to_stop_in_the_page_sends_it_to_its_end_calls_nobody_else_and_goes_on_at_the_next_start() {
    let fars = ["0312345678=fax,csi=0312345678", "0312345679=fax,csi=0312345679"];
    let mut appliance = Appliance::start(&Setup { fars: &fars, ..Setup::default() });
    let id = appliance.submit("0312345678");
    appliance.await_attempt(&id, &["page_started"]);
    let next = appliance.submit("0312345679");
    assert_eq!(appliance.stop_daemon(), Some(0));
    assert_eq!(appliance.calls_if_idle().map(|calls| calls.len()), Some(1), "nobody else");
    appliance.start_daemon();
    let view = appliance.show(&id);
    assert_eq!(view["state"], "confirmed", "the page that had begun was finished: {view:#}");
    assert_eq!(view["attempts"].as_array().map(Vec::len), Some(1));
    let view = appliance.await_state(&next, &["confirmed"]);
    assert_eq!(view["attempts"].as_array().map(Vec::len), Some(1), "{view:#}");
    assert_eq!(appliance.await_calls(2).len(), 2, "one call each");
}

//! SIGKILL at each step of an attempt, then a new start: what the store says, and what the line saw.

use std::fs::File;
use std::process::{Child, Stdio};

use crate::harness::{Appliance, Setup};

#[test]
fn killed_while_it_dials_is_not_sent_and_will_call_again() {
    let mut appliance =
        Appliance::start(&Setup { fars: &["0312345678=noanswer"], ..Setup::default() });
    let id = appliance.submit("0312345678");
    appliance.await_attempt(&id, &["dialing"]);
    appliance.kill_daemon();
    appliance.await_calls(1); // the line hung up with the dead daemon
    appliance.start_daemon();
    let view = appliance.show(&id);
    assert_eq!(view["attempts"][0]["state"], "not_sent", "{view:#}");
    assert_eq!(view["attempts"][0]["code"], "crash-in-call");
    assert_eq!(view["state"], "waiting");
}

#[test]
fn killed_while_the_page_runs_is_uncertain_and_never_sent_again_by_itself() {
    let mut appliance =
        Appliance::start(&Setup { fars: &["0312345678=fax,csi=0312345678"], ..Setup::default() });
    let id = appliance.submit("0312345678");
    appliance.await_attempt(&id, &["page_started"]);
    appliance.kill_daemon();
    appliance.await_calls(1);
    appliance.start_daemon();
    let view = appliance.show(&id);
    assert_eq!(view["state"], "uncertain", "{view:#}");
    assert_eq!(view["attempts"][0]["code"], "crash-after-page");
    assert_eq!(view["due_at"], serde_json::Value::Null, "nothing will call again");
}

#[test]
fn killed_after_the_confirmation_stays_confirmed() {
    let mut appliance =
        Appliance::start(&Setup { fars: &["0312345678=fax,csi=0312345678"], ..Setup::default() });
    let id = appliance.submit("0312345678");
    appliance.await_state(&id, &["confirmed"]);
    appliance.kill_daemon();
    appliance.start_daemon();
    let view = appliance.show(&id);
    assert_eq!(view["state"], "confirmed", "{view:#}");
    assert_eq!(view["attempts"].as_array().map(Vec::len), Some(1));
    assert_eq!(appliance.await_calls(1).len(), 1, "one call, one sheet");
}

/// Ended with the test.
struct Listener(Child);

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn listener_to_the_feed_misses_nothing_and_hears_nothing_twice_when_the_daemon_is_killed() {
    let mut appliance =
        Appliance::start(&Setup { fars: &["0312345678=fax,csi=0312345678"], ..Setup::default() });
    let heard = appliance.path("heard");
    let out = File::create(&heard).expect("a file");
    let listener =
        appliance.command(&["events", "--follow"]).stdout(out).stderr(Stdio::null()).spawn();
    let _listener = Listener(listener.expect("it starts"));
    let heard = move || std::fs::read_to_string(&heard).expect("text");
    let id = appliance.submit("0312345678");
    appliance.until("the page is heard of", |_| heard().contains("page started").then_some(()));
    appliance.kill_daemon();
    appliance.await_calls(1);
    appliance.start_daemon();
    assert_eq!(appliance.show(&id)["state"], "uncertain");
    let other = appliance.submit("0312345678");
    appliance.await_state(&other, &["confirmed"]);
    appliance.until("all of it is heard", |appliance| {
        let feed = appliance.verb(&["events"]);
        (String::from_utf8(feed.stdout).expect("text") == heard()).then_some(())
    });
    for what in ["accepted", "uncertain", "confirmed"] {
        assert!(heard().contains(what), "{what} in {}", heard());
    }
}

#[test]
fn stopped_in_the_middle_of_the_page_tells_the_truth_and_never_sends_it_again() {
    let mut appliance =
        Appliance::start(&Setup { fars: &["0312345678=fax,csi=0312345678"], ..Setup::default() });
    let id = appliance.submit("0312345678");
    appliance.await_attempt(&id, &["page_started"]);
    appliance.signal("STOP");
    // A minute of the line, which nothing in the standing process can tell of.
    std::thread::sleep(std::time::Duration::from_secs(6));
    appliance.signal("CONT");
    appliance.await_calls(1);
    let view = appliance.await_state(&id, &["uncertain", "confirmed"]);
    assert_eq!(view["due_at"], serde_json::Value::Null, "nothing will call again: {view:#}");
    assert_eq!(appliance.calls().len(), 1);
}

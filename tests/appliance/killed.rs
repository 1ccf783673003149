//! SIGKILL at each step of an attempt, then a new start: what the store says, and what the line saw.

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

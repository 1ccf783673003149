//! SIGKILL while a mail is handed over: never two of it in the mailbox, and never a notice of which nothing follows.

use serde_json::{Value, json};

use crate::gateway::{self, Exchange, Way, rungs};
use crate::harness::Appliance;
use crate::proxy::{Hold, Proxy};
use crate::servers::{Far, Servers};

struct Story {
    // Before the servers: the daemon ends first.
    appliance: Appliance,
    proxy: Proxy,
    servers: Servers,
}

impl Story {
    fn begin(hold: Hold) -> Self {
        let servers = Servers::start();
        let proxy = Proxy::start(servers.ports.relay_plain, hold);
        let appliance = gateway::start(&servers, Way::Plain(proxy.port));
        appliance.register(Far::Office.address());
        Self { appliance, proxy, servers }
    }

    /// Kills the daemon when its mail is held, starts another, and shows what that says.
    fn killed(&mut self) -> (String, Value) {
        let id = self.appliance.notify("killed");
        self.proxy.await_held(1);
        self.appliance.kill_daemon();
        self.proxy.set(Hold::Nothing);
        self.appliance.start_daemon();
        let view = self.appliance.show(&id);
        (id, view)
    }

    /// Another notice goes the whole way: whatever would have been mailed before it was.
    fn after_another(&mut self) -> Vec<String> {
        let other = self.appliance.notify("another");
        self.appliance.await_rung(&other, "mail_delivered");
        self.servers.far_mailbox(Far::Office.address()).mails()
    }
}

#[test]
fn killed_before_any_content_is_not_sent_and_mailed_once_after_its_pause() {
    let mut story = Story::begin(Hold::Envelope);
    let (id, view) = story.killed();
    assert_eq!(view["attempts"][0]["state"], "not_sent", "{view:#}");
    assert_eq!(view["channel"], "mail", "{view:#}");
    story.appliance.kill_daemon();
    gateway::set_clock(&mut story.appliance, &story.servers, "+1h");
    story.appliance.start_daemon();
    let view = story.appliance.await_rung(&id, "mail_delivered");
    assert_eq!(view["attempts"].as_array().map(Vec::len), Some(2), "{view:#}");
    assert_eq!(story.servers.far_mailbox(Far::Office.address()).mails().len(), 1);
}

#[test]
fn killed_before_the_dot_is_uncertain_and_nothing_is_mailed_again_but_a_fax_follows_in_the_end() {
    let mut story = Story::begin(Hold::Dot);
    let (id, view) = story.killed();
    assert_eq!(view["state"], "uncertain", "{view:#}");
    assert_eq!(view["attempts"][0]["code"], "crash-after-dot", "{view:#}");
    assert_eq!(story.after_another().len(), 1, "only the other notice is in the mailbox");
    let view = story.appliance.show(&id);
    assert_eq!(view["state"], "uncertain", "{view:#}");
    assert_eq!(view["attempts"].as_array().map(Vec::len), Some(1), "{view:#}");
    assert_eq!(view["awaits"]["then"], "fax", "{view:#}");

    story.appliance.kill_daemon();
    gateway::set_clock(&mut story.appliance, &story.servers, "+10h");
    story.appliance.start_daemon();
    let view = story.appliance.await_state(&id, &["confirmed"]);
    assert_eq!(
        (&view["channel"], &view["because"]),
        (&json!("fax"), &json!("mail-unsure")),
        "{view:#}"
    );
}

#[test]
fn killed_before_the_reply_to_the_dot_is_in_the_mailbox_once_and_the_report_tells_so() {
    let mut story = Story::begin(Hold::Reply);
    let (id, _) = story.killed();
    let view = story.appliance.await_rung(&id, "mail_delivered");
    assert_eq!(view["state"], "handed_off", "{view:#}");
    assert_eq!(rungs(&view).iter().filter(|rung| *rung == "dot_sent").count(), 1, "{view:#}");
    assert_eq!(story.after_another().len(), 2, "one of each notice");
}

#[test]
fn killed_in_the_moment_of_the_reply_is_in_the_mailbox_once() {
    let mut story = Story::begin(Hold::Told);
    let (id, view) = story.killed();
    assert!(
        ["handed_off", "uncertain"].contains(&view["state"].as_str().unwrap_or("")),
        "{view:#}"
    );
    let view = story.appliance.await_rung(&id, "mail_delivered");
    assert_eq!(view["state"], "handed_off", "{view:#}");
    assert_eq!(story.after_another().len(), 2, "one of each notice");
}

#[test]
fn mail_that_the_relay_took_unseen_is_found_in_the_folder_of_sent_ones() {
    let mut story = Story::begin(Hold::Dot);
    let (id, view) = story.killed();
    assert_eq!(view["state"], "uncertain", "{view:#}");
    // A relay that keeps a copy of what it sends keeps it under the id of the mail.
    let token = story.proxy.last_token();
    let copy = format!("Message-ID: <{token}@gateway.test>\r\nSubject: x\r\n\r\nhello\r\n");
    story.servers.receipt_box().put_in("Sent", "copy", copy.as_bytes());
    let view = story.appliance.await_rung(&id, "sent_copy");
    assert_eq!(view["state"], "handed_off", "{view:#}");
}

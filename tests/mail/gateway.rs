//! The appliance with a mail channel: the real daemon, on one software line, beside the servers.

use serde_json::{Value, json};

use crate::harness::{Appliance, Setup, first_contact, repository};
use crate::servers::{RECEIPTS, SENDER, Servers};

/// The office of every notification here, and its fax machine.
pub const OFFICE: &str = "2779900030";
pub const FAX: &str = "0312345678";
pub const FAX_MACHINE: &str = "0312345678=fax,csi=0312345678";

/// How the relay is reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// STARTTLS and a login, as an office's relay is.
    Submission,
    /// Neither, by this port: something stands between.
    Plain(u16),
}

/// Starts the daemon with the relay and the receipt box of `servers`.
pub fn start(servers: &Servers, way: Way) -> Appliance {
    let more = settings(servers, way, "");
    Appliance::start(&Setup { fars: &[FAX_MACHINE], more: &more, ..Setup::default() })
}

/// The settings of the mail channel, with more lines of `[mail.relay]`.
pub fn settings(servers: &Servers, way: Way, of_relay: &str) -> String {
    let ca = servers.authority.file();
    let ca = ca.display();
    let relay = match way {
        Way::Submission => format!(
            "host = \"localhost\"\nport = {}\nca_file = \"{ca}\"\n{of_relay}\n\
             [mail.relay.login]\nmechanism = \"plain\"\nuser = \"{}\"\npassword_file = \"{}\"\n",
            servers.ports.submission,
            SENDER.0,
            servers.password_file(SENDER).display(),
        ),
        Way::Plain(port) => {
            format!("host = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n{of_relay}\n")
        }
    };
    format!(
        "[mail]\nfrom = \"notice@gateway.test\"\nreceipts = \"receipts@gateway.test\"\ntemplates = \"{}\"\n\
         [mail.relay]\n{relay}\
         [mail.inbox]\nhost = \"localhost\"\nport = {}\nca_file = \"{ca}\"\nsent_folder = \"Sent\"\n\
         [mail.inbox.login]\nmechanism = \"plain\"\nuser = \"{}\"\npassword_file = \"{}\"\n",
        repository("templates/mail").display(),
        servers.ports.imaps,
        RECEIPTS.0,
        servers.password_file(RECEIPTS).display(),
    )
}

/// Daemons that are started from now on take the time to be later by that, e.g. `+10h`. Deadlines are counted as ever.
pub fn set_clock(appliance: &mut Appliance, servers: &Servers, later: &str) {
    appliance.set_environment("LD_PRELOAD", &servers.other_clock().to_string_lossy());
    appliance.set_environment("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    appliance.set_environment("FAKETIME", later);
}

/// What the exchange tells the appliance and asks of it.
pub trait Exchange {
    /// Registers the address of the office.
    fn register(&self, address: &str);
    /// Hands in a notice that documents wait, and returns its id.
    fn notify(&self, key: &str) -> String;
    /// Tells that somebody followed the notice.
    fn tell_login(&self, id: &str) -> Value;
    /// Waits until a rung of the last attempt is there.
    fn await_rung(&mut self, id: &str, name: &str) -> Value;
}

impl Exchange for Appliance {
    fn register(&self, address: &str) {
        let answer = self.request(
            "POST",
            &format!("/v1/offices/{OFFICE}/events"),
            &[("Content-Type", "application/json")],
            json!({ "event": "mail_registered", "mail": address }).to_string().as_bytes(),
        );
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    fn notify(&self, key: &str) -> String {
        let answer = self.post(key, &document());
        assert_eq!(answer.status, 202, "{}", answer.text);
        let answer = answer.json();
        assert_eq!(answer["channel"], "mail", "{answer:#}");
        answer["id"].as_str().expect("an id").to_owned()
    }

    fn tell_login(&self, id: &str) -> Value {
        let answer = self.request(
            "POST",
            &format!("/v1/notifications/{id}/evidence"),
            &[("Content-Type", "application/json")],
            json!({ "kind": "first_login" }).to_string().as_bytes(),
        );
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    fn await_rung(&mut self, id: &str, name: &str) -> Value {
        self.until(&format!("{id} has the rung {name}"), |appliance| {
            let view = appliance.show(id);
            rungs(&view).contains(&name.to_owned()).then_some(view)
        })
    }
}

/// The rungs of every attempt, in their order.
pub fn rungs(view: &Value) -> Vec<String> {
    let attempts = view["attempts"].as_array().cloned().unwrap_or_default();
    let rungs = attempts.iter().flat_map(|attempt| attempt["rungs"].as_array().cloned());
    rungs.flatten().filter_map(|rung| rung["name"].as_str().map(str::to_owned)).collect()
}

/// A notice without a key, as the exchange would send it.
pub fn document() -> Value {
    let mut body = first_contact(FAX);
    body["kind"] = json!("document");
    body.as_object_mut().expect("an object").remove("credentials");
    body
}

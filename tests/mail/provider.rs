//! A FAX that a service sends for a mail, and the service's answer.

use mail::smtp::{Deadlines, Outcome, Outgoing, RelaySettings, Tls};
use mail::{Address, TokenKey};
use mail_parser::{MessageParser, MimeHeaders};
use pki::Trust;
use serde_json::json;

use crate::gateway::{self, FAX, Way, document, rungs};
use crate::harness::{Appliance, Setup, first_contact};
use crate::relay::deliver;
use crate::servers::Servers;

/// A service that nobody else knows.
const PROFILE: &str = r#"
service = "a service of this test"
to = { is = "{national}@{gateway}", source = "manual: this test" }
attachment = { is = "pdf", source = "manual: this test" }
file_name = { is = "page.pdf", source = "manual: this test" }
from = { is = "registered", source = "manual: this test" }
answer_hours = { is = 4, source = "manual: this test" }
[answers]
from = { is = ["fax.test"], source = "manual: this test" }
token = { is = "address", source = "manual: this test" }
[[answers.rule]]
means = "sent"
subject = "FAX to {number} sent"
text = ["Pages: {pages}"]
source = "manual: this test"
"#;

#[test]
fn fax_by_mail_is_confirmed_by_the_service_and_by_nobody_else_and_carries_no_key() {
    let servers = Servers::start();
    let profile = tempfile::NamedTempFile::with_suffix(".toml").expect("a file");
    std::fs::write(profile.path(), PROFILE).expect("a profile");
    let more = format!(
        "[[line]]\nkind = \"mail-to-fax\"\nname = \"by-mail\"\nprovider = \"{}\"\ngateway = \"fax.test\"\n\
         from = \"notice@gateway.test\"\n{}",
        profile.path().display(),
        gateway::settings(&servers, Way::Submission, ""),
    );
    // The modem is not there, so that all goes by the other line.
    let setup = Setup { device: Some("/dev/null/none"), more: &more, ..Setup::default() };
    let mut appliance = Appliance::start(&setup);

    let key = appliance.post("key", &first_contact(FAX)).json();
    let order = appliance.post("order", &document()).json();
    let (key, id) = (key["id"].as_str().expect("an id"), order["id"].as_str().expect("an id"));
    let view = appliance.await_state(id, &["handed_off"]);
    assert_eq!(view["channel"], "fax", "{view:#}");

    let orders = servers
        .until("the service has the order", || Some(orders(&servers)).filter(|of| !of.is_empty()));
    let order = MessageParser::default().parse(&orders[0]).expect("a mail");
    let page = order.attachment(0).expect("a page");
    assert_eq!(page.attachment_name(), Some("page.pdf"));
    assert!(page.contents().starts_with(b"%PDF-"));
    let reply_to = order.reply_to().and_then(|to| to.first()).and_then(|to| to.address());
    let reply_to = reply_to.expect("where answers go").to_owned();

    answer(&servers, "result@office.test", &reply_to);
    answer(&servers, "result@fax.test", &reply_to);
    let view = appliance.await_state(id, &["confirmed"]);
    let sent = rungs(&view).iter().filter(|rung| *rung == "fax_sent").count();
    assert_eq!(sent, 1, "the one from elsewhere is no receipt: {view:#}");
    let view = appliance.show(key);
    assert_eq!((&view["state"], &view["attempts"]), (&json!("waiting"), &json!([])), "{view:#}");
    assert_eq!(self::orders(&servers).len(), 1, "one sheet, and no key");
}

/// What the service was told to send. It also gets reports about its answers.
fn orders(servers: &Servers) -> Vec<String> {
    let mut mails = servers.far_mailbox("fax.test").mails();
    mails.retain(|mail| mail.contains(&format!("\nTo: {FAX}@fax.test\n")));
    mails
}

/// What the service says, or somebody in its place.
fn answer(servers: &Servers, from: &str, to: &str) {
    let address = |text: &str| Address::parse(text).expect("an address");
    let octets =
        format!("From: {from}\r\nTo: {to}\r\nSubject: FAX to {FAX} sent\r\n\r\nPages: 1\r\n");
    let token = TokenKey::new([1; 32]).mint([1; 16]); // of no meaning here
    let mail = Outgoing::new(address(from), address(to), &token, octets.into()).expect("a mail");
    let relay = RelaySettings {
        host: "127.0.0.1".into(),
        port: servers.ports.relay_plain,
        tls: Tls::Never,
        trust: Trust::System,
        login: None,
        hello: "fax.test".into(),
        connections: 1,
        deadlines: Deadlines::default(),
    };
    let outcome = deliver(relay, &mail);
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
}

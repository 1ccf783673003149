//! The daemon tells a real receiver over TLS what became of a call, and is killed between a post and its mark.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver as Waiting, Sender, channel};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use crate::harness::{Appliance, FIRST_TIME_KEY, PASSWORD, Setup, shirase};
use crate::softline::LIMIT;

/// A post that waits for its answer; without one the connection ends.
struct Post {
    id: String,
    timestamp: String,
    signature: String,
    text: String,
    body: Value,
    answer: Sender<u16>,
}

impl Post {
    fn is(&self, name: &str) -> bool {
        self.body["type"] == format!("notification.{name}")
    }
}

/// A receiver on this machine, behind TLS.
struct Receiver {
    port: u16,
    posts: Waiting<Post>,
}

impl Receiver {
    /// Its certificate's authority is left in a file.
    fn start(ca_file: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("made");
        std::fs::write(ca_file, made.cert.pem()).expect("a file");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a certificate");
        let config = Arc::new(config);
        let (give, posts) = channel();
        std::thread::spawn(move || {
            for tcp in listener.incoming() {
                let (tcp, config, give) =
                    (tcp.expect("a connection"), Arc::clone(&config), give.clone());
                // Whoever posts may be killed at any time.
                std::thread::spawn(move || drop(serve(tcp, config, &give)));
            }
        });
        Self { port, posts }
    }

    /// Takes every post but the first of this name, which waits.
    fn await_post(&self, name: &str) -> Post {
        loop {
            let post = self.posts.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("no {name}"));
            if post.is(name) || post.body["type"] == name {
                return post;
            }
            post.answer.send(204).expect("it waits");
        }
    }
}

fn serve(tcp: TcpStream, config: Arc<ServerConfig>, give: &Sender<Post>) -> std::io::Result<()> {
    let session = ServerConnection::new(config).expect("a session");
    let mut tls = StreamOwned::new(session, tcp);
    let mut octets = Vec::new();
    let (head, text) = loop {
        let mut piece = [0; 4096];
        let read = tls.read(&mut piece)?;
        assert!(read > 0, "a whole request");
        octets.extend_from_slice(&piece[..read]);
        let so_far = String::from_utf8(octets.clone()).expect("text");
        let Some((head, text)) = so_far.split_once("\r\n\r\n") else { continue };
        if header(head, "content-length") == text.len().to_string() {
            break (head.to_owned(), text.to_owned());
        }
    };
    assert!(head.starts_with("POST /hooks/fax HTTP/1.1\r\n"), "{head}");
    let (answer, answered) = channel();
    let post = Post {
        id: header(&head, "webhook-id"),
        timestamp: header(&head, "webhook-timestamp"),
        signature: header(&head, "webhook-signature"),
        body: serde_json::from_str(&text).expect("JSON"),
        text,
        answer,
    };
    // After the test nobody takes them.
    if give.send(post).is_ok()
        && let Ok(status) = answered.recv()
    {
        tls.write_all(format!("HTTP/1.1 {status} \r\ncontent-length: 0\r\n\r\n").as_bytes())?;
        tls.flush()?;
    }
    Ok(())
}

fn header(head: &str, name: &str) -> String {
    let named = |line: &&str| line.split_once(": ").is_some_and(|(found, _)| found == name);
    let line = head.lines().find(named).unwrap_or_else(|| panic!("{name} is in {head}"));
    line.split_once(": ").expect("a header").1.to_owned()
}

fn signed(secret: &str, post: &Post) -> String {
    let key = STANDARD.decode(secret.trim().strip_prefix("whsec_").expect("a secret"));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key.expect("base64")).expect("any length");
    mac.update(format!("{}.{}.{}", post.id, post.timestamp, post.text).as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[test]
fn killed_between_post_and_mark_it_posts_the_end_of_a_call_again_with_the_same_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let (secret, ca) = (folder.path().join("secret"), folder.path().join("ca.pem"));
    let made = shirase(&["webhook", "secret", secret.to_str().expect("UTF-8")]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let receiver = Receiver::start(&ca);
    let more = format!(
        "[[webhook]]\nname = \"exchange\"\nclient = \"test\"\n\
         url = \"https://localhost:{}/hooks/fax\"\nsecret_files = [\"{}\"]\nca_file = \"{}\"\n\
         allow_networks = [\"127.0.0.0/8\", \"::1/128\"]\n",
        receiver.port,
        secret.display(),
        ca.display(),
    );
    // Nobody listens at this proxy: what goes there is lost.
    let proxy = "http://127.0.0.1:9";
    let environment =
        ["http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"].map(|name| (name, proxy));
    let fars = ["0312345678=fax,csi=0312345678"];
    let setup = Setup { fars: &fars, more: &more, environment: &environment, ..Setup::default() };
    let mut appliance = Appliance::start(&setup);
    let id = appliance.submit("0312345678");

    let held = receiver.await_post("confirmed");
    appliance.kill_daemon();
    appliance.start_daemon();
    let again = receiver.await_post("confirmed");
    assert_eq!((&again.id, &again.text), (&held.id, &held.text));
    assert_eq!(again.body["data"]["notification"], id);
    assert_eq!(again.body["data"]["code"], "delivered");
    let secret = std::fs::read_to_string(&secret).expect("the secret");
    for post in [&held, &again] {
        assert_eq!(post.signature, signed(&secret, post));
        for canary in [PASSWORD, FIRST_TIME_KEY, "0312345678", "az-2779900030"] {
            assert!(!post.text.contains(canary), "{}", post.text);
        }
    }
    again.answer.send(204).expect("it waits");
    let board = appliance.until("everything is told", |appliance| {
        let answer = appliance.request("GET", "/v1/webhooks", &[], b"");
        assert_eq!(answer.status, 200, "{}", answer.text);
        let board = answer.json()[0].clone();
        (board["behind"] == 0 && board["state"] == "telling").then_some(board)
    });
    assert_eq!((&board["given_up"], &board["retrying"]), (&0.into(), &0.into()));
    assert_eq!(board["origin"], format!("https://localhost:{}", receiver.port));
    assert!(receiver.posts.try_recv().is_err(), "what was taken does not come again");

    // A try by hand, taken and refused.
    for (status, exit, says) in [(204, 0, "took the ping: 204"), (503, 1, "webhook-status")] {
        let run = std::thread::scope(|scope| {
            let verb = scope.spawn(|| appliance.verb(&["webhook", "test", "exchange"]));
            receiver.await_post("ping").answer.send(status).expect("it waits");
            verb.join().expect("it ends")
        });
        let said = [run.stdout, run.stderr].concat();
        let said = String::from_utf8(said).expect("text");
        assert_eq!(run.status.code(), Some(exit), "{said}");
        assert!(said.contains(says), "{said}");
    }
    let table = appliance.verb(&["webhook"]);
    let table = String::from_utf8(table.stdout).expect("text");
    assert!(table.contains("exchange         telling"), "{table}");
    let log = appliance.log();
    for secret in [secret.trim(), "/hooks/fax"] {
        assert!(!log.contains(secret), "the log keeps it to itself");
    }
}

//! A relay that does what real ones will not do when asked: each story ends with the one outcome that is true.
#![expect(clippy::unwrap_used, reason = "a test may fail so")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mail::smtp::{
    Deadlines, Go, Login, Mechanism, Outcome, Outgoing, Relay, RelaySettings, Reply, Step, Tls,
    Trouble,
};
use mail::{Address, TokenKey};
use pki::Trust;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const EHLO: &str = "250-relay.example.jp\r\n250-8BITMIME\r\n250 DSN\r\n";
const CONTENT: &str = "Subject: x\r\n\r\n.dot\r\n";

/// What the relay does next.
#[derive(Clone)]
enum Do {
    /// Says it.
    Say(String),
    /// Reads one line, which must begin so.
    Hear(&'static str),
    /// Reads to the final dot.
    HearContent,
    /// Says this over and over, until nobody listens.
    SayForEver(&'static str),
    /// Says nothing more and keeps the connection open.
    Fall,
}

fn say(words: &str) -> Do {
    Do::Say(format!("{words}\r\n"))
}

fn greet() -> Vec<Do> {
    vec![say("220 relay"), Do::Hear("EHLO gateway.example.jp"), Do::Say(EHLO.into())]
}

/// Greeting, EHLO twice, envelope with DSN, 354.
fn up_to_content() -> Vec<Do> {
    let mut script = greet();
    script.extend([Do::Hear("EHLO"), Do::Say(EHLO.into())]);
    script.extend(envelope());
    script
}

fn envelope() -> [Do; 6] {
    [
        Do::Hear("MAIL FROM:<receipts+"),
        say("250 2.1.0 ok"),
        Do::Hear(
            "RCPT TO:<office@example.co.jp> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;office@example.co.jp",
        ),
        say("250 2.1.5 ok"),
        Do::Hear("DATA"),
        say("354 go on"),
    ]
}

fn with(mut script: Vec<Do>, more: impl IntoIterator<Item = Do>) -> Vec<Do> {
    script.extend(more);
    script
}

async fn play(stream: impl AsyncRead + AsyncWrite + Unpin, script: Vec<Do>) -> Vec<String> {
    let mut stream = BufReader::new(stream);
    let mut heard = Vec::new();
    for step in script {
        match step {
            Do::Say(words) => stream.write_all(words.as_bytes()).await.unwrap(),
            Do::Hear(start) => {
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                assert!(line.starts_with(start), "heard {line:?}, not {start:?}");
                heard.push(line);
            }
            Do::HearContent => {
                let mut content = String::new();
                while !content.ends_with("\r\n.\r\n") {
                    assert_ne!(stream.read_line(&mut content).await.unwrap(), 0, "{content:?}");
                }
                heard.push(content);
            }
            Do::SayForEver(words) => while stream.write_all(words.as_bytes()).await.is_ok() {},
            Do::Fall => {
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        }
    }
    heard
}

/// A relay for one connection, and the port it listens on.
async fn relay(script: Vec<Do>) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        play(stream, script).await
    });
    (port, task)
}

fn settings(port: u16) -> RelaySettings {
    let ms = Duration::from_millis;
    RelaySettings {
        host: "127.0.0.1".into(),
        port,
        tls: Tls::Never,
        trust: Trust::System,
        login: None,
        hello: "gateway.example.jp".into(),
        connections: 2,
        deadlines: Deadlines { connect: ms(2_000), reply: ms(400), content: ms(400) },
    }
}

fn mail() -> Outgoing {
    let token = TokenKey::new([1; 32]).mint([2; 16]);
    let from = Address::parse(&format!("receipts+{}@example.jp", token.as_str())).unwrap();
    let to = Address::parse("office@example.co.jp").unwrap();
    Outgoing::new(from, to, &token, CONTENT.into()).unwrap()
}

async fn deliver(settings: RelaySettings) -> Outcome {
    Relay::new(settings).unwrap().deliver(&mail(), async || Go::On).await
}

/// What comes of one mail to a relay without TLS, and what the relay heard.
async fn told(script: Vec<Do>) -> (Outcome, Vec<String>) {
    let (port, task) = relay(script).await;
    let outcome = deliver(settings(port)).await;
    (outcome, task.await.unwrap())
}

async fn outcome(script: Vec<Do>) -> Outcome {
    let (port, task) = relay(script).await;
    let outcome = deliver(settings(port)).await;
    task.abort();
    outcome
}

#[tokio::test]
async fn relay_that_takes_the_mail_answers_for_it_and_will_report() {
    let script = with(up_to_content(), [Do::HearContent, say("250 2.0.0 Ok: queued as 4ABC")]);
    let (outcome, heard) = told(script).await;
    let Outcome::Accepted { reply, dsn } = outcome else { panic!("{outcome:?}") };
    assert_eq!((reply.code, reply.text.as_str(), dsn), (250, "2.0.0 Ok: queued as 4ABC", true));
    let mail_from = heard.iter().find(|line| line.starts_with("MAIL")).unwrap();
    assert!(mail_from.contains(" RET=HDRS ENVID="), "{mail_from}");
    assert_eq!(heard.last().unwrap(), "Subject: x\r\n\r\n..dot\r\n\r\n.\r\n");
}

#[tokio::test]
async fn relay_without_dsn_gets_a_bare_envelope_and_promises_nothing() {
    let script = vec![
        say("220 relay"),
        Do::Hear("EHLO"),
        say("250 relay"),
        Do::Hear("EHLO"),
        say("250 relay"),
        Do::Hear("MAIL FROM:<receipts+"),
        say("250 ok"),
        Do::Hear("RCPT TO:<office@example.co.jp>\r\n"),
        say("250 ok"),
        Do::Hear("DATA"),
        say("354 go on"),
        Do::HearContent,
        say("250 ok"),
    ];
    let (outcome, heard) = told(script).await;
    assert!(matches!(outcome, Outcome::Accepted { dsn: false, .. }), "{outcome:?}");
    assert!(!heard.concat().contains("ENVID"));
}

#[tokio::test]
async fn refusals_name_the_step_and_whether_it_is_for_good() {
    let mut at_recipient = up_to_content();
    at_recipient.truncate(8);
    at_recipient.push(say("550 5.1.1 no such user"));
    let mut at_sender = up_to_content();
    at_sender.truncate(6);
    at_sender.push(say("451 4.3.0 try later"));
    let at_dot = with(up_to_content(), [Do::HearContent, say("451 4.3.0 no space")]);
    let at_greeting = vec![say("554 go away")];
    for (script, step, code, permanent) in [
        (at_recipient, Step::Recipient, 550, true),
        (at_sender, Step::Sender, 451, false),
        (at_dot, Step::Content, 451, false),
        (at_greeting, Step::Connect, 554, true),
    ] {
        let outcome = outcome(script).await;
        let Outcome::Refused { step: at, reply } = outcome else { panic!("{outcome:?}") };
        assert_eq!((at, reply.code, reply.is_permanent()), (step, code, permanent), "{reply:?}");
    }
}

#[tokio::test]
async fn relay_that_hangs_up_before_the_dot_leaves_the_mail_with_nobody_and_is_not_said_to_talk_nonsense()
 {
    let up_to = |lines| {
        let mut script = up_to_content();
        script.truncate(lines);
        script
    };
    for (script, at) in [
        (vec![], Step::Connect),
        (up_to(2), Step::Connect),
        (vec![Do::Say("220 rel".into())], Step::Connect),
        (up_to(6), Step::Sender),
        (up_to(8), Step::Recipient),
        (up_to(10), Step::Content), // the 354 is not said
    ] {
        let outcome = outcome(script).await;
        let Outcome::NotHanded { step, trouble } = &outcome else { panic!("{outcome:?}") };
        assert_eq!((*step, trouble.code()), (at, "smtp-broken"), "{outcome:?}");
    }
}

#[tokio::test]
async fn connection_that_ends_after_the_dot_leaves_nobody_the_wiser() {
    let outcome = outcome(with(up_to_content(), [Do::HearContent])).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
}

#[tokio::test]
async fn silence_after_the_dot_is_unknown_and_before_it_is_not() {
    let after = outcome(with(up_to_content(), [Do::HearContent, Do::Fall])).await;
    assert!(matches!(after, Outcome::Unknown { trouble: Trouble::Late(_) }), "{after:?}");
    let mut script = up_to_content();
    script.truncate(6);
    script.push(Do::Fall);
    let before = outcome(script).await;
    let late =
        matches!(before, Outcome::NotHanded { step: Step::Sender, trouble: Trouble::Late(_) });
    assert!(late, "{before:?}");
}

#[tokio::test]
async fn replies_without_end_are_given_up() {
    for endless in ["2", "250-and more\r\n", "250 ok\u{0}"] {
        let script = vec![say("220 relay"), Do::Hear("EHLO"), Do::SayForEver(endless)];
        let outcome = outcome(script).await;
        assert!(matches!(outcome, Outcome::NotHanded { step: Step::Connect, .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn nonsense_for_a_reply_is_not_taken_for_one() {
    for words in ["999 what", "OK", "25", "220"] {
        let script = with(
            greet(),
            [Do::Hear("EHLO"), Do::Say(EHLO.into()), Do::Hear("MAIL"), say(words), Do::Fall],
        );
        let outcome = outcome(script).await;
        let fine = matches!(outcome, Outcome::NotHanded { .. } | Outcome::Refused { .. });
        assert!(fine, "{words}: {outcome:?}");
    }
}

#[tokio::test]
async fn nobody_at_the_port_is_not_handed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let outcome = deliver(settings(port)).await;
    let connect =
        matches!(outcome, Outcome::NotHanded { step: Step::Connect, trouble: Trouble::Connect(_) });
    assert!(connect, "{outcome:?}");
}

#[tokio::test]
async fn caller_who_says_stop_sends_no_content() {
    let (port, task) = relay(with(up_to_content(), [Do::Fall])).await;
    let relay = Relay::new(settings(port)).unwrap();
    let asked = AtomicBool::new(false);
    let outcome = relay
        .deliver(&mail(), async || {
            asked.store(true, Ordering::Relaxed);
            Go::Stop
        })
        .await;
    assert_eq!(outcome, Outcome::Stopped);
    assert!(asked.load(Ordering::Relaxed));
    let heard = task.await.unwrap();
    assert_eq!(heard.last().unwrap(), "DATA\r\n");
}

#[tokio::test]
async fn second_mail_goes_over_the_first_ones_connection() {
    let taken = [Do::HearContent, say("250 ok")];
    let script = with(up_to_content(), taken.clone());
    let script = with(script, [Do::Hear("NOOP"), say("250 ok")]);
    let script = with(with(script, envelope()), taken);
    let (port, task) = relay(with(script, [Do::Hear("QUIT"), say("221 bye")])).await;
    let relay = Relay::new(settings(port)).unwrap();
    for _ in 0..2 {
        let outcome = relay.deliver(&mail(), async || Go::On).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    }
    relay.close_idle().await;
    task.await.unwrap();
}

#[test]
fn line_ended_by_half_is_refused_before_anything_is_sent() {
    let token = TokenKey::new([1; 32]).mint([2; 16]);
    let address = || Address::parse("a@b.jp").unwrap();
    for octets in ["a\nb\r\n", "a\rb\r\n", "\na\r\n", "a\r", "a\n.\r\n", "a\r\n\n"] {
        assert!(Outgoing::new(address(), address(), &token, octets.into()).is_err(), "{octets:?}");
    }
}

// TLS ---------------------------------------------------------------------------------------------

/// A certificate for a name, and the authority that signed it in PEM.
struct Identity {
    config: Arc<rustls::ServerConfig>,
    authority: Vec<u8>,
}

fn identity(name: &str) -> Identity {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    Identity { config: Arc::new(config), authority: cert.pem().into_bytes() }
}

/// A relay that plays `clear`, then, if TLS comes about, `secret` under it.
async fn tls_relay(
    clear: Vec<Do>,
    identity: &Identity,
    secret: Vec<Do>,
) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(&identity.config));
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        play(&mut stream, clear).await;
        match acceptor.accept(stream).await {
            Ok(stream) => play(stream, secret).await,
            Err(_refused) => vec!["no TLS".into()],
        }
    });
    (port, task)
}

fn tls_settings(port: u16, tls: Tls, identity: &Identity) -> RelaySettings {
    let trust = Trust::Only(identity.authority.clone());
    RelaySettings { tls, trust, host: "localhost".into(), ..settings(port) }
}

fn offer_tls() -> Vec<Do> {
    vec![
        say("220 relay"),
        Do::Hear("EHLO gateway.example.jp"),
        Do::Say("250-relay\r\n250 STARTTLS\r\n".into()),
        Do::Hear("STARTTLS"),
    ]
}

/// Under TLS begun by STARTTLS no greeting is said.
fn secret_session() -> Vec<Do> {
    with(up_to_content()[1..].to_vec(), [Do::HearContent, say("250 2.0.0 ok")])
}

#[tokio::test]
async fn mail_under_starttls_and_under_tls_from_the_start_is_accepted() {
    let identity = identity("localhost");
    let (port, task) =
        tls_relay(with(offer_tls(), [say("220 go")]), &identity, secret_session()).await;
    let outcome = deliver(tls_settings(port, Tls::StartTls, &identity)).await;
    assert!(matches!(outcome, Outcome::Accepted { dsn: true, .. }), "{outcome:?}");
    task.await.unwrap();

    let session = with(up_to_content(), [Do::HearContent, say("250 2.0.0 ok")]);
    let (port, task) = tls_relay(vec![], &identity, session).await;
    let outcome = deliver(tls_settings(port, Tls::Implicit, &identity)).await;
    assert!(matches!(outcome, Outcome::Accepted { dsn: true, .. }), "{outcome:?}");
    task.await.unwrap();
}

#[tokio::test]
async fn certificate_of_another_name_or_authority_gets_no_mail() {
    let wrong_name = identity("other.example.jp");
    let (port, task) =
        tls_relay(with(offer_tls(), [say("220 go")]), &wrong_name, secret_session()).await;
    let outcome = deliver(tls_settings(port, Tls::StartTls, &wrong_name)).await;
    let refused = |outcome: &Outcome| {
        matches!(outcome, Outcome::NotHanded { step: Step::Tls, trouble: Trouble::Certificate(_) })
    };
    assert!(refused(&outcome), "{outcome:?}");
    assert_eq!(task.await.unwrap(), ["no TLS"]);

    let (ours, theirs) = (identity("localhost"), identity("localhost"));
    let (port, task) = tls_relay(vec![], &theirs, secret_session()).await;
    let outcome = deliver(tls_settings(port, Tls::Implicit, &ours)).await;
    assert!(refused(&outcome), "{outcome:?}");
    assert_eq!(task.await.unwrap(), ["no TLS"]);
}

#[tokio::test]
async fn relay_that_does_not_offer_tls_gets_nothing_in_the_clear() {
    let identity = identity("localhost");
    let (port, task) = tls_relay(greet(), &identity, vec![]).await;
    let outcome = deliver(tls_settings(port, Tls::StartTls, &identity)).await;
    assert_eq!(outcome, Outcome::NotHanded { step: Step::Tls, trouble: Trouble::NoTls });
    task.await.unwrap();
}

/// Whoever sits between puts a reply into the clear, so that it is read after TLS began.
#[tokio::test]
async fn reply_injected_behind_the_go_ahead_for_tls_is_not_read_as_if_it_came_encrypted() {
    let identity = identity("localhost");
    let injected = Do::Say("220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n".into());
    let (port, task) = tls_relay(with(offer_tls(), [injected]), &identity, secret_session()).await;
    let outcome = deliver(tls_settings(port, Tls::StartTls, &identity)).await;
    // The injected octets are no TLS: the handshake fails on them, and nothing was said to the relay.
    assert!(matches!(outcome, Outcome::NotHanded { step: Step::Tls, .. }), "{outcome:?}");
    assert_eq!(task.await.unwrap(), ["no TLS"]);
}

fn with_login(settings: RelaySettings, mechanism: Mechanism) -> RelaySettings {
    let secret = String::from("canaryPASS8642").into();
    RelaySettings { login: Some(Login { mechanism, user: "gateway".into(), secret }), ..settings }
}

#[tokio::test]
async fn login_is_shown_under_tls_only_and_its_echo_is_struck_out() {
    let (port, task) = relay(with(greet(), [Do::Fall])).await;
    let outcome = deliver(with_login(settings(port), Mechanism::Plain)).await;
    let trouble = Trouble::NoMechanism(Mechanism::Plain);
    assert_eq!(outcome, Outcome::NotHanded { step: Step::Login, trouble });
    assert!(!task.await.unwrap().concat().contains("AUTH"));

    let identity = identity("localhost");
    for (mechanism, offer, first) in [
        (Mechanism::Plain, "250 AUTH PLAIN\r\n", "AUTH PLAIN AGdhdGV3YXkAY2FuYXJ5UEFTUzg2NDI="),
        (Mechanism::Xoauth2, "250 AUTH XOAUTH2\r\n", "AUTH XOAUTH2 "),
    ] {
        let echo = "535 5.7.8 bad: AGdhdGV3YXkAY2FuYXJ5UEFTUzg2NDI= is canaryPASS8642";
        let session = vec![
            say("220 relay"),
            Do::Hear("EHLO"),
            Do::Say(format!("250-relay\r\n{offer}")),
            Do::Hear(first),
            say(echo),
        ];
        let (port, _task) = tls_relay(vec![], &identity, session).await;
        let settings = tls_settings(port, Tls::Implicit, &identity);
        let outcome = deliver(with_login(settings, mechanism)).await;
        let Outcome::Refused { step: Step::Login, reply } = &outcome else { panic!("{outcome:?}") };
        assert_eq!((reply.code, reply.text.as_str()), (535, "5.7.8 bad: *** is ***"));
    }
}

#[tokio::test]
async fn look_tells_what_is_offered_and_whether_a_mail_would_be_taken_and_hands_none_over() {
    let identity = identity("localhost");
    let offer = "250-relay\r\n250-SIZE 10240000\r\n250 DSN\r\n";
    let at_recipient = |reply| {
        let hello = [say("220 relay"), Do::Hear("EHLO"), Do::Say(offer.into())];
        let ask = [Do::Hear("EHLO"), Do::Say(offer.into()), Do::Hear("MAIL FROM:<receipts@")];
        let ask = with(ask.to_vec(), [say("250 ok"), Do::Hear("RCPT TO:<office@"), reply]);
        with(with(hello.to_vec(), ask), [Do::Hear("QUIT"), say("221 bye")])
    };
    let refusal = Reply { code: 550, text: "5.7.1 not yours".into() };
    for (reply, envelope) in [
        (say("250 ok"), Ok(())),
        (
            say("550 5.7.1 not yours"),
            Err(Outcome::Refused { step: Step::Recipient, reply: refusal }),
        ),
    ] {
        let (port, task) = tls_relay(vec![], &identity, at_recipient(reply)).await;
        let relay = Relay::new(tls_settings(port, Tls::Implicit, &identity)).unwrap();
        let address = |text| Address::parse(text).unwrap();
        let (from, to) = (address("receipts@example.jp"), address("office@example.co.jp"));
        let look = relay.look(&from, &to).await.unwrap();
        assert_eq!((look.offers.dsn, look.offers.size_octets), (true, Some(10_240_000)));
        assert_eq!(look.offers.peer.port(), port);
        // The end that rcgen writes: the year 4096.
        let until = look.offers.certificate.map(|valid| valid.until_s);
        assert_eq!(until, Some(67_090_118_400));
        assert_eq!(look.envelope, envelope);
        task.await.unwrap();
    }
}

#[test]
fn debug_of_settings_shows_no_password() {
    let shown = format!("{:?}", with_login(settings(25), Mechanism::Login));
    assert!(!shown.contains("canary"), "{shown}");
}

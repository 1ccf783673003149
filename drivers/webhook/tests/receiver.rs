//! Posts to a real receiver: TCP and TLS of its own, and answers that a story writes octet by octet.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pki::Trust;
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use webhook::{Answered, Endpoint, Key, Keys, Message, Place, PostError, Resolve, Stage, System};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY: &[u8] = br#"{"type":"notification.confirmed"}"#;
const HOST: &str = "hooks.example.jp";
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What the receiver does with each connection once it has read the request.
#[derive(Clone, Copy)]
enum Does {
    Says(&'static str),
    /// Ends the connection as a crash does.
    Resets,
    Hangs,
    /// 200, and a body without an end.
    Floods,
    /// Takes the connection and never begins TLS.
    StaysSilent,
}

/// A receiver behind TLS on this machine.
struct Receiver {
    port: u16,
    pem: String,
    heard: Arc<Mutex<Vec<String>>>,
    flooded: Arc<AtomicUsize>,
}

impl Receiver {
    async fn start(does: Does) -> Self {
        Self::with(does, CertificateParams::new(vec![HOST.into()]).expect("a name")).await
    }

    async fn with(does: Does, params: CertificateParams) -> Self {
        let listener = TcpListener::bind((LOOPBACK, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .expect("a certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let receiver =
            Self { port, pem: certificate.pem(), heard: Arc::default(), flooded: Arc::default() };
        let (heard, flooded) = (Arc::clone(&receiver.heard), Arc::clone(&receiver.flooded));
        tokio::spawn(async move {
            loop {
                let (tcp, _from) = listener.accept().await.expect("a connection");
                let (acceptor, heard) = (acceptor.clone(), Arc::clone(&heard));
                let flooded = Arc::clone(&flooded);
                tokio::spawn(async move {
                    // Whoever posts may go away at any time.
                    let _ = serve(tcp, acceptor, does, &heard, &flooded).await;
                });
            }
        });
        receiver
    }

    fn endpoint(&self, host: &str, resolver: Arc<dyn Resolve>) -> Endpoint {
        let place = Place::parse(&format!("https://{host}:{}/fax", self.port)).expect("a URL");
        let keys = Keys::new(Key::parse(SECRET).expect("a secret"), Vec::new());
        let allowed = vec!["127.0.0.0/8".parse().expect("a network")];
        let trust = Trust::Only(self.pem.clone().into_bytes());
        Endpoint::new(place, keys, allowed, &trust, resolver).expect("certificates")
    }

    async fn post(&self) -> Result<Answered, PostError> {
        post(&self.endpoint(HOST, Arc::new(Here))).await
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("unharmed").clone()
    }
}

async fn post(endpoint: &Endpoint) -> Result<Answered, PostError> {
    endpoint.post(&Message { id: "msg_1", body: BODY }, now()).await
}

async fn serve(
    tcp: TcpStream,
    acceptor: TlsAcceptor,
    does: Does,
    heard: &Mutex<Vec<String>>,
    flooded: &AtomicUsize,
) -> io::Result<()> {
    if let Does::StaysSilent = does {
        // From here on nothing moves but the clock.
        tokio::time::pause();
        std::future::pending::<()>().await;
    }
    let mut tls = acceptor.accept(tcp).await?;
    let mut octets = Vec::new();
    while !octets.ends_with(BODY) {
        let mut piece = [0; 4096];
        let read = tls.read(&mut piece).await?;
        octets.extend_from_slice(&piece[..read]);
    }
    heard.lock().expect("unharmed").push(String::from_utf8(octets).expect("text"));
    match does {
        Does::Says(answer) => {
            tls.write_all(answer.as_bytes()).await?;
            tls.shutdown().await
        }
        Does::Resets => {
            let (tcp, _session) = tls.get_ref();
            tcp.set_zero_linger()
        }
        Does::Hangs => {
            tokio::time::pause();
            std::future::pending().await
        }
        Does::Floods => {
            tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n").await?;
            loop {
                tls.write_all(&[b'x'; 16 << 10]).await?;
                flooded.fetch_add(16 << 10, Ordering::Relaxed);
            }
        }
        Does::StaysSilent => Ok(()),
    }
}

/// Every name leads here.
struct Here;

impl Resolve for Here {
    fn resolve<'a>(&'a self, _name: &'a str, port: u16) -> Found<'a> {
        Box::pin(async move { Ok(vec![SocketAddr::new(LOOPBACK, port)]) })
    }
}

type Found<'a> = std::pin::Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

#[expect(clippy::disallowed_methods, reason = "the receiver's own library reads the clock, too")]
fn now() -> i64 {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_1970.expect("after 1970").as_secs() as i64
}

#[tokio::test]
async fn post_is_believed_by_the_receivers_own_library_and_its_200_or_204_is_taken() {
    for (answer, status) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 200),
        ("HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 202),
    ] {
        let receiver = Receiver::start(Does::Says(answer)).await;
        assert_eq!(receiver.post().await, Ok(Answered { status, address: LOOPBACK }));
        let request = receiver.heard().pop().expect("one post");
        let (head, body) = request.split_once("\r\n\r\n").expect("head and body");
        assert!(head.starts_with("POST /fax HTTP/1.1\r\n"), "{head}");
        assert!(head.contains(&format!("host: {HOST}:{}\r\n", receiver.port)), "{head}");
        let mut headers = hyper::HeaderMap::new();
        for line in head.lines().skip(1) {
            let (name, value) = line.split_once(": ").expect("a header");
            let name: hyper::header::HeaderName = name.parse().expect("a name");
            headers.insert(name, value.parse().expect("a value"));
        }
        let library = standardwebhooks::Webhook::new(SECRET).expect("a secret");
        library.verify(body.as_bytes(), &headers).expect("believed");
        assert!(library.verify(b"{}", &headers).is_err(), "another body is not believed");
    }
}

#[tokio::test]
async fn b37_every_other_status_is_told_apart_and_its_wish_for_peace_with_it() {
    let wish = |status, seconds: Option<u64>| PostError::Status {
        status,
        again_after: seconds.map(Duration::from_secs),
    };
    for (answer, expected) in [
        ("HTTP/1.1 500 Oh\r\n\r\n", wish(500, None)),
        ("HTTP/1.1 404 No\r\nretry-after: soon\r\n\r\n", wish(404, None)),
        ("HTTP/1.1 410 Gone\r\n\r\n", PostError::Gone),
        ("HTTP/1.1 429 Slow\r\nretry-after: 9999999999\r\n\r\n", wish(429, Some(9_999_999_999))),
        (
            "HTTP/1.1 503 Busy\r\nretry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
            wish(503, Some(0)),
        ),
        ("HTTP/1.1 304 Same\r\n\r\n", PostError::Redirect { status: 304 }),
    ] {
        assert_eq!(Receiver::start(Does::Says(answer)).await.post().await, Err(expected));
    }
}

#[tokio::test]
async fn b37_redirect_to_where_secrets_of_clouds_are_is_not_followed() {
    let elsewhere = Receiver::start(Does::Says("HTTP/1.1 200 OK\r\n\r\n")).await;
    for place in ["http://169.254.169.254/latest/", "file:///etc/passwd", ""] {
        let answer = format!("HTTP/1.1 302 Found\r\nlocation: {place}\r\n\r\n").leak();
        let receiver = Receiver::start(Does::Says(answer)).await;
        assert_eq!(receiver.post().await, Err(PostError::Redirect { status: 302 }));
    }
    let inside = format!("https://{HOST}:{}/fax", elsewhere.port);
    let answer = format!("HTTP/1.1 307 Found\r\nlocation: {inside}\r\n\r\n").leak();
    let receiver = Receiver::start(Does::Says(answer)).await;
    assert_eq!(receiver.post().await, Err(PostError::Redirect { status: 307 }));
    assert_eq!((receiver.heard().len(), elsewhere.heard().len()), (1, 0));
}

#[tokio::test]
async fn b37_body_without_an_end_is_not_read_to_its_end_and_the_status_counts() {
    let receiver = Receiver::start(Does::Floods).await;
    assert_eq!(receiver.post().await.map(|answered| answered.status), Ok(200));
    // What the receiver could put into the buffers between us and it, and no more.
    let flooded = receiver.flooded.load(Ordering::Relaxed);
    assert!(flooded < 32 << 20, "{flooded} octets were taken");
}

#[tokio::test]
async fn reset_garbage_and_silence_are_told_apart() {
    assert_eq!(Receiver::start(Does::Resets).await.post().await, Err(PostError::Reset));
    assert_eq!(Receiver::start(Does::Says("")).await.post().await, Err(PostError::Reset));
    let garbage = Receiver::start(Does::Says("SSH-2.0-OpenSSH_9.2\r\n")).await.post().await;
    assert_eq!(garbage.map_err(|error| error.code()), Err("webhook-no-http"));
}

#[tokio::test]
async fn b37_receiver_that_hangs_before_or_after_tls_is_left_when_the_time_of_a_post_is_over() {
    let late = |stage| Err(PostError::Late { stage });
    assert_eq!(Receiver::start(Does::Hangs).await.post().await, late(Stage::Answer));
    tokio::time::resume();
    assert_eq!(Receiver::start(Does::StaysSilent).await.post().await, late(Stage::Tls));
}

#[tokio::test]
async fn name_server_that_hangs_is_left_too() {
    struct Hangs;
    impl Resolve for Hangs {
        fn resolve<'a>(&'a self, _name: &'a str, _port: u16) -> Found<'a> {
            Box::pin(std::future::pending())
        }
    }
    let receiver = Receiver::start(Does::Hangs).await;
    tokio::time::pause();
    let got = post(&receiver.endpoint(HOST, Arc::new(Hangs))).await;
    assert_eq!(got, Err(PostError::Late { stage: Stage::Name }));
}

#[tokio::test]
async fn certificate_of_another_host_of_nobody_or_of_yesterday_is_refused_before_anything_is_said()
{
    let fine = "HTTP/1.1 200 OK\r\n\r\n";
    let receiver = Receiver::start(Does::Says(fine)).await;
    let wrong = post(&receiver.endpoint("other.example.jp", Arc::new(Here))).await;
    assert_eq!(wrong, Err(PostError::WrongName { host: "other.example.jp".into() }));
    let stranger = Receiver::start(Does::Says(fine)).await;
    let believing_another =
        Receiver { pem: stranger.pem.clone(), heard: Arc::default(), ..receiver };
    let unknown = believing_another.post().await;
    assert_eq!(unknown.map_err(|error| error.code()), Err("webhook-certificate"));
    let mut old = CertificateParams::new(vec![HOST.into()]).expect("a name");
    old.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let old = Receiver::with(Does::Says(fine), old).await;
    assert_eq!(old.post().await.map_err(|error| error.code()), Err("webhook-certificate"));
    for receiver in [believing_another, stranger, old] {
        assert_eq!(receiver.heard(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn port_that_speaks_no_tls_or_that_nobody_listens_at_is_named() {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let talker = tokio::spawn(async move {
        let (mut tcp, _from) = listener.accept().await.expect("a connection");
        tcp.write_all(b"220 mail.example.jp ESMTP\r\n").await.expect("says it");
        let _ = tcp.read(&mut [0; 4096]).await;
    });
    let receiver = Receiver::start(Does::Hangs).await;
    let there = Receiver { port, heard: Arc::default(), ..receiver };
    assert_eq!(there.post().await.map_err(|error| error.code()), Err("webhook-tls"));
    talker.await.expect("it ends");
    assert_eq!(there.post().await.map_err(|error| error.code()), Err("webhook-connect"));
}

#[tokio::test]
async fn b37_name_that_leads_to_this_machine_is_refused_unless_the_settings_list_it() {
    let receiver = Receiver::start(Does::Says("HTTP/1.1 200 OK\r\n\r\n")).await;
    let endpoint = |allowed: Vec<ipnet::IpNet>| {
        let place = format!("http://localhost:{}/", receiver.port);
        let keys = Keys::new(Key::parse(SECRET).expect("a secret"), Vec::new());
        let place = Place::parse(&place).expect("a URL");
        Endpoint::new(place, keys, allowed, &Trust::System, Arc::new(System)).expect("made")
    };
    let refused = post(&endpoint(Vec::new())).await;
    assert_eq!(refused.map_err(|error| error.code()), Err("webhook-address-forbidden"));
    assert_eq!(receiver.heard(), Vec::<String>::new());
}

#[tokio::test]
async fn name_that_changes_its_address_after_it_was_judged_changes_nothing() {
    /// Leads here when it is asked for the first time, and inside from then on.
    struct Rebinds(AtomicUsize);
    impl Resolve for Rebinds {
        fn resolve<'a>(&'a self, _name: &'a str, port: u16) -> Found<'a> {
            let first = self.0.fetch_add(1, Ordering::Relaxed) == 0;
            let address = if first { LOOPBACK } else { "10.0.0.1".parse().expect("an address") };
            Box::pin(async move { Ok(vec![SocketAddr::new(address, port)]) })
        }
    }
    let receiver = Receiver::start(Does::Says("HTTP/1.1 200 OK\r\n\r\n")).await;
    let resolver = Arc::new(Rebinds(AtomicUsize::new(0)));
    let endpoint = receiver.endpoint(HOST, Arc::clone(&resolver) as Arc<dyn Resolve>);
    assert_eq!(post(&endpoint).await, Ok(Answered { status: 200, address: LOOPBACK }));
    assert_eq!(resolver.0.load(Ordering::Relaxed), 1, "asked once for one post");
    // The next post asks, and judges, anew.
    let next = post(&endpoint).await;
    assert_eq!(next.map_err(|error| error.code()), Err("webhook-address-forbidden"));
}

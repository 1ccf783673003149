//! Who is let in: over TLS, by certificate, by token, and no longer once the files say so.

use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::*;

/// A certificate authority of one test.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// Certificate and key of a name.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.into()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }
}

/// A house with a door for other machines, and somebody who knocks at it.
struct Doors {
    house: House,
    ours: Authority,
    url: String,
}

impl Doors {
    /// `more`: keys of `[http.tls]`, with FOLDER for where the files are.
    fn new(more: &str) -> Self {
        let (house, ours) = (House::new(), Authority::new());
        let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = probe.local_addr().expect("an address").port();
        let doors = Self { house, ours, url: format!("https://localhost:{port}") };
        doors.has_certificate_of(&doors.ours);
        write(&doors.house.path("ca.pem"), doors.ours.pem.as_bytes());
        write(&doors.house.path("clients.pem"), doors.ours.pem.as_bytes());
        let folder = doors.house.folder.path().display().to_string();
        doors.house.write_settings(&format!(
            "[http.tls]\nlisten = \"127.0.0.1:{port}\"\ncertificate = \"{folder}/chain.pem\"\n\
             key_file = \"{folder}/chain.key\"\n{}",
            more.replace("FOLDER", &folder)
        ));
        let token =
            doors.house.shirase(&["token", "new", "test", "--tokens-file", &doors.file("tokens")]);
        doors.secret("token", &String::from_utf8(token.stdout).expect("text"));
        doors
    }

    fn file(&self, name: &str) -> String {
        self.house.path(name).to_str().expect("UTF-8").to_owned()
    }

    fn secret(&self, name: &str, text: &str) -> String {
        write(&self.house.path(name), text.as_bytes());
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(self.house.path(name), mode).expect("a mode");
        self.file(name)
    }

    fn has_certificate_of(&self, authority: &Authority) {
        let (chain, key) = authority.issue("localhost");
        write(&self.house.path("chain.pem"), chain.as_bytes());
        self.secret("chain.key", &key);
    }

    /// What the command line makes of it: its status, and what it says.
    fn list(&self, words: &[&str]) -> (Option<i32>, String) {
        let ca_file = self.file("ca.pem");
        let known = ["list", "--url", &self.url, "--ca-file", &ca_file];
        let run = self.house.shirase(&[&known, words].concat());
        (run.status.code(), String::from_utf8_lossy(&run.stderr).into_owned())
    }

    /// Looks until the command line ends with this status.
    fn until(&self, words: &[&str], status: i32) {
        let is_so = || (self.list(words).0 == Some(status)).then_some(());
        self.house.until(&format!("status {status}"), is_so);
    }
}

#[test]
fn caller_on_another_machine_is_answered_over_tls_and_trusts_nobody_else() {
    let doors = Doors::new("");
    let _daemon = doors.house.daemon();
    doors.house.hears("READY=1");
    let token_file = doors.file("token");
    let (status, said) = doors.list(&["--token-file", &token_file]);
    assert_eq!(status, Some(0), "{said}");

    write(&doors.house.path("ca.pem"), Authority::new().pem.as_bytes());
    let (status, said) = doors.list(&["--token-file", &token_file]);
    assert_eq!(status, Some(69), "{said}");
    assert!(said.contains("certificate"), "{said}");

    let plain = doors.url.replace("https", "http");
    let run = doors.house.shirase(&["list", "--url", &plain, "--token-file", &token_file]);
    assert_eq!(run.status.code(), Some(69), "plain HTTP at the door of TLS");
}

#[test]
fn renewed_certificate_is_shown_after_hang_up_and_one_that_is_broken_is_not() {
    let doors = Doors::new("");
    let daemon = doors.house.daemon();
    doors.house.hears("READY=1");
    let token_file = doors.file("token");
    let words = ["--token-file", token_file.as_str()];
    let next = Authority::new();
    doors.has_certificate_of(&next);
    daemon.signal("HUP");
    doors.until(&words, 69);
    write(&doors.house.path("ca.pem"), next.pem.as_bytes());
    assert_eq!(doors.list(&words).0, Some(0), "the new one is shown");

    // A certificate without its key changes nothing.
    write(&doors.house.path("chain.pem"), Authority::new().issue("localhost").0.as_bytes());
    daemon.signal("HUP");
    let status = || {
        let ca_file = doors.file("ca.pem");
        let known = ["status", "--url", &doors.url, "--ca-file", &ca_file];
        let run = doors.house.shirase(&[&known, &words[..]].concat());
        String::from_utf8(run.stdout).expect("text")
    };
    let shown = doors.house.until("it is pointed out", || {
        Some(status()).filter(|shown| shown.contains("certificates: certificates-not-renewed"))
    });
    assert!(shown.contains("chain.pem: certificate and key_file do not belong"), "{shown}");
    daemon.signal("TERM");
    let (status, said) = daemon.ended();
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("app.certificates.renewed"), "{said}");
    assert!(said.contains("app.certificates.not_renewed"), "{said}");
}

/// A connection over TLS that is kept.
struct Talk(StreamOwned<ClientConnection, TcpStream>);

impl Talk {
    /// `ca`: whoever has signed what is shown.
    fn begin(doors: &Doors, ca: &Authority) -> std::io::Result<Self> {
        let trust = pki::Trust::Only(ca.pem.clone().into_bytes());
        let config = trust.config().expect("an authority");
        let name = ServerName::try_from("localhost").expect("a name");
        let client = ClientConnection::new(Arc::new(config), name).expect("a client");
        let port = doors.url.rsplit(':').next().expect("a port");
        let stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut talk = Self(StreamOwned::new(client, stream));
        talk.0.conn.complete_io(&mut talk.0.sock)?;
        Ok(talk)
    }

    fn certificate(&self) -> Vec<u8> {
        let shown = self.0.conn.peer_certificates().and_then(|chain| chain.first());
        shown.expect("one").to_vec()
    }

    /// The first line of an answer.
    fn asks(&mut self) -> String {
        self.0.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it listens");
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            let mut piece = [0; 1024];
            let length = self.0.read(&mut piece).expect("an answer");
            assert_ne!(length, 0, "it ended: {}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&piece[..length]);
        }
        String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
    }
}

#[test]
fn connection_lives_on_while_the_certificate_is_renewed_and_the_next_one_is_shown_the_new() {
    let doors = Doors::new("");
    let daemon = doors.house.daemon();
    doors.house.hears("READY=1");
    let mut old = Talk::begin(&doors, &doors.ours).expect("a handshake");
    assert_eq!(old.asks(), "HTTP/1.1 200 OK");
    let next = Authority::new();
    doors.has_certificate_of(&next);
    daemon.signal("HUP");
    let mut new = doors.house.until("the new one is shown", || Talk::begin(&doors, &next).ok());
    assert_ne!(new.certificate(), old.certificate());
    assert_eq!(new.asks(), "HTTP/1.1 200 OK");
    assert!(Talk::begin(&doors, &doors.ours).is_err(), "the old one is shown to nobody");
    assert_eq!(old.asks(), "HTTP/1.1 200 OK", "what was open stays open");
}

#[test]
fn with_a_client_ca_nobody_gets_in_without_certificate_and_a_known_one_needs_no_token() {
    let doors = Doors::new(
        "client_ca = \"FOLDER/clients.pem\"\n[[http.tls.client]]\n\
         certificate_name = \"exchange.example.jp\"\nclient = \"test\"\nscopes = [\"read\"]\n\
         [[http.tls.client]]\ncertificate_name = \"other.example.jp\"\nclient = \"other\"\nscopes = [\"notify\"]\n",
    );
    let pair = |name: &str| {
        let (certificate, key) = doors.ours.issue(name);
        doors.secret(&format!("{name}.pem"), &(certificate + &key))
    };
    let (exchange, other) = (pair("exchange.example.jp"), pair("other.example.jp"));
    let stranger = pair("stranger.example.jp");
    let forged = {
        let (certificate, key) = Authority::new().issue("exchange.example.jp");
        doors.secret("forged.pem", &(certificate + &key))
    };
    let _daemon = doors.house.daemon();
    doors.house.hears("READY=1");
    let token_file = doors.file("token");
    let token = ["--token-file", token_file.as_str()];
    for (certificate, with_token, status, why) in [
        (None, true, 69, "no certificate"),
        (Some(&forged), true, 69, "another CA's"),
        (Some(&exchange), false, 0, "the client's own"),
        (Some(&exchange), true, 0, "and its token"),
        (Some(&other), false, 4, "without the scope"),
        (Some(&other), true, 4, "with a token of somebody else"),
        (Some(&stranger), false, 4, "of nobody in the settings, without a token"),
        (Some(&stranger), true, 0, "of nobody in the settings, with one"),
    ] {
        let shown = certificate.map(|file| ["--certificate-file", file.as_str()]);
        let words = [
            shown.as_ref().map_or(&[][..], |shown| &shown[..]),
            if with_token { &token[..] } else { &[] },
        ];
        let (got, said) = doors.list(&words.concat());
        assert_eq!(got, Some(status), "{why}: {said}");
    }
}

#[test]
fn revoked_token_is_refused_after_hang_up_and_the_rotated_one_goes_on() {
    let doors = Doors::new("");
    let daemon = doors.house.daemon();
    doors.house.hears("READY=1");
    let tokens_file = doors.file("tokens");
    let tokens = |words: &[&str]| {
        let run = doors.house.shirase(&[words, &["--tokens-file", &tokens_file]].concat());
        assert!(run.status.success(), "{words:?}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).expect("text")
    };
    let listed = tokens(&["token", "list"]);
    let id = listed.lines().last().and_then(|line| line.split(' ').next()).expect("an id");
    let new_file = doors.secret("new-token", &tokens(&["token", "rotate", id]));
    daemon.signal("HUP");
    doors.until(&["--token-file", &new_file], 0);
    let old_file = doors.file("token");
    assert_eq!(doors.list(&["--token-file", &old_file]).0, Some(0), "both work");

    tokens(&["token", "revoke", id]);
    daemon.signal("HUP");
    doors.until(&["--token-file", &old_file], 4);
    assert_eq!(doors.list(&["--token-file", &new_file]).0, Some(0));

    // A slip in the file shuts nobody out.
    write(&doors.house.path("tokens"), b"exchange\n");
    daemon.signal("HUP");
    assert_eq!(doors.list(&["--token-file", &new_file]).0, Some(0));
    daemon.signal("TERM");
    let (_, said) = daemon.ended();
    assert!(said.contains("app.tokens.renewed"), "{said}");
}

#[test]
fn certificate_without_its_key_ends_with_78_and_names_the_file() {
    let doors = Doors::new("");
    write(&doors.house.path("chain.pem"), Authority::new().issue("localhost").0.as_bytes());
    let (status, said) = doors.house.daemon().ended();
    assert_eq!((status, said.lines().count()), (Some(78), 1), "{said}");
    assert!(said.contains("chain.pem: certificate and key_file do not belong together"), "{said}");
}

//! `shirase check` and `explain` as a technician meets them: a relay and a name server on loopback, and the exit status.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;

use crate::House;
use crate::dns::{Zone, serve};

/// A relay that takes everything up to the recipient; content it is never offered.
fn relay(offers: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a caller");
        stream.write_all(b"220 relay\r\n").expect("it listens");
        let lines = BufReader::new(stream.try_clone().expect("a second hand")).lines();
        for line in lines.map_while(Result::ok) {
            let reply = match line.split([' ', ':']).next() {
                Some("EHLO") => offers,
                Some("MAIL" | "RCPT") => "250 ok\r\n",
                Some("QUIT") => "221 bye\r\n",
                _ => "500 what\r\n",
            };
            stream.write_all(reply.as_bytes()).expect("it listens");
        }
    });
    address
}

/// A mailbox that lets everybody in and holds nothing.
fn mailbox() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a caller");
        let mut lines = BufReader::new(stream.try_clone().expect("a second hand")).lines();
        stream.write_all(b"* OK ready\r\n").expect("it listens");
        while let Some(Ok(line)) = lines.next() {
            let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
            let before = match command.split(' ').next() {
                Some("CAPABILITY") => "* CAPABILITY IMAP4rev1 AUTH=PLAIN IDLE MOVE UIDPLUS\r\n",
                Some("AUTHENTICATE") => {
                    stream.write_all(b"+ \r\n").expect("it listens");
                    let _login = lines.next();
                    ""
                }
                Some("SELECT") => "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n",
                Some("UID") => "* SEARCH\r\n",
                _ => "",
            };
            let reply = format!("{before}{tag} OK done\r\n");
            stream.write_all(reply.as_bytes()).expect("it listens");
        }
    });
    address
}

fn check(house: &House, zone: Zone, relay: SocketAddr, more: &[&str]) -> (Option<i32>, String) {
    let password = house.path("password");
    std::fs::write(&password, "secret").expect("a file");
    std::fs::set_permissions(&password, PermissionsExt::from_mode(0o600)).expect("a mode");
    house.write_settings(&format!(
        "[mail]\nfrom = \"notice@mail.example.jp\"\nreceipts = \"receipts@example.jp\"\n\
         [mail.relay]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
         [mail.inbox]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
         login = {{ mechanism = \"plain\", user = \"u\", password_file = \"{}\" }}\n",
        relay.port(),
        mailbox().port(),
        password.display(),
    ));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let server = runtime.block_on(serve(zone)).to_string();
    let config = house.path("shirase.toml");
    let words =
        ["check", "mail", "--config", config.to_str().expect("UTF-8"), "--resolver", &server];
    let output = house.shirase(&[&words[..], more].concat());
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).expect("text"))
}

/// An RSA key of 2048 bits; nobody has its other half.
const KEY: &str = "v=DKIM1; k=rsa; p=\
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAmPE10l9VcgMwGFDFo4/VR5I6c2mU47+RGmHb4i5EFYuul7qU0O2o\
    L49tBVhO+Ko4kidmWB4nocCKamPsJO3mpGtMskJKI9WWIhe+rdvElsuOgZc+C+zXsDiY0ZD569rMDLHinGWM2hSV5gr1k70E\
    zw/WMPHynQ2plT9I8aCfdrWhcLM4OSYwWfKMEF0fsXwjkMGSz9OslK8PId22bK1KJo0Rbs4XOPfZPZwXJBHiC49rDVSbbwNn\
    WhYAo1oJmVDYNvZ1zIHnTvXo4l2UDtkEdZUxmF1dncn4GBjoEYkvkCvSPwgkEosvMwxcf9Cmo6RQZRMnDiaeDTfyp03kUua0\
    OQIDAQAB";

/// The records of the sender stand at the domain above it, as they may.
#[test]
fn mail_channel_in_order_ends_with_0() {
    let zone = Zone::default()
        .mx("mail.example.jp", 10, "mx.example.jp")
        .mx("example.jp", 10, "mx.example.jp")
        .txt("example.jp", "v=spf1 ip4:203.0.113.0/24 -all")
        .txt("s1._domainkey.example.jp", KEY)
        .txt("_dmarc.example.jp", "v=DMARC1; p=reject; rua=mailto:d@example.jp");
    let relay = relay("250-relay\r\n250-SIZE 10240000\r\n250 DSN\r\n");
    let (status, said) = check(&House::new(), zone, relay, &["--sends-from", "203.0.113.25"]);
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(said.matches('✓').count(), 9, "{said}");
    assert!(said.ends_with("mail: all in order\n"), "{said}");
}

#[test]
fn domain_without_records_ends_with_1_and_each_line_says_what_to_do() {
    let relay = relay("250 relay\r\n");
    let (status, said) = check(&House::new(), Zone::default(), relay, &["--selector", "s1"]);
    assert_eq!(status, Some(1), "{said}");
    for line in ["! reports", "✗ mail-hosts", "✗ spf", "✗ dkim", "! dmarc"] {
        let at = said.find(line).unwrap_or_else(|| panic!("{line} in {said}"));
        let next = said.split_at(at).1.lines().nth(1).unwrap_or_default();
        assert!(next.trim_start().starts_with('→'), "{line}: {said}");
    }
    assert!(said.ends_with("shirase: mail: 4 wrong, 2 could be better\n"), "{said}");
}

#[test]
fn relay_that_is_not_there_does_not_hide_what_the_dns_says() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("one");
    let zone = Zone::default().mx("example.jp", 10, "mx.example.jp");
    let (status, said) = check(&House::new(), zone, nobody, &[]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("✗ relay        127.0.0.1:") && said.contains("firewalls"), "{said}");
    assert!(said.contains("✓ mail-hosts   example.jp: mx.example.jp"), "{said}");
}

#[test]
fn settings_without_mail_end_with_78_and_say_so() {
    let house = House::new();
    let config = house.path("shirase.toml");
    let output = house.shirase(&["check", "mail", "--config", config.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(78));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("there is no [mail] in it"), "{said}");
}

/// What a technician sees of a machine without a worker, whose device is another program's business.
#[test]
fn check_of_everything_shows_what_is_wrong_first_and_ends_with_1() {
    let house = House::new();
    let path = house.path("shirase.toml");
    let config = path.to_str().expect("UTF-8");
    house.write_settings("[[line]]\nname = \"line1\"\ndevice = \"/dev/not-there\"\n");
    let seen = house.shirase(&["check", "--config", config]);
    let said = String::from_utf8(seen.stdout).expect("text");
    assert_eq!(seen.status.code(), Some(1), "{said}");
    let signs: String = said.lines().filter_map(|line| line.chars().next()).collect();
    let signs = signs.replace(' ', "");
    assert!(signs.starts_with("✗✗"), "what is wrong comes first: {said}");
    assert!(!signs.trim_start_matches('✗').contains('✗'), "all of it: {said}");
    for words in [
        "✗ device       line1: /dev/not-there",
        "✗ faces ",
        "✓ settings ",
        "✓ credentials ",
        "? store ",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let end = String::from_utf8(seen.stderr).expect("text");
    assert!(end.contains("all: 2 wrong"), "{end}");
    assert!(!house.path("queue.db").exists(), "it changes nothing");

    let seen = house.shirase(&["check", "--json", "--config", config]);
    let findings: serde_json::Value = serde_json::from_slice(&seen.stdout).expect("JSON");
    assert_eq!(seen.status.code(), Some(1));
    let worst = &findings[0];
    assert_eq!(worst["mark"], "wrong");
    for finding in findings.as_array().expect("a list") {
        let code = finding["code"].as_str().expect("a code");
        assert!(house.shirase(&["explain", code]).status.success(), "{code}");
    }
}

/// The unit tests have each fault; here is that the command looks at both tables at all, and what its status says.
#[test]
fn check_of_everything_looks_at_the_certificate_and_at_every_endpoint() {
    let house = House::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    let secret = house.path("webhook-secret");
    let secret = secret.to_str().expect("UTF-8");
    assert!(house.shirase(&["webhook", "secret", secret]).status.success());
    for (name, text) in
        [("chain.pem", made.cert.pem()), ("key.pem", made.signing_key.serialize_pem())]
    {
        std::fs::write(house.path(name), text).expect("written");
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(house.path(name), mode).expect("a mode");
    }
    let folder = house.folder.path().display();
    house.write_settings(&format!(
        "[http.tls]\nlisten = \"127.0.0.1:1\"\ncertificate = \"{folder}/chain.pem\"\nkey_file = \"{folder}/key.pem\"\n\
         [[webhook]]\nname = \"inside\"\nclient = \"test\"\nurl = \"https://10.1.2.3/hook\"\nsecret_files = [\"{secret}\"]\n"
    ));
    let path = house.path("shirase.toml");
    let seen = house.shirase(&["check", "--config", path.to_str().expect("UTF-8")]);
    let said = String::from_utf8(seen.stdout).expect("text");
    assert_eq!(seen.status.code(), Some(1), "{said}");
    for words in [
        "✓ listener     127.0.0.1:1, TLS: whoever has a token",
        "chain.pem: valid until 4096-01-01",
        "✗ webhook      inside: https://10.1.2.3: 10.1.2.3 leads to 10.1.2.3",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("/hook\n") && !said.contains("whsec_"), "{said}");
}

#[test]
fn check_of_a_store_that_a_daemon_uses_says_that_it_is_sound_and_holds_nothing_up() {
    let house = House::new();
    let _daemon = house.daemon();
    house.hears("READY=1");
    let path = house.path("shirase.toml");
    let seen = house.shirase(&["check", "--config", path.to_str().expect("UTF-8")]);
    let said = String::from_utf8(seen.stdout).expect("text");
    assert!(said.contains("✓ store ") && said.contains("sound, version"), "{said}");
    assert!(said.contains("✓ disk ") || said.contains("! disk "), "{said}");
}

#[test]
fn check_of_broken_settings_names_line_and_column_and_ends_with_1() {
    let house = House::new();
    house.write_settings("[calling]\nhour = 1\n");
    let path = house.path("shirase.toml");
    let seen = house.shirase(&["check", "--config", path.to_str().expect("UTF-8")]);
    let said = String::from_utf8(seen.stdout).expect("text");
    assert_eq!(seen.status.code(), Some(1), "{said}");
    let first = said.lines().next().expect("a line");
    assert!(first.starts_with("✗ settings") && first.contains("shirase.toml:"), "{said}");
}

#[test]
fn explain_needs_no_gateway_and_names_the_nearest_code() {
    let house = House::new();
    let found = house.shirase(&["explain", "78"]);
    assert!(found.status.success());
    assert!(String::from_utf8_lossy(&found.stdout).contains("設定の誤り"));
    let unknown = house.shirase(&["explain", "no-dialtone"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean no-dial-tone"));
    let listed = house.shirase(&["explain", "--list"]);
    assert!(listed.stdout.split(|octet| *octet == b'\n').count() > 200);
}

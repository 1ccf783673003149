//! A receipt box whose server does what real ones do not, and then what some do: the daemon stays small, its FAX line goes
//! on, and a mail that is not given holds up no other.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use crate::gateway::{FAX, FAX_MACHINE};
use crate::harness::{Appliance, Setup, first_contact, repository};

/// More than what one server may make the daemon keep.
const MEMORY_KIB: u64 = 64 << 10;

/// What the server does with who connects: each of these once, then the last one for ever.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Manner {
    /// A greeting without end.
    EndlessLine,
    /// More mails than there can be numbers of.
    EndlessSearch,
    /// A mail of 4 GiB.
    EndlessMail,
    /// It refuses the first of two mails, and gives the second.
    OneBadMail,
}

const MANNERS: [Manner; 3] = [Manner::EndlessLine, Manner::EndlessSearch, Manner::EndlessMail];
const MAIL: &str = "Subject: hello\r\n\r\nWhere is my fax?\r\n";

fn start() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let manners = MANNERS.into_iter().chain(std::iter::repeat(Manner::OneBadMail));
    std::thread::spawn(move || {
        for (client, manner) in listener.incoming().map_while(Result::ok).zip(manners) {
            // It ends when the client has had enough.
            std::thread::spawn(move || talk(&client, manner));
        }
    });
    port
}

/// A GiB of it, if anybody listened so long.
fn for_ever(mut client: &TcpStream, words: &str) -> Option<()> {
    let chunk = words.repeat((1 << 16) / words.len());
    for _ in 0..(1 << 30) / chunk.len() {
        client.write_all(chunk.as_bytes()).ok()?;
    }
    Some(())
}

/// `None` once the client is gone.
fn talk(mut client: &TcpStream, manner: Manner) -> Option<()> {
    let mut lines = BufReader::new(client).lines();
    client.write_all(b"* OK hello").ok()?;
    if manner == Manner::EndlessLine {
        return for_ever(client, "a");
    }
    client.write_all(b"\r\n").ok()?;
    loop {
        let line = lines.next()?.ok()?;
        let (tag, command) = line.split_once(' ')?;
        let reply = match command.split(' ').collect::<Vec<_>>().as_slice() {
            ["CAPABILITY"] => "* CAPABILITY IMAP4rev1 AUTH=PLAIN IDLE MOVE UIDPLUS\r\n".to_owned(),
            ["AUTHENTICATE", ..] => {
                client.write_all(b"+ \r\n").ok()?;
                lines.next()?.ok()?;
                String::new()
            }
            ["SELECT", ..] => "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n".to_owned(),
            ["UID", "SEARCH", ..] if manner == Manner::EndlessSearch => {
                client.write_all(b"* SEARCH").ok()?;
                return for_ever(client, " 1234567");
            }
            ["UID", "SEARCH", "UID", "10:*"] => "* SEARCH\r\n".to_owned(),
            ["UID", "SEARCH", ..] => "* SEARCH 5 9\r\n".to_owned(),
            ["UID", "FETCH", uid, ..] if manner == Manner::EndlessMail => {
                let head = format!("* 1 FETCH (UID {uid} BODY[]<0> {{4294967295}}\r\n");
                client.write_all(head.as_bytes()).ok()?;
                return for_ever(client, "x");
            }
            ["UID", "FETCH", "5", ..] => {
                client.write_all(format!("{tag} NO [SERVERBUG] not now\r\n").as_bytes()).ok()?;
                continue;
            }
            ["UID", "FETCH", uid, ..] => {
                format!("* 2 FETCH (UID {uid} BODY[]<0> {{{}}}\r\n{MAIL})\r\n", MAIL.len())
            }
            ["IDLE"] => {
                client.write_all(b"+ idling\r\n").ok()?;
                lines.next()?.ok()?;
                String::new()
            }
            _ => String::new(),
        };
        client.write_all(format!("{reply}{tag} OK done\r\n").as_bytes()).ok()?;
    }
}

fn settings(port: u16, password: &Path) -> String {
    // Nobody listens where the relay should be.
    format!(
        "[mail]\nfrom = \"notice@gateway.test\"\nreceipts = \"receipts@gateway.test\"\ntemplates = \"{}\"\n\
         [mail.relay]\nhost = \"127.0.0.1\"\nport = 9\ntls = \"none\"\n\
         [mail.inbox]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
         [mail.inbox.login]\nmechanism = \"plain\"\nuser = \"receipts\"\npassword_file = \"{}\"\n",
        repository("templates/mail").display(),
        password.display(),
    )
}

#[test]
fn no_receipt_box_makes_the_daemon_big_or_stops_its_fax_and_one_bad_mail_holds_up_no_other() {
    let password = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(password.path(), "secret").expect("a password");
    let more = settings(start(), password.path());
    let mut appliance =
        Appliance::start(&Setup { fars: &[FAX_MACHINE], more: &more, ..Setup::default() });
    let memory_kib = appliance.memory_kib("VmRSS");
    let key = appliance.post("key", &first_contact(FAX));
    let key = key.json()["id"].as_str().expect("an id").to_owned();

    await_log(&mut appliance, &["mail.inbox.faulty", "imap-too-long"]);
    await_log(&mut appliance, &["mail.inbox.left", "uid=9"]);
    await_log(&mut appliance, &["mail.inbox.mended"]);
    appliance.await_state(&key, &["confirmed"]);
    let more = appliance.memory_kib("VmHWM").saturating_sub(memory_kib);
    assert!(more < MEMORY_KIB, "{more} KiB");
    assert!(!appliance.log().contains("mail.inbox.unreadable"), "nothing is given up so soon");
}

/// One line of the journal has all of it.
fn await_log(appliance: &mut Appliance, words: &[&str]) {
    appliance.until(&format!("the journal has {words:?}"), |appliance| {
        let log = appliance.log();
        log.lines().any(|line| words.iter().all(|word| line.contains(word))).then_some(())
    });
}

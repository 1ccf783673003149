//! Between the daemon and the relay: passes mails on, and stops one where a test wants to pull the plug.
//!
//! In: a port of the relay without TLS, so that the dot can be seen. Out: a port for the daemon.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use crate::softline::LIMIT;

const END: &[u8] = b"\r\n.\r\n";

/// Where a mail is held until its connection ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hold {
    Nothing,
    /// Its sender is known to the relay, and the reply to that goes no further.
    Envelope,
    /// All of its content but the dot has gone to the relay: the relay will throw it away.
    Dot,
    /// The relay has the mail, and its reply goes no further.
    Reply,
    /// The reply goes on, and whoever waits for [`Proxy::await_held`] knows of it in the same moment.
    Told,
}

struct State {
    hold: Hold,
    held: usize,
    heard: String,
}

pub struct Proxy {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Proxy {
    /// Listens until the test ends.
    pub fn start(relay: u16, hold: Hold) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let shared = Arc::new(Shared {
            state: Mutex::new(State { hold, held: 0, heard: String::new() }),
            changed: Condvar::new(),
        });
        let for_all = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(("127.0.0.1", relay)).expect("the relay");
                let shared = Arc::clone(&for_all);
                std::thread::spawn(move || carry(client, server, &shared));
            }
        });
        Self { port, shared }
    }

    /// What is done with the mails that come from now on.
    pub fn set(&self, hold: Hold) {
        self.shared.state.lock().expect("state").hold = hold;
    }

    /// Waits until `count` mails in all have come to where they are held.
    pub fn await_held(&self, count: usize) {
        let state = self.shared.state.lock().expect("state");
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, LIMIT, |state| state.held < count)
            .expect("state");
        assert!(!waited.1.timed_out(), "{count} mails expected, {} came", waited.0.held);
    }

    /// The token of the last mail, from its return path.
    pub fn last_token(&self) -> String {
        let state = self.shared.state.lock().expect("state");
        let path = state.heard.rsplit("MAIL FROM:<receipts+").next().expect("a part");
        path.split('@').next().expect("a part").to_owned()
    }
}

impl Shared {
    fn is(&self, hold: Hold) -> bool {
        self.state.lock().expect("state").hold == hold
    }

    fn note_heard(&self, octets: &[u8]) {
        let mut state = self.state.lock().expect("state");
        state.heard += &String::from_utf8_lossy(octets);
    }

    fn note_held(&self) {
        self.state.lock().expect("state").held += 1;
        self.changed.notify_all();
    }
}

fn carry(client: TcpStream, server: TcpStream, shared: &Arc<Shared>) {
    let asked = Arc::new(Mutex::new(Asked::Else));
    let back = {
        let (client, server) = (copy(&client), copy(&server));
        let (shared, asked) = (Arc::clone(shared), Arc::clone(&asked));
        std::thread::spawn(move || replies(server, client, &shared, &asked))
    };
    commands(copy(&client), copy(&server), shared, &asked);
    // The client is gone.
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
    let _ = back.join();
}

fn copy(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a second handle")
}

/// What the next reply of the relay answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Asked {
    Else,
    Sender,
    Dot,
}

fn commands(mut client: TcpStream, mut server: TcpStream, shared: &Shared, asked: &Mutex<Asked>) {
    let mut content = None::<Vec<u8>>;
    while let Some(octets) = read(&mut client) {
        let Some(so_far) = &mut content else {
            content = octets.ends_with(b"DATA\r\n").then(Vec::new);
            shared.note_heard(&octets);
            *asked.lock().expect("asked") =
                if octets.starts_with(b"MAIL FROM:") { Asked::Sender } else { Asked::Else };
            let _ = server.write_all(&octets);
            continue;
        };
        so_far.extend(octets);
        let Some(text) = so_far.strip_suffix(END) else { continue };
        let _ = server.write_all(text);
        if shared.is(Hold::Dot) {
            shared.note_held();
            while read(&mut client).is_some() {}
            return;
        }
        *asked.lock().expect("asked") = Asked::Dot;
        let _ = server.write_all(END);
        content = None;
    }
}

fn replies(mut server: TcpStream, mut client: TcpStream, shared: &Shared, asked: &Mutex<Asked>) {
    while let Some(octets) = read(&mut server) {
        let asked = *asked.lock().expect("asked");
        let held = match asked {
            Asked::Else => false,
            Asked::Sender => shared.is(Hold::Envelope),
            Asked::Dot => shared.is(Hold::Reply),
        };
        if held {
            shared.note_held();
            return;
        }
        let _ = client.write_all(&octets);
        if asked == Asked::Dot && shared.is(Hold::Told) {
            shared.note_held();
        }
    }
}

/// `None` at its end.
fn read(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut octets = vec![0; 4096];
    let length = stream.read(&mut octets).ok().filter(|length| *length > 0)?;
    octets.truncate(length);
    Some(octets)
}

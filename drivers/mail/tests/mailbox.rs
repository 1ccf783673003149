//! A mail server that does what real ones will not do when asked: each story ends soon, with the one error that is true,
//! or with the mail.
#![expect(clippy::unwrap_used, reason = "a test may fail so")]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use mail::TokenKey;
use mail::mailbox::{
    FETCH_OCTETS, Fetched, Interrupt, Mailbox, MailboxError, MailboxOffers, MailboxSettings,
    Patience,
};
use mail::report::Content;
use mail::smtp::{Login, Mechanism, Tls};
use pki::Trust;

const CAPABILITIES: &str = "* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 IDLE MOVE UIDPLUS\r\n";
const SECRET: &str = "correct horse";
/// What no step of an honest server comes near.
const SOON: Duration = Duration::from_secs(10);
/// The patience of those who meet a server that is late.
const SHORT: Duration = Duration::from_millis(300);

/// What the server does next.
#[derive(Clone)]
enum Do {
    /// Says it; `$` is the tag of the command that was heard last.
    Say(String),
    /// Reads one command, which must begin so behind its tag.
    Hear(&'static str),
    /// Reads one line without a tag.
    HearLine(&'static str),
    /// Says this over and over, until nobody listens.
    SayForEver(&'static str),
    /// Says an octet of this now and then, for ever.
    Drip(&'static str),
    /// Says nothing more and keeps the connection open.
    Fall,
}

fn say(words: &str) -> Do {
    Do::Say(format!("{words}\r\n"))
}

fn ok() -> Do {
    say("$ OK done")
}

fn with(scripts: impl IntoIterator<Item = Vec<Do>>) -> Vec<Do> {
    scripts.into_iter().flatten().collect()
}

/// Up to a login that is taken.
fn logged_in(capabilities: &str) -> Vec<Do> {
    let capabilities = Do::Say(capabilities.into());
    vec![
        say("* OK [CAPABILITY IMAP4rev1] \u{3053}\u{3093} hello"),
        Do::Hear("CAPABILITY"),
        capabilities.clone(),
        ok(),
        Do::Hear("AUTHENTICATE PLAIN"),
        say("+ "),
        Do::HearLine("AG9wcwBjb3JyZWN0IGhvcnNl"), // NUL ops NUL correct horse
        ok(),
        Do::Hear("CAPABILITY"),
        capabilities,
        ok(),
    ]
}

fn selected(validity: u32) -> Vec<Do> {
    vec![
        Do::Hear("SELECT \"INBOX\""),
        say("* NO the disk is nearly full"), // legal, and a panic of the client library
        say("* FLAGS (\\Seen \\Deleted)"),
        say("* 2 EXISTS"),
        Do::Say(format!("* OK [UIDVALIDITY {validity}] UIDs valid\r\n")),
        say("$ OK [READ-WRITE] done"),
    ]
}

/// Up to an open folder.
fn opened() -> Vec<Do> {
    with([logged_in(CAPABILITIES), selected(7)])
}

fn found(uids: &str) -> Vec<Do> {
    vec![Do::Hear("UID SEARCH UID"), Do::Say(format!("* SEARCH {uids}\r\n")), ok()]
}

fn play(mut stream: impl Read + Write, script: Vec<Do>) -> Vec<String> {
    let mut heard = Vec::new();
    let mut tag = String::new();
    for step in script {
        let gone = match step {
            Do::Say(words) => stream.write_all(words.replace('$', &tag).as_bytes()).is_err(),
            Do::Hear(start) => {
                let line = line(&mut stream);
                let (new_tag, command) = line.split_once(' ').unwrap_or_default();
                assert!(command.starts_with(start), "heard {line:?}, not {start:?}");
                new_tag.clone_into(&mut tag);
                heard.push(command.to_owned());
                false
            }
            Do::HearLine(start) => {
                let line = line(&mut stream);
                assert!(line.starts_with(start), "heard {line:?}, not {start:?}");
                false
            }
            Do::SayForEver(words) => {
                while stream.write_all(words.as_bytes()).is_ok() {}
                true
            }
            Do::Drip(words) => {
                let mut octets = words.bytes().cycle();
                while stream.write_all(&[octets.next().unwrap()]).is_ok() {
                    std::thread::sleep(Duration::from_millis(20)); // a slow server is what this is
                }
                true
            }
            Do::Fall => {
                while stream.read(&mut [0; 256]).is_ok_and(|read| read > 0) {}
                true
            }
        };
        if gone {
            break;
        }
    }
    heard
}

fn line(stream: &mut impl Read) -> String {
    let mut line = Vec::new();
    let mut octet = [0];
    while !line.ends_with(b"\n") && stream.read(&mut octet).is_ok_and(|read| read > 0) {
        line.push(octet[0]);
    }
    String::from_utf8(line).unwrap()
}

/// A server for one connection.
struct Server {
    port: u16,
    thread: JoinHandle<Vec<String>>,
}

impl Server {
    fn start(script: Vec<Do>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || play(accept(&listener), script));
        Self { port, thread }
    }

    /// With the script that it plays in the clear, and the one after the handshake.
    fn start_tls(identity: &Identity, clear: Vec<Do>, script: Vec<Do>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = Arc::clone(&identity.config);
        let thread = std::thread::spawn(move || {
            let mut tcp = accept(&listener);
            let mut heard = play(&mut tcp, clear);
            let connection = rustls::ServerConnection::new(config).unwrap();
            heard.extend(play(rustls::StreamOwned::new(connection, tcp), script));
            heard
        });
        Self { port, thread }
    }

    /// What it heard, once it is through; a script that was not kept to fails here.
    fn heard(self) -> Vec<String> {
        self.thread.join().unwrap()
    }
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (tcp, _) = listener.accept().unwrap();
    tcp.set_nodelay(true).unwrap(); // a script of many small writes would take 40 ms for each
    tcp
}

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

fn settings(port: u16) -> MailboxSettings {
    MailboxSettings {
        host: "127.0.0.1".into(),
        port,
        tls: Tls::Never,
        trust: Trust::System,
        login: Login {
            mechanism: Mechanism::Plain,
            user: "ops".into(),
            secret: SECRET.to_owned().into(),
        },
        folder: "INBOX".into(),
        done_folder: "Done".into(),
        patience: Patience { connect: SOON, reply: SOON },
    }
}

fn open(server: &Server) -> Result<Mailbox, MailboxError> {
    Mailbox::open(&settings(server.port), &Interrupt::default())
}

/// Opens with little patience.
fn open_in_haste(server: &Server) -> Result<Mailbox, MailboxError> {
    let mut settings = settings(server.port);
    settings.patience.reply = SHORT;
    Mailbox::open(&settings, &Interrupt::default())
}

/// What the mailbox says to a script that goes on after the folder is open.
fn fetching(script: Vec<Do>) -> Result<Option<Fetched>, MailboxError> {
    let server = Server::start(with([opened(), vec![Do::Hear("UID FETCH 5 ")], script]));
    open(&server).unwrap().fetch(5)
}

#[test]
fn mail_is_found_read_and_moved_and_nothing_else_is_touched() {
    let script = with([
        opened(),
        found("9 5 3"), // in any order, and with one that is not behind 4
        vec![
            Do::Hear("UID FETCH 5 (UID RFC822.SIZE BODY.PEEK[]<0.262144>)\r\n"),
            say("* 9 EXPUNGE"),
            say("* 1 FETCH (FLAGS (\\Seen) UID 5)"),
            Do::Say("* 1 FETCH (UID 5 RFC822.SIZE 11 BODY[]<0> {11}\r\nSubject: x\n)\r\n".into()),
            ok(),
            Do::Hear("UID MOVE 5 \"Done\"\r\n"),
            say("* OK [COPYUID 1 5 1] moved"),
            say("* 1 EXPUNGE"),
            ok(),
            Do::Hear("LOGOUT"),
            say("* BYE see you"),
            ok(),
        ],
    ]);
    let server = Server::start(script);
    let mut mailbox = open(&server).unwrap();
    assert_eq!(mailbox.uid_validity(), 7);
    assert_eq!(mailbox.after(4), Ok(vec![5, 9]));
    let mail = mailbox.fetch(5).unwrap().unwrap();
    assert_eq!((mail.octets.as_slice(), mail.is_cut), (&b"Subject: x\n"[..], false));
    mailbox.done(5).unwrap();
    mailbox.leave();
    server.heard();
}

/// A folder with so many mails.
fn opened_with(mails: u32) -> Vec<Do> {
    let exists = Do::Say(format!("* {mails} EXISTS\r\n"));
    let select = vec![Do::Hear("SELECT"), exists, say("* OK [UIDVALIDITY 7] UIDs valid"), ok()];
    with([logged_in(CAPABILITIES), select])
}

fn searched(set: &'static str, uids: &str) -> Vec<Do> {
    vec![Do::Hear(set), Do::Say(format!("* SEARCH {uids}\r\n")), ok()]
}

#[test]
fn folder_of_a_million_mails_is_searched_piece_by_piece_and_never_as_a_whole() {
    let full: Vec<String> = (70_001..135_537).map(|uid: u32| uid.to_string()).collect();
    let script = with([
        opened_with(1_000_000),
        searched("UID SEARCH UID *\r\n", "4000000"),
        searched("UID SEARCH UID 5:65540\r\n", ""),
        searched("UID SEARCH UID 65541:131076\r\n", &full.join(" ")),
        searched("UID SEARCH UID *\r\n", "4000000"), // nothing behind it
    ]);
    let server = Server::start(script);
    let mut mailbox = open(&server).unwrap();
    assert_eq!(mailbox.mails(), 1_000_000);
    let found = mailbox.after(4).unwrap();
    assert_eq!((found.len(), found[0], found[999]), (1000, 70_001, 71_000));
    assert_eq!(mailbox.after(4_000_000), Ok(vec![]));
    server.heard();
}

#[test]
fn folder_of_few_mails_is_searched_at_once_however_far_their_numbers_lie_apart() {
    let script =
        with([opened_with(65_536), searched("UID SEARCH UID 5:*\r\n", "1795000000 4294967295")]);
    let server = Server::start(script);
    let mut mailbox = open(&server).unwrap();
    assert_eq!(mailbox.after(4), Ok(vec![1_795_000_000, u32::MAX]));
    assert_eq!(mailbox.after(u32::MAX), Ok(vec![]));
    server.heard();
}

#[test]
fn mail_that_somebody_took_away_is_not_there_and_no_error() {
    assert_eq!(fetching(vec![ok()]), Ok(None));
}

#[test]
fn server_without_move_copies_and_expunges_that_one_mail() {
    let capabilities = "* CAPABILITY IMAP4rev1 AUTH=PLAIN UIDPLUS\r\n";
    let script = with([
        logged_in(capabilities),
        selected(7),
        vec![
            Do::Hear("UID COPY 5 \"Done\""),
            ok(),
            Do::Hear("UID STORE 5 +FLAGS.SILENT (\\Deleted)"),
            ok(),
            Do::Hear("UID EXPUNGE 5"),
            say("* 1 EXPUNGE"),
            ok(),
        ],
    ]);
    let server = Server::start(script);
    open(&server).unwrap().done(5).unwrap();
    server.heard();
}

#[test]
fn server_that_can_only_expunge_all_has_the_mail_marked_and_left() {
    let capabilities = "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n";
    let marked = vec![Do::Hear("UID STORE 5 +FLAGS.SILENT (\\Seen)"), ok()];
    let server = Server::start(with([logged_in(capabilities), selected(7), marked]));
    open(&server).unwrap().done(5).unwrap();
    server.heard();
}

#[test]
fn folder_for_done_mails_is_looked_for_without_making_it() {
    let script = with([
        opened(),
        vec![
            Do::Hear("STATUS \"Done\" (UIDNEXT)"),
            say("* STATUS Done (UIDNEXT 4)"),
            ok(),
            Do::Hear("STATUS \"Done\" (UIDNEXT)"),
            say("$ NO no such folder"),
        ],
    ]);
    let server = Server::start(script);
    let mut mailbox = open(&server).unwrap();
    let all = MailboxOffers { idle: true, r#move: true, uid_plus: true };
    assert_eq!(mailbox.offers(), all);
    assert_eq!(mailbox.has_done_folder(), Ok(true));
    assert_eq!(mailbox.has_done_folder(), Ok(false));
}

#[test]
fn folder_for_done_mails_is_made_when_it_is_missing_and_only_then() {
    let script = with([
        opened(),
        vec![
            Do::Hear("UID MOVE 5 \"Done\""),
            say("$ NO [TRYCREATE] no such folder"),
            Do::Hear("CREATE \"Done\""),
            ok(),
            Do::Hear("UID MOVE 5 \"Done\""),
            ok(),
            Do::Hear("UID MOVE 6 \"Done\""),
            say("$ NO [OVERQUOTA] too much of ops@example.jp"),
            Do::Hear("UID SEARCH"),
            ok(),
        ],
    ]);
    let server = Server::start(script);
    let mut mailbox = open(&server).unwrap();
    mailbox.done(5).unwrap();
    let refused =
        MailboxError::Refused { asked: "MOVE", said: "too much of ***@example.jp".into() };
    assert_eq!(mailbox.done(6), Err(refused));
    assert_eq!(mailbox.after(6), Ok(vec![])); // it goes on
    server.heard();
}

#[test]
fn literals_that_nobody_could_hold_are_not_begun() {
    for length in ["4294967295", "536870912", "99999999999999999999999", "400000"] {
        let head = format!("* 1 FETCH (UID 5 BODY[]<0> {{{length}}}\r\n");
        assert_eq!(fetching(vec![Do::Say(head), Do::Fall]), Err(MailboxError::TooLong), "{length}");
    }
}

#[test]
fn floods_end_at_their_limit() {
    for flood in ["x", "* OK still here\r\n", "* 1 EXISTS\r\n", "* 1 FETCH (UID 5 BODY[] NIL)\r\n"]
    {
        assert_eq!(fetching(vec![Do::SayForEver(flood)]), Err(MailboxError::TooLong), "{flood}");
    }
    let server = Server::start(with([
        opened(),
        vec![Do::Hear("UID SEARCH"), Do::Say("* SEARCH".into()), Do::SayForEver(" 1234567")],
    ]));
    assert_eq!(open(&server).unwrap().after(0), Err(MailboxError::TooLong));
}

#[test]
fn nested_lists_are_no_reply_however_deep() {
    for depth in [2, 100_000] {
        let nested = format!("* 1 FETCH (UID 5 BODYSTRUCTURE {}\r\n", "(".repeat(depth));
        let got = fetching(vec![Do::Say(nested), Do::Fall]);
        assert_eq!(got, Err(MailboxError::Nonsense("a FETCH that cannot be read")), "{depth}");
    }
}

#[test]
fn lists_hidden_behind_words_that_end_like_a_literal_are_read_as_what_they_are() {
    let hidden = "* OK all is well {200}\r\n* 1 FETCH (UID 5 ENVELOPE ((((((((\r\n";
    let got = fetching(vec![Do::Say(hidden.into()), Do::Fall]);
    assert_eq!(got, Err(MailboxError::Nonsense("a FETCH that cannot be read")));
}

#[test]
fn goodbye_or_hanging_up_within_a_mail_gives_no_half_mail() {
    let head = Do::Say("* 1 FETCH (UID 5 BODY[]<0> {100}\r\nSubject".into());
    let got = fetching(vec![head]);
    assert_eq!(got, Err(MailboxError::Broken("the server closed it".into())));
    let got = fetching(vec![say("* BYE we close at 18:00"), Do::Fall]);
    assert_eq!(got, Err(MailboxError::Bye("we close at 18:00".into())));
}

#[test]
fn another_mail_than_was_asked_for_is_not_taken_for_it() {
    let other = say("* 1 FETCH (UID 6 RFC822.SIZE 3 BODY[]<0> \"abc\")");
    let got = fetching(vec![other, ok()]);
    assert_eq!(got, Err(MailboxError::Nonsense("another mail than was asked for")));
}

#[test]
fn answer_to_another_command_is_no_answer() {
    let got = fetching(vec![say("a99 OK done"), Do::Fall]);
    assert_eq!(got, Err(MailboxError::Nonsense("an answer to another command")));
}

#[test]
fn servers_that_are_silent_or_drip_are_left_when_their_time_is_over() {
    for script in [vec![Do::Fall], vec![Do::Drip("* OK hello ")]] {
        let server = Server::start(script);
        assert_eq!(open_in_haste(&server).err(), Some(MailboxError::Late("a reply")));
    }
    let dripped = vec![Do::Hear("UID FETCH"), Do::Drip("* 1 FETCH (FLAGS ())\r\n")];
    let server = Server::start(with([opened(), dripped]));
    assert_eq!(open_in_haste(&server).unwrap().fetch(5), Err(MailboxError::Late("a reply")));
}

#[test]
fn refused_login_says_why_without_the_password() {
    let script = vec![
        say("* OK hello"),
        Do::Hear("CAPABILITY"),
        Do::Say(CAPABILITIES.into()),
        ok(),
        Do::Hear("AUTHENTICATE PLAIN"),
        say("+ "),
        Do::HearLine(""),
        say("$ NO [AUTHENTICATIONFAILED] AG9wcwBjb3JyZWN0IGhvcnNl is not ops@example.jp"),
    ];
    let error = open(&Server::start(script)).err().unwrap();
    assert_eq!(error, MailboxError::Login("*** is not ***@example.jp".into()));
    assert!(!format!("{error:?} {error}").contains("horse"));
}

#[test]
fn login_that_the_server_does_not_offer_is_not_shown() {
    for (mechanism, offer) in
        [(Mechanism::Plain, "LOGINDISABLED"), (Mechanism::Login, "LOGINDISABLED AUTH=PLAIN")]
    {
        let capabilities = Do::Say(format!("* CAPABILITY IMAP4rev1 {offer}\r\n"));
        let script = vec![say("* OK hello"), Do::Hear("CAPABILITY"), capabilities, ok(), Do::Fall];
        let server = Server::start(script);
        let mut settings = settings(server.port);
        settings.login.mechanism = mechanism;
        let error = Mailbox::open(&settings, &Interrupt::default()).err();
        assert_eq!(error, Some(MailboxError::NoMechanism(mechanism)));
        assert_eq!(server.heard(), ["CAPABILITY\r\n"]);
    }
}

#[test]
fn bearer_token_that_is_refused_with_a_question_is_answered_with_an_empty_line() {
    let script = vec![
        say("* OK hello"),
        Do::Hear("CAPABILITY"),
        Do::Say(CAPABILITIES.into()),
        ok(),
        Do::Hear("AUTHENTICATE XOAUTH2"),
        say("+ "),
        Do::HearLine("dXNlcj1vcHMBYXV0aD1CZWFyZXIgY29ycmVjdCBob3JzZQEB\r\n"),
        say("+ eyJzdGF0dXMiOiI0MDEifQ=="),
        Do::HearLine("\r\n"),
        say("$ NO the token is too old"),
    ];
    let server = Server::start(script);
    let mut settings = settings(server.port);
    settings.login.mechanism = Mechanism::Xoauth2;
    let error = Mailbox::open(&settings, &Interrupt::default()).err();
    assert_eq!(error, Some(MailboxError::Login("the token is too old".into())));
    server.heard();
}

#[test]
fn login_command_quotes_what_it_must() {
    let script = vec![
        say("* OK hello"),
        Do::Hear("CAPABILITY"),
        Do::Say(CAPABILITIES.into()),
        ok(),
        Do::Hear("LOGIN \"ops\" \"a\\\"b\\\\c\"\r\n"),
        say("$ NO never"),
    ];
    let server = Server::start(script);
    let mut settings = settings(server.port);
    settings.login.mechanism = Mechanism::Login;
    settings.login.secret = "a\"b\\c".to_owned().into();
    let error = Mailbox::open(&settings, &Interrupt::default()).err();
    assert_eq!(error, Some(MailboxError::Login("never".into())));
    server.heard();
}

#[test]
fn folder_that_is_not_there_and_one_that_numbers_nothing_are_told_apart() {
    let refused = vec![Do::Hear("SELECT"), say("$ NO no such folder")];
    let server = Server::start(with([logged_in(CAPABILITIES), refused]));
    assert_eq!(open(&server).err(), Some(MailboxError::Folder("no such folder".into())));
    let numberless = vec![Do::Hear("SELECT"), ok()];
    let server = Server::start(with([logged_in(CAPABILITIES), numberless]));
    let error = MailboxError::Nonsense("a folder without UIDVALIDITY");
    assert_eq!(open(&server).err(), Some(error));
}

#[test]
fn idle_ends_with_a_mail_or_its_time_and_the_connection_goes_on() {
    let idle = |news: &str| {
        let heard = Do::Say(news.to_owned());
        vec![Do::Hear("IDLE"), say("+ idling"), heard, Do::HearLine("DONE"), ok()]
    };
    let script = with([
        opened(),
        found(""),
        idle("* OK Still here\r\n* 3 EXISTS\r\n"),
        found("8"),
        idle("* 2 EXPUNGE\r\n"), // no news
        found(""),
    ]);
    let server = Server::start(script);
    let mut mailbox = open(&server).unwrap();
    mailbox.after(0).unwrap();
    mailbox.wait(SOON * 100).unwrap();
    assert_eq!(mailbox.after(0), Ok(vec![8]));
    mailbox.wait(SHORT).unwrap();
    mailbox.after(8).unwrap();
    server.heard();
}

#[test]
fn mail_that_came_while_another_was_read_is_not_waited_for() {
    let script = with([
        opened(),
        found("5"),
        vec![Do::Hear("UID FETCH"), say("* 3 EXISTS"), ok()],
        found("8"),
    ]);
    let server = Server::start(script);
    let mut mailbox = open(&server).unwrap();
    mailbox.after(4).unwrap();
    mailbox.fetch(5).unwrap();
    mailbox.wait(SOON * 100).unwrap(); // says nothing to the server
    assert_eq!(mailbox.after(5), Ok(vec![8]));
    server.heard();
}

#[test]
fn tagged_answer_to_idle_is_a_refusal_or_nonsense() {
    let script = |answer: &str| with([opened(), found(""), vec![Do::Hear("IDLE"), say(answer)]]);
    let server = Server::start(script("$ OK done"));
    let mut mailbox = open(&server).unwrap();
    mailbox.after(0).unwrap();
    let error = MailboxError::Nonsense("an IDLE that ended before it began");
    assert_eq!(mailbox.wait(SOON), Err(error));

    let polled = vec![Do::Hear("NOOP"), say("* 3 EXISTS"), ok()];
    let server = Server::start(with([script("$ BAD what?"), polled]));
    let mut mailbox = open(&server).unwrap();
    mailbox.after(0).unwrap();
    mailbox.wait(SHORT).unwrap();
    server.heard();
}

#[test]
fn interrupt_ends_an_idle_of_half_an_hour_and_a_connection_to_nobody() {
    let server =
        Server::start(with([opened(), found(""), vec![Do::Hear("IDLE"), say("+ "), Do::Fall]]));
    let interrupt = Interrupt::default();
    let mut mailbox = Mailbox::open(&settings(server.port), &interrupt).unwrap();
    mailbox.after(0).unwrap();
    let raised = interrupt.clone();
    let raiser = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50)); // most likely it idles by then; if not, the end is the same
        raised.raise();
    });
    assert_eq!(mailbox.wait(SOON * 100), Err(MailboxError::Stopped));
    raiser.join().unwrap();
    assert_eq!(
        Mailbox::open(&settings(server.port), &interrupt).err(),
        Some(MailboxError::Stopped)
    );
}

#[test]
fn copies_of_what_was_sent_are_found_and_a_new_validity_is_seen_on_the_way_back() {
    let tokens = [1, 2].map(|octet| TokenKey::new([9; 32]).mint([octet; 16]));
    let script = with([
        opened(),
        vec![
            Do::Hear("EXAMINE \"Sent\""),
            say("* OK [UIDVALIDITY 99] of the other folder"),
            ok(),
            Do::Hear("UID SEARCH HEADER Message-ID "),
            say("* SEARCH 4"),
            ok(),
            Do::Hear("UID SEARCH HEADER Message-ID "),
            say("* SEARCH"),
            ok(),
        ],
        selected(8),
        vec![Do::Hear("EXAMINE"), say("$ NO no such folder")],
        selected(8),
    ]);
    let server = Server::start(script);
    let mut mailbox = open(&server).unwrap();
    assert_eq!(mailbox.sent("Sent", &tokens), Ok(vec![true, false]));
    assert_eq!(mailbox.uid_validity(), 8);
    assert!(matches!(mailbox.sent("Sent", &tokens), Err(MailboxError::Refused { .. })));
    let heard = server.heard();
    assert!(heard.iter().any(|line| line.contains(tokens[0].as_str())));
}

fn tls_settings(port: u16, tls: Tls, trust: Trust) -> MailboxSettings {
    MailboxSettings { host: "localhost".into(), tls, trust, ..settings(port) }
}

#[test]
fn mail_is_read_over_tls_from_the_first_octet_or_after_starttls() {
    let identity = identity("localhost");
    let script = opened();
    for (tls, clear, script) in [
        (Tls::Implicit, vec![], script.clone()),
        (
            Tls::StartTls,
            vec![say("* OK hello"), Do::Hear("STARTTLS"), say("* CAPABILITY X"), say("$ OK go")],
            script[1..].to_vec(), // greeted in the clear
        ),
    ] {
        let server = Server::start_tls(&identity, clear, script);
        let settings = tls_settings(server.port, tls, Trust::Only(identity.authority.clone()));
        let mailbox = Mailbox::open(&settings, &Interrupt::default()).unwrap();
        assert_eq!(mailbox.uid_validity(), 7);
        server.heard();
    }
}

#[test]
fn certificate_of_another_name_or_authority_ends_it_before_the_login() {
    let right = identity("localhost");
    let wrong_name = identity("elsewhere.example.jp");
    for (server_is, trusted) in [(&wrong_name, &wrong_name), (&right, &wrong_name)] {
        let server = Server::start_tls(server_is, vec![], vec![say("* OK hello"), Do::Fall]);
        let trust = Trust::Only(trusted.authority.clone());
        let settings = tls_settings(server.port, Tls::Implicit, trust);
        let error = Mailbox::open(&settings, &Interrupt::default()).err().unwrap();
        assert!(matches!(error, MailboxError::Certificate(_)), "{error:?}");
    }
}

#[test]
fn octets_behind_starttls_in_the_clear_break_the_handshake() {
    let identity = identity("localhost");
    let injected = vec![
        say("* OK hello"),
        Do::Hear("STARTTLS"),
        Do::Say("$ OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\na1 OK\r\n".into()),
    ];
    let server = Server::start_tls(&identity, injected, opened());
    let trust = Trust::Only(identity.authority.clone());
    let settings = tls_settings(server.port, Tls::StartTls, trust);
    let error = Mailbox::open(&settings, &Interrupt::default()).err().unwrap();
    assert!(matches!(error, MailboxError::Broken(_) | MailboxError::Certificate(_)), "{error:?}");
}

#[test]
fn server_that_refuses_starttls_or_calls_us_known_gets_no_login() {
    let identity = identity("localhost");
    for (clear, expected) in [
        (
            vec![say("* OK hello"), Do::Hear("STARTTLS"), say("$ BAD what?"), Do::Fall],
            MailboxError::NoTls,
        ),
        (vec![say("* PREAUTH you are ops"), Do::Fall], MailboxError::Nonsense("no greeting")),
    ] {
        let server = Server::start(clear);
        let trust = Trust::Only(identity.authority.clone());
        let settings = tls_settings(server.port, Tls::StartTls, trust);
        assert_eq!(Mailbox::open(&settings, &Interrupt::default()).err(), Some(expected));
    }
    let server = Server::start(vec![say("* PREAUTH you are ops"), Do::Fall]);
    assert_eq!(open(&server).err(), Some(MailboxError::Nonsense("no greeting")));
}

/// A delivery report about a mail of ours, in front of whatever.
fn report(rest: &str) -> String {
    let token = TokenKey::new([9; 32]).mint([1; 16]);
    let mut report = String::new();
    write!(
        report,
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@example.co.jp\r\nTo: <r+{}@example.jp>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\n\r\nIt failed.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.example.co.jp\r\n\r\nFinal-Recipient: rfc822; a@example.co.jp\r\n\
         Action: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\n{rest}",
        token.as_str()
    )
    .unwrap();
    report
}

#[test]
fn report_of_ten_megabytes_is_read_by_its_beginning() {
    let report = report("Content-Type: message/rfc822\r\n\r\n");
    let head =
        format!("* 1 FETCH (UID 5 RFC822.SIZE 10485760 BODY[]<0> {{{FETCH_OCTETS}}}\r\n{report}");
    let rest = "x".repeat(FETCH_OCTETS - report.len());
    let mail = fetching(vec![Do::Say(head), Do::Say(rest), say(")"), ok()]).unwrap().unwrap();
    assert!(mail.is_cut);
    let reading = mail::read(&mail.octets, &TokenKey::new([9; 32]));
    assert_eq!(reading.about, Some([1; 16]));
    assert!(matches!(reading.content, Content::Delivery(_)), "{reading:?}");
}

#[test]
fn report_that_returns_mail_in_mail_a_thousand_deep_is_read_and_that_is_not() {
    let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(1000);
    let report = report(&nested);
    let reply = format!("* 1 FETCH (UID 5 BODY[]<0> {{{}}}\r\n{report})\r\n", report.len());
    let mail = fetching(vec![Do::Say(reply), ok()]).unwrap().unwrap();
    let reading = mail::read(&mail.octets, &TokenKey::new([9; 32]));
    assert!(matches!(reading.content, Content::Delivery(_)), "{reading:?}");
}

/// In a process of its own (`cargo nextest`), with its server in the same one.
#[test]
fn memory_stays_small_whatever_the_server_says() {
    for length in [FETCH_OCTETS, 4_294_967_295] {
        let head = format!("* 1 FETCH (UID 5 BODY[]<0> {{{length}}}\r\n");
        let _ = fetching(vec![Do::Say(head), Do::SayForEver("xxxxxxxxxxxxxxxx")]);
    }
    for flood in ["x", "* 1 FETCH (", "* SEARCH 1\r\n", "(((((((("] {
        let _ = fetching(vec![Do::SayForEver(flood)]);
    }
    let _ = fetching(vec![Do::Say("* SEARCH".into()), Do::SayForEver(" 1")]);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u32 = peak.trim().trim_end_matches(" kB").trim().parse().unwrap();
    assert!(kib < 64 << 10, "{kib} KiB");
}

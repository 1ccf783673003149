//! Sheets to a service over a scripted relay, with the real store: what is on disk, and what an answer makes of it.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

use mail::provider::Account;
use mail::smtp::{Deadlines, RelaySettings, Tls};
use mail::{Address, ReturnPath};
use mail_parser::{MessageParser, MimeHeaders};
use pki::Trust;

use super::*;
use crate::app::clock::Clock;
use crate::job::examples::TUESDAY_10_00 as NOW;
use crate::job::{AttemptState, JobId, JobState, Kind, ProgressBoard, examples};
use crate::office::identity::Said as SaysItIs;
use crate::office::known::Lock;
use crate::queue::contract::{accept, client, request};
use crate::queue::sqlite::{Sqlite, StoreKey};
use crate::queue::{Cancelled, Place, Queue, Received, ReceivedMail, View};
use crate::render::{Renderer, SiteFace};
use crate::schedule::windows::Windows;
use crate::send::receipt_box::Reader;
use crate::send::sheets::SheetMarks;

struct At(Mutex<UnixMillis>);

impl Clock for At {
    fn now(&self) -> UnixMillis {
        *self.0.lock().expect("a time")
    }
}

/// What the relay does with a mail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Does {
    Takes,
    /// Says no to the recipient, in words that repeat him.
    Refuses(&'static str),
    /// Hangs up after the dot.
    FallsSilent,
}

/// A relay on this machine that does the same with every mail, and keeps what it was given.
struct ScriptedRelay {
    address: SocketAddr,
    given: Arc<Mutex<Vec<Vec<u8>>>>,
    _thread: JoinHandle<()>,
}

impl ScriptedRelay {
    fn that(does: Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let given = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let kept = Arc::clone(&given);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, does, &kept);
            }
        });
        Self { address, given, _thread: thread }
    }

    fn mails(&self) -> Vec<Vec<u8>> {
        self.given.lock().expect("mails").clone()
    }
}

/// One connection, as far as a client of ours goes.
fn serve(stream: TcpStream, does: Does, given: &Mutex<Vec<Vec<u8>>>) {
    let mut out = stream.try_clone().expect("a socket");
    let mut say = |line: &str| out.write_all(format!("{line}\r\n").as_bytes()).is_ok();
    let mut lines = BufReader::new(stream).split(b'\n');
    say("220 relay.test");
    while let Some(Ok(line)) = lines.next() {
        let line = String::from_utf8_lossy(&line).to_ascii_uppercase();
        match (line.split_whitespace().next().unwrap_or_default(), does) {
            ("RCPT", Does::Refuses(reply)) => say(reply),
            ("DATA", _) => {
                say("354 go on");
                let mut mail = Vec::new();
                let mut whole = false;
                for line in lines.by_ref().map_while(Result::ok) {
                    if line == b".\r" {
                        whole = true;
                        break;
                    }
                    mail.extend(line.strip_prefix(b".").unwrap_or(&line));
                    mail.push(b'\n');
                }
                if !whole {
                    return; // without its dot it is nobody's
                }
                given.lock().expect("mails").push(mail);
                if does == Does::FallsSilent {
                    return;
                }
                say("250 2.0.0 queued")
            }
            ("QUIT", _) => return,
            _other => say("250 ok"),
        };
    }
}

/// A gateway with one such line and its store.
struct House {
    desk: Arc<Desk>,
    clock: Arc<At>,
    carrier: MailToFaxCarrier,
    reader: Reader,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

/// Takes keys too, and has a code in the subject.
const PROFILE: &str = r#"service = "for tests"
to = { is = "{national}@fax.test", source = "guess: x" }
subject = { is = "{code} {token}", source = "guess: x" }
attachment = { is = "ATTACHMENT", source = "guess: x" }
file_name = { is = "page.bin", source = "guess: x" }
from = { is = "registered", source = "guess: x" }
secrets = { is = SECRETS, source = "guess: x" }
answer_hours = { is = 2, source = "guess: x" }
[answers]
from = { is = ["fax.test"], source = "guess: x" }
token = { is = "address", source = "guess: x" }
[[answers.rule]]
means = "sent"
subject = "Sent to {number}, {pages} page(s)"
source = "guess: x"
[[answers.rule]]
means = "busy"
subject = "{number} was busy"
source = "guess: x"
"#;

impl House {
    fn with(relay: &ScriptedRelay) -> Self {
        Self::of(relay, "tiff", false, OnAbsent::Send)
    }

    fn of(relay: &ScriptedRelay, attachment: &str, secrets: bool, on_absent: OnAbsent) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let store = Sqlite::open(
            &folder.path().join("queue.db"),
            &StoreKey::new([1; 32]),
            Windows::Always,
            NOW,
        );
        let clock = Arc::new(At(Mutex::new(NOW)));
        let worker = sheet::WorkerSettings {
            program: PathBuf::from("/nonexistent"),
            templates: PathBuf::new(),
            fonts: Vec::new(),
            deadline: Duration::from_secs(1),
            memory_limit: 0,
        };
        let desk = Arc::new(Desk {
            queue: Arc::new(store.expect("a store").0),
            renderer: Arc::new(Renderer::new(SiteFace::default(), worker)), // draws nothing: the page is there
            marks: SheetMarks::new(&[1; 32]),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            board: ProgressBoard::default(),
            windows: Windows::Always,
            on_absent,
            stopping: AtomicBool::new(false),
            runtime: runtime.handle().clone(),
        });
        let profile =
            PROFILE.replace("ATTACHMENT", attachment).replace("SECRETS", &secrets.to_string());
        let account = Account {
            from: Address::parse("fax@exchange.test").expect("an address"),
            return_path: ReturnPath::new(Address::parse("receipts@exchange.test").expect("one"))
                .expect("short enough"),
            gateway: None,
            account: None,
            code: Some(String::from("s3cret").into()),
        };
        let profile = Profile::parse(&profile, "test").expect("a profile");
        let provider = Arc::new(Provider::new(profile, account).expect("complete"));
        let seconds = Duration::from_secs(5);
        let address = relay.address;
        let settings = move || RelaySettings {
            host: address.ip().to_string(),
            port: address.port(),
            tls: Tls::Never,
            trust: Trust::System,
            login: None,
            hello: "exchange.test".into(),
            connections: 1,
            deadlines: Deadlines { connect: seconds, reply: seconds, content: seconds },
        };
        let opened = Arc::clone(&provider);
        let service = Service {
            line: "by-mail".into(),
            provider: Arc::clone(&provider),
            open: Arc::new(move || {
                Ok((Relay::new(settings()).expect("certificates"), Arc::clone(&opened)))
            }),
            key: Arc::new(TokenKey::new([3; 32])),
        };
        let reader = Reader { key: TokenKey::new([3; 32]), providers: vec![provider] };
        let carrier = MailToFaxCarrier::new(Arc::clone(&desk), service);
        Self { desk, clock, carrier, reader, runtime, _folder: folder }
    }

    fn queue(&self) -> &dyn Queue {
        self.desk.queue.as_ref()
    }

    fn accept(&self, key: &str, kind: Kind) -> JobId {
        accept(self.queue(), request(key, |job| *job = examples::of(kind)))
    }

    fn claim(&self) -> Option<Claim> {
        let now = self.clock.now();
        self.queue().claim(now, self.carrier.ask(now)).wait().expect("the store answers")
    }

    /// Carries what is due with a page that is there.
    fn carry(&mut self) -> Carried {
        self.carrier.make_ready().expect("the relay is there");
        let claim = self.claim().expect("it is due");
        self.carrier.carry_page(&claim, |_order| Ok(page())).expect("the store takes it")
    }

    fn show(&self, id: JobId) -> View {
        self.queue().show(client(), id).wait().expect("the store answers").expect("it is there")
    }

    /// Calls to the number of the examples that nobody answered, as the redial rule sees them.
    fn dialled(&self) -> usize {
        let number = examples::of(Kind::Document).recipient.fax;
        let dialled = self.queue().dialled(number, self.clock.now()).wait();
        dialled.expect("the store answers").unanswered.len()
    }

    fn later(&self, by: Duration) {
        let mut now = self.clock.0.lock().expect("a time");
        *now = now.after(by);
    }

    /// A mail comes into the receipt box, from this sender in answer to that mail.
    fn receive(&self, from: &str, subject: &str, to: &str, uid: u32) -> Received {
        let octets = format!("From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\n{uid}\r\n");
        let receipt = self.reader.read(octets.as_bytes()).ok();
        let mail = ReceivedMail {
            now: self.clock.now(),
            place: Place { uid_validity: 1, uid },
            sha256: [u8::try_from(uid).expect("few"); 32],
            receipt,
        };
        self.queue().receive(mail).wait().expect("the store answers")
    }
}

fn page() -> t4::Page {
    let mut page = t4::Page::new(t4::WIDTH_A4_PELS, t4::Resolution::Fine);
    for row in 0..100_u8 {
        let pels: Vec<u8> = (0..page.row_octets()).map(|octet| row ^ octet as u8).collect();
        page.push_row(&pels).expect("a row");
    }
    page
}

/// Where answers to this mail go.
fn reply_to(mail: &[u8]) -> String {
    let read = MessageParser::default().parse(mail).expect("a mail");
    let address = read.reply_to().and_then(|to| to.first()).and_then(|to| to.address());
    address.expect("an address").to_owned()
}

#[test]
fn sheet_that_the_service_says_it_sent_is_confirmed_by_its_answer_and_by_nothing_before() {
    let relay = ScriptedRelay::that(Does::Takes);
    let mut house = House::with(&relay);
    let id = house.accept("a", Kind::Document);
    let carried = house.carry();
    assert_eq!(carried.fault, None);
    let view = house.show(id);
    assert_eq!(
        (view.state, view.attempts[0].state),
        (JobState::HandedOff, AttemptState::HandedOff)
    );
    let mails = relay.mails();
    let [mail] = mails.as_slice() else { panic!("{} mails", mails.len()) };
    let to = reply_to(mail);

    assert_eq!(
        house.receive("x@elsewhere.test", "Sent to 0312345678, 1 page(s)", &to, 1),
        Received::Nothing
    );
    assert_eq!(
        house.receive("a@fax.test", "Sent to 0312345678, 1 page(s)", "receipts@exchange.test", 2),
        Received::Nothing
    );
    assert_eq!(house.show(id).state, JobState::HandedOff);

    let taken = house.receive("a@fax.test", "Sent to 0312345678, 1 page(s)", &to, 3);
    assert_eq!(taken, Received::Taken { job: id, state: JobState::Confirmed });
    let shown = format!("{:?}", house.show(id));
    assert!(!shown.contains("s3cret") && !shown.contains("0312345678"), "{shown}");
}

#[test]
fn page_in_the_mail_is_the_page_that_was_drawn_pel_for_pel_in_either_form() {
    for attachment in ["tiff", "pdf"] {
        let relay = ScriptedRelay::that(Does::Takes);
        let mut house = House::of(&relay, attachment, false, OnAbsent::Send);
        house.accept("a", Kind::Document);
        house.carry();
        let mails = relay.mails();
        let read = MessageParser::default().parse(&mails[0]).expect("a mail");
        let file = read.attachment(0).expect("a page");
        assert_eq!(file.attachment_name(), Some("page.bin"));
        let read = match attachment {
            "tiff" => container::read(Cursor::new(file.contents())).expect("a file").remove(0).page,
            _pdf => {
                let coded = pdf::coded_page(file.contents()).expect("a page");
                let mmr = Encoding::file(Coding::Mmr);
                let page = page();
                t4::decode(coded, page.width_pels(), page.resolution(), &mmr).expect("pels").page
            }
        };
        assert!(read == page(), "{attachment}: another pel");
    }
}

#[test]
fn number_that_was_busy_is_tried_again_and_not_before_the_service_has_said_so() {
    let relay = ScriptedRelay::that(Does::Takes);
    let mut house = House::with(&relay);
    let id = house.accept("a", Kind::Document);
    let other = house.accept("b", Kind::Document); // to the same number
    house.carry();
    house.later(Duration::from_secs(600));
    assert!(house.claim().is_none(), "the service may be dialling that number");
    let to = reply_to(&relay.mails()[0]);
    house.receive("a@fax.test", "0312345678 was busy", &to, 1);
    let view = house.show(id);
    assert_eq!((view.state, view.attempts[0].state), (JobState::Waiting, AttemptState::HandedOff));
    assert_eq!(house.show(other).state, JobState::Waiting);
    house.later(Duration::from_secs(600));
    assert!(house.claim().is_some());
}

#[test]
fn service_that_says_nothing_in_its_time_leaves_a_key_uncertain_and_gets_a_notice_once_more() {
    for (kind, state, reason) in [
        (Kind::FirstContact, JobState::Uncertain, "provider-silent"),
        (Kind::Document, JobState::Waiting, "unconfirmed"),
    ] {
        let relay = ScriptedRelay::that(Does::Takes);
        let mut house = House::of(&relay, "tiff", true, OnAbsent::Send);
        let id = house.accept("a", kind);
        house.carry();
        house.later(Duration::from_secs(2 * 3600 - 1));
        house.queue().sweep(house.clock.now()).wait().expect("the store answers");
        assert_eq!(house.show(id).state, JobState::HandedOff, "{kind}");
        house.later(Duration::from_secs(2));
        house.queue().sweep(house.clock.now()).wait().expect("the store answers");
        let view = house.show(id);
        assert_eq!((view.state, view.reason.as_deref()), (state, Some(reason)), "{kind}");
    }
}

#[test]
fn relay_that_falls_silent_after_the_dot_leaves_it_uncertain_until_the_answer_tells() {
    let relay = ScriptedRelay::that(Does::FallsSilent);
    let mut house = House::with(&relay);
    let id = house.accept("a", Kind::Document);
    house.carry();
    let view = house.show(id);
    assert_eq!(
        (view.state, view.attempts[0].state),
        (JobState::Uncertain, AttemptState::Uncertain)
    );
    house.later(Duration::from_secs(60));
    assert!(house.claim().is_none(), "it may be on paper");
    let to = reply_to(&relay.mails()[0]);
    house.receive("a@fax.test", "Sent to 0312345678, 1 page(s)", &to, 1);
    assert!(matches!(house.show(id).state, JobState::Confirmed | JobState::ResolvedDelivered));
}

#[test]
fn relay_that_refuses_makes_the_line_rest_and_its_words_tell_no_code_and_no_number() {
    let relay =
        ScriptedRelay::that(Does::Refuses("450 4.7.1 <0312345678@fax.test> s3cret again later"));
    let mut house = House::with(&relay);
    let id = house.accept("a", Kind::Document);
    let fault = house.carry().fault.expect("the line's matter");
    assert!(fault.message.contains("450"), "{fault}");
    let view = house.show(id);
    assert_eq!((view.state, view.attempts[0].state), (JobState::Waiting, AttemptState::NotSent));
    let shown = format!("{fault} {view:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("0312345678"), "{shown}");
    assert_eq!(house.dialled(), 0, "no call");
}

/// A gateway that has gone, or a slip in the account: nothing that any office did.
#[test]
fn relay_that_knows_no_such_gateway_makes_the_line_faulty_and_fails_no_notice_before_somebody_had_a_day()
 {
    let relay = ScriptedRelay::that(Does::Refuses("550 5.1.1 <0312345678@fax.test> unknown"));
    let mut house = House::with(&relay);
    let id = house.accept("a", Kind::Document);
    for nth in 1..6 {
        let carried = house.carry();
        let fault = carried.fault.expect("the line's matter");
        assert_eq!((carried.code, fault.code), ("service-refused", "service-refused"));
        assert!(fault.message.contains("`gateway`") && !fault.is_absence(), "{fault}");
        let view = house.show(id);
        let reason = (view.state, view.reason.as_deref());
        assert_eq!(reason, (JobState::Waiting, Some("service-refused")), "{nth}");
        let due = view.due_at.expect("it is tried again");
        house.later(Duration::from_millis(due.0.abs_diff(house.clock.now().0)));
    }
    house.carry();
    assert_eq!(house.show(id).state, JobState::Failed, "it may be this number alone");
    assert_eq!(house.dialled(), 0, "no call");
}

#[test]
fn relay_that_is_away_is_asked_again_and_takes_no_claim() {
    let relay = ScriptedRelay::that(Does::Takes);
    let mut house = House::with(&relay);
    assert_eq!(house.carrier.make_ready(), Ok(()));
    let nowhere = ScriptedRelay { address: "127.0.0.1:9".parse().expect("an address"), ..relay };
    let mut house = House::with(&nowhere);
    let fault = house.carrier.make_ready().expect_err("nobody is there");
    assert!(fault.is_absence() && fault.message.contains("[mail.relay]"), "{fault}");
}

#[test]
fn withdrawn_before_the_content_nobody_gets_it() {
    let relay = ScriptedRelay::that(Does::Takes);
    let mut house = House::with(&relay);
    let id = house.accept("a", Kind::Document);
    house.carrier.make_ready().expect("the relay is there");
    let claim = house.claim().expect("it is due");
    let cancelled = house.queue().cancel(client(), id, house.clock.now()).wait();
    assert_eq!(cancelled, Ok(Cancelled::Stopping));
    house.carrier.carry_page(&claim, |_order| Ok(page())).expect("the store takes it");
    assert_eq!(house.show(id).state, JobState::Cancelled);
    assert!(relay.mails().is_empty());
}

#[test]
fn gateway_that_stops_before_the_content_hands_nothing_over() {
    let relay = ScriptedRelay::that(Does::Takes);
    let mut house = House::with(&relay);
    let id = house.accept("a", Kind::Document);
    house.desk.stopping.store(true, Ordering::Release);
    assert_eq!(house.carry().code, "shutting-down");
    assert_eq!(house.show(id).state, JobState::Waiting);
    assert!(relay.mails().is_empty());
}

#[test]
fn key_goes_only_where_the_profile_lets_it_and_nobody_asks_who_answers() {
    let relay = ScriptedRelay::that(Does::Takes);
    for (secrets, on_absent, goes) in [
        (false, OnAbsent::Send, false),
        (true, OnAbsent::Refuse, false),
        (true, OnAbsent::Send, true),
    ] {
        let house = House::of(&relay, "tiff", secrets, on_absent);
        house.accept("a", Kind::FirstContact);
        assert_eq!(house.claim().is_some(), goes, "{secrets} {on_absent:?}");
    }
}

#[test]
fn number_whose_lock_names_a_machine_gets_nothing_this_way() {
    let relay = ScriptedRelay::that(Does::Takes);
    let mut house = House::with(&relay);
    let number = examples::of(Kind::Document).recipient.fax;
    let identity = SaysItIs::read("Aoba FAX");
    let lock = Lock { fastest: None, no_ecm: false, no_t85: false, identity, at: NOW };
    house.queue().lock(number.clone(), Some(lock.clone()), NOW).wait().expect("the store answers");
    let id = house.accept("a", Kind::Document);
    let before = house.show(id);
    for _ in 0..2 {
        assert!(house.claim().is_none());
        let view = house.show(id);
        assert_eq!(view.state, JobState::Waiting, "a line with a modem may take it");
        assert_eq!((view.reason.as_deref(), view.due_at), (Some("for-a-modem"), before.due_at));
    }

    // One that is set while the sheet is drawn is too late for the claim.
    let other = house.accept("b", Kind::Message);
    house.queue().forget(number, NOW).wait().expect("the store answers");
    house.carrier.make_ready().expect("the relay is there");
    let mut claim = house.claim().expect("it is due");
    claim.known.lock = Some(lock);
    house.carrier.carry_page(&claim, |_order| Ok(page())).expect("the store takes it");
    let of_either = [id, other].map(|id| house.show(id));
    let code = of_either.iter().find_map(|view| view.attempts.first()?.code.clone());
    assert_eq!(code.as_deref(), Some("identity-absent"));
    assert!(relay.mails().is_empty());
}

#[test]
fn test_of_the_line_reaches_the_relay_and_sends_nobody_anything() {
    struct Steps(Mutex<Vec<line_test::Step>>);
    impl TestWatch for Steps {
        fn now(&self) -> UnixMillis {
            NOW
        }
        fn starts(&self, _step: StepName) {}
        fn ended(&self, step: line_test::Step) {
            self.0.lock().expect("steps").push(step);
        }
        fn may_dial(&self, _number: &crate::job::FaxNumber) -> Result<(), String> {
            panic!("it dials nobody")
        }
        fn answered(&self, _number: &crate::job::FaxNumber) {}
        fn called(&self, _: &crate::job::FaxNumber, _: UnixMillis, _: &modem::CallReport) {}
        fn stopping(&self) -> bool {
            false
        }
    }
    let relay = ScriptedRelay::that(Does::Takes);
    let mut house = House::with(&relay);
    let steps = Steps(Mutex::default());
    house.carrier.test(
        Plan { loop_call: Err("none".into()), test_call: Err("none".into()), page: true },
        &steps,
    );
    let steps = steps.0.into_inner().expect("steps");
    let names: Vec<StepName> = steps.iter().map(|step| step.name).collect();
    assert_eq!(names, [StepName::Relay, StepName::Service]);
    assert!(matches!(steps[0].outcome, line_test::Outcome::Passed(_)), "{steps:?}");
    assert!(relay.mails().is_empty());
    drop(house.runtime);
}

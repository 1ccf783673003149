//! The power goes at every operation of the real gateway: whatever it promised is there, and nothing is broken.
//!
//! The recorder is preloaded into a gateway that takes, withdraws, holds, lets go on and is told of notifications by many
//! callers at once, meanwhile sends them, by FAX and by mail, and hears what they decide about those of which nobody knows
//! whether they arrived. Afterwards the disk is built as it may be found after each operation, with
//! everything, nothing or some sectors of the unsynced lost; the store opens each, and is judged by all that had been
//! said and sent until then, as after a SIGKILL (`tests/crash/judge.rs`).
//! It takes a minute of two processors. SIGKILL alone would prove nothing here: it leaves the kernel's buffers whole.

#[path = "../crash/exchange.rs"]
#[allow(dead_code, reason = "the tests of kills have more to ask")]
mod exchange;
#[path = "../crash/history.rs"]
mod history;
#[path = "../crash/house.rs"]
#[allow(dead_code, reason = "the tests of kills have more to ask")]
mod house;
#[path = "../crash/judge.rs"]
#[allow(dead_code, reason = "a judgement by a program of its own has more to say")]
mod judge;
#[path = "../crash/line.rs"]
mod line;
#[path = "../crash/post_office.rs"]
#[allow(dead_code, reason = "the tests of kills have more to ask")]
mod post_office;
mod replay;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use house::{Caller, Furniture, House, decision, document, first_contact, later};
use judge::{Logs, judge_store};
use replay::{Disk, Image, Loss, Operation, operations};
use serde_json::{Value, json};
use shirase::job::UnixMillis;
use shirase::queue::sqlite::{Sqlite, StoreKey};
use shirase::queue::{HoldReason, Queue};
use shirase::schedule::windows::Windows;

const CALLERS: usize = 6;
const POSTS_OF_EACH: usize = 20;
/// How often all is held back; one is handed in meanwhile.
const HOLDS: usize = 3;
const OFFICE: &str = "2779900030";
/// Operations behind which the power goes, three times each: enough for anybody, and evenly among a longer recording.
const CUTS: usize = 1800;

/// What a gateway asked of the disk, and what its callers asked of it.
struct Recording {
    house: House,
    operations: Vec<Operation>,
}

/// Compiles the recorder; a C compiler is there, the store's own library needs one.
fn recorder(into: &Path) -> PathBuf {
    let library = into.join("recorder.so");
    let built = Command::new("cc")
        .args(["-Wall", "-Werror", "-O1", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/powercut/recorder.c"))
        .arg("-ldl")
        .status()
        .expect("cc runs");
    assert!(built.success());
    library
}

fn record() -> Recording {
    let mut house = House::new(Furniture { has_mail: true, ..Furniture::default() });
    let log = house.path("operations");
    let library = recorder(house.folder());
    house.set_environment("LD_PRELOAD", library);
    house.set_environment("POWERCUT_LOG", log.clone());
    house.set_environment("POWERCUT_FOLDER", house.folder().to_owned());
    assert!(house.start(None), "{}", house.gateway_log());
    let caller = house.caller();
    std::thread::scope(|scope| {
        for nth in 0..CALLERS {
            let caller = &caller;
            scope.spawn(move || ask_for_much(caller, nth));
        }
    });
    // Only now: what is on its way when all is held back waits a minute for its next turn.
    house.be_quiet();
    for _turn in 0..HOLDS {
        assert_eq!(house.hold_all().map(|answer| answer.status), Some(200));
        let (key, number) = house.fresh();
        house.post(&key, &first_contact(&number), true).expect("an answer");
        assert_eq!(house.release_all().map(|answer| answer.status), Some(200));
        house.be_quiet();
    }
    for view in house.show_all() {
        let id = view["id"].as_str().unwrap_or_default();
        house.exchange("GET", &format!("/v1/notifications/{id}"), "", "", true);
    }
    house.kill();
    let operations = recorded(&house, &std::fs::read(log).expect("what was recorded"));
    Recording { house, operations }
}

/// Of files in the house and of what went out.
fn recorded(house: &House, log: &[u8]) -> Vec<Operation> {
    let folder = house.folder();
    let mut operations = operations(log);
    operations.retain(|operation| match operation {
        Operation::Opened { path, .. } => Path::new(path).starts_with(folder),
        _of_a_file_that_was_opened => true,
    });
    operations
}

/// The first caller's notices go by mail; of the others' some are sent, withdrawn, held, let go on, and of some somebody
/// logged in. Of those of which nobody knows whether they arrived something is decided.
fn ask_for_much(caller: &Caller, nth: usize) {
    let mut unsure = Vec::new();
    for post in 0..POSTS_OF_EACH {
        let (key, number) = caller.fresh();
        let body = match (nth, post % 8) {
            (0, _) => {
                let mail = format!("n{number}@office.test");
                caller.report(OFFICE, &json!({ "event": "mail_registered", "mail": mail }));
                document(&number)
            }
            (_, 0) => first_contact(&number.replacen("03", line::SAYS_NOTHING, 1)),
            (_, 4) => first_contact(&number),
            (_, _) => later(first_contact(&number)),
        };
        let answer = caller.post(&key, &body, true).expect("an answer");
        assert_eq!(answer.status, 202, "{}", answer.body);
        let id = answer.body["id"].as_str().expect("an id");
        let answers = match (nth, post % 8) {
            (_, 1 | 5) => vec![caller.sign(id, "first_login")],
            (0, _) => continue,
            (_, 0) => {
                unsure.push(id.to_owned());
                continue;
            }
            (_, 2) => vec![caller.hold(id)],
            (_, 6) => vec![caller.hold(id), caller.release(id)],
            (_, 3 | 7) => vec![caller.withdraw(id)],
            _as_it_is => continue,
        };
        for answer in answers {
            assert_eq!(answer.map(|answer| answer.status), Some(200));
        }
    }
    for (turn, id) in unsure.iter().enumerate() {
        until_uncertain(caller, id);
        let answer = caller.decide(id, &decision(nth + turn, "somebody"));
        assert_eq!(answer.map(|answer| answer.status), Some(200));
    }
}

fn until_uncertain(caller: &Caller, id: &str) {
    for _look in 0..house::LIMIT.as_millis() / house::LOOK_EVERY.as_millis() {
        let all = "/v1/notifications?state=uncertain&limit=200";
        let answer = caller.exchange("GET", all, "", "", true).expect("an answer");
        if answer.body.as_array().is_some_and(|views| views.iter().any(|view| view["id"] == id)) {
            return;
        }
        std::thread::sleep(house::LOOK_EVERY);
    }
    panic!("{id} is never uncertain");
}

/// What had been asked, said and sent, in the words of the logs that are judged. Its time is the number of operations.
#[derive(Default)]
struct Promised {
    logs: Logs,
    operations: i64,
    calls: i64,
    /// The call that waits for an answer on a connection.
    asked: HashMap<u64, i64>,
    /// The last number.
    number: String,
    /// Whose mail it is on a connection.
    recipients: HashMap<u64, String>,
    /// What the far end of a connection has said since it was sent something.
    heard: HashMap<u64, String>,
    /// Nobody ever says that he has something.
    is_deaf: bool,
}

impl Promised {
    fn ask(&mut self, connection: u64, request: &str) {
        let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let mut words = head.split([' ', '\r']);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut steps = path.trim_start_matches("/v1/notifications").split('/').skip(1);
        let (id, what) = (steps.next(), steps.next());
        let key = head.split("\r\n").find_map(|line| line.strip_prefix("Idempotency-Key: "));
        self.asked.remove(&connection);
        let mut asked = match (method, path, what) {
            ("POST", "/v1/notifications", _) => json!({ "event": "post", "key": key }),
            ("POST", "/v1/hold", _) => json!({ "event": "hold_all" }),
            ("DELETE", "/v1/hold", _) => json!({ "event": "release_all" }),
            ("DELETE", _, None) => json!({ "event": "withdraw" }),
            ("POST", _, Some("evidence")) => json!({ "event": "sign", "kind": body["kind"] }),
            ("POST", _, Some("resolution")) => {
                json!({ "event": "decide", "action": body["action"], "by": body["by"] })
            }
            ("POST", _, Some("hold")) => json!({ "event": "hold" }),
            ("DELETE", _, Some("hold")) => json!({ "event": "release" }),
            ("GET", _, None) => json!({ "event": "look" }),
            _of_no_promise => return,
        };
        self.calls += 1;
        asked["call"] = json!(self.calls);
        asked["id"] = json!(id);
        self.asked.insert(connection, self.calls);
        self.history(asked);
    }

    fn told(&mut self, connection: u64, status: u16, body: &Value) {
        let Some(call) = self.asked.remove(&connection) else { return };
        let (id, state) = (&body["id"], &body["state"]);
        self.history(json!({ "event": "answer", "call": call, "status": status, "id": id }));
        // Only who looks is shown all of it.
        if !body["reference"].is_null() && status == 200 {
            self.history(json!({ "event": "shown", "id": id, "state": state }));
        }
    }

    fn history(&mut self, mut line: Value) {
        line["ms"] = json!(self.operations);
        self.logs.history.push(line);
    }

    fn on_line(&mut self, event: &str) {
        let number = &self.number;
        self.logs.line.push(json!({ "ms": self.operations, "event": event, "number": number }));
    }

    fn at_relay(&mut self, event: &str, connection: u64) {
        let number = self.recipients.get(&connection);
        self.logs.relay.push(json!({ "event": event, "number": number }));
    }

    fn take(&mut self, operation: &Operation) {
        self.operations += 1;
        match operation {
            Operation::Asked { connection, request } => self.ask(*connection, request),
            Operation::Answered { connection, status, body } => {
                self.told(*connection, *status, body);
            }
            Operation::Dialled { number } => {
                number.clone_into(&mut self.number);
                self.on_line("dialled");
            }
            Operation::HungUp => self.on_line("on_hook"),
            Operation::Page { connection } => {
                self.heard.remove(connection);
                self.on_line("page");
            }
            Operation::Recipient { connection, number } => {
                self.recipients.insert(*connection, number.clone());
            }
            Operation::Content { connection } => {
                self.heard.remove(connection);
                self.at_relay("content", *connection);
            }
            Operation::Heard { connection, words } => {
                let heard = self.heard.entry(*connection).or_default();
                heard.push_str(words);
                // A page status of T.32 that says MCF; the relay's reply to the whole mail.
                let (has_page, has_mail) = (heard.contains("+FPS:1"), heard.contains("queued as"));
                if has_page || has_mail {
                    heard.clear();
                }
                if has_page && !self.is_deaf {
                    self.on_line("acknowledged");
                }
                if has_mail && !self.is_deaf {
                    self.at_relay("taken", *connection);
                }
            }
            Operation::Opened { .. }
            | Operation::Written { .. }
            | Operation::Cut { .. }
            | Operation::Synced { .. }
            | Operation::Moved { .. }
            | Operation::Gone { .. } => {}
        }
    }
}

/// What an image does not hold of what was promised, or how it is broken.
fn fault(image: &Image, promised: &Logs, place: &Path) -> Option<String> {
    let _ = std::fs::remove_dir_all(place);
    std::fs::create_dir_all(place).expect("a folder");
    for (name, octets) in image.iter().filter(|(name, _)| name.starts_with("queue.db")) {
        // What is mapped into memory is made anew.
        if !name.ends_with("-shm") {
            std::fs::write(place.join(name), octets).expect("a file of the image");
        }
    }
    // The reserve of the disk proves nothing here, and to make 16 MiB for each image takes its time.
    std::fs::write(place.join("queue.db-reserve"), "").expect("a file");
    let path = place.join("queue.db");
    let now = UnixMillis(history::now_ms());
    let opened = Sqlite::open(&path, &StoreKey::new(house::MASTER_KEY), Windows::Always, now);
    let store = match opened {
        Ok((store, _recovered)) => store,
        Err(error) => return Some(format!("does not open: {error}")),
    };
    let held = store.appliance().wait().expect("answers").held;
    if let Some(held) = held.filter(|held| held.reason != HoldReason::Person) {
        return Some(format!("held as if it had been restored: {held:?}"));
    }
    drop(store);
    judge_store(&path, promised).violations.into_iter().next()
}

/// A store that is worse than ours, to see that it is found out.
#[derive(Clone, Copy)]
enum Planted {
    Nothing,
    /// Its log is not synced at COMMIT.
    LazyLog,
    /// It says and sends everything so many operations too early.
    Early(usize),
    /// It takes for acknowledged what nobody acknowledged.
    Credulous,
}

/// What came of all images.
#[derive(Default)]
struct Verdict {
    images: usize,
    faulty: usize,
    /// The first fault.
    example: Option<String>,
}

/// Cuts the power after so many operations, in three ways.
fn cut_everywhere(recording: &Recording, planted: Planted, cuts: usize) -> Verdict {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let cut = |worker| scope.spawn(move || cut_some(recording, planted, cuts, worker, workers));
        let all: Vec<_> = (0..workers).map(cut).collect();
        let mut whole = Verdict::default();
        for part in all.into_iter().map(|part| part.join().expect("no panic")) {
            whole.images += part.images;
            whole.faulty += part.faulty;
            whole.example = whole.example.or(part.example);
        }
        whole
    })
}

/// The share of one worker.
fn cut_some(
    recording: &Recording,
    planted: Planted,
    cuts: usize,
    worker: usize,
    workers: usize,
) -> Verdict {
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    let (deaf_to, early) = match planted {
        Planted::Nothing | Planted::Credulous => (None, 0),
        Planted::LazyLog => (Some("-wal"), 0),
        Planted::Early(early) => (None, early),
    };
    let mut disk = Disk::new(recording.house.folder(), deaf_to);
    let is_deaf = matches!(planted, Planted::Credulous);
    let mut promised = Promised { is_deaf, ..Promised::default() };
    let mut verdict = Verdict::default();
    let places = recording.operations.iter().filter(|it| it.is_a_place_to_cut()).count();
    let mut place = 0;
    recording.operations.iter().take(early).for_each(|operation| promised.take(operation));
    for (at, operation) in recording.operations.iter().enumerate() {
        disk.take(operation);
        recording.operations.get(at + early).into_iter().for_each(|it| promised.take(it));
        if !operation.is_a_place_to_cut() {
            continue;
        }
        // As many as are wanted, evenly among the places that there are.
        let (before, cut) = (place * cuts / places, (place + 1) * cuts / places);
        place += 1;
        if before == cut || cut % workers != worker {
            continue;
        }
        for loss in [Loss::Everything, Loss::Nothing, Loss::Sectors(at as u64)] {
            verdict.images += 1;
            let image = disk.image(loss);
            if let Some(what) = fault(&image, &promised.logs, folder.path()) {
                verdict.faulty += 1;
                verdict.example.get_or_insert(format!("after operation {at}, {loss:?}: {what}"));
            }
        }
    }
    verdict
}

#[test]
fn power_cut_at_any_operation_breaks_no_promise() {
    let recording = record();
    let verdict = cut_everywhere(&recording, Planted::Nothing, CUTS);
    println!("{} operations, {} images", recording.operations.len(), verdict.images);
    assert_eq!(verdict.faulty, 0, "{:?}", verdict.example);
    assert!(verdict.images >= 5000, "{} images", verdict.images);

    // The recorder saw everything of which there was a promise.
    let mut promised = Promised::default();
    recording.operations.iter().for_each(|operation| promised.take(operation));
    let count = |log: &[Value], event: &str| log.iter().filter(|it| it["event"] == event).count();
    let Logs { history, line, relay, .. } = &promised.logs;
    let of_each =
        |turns: usize| (CALLERS - 1) * (0..POSTS_OF_EACH).filter(|at| at % 8 == turns).count();
    assert_eq!(count(history, "post"), CALLERS * POSTS_OF_EACH + HOLDS, "every 202");
    assert_eq!(count(history, "withdraw"), of_each(3) + of_each(7));
    assert_eq!(count(history, "sign"), CALLERS * POSTS_OF_EACH / 4);
    assert_eq!(count(history, "hold"), of_each(2) + of_each(6));
    assert_eq!(count(history, "release"), of_each(6));
    assert_eq!(count(history, "decide"), of_each(0));
    assert_eq!((count(history, "hold_all"), count(history, "release_all")), (HOLDS, HOLDS));
    assert_eq!(count(history, "shown"), CALLERS * POSTS_OF_EACH + HOLDS);
    let asked = history.iter().filter(|it| !it["call"].is_null() && it["event"] != "answer");
    assert_eq!(count(history, "answer"), asked.count(), "every answer");
    // A third of what nobody acknowledged was closed; the rest went once more, and was acknowledged.
    let again = of_each(0) * 2 / 3;
    assert!(count(line, "page") >= 2 * of_each(0) + of_each(4) - of_each(0) / 3, "the calls");
    assert!(count(line, "acknowledged") >= again + of_each(4), "what the far ends said");
    let unacknowledged = count(line, "page") - count(line, "acknowledged");
    assert_eq!(unacknowledged, of_each(0), "each said nothing once");
    assert_eq!((count(relay, "content"), count(relay, "taken")), (POSTS_OF_EACH, POSTS_OF_EACH));

    // The same eyes find a store that does not keep its word.
    for planted in [Planted::LazyLog, Planted::Early(32), Planted::Credulous] {
        let verdict = cut_everywhere(&recording, planted, CUTS / 16);
        let example = verdict.example.unwrap_or_default();
        println!("planted: {} of {} images, first {example}", verdict.faulty, verdict.images);
        assert!(verdict.faulty > 10, "{} {example}", verdict.faulty);
    }
}

//! The power goes at every operation of the real gateway: whatever it promised is there, and nothing is broken.
//!
//! The recorder is preloaded into a gateway that takes, withdraws and is told of notifications by many callers at once and
//! meanwhile sends them, by FAX and by mail. Afterwards the disk is built as it may be found after each operation, with
//! everything, nothing or some sectors of the unsynced lost; the store opens each, and is judged by all that had been
//! said and sent until then, as after a SIGKILL (`tests/crash/judge.rs`).
//! It takes half a minute. SIGKILL alone would prove nothing here: it leaves the kernel's buffers whole.

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

use house::{Caller, Furniture, House, document, first_contact, later};
use judge::{Logs, judge_store};
use replay::{Disk, Image, Loss, Operation, operations};
use serde_json::{Value, json};
use shirase::job::UnixMillis;
use shirase::queue::Queue;
use shirase::queue::sqlite::{Sqlite, StoreKey};
use shirase::schedule::windows::Windows;

const CALLERS: usize = 6;
const POSTS_OF_EACH: usize = 20;
const OFFICE: &str = "2779900030";
/// Enough for anybody; a longer recording is cut at every second operation, or third.
const MOST_IMAGES: usize = 7000;

/// What a gateway asked of the disk, and what its callers asked of it.
struct Recording {
    house: House,
    operations: Vec<Operation>,
    /// Idempotency keys, by id.
    keys: HashMap<String, String>,
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
    house.be_quiet();
    house.show_all();
    let ids = history::read(&house.path(history::HISTORY)).into_iter();
    for id in ids
        .filter(|it| it["event"] == "shown")
        .filter_map(|it| it["id"].as_str().map(str::to_owned))
    {
        house.exchange("GET", &format!("/v1/notifications/{id}"), "", "", true);
    }
    house.kill();
    let operations = recorded(&house, &std::fs::read(log).expect("what was recorded"));
    let keys = keys_by_id(&history::read(&house.path(history::HISTORY)));
    Recording { house, operations, keys }
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

/// The first caller's notices go by mail; of the others' some are sent, some withdrawn, and of some somebody logged in.
fn ask_for_much(caller: &Caller, nth: usize) {
    for post in 0..POSTS_OF_EACH {
        let (key, number) = caller.fresh();
        let body = match (nth, post % 4) {
            (0, _) => {
                let mail = format!("n{number}@office.test");
                caller.report(OFFICE, &json!({ "event": "mail_registered", "mail": mail }));
                document(&number)
            }
            (_, 0) => first_contact(&number),
            (_, _) => later(first_contact(&number)),
        };
        let answer = caller.post(&key, &body, true).expect("an answer");
        assert_eq!(answer.status, 202, "{}", answer.body);
        let id = answer.body["id"].as_str().expect("an id");
        let done = match post % 4 {
            1 => caller.sign(id, "first_login"),
            3 if nth > 0 => caller.withdraw(id),
            _as_it_is => continue,
        };
        assert_eq!(done.map(|answer| answer.status), Some(200));
    }
}

fn keys_by_id(history: &[Value]) -> HashMap<String, String> {
    let of = |event: &'static str| history.iter().filter(move |line| line["event"] == event);
    let posts: HashMap<i64, &Value> =
        of("post").filter_map(|line| Some((line["call"].as_i64()?, &line["key"]))).collect();
    of("answer")
        .filter_map(|line| {
            let key = posts.get(&line["call"].as_i64()?)?.as_str()?;
            Some((line["id"].as_str()?.to_owned(), key.to_owned()))
        })
        .collect()
}

/// What had been said and sent, in the words of the logs that are judged.
struct Promised<'a> {
    keys: &'a HashMap<String, String>,
    logs: Logs,
    calls: i64,
    /// The last number.
    number: String,
    /// Whose mail it is on a connection.
    recipients: HashMap<u64, String>,
}

impl<'a> Promised<'a> {
    fn nothing(keys: &'a HashMap<String, String>) -> Self {
        let (logs, number, recipients) = Default::default();
        Self { keys, logs, calls: 0, number, recipients }
    }

    fn told(&mut self, status: u16, body: &Value) {
        self.calls += 1;
        let (id, state) = (&body["id"], &body["state"]);
        let key = id.as_str().and_then(|id| self.keys.get(id));
        let asked = match (status, key, state.as_str()) {
            (202, Some(key), _) => json!({ "event": "post", "key": key }),
            (200, _, Some(_)) if !body["reference"].is_null() => {
                self.logs.history.push(json!({ "event": "shown", "id": id, "state": state }));
                return;
            }
            (200, _, Some("cancelled")) => json!({ "event": "withdraw", "id": id }),
            (200, _, Some(_)) => json!({ "event": "sign", "id": id, "kind": "first_login" }),
            _of_no_promise => return,
        };
        let mut asked = asked;
        asked["call"] = json!(self.calls);
        let answer = json!({ "event": "answer", "call": self.calls, "status": status, "id": id });
        self.logs.history.extend([asked, answer]);
    }

    fn take(&mut self, operation: &Operation) {
        match operation {
            Operation::Answered { status, body } => self.told(*status, body),
            Operation::Dialled { number } => {
                number.clone_into(&mut self.number);
                self.logs.line.push(json!({ "event": "on_hook" }));
                self.logs.line.push(json!({ "event": "dialled", "number": number }));
            }
            Operation::Page => {
                // That it was acknowledged is not seen from here; the modem does so with every page.
                for event in ["page", "acknowledged"] {
                    self.logs.line.push(json!({ "event": event, "number": self.number }));
                }
            }
            Operation::Recipient { connection, number } => {
                self.recipients.insert(*connection, number.clone());
            }
            Operation::Content { connection } => {
                for event in ["content", "taken"] {
                    let number = self.recipients.get(connection);
                    self.logs.relay.push(json!({ "event": event, "number": number }));
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
    if let Some(held) = store.appliance().wait().expect("answers").held {
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
}

/// What came of all images.
#[derive(Default)]
struct Verdict {
    images: usize,
    faulty: usize,
    /// The first fault.
    example: Option<String>,
}

/// Cuts the power after every `nth` operation, in three ways.
fn cut_everywhere(recording: &Recording, planted: Planted, nth: usize) -> Verdict {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let cut = |worker| scope.spawn(move || cut_some(recording, planted, nth, worker, workers));
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
    nth: usize,
    worker: usize,
    workers: usize,
) -> Verdict {
    let place = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    let (deaf_to, early) = match planted {
        Planted::Nothing => (None, 0),
        Planted::LazyLog => (Some("-wal"), 0),
        Planted::Early(early) => (None, early),
    };
    let mut disk = Disk::new(recording.house.folder(), deaf_to);
    let mut promised = Promised::nothing(&recording.keys);
    let mut verdict = Verdict::default();
    recording.operations.iter().take(early).for_each(|operation| promised.take(operation));
    for (at, operation) in recording.operations.iter().enumerate() {
        disk.take(operation);
        recording.operations.get(at + early).into_iter().for_each(|it| promised.take(it));
        if at % nth != 0 || (at / nth) % workers != worker {
            continue;
        }
        for loss in [Loss::Everything, Loss::Nothing, Loss::Sectors(at as u64)] {
            verdict.images += 1;
            let image = disk.image(loss);
            if let Some(what) = fault(&image, &promised.logs, place.path()) {
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
    let nth = (recording.operations.len() * 3).div_ceil(MOST_IMAGES);
    let verdict = cut_everywhere(&recording, Planted::Nothing, nth);
    println!("{} operations, {} images", recording.operations.len(), verdict.images);
    assert_eq!(verdict.faulty, 0, "{:?}", verdict.example);
    assert!(verdict.images >= 5000, "{} images", verdict.images);

    // The recorder saw everything of which there was a promise.
    let mut promised = Promised::nothing(&recording.keys);
    recording.operations.iter().for_each(|operation| promised.take(operation));
    let count = |log: &[Value], event: &str| log.iter().filter(|it| it["event"] == event).count();
    let Logs { history, line, relay, .. } = &promised.logs;
    assert_eq!(count(history, "post"), CALLERS * POSTS_OF_EACH, "every 202");
    assert_eq!(count(history, "withdraw"), (CALLERS - 1) * POSTS_OF_EACH / 4);
    assert_eq!(count(history, "sign"), CALLERS * POSTS_OF_EACH / 4);
    assert_eq!(count(history, "shown"), CALLERS * POSTS_OF_EACH);
    assert!(count(line, "page") >= (CALLERS - 1) * POSTS_OF_EACH / 4, "the calls");
    assert_eq!(count(relay, "content"), POSTS_OF_EACH, "the mails");

    // The same eyes find a store that does not keep its word.
    for planted in [Planted::LazyLog, Planted::Early(32)] {
        let verdict = cut_everywhere(&recording, planted, 16 * nth);
        let example = verdict.example.unwrap_or_default();
        println!("planted: {} of {} images, first {example}", verdict.faulty, verdict.images);
        assert!(verdict.faulty > 10, "{} {example}", verdict.faulty);
    }
}

//! The power goes at every operation of the real daemon: what it answered for is there, and nothing is broken.
//!
//! The recorder is preloaded into a daemon that takes notifications from many callers at once and calls a far machine
//! meanwhile. Afterwards the disk is built as it may be found after each operation, with everything, nothing or some
//! sectors of the unsynced lost, and the store opens each.
//! It takes half a minute. SIGKILL alone would prove nothing here: it leaves the kernel's buffers whole.

#[path = "../appliance/harness.rs"]
#[allow(dead_code, reason = "the whole appliance has more to tell")]
mod harness;
mod replay;
#[path = "../support/softline.rs"]
mod softline;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{Appliance, Setup, first_contact};
use replay::{Disk, Image, Loss, Operation, operations};
use shirase::job::{ClientId, UnixMillis};
use shirase::queue::sqlite::{Sqlite, StoreKey};
use shirase::queue::{Filter, Queue};
use shirase::schedule::windows::Windows;

const CALLERS: usize = 6;
const POSTS_OF_EACH: usize = 24;
const FAR: &str = "0312345678=fax,csi=0312345678";

/// What a daemon asked of the disk, and the key of its store.
struct Recording {
    folder: PathBuf,
    key: [u8; 32],
    operations: Vec<Operation>,
}

/// Compiles the recorder; a C compiler is there, the store's own library needs one.
fn recorder(into: &Path) -> PathBuf {
    let library = into.join("recorder.so");
    let built = Command::new("cc")
        .args(["-Wall", "-Werror", "-O1", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(harness::repository("tests/powercut/recorder.c"))
        .arg("-ldl")
        .status()
        .expect("cc runs");
    assert!(built.success());
    library
}

fn record() -> Recording {
    let beside = tempfile::tempdir().expect("a folder");
    let library = recorder(beside.path());
    let log = beside.path().join("operations");
    // The folder is not known before the appliance makes it: its parent is followed.
    let root = std::env::temp_dir();
    let environment = [
        ("LD_PRELOAD", library.to_str().expect("UTF-8")),
        ("POWERCUT_LOG", log.to_str().expect("UTF-8")),
        ("POWERCUT_FOLDER", root.to_str().expect("UTF-8")),
    ];
    let setup = Setup { fars: &[FAR], environment: &environment, ..Setup::default() };
    let mut appliance = Appliance::start(&setup);
    // Its sheets may still be being tried.
    let called = appliance.until("a first notification is accepted", |appliance| {
        let answer = appliance.post("called", &first_contact("0312345678"));
        (answer.status == 202).then(|| answer.json()["id"].as_str().expect("an id").to_owned())
    });
    std::thread::scope(|scope| {
        let appliance = &appliance;
        for caller in 0..CALLERS {
            scope.spawn(move || {
                for post in 0..POSTS_OF_EACH {
                    let fax = format!("03{:08}", 20_000_000 + caller * 100 + post);
                    let answer = appliance.post(&format!("{caller}-{post}"), &first_contact(&fax));
                    assert_eq!(answer.status, 202, "{}", answer.text);
                    if post % 4 == 3 {
                        let id = answer.json()["id"].as_str().expect("an id").to_owned();
                        let path = format!("/v1/notifications/{id}");
                        appliance.request("DELETE", &path, &[], b"");
                    }
                }
            });
        }
    });
    // However it ends: on a busy machine not every call succeeds.
    appliance.await_attempt(&called, &["confirmed", "not_sent", "uncertain"]);
    appliance.kill_daemon();
    let key = std::fs::read(appliance.path("master-key")).expect("the key");
    let octets = std::fs::read(&log).expect("what was recorded");
    let folder = appliance.path("queue.db").parent().expect("its folder").to_owned();
    let mut operations = operations(&octets);
    operations.retain(|operation| match operation {
        Operation::Opened { path, .. } => Path::new(path).starts_with(&folder),
        _of_a_file_that_was_opened => true,
    });
    Recording { folder, key: key.try_into().expect("32 octets"), operations }
}

/// What must be there, whatever is lost.
#[derive(Clone, Default)]
struct Promised {
    answered: BTreeSet<String>,
    dialled: usize,
}

/// What an image does not hold of it, or how it is broken.
fn fault(image: &Image, promised: &Promised, key: [u8; 32], place: &Path) -> Option<String> {
    let _ = std::fs::remove_dir_all(place);
    std::fs::create_dir_all(place).expect("a folder");
    for (name, octets) in image.iter().filter(|(name, _)| name.starts_with("queue.db")) {
        // What is mapped into memory is made anew.
        if !name.ends_with("-shm") {
            std::fs::write(place.join(name), octets).expect("a file of the image");
        }
    }
    let path = place.join("queue.db");
    let now = UnixMillis(i64::MAX / 2);
    let (store, _) = match Sqlite::open(&path, &StoreKey::new(key), Windows::Always, now) {
        Ok(opened) => opened,
        Err(error) => return Some(format!("does not open: {error}")),
    };
    let appliance = store.appliance().wait().expect("answers");
    if let Some(held) = appliance.held {
        return Some(format!("held as if it had been restored: {held:?}"));
    }
    let filter = Filter { limit: u16::MAX, ..Filter::default() };
    let there = store.list(ClientId("test".into()), filter).wait().expect("a list");
    let dialled = there
        .iter()
        .flat_map(|view| &view.attempts)
        .filter(|attempt| attempt.rungs.iter().any(|(name, _, _)| name == "dialing"));
    let dialled = dialled.count();
    let there: BTreeSet<String> = there.iter().map(|view| view.id.to_string()).collect();
    drop(store);
    let conn = rusqlite::Connection::open(&path).expect("opens again");
    let sound: String =
        conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked");
    if sound != "ok" {
        return Some(sound);
    }
    if let Some(lost) = promised.answered.difference(&there).next() {
        return Some(format!("lost {lost} of {}", promised.answered.len()));
    }
    (dialled < promised.dialled)
        .then(|| format!("knows of {dialled} calls, {} went out", promised.dialled))
}

/// A store that is worse than ours, to see that it is found out.
#[derive(Clone, Copy)]
enum Planted {
    Nothing,
    /// Its log is not synced at COMMIT.
    LazyLog,
    /// It answers this many operations too early.
    EarlyAnswers(usize),
}

/// What came of all images.
#[derive(Default)]
struct Verdict {
    images: usize,
    faulty: usize,
    /// The first fault.
    example: Option<String>,
    promised: Promised,
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
            whole.promised = part.promised; // the same of all
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
        Planted::EarlyAnswers(early) => (None, early),
    };
    let mut disk = Disk::new(&recording.folder, deaf_to);
    let mut verdict = Verdict::default();
    for (at, operation) in recording.operations.iter().enumerate() {
        disk.take(operation);
        if let Some(Operation::Answered { id }) = recording.operations.get(at + early) {
            verdict.promised.answered.insert(id.clone());
        }
        if matches!(operation, Operation::Dialled) {
            verdict.promised.dialled += 1;
        }
        if at % nth != 0 || (at / nth) % workers != worker {
            continue;
        }
        for loss in [Loss::Everything, Loss::Nothing, Loss::Sectors(at as u64)] {
            verdict.images += 1;
            let image = disk.image(loss);
            if let Some(what) = fault(&image, &verdict.promised, recording.key, place.path()) {
                verdict.faulty += 1;
                verdict.example.get_or_insert(format!("after operation {at}, {loss:?}: {what}"));
            }
        }
    }
    verdict
}

#[test]
fn power_cut_at_any_operation_loses_nothing_that_was_answered_and_no_call_that_went_out() {
    let recording = record();
    let verdict = cut_everywhere(&recording, Planted::Nothing, 1);
    println!("{} operations, {} images", recording.operations.len(), verdict.images);
    assert_eq!(verdict.faulty, 0, "{:?}", verdict.example);
    assert_eq!(verdict.promised.answered.len(), 1 + CALLERS * POSTS_OF_EACH, "every 202 was seen");
    assert!(verdict.promised.dialled > 0, "the call was seen");

    // The same eyes find a store that does not keep its word.
    for planted in [Planted::LazyLog, Planted::EarlyAnswers(32)] {
        let verdict = cut_everywhere(&recording, planted, 16);
        let example = verdict.example.unwrap_or_default();
        println!("planted: {} of {} images, first {example}", verdict.faulty, verdict.images);
        assert!(verdict.faulty > 10, "{} {example}", verdict.faulty);
    }
}

//! B43 and B44, and a disk that does not say whether it has kept something.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::house::{Answer, Daemon, House, message, utf8};

/// Where the store lies in a file system of its own, seen from outside.
struct SmallDisk {
    house: House,
    daemon: Daemon,
    inside: PathBuf,
}

/// A daemon whose store lies on a disk of so many MiB; `then` is run before it starts.
fn on_a_small_disk(mib: u32, then: &str) -> (House, Daemon) {
    let house = House::new();
    let disk = house.path("disk");
    fs::create_dir(&disk).expect("a folder");
    let settings = house.path("shirase.toml");
    let text = fs::read_to_string(&settings).expect("settings");
    let text = text.replace(utf8(&house.path("queue.db")), utf8(&disk.join("queue.db")));
    fs::write(&settings, text).expect("settings");
    // The shell stays, so that its mounts can be seen by its id; what it starts dies with it.
    let script = format!(
        "mount -t tmpfs -o size={mib}m tmpfs \"$0\" || exit 99; {then}
         setpriv --pdeathsig KILL \"$@\" & wait $!"
    );
    let serve = house.serve(&["unshare", "-Urm", "sh", "-c", &script, utf8(&disk)]);
    let daemon = house.spawn(serve);
    (house, daemon)
}

impl SmallDisk {
    fn start(mib: u32) -> Self {
        let (house, daemon) = on_a_small_disk(mib, "");
        house.answers();
        let inside = format!("/proc/{}/root{}", daemon.id(), house.path("disk").display());
        Self { house, daemon, inside: inside.into() }
    }

    /// Fills the disk but for so many octets.
    fn fill(&self, but_for: u64) {
        // `df` would look the path up among the mounts that are seen out here.
        let free = Command::new("stat").args(["-f", "-c", "%a %S"]).arg(&self.inside).output();
        let free = String::from_utf8(free.expect("stat runs").stdout).expect("text");
        let free = free.split_whitespace().map(|number| number.parse::<u64>().expect("a number"));
        let octets = free.product::<u64>().saturating_sub(but_for);
        let made = Command::new("fallocate")
            .args(["-l", &octets.to_string()])
            .arg(self.inside.join("fill"))
            .status();
        assert!(made.is_ok_and(|made| made.success()), "fallocate");
    }

    fn has_reserve(&self) -> bool {
        self.inside.join("queue.db-reserve").exists()
    }
}

#[test]
fn b43_full_disk_refuses_new_work_with_507_keeps_results_and_recovers_without_a_restart() {
    let mut disk = SmallDisk::start(160);
    let id = disk.house.until("a notification is accepted", || {
        let answer = disk.house.post("a", &message());
        (answer.status == 202).then(|| answer.json()["id"].as_str().expect("an id").to_owned())
    });
    assert!(disk.has_reserve(), "{}", disk.house.log());
    // Little, but enough to write with: nothing is lost yet, and nothing new is taken.
    disk.fill(32 << 20);
    disk.house.post("b", &message()).is_problem(507, "store-full");
    disk.house.get("/readyz").is_problem(507, "store-full");
    assert!(disk.has_reserve());
    assert_eq!(disk.house.post("a", &message()).status, 202, "what was accepted before");
    fs::remove_file(disk.inside.join("fill")).expect("gone");
    // Nothing at all: what becomes of the old work is still written down.
    disk.fill(0);
    disk.house.post("b", &message()).is_problem(507, "store-full");
    let path = format!("/v1/notifications/{id}");
    let cancelled = disk.house.request("DELETE", &path, "", b"");
    assert_eq!(cancelled.status, 200, "{cancelled:?}\n{}", disk.house.log());
    assert!(!disk.has_reserve());
    assert_eq!(disk.house.get(&path).json()["state"], "cancelled");
    disk.house.until("the journal says so", || {
        disk.house.log().contains("app.store.nearly_full").then_some(())
    });

    fs::remove_file(disk.inside.join("fill")).expect("gone");
    assert_eq!(disk.house.post("b", &message()).status, 202, "at once");
    disk.house.until("the reserve is back", || disk.has_reserve().then_some(()));
    disk.house.goes_on(&mut disk.daemon);
}

#[test]
fn b43_disk_that_may_only_be_read_ends_with_65() {
    let remount = "mount -o remount,ro \"$0\" || exit 98;";
    let (house, mut daemon) = on_a_small_disk(160, remount);
    assert_eq!(daemon.ended(), Some(65), "{}", house.log());
    assert!(house.log().contains("Read-only file system"), "{}", house.log());
}

#[test]
fn b44_no_more_descriptors_is_borne_and_passes() {
    let house = House::new();
    let serve = house.serve(&["sh", "-c", "ulimit -n 64; exec \"$0\" \"$@\""]);
    let mut daemon = house.spawn(serve);
    house.answers();
    let many: Vec<_> = (0..100).map(|_| house.connect()).collect();
    let has_none_left = || {
        let log = house.log();
        let said = log.lines().find(|line| line.contains("hook.accept.failed"))?;
        Some(said.contains("Too many open files"))
    };
    assert!(house.until("descriptors run out", has_none_left), "{}", house.log());
    drop(many);
    // The first one who calls once there are some again, not the first of many tries.
    assert_eq!(house.get("/healthz").status, 200, "{}", house.log());
    house.until("sheets are tried", || (house.post("a", &message()).status == 202).then_some(()));
    house.goes_on(&mut daemon);
}

/// Compiles what fails the nth time that something is to be synced.
fn injector(into: &Path) -> PathBuf {
    let library = into.join("eio.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_inputs/eio.c");
    let built = Command::new("cc")
        .args(["-Wall", "-Werror", "-O1", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(source)
        .arg("-ldl")
        .status()
        .expect("cc runs");
    assert!(built.success());
    library
}

#[expect(clippy::disallowed_methods, reason = "how soon the daemon ends is what is looked at")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let done = work();
    (done, began.elapsed())
}

/// What was asked for under one key, and what the caller was told.
struct Asked {
    key: String,
    body: Value,
    told: Option<String>,
}

#[test]
fn disk_that_fails_at_any_sync_is_answered_for_by_nobody_and_the_next_start_knows_the_truth() {
    let house = House::new();
    let library = injector(&house.path(""));
    let mut asked: Vec<Asked> = Vec::new();
    let mut was_held_for_trouble = false;
    // The first start makes the store; every later one fails at another place, until one goes through.
    let mut daemon = house.daemon();
    house.until("sheets are tried", || (house.post("z", &message()).status == 202).then_some(()));
    daemon.signal("TERM");
    assert_eq!(daemon.ended(), Some(0));
    let mut tried = 0;
    for nth in 1..200 {
        let mut serve = house.serve(&[]);
        serve
            .env("LD_PRELOAD", &library)
            .env("EIO_FOLDER", house.path(""))
            .env("EIO_AT", nth.to_string());
        let mut daemon = house.spawn(serve);
        let answers = |daemon: &mut Daemon| {
            house.until("it answers or ends", || match daemon.has_ended() {
                true => Some(false),
                false => std::net::TcpStream::connect(&house.address).ok().map(|_| true),
            })
        };
        let mut failed = !answers(&mut daemon);
        if !failed {
            for number in 0..3 {
                let key = format!("{nth}-{number}");
                let mut body = message();
                body["recipient"]["fax"] = json!(format!("0355{:06}", nth * 10 + number));
                let answer = house.until("sheets are tried", || {
                    let answer = house.try_post(&key, &body);
                    let is_early = |answer: &Answer| {
                        answer.status == 503 && answer.code() == "sheet-unavailable"
                    };
                    (!answer.as_ref().is_some_and(is_early)).then_some(answer)
                });
                let told = answer.as_ref().filter(|answer| answer.status == 202);
                let told = told.map(|answer| answer.json()["id"].to_string());
                failed |= told.is_none();
                if let Some(answer) = answer.filter(|answer| ![0, 202].contains(&answer.status)) {
                    assert_eq!(answer.code(), "outcome-unknown", "nothing definite");
                }
                asked.push(Asked { key, body, told });
            }
        }
        if !failed {
            daemon.signal_if_alive("TERM");
        }
        let (ended, took) = timed(|| daemon.ended());
        if ended == Some(0) && nth > 4 {
            break;
        }
        if ended == Some(74) {
            tried += 1;
            assert!(took < Duration::from_secs(2), "{nth}: {took:?}");
        } else {
            assert_eq!(ended, Some(0), "{nth}: {}", house.log());
        }
        let mut daemon = house.daemon();
        was_held_for_trouble |= house.get("/v1/hold").json()["held"]["reason"] == "trouble";
        for Asked { key, body, told } in &asked {
            let answer = house.until("sheets are tried", || {
                let answer = house.post(key, body);
                (answer.status != 503).then_some(answer)
            });
            assert_eq!(answer.status, 202, "{answer:?}");
            if let Some(id) = told {
                assert_eq!(
                    answer.json()["id"].to_string(),
                    *id,
                    "{key} was lost or is there twice"
                );
            }
        }
        asked.clear();
        daemon.signal("TERM");
        assert_eq!(daemon.ended(), Some(0));
    }
    println!("{tried} failed syncs");
    assert!(tried >= 5, "{tried}");
    assert!(was_held_for_trouble, "three in five minutes hold everything back");
}

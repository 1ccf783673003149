//! B39 to B42: what may stand where the store should be.
//!
//! B45, ciphertexts that changed their places, is told beside the store, as are single flipped bits (`queue::sqlite`).

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::house::{House, message};

/// A house whose store has one notification and was closed.
fn house_with_a_store() -> House {
    let house = House::new();
    let mut daemon = house.daemon();
    let answer = house.until("it is accepted", || {
        let answer = house.post("first", &message());
        (answer.status == 202).then_some(answer)
    });
    assert_eq!(answer.status, 202);
    daemon.signal("TERM");
    assert_eq!(daemon.ended(), Some(0), "{}", house.log());
    house
}

/// Starts a daemon that must not take the store, and gives what it said.
#[track_caller]
fn is_refused(house: &House, what: &str) -> String {
    let before = house.log().len();
    let mut daemon = house.starts();
    house.until(what, || daemon.has_ended().then_some(()));
    let ended = daemon.ended();
    let said = house.log().split_off(before);
    assert_eq!(ended, Some(65), "{what}: {said}");
    assert!(said.contains("queue.db"), "{what}: {said}");
    said
}

#[test]
fn b39_spoilt_store_ends_with_65_and_stays_as_it_is() {
    let house = house_with_a_store();
    let path = house.path("queue.db");
    let sound = fs::read(&path).expect("a store");
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut octets = sound.clone();
        change(&mut octets);
        octets
    };
    let half = sound.len() / 2;
    let cases = [
        ("empty", Vec::new()),
        ("100 octets", with(&|store| store.truncate(100))),
        ("half", with(&|store| store.truncate(half))),
        ("without a page and a half", with(&|store| store.truncate(store.len() - 6144))),
        ("a page of noise", with(&|store| store[4096..8192].fill(0xa5))),
        ("of another program", with(&|store| store[68..72].fill(7))),
        ("of a newer program", with(&|store| store[60..64].copy_from_slice(&[0, 0, 3, 0xe7]))),
        ("no database", b"a letter that somebody may want to read".to_vec()),
    ];
    for (what, octets) in cases {
        fs::write(&path, &octets).expect("spoilt");
        let said = is_refused(&house, what);
        assert_eq!(fs::read(&path).expect("still there"), octets, "{what} is left alone: {said}");
    }
    fs::write(&path, &sound).expect("restored");
    house.goes_on(&mut house.daemon());
}

#[test]
fn b39_log_of_another_store_is_refused_or_holds_everything_back() {
    let (house, other) = (house_with_a_store(), House::new());
    let mut daemon = other.daemon();
    let post = || (other.post("a", &message()).status == 202).then_some(());
    other.until("it is accepted", post);
    daemon.signal("KILL");
    daemon.ended();
    let log = other.path("queue.db-wal");
    assert!(fs::metadata(&log).expect("a log").len() > 0, "else this test tries nothing");
    fs::copy(&log, house.path("queue.db-wal")).expect("copied");
    // Pages of both fit together, since both have the same schema.
    let mut daemon = house.starts();
    let ended = house.until("it answers or ends", || match daemon.has_ended() {
        true => Some(true),
        false => std::net::TcpStream::connect(&house.address).ok().map(|_| false),
    });
    if ended {
        assert_eq!(daemon.ended(), Some(65), "{}", house.log());
    } else {
        assert_eq!(house.get("/v1/hold").json()["held"]["reason"], "restored", "{}", house.log());
    }
}

#[test]
fn b40_what_is_no_plain_file_is_refused_and_left_alone() {
    let house = house_with_a_store();
    let elsewhere = house.path("elsewhere.db");
    for name in ["queue.db", "queue.db-mark"] {
        let path = house.path(name);
        fs::rename(&path, &elsewhere).expect("moved");
        symlink(&elsewhere, &path).expect("a link");
        is_refused(&house, "a symbolic link");
        fs::remove_file(&path).expect("gone");
        fs::create_dir(&path).expect("a folder");
        is_refused(&house, "a folder");
        fs::remove_dir(&path).expect("gone");
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.is_ok_and(|made| made.success()), "mkfifo");
        is_refused(&house, "a named pipe");
        fs::remove_file(&path).expect("gone");
        fs::rename(&elsewhere, &path).expect("moved back");
    }
    house.goes_on(&mut house.daemon());
}

#[test]
fn b41_lock_of_a_dead_daemon_is_no_lock_and_that_of_a_living_one_ends_the_second_with_75() {
    let house = house_with_a_store();
    let mut first = house.daemon();
    first.signal("KILL");
    first.ended();
    assert!(house.path("queue.db-lock").exists());
    let mut second = house.daemon();
    assert_eq!(house.starts().ended(), Some(75), "{}", house.log());
    house.goes_on(&mut second);
}

#[test]
fn b42_copy_of_yesterday_starts_held_and_says_so_to_everybody() {
    let house = house_with_a_store();
    let copy = house.path("yesterday.db");
    fs::copy(house.path("queue.db"), &copy).expect("a backup of a closed store");
    let mut daemon = house.daemon();
    let before = house.get("/v1/hold");
    assert!(before.json()["held"].is_null(), "{before:?}");
    assert_eq!(house.post("second", &message()).status, 202);
    daemon.signal("TERM");
    assert_eq!(daemon.ended(), Some(0));
    fs::rename(&copy, house.path("queue.db")).expect("restored");

    let mut daemon = house.daemon();
    let after = house.get("/v1/hold");
    assert_eq!(after.json()["held"]["reason"], "restored", "{after:?}");
    assert_ne!(store_of(&before.head), store_of(&after.head), "the exchange can tell");
    let said = verb(&house, &["lines"]);
    assert!(said.contains("HELD since") && said.contains("shirase release"), "{said}");
    assert!(house.log().contains("app.hold.nothing_is_sent"), "{}", house.log());
    house.goes_on(&mut daemon);
    assert_eq!(verb(&house, &["release"]), "everything goes on\n");
    assert!(house.get("/v1/hold").json()["held"].is_null());
    assert_eq!(verb(&house, &["release"]), "nothing was held back\n");
    let held = verb(&house, &["hold", "--note", "the modem is being changed"]);
    assert!(held.contains("the modem is being changed"), "{held}");
}

/// The header that names the store.
fn store_of(head: &str) -> String {
    let lines = head.lines().map(str::to_ascii_lowercase);
    let mut headers = lines.filter(|line| line.starts_with("shirase-store: "));
    headers.next().unwrap_or_else(|| panic!("it names its store: {head}"))
}

/// What a verb of the command line prints.
fn verb(house: &House, words: &[&str]) -> String {
    let token = house.path("token");
    fs::write(&token, &house.token).expect("a token");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&token, mode).expect("for its owner");
    let url = format!("http://{}", house.address);
    let variables = [("SHIRASE_URL", OsStr::new(&url)), ("SHIRASE_TOKEN_FILE", token.as_ref())];
    let run = Command::new(crate::program::program("shirase"))
        .args(words)
        .envs(variables)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{words:?}: {said}");
    String::from_utf8(run.stdout).expect("text")
}

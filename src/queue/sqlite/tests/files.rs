//! What the file is: whole, durable, of one process, and left alone if it is not ours.

use super::*;

fn refusal(path: &Path) -> String {
    match Sqlite::open(path, &key(), Windows::Always, NOW) {
        Err(QueueError::Broken { detail }) => detail,
        Err(other) => panic!("another refusal: {other:?}"),
        Ok(_opened) => panic!("{} was opened", path.display()),
    }
}

#[test]
fn sqlite_is_free_of_the_wal_reset_defect() {
    // Fixed in 3.51.3: two connections and a checkpoint could lose pages.
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[test]
fn every_connection_is_set_for_durability() {
    let (store, _folder) = new();
    let set = store
        .writer
        .submit(|conn, _effects| {
            let get = |pragma: &str| {
                conn.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0))
            };
            Ok((get("synchronous")?, get("secure_delete")?, get("foreign_keys")?))
        })
        .wait();
    assert_eq!(set, Ok((2, 1, 1)), "FULL, on, on");
}

#[test]
fn accepted_job_is_in_the_files_when_the_answer_comes() {
    let (store, folder) = new();
    let pending: Vec<_> = (0..300)
        .map(|i| store.accept(request(&format!("key-{i}"), to_number("0312345678"))))
        .collect();
    let ids: Vec<JobId> = pending
        .into_iter()
        .map(|pending| match pending.wait() {
            Ok(Accepted::New { id, .. }) => id,
            other => panic!("not new: {other:?}"),
        })
        .collect();
    let (_copy, path) = as_after_a_power_cut(&folder);
    let (reopened, _) = open(&path);
    assert!(ids.into_iter().all(|id| show(&reopened, id).state == JobState::Waiting));
}

#[test]
fn second_process_is_refused_until_the_first_has_closed() {
    let (_folder, path) = place();
    let (first, _) = open(&path);
    let second = Sqlite::open(&path, &key(), Windows::Always, NOW).err();
    assert_eq!(second, Some(QueueError::InUse));
    drop(first);
    open(&path);
}

#[test]
fn closing_leaves_one_whole_file_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = place();
    let (store, _) = open(&path);
    accept(&store, request("a", |_| {}));
    drop(store);
    let names: Vec<PathBuf> = contents(&folder).into_iter().map(|(path, _)| path).collect();
    let beside = ["", "-mark", "-reserve"].map(|suffix| file::with_suffix(&path, suffix));
    assert_eq!(names, beside, "one file, and what lies beside every store");
    for path in names {
        let mode = fs::metadata(&path).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
}

#[test]
fn files_that_are_not_a_store_are_refused_and_left_alone() {
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil, &str); 9] = [
        ("empty", |path| fs::write(path, b"").expect("writes"), "is empty"),
        ("text", |path| fs::write(path, [b'x'; 4096]).expect("writes"), "not a database"),
        (
            "another program's",
            |path| outside(path).execute_batch("CREATE TABLE theirs (a)").expect("creates"),
            "not a store of this program",
        ),
        (
            "newer",
            |path| {
                open(path);
                outside(path).pragma_update(None, "user_version", 99).expect("sets");
            },
            "has schema 99, this program knows",
        ),
        (
            "cut short",
            |path| {
                open(path);
                let octets = fs::read(path).expect("reads");
                fs::write(path, &octets[..octets.len() / 2]).expect("writes");
            },
            "",
        ),
        (
            "with a damaged page",
            |path| {
                open(path);
                let mut octets = fs::read(path).expect("reads");
                octets[4096..4200].fill(0xAA);
                fs::write(path, octets).expect("writes");
            },
            "",
        ),
        (
            "sealed with another key",
            |path| {
                let other = StoreKey::new([43; 32]);
                Sqlite::open(path, &other, Windows::Always, NOW).expect("opens");
            },
            "another key",
        ),
        ("a directory", |path| fs::create_dir(path).expect("creates"), "is a directory"),
        (
            "a symbolic link",
            |path| {
                let elsewhere = path.with_file_name("elsewhere.db");
                open(&elsewhere);
                std::os::unix::fs::symlink(&elsewhere, path).expect("links");
            },
            "is a symbolic link",
        ),
    ];
    for (name, spoil, says) in cases {
        let (folder, path) = place();
        spoil(&path);
        let before = contents(&folder);
        let detail = refusal(&path);
        assert!(detail.contains(says), "{name}: {detail}");
        let after = contents(&folder);
        assert!(before.iter().all(|file| after.contains(file)), "{name}: a file was changed");
    }
}

#[test]
fn refused_store_keeps_its_log() {
    let (store, folder) = new();
    accept(&store, request("a", |_| {}));
    let newer = store.writer.submit(|conn, _effects| {
        conn.pragma_update(None, "user_version", 99)?;
        Ok(())
    });
    assert_eq!(newer.wait(), Ok(()));
    let (copy, path) = as_after_a_power_cut(&folder);
    let before = contents(&copy);
    assert!(before.iter().any(|(name, log)| name.ends_with("store.db-wal") && !log.is_empty()));
    assert!(refusal(&path).contains("schema 99"));
    let after = contents(&copy);
    assert!(before.iter().all(|file| after.contains(file)), "the log was written back");
}

#[test]
fn log_without_its_store_is_not_read_into_a_new_one() {
    let (folder, path) = place();
    fs::write(folder.path().join("store.db-wal"), b"frames of some other store").expect("writes");
    assert!(refusal(&path).contains("without its store"));
    assert!(!path.exists());
}

#[test]
fn creation_that_was_cut_short_is_done_again() {
    let (folder, path) = place();
    fs::write(folder.path().join("store.db-new"), b"half").expect("writes");
    open(&path);
}

#[test]
fn full_store_refuses_and_takes_work_again_when_there_is_room() {
    let (store, _folder) = new();
    let limit = |pages: &'static str| {
        let set = store.writer.submit(move |conn, _effects| {
            let sql = format!("PRAGMA max_page_count={pages}");
            Ok(conn.query_row(&sql, [], |row| row.get::<_, i64>(0))?)
        });
        assert!(set.wait().is_ok());
    };
    limit("1"); // SQLite takes the present size instead
    let full = (0..100).map(|i| store.accept(request(&i.to_string(), |_| {})).wait());
    let refusals: Vec<_> = full.filter(Result::is_err).collect();
    assert!(!refusals.is_empty());
    assert!(refusals.iter().all(|refusal| *refusal == Err(QueueError::Full)), "{refusals:?}");
    limit("100000");
    accept(&store, request("room", |_| {}));
}

#[test]
fn store_that_a_technician_holds_for_the_moment_is_in_use_and_not_broken() {
    let (_folder, path) = place();
    drop(open(&path));
    let technician = outside(&path);
    technician.execute_batch("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE").expect("holds it");
    assert_eq!(Sqlite::open(&path, &key(), Windows::Always, NOW).err(), Some(QueueError::InUse));
    drop(technician);
    assert!(Sqlite::open(&path, &key(), Windows::Always, NOW).is_ok());
}

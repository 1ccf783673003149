//! What is secret is sealed in the files, and gone from them when its time is over.

use super::*;

#[test]
fn secret_without_its_kind_and_kind_without_its_secret_are_not_stored() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    accept(&store, request("a", |_| {}));
    let by_hand = outside(&path);
    let copy = |kind: &str, sealed: &str| {
        by_hand.execute(
            &format!(
                "INSERT INTO job (id, client, idempotency_key, fingerprint, state, kind, urgency, office_number,
                    fax_digits, fields, sealed, accepted_at, not_after, due_at, channel)
                 SELECT '1' || substr(id, 2, 24) || '{kind}', client, '{kind}', fingerprint, state,
                    iif('{kind}' = 'K', 'first_contact', 'message'), urgency, office_number, fax_digits,
                    fields, {sealed}, accepted_at, not_after, due_at, channel
                 FROM job LIMIT 1"
            ),
            [],
        )
    };
    assert!(copy("K", "NULL").is_err(), "a first contact without a key");
    assert!(copy("M", "sealed").is_err(), "a message with one");
    assert!(copy("M", "NULL").is_ok(), "else this test proves nothing");
}

#[test]
fn secrets_are_never_in_the_files_and_their_seal_is_gone_with_the_final_state() {
    let (folder, path) = place();
    let (store, _) = open(&path);
    accept(&store, request("a", |_| {}));
    let got = claim(&store, NOW, "line1").expect("due");
    dial(&store, got.attempt, NOW);
    start_page(&store, got.attempt);
    let sealed: Vec<u8> = outside(&path)
        .query_row("SELECT sealed FROM job", [], |row| row.get(0))
        .expect("still there");
    let found = |text: &[u8]| contents(&folder).iter().any(|(_, octets)| contains(octets, text));
    assert!(found(&sealed), "else this test looks in the wrong place");
    assert!(found("さくらデイサービス".as_bytes()));

    assert_eq!(store.settle(got.attempt, confirmed(NOW)).wait(), Ok(()));
    // The log is cut right after the answer; the next answer therefore comes after it.
    assert!(claim(&store, NOW, "line1").is_none());
    assert!(!found(&sealed[1..40]), "not even the sealed secret");
    assert!(!found(&sealed[sealed.len() - 40..]), "nor a part of it");
    for canary in CANARIES {
        assert!(!found(canary.as_bytes()), "{canary}");
    }
    drop(store);
    assert!(CANARIES.iter().all(|canary| !found(canary.as_bytes())));
}

#[test]
fn log_is_cut_later_if_a_reader_was_in_the_way() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let id = accept(&store, request("a", |_| {}));
    let reader = outside(&path);
    reader.execute_batch("BEGIN").expect("begins");
    reader.query_row("SELECT count(*) FROM job", [], |row| row.get::<_, i64>(0)).expect("reads");
    assert_eq!(store.cancel(client(), id, NOW).wait(), Ok(Cancelled::Done));
    let log = path.with_file_name("store.db-wal");
    accept(&store, request("b", |_| {}));
    assert!(fs::metadata(&log).expect("is there").len() > 0, "the reader still needs it");
    drop(reader);
    // Closing waits for the writer, whose last act it is.
    drop(store);
    assert!(!log.exists());
}

#[test]
fn reader_that_stays_keeps_the_log_and_nobody_waits_for_it() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    let reader = outside(&path);
    reader.execute_batch("BEGIN").expect("begins");
    reader.query_row("SELECT count(*) FROM job", [], |row| row.get::<_, i64>(0)).expect("reads");
    let began = Stopwatch::start();
    for key in ["a", "b", "c", "d", "e", "f"] {
        let id = accept(&store, request(key, |_| {}));
        assert_eq!(store.cancel(client(), id, NOW).wait(), Ok(Cancelled::Done));
    }
    // Twelve seconds, if each group waited for the reader as long as for any other.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let log = path.with_file_name("store.db-wal");
    let length = || fs::metadata(&log).expect("is there").len();
    assert!(length() > 0, "the reader still needs it");
    drop(reader);
    while length() > 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "it is not cut");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn seal_that_a_crash_left_in_the_log_is_gone_after_the_next_start() {
    let (folder, path) = place();
    let (store, _) = open(&path);
    let id = accept(&store, request("a", |_| {}));
    let reader = outside(&path);
    let sealed: Vec<u8> =
        reader.query_row("SELECT sealed FROM job", [], |row| row.get(0)).expect("sealed");
    // It keeps the log from being cut until the crash.
    reader.execute_batch("BEGIN").expect("begins");
    reader.query_row("SELECT count(*) FROM job", [], |row| row.get::<_, i64>(0)).expect("reads");
    assert_eq!(store.cancel(client(), id, NOW).wait(), Ok(Cancelled::Done));
    let (copy, path) = as_after_a_power_cut(&folder);
    let found = || contents(&copy).iter().any(|(_, octets)| contains(octets, &sealed[1..40]));
    assert!(found(), "else there was no crash");
    let (restarted, _) = open(&path);
    assert!(!found());
    drop(restarted);
}

#[test]
fn key_that_a_provider_has_leaves_the_disk_when_it_runs_out() {
    let (_folder, path) = place();
    let (store, _) = open(&path);
    accept(&store, request("a", |job| job.not_after = after_min(20)));
    ordered(&store, true);
    let is_kept = || {
        let sealed = "SELECT sealed IS NOT NULL FROM job";
        outside(&path).query_row(sealed, [], |row| row.get::<_, bool>(0)).expect("one job")
    };
    let mut effects = Vec::new();
    claim::sweep(&outside(&path), &Windows::Always, UnixMillis(after_min(20).0 - 1), &mut effects)
        .expect("sweeps");
    assert!(is_kept() && effects.is_empty(), "it may have to be sent again");
    claim::sweep(&outside(&path), &Windows::Always, after_min(20), &mut effects).expect("sweeps");
    assert!(!is_kept());
    assert_eq!(effects, [writer::Effect::SecretDestroyed], "the log is cut after it");
}

//! What is remembered of numbers, also when it cannot be read.

use super::*;

#[test]
fn memory_on_the_disk_is_sealed_bound_to_its_number_and_gone_when_forgotten() {
    let (store, folder) = new();
    let path = folder.path().join("store.db");
    let number = |digits: &str| FaxNumber::parse(digits).expect("valid");
    let lock = |name: &str| {
        Some(Lock {
            fastest: None,
            no_ecm: false,
            no_t85: false,
            identity: Said::read(name),
            at: NOW,
        })
    };
    assert_eq!(store.lock(number("0311111111"), lock("FIRST CENTER"), NOW).wait(), Ok(true));
    assert_eq!(store.lock(number("0322222222"), lock("SECOND CENTER"), NOW).wait(), Ok(true));
    let on_disk =
        |text: &str| contents(&folder).iter().any(|(_, octets)| contains(octets, text.as_bytes()));
    assert!(on_disk("0311111111") && !on_disk("FIRST CENTER"));
    let known = |digits| store.known(number(digits)).wait();
    outside(&path)
        .execute_batch(
            "UPDATE number SET remembered = (SELECT remembered FROM number WHERE id = 1) WHERE id = 2",
        )
        .expect("moves");
    assert!(matches!(known("0311111111"), Ok(Some(Ok(_)))));
    let another = known("0322222222");
    assert_eq!(another, Ok(Some(Err(Unreadable { locked: true }))), "another's does not open");
    assert_eq!(store.forget(number("0311111111"), NOW).wait(), Ok(true));
    drop(store);
    assert!(!on_disk("0311111111"));
}

/// The file is damaged where it says what is remembered of a number.
fn spoil_what_is_remembered(folder: &TempDir) {
    outside(&folder.path().join("store.db"))
        .execute_batch("UPDATE number SET remembered = zeroblob(40)")
        .expect("spoils");
}

#[test]
fn number_whose_lock_cannot_be_read_is_not_called_until_a_technician_says_what_holds() {
    let (store, folder) = new();
    let number = || FaxNumber::parse("0322222222").expect("valid");
    let lock = Lock {
        fastest: None,
        no_ecm: false,
        no_t85: false,
        identity: Said::read("CENTER"),
        at: NOW,
    };
    assert_eq!(store.lock(number(), Some(lock.clone()), NOW).wait(), Ok(true));
    spoil_what_is_remembered(&folder);
    let id = accept(&store, request("a", to_number("0322222222")));
    assert!(claim(&store, NOW, "line1").is_none());
    let view = show(&store, id);
    assert_eq!((view.state, view.reason.as_deref()), (JobState::Failed, Some("number-unreadable")));
    let listed = store.numbers(None, 10).wait().expect("answers");
    assert_eq!(listed[0].known, Err(Unreadable { locked: true }));

    assert_eq!(store.lock(number(), Some(lock.clone()), NOW).wait(), Ok(true));
    accept(&store, request("b", to_number("0322222222")));
    let got = claim(&store, NOW, "line1").expect("called again");
    assert_eq!(got.known.lock, Some(lock));
    // A lock that nobody can read can be lifted, too.
    spoil_what_is_remembered(&folder);
    assert_eq!(store.lock(number(), None, NOW).wait(), Ok(true));
    assert_eq!(store.known(number()).wait(), Ok(Some(Ok(Known::default()))));
}

#[test]
fn memory_that_cannot_be_read_is_not_written_over_by_what_a_call_teaches() {
    let (store, folder) = new();
    let number = || FaxNumber::parse("0322222222").expect("valid");
    accept(&store, request("a", to_number("0322222222")));
    let got = claim(&store, NOW, "line1").expect("due");
    // As a lock that was set in the call, and damaged.
    let lock = Lock { fastest: None, no_ecm: true, no_t85: false, identity: None, at: NOW };
    assert_eq!(store.lock(number(), Some(lock), NOW).wait(), Ok(true));
    spoil_what_is_remembered(&folder);
    dial(&store, got.attempt, NOW);
    let ended = not_sent(NOW, Reach::Answered, Next::Rest(JobState::Failed));
    let lesson = Lesson { result: Some(Taught::Training), ..Lesson::default() };
    let ended = Settlement { lesson: Some(lesson), ..ended };
    assert_eq!(store.settle(got.attempt, ended).wait(), Ok(()));
    accept(&store, request("b", to_number("0322222222")));
    assert!(claim(&store, NOW, "line1").is_none(), "the call wrote the lock away");
}

#[test]
fn person_who_answers_at_a_number_whose_memory_was_lost_is_not_rung_for_each_notification() {
    let (store, folder) = new();
    let to_a_person = |key: &str, now: UnixMillis| {
        let id = accept(&store, request(key, to_number("0322222222")));
        let Some(got) = claim(&store, now, "line1") else { return show(&store, id).reason };
        dial(&store, got.attempt, now);
        let lesson = Lesson { result: Some(Taught::Voice), ..Lesson::default() };
        let ended = not_sent(now, Reach::Answered, Next::Rest(JobState::Failed));
        let ended = Settlement { lesson: Some(lesson), ..ended };
        assert_eq!(store.settle(got.attempt, ended).wait(), Ok(()));
        None
    };
    assert_eq!(to_a_person("a", NOW), None);
    spoil_what_is_remembered(&folder);
    let listed = store.numbers(None, 10).wait().expect("answers");
    assert_eq!(listed[0].known, Err(Unreadable { locked: false }));
    for call in 1..=VOICE_CALLS {
        assert_eq!(to_a_person(&format!("b{call}"), NOW), None, "learns anew");
    }
    assert_eq!(to_a_person("c", NOW).as_deref(), Some("number-is-a-telephone"));
}

#[test]
fn number_that_nobody_would_believe_any_more_leaves_the_disk() {
    let (store, folder) = new();
    accept(&store, request("a", to_number("0322222222")));
    let got = claim(&store, NOW, "line1").expect("due");
    dial(&store, got.attempt, NOW);
    let lesson = Lesson { result: Some(Taught::Training), ..Lesson::default() };
    let ended = not_sent(NOW, Reach::Answered, Next::Rest(JobState::Failed));
    let ended = Settlement { lesson: Some(lesson), ..ended };
    assert_eq!(store.settle(got.attempt, ended).wait(), Ok(()));
    let mut effects = Vec::new();
    let conn = outside(&folder.path().join("store.db"));
    claim::sweep(&conn, &Windows::Always, NOW, &mut effects).expect("sweeps");
    assert_eq!(effects, [], "nothing is old");
    claim::sweep(&conn, &Windows::Always, NOW.after(LONGEST + LONGEST), &mut effects)
        .expect("sweeps");
    assert_eq!(effects, [writer::Effect::SecretDestroyed], "the log is cut after it");
}

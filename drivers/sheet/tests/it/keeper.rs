//! The keeper: a worker that is late, greedy, dead or mute costs one sheet and no more.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use sheet::wire::{self, Ask};
use sheet::{SheetError, Worker, WorkerSettings};
use tempfile::TempDir;

use crate::{folder, request, settings};

const GOOD: (&str, &str) =
    ("good.typ", "#set page(width: 215mm, height: 40mm, margin: 10mm)\n#line()");

/// A shell script in the place of the worker program.
fn impostor(script: &str) -> (TempDir, WorkerSettings) {
    let folder = folder(&[("worker", &format!("#!/bin/sh\n{script}\n"))]);
    let program = folder.path().join("worker");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let settings = WorkerSettings { program, ..settings(folder.path()) };
    (folder, settings)
}

fn detail(error: SheetError) -> String {
    match error {
        SheetError::Worker { detail } => detail,
        other => panic!("not a worker's end: {other}"),
    }
}

#[test]
fn endless_template_is_killed_at_its_deadline_and_the_next_sheet_comes() {
    let endless =
        "#for a in range(999999) { for b in range(999999) { for c in range(999999) {} } }";
    let folder = folder(&[GOOD, ("endless.typ", endless)]);
    let deadline = Duration::from_secs(3);
    let mut worker = Worker::new(WorkerSettings { deadline, ..settings(folder.path()) });
    let error = worker.draw(&request("endless", json!({}))).unwrap_err();
    assert_eq!(error, SheetError::Deadline { deadline });
    assert!(worker.draw(&request("good", json!({}))).is_ok());
}

#[test]
fn greedy_template_dies_of_the_memory_limit_and_the_next_sheet_comes() {
    let folder = folder(&[GOOD, ("greedy.typ", "#let eaten = \"x\" * 2000000000\n#eaten.len()")]);
    let mut worker = Worker::new(settings(folder.path()));
    let error = worker.draw(&request("greedy", json!({}))).unwrap_err();
    assert!(detail(error).contains("memory allocation of"));
    assert!(worker.draw(&request("good", json!({}))).is_ok());
}

#[test]
fn missing_program_is_named() {
    let folder = folder(&[GOOD]);
    let program = PathBuf::from("/nowhere/shirase-sheet");
    let mut worker = Worker::new(WorkerSettings { program, ..settings(folder.path()) });
    let error = worker.draw(&request("good", json!({}))).unwrap_err();
    assert!(detail(error).starts_with("cannot start /nowhere/shirase-sheet: "));
}

#[test]
fn missing_font_is_named() {
    let folder = folder(&[GOOD]);
    let fonts = vec![PathBuf::from("/nowhere/font.ttf")];
    let mut worker = Worker::new(WorkerSettings { fonts, ..settings(folder.path()) });
    match worker.draw(&request("good", json!({}))) {
        Err(SheetError::Font { file, .. }) => assert_eq!(file, "/nowhere/font.ttf"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn worker_that_ends_at_once_gives_its_status_and_last_words() {
    let (_folder, settings) = impostor("echo 'tired of it' >&2; exit 7");
    let error = Worker::new(settings).draw(&request("good", json!({}))).unwrap_err();
    let detail = detail(error);
    assert!(detail.contains("exit status: 7") && detail.ends_with("tired of it"), "{detail}");
}

#[test]
fn worker_that_talks_nonsense_is_dropped() {
    let (_folder, settings) = impostor("printf 'hello, I am not it'; read -r _");
    let error = Worker::new(settings).draw(&request("good", json!({}))).unwrap_err();
    assert!(detail(error).contains("invalid data"));
}

#[test]
fn mute_worker_meets_the_deadline_though_it_reads_nothing() {
    let (_folder, settings) = impostor("while :; do :; done");
    let deadline = Duration::from_millis(200);
    let mut worker = Worker::new(WorkerSettings { deadline, ..settings });
    // More than a pipe holds, so that writing the request waits too.
    let fields = json!({ "long": "x".repeat(200_000) });
    let error = worker.draw(&request("good", fields)).unwrap_err();
    assert_eq!(error, SheetError::Deadline { deadline });
}

#[test]
fn worker_starts_without_environment_and_with_every_limit() {
    let (_folder, settings) = impostor(
        "echo \"home=$HOME path=${CARGO_MANIFEST_DIR-none} core=$(ulimit -c) file=$(ulimit -f) \
         open=$(ulimit -n) space=$(ulimit -v)\" >&2",
    );
    let settings = WorkerSettings { memory_limit: 300 << 20, ..settings };
    let error = Worker::new(settings).draw(&request("good", json!({}))).unwrap_err();
    let detail = detail(error);
    let wanted = format!("home= path=none core=0 file=0 open=32 space={}", 300 << 10);
    assert!(detail.ends_with(&wanted), "{detail}");
}

/// Reads length and beginning of a request, so that it is written when the script goes on.
const READ: &str = "head -c 20 >/dev/null";

/// What the machine's want of memory does to a process that waits for its next sheet.
#[test]
fn worker_that_died_between_two_sheets_costs_none() {
    let answer = r#"{"failed":{"pages":{"pages":%9d}}}"#;
    let octets = answer.len() - "%9d".len() + 9;
    let (_folder, settings) =
        impostor(&format!("{READ}; printf '\\000\\000\\000\\{octets:03o}{answer}' $$"));
    let mut worker = Worker::new(settings);
    let mut number = || match worker.draw(&request("good", json!({}))) {
        Err(SheetError::Pages { pages }) => pages,
        other => panic!("{other:?}"),
    };
    assert_ne!(number(), number());
}

/// Only the first process answers, and only once.
#[test]
fn worker_that_dies_of_a_sheet_is_started_once_more_and_no_oftener() {
    let answer = r#"{"failed":{"pages":{"pages":2}}}"#;
    let octets = answer.len();
    let (folder, settings) = impostor(&format!(
        "mkdir \"$1/start-$$\"; mkdir \"$1/answered\" 2>&- && {READ} && \
         printf '\\000\\000\\000\\{octets:03o}{answer}'; exit 7"
    ));
    let mut worker = Worker::new(settings);
    let mut draw = || worker.draw(&request("good", json!({}))).unwrap_err();
    assert_eq!(draw(), SheetError::Pages { pages: 2 });
    assert!(detail(draw()).contains("exit status: 7"));
    let entries = fs::read_dir(folder.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.starts_with("start-")).count(), 2);
}

/// A core of it would hold passwords. What may not be dumped belongs to root in /proc.
#[test]
fn worker_cannot_be_dumped_nor_looked_into() {
    const NOBODY: u32 = 65_534;
    let folder = folder(&[GOOD]);
    let program = folder.path().join("shirase-sheet");
    fs::copy(env!("CARGO_BIN_EXE_shirase-sheet"), &program).unwrap();
    for path in [folder.path(), &program] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(&program);
    command.arg(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    let mut child = command.spawn().unwrap();
    wire::write_ask(child.stdin.as_mut().unwrap(), &Ask::Coverage).unwrap();
    wire::read_answer(child.stdout.as_mut().unwrap()).unwrap().unwrap();
    let owner = fs::metadata(format!("/proc/{}/environ", child.id())).unwrap().uid();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(owner, 0);
}

#[test]
fn worker_is_replaced_after_a_thousand_answers() {
    // Answers every request with its own process number, in the place of a number of pages.
    let answer = r#"{"failed":{"pages":{"pages":%9d}}}"#;
    let octets = answer.len() - "%9d".len() + 9;
    let script =
        format!("while printf '\\000\\000\\000\\{octets:03o}{answer}' $$ 2>/dev/null; do :; done");
    let (_folder, settings) = impostor(&script);
    let mut worker = Worker::new(settings);
    let mut number = || match worker.draw(&request("good", json!({}))) {
        Err(SheetError::Pages { pages }) => pages,
        other => panic!("{other:?}"),
    };
    let first = number();
    assert!((1..1000).all(|_| number() == first));
    assert_ne!(number(), first);
}

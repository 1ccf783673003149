//! Golden calls: `x.call` scripts what the far end and the line do, `x.trace` is all that we may do.
//!
//! `GOLDEN=rewrite cargo nextest run -p t30 golden` writes the traces anew; each is then to be read
//! against T.30 before it is believed. The scripts are explained in `script.rs`; in a trace `>` is ours,
//! `<` is heard, `?` a question to the caller, `!` an event, `~` what one end says over the other, and
//! `=` the end.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use t30::T85;

use crate::line;
use crate::script::Script;

/// The calls that there are, at least; a folder that was lost on the way is noticed.
const AT_LEAST: usize = 120;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/calls")
}

/// Names without their ending of the files that have this one.
fn stems(ending: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|e| e == ending))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

fn trace_of(name: &str) -> String {
    let text = fs::read_to_string(folder().join(format!("{name}.call"))).unwrap();
    let mut script = Script::read(&text).unwrap_or_else(|why| panic!("{name}.call: {why}"));
    let played = line::play(&script.settings, script.host, &mut script.far);
    let (confirmed, started) = (played.pages_confirmed, played.page_started);
    let started = if started { "page data left" } else { "no page data left" };
    let t85 = match played.t85 {
        T85::Unasked => "",
        T85::Asked => ", T.85 asked for",
        T85::Understood => ", T.85 understood",
        T85::Out => ", T.85 out",
        T85::Taken => ", T.85 taken",
        T85::Refused => ", T.85 refused",
    };
    format!("{}\n{confirmed} confirmed, {started}{t85}\n", played.lines.join("\n"))
}

/// The first lines that differ, and what stood before them.
fn differences(want: &str, got: &str) -> String {
    let (want, got): (Vec<_>, Vec<_>) = (want.lines().collect(), got.lines().collect());
    let same = want.iter().zip(&got).take_while(|(w, g)| w == g).count();
    let show = |mark: &str, lines: &[&str], from: usize, n: usize| -> String {
        lines.iter().skip(from).take(n).map(|line| format!("  {mark} {line}\n")).collect()
    };
    let before = same.saturating_sub(3);
    show(" ", &want, before, same - before) + &show("-", &want, same, 8) + &show("+", &got, same, 8)
}

#[test]
fn golden_calls_match_their_traces() {
    let calls = stems("call");
    let rewrite = std::env::var("GOLDEN").is_ok_and(|value| value == "rewrite");
    let mut wrong = String::new();
    for name in &calls {
        let got = trace_of(name);
        let path = folder().join(format!("{name}.trace"));
        if rewrite {
            let new = path.with_extension("new"); // renamed, for the other tests read it meanwhile
            fs::write(&new, &got).and_then(|()| fs::rename(&new, &path)).unwrap();
            continue;
        }
        let want = fs::read_to_string(&path).unwrap_or_default();
        if want != got {
            wrong += &format!("{name}\n{}", differences(&want, &got));
        }
    }
    assert!(calls.len() >= AT_LEAST, "{} calls", calls.len());
    let orphans: Vec<_> = stems("trace").difference(&calls).cloned().collect();
    assert!(orphans.is_empty(), "traces without a call: {orphans:?}");
    assert!(wrong.is_empty(), "traces differ (- stored, + now):\n{wrong}");
}

/// Reads the stored traces alone, as a stranger would who doubts the session and the player.
#[test]
fn golden_traces_claim_no_page_that_the_far_end_did_not_confirm() {
    let mut claims = 0;
    for name in stems("trace") {
        let trace = fs::read_to_string(folder().join(format!("{name}.trace"))).unwrap();
        // What went on since the last octet of each page: the command that ended it, the word heard.
        let (mut page, mut ended, mut heard) = (None, false, "");
        for line in trace.lines() {
            let Some((mark, text)) = line.get(9..).and_then(|rest| rest.split_once(' ')) else {
                continue;
            };
            let first = text.split(' ').next().unwrap_or_default();
            match mark {
                ">" if text.starts_with("page ") => {
                    (page, ended, heard) = (text.split(' ').nth(1), false, "");
                }
                ">" if text.starts_with("listen") => {}
                ">" => {
                    ended |= matches!(first, "EOP" | "MPS")
                        || text.starts_with("PPS 2F")
                        || text.starts_with("PPS 4F");
                    heard = "";
                }
                "<" => heard = first,
                "!" if first == "confirmed" => {
                    claims += 1;
                    assert!(ended, "{name}: no command has ended the page: {line}");
                    assert!(
                        matches!(heard, "MCF" | "RTP" | "PIP"),
                        "{name}: after {heard}: {line}"
                    );
                    assert_eq!(text.split(' ').nth(1), page, "{name}: another page: {line}");
                    page = None;
                }
                _ => {}
            }
        }
        let confirmed = trace.lines().last().and_then(|line| line.split(' ').next()).unwrap();
        let told = trace.lines().filter(|line| line.contains(" ! confirmed ")).count();
        assert_eq!(confirmed, told.to_string(), "{name}");
    }
    assert!(claims > 50, "{claims} confirmed pages in all");
}

/// No trace shows more of a password than that it was sent.
#[test]
fn golden_traces_show_no_password() {
    let sent = stems("trace").into_iter().filter(|name| {
        let trace = fs::read_to_string(folder().join(format!("{name}.trace"))).unwrap();
        assert!(!trace.contains("4711"), "{name}");
        trace.contains("SID ..")
    });
    assert!(sent.count() > 0);
}

//! Whole calls through the running program, by efax, which nobody here wrote, and by hand.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod rig;

use rig::{Softline, assert_has_page, efax, page};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};

fn frames(call: &Value) -> Vec<String> {
    let frames = call["frames"].as_array().unwrap();
    frames.iter().map(|frame| frame["name"].as_str().unwrap().to_owned()).collect()
}

fn seconds(call: &Value, field: &str) -> f64 {
    call[field].as_f64().unwrap_or_else(|| panic!("{field} of {call}"))
}

// efax divides by the whole seconds that a page took and dies of a page that took none: the pages
// here take two seconds of wall time or more.

const CALL_OF_ONE_PAGE: [&str; 8] = ["CSI", "DIS", "TSI", "DCS", "CFR", "EOP", "MCF", "DCN"];

#[test]
fn efax_sends_a_page_and_the_far_machine_files_its_bits() {
    let line = Softline::start(10, &["--far", "0312345678=fax,csi=0312345678"]);
    let page = page(line.folder.path(), 700);
    let sent = efax(&line.link("a"), &["-t", "T0312345678", page.to_str().unwrap()]).status();
    assert_eq!(sent.unwrap().code(), Some(0));
    let call = line.wait_for("call");
    assert_eq!(call["result"], "ok", "{call}");
    assert_eq!((&call["t30_code"], &call["pages"]), (&json!(0), &json!(1)));
    assert_eq!((&call["rate_bps"], &call["encoding"]), (&json!(14_400), &json!("MH")));
    assert_eq!((&call["ecm"], &call["bad_rows"]), (&json!(false), &json!(0)));
    assert_eq!((&call["tsi"], &call["hung_up_by"]), (&json!("+81 3 9999 0000"), &json!("host")));
    assert_eq!(frames(&call), CALL_OF_ONE_PAGE);
    assert_has_page(Path::new(call["file"].as_str().unwrap()), 700);

    // The times of this call are the line's own, and do not depend on the machine.
    assert_eq!((seconds(&call, "dial_s"), seconds(&call, "ring_s")), (2.9, 2.0));
    assert_eq!(seconds(&call, "answered_s"), 4.9);
    assert!((4.39..4.43).contains(&seconds(&call, "ced_end_s")), "1.8 s and 2.6 s of CED");
    let all = seconds(&call, "offhook_s");
    assert!((all - 4.9 - seconds(&call, "connected_s")).abs() < 0.001);
    let page = &call["carriers"].as_array().unwrap().iter().rfind(|c| c["kind"] == "v17").unwrap();
    assert_eq!((&page["short"], &page["dir"]), (&json!(true), &json!("to_far")));
    let fed_s = page["bytes"].as_f64().unwrap() * 8.0 / 14_400.0 + seconds(page, "lead_ms") / 1e3;
    let up_s = seconds(page, "end_s") - seconds(page, "t_s");
    assert!((up_s - 0.1425 - fed_s).abs() < 0.1, "{up_s} s of carrier for {fed_s} s of data");
    assert_eq!(line.stop(), 0);
}

#[test]
fn efax_answers_efax_on_a_second_terminal() {
    let line = Softline::start(10, &["--far", "22=line,to=b", "--fault", "delay=50"]);
    let page = page(line.folder.path(), 700);
    let into = line.folder.path().join("rx");
    let mut called = efax(&line.link("b"), &["-w", "-iS0=1", "-r", into.to_str().unwrap()]);
    let mut called = called.spawn().unwrap();
    // If the caller is first, the other terminal rings until efax is there.
    let sent = efax(&line.link("a"), &["-t", "T22", page.to_str().unwrap()]).status();
    assert_eq!(sent.unwrap().code(), Some(0));
    assert_eq!(called.wait().unwrap().code(), Some(0));
    let call = line.wait_for("call");
    assert_eq!((&call["result"], &call["far"]), (&json!("ok"), &json!("line")), "{call}");
    assert_eq!(frames(&call), CALL_OF_ONE_PAGE);
    assert_has_page(&into.with_extension("001"), 700);
}

#[test]
fn fallback_to_the_only_modulation_that_the_far_machine_has() {
    let far = "1=fax,mod=v27ter,coding=mh,ecm=off,pre=0.2";
    let line = Softline::start(10, &["--far", far]);
    let page = page(line.folder.path(), 300);
    let sent = efax(&line.link("a"), &["-t", "T1", page.to_str().unwrap()]).status();
    assert_eq!(sent.unwrap().code(), Some(0));
    let call = line.wait_for("call");
    assert_eq!((&call["result"], &call["rate_bps"]), (&json!("ok"), &json!(4800)), "{call}");
}

#[test]
fn dialling_ends_in_the_words_that_the_far_end_is() {
    let fars = ["--far", "1=busy", "--far", "2=noanswer", "--far", "3=nodialtone"];
    let line = Softline::start(50, &fars);
    let mut host = line.host("a").ready();
    host.does("ATS7=5");
    // Off hook: 0.9 s of dial tone, 0.2 s a digit; then 3 s of busy tone, or S7.
    let ends = [
        ("1", "BUSY", "busy", 4.1),
        ("2", "NO ANSWER", "no_answer", 6.1),
        ("3", "NO DIALTONE", "no_dial_tone", 3.0),
        ("4", "NO CARRIER", "no_such_number", 6.1),
    ];
    for (number, word, result, offhook_s) in ends {
        host.says(format!("ATDT{number}\r"));
        host.hears(&format!("\r\n{word}\r\n"));
        let call = line.wait_for("call");
        assert_eq!((&call["result"], &call["dialled"]), (&json!(result), &json!(number)));
        assert!((seconds(&call, "offhook_s") - offhook_s).abs() < 0.03, "{call}");
        assert_eq!(call["answered_s"], Value::Null);
        host.does("AT");
    }
}

#[test]
fn person_who_answers_is_no_carrier_after_s7() {
    let line = Softline::start(50, &["--far", "1=voice"]);
    let mut host = line.host("a").ready();
    host.does("ATS7=8");
    host.says("ATDT1\r");
    host.hears("\r\nNO CARRIER\r\n");
    let call = line.wait_for("call");
    assert_eq!((&call["result"], &call["hung_up_by"]), (&json!("voice"), &json!("modem")));
    assert!((seconds(&call, "connected_s") - 6.0).abs() < 0.1, "S7 runs from the last digit");
}

#[test]
fn key_while_dialling_gives_the_call_up() {
    let line = Softline::start(1, &["--far", "1=noanswer"]);
    let mut host = line.host("a").ready();
    host.says("ATDT1\r\n"); // the line feed is no key
    line.wait_for("call_started");
    host.says("x");
    host.hears("\r\nNO CARRIER\r\n");
    let call = line.wait_for("call");
    assert_eq!((&call["result"], &call["hung_up_by"]), (&json!("host_hung_up"), &json!("host")));
    host.does("AT");
}

#[test]
fn busy_line_of_ours_is_busy_and_a_free_one_rings() {
    let fars = ["--far", "1=voice", "--far", "2=line,to=b"];
    let line = Softline::start(20, &fars);
    let (mut a, mut b) = (line.host("a").ready(), line.host("b").ready());
    b.says("ATDT1\r");
    line.wait_for("call_answered");
    a.says("ATDT2\r");
    a.hears("\r\nBUSY\r\n");
    b.says("\x18"); // ends the wait for a carrier
    b.hears("OK");
    b.does("ATH");
    a.says("ATDT2\r");
    b.hears("RING");
    b.says("ATA\r");
    line.wait_for("call_answered");
    b.hears("CONNECT");
}

#[test]
fn call_without_end_is_cut_at_the_limit() {
    let line = Softline::start(50, &["--far", "1=voice", "--limit", "6"]);
    let mut host = line.host("a").ready();
    host.says("ATDT1\r");
    host.hears("\r\nNO CARRIER\r\n");
    let call = line.wait_for("call");
    assert_eq!((&call["result"], &call["hung_up_by"]), (&json!("limit"), &json!("limit")));
    assert_eq!(seconds(&call, "offhook_s"), 6.0);
    host.does("AT");
}

#[test]
fn far_machine_that_leaves_is_noticed_or_not() {
    let fars = ["--far", "1=hangup,after=3,notice=on", "--far", "2=hangup,after=3"];
    let line = Softline::start(20, &fars);
    let mut host = line.host("a").ready();
    host.says("ATDT1\r");
    host.hears("\r\nNO CARRIER\r\n");
    let call = line.wait_for("call");
    assert_eq!((&call["result"], &call["hung_up_by"]), (&json!("far_hung_up"), &json!("far")));
    assert_eq!((seconds(&call, "connected_s"), seconds(&call, "far_hung_up_s")), (3.0, 3.0));

    host.does("ATS7=6");
    host.says("ATDT2\r");
    host.hears("\r\nNO CARRIER\r\n"); // busy tone is no carrier, so S7 ends it
    let call = line.wait_for("call");
    assert_eq!((&call["result"], &call["far_hung_up_s"]), (&json!("far_hung_up"), &json!(3.0)));
    assert!(seconds(&call, "connected_s") > 3.5);
}

#[test]
fn host_that_is_killed_hangs_up_and_the_next_finds_a_modem_as_new() {
    let line = Softline::start(10, &["--far", "1=fax,pre=0.2"]);
    let page = page(line.folder.path(), 2000);
    let mut host = efax(&line.link("a"), &["-t", "T1", page.to_str().unwrap()]).spawn().unwrap();
    line.wait_for("call_answered");
    host.kill().unwrap();
    host.wait().unwrap();
    let call = line.wait_for("call");
    assert_eq!((&call["result"], &call["hung_up_by"]), (&json!("host_hung_up"), &json!("dtr")));
    assert_ne!(call["t30_code"], 0);
    let mut next = line.host("a");
    next.says("ATS7?\r");
    assert!(next.hears("OK").starts_with("ATS7?\r"), "echo is on again, and nothing old is said");
}

#[test]
fn host_that_writes_without_end_harms_nobody() {
    let line = Softline::start(20, &["--far", "1=voice"]);
    let mut host = line.host("a").ready();
    host.says([b"ATDT", &[b'9'; 300][..], b"\r"].concat());
    host.hears("\r\nERROR\r\n");
    host.says("ATDT1\r");
    line.wait_for("call_answered");
    host.says("\x18");
    host.hears("OK");
    host.says("AT+FTH=3\r");
    host.hears("CONNECT");
    host.says([0xAA; 5000]);
    host.says(b"\x10\x03");
    host.says([b"\xff\x13\xfb".as_slice(), b"\x10\x03"].concat());
    host.hears("OK");
    host.does("ATH");
    assert_eq!(line.wait_for("call")["result"], "voice");
}

#[test]
fn strict_modem_drops_a_carrier_that_gets_no_data() {
    let starve = |options: &[&str]| {
        let options = [&["--far", "1=voice"], options].concat();
        let line = Softline::start(20, &options);
        let mut host = line.host("a").ready();
        host.says("ATDT1\r");
        line.wait_for("call_answered");
        host.says("\x18");
        host.hears("OK");
        host.says("AT+FTM=96\r");
        host.hears("CONNECT");
        host.says([0x55; 240]); // 200 ms
        (line, host)
    };
    let (line, mut host) = starve(&["--strict"]);
    host.hears("\r\nOK\r\n"); // though the data was never ended
    host.does("ATH");
    let call = line.wait_for("call");
    let sent = call["carriers"].as_array().unwrap().iter().find(|c| c["kind"] == "v29").unwrap();
    assert_eq!(sent["bytes"], 240);
    let underrun_ms = sent["underrun_ms"].as_f64().unwrap();
    assert!((60.0..200.0).contains(&underrun_ms), "{underrun_ms} ms");
}

#[test]
fn dialogue_log_has_commands_and_results_but_no_data() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("dialogue");
    let options = ["--far", "1=voice", "--log", log.to_str().unwrap()];
    let line = Softline::start(20, &options);
    let mut host = line.host("a").ready();
    host.says("ATDT1\r");
    line.wait_for("call_answered");
    host.says("\x18");
    host.hears("OK");
    host.says("AT+FTM=145\r");
    host.hears("CONNECT");
    host.says(b"secret page\x10\x03");
    host.hears("OK");
    host.does("ATH");
    line.wait_for("call");
    assert_eq!(line.stop(), 0);
    let text = std::fs::read_to_string(log).unwrap();
    for said in ["a > ATDT1", "a > AT+FTM=145", "a < CONNECT", "a < OK"] {
        assert!(text.contains(said), "{said:?} is not in\n{text}");
    }
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn mistakes_in_the_configuration_are_told_and_exit_with_78() {
    let output = Command::new(env!("CARGO_BIN_EXE_softline"))
        .args(["--far", "1=fax,colour=red"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("far end 1: unknown key `colour`"), "{told}");
    assert!(output.stdout.is_empty());
}

#[test]
fn asked_to_end_it_takes_its_links_away() {
    let line = Softline::start(1, &[]);
    let link = line.link("a");
    assert!(link.exists());
    assert_eq!(line.stop(), 0);
    assert!(std::fs::symlink_metadata(link).is_err());
}

#[test]
fn parent_that_ends_takes_the_line_along() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("line");
    let mut parent = Command::new("sh")
        .args(["-c", "\"$0\" --exit-with-parent --line \"l=$1\" --out \"$2\" & read -r end"])
        .arg(env!("CARGO_BIN_EXE_softline"))
        .args([&link, &folder.path().join("out")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = std::io::BufReader::new(parent.stdout.take().unwrap());
    let mut ready = String::new();
    std::io::BufRead::read_line(&mut output, &mut ready).unwrap();
    assert!(ready.contains("ready") && link.exists());
    parent.kill().unwrap();
    parent.wait().unwrap();
    // The pipe closes when the last of the two has gone.
    std::io::copy(&mut output, &mut std::io::sink()).unwrap();
    assert!(std::fs::symlink_metadata(link).is_err());
}

#[test]
fn host_listens_for_the_dial_tone_without_a_digit() {
    let line = Softline::start(10, &[]);
    let mut host = line.host("a").ready();
    host.does("ATDT;");
    host.does("ATH0");

    let dead = Softline::start(10, &["--far", "*=nodialtone"]);
    let mut host = dead.host("a").ready();
    host.says("ATDT;\r");
    host.hears("\r\nNO DIALTONE\r\n");
    host.does("ATH0");
}

#[test]
fn unplugged_line_loses_its_terminal_in_the_call_and_comes_back_behind_the_same_link() {
    let mut line = Softline::start(10, &["--control", "--far", "0312345678=noanswer"]);
    let mut host = line.host("a").ready();
    host.says("ATDT0312345678\r");
    assert_eq!(line.wait_for("call_started")["line"], "a");
    line.says("unplug a");
    assert_eq!(line.wait_for("call")["hung_up_by"], "dtr");
    assert_eq!(line.wait_for("unplugged")["line"], "a");
    assert!(host.is_gone(), "reading from what is not there");
    assert!(std::fs::symlink_metadata(line.link("a")).is_err(), "the link went with it");

    line.says("plug a");
    assert_eq!(line.wait_for("plugged")["line"]["name"], "a");
    line.host("a").ready().does("AT");
}

//! `softline` as a test uses it: started with far ends, ended with the value, its calls collected.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;

#[path = "program.rs"]
mod program_of_this_build;
pub use program_of_this_build::program;

/// No call on a line of these tests takes longer; what does is broken.
#[allow(dead_code, reason = "not every test program waits")]
pub const LIMIT: Duration = Duration::from_secs(60);

/// The software line, with every call that has ended on it.
pub struct SoftLine {
    child: Child,
    control: Mutex<ChildStdin>,
    heard: Arc<(Mutex<Heard>, Condvar)>,
}

/// What the line told so far.
#[derive(Default)]
struct Heard {
    started: usize,
    /// Every call that has ended.
    calls: Vec<Value>,
}

impl SoftLine {
    /// Starts it with links `folder/LINE` and waits until it is ready. `options` go to it as they are.
    pub fn start(folder: &Path, options: &[&str], lines: &[&str], fars: &[&str]) -> Self {
        let mut command = Command::new(program("softline"));
        for line in lines {
            command.arg("--line").arg(format!("{line}={}", folder.join(line).display()));
        }
        command
            .args(options)
            .args(["--exit-with-parent", "--control", "--out"])
            .arg(folder.join("received"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        for far in fars {
            command.args(["--far", far]);
        }
        let mut child = command.spawn().expect("softline starts");
        let control = Mutex::new(child.stdin.take().expect("stdin is piped"));
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(stdout);
        let mut ready = String::new();
        lines.read_line(&mut ready).expect("softline says that it is ready");
        assert!(ready.contains(r#""event":"ready""#), "{ready}");
        let heard = Arc::<(Mutex<Heard>, Condvar)>::default();
        let listens = Arc::clone(&heard);
        std::thread::spawn(move || collect(lines, &listens));
        Self { child, control, heard }
    }

    /// Pulls the plug of a modem, or puts it back.
    #[allow(dead_code, reason = "not every test program pulls plugs")]
    pub fn says(&self, command: &str) {
        let mut control = self.control.lock().expect("control");
        writeln!(control, "{command}").expect("softline listens");
    }

    #[allow(dead_code, reason = "not every test program looks back")]
    pub fn calls(&self) -> Vec<Value> {
        self.heard.0.lock().expect("calls").calls.clone()
    }

    /// Every call, once none is on.
    #[allow(dead_code, reason = "not every test program looks back")]
    pub fn calls_if_idle(&self) -> Option<Vec<Value>> {
        let heard = self.heard.0.lock().expect("calls");
        (heard.calls.len() == heard.started).then(|| heard.calls.clone())
    }

    #[allow(dead_code, reason = "not every test program waits")]
    pub fn await_calls(&self, count: usize) -> Vec<Value> {
        let heard = self.heard.0.lock().expect("calls");
        let (heard, waited) = self
            .heard
            .1
            .wait_timeout_while(heard, LIMIT, |heard| heard.calls.len() < count)
            .expect("calls");
        assert!(!waited.timed_out(), "{count} calls expected, the line saw {:#?}", heard.calls);
        heard.calls.clone()
    }
}

/// Fast carriers of the caller in a call that the line saw: training and page data.
#[allow(dead_code, reason = "not every test program looks at carriers")]
pub fn page_carriers(call: &Value) -> usize {
    let carriers = call["carriers"].as_array().expect("the line tells of carriers");
    carriers.iter().filter(|c| c["dir"] == "to_far" && !c["bytes"].is_null()).count()
}

fn collect(lines: BufReader<ChildStdout>, heard: &(Mutex<Heard>, Condvar)) {
    for line in lines.lines().map_while(Result::ok) {
        let event: Value = serde_json::from_str(&line).expect("softline writes JSON lines");
        let mut told = heard.0.lock().expect("calls");
        match event["event"].as_str() {
            Some("call_started") => told.started += 1,
            Some("call") => told.calls.push(event),
            _of_no_call => continue,
        }
        heard.1.notify_all();
    }
}

impl Drop for SoftLine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! `shirase sheet --watch`, as whoever edits a template meets it: every save is answered by one line.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::harness::repository;
use crate::softline::{LIMIT, program};

const GOOD: &str = r#"#let data = json("/data.json")
#set page(width: 215mm, height: 297mm, margin: 18mm)
#set text(font: "BIZ UDGothic", size: 12pt)
#data.recipient.office_name
"#;

/// A folder with a template, its data and settings, and the command that watches them.
struct Desk {
    folder: tempfile::TempDir,
    child: Child,
    lines: Receiver<String>,
}

impl Desk {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("fax")).expect("a folder");
        std::fs::write(path("fax/message.typ"), GOOD).expect("a template");
        let sample = repository("templates/samples/message.json");
        std::fs::copy(sample, path("message.json")).expect("data");
        write_settings(folder.path());
        let mut child = Command::new(program("shirase"))
            .args(["sheet", "message", "--watch", "--data"])
            .arg(path("message.json"))
            .arg("--out")
            .arg(path("out.png"))
            .arg("--config")
            .arg(path("shirase.toml"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("shirase runs");
        let said = BufReader::new(child.stdout.take().expect("a pipe"));
        let (give, lines) = channel();
        std::thread::spawn(move || {
            said.lines().map_while(Result::ok).try_for_each(|line| give.send(line))
        });
        Self { folder, child, lines }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn save(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("saves");
    }

    /// Lines are read until one says this: a save that was seen half done has a line of its own.
    fn says(&self, what: &str) -> String {
        let mut said = Vec::new();
        loop {
            let line = self.lines.recv_timeout(LIMIT);
            said.push(line.unwrap_or_else(|error| panic!("no `{what}` in {said:?}: {error}")));
            if let Some(line) = said.last().filter(|line| line.contains(what)) {
                return line.clone();
            }
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn write_settings(folder: &Path) {
    let program = program("shirase-sheet");
    let (folder_name, program) = (folder.display(), program.display());
    let settings = format!(
        r#"[http]
tokens_file = "{folder_name}/tokens"
[site]
name = "書類交換サイト"
url = "https://exchange.example.jp/"
help_name = "書類交換サイト 窓口"
help_phone = "03-0000-0000"
help_hours = "平日 9:00～17:00"
[sheet]
program = "{program}"
templates = "{folder_name}/fax"
"#
    );
    std::fs::write(folder.join("shirase.toml"), settings).expect("settings");
}

#[test]
fn each_save_is_drawn_anew_or_answered_by_what_is_wrong_and_where() {
    let desk = Desk::open();
    let line = desk.says(" s at 14400 bit/s");
    assert!(line.contains(" octets (MMR)") && line.as_bytes()[2] == b':', "{line}");
    let first = std::fs::read(desk.path("out.png")).expect("a picture");

    desk.save("fax/message.typ", &GOOD.replace("#data.recipient", "#dat.recipient"));
    desk.says("message.typ:4: unknown variable: dat");
    desk.save("fax/message.typ", &GOOD.replace("12pt", "20pt"));
    desk.says("octets");
    assert_ne!(std::fs::read(desk.path("out.png")).expect("a picture"), first);

    let data = std::fs::read_to_string(desk.path("message.json")).expect("data");
    desk.save("message.json", &data.replace("03-0000-1111", "03\\u0007"));
    desk.says("message.json: refused: unrenderable (422); ");
    desk.save("message.json", &data.replace("03-0000-1111", ""));
    let line = desk.says("[invalid-text]");
    assert!(line.contains("/sender/phone: "), "{line}");
    desk.save("message.json", &data);
    desk.says("octets");

    let settings = std::fs::read_to_string(desk.path("shirase.toml")).expect("settings");
    desk.save("shirase.toml", &settings.replace("help_hours", "help_hour"));
    desk.says("shirase.toml:8:1: unknown field `help_hour`");
    desk.save("shirase.toml", &settings);
    desk.says("octets");
}

#[test]
fn picture_among_the_templates_is_refused_because_it_would_be_drawn_for_ever() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("fax")).expect("a folder");
    write_settings(folder.path());
    let refused = Command::new(program("shirase"))
        .args(["sheet", "message", "--watch", "--out", "out.png", "--config", "../shirase.toml"])
        .current_dir(folder.path().join("fax"))
        .output()
        .expect("shirase runs");
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
}

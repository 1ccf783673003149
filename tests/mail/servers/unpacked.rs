//! Programs of packages that are unpacked and not installed, run as root and ended for certain.
//!
//! In: `target/*/unpacked/mail`, from `.ci/unpack`. Out: a running program.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Starts what follows it, and kills it with all its children once standard input ends: when the [`Program`] is dropped,
/// and when the test that holds it dies of whatever.
const UNTIL_INPUT_ENDS: &str = r#""$@" & read -r _; kill -KILL 0"#;

/// The folder with the packages, as if it were `/`.
pub struct Unpacked(PathBuf);

impl Unpacked {
    pub fn find() -> Self {
        let here = std::env::current_exe().expect("a test has a path"); // target/<profile>/deps/<test>
        let folder = here.ancestors().map(|folder| folder.join("unpacked/mail"));
        let folder = folder.take(4).find(|folder| folder.is_dir());
        Self(folder.expect("`.ci/unpack target/debug/unpacked` puts Postfix and Dovecot there"))
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.0.join(inside)
    }

    /// Where the programs find their libraries, `LD_LIBRARY_PATH` of each.
    pub fn libraries(&self, first: &[PathBuf]) -> OsString {
        let mut folders = first.to_vec();
        folders.extend(["usr/lib/postfix", "usr/lib/dovecot"].map(|folder| self.path(folder)));
        folders.push(self.path("usr/lib/dovecot/modules/old-stats"));
        folders.extend(self.of_this_machine());
        std::env::join_paths(folders).expect("no colon in a path")
    }

    /// A library by its name inside `/usr/lib/x86_64-linux-gnu`.
    pub fn library(&self, name: &str) -> PathBuf {
        let found =
            self.of_this_machine().map(|folder| folder.join(name)).find(|path| path.exists());
        found.unwrap_or_else(|| panic!("{name} is in one of the unpacked packages"))
    }

    /// Named for the machine: x86_64-linux-gnu, aarch64-linux-gnu.
    fn of_this_machine(&self) -> impl Iterator<Item = PathBuf> {
        let above = ["usr/lib", "lib"].map(|folder| fs::read_dir(self.path(folder)));
        let named = above.into_iter().flatten().flatten().filter_map(Result::ok);
        named.map(|entry| entry.path()).filter(|path| path.to_string_lossy().ends_with("-gnu"))
    }
}

/// A command line that is run as root, with these variables set: by sudo if we are somebody else.
pub fn as_root(variables: &[(&str, OsString)]) -> Command {
    let root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let mut command = if root { Command::new("env") } else { Command::new("sudo") };
    if !root {
        command.args(["-n", "env"]);
    }
    for (name, value) in variables {
        let mut variable = OsString::from(name);
        variable.push("=");
        variable.push(value);
        command.arg(variable);
    }
    command
}

/// Makes a folder that belongs to a user of this machine.
pub fn folder_of(owner: &str, mode: &str, path: &Path) {
    let made = as_root(&[]).args(["install", "-d", "-o", owner, "-m", mode]).arg(path).status();
    assert!(made.is_ok_and(|made| made.success()), "{}: root may make it", path.display());
}

/// A running program, with all its children.
pub struct Program(Child);

impl Program {
    pub fn start(variables: &[(&str, OsString)], stderr: &Path, line: &[OsString]) -> Self {
        let stderr = fs::File::options().create(true).append(true).open(stderr).expect("a file");
        let child = as_root(variables)
            .args(["sh", "-c", UNTIL_INPUT_ENDS, "sh"])
            .args(line)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .expect("it starts");
        Self(child)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

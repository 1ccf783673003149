//! efax as a fax machine that answers one call.
//!
//! In: a terminal. Out: the received page. Source: efax(1). It has neither error correction nor
//! two-dimensional coding.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Ended when dropped.
pub struct Efax {
    child: Child,
    folder: PathBuf,
}

impl Efax {
    /// Starts it and waits until it would answer.
    pub fn waiting(folder: &Path, device: &Path, number: &str) -> Self {
        let _none_yet = std::fs::remove_dir_all(folder);
        std::fs::create_dir_all(folder).expect("a folder");
        let mut child = Command::new("efax")
            .arg("-d")
            .arg(device)
            .args(["-o1", "-vewinc", "-l", number, "-w", "-iS0=1", "-r", "rx"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("efax is installed: apt-get install efax");
        let mut said = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let waits = said.any(|line| line.is_ok_and(|line| line.contains("waiting for activity")));
        assert!(waits, "efax ended before it waited for a call");
        // It goes on writing; nobody else would take it out of the pipe.
        std::thread::spawn(move || said.for_each(drop));
        Self { child, folder: folder.to_owned() }
    }

    /// Its page, when it has ended well.
    pub fn page(mut self) -> Result<PathBuf, String> {
        let ended = self.child.wait().map_err(|error| error.to_string())?;
        if ended.success() { Ok(self.folder.join("rx.001")) } else { Err(format!("efax: {ended}")) }
    }
}

impl Drop for Efax {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

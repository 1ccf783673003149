//! The shipped templates, as they are or where a test can add to them and break them, and a worker that draws them.

#[path = "program.rs"]
mod program;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sheet::WorkerSettings;
use tempfile::TempDir;

pub fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/fax")
}

/// A copy of them, as long as it is kept.
pub fn copied() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    copy(&shipped(), folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder of templates") {
        let (entry, to) =
            entry.map(|entry| (entry.path(), to.join(entry.file_name()))).expect("an entry");
        if entry.is_dir() {
            std::fs::create_dir(&to).expect("a folder");
            copy(&entry, &to);
        } else {
            std::fs::copy(&entry, &to).expect("a template");
        }
    }
}

/// The worker of this build; patient, for a loaded machine.
pub fn worker(templates: &Path) -> WorkerSettings {
    WorkerSettings {
        program: program::program("shirase-sheet"),
        templates: templates.to_path_buf(),
        fonts: vec![PathBuf::from("/usr/share/fonts/truetype/bizud-gothic")],
        deadline: Duration::from_secs(60),
        memory_limit: 1 << 30,
    }
}

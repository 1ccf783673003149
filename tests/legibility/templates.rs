//! The shipped templates, where a test can add to them or break them.

use std::path::Path;

/// Copies a folder with what is in it.
pub fn copy(from: &Path, to: &Path) {
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

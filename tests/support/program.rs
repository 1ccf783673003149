//! The programs of this build.

use std::path::{Path, PathBuf};

/// A program of this workspace, built beside the one under test.
pub fn program(name: &str) -> PathBuf {
    let here = std::env::current_exe().expect("a test has a path"); // target/<profile>/deps/<test>
    let folder = here.parent().and_then(Path::parent).expect("target/<profile>");
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: `cargo build --workspace --bins`", path.display());
    path
}

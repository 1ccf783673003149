//! What a daemon asks of fsync: counted, and made slower if wanted.
//!
//! In: `tests/bench/syncs.c`, which is compiled here; a C compiler is there, the store's own library needs one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub struct Syncs {
    library: PathBuf,
    count: PathBuf,
    slower: Duration,
}

impl Syncs {
    /// For one daemon; its files are beside `place`.
    pub fn new(place: &Path, slower: Duration) -> Self {
        let (library, count) = (place.with_extension("so"), place.with_extension("count"));
        let built = Command::new("cc")
            .args(["-Wall", "-Werror", "-O1", "-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/syncs.c"))
            .arg("-ldl")
            .status()
            .expect("cc runs");
        assert!(built.success());
        Self { library, count, slower }
    }

    /// What its environment has to hold.
    pub fn environment(&self) -> [(&'static str, String); 3] {
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        [
            ("LD_PRELOAD", text(&self.library)),
            ("SYNCS_COUNT", text(&self.count)),
            ("SYNCS_SLOWER_US", self.slower.as_micros().to_string()),
        ]
    }

    /// How many there were so far.
    pub fn count(&self) -> u64 {
        let octets = std::fs::read(&self.count).expect("the daemon counts");
        u64::from_ne_bytes(octets.try_into().expect("a number"))
    }
}

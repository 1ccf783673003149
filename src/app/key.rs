//! `shirase key new`: makes the key that seals secrets at rest.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::exit::{Exit, Failure};
use super::secrets::MASTER_KEY_OCTETS;

/// The key that seals secrets at rest.
#[derive(clap::Args)]
pub struct Key {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    New(New),
}

/// Make a key file of 32 random octets. What was sealed with it can be read with no other: keep a copy
/// where no backup of the store lies.
#[derive(clap::Args)]
struct New {
    /// The file; one that exists is never written over.
    file: PathBuf,
}

impl Key {
    /// # Errors
    /// [`Failure`]: the file exists or cannot be written.
    pub fn run(self) -> Result<(), Failure> {
        let Verb::New(new) = self.verb;
        let mut octets = Zeroizing::new([0; MASTER_KEY_OCTETS]);
        getrandom::fill(octets.as_mut_slice())
            .map_err(|error| Failure::new(Exit::Internal, format!("no random octets: {error}")))?;
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new.file)
            .and_then(|mut file| {
                file.write_all(octets.as_slice())?;
                file.sync_all()
            })
            .map_err(|error| {
                Failure::new(Exit::Settings, format!("{}: {error}", new.file.display()))
            })
    }
}

//! `shirase key new`: makes the key that seals secrets at rest.

use std::fs::OpenOptions;
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

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

/// Make a key of 32 random octets. What was sealed with it can be read with no other: keep a copy where
/// no backup of the store lies.
#[derive(clap::Args)]
struct New {
    /// The file, which must not exist yet. Without it the octets go to standard output.
    file: Option<PathBuf>,
}

impl Key {
    /// # Errors
    /// [`Failure`]: the file exists or cannot be written; standard output is a terminal.
    pub fn run(self) -> Result<(), Failure> {
        let Verb::New(new) = self.verb;
        let mut octets = Zeroizing::new([0; MASTER_KEY_OCTETS]);
        getrandom::fill(octets.as_mut_slice())
            .map_err(|error| Failure::new(Exit::Internal, format!("no random octets: {error}")))?;
        let place = new.file.as_deref().unwrap_or(Path::new("standard output"));
        match &new.file {
            Some(path) => create(path, octets.as_slice()),
            None if std::io::stdout().is_terminal() => {
                return Err(Failure::new(Exit::Usage, "a key is no text: give a file, or > one"));
            }
            None => std::io::stdout().write_all(octets.as_slice()),
        }
        .map_err(|error| Failure::new(Exit::Settings, format!("{}: {error}", place.display())))
    }
}

/// A new file that is the owner's alone.
pub(super) fn create(path: &Path, octets: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(octets)?;
    file.sync_all()
}

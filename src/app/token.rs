//! `shirase token new`: makes a token for a caller of the hook.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::exit::{Exit, Failure};
use super::print;
use crate::hook::Scope;
use crate::hook::auth;

/// Tokens for callers of the hook.
#[derive(clap::Args)]
pub struct Token {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    New(New),
}

/// Make a token. It is printed once and kept nowhere; the tokens file gets its hash.
#[derive(clap::Args)]
struct New {
    /// Who will call: 1 to 32 of a-z, 0-9 and -. A second token of the same name replaces the first
    /// one without a gap: add it, hand it out, then take the old line away.
    name: String,
    /// What it may do.
    #[arg(
        long = "scope",
        value_delimiter = ',',
        default_value = "notify,read",
        value_name = "SCOPES"
    )]
    scopes: Vec<Scope>,
    /// Add the line to this tokens file, and print the token alone. Without it, both are printed.
    #[arg(long, value_name = "FILE")]
    tokens_file: Option<PathBuf>,
}

impl Token {
    /// # Errors
    /// [`Failure`]: the name is not allowed, or the file cannot be written.
    pub fn run(self) -> Result<(), Failure> {
        let Verb::New(new) = self.verb;
        let mut random = Zeroizing::new([0; 32]);
        getrandom::fill(random.as_mut_slice())
            .map_err(|error| Failure::new(Exit::Internal, format!("no random octets: {error}")))?;
        let made = auth::new_token(&new.name, &new.scopes, *random)
            .map_err(|message| Failure::new(Exit::Usage, message))?;
        match &new.tokens_file {
            Some(path) => {
                append(path, &made.line).map_err(|error| {
                    Failure::new(Exit::Settings, format!("{}: {error}", path.display()))
                })?;
                print::out(&made.token)
            }
            None => print::out(&format!("token: {}\ntokens file: {}", *made.token, made.line)),
        }
    }
}

/// Adds a line; a new file is the owner's alone.
fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    writeln!(file, "{line}")
}

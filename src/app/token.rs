//! `shirase token`: who may call the hook. Makes tokens, lists them, replaces them and takes them away.
//!
//! In: the tokens file. Out: the token, shown once; the file with one line more, or less, and all else in it as it was.
//! Not here: what a line means (`hook/auth.rs`), when the gateway reads the file again (`renewal.rs`).

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::clock::{Clock as _, SystemClock};
use super::exit::{Exit, Failure};
use super::print;
use crate::hook::Scope;
use crate::hook::auth::{self, Known, NewToken};
use crate::job::JAPAN;

/// What everybody may read of a new tokens file: hashes of 256 random bits open nothing.
const MODE: u32 = 0o644;

/// Who may call the gateway. It reads the tokens file every half minute and on SIGHUP (`systemctl kill -s HUP shirase`); only a
/// file that the settings name in $CREDENTIALS_DIRECTORY needs a restart, for there the service manager keeps a copy.
#[derive(clap::Args)]
pub struct Token {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    New(New),
    List(List),
    Rotate(Rotate),
    Revoke(Revoke),
}

/// Make a token. It is printed once and kept nowhere; the tokens file gets its hash.
#[derive(clap::Args)]
struct New {
    /// Who will call: 1 to 32 of a-z, 0-9 and -. All tokens of one name see the same notifications.
    name: String,
    /// What it may do: notify, read, lines, numbers, operate.
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

/// List the tokens: id, client, the day on which it was made, scopes.
#[derive(clap::Args)]
struct List {
    #[command(flatten)]
    file: Existing,
}

/// Make a second token with the client and scopes of one that there is. Both work until the old one is revoked, so the
/// client can change over without a gap.
#[derive(clap::Args)]
struct Rotate {
    /// The old token's id, as `shirase token list` shows it.
    id: String,
    #[command(flatten)]
    file: Existing,
}

/// Take a token away.
#[derive(clap::Args)]
struct Revoke {
    /// Its id, as `shirase token list` shows it.
    id: String,
    #[command(flatten)]
    file: Existing,
}

#[derive(clap::Args)]
struct Existing {
    /// The tokens file.
    #[arg(
        long = "tokens-file",
        env = "SHIRASE_TOKENS_FILE",
        default_value = "/etc/shirase/tokens",
        value_name = "FILE"
    )]
    path: PathBuf,
}

impl Token {
    /// # Errors
    /// [`Failure`]: the name is not allowed, there is no such token, or the file cannot be read or written.
    pub fn run(self) -> Result<(), Failure> {
        match self.verb {
            Verb::New(new) => new.run(),
            Verb::List(list) => list.run(),
            Verb::Rotate(rotate) => rotate.run(),
            Verb::Revoke(revoke) => revoke.run(),
        }
    }
}

impl New {
    fn run(self) -> Result<(), Failure> {
        let made = make(&self.name, &self.scopes)?;
        match &self.tokens_file {
            Some(path) => {
                edit(path, |text| Ok(with_line(text, &made.line)))?;
                print::out(&made.token)
            }
            None => print::out(&format!("token: {}\ntokens file: {}", *made.token, made.line)),
        }
    }
}

impl List {
    fn run(self) -> Result<(), Failure> {
        let text =
            std::fs::read_to_string(&self.file.path).map_err(|error| at(&self.file.path, error))?;
        let known = all(&self.file.path, &text)?;
        let widest = known.iter().map(|known| known.client.0.len()).max().unwrap_or_default();
        for known in &known {
            let since = known.since.map_or_else(|| String::from("-"), |day| day.to_string());
            let scopes: Vec<&str> = known.scopes.iter().map(|scope| scope.word()).collect();
            let (id, client) = (known.id(), &known.client.0);
            print::out(&format!("{id}  {client:widest$}  {since:10}  {}", scopes.join(",")))?;
        }
        Ok(())
    }
}

impl Rotate {
    fn run(self) -> Result<(), Failure> {
        let mut made = None;
        edit(&self.file.path, |text| {
            let old = the_one(&self.file.path, text, &self.id)?;
            let new = make(&old.client.0, &old.scopes)?;
            let text = with_line(text, &new.line);
            made = Some(new);
            Ok(text)
        })?;
        match made {
            Some(made) => print::out(&made.token)?,
            None => return Err(Failure::new(Exit::Internal, "no token was made")),
        }
        eprintln!("The old token works too until: shirase token revoke {}", self.id);
        Ok(())
    }
}

impl Revoke {
    fn run(self) -> Result<(), Failure> {
        edit(&self.file.path, |text| {
            let id = the_one(&self.file.path, text, &self.id)?.id();
            let stays =
                |line: &&str| !matches!(Known::parse(line), Ok(Some(known)) if known.id() == id);
            Ok(text.split_inclusive('\n').filter(stays).collect())
        })?;
        eprintln!(
            "Gone from the file. A running gateway refuses it within 30 s, at once after `systemctl kill -s HUP shirase`; \
             one whose settings name $CREDENTIALS_DIRECTORY reads a copy, and only at its next start"
        );
        Ok(())
    }
}

fn make(name: &str, scopes: &[Scope]) -> Result<NewToken, Failure> {
    let mut random = Zeroizing::new([0; 32]);
    getrandom::fill(random.as_mut_slice())
        .map_err(|error| Failure::new(Exit::Internal, format!("no random octets: {error}")))?;
    auth::new_token(name, scopes, *random, today()?)
        .map_err(|message| Failure::new(Exit::Usage, message))
}

fn today() -> Result<Date, Failure> {
    let now = jiff::Timestamp::from_millisecond(SystemClock.now().0)
        .map_err(|error| Failure::new(Exit::Internal, format!("what day is it? {error}")))?;
    Ok(JAPAN.to_datetime(now).date())
}

/// The tokens of a file.
fn all(path: &Path, text: &str) -> Result<Vec<Known>, Failure> {
    let lines = (1..).zip(text.lines());
    let known = lines.filter_map(|(number, line)| {
        let wrong =
            |why| Failure::new(Exit::Settings, format!("{}:{number}: {why}", path.display()));
        Known::parse(line).map_err(wrong).transpose()
    });
    known.collect()
}

/// The token that an id, or its beginning, names.
fn the_one(path: &Path, text: &str, id: &str) -> Result<Known, Failure> {
    let mut named = all(path, text)?;
    named.retain(|known| !id.is_empty() && known.id().starts_with(id));
    // A line that stands there twice is one token.
    if named.windows(2).all(|two| matches!(two, [one, other] if one.is_same_token(other))) {
        named.truncate(1);
    }
    match <[Known; 1]>::try_from(named) {
        Ok([known]) => Ok(known),
        Err(none) if none.is_empty() => {
            Err(Failure::new(Exit::Usage, "no token has this id: see `shirase token list`"))
        }
        Err(_several) => Err(Failure::new(Exit::Usage, "several tokens have ids like this")),
    }
}

fn with_line(text: &str, line: &str) -> String {
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{gap}{line}\n")
}

/// Changes the file as a whole or not at all, and leaves mode and owner as they were. One at a time.
fn edit(path: &Path, change: impl FnOnce(&str) -> Result<String, Failure>) -> Result<(), Failure> {
    // A link stays a link.
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = match real.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let fail = |error| at(path, error);
    // The file itself is another one afterwards, so its folder is what is locked.
    let lock = File::open(folder).map_err(fail)?;
    lock.lock().map_err(fail)?;
    let (text, before) = match File::open(&real) {
        Ok(mut file) => {
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(fail)?;
            (text, Some(file.metadata().map_err(fail)?))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => (String::new(), None),
        Err(error) => return Err(fail(error)),
    };
    let text = change(&text)?;
    let mut name = real.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = folder.join(name);
    // What an earlier run left when it was cut off.
    let _ = std::fs::remove_file(&beside);
    let written = (|| {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        match &before {
            Some(before) => {
                let now = file.metadata()?;
                if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
                    fchown(&file, Some(before.uid()), Some(before.gid()))?;
                }
                file.set_permissions(before.permissions())?;
            }
            None => file.set_permissions(PermissionsExt::from_mode(MODE))?,
        }
        file.sync_all()?;
        std::fs::rename(&beside, &real)?;
        lock.sync_all()
    })();
    written.map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        fail(error)
    })
}

fn at(path: &Path, error: std::io::Error) -> Failure {
    Failure::new(Exit::Settings, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn existing(path: &Path) -> Existing {
        Existing { path: path.to_owned() }
    }

    fn ids(path: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(path).expect("the file");
        all(path, &text).expect("reads").iter().map(Known::id).collect()
    }

    #[test]
    fn token_is_replaced_without_a_gap_and_everything_else_in_the_file_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens");
        let link = folder.path().join("link");
        for name in ["exchange", "monitor"] {
            let scopes = vec![Scope::Read];
            New { name: name.into(), scopes, tokens_file: Some(path.clone()) }.run().expect("made");
        }
        let text = std::fs::read_to_string(&path).expect("the file");
        // Somebody wrote a comment, left out the last line end, and keeps the file for a group.
        std::fs::write(&path, format!("# ours\n{}", text.trim_end())).expect("written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).expect("a mode");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        let [old, monitor] = <[String; 2]>::try_from(ids(&path)).expect("two");

        Rotate { id: old.clone(), file: existing(&link) }.run().expect("rotated");
        let [first, second, new] = <[String; 3]>::try_from(ids(&path)).expect("three");
        assert_eq!((&first, &second), (&old, &monitor));
        Revoke { id: old, file: existing(&link) }.run().expect("revoked");
        assert_eq!(ids(&path), [monitor, new]);

        let text = std::fs::read_to_string(&path).expect("the file");
        assert!(text.starts_with("# ours\n"), "{text}");
        let mode = std::fs::metadata(&path).expect("metadata").mode();
        assert_eq!(mode & 0o777, 0o640);
        assert!(std::fs::symlink_metadata(&link).expect("metadata").is_symlink());
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            2,
            "nothing is left over"
        );
    }

    #[test]
    fn id_that_names_none_or_several_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens");
        let line =
            |digit: &str, rest: &str| format!("exchange sha256:{}{rest} read\n", digit.repeat(63));
        std::fs::write(&path, line("a", "b") + &line("a", "c")).expect("written");
        for (id, why) in [("", "no token"), ("b", "no token"), ("a", "several tokens")] {
            let failure = Revoke { id: id.into(), file: existing(&path) }.run().expect_err(id);
            assert!(failure.to_string().contains(why), "{failure}");
        }
        assert_eq!(ids(&path).len(), 2);
    }

    #[test]
    fn token_whose_line_stands_there_twice_is_revoked_as_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens");
        let line = |digit: &str| format!("exchange sha256:{} read\n", digit.repeat(64));
        std::fs::write(&path, line("a") + &line("b") + &line("a")).expect("written");
        Revoke { id: "a".into(), file: existing(&path) }.run().expect("revoked");
        assert_eq!(ids(&path), ["bbbbbbbb"]);
    }
}

//! Files that hold secrets: found, checked and read at start; and keys that follow from the master key.
//!
//! In: the name that the settings give, e.g. `$CREDENTIALS_DIRECTORY/tokens`. Out: the octets, wiped
//! when they are dropped.
//! Source: systemd.exec(5), `LoadCredential=`; RFC 2104 (HMAC).
//! Not here: what tokens mean (`hook/auth.rs`), how secrets are sealed (`queue/seal.rs`).

use std::io::Read;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use zeroize::Zeroizing;

/// The variable by which systemd tells a service where its credentials are.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// No secret file of ours is longer: a hundred clients have about 12 KiB of tokens.
const FILE_LIMIT_OCTETS: u64 = 256 << 10;

/// Length of the key that seals secrets at rest.
pub const MASTER_KEY_OCTETS: usize = 32;

/// Block of SHA-256: a shorter HMAC key is filled up with zeros to it (RFC 2104, 2).
const BLOCK_OCTETS: usize = 64;

/// HMAC-SHA256 with a key of 32 octets.
pub fn hmac_sha256(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0; BLOCK_OCTETS]);
    for (octet, of_key) in block.iter_mut().zip(key) {
        *octet = *of_key;
    }
    <Hmac<Sha256> as KeyInit>::new(&(*block).into())
}

/// A key for one purpose: the master key itself seals secrets and does nothing else.
pub fn derived_key(
    master_key: &[u8; MASTER_KEY_OCTETS],
    purpose: &[u8],
) -> Zeroizing<[u8; MASTER_KEY_OCTETS]> {
    let mut derive = hmac_sha256(master_key);
    derive.update(purpose);
    Zeroizing::new(derive.finalize().into_bytes().into())
}

/// Name of a secret file: an absolute path, or one that begins with `$CREDENTIALS_DIRECTORY/`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct SecretFile(String);

impl SecretFile {
    pub(super) fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Where the file is.
    ///
    /// # Errors
    /// [`SecretError`] if the name needs systemd's folder and there is none.
    pub fn path(&self, credentials: Option<&Path>) -> Result<PathBuf, SecretError> {
        match (self.in_credentials(), credentials) {
            (None, _) => Ok(PathBuf::from(&self.0)),
            (Some(rest), Some(folder)) => Ok(folder.join(rest)),
            (Some(_), None) => Err(SecretError {
                path: PathBuf::from(&self.0),
                detail: String::from(
                    "$CREDENTIALS_DIRECTORY is not set: start by systemd, or set it to the folder of the files, \
                     /etc/shirase/credentials",
                ),
            }),
        }
    }

    /// Reads the file, found by this process's environment.
    ///
    /// # Errors
    /// [`SecretError`]: not there, readable by everybody, too long.
    pub fn read(&self) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let folder = std::env::var_os(CREDENTIALS_DIRECTORY).map(PathBuf::from);
        read(&self.path(folder.as_deref())?)
    }

    /// Reads a file of hashes, from which nobody learns a secret: everybody may read it, but only its owner write.
    ///
    /// # Errors
    /// [`SecretError`]: not there, writable by others, too long.
    pub fn read_hashes(&self) -> Result<Vec<u8>, SecretError> {
        let folder = std::env::var_os(CREDENTIALS_DIRECTORY).map(PathBuf::from);
        read_open(&self.path(folder.as_deref())?, FILE_LIMIT_OCTETS)
    }

    /// Reads a file of exactly 32 octets.
    ///
    /// # Errors
    /// As [`SecretFile::read`], and for any other length: a key with a newline is another key.
    pub fn read_key(&self) -> Result<Zeroizing<[u8; MASTER_KEY_OCTETS]>, SecretError> {
        let octets = self.read()?;
        <[u8; MASTER_KEY_OCTETS]>::try_from(octets.as_slice()).map(Zeroizing::new).map_err(|_| {
            SecretError {
                path: PathBuf::from(&self.0),
                detail: format!(
                    "must hold {MASTER_KEY_OCTETS} octets, not {}; `shirase key new` makes one",
                    octets.len()
                ),
            }
        })
    }

    /// Reads a file of one line of text. An editor's line end behind it is no part of it.
    ///
    /// # Errors
    /// As [`SecretFile::read`], and for text that is not `right`: it must hold one line of what is `wanted`.
    pub fn read_line(
        &self,
        wanted: &str,
        right: impl FnOnce(&str) -> bool,
    ) -> Result<Zeroizing<String>, SecretError> {
        let octets = self.read()?;
        let text = std::str::from_utf8(&octets).unwrap_or_default();
        let line = text.strip_suffix('\n').unwrap_or(text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if !line.is_empty() && right(line) {
            return Ok(Zeroizing::new(line.to_owned()));
        }
        let detail = format!("must hold one line of {wanted}");
        Err(SecretError { path: PathBuf::from(&self.0), detail })
    }

    /// It is one of systemd's, and this process has none of them.
    pub(super) fn waits_for_systemd(&self) -> bool {
        self.in_credentials().is_some() && std::env::var_os(CREDENTIALS_DIRECTORY).is_none()
    }

    /// Root alone may read it, and the service runs as somebody else. What systemd hands over is the service's own.
    pub(super) fn is_for_root_alone(&self) -> bool {
        let found = self.in_credentials().is_none().then(|| std::fs::metadata(&self.0));
        let alone = |found: std::fs::Metadata| {
            is_for_root_alone(found.uid(), found.gid(), found.permissions().mode())
        };
        found.and_then(Result::ok).is_some_and(alone)
    }

    fn in_credentials(&self) -> Option<&str> {
        self.0.strip_prefix("$CREDENTIALS_DIRECTORY/")
    }
}

impl std::fmt::Display for SecretFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SecretFile {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let file = Self(name);
        if file.in_credentials().is_some() || Path::new(&file.0).is_absolute() {
            Ok(file)
        } else {
            Err("must be an absolute path or $CREDENTIALS_DIRECTORY/…")
        }
    }
}

/// Why a secret file cannot be used. Never holds what is in it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}: {detail}", path.display())]
pub struct SecretError {
    pub path: PathBuf,
    pub detail: String,
}

impl SecretError {
    /// What to do about a file that is read again and again while this process runs.
    pub fn remedy(&self) -> String {
        let folder = std::env::var_os(CREDENTIALS_DIRECTORY).map(PathBuf::from);
        self.remedy_in(folder.as_deref())
    }

    fn remedy_in(&self, credentials: Option<&Path>) -> String {
        let by_name = self.path.strip_prefix("$CREDENTIALS_DIRECTORY").ok();
        let by_folder = || credentials.and_then(|folder| self.path.strip_prefix(folder).ok());
        match by_name.or_else(by_folder) {
            // What is there is systemd's copy, made at the start.
            Some(name) => format!(
                "mend /etc/shirase/credentials/{} and `systemctl restart shirase`",
                name.display()
            ),
            None => String::from("mend the file, it is read again by itself"),
        }
    }
}

fn is_for_root_alone(user: u32, group: u32, mode: u32) -> bool {
    let by_group = group != 0 && mode & 0o040 != 0;
    user == 0 && !by_group && mode & 0o004 == 0
}

/// Reads a secret file that nobody else can read.
///
/// # Errors
/// [`SecretError`]: not there, no file, readable or writable by everybody, too long.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let closed = "can be read or written by everybody: chmod o= it";
    read_unless(path, 0o007, closed, FILE_LIMIT_OCTETS).map(Zeroizing::new)
}

/// Reads a file that is no secret, but that only its owner and group may write.
///
/// # Errors
/// [`SecretError`]: not there, no file, writable by everybody, too long.
pub fn read_open(path: &Path, limit_octets: u64) -> Result<Vec<u8>, SecretError> {
    read_unless(path, 0o002, "can be written by everybody: chmod o-w it", limit_octets)
}

fn read_unless(
    path: &Path,
    refused_mode: u32,
    why: &str,
    limit_octets: u64,
) -> Result<Vec<u8>, SecretError> {
    let fault = |detail: String| SecretError { path: path.to_owned(), detail };
    let file = std::fs::File::open(path).map_err(|error| fault(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| fault(error.to_string()))?;
    if !metadata.is_file() {
        return Err(fault(String::from("is no regular file")));
    }
    if metadata.permissions().mode() & refused_mode != 0 {
        return Err(fault(why.to_owned()));
    }
    let mut octets = Vec::new();
    file.take(limit_octets + 1)
        .read_to_end(&mut octets)
        .map_err(|error| fault(error.to_string()))?;
    if octets.len() as u64 > limit_octets {
        return Err(fault(format!("is longer than {} KiB", limit_octets >> 10)));
    }
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8], mode: u32) -> (tempfile::TempDir, SecretFile) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        std::fs::write(&path, content).expect("a file");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("a mode");
        let name = SecretFile::new(&path.to_string_lossy());
        (folder, name)
    }

    fn refusal(content: &[u8], mode: u32) -> String {
        let (_folder, name) = file(content, mode);
        name.read_key().expect_err("refused").detail
    }

    #[test]
    fn copy_that_systemd_made_at_the_start_is_mended_at_its_origin_and_any_other_file_where_it_is()
    {
        let folder = Path::new("/run/credentials/shirase.service");
        let remedy = |path: &str| {
            let error = SecretError { path: PathBuf::from(path), detail: String::new() };
            error.remedy_in(Some(folder))
        };
        let restart = "mend /etc/shirase/credentials/webhook-a and `systemctl restart shirase`";
        assert_eq!(remedy("/run/credentials/shirase.service/webhook-a"), restart);
        assert_eq!(remedy("$CREDENTIALS_DIRECTORY/webhook-a"), restart);
        assert_eq!(remedy("/etc/ca.pem"), "mend the file, it is read again by itself");
    }

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        // Test case 1, whose key of 20 octets is filled up with zeros either way.
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let got = derived_key(&key, b"Hi There");
        assert_eq!(got[..8], [0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53]);
    }

    #[test]
    fn key_of_32_octets_readable_by_its_group_is_taken() {
        let (_folder, name) = file(&[7; 32], 0o440);
        assert_eq!(*name.read_key().expect("a key"), [7; 32]);
    }

    #[test]
    fn key_that_everybody_reads_is_refused() {
        assert!(refusal(&[7; 32], 0o604).starts_with("can be read or written by everybody"));
    }

    #[test]
    fn key_of_31_octets_or_with_a_newline_is_refused() {
        assert!(refusal(&[7; 31], 0o600).starts_with("must hold 32 octets, not 31"));
        let with_newline = [&[7; 32][..], b"\n"].concat();
        assert!(refusal(&with_newline, 0o600).starts_with("must hold 32 octets, not 33"));
    }

    #[test]
    fn credential_without_systemd_says_what_to_do() {
        let name = SecretFile::new("$CREDENTIALS_DIRECTORY/tokens");
        assert!(name.path(None).expect_err("no folder").detail.contains("start by systemd"));
        assert_eq!(
            name.path(Some(Path::new("/run/credentials/shirase.service"))),
            Ok(PathBuf::from("/run/credentials/shirase.service/tokens"))
        );
    }

    #[test]
    fn file_is_for_root_alone_unless_its_group_or_everybody_may_read_it() {
        for (user, group, mode, expected) in [
            (0, 0, 0o600, true),
            (0, 0, 0o640, true),
            (0, 990, 0o600, true),
            (0, 990, 0o640, false),
            (0, 0, 0o644, false),
            (990, 990, 0o600, false),
        ] {
            assert_eq!(is_for_root_alone(user, group, mode), expected, "{user} {group} {mode:o}");
        }
        let of_systemd = SecretFile::new("$CREDENTIALS_DIRECTORY/tokens");
        assert!(!of_systemd.is_for_root_alone());
    }

    #[test]
    fn relative_name_is_refused() {
        assert!(SecretFile::try_from(String::from("tokens")).is_err());
    }
}

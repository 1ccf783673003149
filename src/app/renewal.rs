//! What may change while the gateway runs: tokens and certificates.
//!
//! In: the files that the settings name, every half minute and on SIGHUP. Out: the tokens and certificates that hold from then
//! on. A file that cannot be used changes nothing, is told once, and stands on [`Renewals`] until it can.
//! Not here: settings, which hold from start to end; other secrets, which are read once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use super::clock::Clock;
use super::exit::{Exit, Failure};
use super::secrets::{self, SecretError, SecretFile};
use super::settings::{Http, Tls};
use crate::hook::renewals::{Renewable, Renewals};
use crate::hook::tls::{Certificates, Pem, TlsError};
use crate::hook::{LiveTokens, Tokens};
use crate::job::UnixMillis;

/// Between two looks. A token that is revoked works no longer than this.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// No chain of certificates is longer; a bundle of all public roots has 220 KiB.
const PEM_LIMIT_OCTETS: u64 = 256 << 10;

/// The files and what was made of them.
pub struct Renewal {
    tokens_file: SecretFile,
    tokens: LiveTokens,
    tokens_digest: Digest256,
    certificates: Option<(Tls, Arc<Certificates>)>,
    certificates_digest: Option<Digest256>,
    board: Renewals,
}

/// Of the files as they were used last, so that a change is taken once.
type Digest256 = [u8; 32];

impl Renewal {
    /// Reads everything for the first time.
    ///
    /// # Errors
    /// [`Failure`]: a file cannot be used.
    pub fn begin(http: &Http) -> Result<Self, Failure> {
        let (tokens, tokens_digest) = read_tokens(&http.tokens_file)
            .map_err(|message| Failure::new(Exit::Settings, message))?;
        if tokens.is_empty() {
            let message =
                format!("{}: no token in it: `shirase token new` makes one", http.tokens_file);
            // A client that shows a certificate needs none.
            if http.tls.as_ref().is_none_or(|tls| tls.client.is_empty()) {
                return Err(Failure::new(Exit::Settings, message));
            }
        }
        let read = http.tls.as_ref().map(|tls| -> Result<_, String> {
            let (pem, digest) = read_pem(tls)?;
            Ok(((tls.clone(), Arc::new(made(tls, &pem)?)), digest))
        });
        let read = read.transpose().map_err(|message| Failure::new(Exit::Settings, message))?;
        let (certificates, certificates_digest) = read.unzip();
        let shown = certificates.as_ref().map(|(_, certificates)| Arc::clone(certificates));
        Ok(Self {
            tokens_file: http.tokens_file.clone(),
            tokens: LiveTokens::new(tokens),
            tokens_digest,
            certificates,
            certificates_digest,
            board: Renewals::new(shown),
        })
    }

    pub fn tokens(&self) -> LiveTokens {
        self.tokens.clone()
    }

    pub fn certificates(&self) -> Option<Arc<Certificates>> {
        self.certificates.as_ref().map(|(_, certificates)| Arc::clone(certificates))
    }

    /// For those who look at it.
    pub fn board(&self) -> Renewals {
        self.board.clone()
    }

    /// Looks again and again; `now` asks for a look at once.
    pub async fn run(mut self, now: Arc<Notify>, clock: Arc<dyn Clock>) {
        loop {
            tokio::select! {
                () = now.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let at = clock.now();
            let looked = tokio::task::spawn_blocking(move || {
                self.look(at);
                self
            });
            // A look that panics ends the process, so there is always one that comes back.
            let Ok(again) = looked.await else { return };
            self = again;
        }
    }

    fn look(&mut self, now: UnixMillis) {
        match read_tokens(&self.tokens_file) {
            Ok((tokens, digest)) => {
                self.board.fresh(Renewable::Tokens);
                if std::mem::replace(&mut self.tokens_digest, digest) != digest {
                    tracing::info!(nobody = tokens.is_empty(), "app.tokens.renewed");
                    self.tokens.replace(tokens);
                }
            }
            Err(error) => {
                if self.board.stale(Renewable::Tokens, error.clone(), now) {
                    tracing::error!(%error, "app.tokens.not_renewed");
                }
            }
        }
        let Some((tls, certificates)) = &self.certificates else { return };
        let renewed = read_pem(tls).and_then(|(pem, digest)| {
            if self.certificates_digest != Some(digest) {
                certificates.renew(&pem).map_err(|error| named(tls, &error))?;
                tracing::info!("app.certificates.renewed");
            }
            Ok(digest)
        });
        match renewed {
            Ok(digest) => {
                self.board.fresh(Renewable::Certificates);
                self.certificates_digest = Some(digest);
            }
            Err(error) => {
                if self.board.stale(Renewable::Certificates, error.clone(), now) {
                    tracing::error!(%error, "app.certificates.not_renewed");
                }
            }
        }
    }
}

fn read_tokens(file: &SecretFile) -> Result<(Tokens, [u8; 32]), String> {
    let octets = file.read_hashes().map_err(|error| error.to_string())?;
    let text = std::str::from_utf8(&octets).map_err(|_| format!("{file}: no text"))?;
    let tokens = Tokens::parse(text).map_err(|(line, why)| format!("{file}:{line}: {why}"))?;
    Ok((tokens, Sha256::digest(&*octets).into()))
}

fn read_pem(tls: &Tls) -> Result<(Pem, [u8; 32]), String> {
    let open = |path: &Path| open_pem(path).map_err(|error| error.to_string());
    let chain = open(&tls.certificate)?;
    let key = tls.key_file.read().map_err(|error| error.to_string())?;
    let client_ca = tls.client_ca.as_deref().map(open).transpose()?;
    let mut digest = Sha256::new();
    for part in [Some(chain.as_slice()), Some(key.as_slice()), client_ca.as_deref()] {
        let part = part.unwrap_or_default();
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    Ok((Pem { chain, key, client_ca }, digest.finalize().into()))
}

/// What a file of certificates holds.
pub(super) fn open_pem(path: &Path) -> Result<Vec<u8>, SecretError> {
    secrets::read_open(path, PEM_LIMIT_OCTETS)
}

/// Puts the files together.
pub(super) fn made(tls: &Tls, pem: &Pem) -> Result<Certificates, String> {
    Certificates::new(pem, tls.clients()).map_err(|error| named(tls, &error))
}

/// With the file that it is about.
fn named(tls: &Tls, error: &TlsError) -> String {
    let file = match error {
        TlsError::Certificate(_) | TlsError::Pair(_) => tls.certificate.display().to_string(),
        TlsError::Key(_) => tls.key_file.to_string(),
        TlsError::ClientCa(_) => {
            tls.client_ca.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
        }
        TlsError::Name(_) => String::from("[[http.tls.client]]"),
    };
    format!("{file}: {error}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::app::settings::tests::{LEAST, parse};
    use crate::hook::tls::examples::valid_until;
    use crate::job::examples::TUESDAY_10_00 as NOW;

    /// The files of a gateway that renews them, and what is known of them.
    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> (Self, Renewal) {
            let folder = Self(tempfile::tempdir().expect("a folder"));
            folder.has_tokens("exchange", 0);
            folder.has_pair(&valid_until(2026, 12, 1));
            let place = folder.0.path().display();
            let text = format!(
                "{LEAST}[http.tls]\nlisten = \"127.0.0.1:8751\"\ncertificate = \"{place}/chain.pem\"\n\
                 key_file = \"{place}/chain.key\"\n"
            );
            let mut http = parse(&text).expect("settings").http;
            http.tokens_file = SecretFile::new(&format!("{place}/tokens"));
            let renewal = Renewal::begin(&http).unwrap_or_else(|fault| panic!("{}", fault.message));
            (folder, renewal)
        }

        fn has_tokens(&self, client: &str, digit: u8) {
            let hash = digit.to_string().repeat(64);
            self.write("tokens", format!("{client} sha256:{hash} read\n").as_bytes());
        }

        fn has_pair(&self, pem: &Pem) {
            self.write("chain.pem", &pem.chain);
            self.write("chain.key", &pem.key);
        }

        fn write(&self, name: &str, octets: &[u8]) {
            let path = self.0.path().join(name);
            std::fs::write(&path, octets).expect("written");
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("a mode");
        }
    }

    fn hours_later(hours: u64) -> UnixMillis {
        NOW.after(Duration::from_secs(3600 * hours))
    }

    #[test]
    fn files_that_cannot_be_used_are_known_since_the_first_look_until_they_are_mended() {
        let (folder, mut renewal) = Folder::new();
        let board = renewal.board();
        let since = |of| board.fault(of).map(|stale| stale.since);
        renewal.look(NOW);
        assert_eq!(Renewable::ALL.iter().find_map(|of| board.fault(*of)), None);

        folder.write("tokens", b"exchange\n");
        folder.write("chain.pem", &valid_until(2027, 12, 1).chain);
        renewal.look(hours_later(1));
        folder.write("tokens", b"exchange sha256:00 read\n");
        renewal.look(hours_later(2));
        for of in Renewable::ALL {
            assert_eq!((since(*of), board.failed_looks(*of)), (Some(hours_later(1)), 2), "{of}");
        }
        let message = |of| board.fault(of).map(|stale| stale.message).unwrap_or_default();
        assert!(
            message(Renewable::Tokens).contains("tokens:1: "),
            "{}",
            message(Renewable::Tokens)
        );
        let pair = message(Renewable::Certificates);
        assert!(
            pair.contains("chain.pem: certificate and key_file do not belong together"),
            "{pair}"
        );
        let end = || board.certificate_end().map(UnixMillis::rfc3339);
        assert_eq!(end().as_deref(), Some("2026-12-01T00:00:00Z"), "the old one is shown");

        folder.has_tokens("exchange", 1);
        folder.has_pair(&valid_until(2027, 12, 1));
        renewal.look(hours_later(3));
        for of in Renewable::ALL {
            assert_eq!((since(*of), board.failed_looks(*of)), (None, 2), "{of}");
        }
        assert_eq!(end().as_deref(), Some("2027-12-01T00:00:00Z"));
    }

    #[test]
    fn fault_is_news_once_and_again_when_it_is_another() {
        let board = Renewals::default();
        let told = |message: &str| board.stale(Renewable::Tokens, message.into(), NOW);
        assert_eq!([told("a"), told("a"), told("b"), told("b")], [true, false, true, false]);
        board.fresh(Renewable::Tokens);
        assert!(told("b"), "it was well in between");
    }
}

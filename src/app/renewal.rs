//! What may change while the gateway runs: tokens and certificates.
//!
//! In: the files that the settings name, every half minute and on SIGHUP. Out: the tokens and certificates that hold from then
//! on. A file that cannot be used changes nothing and is told once.
//! Not here: settings, which hold from start to end; other secrets, which are read once.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use super::exit::{Exit, Failure};
use super::secrets::{self, SecretFile};
use super::settings::{Http, Tls};
use crate::hook::tls::{Certificates, Pem, TlsError};
use crate::hook::{LiveTokens, Tokens};

/// Between two looks. A token that is revoked works no longer than this.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// No chain of certificates is longer; a bundle of all public roots has 220 KiB.
const PEM_LIMIT_OCTETS: u64 = 256 << 10;

/// The files and what was made of them.
pub struct Renewal {
    tokens_file: SecretFile,
    tokens: LiveTokens,
    seen_tokens: Seen,
    certificates: Option<(Tls, Arc<Certificates>)>,
    seen_certificates: Seen,
}

impl Renewal {
    /// Reads everything for the first time.
    ///
    /// # Errors
    /// [`Failure`]: a file cannot be used.
    pub fn begin(http: &Http) -> Result<Self, Failure> {
        let (tokens, seen_tokens) = read_tokens(&http.tokens_file)
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
            let made =
                Certificates::new(&pem, tls.clients()).map_err(|error| named(tls, &error))?;
            Ok(((tls.clone(), Arc::new(made)), digest))
        });
        let (certificates, seen_certificates) = match read {
            None => (None, Seen::default()),
            Some(Ok((made, digest))) => (Some(made), Seen::of(digest)),
            Some(Err(message)) => return Err(Failure::new(Exit::Settings, message)),
        };
        Ok(Self {
            tokens_file: http.tokens_file.clone(),
            tokens: LiveTokens::new(tokens),
            seen_tokens: Seen::of(seen_tokens),
            certificates,
            seen_certificates,
        })
    }

    pub fn tokens(&self) -> LiveTokens {
        self.tokens.clone()
    }

    pub fn certificates(&self) -> Option<Arc<Certificates>> {
        self.certificates.as_ref().map(|(_, certificates)| Arc::clone(certificates))
    }

    /// Looks again and again; `now` asks for a look at once.
    pub async fn run(mut self, now: Arc<Notify>) {
        loop {
            tokio::select! {
                () = now.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let looked = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            // A look that panics ends the process, so there is always one that comes back.
            let Ok(again) = looked.await else { return };
            self = again;
        }
    }

    fn look(&mut self) {
        match read_tokens(&self.tokens_file) {
            Ok((tokens, digest)) => {
                if self.seen_tokens.is_new(digest) {
                    tracing::info!(nobody = tokens.is_empty(), "app.tokens.renewed");
                    self.tokens.replace(tokens);
                }
            }
            Err(message) => self.seen_tokens.refuse(message, "app.tokens.not_renewed"),
        }
        let Some((tls, certificates)) = &self.certificates else { return };
        let renewed = read_pem(tls).and_then(|(pem, digest)| {
            let is_new = self.seen_certificates.is_other(digest);
            if is_new {
                certificates.renew(&pem).map_err(|error| named(tls, &error))?;
            }
            Ok(digest)
        });
        match renewed {
            Ok(digest) => {
                if self.seen_certificates.is_new(digest) {
                    tracing::info!("app.certificates.renewed");
                }
            }
            Err(message) => self.seen_certificates.refuse(message, "app.certificates.not_renewed"),
        }
    }
}

/// What a look found last, so that a change is taken once and a fault is told once.
#[derive(Default)]
struct Seen {
    digest: Option<[u8; 32]>,
    fault: Option<String>,
}

impl Seen {
    fn of(digest: [u8; 32]) -> Self {
        Self { digest: Some(digest), fault: None }
    }

    fn is_other(&self, digest: [u8; 32]) -> bool {
        self.digest != Some(digest)
    }

    fn is_new(&mut self, digest: [u8; 32]) -> bool {
        self.fault = None;
        self.digest.replace(digest) != Some(digest)
    }

    fn refuse(&mut self, message: String, event: &'static str) {
        if self.fault.as_ref() != Some(&message) {
            tracing::error!(error = %message, "{event}");
            self.fault = Some(message);
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
    let open = |path| secrets::read_open(path, PEM_LIMIT_OCTETS).map_err(|error| error.to_string());
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

//! Files that are read again while the gateway runs, as others see them: could the last look use them, and when does the
//! certificate run out?
//!
//! In: what each look found. Out: what is known, at any time. A file that cannot be used changes nothing, so nobody notices
//! but by this: a token that was revoked in it goes on working.
//! Not here: when the files are read (`app/renewal.rs`), what is pointed out (`status.rs`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::tls::Certificates;
use crate::job::UnixMillis;
use crate::job::names::stable_names;

/// What is read again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Renewable {
    Tokens,
    Certificates,
}

stable_names!(Renewable {
    Tokens => "tokens",
    Certificates => "certificates",
});

/// The files as they are cannot be used; what they held before is still in use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stale {
    /// When a look first found them so.
    pub since: UnixMillis,
    /// The file, and what is wrong with it now.
    pub message: String,
}

/// What is known of them. Clones share it.
#[derive(Clone, Default)]
pub struct Renewals {
    certificates: Option<Arc<Certificates>>,
    looks: Arc<Mutex<Looks>>,
}

#[derive(Default)]
struct Looks {
    tokens: Seen,
    certificates: Seen,
}

/// What the looks at one of them found.
#[derive(Default)]
struct Seen {
    stale: Option<Stale>,
    failed: u64,
}

impl Renewals {
    pub fn new(certificates: Option<Arc<Certificates>>) -> Self {
        Self { certificates, looks: Arc::default() }
    }

    /// A look could use the files.
    pub fn fresh(&self, of: Renewable) {
        self.lock().of(of).stale = None;
    }

    /// A look could not. True if they were not known to be wrong in this way.
    pub fn stale(&self, of: Renewable, message: String, now: UnixMillis) -> bool {
        let mut looks = self.lock();
        let seen = looks.of(of);
        seen.failed = seen.failed.saturating_add(1);
        let before = seen.stale.take();
        let since = before.as_ref().map_or(now, |before| before.since);
        let is_news = before.is_none_or(|before| before.message != message);
        seen.stale = Some(Stale { since, message });
        is_news
    }

    /// What is wrong with the files now.
    pub fn fault(&self, of: Renewable) -> Option<Stale> {
        self.lock().of(of).stale.clone()
    }

    /// Looks since the start that could not use the files.
    pub fn failed_looks(&self, of: Renewable) -> u64 {
        self.lock().of(of).failed
    }

    /// The last moment at which the certificate is valid that callers on other machines are shown.
    pub fn certificate_end(&self) -> Option<UnixMillis> {
        self.certificates.as_ref().and_then(|certificates| certificates.end())
    }

    fn lock(&self) -> MutexGuard<'_, Looks> {
        // Nothing here can break half-way.
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Looks {
    fn of(&mut self, of: Renewable) -> &mut Seen {
        match of {
            Renewable::Tokens => &mut self.tokens,
            Renewable::Certificates => &mut self.certificates,
        }
    }
}

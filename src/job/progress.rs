//! How far a call is, right now: in memory only, for people who watch.
//!
//! In: what `send` sees during a call. Out: the `live` part of a notification's view.
//! Not here: evidence. A rung that matters is a [`crate::queue::Step`], on disk before it is shown.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::JobId;

/// What is happening on a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Live {
    pub line: String,
    /// `dialling`, `answered`, `identity`, `training`, `page`, `confirmed`, `hung_up`; of a mail `connecting`,
    /// `content`.
    pub phase: &'static str,
    /// 0 to 100 of the page, while it runs.
    pub percent: Option<u8>,
}

/// The calls that are on. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct ProgressBoard(Arc<Mutex<HashMap<JobId, Live>>>);

impl ProgressBoard {
    /// Writes how far a call is.
    pub fn set(&self, id: JobId, live: Live) {
        self.lock().insert(id, live);
    }

    /// How far it is, if a call is on.
    pub fn get(&self, id: JobId) -> Option<Live> {
        self.lock().get(&id).cloned()
    }

    /// The call is over.
    pub fn clear(&self, id: JobId) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, Live>> {
        // Nothing can break half-way through an insert or a remove.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

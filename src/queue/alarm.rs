//! The store cannot be believed any more: whoever notices raises it, `serve` ends the process, and the
//! next start asks the disk.

use std::sync::Arc;

use tokio::sync::Notify;

/// Raised once, never taken back. Clones share it.
#[derive(Clone, Default)]
pub struct Alarm(Arc<Notify>);

impl Alarm {
    /// The process must end. From any thread.
    pub fn raise(&self) {
        self.0.notify_one();
    }

    /// Waits until it is raised; at once if it was.
    pub async fn raised(&self) {
        self.0.notified().await;
    }
}

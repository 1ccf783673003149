//! A result on its way into the store: handed in again as long as it is kept out by what passes.
//!
//! In: a settlement and the store's first answer to it. Out: its last one. A full disk is given room, and whoever else holds the
//! file lets it go: until then the result is known here alone, and a process that ended would lose it.
//! Not here: what a result means (`settle`), what follows from one that is lost (`schedule`: the process ends, and the next start
//! settles the attempt).

use std::time::Duration;

use tokio::time::sleep;

use crate::job::{AttemptId, JobId};
use crate::queue::{Queue, QueueError};
use crate::settle::Settlement;

/// So often it is handed in again, a second apart, before it is given up.
const TRIES: u32 = 60;

/// The store's last word on the result.
pub(super) async fn stored(
    queue: &dyn Queue,
    job: JobId,
    attempt: AttemptId,
    settlement: &Settlement,
    first: Result<(), QueueError>,
) -> Result<(), QueueError> {
    let mut answer = first;
    for _ in 0..TRIES {
        match answer {
            Err(error @ (QueueError::Full | QueueError::InUse)) => {
                tracing::error!(%job, attempt = attempt.0, %error, "job.result.waits");
            }
            Ok(())
            | Err(
                QueueError::Stopped
                | QueueError::Ambiguous
                | QueueError::NotAllowed { .. }
                | QueueError::Held
                | QueueError::Failing { .. }
                | QueueError::Broken { .. },
            ) => break,
        }
        sleep(Duration::from_secs(1)).await;
        answer = queue.settle(attempt, settlement.clone()).await;
    }
    answer
}

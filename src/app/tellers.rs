//! The endpoints that are told what happens, as the rest of the program sees them: started, watched, stopped.
//!
//! In: `[[webhook]]` of the settings. Out: a task for each.
//! Not here: what such a task does (`tell/telling.rs`).

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::settings::Webhook;
use super::systemd::Heartbeats;
use crate::send::LineFault;
use crate::tell::{Parts, Post, Teller, Tellers};

/// The running tasks.
pub struct Telling {
    tellers: Tellers,
    tasks: Vec<JoinHandle<()>>,
}

impl Telling {
    /// Starts them. Endpoints that do not answer are waited for, and so are secrets and certificates that cannot be read.
    pub fn start(
        settings: &[Webhook],
        parts: &Parts,
        hearts: &Heartbeats,
        runtime: &Handle,
    ) -> Self {
        let teller = |settings: &Webhook| {
            let kept = settings.clone();
            let open = move || match kept.open() {
                Ok(endpoint) => Ok(Box::new(endpoint) as Box<dyn Post>),
                Err(error) => Err(LineFault {
                    code: "webhook-settings",
                    message: format!("{error}: {}", error.remedy()),
                }),
            };
            let clock = Arc::clone(&parts.clock);
            Teller::new(settings.endpoint(), settings.origin(), Arc::new(open), clock)
        };
        let tellers = Tellers::new(settings.iter().map(teller).collect());
        let begin = |teller: &Teller| {
            let (work, pulse) = tellers.work(teller, parts.clone());
            hearts.watch(format!("webhook-{}", teller.name()), move || Some(pulse.turns()));
            runtime.spawn(work)
        };
        let tasks = tellers.all().iter().map(begin).collect();
        Self { tellers, tasks }
    }

    /// For those who look at them.
    pub fn tellers(&self) -> Tellers {
        self.tellers.clone()
    }

    /// Ends them; posts under way get some seconds. What happens from now on is told after the next start.
    pub fn stop(self, runtime: &Handle) {
        self.tellers.stop();
        for task in self.tasks {
            // One that panicked has ended the process.
            let _ = runtime.block_on(task);
        }
    }
}

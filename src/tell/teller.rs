//! One endpoint as others see it: how it stands, a try by hand, the word that it is mended.
//!
//! In: an endpoint of the settings and a way to open it. Out: a [`TellStatus`] at any time; it is in memory, and the store
//! has what was before.
//! Not here: what its task does (`telling.rs`).

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};
use webhook::{Answered, Endpoint, PostError};

use super::faults;
use super::message::Message;
use super::telling::Telling;
use crate::app::clock::Clock;
use crate::app::systemd::Pulse;
use crate::job::UnixMillis;
use crate::queue::{Alarm, Queue, WebhookEndpoint};
use crate::send::LineFault;

/// Files that are not read by then are on a disk that hangs.
const OPENED_WITHIN: Duration = Duration::from_secs(20);

/// A post under way.
pub type Posted<'a> = Pin<Box<dyn Future<Output = Result<Answered, PostError>> + Send + 'a>>;

/// Somebody who posts. See [`Endpoint`].
pub trait Post: Send + Sync {
    /// `now_s`: the time of this attempt, in seconds since 1970.
    fn post<'a>(&'a self, message: &'a webhook::Message<'a>, now_s: i64) -> Posted<'a>;
}

impl Post for Endpoint {
    fn post<'a>(&'a self, message: &'a webhook::Message<'a>, now_s: i64) -> Posted<'a> {
        Box::pin(self.post(message, now_s))
    }
}

/// Reads secrets and certificates and gives who posts; asked anew after a failure, since somebody may have mended a file.
pub type Opener = Arc<dyn Fn() -> Result<Box<dyn Post>, LineFault> + Send + Sync>;

/// Why a try by hand did not end with a 2xx.
pub type TellFault = LineFault;

/// What an endpoint is at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TellState {
    /// The store was not asked yet.
    Starting,
    /// It is told what happens as it happens.
    Telling,
    /// It took nothing, and is left in peace until then.
    Resting {
        until: UnixMillis,
    },
    /// Its secrets or certificates cannot be read.
    Faulty(LineFault),
    /// It answered 410: nothing is posted until somebody says otherwise.
    Disabled,
    Stopped,
}

impl TellState {
    /// Stable name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Telling => "telling",
            Self::Resting { .. } => "resting",
            Self::Faulty(_) => "faulty",
            Self::Disabled => "disabled",
            Self::Stopped => "stopped",
        }
    }
}

/// What is known of an endpoint besides what the store has.
#[derive(Clone, Debug)]
pub struct TellStatus {
    pub state: TellState,
    pub since: UnixMillis,
}

/// What every endpoint needs.
#[derive(Clone)]
pub struct Parts {
    pub queue: Arc<dyn Queue>,
    pub clock: Arc<dyn Clock>,
    pub alarm: Alarm,
}

/// An endpoint. Clones share it.
#[derive(Clone)]
pub struct Teller(Arc<Shared>);

struct Shared {
    endpoint: WebhookEndpoint,
    origin: String,
    open: Opener,
    /// Its files are read one time after the other: a read that hangs holds one thread and not more and more.
    reads: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    status: Mutex<TellStatus>,
    wake: Notify,
}

impl Teller {
    /// `origin`: as much of its URL as may be shown.
    pub fn new(
        endpoint: WebhookEndpoint,
        origin: String,
        open: Opener,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let status = TellStatus { state: TellState::Starting, since: clock.now() };
        let (status, wake) = (Mutex::new(status), Notify::new());
        let reads = Arc::new(Semaphore::new(1));
        Self(Arc::new(Shared { endpoint, origin, open, reads, clock, status, wake }))
    }

    pub fn endpoint(&self) -> &WebhookEndpoint {
        &self.0.endpoint
    }

    pub fn name(&self) -> &str {
        &self.0.endpoint.name
    }

    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// What is known now.
    pub fn status(&self) -> TellStatus {
        self.lock().clone()
    }

    /// It looks at once, also if it rests.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Posts a `ping` now, whatever state it is in. Changes nothing.
    ///
    /// # Errors
    /// What is wrong and what to do.
    pub async fn test(&self) -> Result<Answered, TellFault> {
        let post = self.open().await?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| TellFault {
            code: "internal",
            message: format!("no random octets: {error}"),
        })?;
        let now = self.0.clock.now();
        let message = Message::ping(self.name(), now, random);
        let message = webhook::Message { id: &message.id, body: message.body.as_bytes() };
        post.post(&message, now.0.div_euclid(1000))
            .await
            .map_err(|error| TellFault { code: error.code(), message: faults::sentence(&error) })
    }

    /// Reads what is needed to post; not on a thread that has others to serve.
    pub(super) async fn open(&self) -> Result<Box<dyn Post>, LineFault> {
        let (open, reads) = (Arc::clone(&self.0.open), Arc::clone(&self.0.reads));
        let opened = async {
            let turn = reads.acquire_owned().await;
            tokio::task::spawn_blocking(move || {
                let _turn = turn;
                open()
            })
            .await
        };
        match tokio::time::timeout(OPENED_WITHIN, opened).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => Err(LineFault { code: "internal", message: error.to_string() }),
            Err(_late) => Err(LineFault {
                code: "webhook-settings",
                message: format!(
                    "its secret files or its ca_file were not read within {} s: see that the disk that holds them answers",
                    OPENED_WITHIN.as_secs()
                ),
            }),
        }
    }

    pub(super) fn show(&self, state: TellState, now: UnixMillis) {
        let mut status = self.lock();
        if status.state != state {
            *status = TellStatus { state, since: now };
        }
    }

    pub(super) async fn woken(&self) {
        self.0.wake.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, TellStatus> {
        // Nothing here can break half-way.
        self.0.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All endpoints of the settings, in their order. Clones share them.
#[derive(Clone)]
pub struct Tellers {
    tellers: Arc<[Teller]>,
    stop: Arc<watch::Sender<bool>>,
}

impl Default for Tellers {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Tellers {
    pub fn new(tellers: Vec<Teller>) -> Self {
        Self { tellers: tellers.into(), stop: Arc::new(watch::Sender::new(false)) }
    }

    pub fn all(&self) -> &[Teller] {
        &self.tellers
    }

    pub fn named(&self, name: &str) -> Option<&Teller> {
        self.tellers.iter().find(|teller| teller.name() == name)
    }

    /// The work of one of them, which ends with [`Tellers::stop`]; and what shows that it moves.
    pub fn work(
        &self,
        teller: &Teller,
        parts: Parts,
    ) -> (impl Future<Output = ()> + Send + use<>, Pulse) {
        let pulse = Pulse::default();
        let telling = Telling::new(teller.clone(), parts, pulse.clone(), self.stop.subscribe());
        (telling.run(), pulse)
    }

    /// Ends all of them: posts that are under way get some seconds, others stay for the next start.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

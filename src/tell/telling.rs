//! The task of one endpoint: asks what is due, posts it, keeps what became of it.
//!
//! In: news of the store, the time. Out: posts. Each endpoint has a task of its own, so that one that hangs delays no other.
//! What is due goes out together, each of another notification; only when all of it is answered, or too late, and kept,
//! comes the next. A process that ends in between posts it again, with the same ids.
//! Not here: which events and when (`carries.rs`, `patience.rs`).

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use webhook::{Answered, PostError};

use super::message::Message;
use super::patience::{Temper, fate};
use super::teller::{Parts, Post, TellState, Teller};
use crate::app::crash::{self, Point};
use crate::app::systemd::Pulse;
use crate::job::UnixMillis;
use crate::queue::{Pending, QueueError, WebhookDue, WebhookFate, WebhookOpened, WebhookOutcome};

/// Posts that go out together. Chosen: a receiver takes so many at once, and a wide way is filled.
const AT_ONCE: u16 = 8;
/// An endpoint looks so often by itself, whatever woke it or did not, and however the clock was set.
const LOOK_EVERY: Duration = Duration::from_secs(5 * 60);
/// Files that could not be read are read again so often.
const READ_EVERY: Duration = Duration::from_secs(60);
/// A clock that is in doubt is looked at so often.
const DOUBT_EVERY: Duration = Duration::from_secs(5);
/// Until a store that could not answer is asked again.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// The watchdog wants to see a move more often than this.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// What posts under way get when the gateway stops.
const GRACE: Duration = Duration::from_secs(5);

pub(super) struct Telling {
    teller: Teller,
    parts: Parts,
    pulse: Pulse,
    stop: watch::Receiver<bool>,
    news: watch::Receiver<i64>,
    temper: Temper,
    /// The store takes the endpoint on before anything that it is asked afterwards.
    opening: Option<Pending<WebhookOpened>>,
    /// None: secrets and certificates have to be read.
    post: Option<Box<dyn Post>>,
}

/// It is over: the gateway stops, or the store cannot be believed any more.
struct Ended;

type Result<T> = std::result::Result<T, Ended>;
type Answers = Vec<std::result::Result<Answered, PostError>>;

impl Telling {
    /// What happens from now on is told, whenever the work begins.
    pub(super) fn new(
        teller: Teller,
        parts: Parts,
        pulse: Pulse,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let news = parts.queue.news();
        let opening = parts.queue.webhook_open(teller.endpoint().clone(), parts.clock.now());
        let (temper, opening) = (Temper::default(), Some(opening));
        Self { teller, parts, pulse, stop, news, temper, opening, post: None }
    }

    pub(super) async fn run(mut self) {
        if self.begin().await.is_ok() {
            while let Ok(()) = self.turn().await {}
        }
        self.show(TellState::Stopped);
    }

    async fn begin(&mut self) -> Result<()> {
        let (endpoint, mut opening) = (self.teller.endpoint().clone(), self.opening.take());
        let opened = self.ask(|parts| {
            let again = || parts.queue.webhook_open(endpoint.clone(), parts.clock.now());
            opening.take().unwrap_or_else(again)
        });
        let opened = opened.await?;
        let name = self.teller.name();
        match opened {
            WebhookOpened::New { after } => {
                tracing::info!(endpoint = name, after, "webhook.endpoint.new");
            }
            WebhookOpened::Known { after } => {
                tracing::info!(endpoint = name, after, "webhook.endpoint.known");
            }
        }
        Ok(())
    }

    /// One look: what is due is posted, or there is nothing to do and it waits.
    async fn turn(&mut self) -> Result<()> {
        self.pulse.beat();
        // A receiver would refuse a signature of another time, as if the endpoint were broken. As lines do, it waits.
        if self.parts.clock.doubt().is_some() {
            return self.wait(DOUBT_EVERY, false).await;
        }
        // What comes after this look ends the wait after it.
        self.news.borrow_and_update();
        let Some(post) = self.opened().await? else { return Ok(()) };
        let (now, name) = (self.parts.clock.now(), self.teller.name().to_owned());
        let most = if self.temper.is_bad() { 1 } else { AT_ONCE };
        let work = self.ask(|parts| parts.queue.webhook_work(name.clone(), now, most)).await?;
        if work.disabled {
            self.post = Some(post);
            if self.teller.status().state != TellState::Disabled {
                tracing::error!(
                    endpoint = name,
                    what = "nothing is posted: mend the receiver, then `shirase webhook retry`",
                    "webhook.endpoint.disabled"
                );
            }
            self.show(TellState::Disabled);
            return self.wait(LOOK_EVERY, false).await;
        }
        if work.due.is_empty() {
            self.post = Some(post);
            self.show(TellState::Telling);
            if work.more {
                return Ok(());
            }
            let until = work.next_due.map_or(LOOK_EVERY, |due| span(now, due).min(LOOK_EVERY));
            return self.wait(until, true).await;
        }
        crash::here(Point::WebhookDueCommitted);
        let answers = self.post_all(post.as_ref(), &work.due).await?;
        crash::here(Point::WebhookPosted);
        // After a failure the files are read anew: somebody may have mended one.
        self.post = answers.iter().all(std::result::Result::is_ok).then_some(post);
        self.keep(&work.due, &answers).await?;
        crash::here(Point::WebhookMarked);
        let was_bad = self.temper.is_bad();
        let rest = self.temper.after(&answers);
        if was_bad && !self.temper.is_bad() {
            let now = self.parts.clock.now();
            let told_at = work.told_at;
            let due =
                self.ask(|parts| parts.queue.webhook_back(name.clone(), told_at, now)).await?;
            tracing::info!(endpoint = name, due, "webhook.endpoint.back");
        }
        if let Some(rest) = rest {
            self.show(TellState::Resting { until: self.parts.clock.now().after(rest) });
            return self.wait(rest, false).await;
        }
        self.show(TellState::Telling);
        Ok(())
    }

    /// Who posts; none, after a wait, if files cannot be read.
    async fn opened(&mut self) -> Result<Option<Box<dyn Post>>> {
        if let Some(post) = self.post.take() {
            return Ok(Some(post));
        }
        match beating(&self.pulse, self.teller.open()).await {
            Ok(post) => Ok(Some(post)),
            Err(fault) => {
                if self.teller.status().state != TellState::Faulty(fault.clone()) {
                    tracing::error!(endpoint = self.teller.name(), %fault, "webhook.endpoint.faulty");
                }
                self.show(TellState::Faulty(fault));
                self.wait(READ_EVERY, false).await?;
                Ok(None)
            }
        }
    }

    /// Posts together what is due. A stop leaves what is not answered soon for the next start.
    async fn post_all(&mut self, post: &dyn Post, due: &[WebhookDue]) -> Result<Answers> {
        let now_s = self.parts.clock.now().0.div_euclid(1000);
        let name = self.teller.name();
        let messages: Vec<Message> = due.iter().map(|due| Message::of(&due.event, name)).collect();
        let posts = messages.iter().map(async |message| {
            let message = webhook::Message { id: &message.id, body: message.body.as_bytes() };
            post.post(&message, now_s).await
        });
        let mut stop = self.stop.clone();
        let stopped = async {
            // A sender that is gone has stopped, too.
            let _ = stop.wait_for(|stopped| *stopped).await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            biased;
            answers = beating(&self.pulse, join_all(posts)) => Ok(answers),
            () = stopped => Err(Ended),
        }
    }

    /// Keeps what became of posts. Nothing goes on before that: what is not marked would be posted again and again.
    async fn keep(&mut self, due: &[WebhookDue], answers: &Answers) -> Result<()> {
        let now = self.parts.clock.now();
        let mut random = vec![0; due.len()];
        // Without random octets the waits are as they stand in the schedule.
        let _ = getrandom::fill(&mut random);
        let outcomes: Vec<WebhookOutcome> = due
            .iter()
            .zip(answers)
            .zip(random)
            .map(|((due, answer), random)| WebhookOutcome {
                event: due.event.cursor,
                fate: fate(answer, due.tries, due.turn_at, now, random),
            })
            .collect();
        let name = self.teller.name().to_owned();
        for (due, outcome) in due.iter().zip(&outcomes) {
            tell_journal(&name, due, outcome);
        }
        self.ask(|parts| parts.queue.webhook_done(name.clone(), outcomes.clone(), now)).await
    }

    /// Asks the store, again and again as long as it can answer another time.
    async fn ask<T>(&mut self, mut question: impl FnMut(&Parts) -> Pending<T>) -> Result<T> {
        loop {
            match question(&self.parts).await {
                Ok(answer) => return Ok(answer),
                Err(error @ (QueueError::Ambiguous | QueueError::Stopped)) => {
                    tracing::error!(endpoint = self.teller.name(), %error, "webhook.store.failed");
                    self.parts.alarm.raise();
                    return Err(Ended);
                }
                Err(
                    error @ (QueueError::Full
                    | QueueError::InUse
                    | QueueError::NotAllowed { .. }
                    | QueueError::Held
                    | QueueError::Failing { .. }
                    | QueueError::Broken { .. }),
                ) => {
                    tracing::error!(endpoint = self.teller.name(), %error, "webhook.store.failed");
                    self.wait(TRY_AGAIN, false).await?;
                }
            }
        }
    }

    /// Waits until somebody wakes it, or as long; with `for_news` until there is something new.
    async fn wait(&mut self, longest: Duration, for_news: bool) -> Result<()> {
        let Self { teller, pulse, stop, news, .. } = self;
        let waited = async {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stopped| *stopped) => Err(Ended),
                () = teller.woken() => Ok(()),
                // A store that is gone tells nothing any more: its next answer says so.
                Ok(()) = news.changed(), if for_news => Ok(()),
                () = tokio::time::sleep(longest) => Ok(()),
            }
        };
        beating(pulse, waited).await
    }

    fn show(&self, state: TellState) {
        self.teller.show(state, self.parts.clock.now());
    }
}

/// Awaits what ends by itself, and shows meanwhile that the task moves.
async fn beating<T>(pulse: &Pulse, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep(BEAT_EVERY) => pulse.beat(),
        }
    }
}

fn span(now: UnixMillis, later: UnixMillis) -> Duration {
    Duration::from_millis(u64::try_from(later.0.saturating_sub(now.0)).unwrap_or(0))
}

fn tell_journal(endpoint: &str, due: &WebhookDue, outcome: &WebhookOutcome) {
    let (notification, cursor) = (due.event.job.to_string(), due.event.cursor);
    let posts = due.tries.saturating_add(1);
    match &outcome.fate {
        WebhookFate::Told => {
            tracing::debug!(endpoint, notification, cursor, posts, "webhook.post.taken");
        }
        WebhookFate::Again { due, code, detail } => {
            let next = due.rfc3339();
            tracing::warn!(
                endpoint,
                notification,
                cursor,
                posts,
                code,
                detail,
                next,
                "webhook.post.failed"
            );
        }
        WebhookFate::GivenUp { code, detail } => {
            tracing::error!(
                endpoint,
                notification,
                cursor,
                posts,
                code,
                detail,
                what = "it is not posted any more: the exchange finds it in GET /v1/events before this cursor",
                "webhook.post.given_up"
            );
        }
        WebhookFate::Disabled { code, detail } => {
            tracing::error!(
                endpoint,
                notification,
                cursor,
                posts,
                code,
                detail,
                "webhook.post.gone"
            );
        }
    }
}

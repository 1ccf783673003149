//! `POST /v1/preflight`: what would become of a notification; and the one judgement that it shares with the acceptance.
//!
//! In: the body of a notification. Out: a judgement that may be stored; or the problem that the caller gets, the same
//! whether he hands it in or only asks.
//! What waits is asked for once a second and counted on in between: the answer would be the same, and a thousand callers
//! at once must not each have it added up.
//! Not here: whether the same request came before (`notifications.rs`), when its turn comes (`schedule/horizon.rs`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::alerts;
use super::auth::MayNotify;
use super::body;
use super::notifications::within_rate;
use super::problem::{Code, FieldError, Problem, ProblemBody, ProjectionView};
use super::{FieldFault, Hook, SheetFault};
use crate::job::meaning::Meaning;
use crate::job::{Channel, ClientId, FaxNumber, NewJob, UnixMillis, Urgency};
use crate::office::known::{Known, NotCalled};
use crate::office::{self, Office, Route};
use crate::queue::{Appliance, Tally};
use crate::schedule::horizon::{self, Projection};
use crate::schedule::windows::Windows;

/// What is counted is believed for so long.
const COUNTED_ANEW_AFTER: Duration = Duration::from_secs(1);

/// A notification that may be taken on.
pub(super) struct Judged {
    pub(super) job: NewJob,
    pub(super) office: Option<Office>,
    pub(super) route: Route,
    pub(super) projection: Projection,
}

/// Every check of a notification, in the order in which the caller hears of what is wrong.
pub(super) async fn judge(
    hook: &Hook,
    client: &ClientId,
    octets: &[u8],
    now: UnixMillis,
) -> Result<Judged, Problem> {
    if hook.clock.doubt().is_some_and(|doubt| doubt.is_guess) {
        return Err(Problem::new(Code::ClockNotSet));
    }
    let job = body::parse(octets, now)?;
    let office = hook
        .queue
        .office(client.clone(), job.recipient.office_number.clone())
        .await
        .map_err(|error| hook.queue_problem(error))?;
    let known = if hook.policy.asks_for_proof(job.content.credentials().is_some()) {
        remembered(hook, &job.recipient.fax).await?
    } else {
        Known::default()
    };
    let route = office::decide(&job, &hook.policy, office.as_ref(), &known, now)?;
    calling_hours(hook, &job, now)?;
    let projection = in_time(hook, &job, route.channel(), now).await?;
    let job = drawable(hook, job).await?;
    Ok(Judged { job, office, route, projection })
}

/// What is remembered of the number. What cannot be read is not believed.
pub(super) async fn remembered(hook: &Hook, number: &FaxNumber) -> Result<Known, Problem> {
    let known = hook.queue.known(number.clone()).await;
    let known = known.map_err(|error| hook.queue_problem(error))?;
    Ok(known.and_then(Result::ok).unwrap_or_default())
}

fn first_try(job: &NewJob, now: UnixMillis) -> UnixMillis {
    job.not_before.map_or(now, |not_before| not_before.max(now))
}

/// Accepting what cannot be sent in its time would be losing it politely.
fn calling_hours(hook: &Hook, job: &NewJob, now: UnixMillis) -> Result<(), Problem> {
    match hook.windows.next_open(first_try(job, now)) {
        Some(open) if open < job.not_after.before(body::LEAST_LIFE) => Ok(()),
        Some(_) | None => Err(Problem::new(Code::OutsideCallingHours)),
    }
}

/// So would accepting what has too much before it.
async fn in_time(
    hook: &Hook,
    job: &NewJob,
    channel: Channel,
    now: UnixMillis,
) -> Result<Projection, Problem> {
    let projection = project(hook, channel, job.urgency, first_try(job, now), now).await?;
    match projection.start {
        Some(start) if start <= job.not_after => Ok(projection),
        late => {
            let excess = late.map_or(Duration::MAX, |start| start.since(job.not_after));
            Err(Problem::horizon(ProjectionView::new(&projection), excess))
        }
    }
}

/// When one would go out that may go from `from` on.
pub(super) async fn project(
    hook: &Hook,
    channel: Channel,
    urgency: Urgency,
    from: UnixMillis,
    now: UnixMillis,
) -> Result<Projection, Problem> {
    let ahead = hook.queued.ahead(hook, channel, urgency, from, now).await?;
    Ok(match (channel, &hook.mail.relay) {
        (Channel::Mail, Some(relay)) => {
            horizon::project(ahead, &relay.carrying(), &Windows::Always, now, from)
        }
        (Channel::Mail, None) | (Channel::Fax, _) => {
            let lines: Vec<_> = hook.lines.boards().iter().map(|board| board.carrying()).collect();
            horizon::project(ahead, &lines, &hook.windows, now, from)
        }
    })
}

/// What waits, as it was at most a second ago, and what was taken on since.
#[derive(Default)]
pub struct Queued(Mutex<Option<(UnixMillis, Tally)>>);

impl Queued {
    async fn ahead(
        &self,
        hook: &Hook,
        channel: Channel,
        urgency: Urgency,
        due: UnixMillis,
        now: UnixMillis,
    ) -> Result<u64, Problem> {
        if let Some((at, tally)) = &*self.lock()
            && *at <= now
            && now.since(*at) < COUNTED_ANEW_AFTER
        {
            return Ok(tally.ahead(channel, urgency, due));
        }
        let tally = hook.queue.tally().await.map_err(|error| hook.queue_problem(error))?;
        let ahead = tally.ahead(channel, urgency, due);
        *self.lock() = Some((now, tally));
        Ok(ahead)
    }

    /// One more was taken on.
    pub(super) fn add(&self, channel: Channel, urgency: Urgency, due: UnixMillis) {
        if let Some((_, tally)) = &mut *self.lock() {
            tally.add(channel, urgency, due);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(UnixMillis, Tally)>> {
        // Nothing here can break half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether its sheet can be drawn; gives it back then.
async fn drawable(hook: &Hook, job: NewJob) -> Result<NewJob, Problem> {
    let (kind, language) = (job.kind(), job.language);
    let checked = if hook.sheet.is_tried(kind, language) {
        hook.sheet.check(&job).map(|()| job)
    } else {
        // Until its trial is over another thread waits.
        let sheet = Arc::clone(&hook.sheet);
        let waits = tokio::task::spawn_blocking(move || sheet.check(&job).map(|()| job));
        waits.await.map_err(|panicked| {
            tracing::error!(error = %panicked, "hook.sheet.panicked");
            Problem::new(Code::Internal)
        })?
    };
    checked.map_err(|fault| match fault {
        SheetFault::Unrenderable { faults } => {
            let code = Code::Unrenderable.entry().code;
            let error = |FieldFault { pointer, message }| FieldError { pointer, code, message };
            Problem::fields(Code::Unrenderable, faults.into_iter().map(error).collect())
        }
        SheetFault::OutOfOrder { message } => {
            // Paths and lines are for whoever mends it, in the journal.
            tracing::error!(%kind, %language, message, "hook.sheet.out_of_order");
            Problem::because(Code::SheetUnavailable, format!("{kind} in {language}"))
        }
    })
}

/// What would become of a notification that is handed in now.
#[derive(Serialize, ToSchema)]
pub struct Preflight {
    pub kind: &'static str,
    /// `fax` or `mail`.
    pub channel: &'static str,
    /// Why that way: `only-by-fax`, `no-mail-address`, `no-mail-channel` or `mail-registered`.
    pub because: &'static str,
    /// When its turn would come, RFC 3339, as all times. Nothing is promised.
    pub earliest: String,
    /// How many have their turn before it.
    pub ahead: u64,
    /// Until when it would be tried.
    pub not_after: String,
    /// Until when the number counts as proven, because a sheet was confirmed there; null if it does not.
    pub proven_until: Option<String>,
    /// The version of its credentials that the sheet would show; null if it carries none.
    pub version: Option<u32>,
    /// What would not stop it from being taken on, and should be known before.
    pub warnings: Vec<Meaning>,
}

/// What would become of a notification, without taking it on: every check that `POST /v1/notifications` makes, the same
/// problem if it would refuse, and nothing stored. No Idempotency-Key is needed.
#[utoipa::path(post, path = "/v1/preflight", tag = "notifications", security(("token" = ["notify"])),
    request_body = super::notifications::schema::NewNotification,
    responses(
        (status = 200, body = Preflight),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn ask(
    State(hook): State<Hook>,
    MayNotify(client): MayNotify,
    request: Request,
) -> Result<Json<Preflight>, Problem> {
    within_rate(&hook, &client)?;
    let (head, body) = request.into_parts();
    let octets = body::read(&head.headers, body, &hook.limits).await?;
    let now = hook.clock.now();
    let Judged { job, office, route, projection } = judge(&hook, &client, &octets, now).await?;
    let appliance = hook.queue.appliance().await.map_err(|error| hook.queue_problem(error))?;
    if !appliance.takes_new_work {
        return Err(Problem::new(Code::StoreFull));
    }
    let known = remembered(&hook, &job.recipient.fax).await?;
    let proven_until = known.proven_until(office.as_ref().and_then(|o| o.anew_since), now);
    let start = projection.start.unwrap_or(job.not_after);
    Ok(Json(Preflight {
        kind: job.kind().as_str(),
        channel: route.channel().as_str(),
        because: office::why(&job, &hook.policy, office.as_ref()).as_str(),
        earliest: start.rfc3339(),
        ahead: projection.ahead,
        not_after: job.not_after.rfc3339(),
        proven_until: proven_until.map(UnixMillis::rfc3339),
        version: job.content.credentials().map(|_| FIRST_VERSION),
        warnings: warnings(&known, proven_until, &route, &projection, start, &appliance),
    }))
}

/// The version of credentials that are handed in for the first time.
const FIRST_VERSION: u32 = 1;

/// What should be known before a notification is handed in.
fn warnings(
    known: &Known,
    proven_until: Option<UnixMillis>,
    route: &Route,
    projection: &Projection,
    start: UnixMillis,
    appliance: &Appliance,
) -> Vec<Meaning> {
    let is_known = known.lock.is_some() || known.identity(start).is_some();
    let by_fax = route.channel() == Channel::Fax;
    let not_called = match known.not_called(start) {
        Some(NotCalled::Voice) => Some("number-is-a-telephone"),
        Some(NotCalled::Toneless { .. }) => Some(alerts::NUMBER_RESTS),
        None => None,
    };
    let unknown = (by_fax && !is_known).then_some(alerts::NUMBER_UNKNOWN);
    let unproven = by_fax && proven_until.is_none();
    let unproven = unproven.then(|| alerts::refusal(Code::NumberNotProven));
    let unusable = (projection.usable == 0).then_some(alerts::NOTHING_USABLE);
    let held = appliance.held.as_ref().map(|_| alerts::HELD);
    let codes = [held, not_called, unknown, unusable].into_iter().flatten();
    codes.map(alerts::meaning).chain(unproven).collect()
}

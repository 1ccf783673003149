//! `GET /metrics`: what a monitor draws and alarms on, as OpenMetrics text.
//!
//! In: what the store counts, the boards of lines, mail, endpoints and renewals, what was measured since the start, the
//! process. Out: metrics whose names end in their units. A label is a state, a code, a route, or a name from the settings;
//! never a number, an office, an id or a URL.
//! It needs a token that may read, as everything else that tells how much there is: whatever calls from this machine may be a
//! proxy for the world, so an address proves nothing. Prometheus sends one with `authorization: credentials_file`.
//! Source: OpenMetrics 1.0; names of the process as Prometheus' client libraries have them.
//! Not here: who watches what (`README.md`), a glance for people (`shirase lines`).

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::Hook;
use super::auth::MayRead;
use super::preflight;
use super::problem::{Code, Problem, ProblemBody, SaidNo};
use super::renewals::Renewable;
use crate::app::clock::Stopwatch;
use crate::job::{Channel, JobState, UnixMillis, Urgency};
use crate::queue::{HoldReason, Pace};
use crate::schedule::line_board::{LineState, LineStatus};
use crate::schedule::mail_board::RelayState;
use crate::send::mailbox_board::{MailboxState, MailboxStatus};
use crate::tell::TellState;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is counted while requests are answered. Clones share it.
#[derive(Clone, Debug)]
pub struct Meters {
    answers: Family<Answered, Counter>,
    took: Histogram,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Answered {
    method: &'static str,
    route: String,
    code: &'static str,
}

impl Default for Meters {
    fn default() -> Self {
        // From a replay out of memory to a client that sends its body slowly.
        let bounds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
        Self { answers: Family::default(), took: Histogram::new(bounds) }
    }
}

/// Counts an answer by its code, and times those to a notification that is handed in.
pub(super) async fn count(State(hook): State<Hook>, request: Request, next: Next) -> Response {
    let begun = Stopwatch::start();
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| String::from("none"), |route| route.as_str().to_owned());
    let response = next.run(request).await;
    if (method, route.as_str()) == ("POST", "/v1/notifications") {
        hook.meters.took.observe(begun.elapsed().as_secs_f64());
    }
    let replayed = HeaderName::from_static("idempotency-replayed");
    let code = match response.extensions().get::<SaidNo>() {
        Some(SaidNo(code)) => code.entry().code,
        None if response.headers().contains_key(replayed) => "replayed",
        None if response.status().is_success() => "ok",
        // Nothing of ours answers so, but a layer may.
        None => "other",
    };
    hook.meters.answers.get_or_create(&Answered { method, route, code }).inc();
    response
}

/// Strangers may send any word; each would be a series of its own.
fn method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

/// What a monitor asks for.
#[utoipa::path(get, path = "/metrics", tag = "health", security(("token" = ["read"])),
    responses(
        (status = 200, body = String, content_type = "application/openmetrics-text", description = "OpenMetrics 1.0"),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn show(
    State(hook): State<Hook>,
    MayRead(_client): MayRead,
) -> Result<Response, Problem> {
    let mut registry = Registry::with_prefix("shirase");
    of_the_hook(&mut registry, &hook);
    of_the_store(&mut registry, &hook).await?;
    of_notifications(&mut registry, &hook).await?;
    of_the_lines(&mut registry, &hook);
    of_mail(&mut registry, &hook);
    of_webhooks(&mut registry, &hook).await?;
    of_renewals(&mut registry, &hook);
    let mut process = Registry::with_prefix("process");
    of_the_process(&mut process);
    let mut text = String::new();
    let written = encode(&mut text, &registry).and_then(|()| {
        // Both are one answer, with one end.
        text.truncate(text.len().saturating_sub("# EOF\n".len()));
        encode(&mut text, &process)
    });
    written.map_err(|_| Problem::new(Code::Internal))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE))], text).into_response())
}

fn of_the_hook(registry: &mut Registry, hook: &Hook) {
    let Meters { answers, took } = &hook.meters;
    let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "The program", version);
    registry.register(
        "http_answers",
        "Answers since the start, by route and code: ok, replayed, or the code of a refusal",
        answers.clone(),
    );
    registry.register_with_unit(
        "accept_duration",
        "From the head of a request to hand a notification in to its answer",
        Unit::Seconds,
        took.clone(),
    );
}

async fn of_the_store(registry: &mut Registry, hook: &Hook) -> Result<(), Problem> {
    let Pace { commit, group } = &hook.pace;
    registry.register_with_unit(
        "store_commit_duration",
        "COMMIT of a group of changes, with its fsync",
        Unit::Seconds,
        commit.clone(),
    );
    registry.register("store_group_size", "Changes that shared one COMMIT", group.clone());
    let appliance = hook.queue.appliance().await.map_err(|error| hook.queue_problem(error))?;
    number(registry, "events_head", "Cursor of the newest event", appliance.events_head);
    let starts = i64::try_from(appliance.generation).unwrap_or(i64::MAX);
    number(
        registry,
        "store_starts",
        "How often a daemon opened the store; less than before is an older copy",
        starts,
    );
    let held = Family::<[(&str, &str); 1], Gauge>::default();
    for reason in HoldReason::ALL {
        let is_it = appliance.held.as_ref().is_some_and(|held| held.reason == *reason);
        held.get_or_create(&[("reason", reason.as_str())]).set(i64::from(is_it));
    }
    registry.register("held", "1 if nothing is sent, for that reason", held);
    let takes_new_work = i64::from(appliance.takes_new_work);
    number(
        registry,
        "store_takes_new_work",
        "0 if the disk is so full that nothing is accepted",
        takes_new_work,
    );
    if let Some(free) = appliance.free_octets {
        let help = "Free space where the store lies";
        let free = i64::try_from(free).unwrap_or(i64::MAX);
        registry.register_with_unit("store_free", help, Unit::Bytes, gauge(free));
    }
    let doubtful = i64::from(hook.clock.doubt().is_some());
    number(
        registry,
        "clock_doubtful",
        "1 if the clock is not believed, and nothing is sent",
        doubtful,
    );
    Ok(())
}

async fn of_notifications(registry: &mut Registry, hook: &Hook) -> Result<(), Problem> {
    let tally = hook.queue.tally().await.map_err(|error| hook.queue_problem(error))?;
    let kept = Family::<[(&str, &str); 2], Gauge>::default();
    let longest = Family::<[(&str, &str); 1], Gauge>::default();
    let horizon = Family::<[(&str, &str); 1], Gauge>::default();
    let now = hook.clock.now();
    for (channel, due) in [(Channel::Fax, tally.fax_due), (Channel::Mail, tally.mail_due)] {
        for state in JobState::ALL {
            let jobs = i64::try_from(tally.of(*state, channel)).unwrap_or(i64::MAX);
            let labels = [("state", state.as_str()), ("channel", channel.as_str())];
            kept.get_or_create(&labels).set(jobs);
        }
        let of = [("channel", channel.as_str())];
        if let Some(due) = due {
            longest.get_or_create(&of).set(due.0 / 1000);
        }
        let projected = preflight::project(hook, channel, Urgency::Normal, now, now).await?;
        if let Some(start) = projected.start {
            horizon.get_or_create(&of).set(start.0 / 1000);
        }
    }
    let help =
        "Notifications that are kept; each confirmed one of mail is a page that was not needed";
    registry.register("notifications", help, kept);
    registry.register(
        "queue_longest_due_timestamp_seconds",
        "When the turn of the one that waits longest came, or comes",
        longest,
    );
    registry.register(
        "queue_horizon_timestamp_seconds",
        "When a notification that is taken on now would have its turn",
        horizon,
    );
    Ok(())
}

fn of_the_lines(registry: &mut Registry, hook: &Hook) {
    let states = Family::<[(&str, String); 2], Gauge>::default();
    let usable = Family::<[(&str, String); 1], Gauge>::default();
    let calls = Family::<[(&str, String); 2], Counter>::default();
    let connected =
        Family::<[(&str, String); 1], Counter<f64, std::sync::atomic::AtomicU64>>::default();
    for board in hook.lines.boards() {
        let LineStatus { name, state, endings, connected: held, .. } = board.status();
        for known in LineState::NAMES {
            let labels = [("line", name.clone()), ("state", (*known).to_owned())];
            states.get_or_create(&labels).set(i64::from(*known == state.as_str()));
        }
        usable.get_or_create(&[("line", name.clone())]).set(i64::from(state.is_usable()));
        for (code, count) in endings {
            calls.get_or_create(&[("line", name.clone()), ("code", code.to_owned())]).inc_by(count);
        }
        connected.get_or_create(&[("line", name)]).inc_by(held.as_secs_f64());
    }
    registry.register("line_state", "1 for the state that a line is in", states);
    registry.register("line_usable", "1 for a line that carries calls", usable);
    registry.register(
        "line_calls",
        "Calls since the start by their ending; delivered is one page on paper",
        calls,
    );
    registry.register_with_unit(
        "line_connected",
        "How long calls were answered since the start, for the telephone bill",
        Unit::Seconds,
        connected,
    );
}

fn of_mail(registry: &mut Registry, hook: &Hook) {
    if let Some(relay) = &hook.mail.relay {
        let status = relay.status(hook.clock.now());
        let is_ready = i64::from(status.state == RelayState::Ready);
        number(registry, "relay_ready", "1 if the relay takes mails", is_ready);
        number(
            registry,
            "relay_mails_under_way",
            "Mails that are being handed over",
            status.under_way.into(),
        );
        let resting = i64::try_from(status.resting.len()).unwrap_or(i64::MAX);
        number(registry, "relay_domains_resting", "Domains that put mails off", resting);
    }
    if let Some(inbox) = &hook.mail.inbox {
        let MailboxStatus { state, mails, last_look, failed_looks, .. } = inbox.status();
        let is_reading = i64::from(state == MailboxState::Reading);
        number(registry, "inbox_reading", "1 if the receipt box is read", is_reading);
        moment(
            registry,
            "inbox_looked_timestamp_seconds",
            "When the receipt box was last looked through",
            last_look,
        );
        let failed = Counter::<u64>::default();
        failed.inc_by(failed_looks);
        registry.register(
            "inbox_failed_looks",
            "Looks at the receipt box since the start that came to no end",
            failed,
        );
        let receipts = Family::<[(&str, &str); 1], Counter>::default();
        for (fate, count) in mails {
            receipts.get_or_create(&[("fate", fate.as_str())]).inc_by(count);
        }
        registry.register(
            "inbox_mails",
            "Mails of the receipt box since the start, by what became of them",
            receipts,
        );
    }
}

/// Endpoints by their names in the settings; those that are there no more are left out.
async fn of_webhooks(registry: &mut Registry, hook: &Hook) -> Result<(), Problem> {
    if hook.tellers.all().is_empty() {
        return Ok(());
    }
    let boards = hook.queue.webhook_boards().await.map_err(|error| hook.queue_problem(error))?;
    let usable = Family::<[(&str, String); 1], Gauge>::default();
    let behind = Family::<[(&str, String); 1], Gauge>::default();
    let retrying = Family::<[(&str, String); 1], Gauge>::default();
    let oldest = Family::<[(&str, String); 1], Gauge>::default();
    let told = Family::<[(&str, String); 1], Gauge>::default();
    let given_up = Family::<[(&str, String); 1], Counter>::default();
    for teller in hook.tellers.all() {
        let of = [("endpoint", teller.name().to_owned())];
        let is_usable = match teller.status().state {
            TellState::Starting | TellState::Telling | TellState::Resting { .. } => true,
            TellState::Faulty(_) | TellState::Disabled | TellState::Stopped => false,
        };
        usable.get_or_create(&of).set(i64::from(is_usable));
        // One that was not taken on yet has none.
        let Some(board) = boards.iter().find(|board| board.name == teller.name()) else { continue };
        behind.get_or_create(&of).set(board.behind.into());
        retrying.get_or_create(&of).set(board.retrying.into());
        given_up.get_or_create(&of).inc_by(board.given_up.into());
        for (family, at) in [(&oldest, board.oldest), (&told, board.told_at)] {
            if let Some(at) = at {
                family.get_or_create(&of).set(at.0 / 1000);
            }
        }
    }
    registry.register(
        "webhook_usable",
        "0 for an endpoint that wants nothing any more, or whose files cannot be read",
        usable,
    );
    registry.register(
        "webhook_behind",
        "Events that an endpoint has not taken yet; 10000 stands for more",
        behind,
    );
    registry.register("webhook_retrying", "Those among them that failed and come again", retrying);
    registry.register(
        "webhook_oldest_timestamp_seconds",
        "When the oldest event happened that an endpoint has not taken yet",
        oldest,
    );
    registry.register(
        "webhook_told_timestamp_seconds",
        "When an endpoint last took an event",
        told,
    );
    registry.register(
        "webhook_given_up",
        "Events that an endpoint did not take for as long as they are posted, ever",
        given_up,
    );
    Ok(())
}

/// What is read again while the gateway runs.
fn of_renewals(registry: &mut Registry, hook: &Hook) {
    let failed = Family::<[(&str, &str); 1], Counter>::default();
    for of in Renewable::ALL {
        let looks = hook.renewals.failed_looks(*of);
        failed.get_or_create(&[("of", of.as_str())]).inc_by(looks);
    }
    registry.register(
        "renewals_failed",
        "Looks since the start at tokens and certificates that could not be used",
        failed,
    );
    moment(
        registry,
        "certificate_end_timestamp_seconds",
        "When the certificate runs out that callers on other machines are shown",
        hook.renewals.certificate_end(),
    );
}

/// The process as the system sees it; what it does not say is left out.
fn of_the_process(registry: &mut Registry) {
    let page = 4096; // of every machine that this runs on
    if let Some(pages) = field("/proc/self/statm", 1) {
        let help = "Memory that is resident";
        registry.register_with_unit(
            "resident_memory",
            help,
            Unit::Bytes,
            gauge(pages.saturating_mul(page)),
        );
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        // Reading them takes one itself.
        let open = i64::try_from(open.count()).unwrap_or(i64::MAX) - 1;
        number(registry, "open_fds", "Files and sockets that are open", open);
    }
    if let Some(most) = limit("Max open files") {
        number(registry, "max_fds", "Files and sockets that may be open", most);
    }
    if let Some(threads) = std::fs::read_dir("/proc/self/task").ok().map(Iterator::count) {
        number(
            registry,
            "threads",
            "Threads of the process",
            i64::try_from(threads).unwrap_or(i64::MAX),
        );
    }
}

fn field(path: &str, place: usize) -> Option<i64> {
    std::fs::read_to_string(path).ok()?.split_whitespace().nth(place)?.parse().ok()
}

fn limit(name: &str) -> Option<i64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A time, if there is one.
fn moment(registry: &mut Registry, name: &str, help: &str, at: Option<UnixMillis>) {
    if let Some(at) = at {
        number(registry, name, help, at.0 / 1000);
    }
}

fn number(registry: &mut Registry, name: &str, help: &str, value: i64) {
    registry.register(name, help, gauge(value));
}

fn gauge(value: i64) -> Gauge {
    let gauge = Gauge::default();
    gauge.set(value);
    gauge
}

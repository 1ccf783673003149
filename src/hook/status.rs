//! `GET /v1/status`: the whole appliance at a glance, what is wrong first.
//!
//! In: the counts of the store, the boards of lines and mail channel, the hours. Out: JSON; counts are of all clients, and
//! nothing in it names anybody.
//! Not here: one line (`lines.rs`), the mail channel in detail (`mail_channel.rs`), what a monitor polls (`health.rs`), what each code means (`alerts.rs`).

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Hook;
use super::alerts;
use super::auth::MayRead;
use super::hold::ApplianceView;
use super::preflight;
use super::problem::{Code, Problem, ProblemBody};
use super::renewals::{Renewable, Renewals, Stale};
use super::tls::RUNS_OUT_SOON;
use crate::app::clock::Doubt;
use crate::job::meaning::Meaning;
use crate::job::{Channel, JobState, UnixMillis, Urgency};
use crate::queue::{Appliance, Tally, WebhookBoard};
use crate::schedule::horizon::Carrying;
use crate::schedule::line_board::{LineBoard, LineState, LineStatus};
use crate::schedule::mail_board::RelayState;
use crate::send::LineFault;
use crate::send::mailbox_board::MailboxState;
use crate::tell::TellState;

/// So many hours in which it could have been called, and it still waits while no line calls anybody: something is wrong.
/// A backlog that is worked off may be longer.
const LATE_AFTER: Duration = Duration::from_secs(5 * 60 * 60);
/// Longest between two calls of a line that has work. Chosen: a modem is asked and set again before each.
const BETWEEN_CALLS: Duration = Duration::from_secs(2 * 60);
/// An endpoint may restart without anybody being told. Chosen.
const NOT_TAKEN_AFTER: Duration = Duration::from_secs(10 * 60);

/// The appliance.
#[derive(Serialize, ToSchema)]
pub struct Status {
    /// Its clock, RFC 3339, as all times.
    pub now: String,
    pub version: &'static str,
    /// What somebody has to see to, the worst first; nothing, if all is well.
    pub wrong: Vec<WrongView>,
    pub appliance: ApplianceView,
    /// Whether calls may begin now.
    pub calling: bool,
    /// When they may, if not now; null if that is more than a year away.
    pub calling_from: Option<String>,
    pub fax: ChannelView,
    /// Null if the settings have no `[mail]`.
    pub mail: Option<ChannelView>,
    /// How many notifications are in each state, by `fax` and `mail`.
    pub states: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    pub lines: Vec<LineGlance>,
}

/// Something that is wrong: what it means and what to do.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
pub struct WrongView {
    /// What it is about: a line, the relay, notifications.
    pub what: String,
    /// The particulars, where there are some.
    pub message: Option<String>,
    #[serde(flatten)]
    pub meaning: Meaning,
}

/// One way out of the house.
#[derive(Serialize, ToSchema)]
pub struct ChannelView {
    /// How many wait for their turn.
    pub waiting: u64,
    /// When the turn of the one that waits longest came, or comes.
    pub longest_due: Option<String>,
    /// How many lines, or lanes to the relay, work.
    pub usable: usize,
    /// Of how many.
    pub of: usize,
    /// When a notification that is taken on now would have its turn; null if that is more than a year away.
    pub horizon: Option<String>,
}

/// A telephone line.
#[derive(Serialize, ToSchema)]
pub struct LineGlance {
    pub name: String,
    pub state: &'static str,
    pub since: String,
    /// What one sheet takes on it, over the last few.
    pub sheet_takes_s: u64,
}

/// The whole appliance at a glance: what is wrong and what to do, what waits, when a notification that is taken on now would
/// go out.
#[utoipa::path(get, path = "/v1/status", tag = "health", security(("token" = ["read"])),
    responses(
        (status = 200, body = Status),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn show(
    State(hook): State<Hook>,
    MayRead(_client): MayRead,
) -> Result<Json<Status>, Problem> {
    let now = hook.clock.now();
    let tally = hook.queue.tally().await.map_err(|error| hook.queue_problem(error))?;
    let appliance = hook.queue.appliance().await.map_err(|error| hook.queue_problem(error))?;
    let doubt = hook.clock.doubt();
    let endpoints = hook.queue.webhook_boards().await.map_err(|error| hook.queue_problem(error))?;
    let boards = hook.lines.boards();
    let lanes = hook.mail.relay.as_ref().map(|relay| relay.carrying());
    let lines: Vec<Carrying> = boards.iter().map(LineBoard::carrying).collect();
    let opens = hook.windows.next_open(now);
    Ok(Json(Status {
        now: now.rfc3339(),
        version: env!("CARGO_PKG_VERSION"),
        wrong: wrong(&hook, &appliance, doubt.as_ref(), &tally, &endpoints, now),
        appliance: ApplianceView::new(appliance, doubt),
        calling: opens == Some(now),
        calling_from: opens.filter(|opens| *opens > now).map(UnixMillis::rfc3339),
        fax: channel(&hook, &tally, Channel::Fax, &lines, now).await?,
        mail: match lanes {
            Some(lanes) => Some(channel(&hook, &tally, Channel::Mail, &lanes, now).await?),
            None => None,
        },
        states: states(&tally),
        lines: boards.iter().map(glance).collect(),
    }))
}

async fn channel(
    hook: &Hook,
    tally: &Tally,
    channel: Channel,
    carrying: &[Carrying],
    now: UnixMillis,
) -> Result<ChannelView, Problem> {
    let projected = preflight::project(hook, channel, Urgency::Normal, now, now).await?;
    let longest = match channel {
        Channel::Fax => tally.fax_due,
        Channel::Mail => tally.mail_due,
    };
    Ok(ChannelView {
        waiting: tally.of(JobState::Waiting, channel),
        longest_due: longest.map(UnixMillis::rfc3339),
        usable: projected.usable,
        of: carrying.len(),
        horizon: projected.start.map(UnixMillis::rfc3339),
    })
}

fn states(tally: &Tally) -> BTreeMap<&'static str, BTreeMap<&'static str, u64>> {
    let by_channel = |state: JobState| {
        let count = |channel: Channel| (channel.as_str(), tally.of(state, channel));
        [Channel::Fax, Channel::Mail].map(count).into_iter().collect()
    };
    JobState::ALL.iter().map(|state| (state.as_str(), by_channel(*state))).collect()
}

fn glance(board: &LineBoard) -> LineGlance {
    let status = board.status();
    LineGlance {
        name: status.name,
        state: status.state.as_str(),
        since: status.since.rfc3339(),
        sheet_takes_s: status.pace.takes().as_secs(),
    }
}

/// What somebody has to see to, the worst first: what stops everything, what stops a part, what waits for a decision.
fn wrong(
    hook: &Hook,
    appliance: &Appliance,
    doubt: Option<&Doubt>,
    tally: &Tally,
    endpoints: &[WebhookBoard],
    now: UnixMillis,
) -> Vec<WrongView> {
    let mut wrong = Vec::new();
    let point_out =
        |what: &str, meaning| WrongView { what: what.to_owned(), message: None, meaning };
    if let Some(held) = &appliance.held {
        let note = held.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
        let message = Some(format!("{}{note}", held.reason.text()));
        let meaning = alerts::meaning(alerts::HELD);
        wrong.push(WrongView { what: String::from("gateway"), message, meaning });
    }
    if !appliance.takes_new_work {
        wrong.push(point_out("disk", alerts::refusal(Code::StoreFull)));
    }
    if let Some(doubt) = doubt {
        let message = Some(doubt.to_string());
        let meaning = alerts::meaning(alerts::CLOCK_IN_DOUBT);
        wrong.push(WrongView { what: String::from("clock"), message, meaning });
    }
    if let Some(cursor) = appliance.events_altered_at {
        let message = Some(format!("from cursor {cursor} on"));
        let meaning = alerts::meaning(alerts::HISTORY_ALTERED);
        wrong.push(WrongView { what: String::from("feed"), message, meaning });
    }
    if !hook.sheet.is_ready() {
        wrong.push(point_out("sheets", alerts::refusal(Code::SheetUnavailable)));
    }
    let boards = hook.lines.boards();
    if !boards.iter().any(|board| board.carrying().is_usable) {
        wrong.push(point_out("lines", alerts::refusal(Code::NoLineReady)));
    }
    wrong.extend(boards.iter().filter_map(line_out_of_order));
    if let Some(relay) = &hook.mail.relay {
        match relay.status(now).state {
            RelayState::Faulty(fault) => wrong.push(out_of_order(String::from("relay"), fault)),
            RelayState::Starting | RelayState::Ready | RelayState::Stopped => {}
        }
    }
    if let Some(inbox) = &hook.mail.inbox {
        match inbox.status().state {
            MailboxState::Faulty { code, message } => {
                wrong.push(out_of_order(String::from("inbox"), LineFault { code, message }));
            }
            MailboxState::Starting | MailboxState::Reading | MailboxState::Stopped => {}
        }
    }
    wrong.extend(not_renewed(&hook.renewals));
    wrong.extend(runs_out(&hook.renewals, now));
    let is_late = |due: &UnixMillis| {
        hook.windows.open_for(*due, LATE_AFTER).is_some_and(|is_late_from| is_late_from < now)
    };
    let nothing_moves = boards.iter().all(|board| nobody_is_called(&board.status(), now));
    if let Some(due) = tally.fax_due.filter(|due| nothing_moves && is_late(due)) {
        let message = Some(format!("the first one waits since {}", due.rfc3339()));
        let meaning = alerts::meaning(alerts::QUEUE_LATE);
        wrong.push(WrongView { what: String::from("queue"), message, meaning });
    }
    wrong.extend(hook.tellers.all().iter().filter_map(|teller| {
        let board = endpoints.iter().find(|board| board.name == teller.name());
        webhook_out_of_order(teller.name(), teller.status().state, board, now)
    }));
    let undecided = [Channel::Fax, Channel::Mail].map(|of| tally.of(JobState::Uncertain, of));
    let count: u64 = undecided.iter().sum();
    if count > 0 {
        let message = Some(format!("{count} of them ({count} 件)"));
        let meaning = alerts::meaning(alerts::UNCERTAIN_OPEN);
        wrong.push(WrongView { what: String::from("notifications"), message, meaning });
    }
    wrong
}

/// Files of which what they held before is still in use.
fn not_renewed(renewals: &Renewals) -> impl Iterator<Item = WrongView> {
    let view = |of: &Renewable| {
        let Stale { since, message } = renewals.fault(*of)?;
        let code = match of {
            Renewable::Tokens => alerts::TOKENS_NOT_RENEWED,
            Renewable::Certificates => alerts::CERTIFICATES_NOT_RENEWED,
        };
        let message = Some(format!("since {}: {message}", since.rfc3339()));
        Some(WrongView { what: of.as_str().to_owned(), message, meaning: alerts::meaning(code) })
    };
    Renewable::ALL.iter().filter_map(view)
}

/// The certificate that callers on other machines are shown, if it soon is none any more.
fn runs_out(renewals: &Renewals, now: UnixMillis) -> Option<WrongView> {
    let end = renewals.certificate_end().filter(|end| end.since(now) < RUNS_OUT_SOON)?;
    let message = Some(format!("valid until {}", end.rfc3339()));
    let meaning = alerts::meaning(alerts::CERTIFICATE_RUNS_OUT);
    Some(WrongView { what: Renewable::Certificates.as_str().to_owned(), message, meaning })
}

/// It calls nobody, and not only between two calls.
fn nobody_is_called(line: &LineStatus, now: UnixMillis) -> bool {
    match line.state {
        LineState::Calling | LineState::Testing | LineState::Ringing => false,
        LineState::Starting | LineState::Ready => now.since(line.since) > BETWEEN_CALLS,
        LineState::Faulty(_) | LineState::Quarantined(_) | LineState::Stopped => true,
    }
}

fn line_out_of_order(board: &LineBoard) -> Option<WrongView> {
    let status = board.status();
    match status.state {
        LineState::Faulty(fault) => Some(out_of_order(status.name, fault)),
        LineState::Quarantined(LineFault { code, message }) => {
            let message =
                format!("{message}; out of use until `shirase lines reset {}`", status.name);
            Some(out_of_order(status.name, LineFault { code, message }))
        }
        LineState::Starting
        | LineState::Ready
        | LineState::Calling
        | LineState::Testing
        | LineState::Ringing
        | LineState::Stopped => None,
    }
}

/// An endpoint that has not taken something for a while, wants nothing any more, or has no secret to sign with.
fn webhook_out_of_order(
    name: &str,
    state: TellState,
    board: Option<&WebhookBoard>,
    now: UnixMillis,
) -> Option<WrongView> {
    let what = format!("webhook {name}");
    match state {
        TellState::Faulty(fault) => return Some(out_of_order(what, fault)),
        TellState::Starting
        | TellState::Telling
        | TellState::Resting { .. }
        | TellState::Disabled
        | TellState::Stopped => {}
    }
    let board = board?;
    let is_late = board.oldest.is_some_and(|oldest| now.since(oldest) > NOT_TAKEN_AFTER);
    if board.disabled_at.is_none() && !(board.retrying > 0 && is_late) {
        return None;
    }
    let failed = board.failed.as_ref();
    let message = failed.map(|(_, code, detail)| format!("{code}: {detail}"));
    Some(WrongView { what, message, meaning: alerts::meaning(alerts::WEBHOOK_NOT_TAKEN) })
}

fn out_of_order(what: String, LineFault { code, message }: LineFault) -> WrongView {
    // A fault without an entry keeps its code.
    let meaning = Meaning { code, ..alerts::meaning(code) };
    WrongView { what, message: Some(message), meaning }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::examples::TUESDAY_10_00 as NOW;

    #[test]
    fn endpoint_is_pointed_out_once_it_takes_nothing_for_a_while_or_wants_nothing_any_more() {
        let board = WebhookBoard {
            name: "exchange".into(),
            cursor: 7,
            behind: 3,
            retrying: 1,
            oldest: Some(NOW.before(NOT_TAKEN_AFTER)),
            given_up: 0,
            told_at: None,
            failed: Some((NOW, "webhook-connect".into(), "refused".into())),
            disabled_at: None,
        };
        let told = |board: &WebhookBoard, now| {
            webhook_out_of_order("exchange", TellState::Telling, Some(board), now)
        };
        assert_eq!(told(&board, NOW), None, "it may restart");
        let late = told(&board, UnixMillis(NOW.0 + 1)).expect("pointed out");
        assert_eq!(
            (late.what.as_str(), late.meaning.code),
            ("webhook exchange", alerts::WEBHOOK_NOT_TAKEN)
        );
        assert_eq!(late.message.as_deref(), Some("webhook-connect: refused"));
        let idle = WebhookBoard { retrying: 0, ..board.clone() };
        assert_eq!(told(&idle, UnixMillis(NOW.0 + 1)), None, "nothing failed");
        let gone = WebhookBoard { disabled_at: Some(NOW), ..idle };
        assert!(told(&gone, NOW).is_some());
        let fault = LineFault { code: "webhook-settings", message: "no secret".into() };
        let faulty = webhook_out_of_order("exchange", TellState::Faulty(fault), None, NOW);
        assert_eq!(faulty.map(|wrong| wrong.meaning.code), Some("webhook-settings"));
    }
}

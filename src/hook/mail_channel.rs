//! `GET /v1/mail`: the mail channel as a technician asks for it.
//!
//! In: the boards of the relay and of the mailbox for receipts, and what became of the mails to each domain. Out: JSON;
//! of addresses the domain only.
//! Not here: one mail (`notifications.rs`), whether the channel is set up well (`shirase check mail`).

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Hook;
use super::auth::MayRead;
use super::lines::{FaultView, PastFault};
use super::problem::{Code, Problem, ProblemBody};
use crate::job::UnixMillis;
use crate::queue::MailDomain;
use crate::schedule::mail_board::{MailBoard, MailStatus, RelayState};
use crate::send::mailbox_board::{MailboxBoard, MailboxState, MailboxStatus};

/// Most days to look back: attempts are kept longer, but a longer table says less.
const MOST_DAYS: u16 = 31;

/// What is known of the mail channel; nothing, if the settings have none.
#[derive(Clone, Debug, Default)]
pub struct MailBoards {
    pub relay: Option<MailBoard>,
    pub inbox: Option<MailboxBoard>,
}

/// The mail channel.
#[derive(Serialize, ToSchema)]
pub struct MailView {
    /// Who takes the mails; null if the settings have no `[mail]`.
    pub relay: Option<RelayView>,
    /// The mailbox for receipts; null if none is read.
    pub inbox: Option<InboxView>,
    /// From when on mails are counted, RFC 3339, as all times.
    pub since: String,
    /// What became of them, the domain with the most first.
    pub domains: Vec<DomainView>,
}

/// The relay and the lanes to it.
#[derive(Serialize, ToSchema)]
pub struct RelayView {
    /// Host and port.
    pub relay: String,
    /// `starting`, `ready`, `faulty`, `stopped`.
    pub state: &'static str,
    pub since: String,
    /// What is wrong now.
    pub fault: Option<FaultView>,
    /// The last thing that was wrong since the start, with its time.
    pub last_fault: Option<PastFault>,
    /// Mails that may be on their way to it at a time.
    pub lanes: u16,
    /// Mails that are.
    pub under_way: u16,
    /// Handed over since midnight in Japan, or since the start.
    pub handed_today: u32,
    /// Domains that put mails off, and until when nothing goes there.
    pub resting: Vec<RestingView>,
}

/// A domain to which nothing goes for a while.
#[derive(Serialize, ToSchema)]
pub struct RestingView {
    pub domain: String,
    pub until: String,
}

/// The mailbox for receipts.
#[derive(Serialize, ToSchema)]
pub struct InboxView {
    /// `starting`, `reading`, `faulty`, `stopped`.
    pub state: &'static str,
    pub since: String,
    /// What is wrong now.
    pub fault: Option<FaultView>,
    /// When the last mail was looked at.
    pub last_mail_at: Option<String>,
    /// Mails since the start, by what became of them: `taken`, `taken-before`, `unknown-attempt`, `automatic`,
    /// `foreign-report`, `other`, `unreadable`.
    pub mails: BTreeMap<&'static str, u64>,
}

/// What became of the mails to one domain. All counts are of those that the relay has, or may have.
#[derive(Serialize, ToSchema)]
pub struct DomainView {
    pub domain: String,
    pub handed: u32,
    /// Reported to lie in the mailbox.
    pub delivered: u32,
    /// They came back.
    pub bounced: u32,
    /// The exchange saw somebody follow them.
    pub opened: u32,
    /// A FAX went instead, since nobody was seen to read them in time.
    pub unread: u32,
    /// Nobody knows whether the relay has them.
    pub uncertain: u32,
    /// Of those that did not come back, in how many percent nobody was seen to follow, so far. Null if there are none.
    pub unopened_percent: Option<u8>,
}

/// How far to look back.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MailQuery {
    /// Days, 1 to 31; 7.
    #[serde(default = "usual_days")]
    days: u16,
}

fn usual_days() -> u16 {
    7
}

/// The mail channel: its relay, its mailbox, and what became of the client's mails to each domain.
#[utoipa::path(get, path = "/v1/mail", tag = "mail", security(("token" = ["read"])),
    params(MailQuery),
    responses(
        (status = 200, body = MailView),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn show(
    State(hook): State<Hook>,
    MayRead(client): MayRead,
    query: Result<Query<MailQuery>, QueryRejection>,
) -> Result<Json<MailView>, Problem> {
    let Query(MailQuery { days }) = query.map_err(|_| Problem::new(Code::InvalidQuery))?;
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Problem::because(Code::InvalidQuery, "days is 1 to 31"));
    }
    let now = hook.clock.now();
    let since = now.before(Duration::from_secs(86_400 * u64::from(days)));
    let domains = hook.queue.mail_domains(client, since).await;
    let domains = domains.map_err(|error| hook.queue_problem(error))?;
    let MailBoards { relay, inbox } = &hook.mail;
    Ok(Json(MailView {
        relay: relay.as_ref().map(|relay| RelayView::new(relay.status(now))),
        inbox: inbox.as_ref().map(|inbox| InboxView::new(inbox.status())),
        since: since.rfc3339(),
        domains: domains.into_iter().map(DomainView::new).collect(),
    }))
}

impl RelayView {
    fn new(status: MailStatus) -> Self {
        let fault = match &status.state {
            RelayState::Faulty(fault) => Some(fault.clone().into()),
            RelayState::Starting | RelayState::Ready | RelayState::Stopped => None,
        };
        let resting =
            |(domain, until): (String, UnixMillis)| RestingView { domain, until: until.rfc3339() };
        Self {
            relay: status.relay,
            state: status.state.as_str(),
            since: status.since.rfc3339(),
            fault,
            last_fault: status
                .last_fault
                .map(|(at, fault)| PastFault { at: at.rfc3339(), fault: fault.into() }),
            lanes: status.lanes,
            under_way: status.under_way,
            handed_today: status.handed_today,
            resting: status.resting.into_iter().map(resting).collect(),
        }
    }
}

impl InboxView {
    fn new(status: MailboxStatus) -> Self {
        let state = status.state.as_str();
        let fault = match status.state {
            MailboxState::Faulty { code, message } => Some(FaultView { code, message }),
            MailboxState::Starting | MailboxState::Reading | MailboxState::Stopped => None,
        };
        Self {
            state,
            since: status.since.rfc3339(),
            fault,
            last_mail_at: status.last_mail.map(UnixMillis::rfc3339),
            mails: status.mails.into_iter().map(|(fate, count)| (fate.as_str(), count)).collect(),
        }
    }
}

impl DomainView {
    fn new(counts: MailDomain) -> Self {
        let MailDomain { domain, handed, delivered, bounced, unread, opened, uncertain } = counts;
        Self {
            domain,
            handed,
            delivered,
            bounced,
            opened,
            unread,
            uncertain,
            unopened_percent: unopened_percent(handed.saturating_sub(bounced), opened),
        }
    }
}

fn unopened_percent(arrived: u32, opened: u32) -> Option<u8> {
    let unopened = u64::from(arrived.saturating_sub(opened));
    u8::try_from((unopened * 100).checked_div(arrived.into())?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_of_unopened_mails_is_of_those_that_did_not_come_back() {
        let percent = |handed, bounced, opened| {
            let domain = String::from("example.co.jp");
            let counts = MailDomain { domain, handed, bounced, opened, ..MailDomain::default() };
            DomainView::new(counts).unopened_percent
        };
        assert_eq!(percent(12, 2, 7), Some(30));
        assert_eq!(percent(12, 2, 10), Some(0));
        assert_eq!(percent(2, 2, 0), None);
        assert_eq!(percent(0, 0, 0), None);
        // Somebody may log in after the mail came back.
        assert_eq!(percent(2, 1, 2), Some(0));
        assert_eq!(percent(u32::MAX, 0, 0), Some(100));
    }
}

//! What a caller may see of a notification: no secret, numbers masked to the last four.
//!
//! In: the queue's view and what is live. Out: JSON, of which every field is described here.
//! Not here: what the codes of endings mean (`settle/endings.rs`).

use serde::Serialize;
use utoipa::ToSchema;

use crate::job::{FaxBecause, IfUncertain, Live, UnixMillis};
use crate::queue::{AttemptView, DecisionView, View};
use crate::settle::endings::{self, Meaning};

/// Answer to an accepted notification; the same for every repetition of the request.
#[derive(Serialize, ToSchema)]
pub struct Acceptance {
    pub id: String,
    /// Always `waiting`: the state at acceptance, not now.
    pub state: &'static str,
    /// `fax` or `mail`: as it was accepted.
    pub channel: &'static str,
    pub links: Links,
}

/// Where to ask next.
#[derive(Serialize, ToSchema)]
pub struct Links {
    /// This notification.
    #[serde(rename = "self")]
    pub own: String,
    /// The feed of all changes.
    pub events: &'static str,
}

impl Links {
    pub fn of(id: &str) -> Self {
        Self { own: format!("/v1/notifications/{id}"), events: "/v1/events" }
    }
}

/// A notification.
#[derive(Serialize, ToSchema)]
pub struct Notification {
    pub id: String,
    /// Eight characters of the id, as printed on the sheet: for people on the telephone.
    pub reference: String,
    /// `waiting`, `sending`, `handed_off`, `uncertain`, `hold`, `confirmed`, `failed`, `expired`, `cancelled`,
    /// `resolved_delivered`, `resolved_not_delivered`.
    pub state: &'static str,
    /// Whether the state can still change.
    pub is_final: bool,
    /// Stable code of why it is in this state.
    pub reason: Option<String>,
    /// What that means, if it is the code of an ending.
    pub reason_means: Option<Meaning>,
    pub kind: &'static str,
    /// The way that it takes now: `fax` or `mail`.
    pub channel: &'static str,
    /// Why it goes by FAX although it was to go by mail: `mail-bounced`, `mail-unread`, `mail-not-sent` or `mail-unsure`.
    pub because: Option<&'static str>,
    /// The same in words.
    pub because_means: Option<BecauseView>,
    pub recipient: RecipientView,
    /// RFC 3339, as all times.
    pub accepted_at: String,
    /// When it has its next turn.
    pub due_at: Option<String>,
    /// What is waited for once a relay or a provider has it.
    pub awaits: Option<AwaitsView>,
    pub not_after: String,
    /// What follows when nobody knows whether its key is on paper: `ask` or `send_once_more`. `null` of kinds without one.
    pub if_uncertain: Option<&'static str>,
    /// Of its credentials: sheets with a lower one are void. 1 of a notification that has none.
    pub version: u32,
    /// What is happening on the line right now; in memory only, no evidence.
    pub live: Option<LiveView>,
    /// What was tried and what the far end really said, in order.
    pub attempts: Vec<Attempt>,
    /// What was decided while it was `uncertain`, in order.
    pub decisions: Vec<Decision>,
    pub links: Links,
}

/// Who is told.
#[derive(Serialize, ToSchema)]
pub struct RecipientView {
    pub office_number: String,
    /// Masked but for the last four digits. Also of one to which a mail goes: FAX is the way back.
    pub fax: String,
    /// Masked but for its domain, if it was accepted to go by mail.
    pub mail: Option<String>,
}

/// Why it goes by FAX although it was to go by mail.
#[derive(Serialize, ToSchema)]
pub struct BecauseView {
    /// One English sentence.
    pub text: &'static str,
    /// The same sentence in Japanese.
    pub text_ja: &'static str,
}

/// What is waited for.
#[derive(Serialize, ToSchema)]
pub struct AwaitsView {
    /// Until when.
    pub until: String,
    /// What happens if nobody has logged in, and no receipt has come, by then: `fax` (it goes by FAX) or `decide` (a mail
    /// is `confirmed` if a delivery was reported, else somebody has to decide; what a fax provider has counts as a sheet
    /// that nobody confirmed).
    pub then: &'static str,
}

/// What somebody decided.
#[derive(Serialize, ToSchema)]
pub struct Decision {
    pub at: String,
    /// `rotate`, `resend`, `close_delivered` or `close_not_delivered`.
    pub choice: &'static str,
    /// Of its credentials from then on.
    pub version: u32,
    /// Who decided, and why, in their own words.
    pub by: Option<String>,
    pub reason: Option<String>,
}

/// A call that is on, or a mail on its way to the relay.
#[derive(Serialize, ToSchema)]
pub struct LiveView {
    pub line: String,
    /// `dialling`, `answered`, `identity`, `training`, `page`, `confirmed`, `hung_up`.
    pub phase: &'static str,
    /// 0 to 100 of the page.
    pub percent: Option<u8>,
}

/// One call, or one mail.
#[derive(Serialize, ToSchema)]
pub struct Attempt {
    /// Counted from 1.
    pub number: u32,
    /// `fax` or `mail`.
    pub channel: &'static str,
    /// The line that called, or the lane that handed the mail over.
    pub line: String,
    /// Of the credentials on its sheet.
    pub version: u32,
    /// `claimed`, `dialing`, `page_started`, `page_acked`, `dot_sent`, `handed_off`, `confirmed`, `not_sent`,
    /// `uncertain`.
    pub state: &'static str,
    /// Stable code of the ending.
    pub code: Option<String>,
    /// What that means: in words, whose matter it is, and what to do next.
    pub ending: Option<Meaning>,
    /// What was reached, in order.
    pub rungs: Vec<Rung>,
    /// Facts of the call once it is over: times, rate, identity, pages.
    #[schema(value_type = Option<Object>)]
    pub receipt: Option<serde_json::Value>,
}

/// One rung of the receipt ladder.
#[derive(Serialize, ToSchema)]
pub struct Rung {
    pub name: String,
    pub at: String,
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
}

impl Notification {
    pub fn new(view: View, live: Option<Live>) -> Self {
        let id = view.id.to_string();
        Self {
            links: Links::of(&id),
            reference: crate::render::reference(view.id),
            id,
            state: view.state.as_str(),
            is_final: view.state.is_final(),
            reason_means: view.reason.as_deref().and_then(endings::find).copied(),
            reason: view.reason,
            kind: view.kind,
            channel: view.channel.as_str(),
            because: view.because.map(FaxBecause::as_str),
            because_means: view
                .because
                .map(|because| BecauseView { text: because.text(), text_ja: because.text_ja() }),
            recipient: RecipientView {
                office_number: view.office_number,
                fax: view.fax_masked,
                mail: view.mail_domain.map(|domain| format!("***@{domain}")),
            },
            accepted_at: view.accepted_at.rfc3339(),
            due_at: view.due_at.map(UnixMillis::rfc3339),
            awaits: view.watch.map(|watch| AwaitsView {
                until: watch.until.rfc3339(),
                then: watch.then.as_str(),
            }),
            not_after: view.not_after.rfc3339(),
            if_uncertain: view.if_uncertain.map(IfUncertain::as_str),
            version: view.version,
            live: live.map(|live| LiveView {
                line: live.line,
                phase: live.phase,
                percent: live.percent,
            }),
            attempts: view.attempts.into_iter().map(Attempt::new).collect(),
            decisions: view.decisions.into_iter().map(Decision::new).collect(),
        }
    }
}

impl Decision {
    fn new(view: DecisionView) -> Self {
        let DecisionView { at, choice, version, by, reason } = view;
        Self { at: at.rfc3339(), choice: choice.as_str(), version, by, reason }
    }
}

impl Attempt {
    fn new(view: AttemptView) -> Self {
        let rung = |(name, at, detail)| Rung { name, at: UnixMillis::rfc3339(at), detail };
        Self {
            number: view.number,
            channel: view.channel.as_str(),
            line: view.line,
            version: view.version,
            state: view.state.as_str(),
            ending: view.code.as_deref().and_then(endings::find).copied(),
            code: view.code,
            rungs: view.rungs.into_iter().map(rung).collect(),
            receipt: view.receipt,
        }
    }
}

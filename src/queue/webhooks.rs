//! What the store keeps of an endpoint that is told what happened.
//!
//! Not here: which events an endpoint is told, and when again (`tell`).

use super::EventRow;
use crate::job::{ClientId, UnixMillis};
use crate::tell::Carries;

/// An endpoint, as the settings have it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebhookEndpoint {
    pub name: String,
    /// Whose notifications it hears of.
    pub client: ClientId,
    pub carries: Carries,
}

/// Where an endpoint begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WebhookOpened {
    /// It is new, or was another client's: it hears of what happens from now on.
    New { after: i64 },
    /// It goes on where it was.
    Known { after: i64 },
}

/// What is to be told now.
#[derive(Clone, Debug, Default)]
pub struct WebhookWork {
    /// Each of another notification.
    pub due: Vec<WebhookDue>,
    /// There is more that could be told now.
    pub more: bool,
    /// When the next one that waits is due.
    pub next_due: Option<UnixMillis>,
    /// It said that nobody wants posts there any more: nothing is due until somebody says otherwise.
    pub disabled: bool,
    /// When it last took something.
    pub told_at: Option<UnixMillis>,
}

/// One event that an endpoint has not taken.
#[derive(Clone, Debug)]
pub struct WebhookDue {
    pub event: EventRow,
    /// Posts of it so far.
    pub tries: u32,
    /// When its turn came.
    pub turn_at: UnixMillis,
}

/// What became of one post.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebhookOutcome {
    /// Cursor of the event.
    pub event: i64,
    pub fate: WebhookFate,
}

/// And what follows from it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WebhookFate {
    /// The endpoint has it.
    Told,
    /// It comes again.
    Again { due: UnixMillis, code: &'static str, detail: String },
    /// It does not come again. The feed still has it.
    GivenUp { code: &'static str, detail: String },
    /// Nothing comes any more until somebody says otherwise.
    Disabled { code: &'static str, detail: String },
}

/// How an endpoint stands in the store.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebhookBoard {
    pub name: String,
    /// Every event up to here was told, given up, or waits.
    pub cursor: i64,
    /// Events that it has not taken yet, at most [`WebhookBoard::MOST_BEHIND`].
    pub behind: u32,
    /// Those among them that failed and come again.
    pub retrying: u32,
    /// When the oldest of them happened.
    pub oldest: Option<UnixMillis>,
    pub given_up: u32,
    pub told_at: Option<UnixMillis>,
    /// The last post that failed: when, its stable code, and what was found.
    pub failed: Option<(UnixMillis, String, String)>,
    pub disabled_at: Option<UnixMillis>,
}

impl WebhookBoard {
    /// More are not counted.
    pub const MOST_BEHIND: u32 = 10_000;
}

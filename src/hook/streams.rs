//! The feed as Server-Sent Events: what comes behind a cursor, and then each change as it comes.
//!
//! In: a cursor and the store's word that there is news. Out: a body that goes on until the gateway stops, the client goes,
//! or its time is over; whoever comes back with the last id that he has seen misses nothing and gets nothing twice.
//! A change is read from the store when the client has taken the one before it, so a slow reader costs no memory; one that
//! takes nothing is closed with its connection.
//! Source: HTML Living Standard, 9.2 Server-sent events. Not here: the cursor and its rows (`events.rs`).

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::Sleep;

use super::Hook;
use super::events::{self, Event};
use super::problem::{Code, Problem};
use crate::job::ClientId;
use crate::queue::EventRow;

/// Streams of one client at a time. Chosen: one for each machine of an exchange and some for the technician.
const MOST_STREAMS: usize = 8;
/// Rows that are read at a time.
const PIECE: u16 = 100;
/// Between two signs of life: proxies close what is silent for a minute. Chosen.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// No stream lives longer: whoever comes back shows a token again, and it may have been revoked. Chosen.
const LONGEST: Duration = Duration::from_secs(50);

/// The streams that are open. Clones share them.
#[derive(Clone, Default)]
pub struct Streams(Arc<Shared>);

#[derive(Default)]
struct Shared {
    open: Mutex<HashMap<ClientId, usize>>,
    closing: watch::Sender<bool>,
}

impl Streams {
    /// The gateway stops: every stream ends, and no other begins.
    pub fn end(&self) {
        self.0.closing.send_replace(true);
    }

    fn admit(&self, client: &ClientId) -> Option<Place> {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.entry(client.clone()).or_default();
        if *own >= MOST_STREAMS {
            return None;
        }
        *own += 1;
        Some(Place { streams: self.clone(), client: client.clone() })
    }
}

/// One stream's place, free again when this is dropped.
struct Place {
    streams: Streams,
    client: ClientId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.client) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.client);
            }
        }
    }
}

/// Answers with everything behind a cursor and what comes after it. What is wrong with the cursor is said before the
/// stream begins.
pub(super) async fn open(hook: Hook, client: ClientId, after: i64) -> Result<Response, Problem> {
    let place = hook.streams.admit(&client).ok_or_else(|| Problem::new(Code::TooManyStreams))?;
    let news = hook.queue.news();
    let rows = events::rows(&hook, client.clone(), after, PIECE).await?;
    let reader = Reader {
        closing: hook.streams.0.closing.subscribe(),
        over: Box::pin(tokio::time::sleep(LONGEST)),
        hook,
        client,
        cursor: after,
        read: rows.into(),
        news,
        _place: place,
    };
    let changes = stream::unfold(reader, Reader::next);
    Ok(Sse::new(changes).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

/// One client, and how far he has read.
struct Reader {
    hook: Hook,
    client: ClientId,
    cursor: i64,
    /// Read from the store and not taken yet.
    read: VecDeque<EventRow>,
    news: watch::Receiver<i64>,
    closing: watch::Receiver<bool>,
    over: Pin<Box<Sleep>>,
    _place: Place,
}

impl Reader {
    async fn next(mut self) -> Option<(Result<sse::Event, Infallible>, Self)> {
        loop {
            // Asked before each event: a long backlog must not outlive a stop or a token.
            if *self.closing.borrow() || self.over.is_elapsed() {
                return None;
            }
            if let Some(row) = self.read.pop_front() {
                self.cursor = row.cursor;
                return Some((Ok(told(row)?), self));
            }
            // What is committed from here on is news again.
            self.news.mark_unchanged();
            let client = self.client.clone();
            // A store that fails has been logged, and a gap is told to whoever comes back.
            let rows = events::rows(&self.hook, client, self.cursor, PIECE).await.ok()?;
            if !rows.is_empty() {
                self.read = rows.into();
                continue;
            }
            tokio::select! {
                biased; // a stop goes before everything
                _stops = self.closing.wait_for(|closing| *closing) => return None,
                () = &mut self.over => return None,
                changed = self.news.changed() => changed.ok()?,
            }
        }
    }
}

fn told(row: EventRow) -> Option<sse::Event> {
    let event = Event::from(row);
    let data = serde_json::to_string(&event).ok()?;
    Some(sse::Event::default().id(event.cursor.to_string()).event(&event.name).data(data))
}

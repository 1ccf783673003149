//! An event as it is posted, and the id by which a receiver knows it again.
//!
//! In: a row of the feed. Out: JSON without anything that a stranger could use: which notification, and where it stands.
//! Whoever wants more asks the feed from this cursor on.
//! Source: Standard Webhooks 1.0, "Payload structure": `type`, `timestamp`, `data`.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::job::{UnixMillis, hex};
use crate::queue::EventRow;

/// What is posted. The same on every try.
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
}

impl Message {
    /// Of an event. Its id is the same for one endpoint however often it is posted, also by a process that knows nothing of
    /// the post before; and another one if an older store came back and gave the cursor to something else.
    pub(super) fn of(event: &EventRow, endpoint: &str) -> Self {
        let at = event.at.rfc3339();
        let job = event.job.to_string();
        let cursor = event.cursor.to_string();
        let mut hash = Sha256::new();
        for part in [endpoint, cursor.as_str(), at.as_str(), job.as_str(), event.name.as_str()] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let digest = hash.finalize();
        let mut data = json!({ "notification": job, "cursor": event.cursor });
        for name in ["state", "code"] {
            if let Some(value) = event.detail.get(name)
                && !value.is_null()
            {
                data[name] = value.clone();
            }
        }
        let body = json!({
            "type": format!("notification.{}", event.name),
            "timestamp": at,
            "data": data,
        });
        Self {
            id: format!("msg_{}", hex(digest.get(..16).unwrap_or(&digest))),
            body: body.to_string(),
        }
    }

    /// Says nothing but that somebody tries the way.
    pub(super) fn ping(endpoint: &str, now: UnixMillis, random: [u8; 16]) -> Self {
        let body = json!({
            "type": "ping",
            "timestamp": now.rfc3339(),
            "data": { "endpoint": endpoint },
        });
        Self { id: format!("ping_{}", hex(&random)), body: body.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::JobId;
    use crate::job::examples::TUESDAY_10_00 as NOW;

    fn event(cursor: i64) -> EventRow {
        EventRow {
            cursor,
            at: NOW,
            job: JobId::new(NOW, 7),
            name: "confirmed".into(),
            detail: json!({ "state": "confirmed", "code": "delivered", "due_at": null,
                "receipt": { "identity": "** **** 5678" } }),
        }
    }

    #[test]
    fn body_says_which_notification_and_where_it_stands_and_nothing_else() {
        let body: serde_json::Value =
            serde_json::from_str(&Message::of(&event(9), "exchange").body).expect("JSON");
        assert_eq!(
            body,
            json!({
                "type": "notification.confirmed",
                "timestamp": NOW.rfc3339(),
                "data": { "notification": JobId::new(NOW, 7).to_string(), "cursor": 9,
                    "state": "confirmed", "code": "delivered" },
            })
        );
    }

    #[test]
    fn id_is_of_this_event_and_this_endpoint_and_of_no_other() {
        let id = |event: &EventRow, endpoint| Message::of(event, endpoint).id;
        let first = id(&event(9), "exchange");
        assert_eq!(first, id(&event(9), "exchange"));
        assert!(first.len() == 36 && !first.contains('.'), "{first}");
        let after_a_restore = EventRow { at: UnixMillis(NOW.0 + 1), ..event(9) };
        for other in [
            id(&event(10), "exchange"),
            id(&event(9), "other"),
            id(&after_a_restore, "exchange"),
            id(&EventRow { name: "failed".into(), ..event(9) }, "exchange"),
        ] {
            assert_ne!(first, other);
        }
    }
}

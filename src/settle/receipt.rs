//! What a client may know of a call: the facts that the far end and the modem gave, no more.
//!
//! In: an [`Outcome`] and its code. Out: JSON. Never a secret, never a whole number or identity.

use serde_json::{Value, json};
use std::time::Duration;

use super::Outcome;
use crate::job::number::mask;
use crate::office::rate::Rate;

/// The receipt of a call. It is written while the line is held: the hang-up is a rung of its own.
pub fn of(outcome: &Outcome<'_>, code: &'static str) -> Value {
    json!({
        "code": code,
        "page_started": outcome.page_started,
        "pages_confirmed": outcome.pages_confirmed,
        "identity": outcome.identity.map(|identity| identity.as_str()),
        "csi": outcome.far_end.and_then(|far_end| far_end.csi.as_deref()).map(mask),
        "contract": outcome.contract.map(contract),
        "times_ms": outcome.times.map(times),
    })
}

/// The terms under which pages went.
pub fn contract(contract: &t30::Contract) -> Value {
    use t30::Resolution;
    json!({
        "modulation": Rate(contract.modulation).family(),
        "rate_bps": contract.modulation.rate_bps(),
        "ecm": contract.ecm,
        "coding": contract.coding.to_string(),
        "resolution": match contract.resolution {
            Resolution::Standard => "standard",
            Resolution::Fine => "fine",
        },
    })
}

/// When what happened, in milliseconds from the first octet of ATD.
fn times(times: &modem::CallTimes) -> Value {
    let millis =
        |at: Option<Duration>| at.map(|at| u64::try_from(at.as_millis()).unwrap_or(u64::MAX));
    json!({
        "dialled": millis(times.dialled),
        "answered": millis(times.answered),
        "trained": millis(times.trained),
        "page_started": millis(times.page_started),
        "confirmed": millis(times.confirmed),
    })
}

//! What a client may know of a call: the facts that the far end and the modem gave, no more.
//!
//! In: an [`Outcome`] and its code. Out: JSON. Never a secret, never a whole number or identity.

use serde_json::{Value, json};
use std::time::Duration;

use super::Outcome;
use crate::job::number::mask;

/// The receipt of a call. It is written while the line is held: the hang-up is a rung of its own.
pub fn of(outcome: &Outcome<'_>, code: &'static str) -> Value {
    json!({
        "code": code,
        "page_started": outcome.page_started,
        "pages_confirmed": outcome.pages_confirmed,
        "identity": outcome.identity.map(|identity| identity.as_str()),
        "csi": outcome.csi.map(mask),
        "contract": outcome.contract.map(contract),
        "times_ms": outcome.times.map(times),
    })
}

/// The terms under which pages went.
pub fn contract(contract: &t30::Contract) -> Value {
    use t30::{Coding, Modulation, Resolution};
    json!({
        "modulation": match contract.modulation {
            Modulation::V27ter2400 | Modulation::V27ter4800 => "V.27ter",
            Modulation::V29At7200 | Modulation::V29At9600 => "V.29",
            Modulation::V17At7200
            | Modulation::V17At9600
            | Modulation::V17At12000
            | Modulation::V17At14400 => "V.17",
        },
        "rate_bps": contract.modulation.rate_bps(),
        "ecm": contract.ecm,
        "coding": match contract.coding {
            Coding::Mh => "MH",
            Coding::Mr => "MR",
            Coding::Mmr => "MMR",
        },
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

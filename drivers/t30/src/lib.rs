//! ITU-T T.30, the calling machine that sends: a state machine without clock, thread or device.
//!
//! In: [`Input`]s, each with the time at which it happened. Out: [`Output`]s, one at a time: something
//! to do on the line, a question to the caller, an event to show, or the end.
//! Source: ITU-T T.30 (09/2005) with Annex A, T.4 (07/2003) Annex A; clauses beside the lines.
//! Not here: AT commands and devices (`drivers/modem`), coding of pels (`drivers/t4`), whether to
//! call again (`src/settle`).
//!
//! The files in the order of a call: [`Sender`] is driven (`session`, `driving`); it waits for DIS
//! (`phase_a`, `dis`, `identity`), agrees and trains (`phase_b`, `contract`, `dcs`, `t85`, `subaddress`,
//! `modulation`), sends the page (`phase_c`, `ecm`, `hdlc`), has it confirmed (`phase_d`, `confirmed`)
//! and takes its leave (`phase_e`). Below all of them: `exchange` (a command and the wait for its answer),
//! `frame` and `signal` (what an octet means), `timers`. Beside them: `describe` (frames in words).
//!
//! Left out, because nothing here has a use for it: polling with its PWD and SEP, EOM (all pages of
//! a call have one resolution, so MPS always does), operator interrupts (PRI-*; a PIP is read as the
//! confirmation that it is, a PIN as the refusal that it is), V.34, frames of 64 octets.
#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable
)]
extern crate alloc;

mod confirmed;
mod contract;
mod dcs;
mod describe;
mod dis;
mod driving;
mod ecm;
mod error;
mod exchange;
mod frame;
mod hdlc;
mod identity;
mod modulation;
mod phase_a;
mod phase_b;
mod phase_c;
mod phase_d;
mod phase_e;
mod session;
mod signal;
mod subaddress;
mod t85;
mod timers;

pub use confirmed::PageConfirmed;
pub use contract::{Coding, Contract, Resolution};
pub use describe::{Described, cover, describe, offers};
pub use driving::{Event, FarEnd, Fast, Input, LineAction, Output, Question};
pub use error::{CallError, Phase};
pub use identity::{Identity, IdentityError};
pub use modulation::{Modulation, Modulations, Training};
pub use session::{Sender, SenderSettings};
pub use signal::Signal;
pub use subaddress::{Password, Subaddress, SubaddressError};
pub use t85::T85;
pub use timers::Millis;

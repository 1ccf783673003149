//! What others see of a domain that sends mail: its names in the DNS, and what they allow.
//!
//! In: a domain, the address of a relay, a resolver. Out: facts, with what could not be told said as such. Nothing is
//! sent and nothing is changed.
//! Limits: each question to the DNS has a deadline and its answer a length (`names.rs`); SPF asks ten at most (`spf.rs`).
//! Source: RFC 7208 (SPF), RFC 6376 and 8301 (DKIM), RFC 7489 (DMARC), RFC 7505 (null MX), RFC 5321 5.1.
//! Not here: what a relay offers (`smtp`), what to do about any of it (`src/app/check.rs`).

mod dkim;
mod dmarc;
mod names;
mod spf;

pub use dkim::{DkimKey, DkimRecord, USUAL_SELECTORS};
pub use dmarc::{Demand, Dmarc, DmarcRecord, same_organization, upwards};
pub use names::{Names, NoResolver, Unanswered};
pub use spf::{All, Spf, SpfFault, SpfResult};

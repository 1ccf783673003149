//! Certificates: whom this machine believes, from when until when one is valid, how long a key is.
//!
//! In: PEM and DER, of files and of strangers. Out: a rustls configuration for whoever connects; dates and lengths, or
//! nothing if the octets are not what they should be.
//! Not here: connections (`drivers/mail`, `drivers/webhook`, `src/hook/tls.rs`), what a date means (`src/app/check`).
//!
//! | file | holds |
//! |---|---|
//! | `trust.rs` | whose signature is believed |
//! | `der.rs` | the little of ASN.1 that is read here |
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable
    )
)]

mod der;
mod trust;

pub use der::{Validity, rsa_bits, validity};
pub use trust::{Trust, TrustError, certificates};

//! Standard Webhooks, the sending side: one signed post to an endpoint that may be slow, broken or not what it seems.
//!
//! In: an [`Endpoint`], its [`Keys`], a [`Message`]. Out: [`Answered`] for a 2xx, or a [`PostError`] that tells apart why
//! not. A post ends within [`Endpoint::POST_WITHIN`], whatever is at the other end.
//! Source: Standard Webhooks 1.0 (signatures, secrets); RFC 9110 (status, `Retry-After`); IANA's registries of special
//! addresses (RFC 6890).
//! Not here: whose certificates are believed (`drivers/pki`), whether and when to post again (`src/tell`), what is posted.
//!
//! | file | holds |
//! |---|---|
//! | `sign.rs` | secrets, and what a receiver checks |
//! | `place.rs` | where an endpoint is, and which addresses no post goes to |
//! | `post.rs` | one post, from the name to the status |
//! | `later.rs` | when a server wants to be asked again |
//! | `error.rs` | why a post failed |
//!
//! No redirect is followed, and no proxy of the environment is used: a post goes where the settings say or nowhere.
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

mod error;
mod later;
mod place;
mod post;
mod sign;

pub use error::{PostError, Stage};
pub use place::{Place, PlaceError, Resolve, System};
pub use post::{Answered, Endpoint, Message};
pub use sign::{Key, KeyError, Keys};

//! Mail: handing one to a relay, and reading what comes back about it.
//!
//! In: a mail with its envelope; octets of a mail that a stranger sent. Out: an [`smtp::Outcome`], which knows
//! whether anybody can have the mail; mails of a [`mailbox`]; a [`Reading`]: which mail of ours it is about, proven by
//! its [`Token`], and what it reports.
//! Source: RFC 3461 to 3464 (DSN), RFC 8098 (MDN), RFC 3834 (automatic responses), RFC 5321.
//! Not here: what a report changes (`src/settle`), whether anything may go by mail (`src/office`).
//!
//! | file | holds |
//! |---|---|
//! | `token.rs` | an identity that only we can have made, in the return path of every mail |
//! | `address.rs` | addresses, checked once, that cannot carry a second line or a second address |
//! | `message.rs` | a mail as octets |
//! | `mime.rs` | octets of a stranger as header and parts |
//! | `smtp/` | one mail to a relay, and how far it came |
//! | `mailbox/` | mails of one folder over IMAP |
//! | `provider/` | services that send a fax for a mail: what each wants, and what it answers |
//! | `report/` | one mail of the receipt box: DSN, MDN, automatic response, or nothing to us |
//! | `check/` | what the DNS says of a domain that sends mail: SPF, DKIM, DMARC |
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

mod address;
pub mod check;
pub mod mailbox;
pub mod message;
mod mime;
pub mod provider;
pub mod report;
pub mod smtp;
mod token;

pub use address::{Address, AddressError, ReturnPath};
pub use report::{Reading, read};
pub use token::{Subject, Token, TokenKey};

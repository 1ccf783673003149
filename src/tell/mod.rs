//! Telling the exchange: what happened to its notifications is posted to the endpoints of the settings, each event at least
//! once, those of one notification in their order.
//!
//! In: events, once they are on disk. Out: signed posts; what an endpoint has taken, in the store; [`Teller`]s for those who
//! look. The row of the feed is what is told: it is written in the transaction of the change, and an endpoint that is away
//! for days finds all of it when it is back.
//! Source: Standard Webhooks 1.0.
//! Not here: how a post goes (`drivers/webhook`), the rows (`queue/sqlite/webhooks.rs`), the feed (`hook/events.rs`).
//!
//! | file | holds |
//! |---|---|
//! | `carries.rs` | which events an endpoint is told |
//! | `message.rs` | an event as it is posted, and its id |
//! | `patience.rs` | when a post comes again, and when no more |
//! | `faults.rs` | what the code of a post that failed means, and what to do |
//! | `teller.rs` | one endpoint as others see it |
//! | `telling.rs` | what its task does |

mod carries;
pub mod faults;
mod message;
mod patience;
mod teller;
mod telling;

#[cfg(test)]
mod tests;

pub use carries::{Carries, DISABLED, GIVEN_UP};
pub use patience::LONGEST_WAIT;
pub use teller::{Opener, Parts, Post, Posted, TellFault, TellState, TellStatus, Teller, Tellers};

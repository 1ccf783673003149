//! The way of a notification, from an HTTP call to a receipt. The rooms stand in walking order:
//!
//! | room | takes | hands on |
//! |---|---|---|
//! | [`hook`] | HTTP body | [`job::NewJob`] |
//! | [`job`] | `NewJob` | every field parsed once, trusted afterwards |
//! | [`office`] | `NewJob` | a [`office::Route`], or a refusal |
//! | [`queue`] | job and route | an id; the 202 goes out after COMMIT |
//! | [`render`] | a job | its sheet as a one-bit page |
//! | [`schedule`] | due jobs × free lines | a [`queue::Claim`] |
//! | [`send`] | a claim | what the far end really said |
//! | [`settle`] | that ending | job state, receipt, event: one transaction |
//! | [`tell`] | that event | a signed post to the exchange, until it is taken |
//!
//! [`app`] starts and stops them. Drivers (`drivers/*`) can do one outside thing each and know
//! nothing of this crate.

pub mod app;
pub mod hook;
pub mod job;
pub mod office;
pub mod queue;
pub mod render;
pub mod schedule;
pub mod send;
pub mod settle;
pub mod tell;

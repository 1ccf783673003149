//! The whole appliance, from an HTTP call to a receipt: daemon, store, sheet worker, modem and line are real.

mod bad_input;
mod canary;
mod first_contact;
mod harness;
mod killed;
mod kinds;
mod lines;
mod numbers;
mod restored;
#[path = "../support/softline.rs"]
mod softline;
mod stopped;
mod watch;
mod webhook;

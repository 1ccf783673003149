//! The whole way of a mail, with Postfix and Dovecot as relay, far host and receipt box.

mod flooded;
mod gateway;
#[allow(dead_code, reason = "this program uses a part of it")]
#[path = "../appliance/harness.rs"]
mod harness;
mod hostile;
mod hostile_box;
mod killed;
mod mailbox;
mod provider;

mod proxy;
mod relay;
mod servers;
#[path = "../support/softline.rs"]
mod softline;
mod way;

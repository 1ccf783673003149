//! The whole way of a mail, with Postfix and Dovecot as relay, far host and receipt box.

mod mailbox;
mod relay;
mod servers;

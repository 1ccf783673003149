//! How long and how large a client may be. No setting: nobody needs other values, but tests do.
//!
//! Source: chosen. A notification has about 1 KiB and comes in one packet; all of this is for clients
//! that are broken, slow or hostile.

use std::time::Duration;

/// Limits of the listener.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From the first wait for a request to the end of its header; also ends a handshake and an idle connection.
    pub header: Duration,
    /// From the end of the header to the end of the body.
    pub body: Duration,
    /// An answer that is not read.
    pub answer: Duration,
    /// Grace of a stop for requests that are being answered.
    pub stop: Duration,
    /// Longest body.
    pub body_octets: usize,
    /// Most connections at once.
    pub connections: usize,
    /// Most connections at once from one network. This machine has no such bound: a reverse proxy on it speaks
    /// for everybody, and has to have its own.
    pub connections_per_network: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(5),
            body: Duration::from_secs(10),
            answer: Duration::from_secs(10),
            stop: Duration::from_secs(10),
            body_octets: 64 << 10,
            connections: 512,
            connections_per_network: 32,
        }
    }
}

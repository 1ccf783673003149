//! What a connection says of who is behind it: its network, and the name in its certificate.
//!
//! In: a peer's address, what the TLS handshake showed. Out: a [`Caller`], which goes with each of its requests.
//! Source: RFC 4291 2.5.4: a subscriber has at least a /64, so that is one caller in IPv6.
//! Not here: `X-Forwarded-For` and its like. They say what their sender wants, and nothing here depends on a proxy's word.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use super::auth::Scope;
use crate::job::ClientId;

/// Who is on the other end of a connection.
#[derive(Clone, Debug)]
pub struct Caller {
    pub network: Network,
    /// Its certificate is that of a client of the settings.
    pub certified: Option<Arc<Certified>>,
}

/// A client that shows a certificate instead of a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Certified {
    /// DNS name that its certificate is made out to.
    pub name: String,
    pub client: ClientId,
    pub scopes: Vec<Scope>,
}

/// The smallest network that is told apart: an address of IPv4, a /64 of IPv6.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Network(IpAddr);

impl Network {
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => {
                let [a, b, c, d, ..] = address.segments();
                Self(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
            whole => Self(whole),
        }
    }

    /// It is this machine: a technician, a monitor, or a proxy that speaks for everybody behind it.
    pub fn is_here(self) -> bool {
        self.0.is_loopback()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str) -> Network {
        Network::of(address.parse().expect("an address"))
    }

    #[test]
    fn addresses_of_one_subscriber_are_one_network() {
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert!(network("::ffff:127.0.0.1").is_here() && network("::1").is_here());
        assert!(!network("2001:db8::1").is_here());
    }
}

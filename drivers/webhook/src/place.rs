//! Where an endpoint is, and which addresses no post goes to.
//!
//! In: a URL and the networks of the settings. Out: a [`Place`]; for each address that its name has a yes or a no.
//! A name is what somebody else says it is today. So its addresses are asked for once for each post, every one of them is
//! judged, and the connection goes to an address that was judged, not to the name.
//! Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and what came after); RFC 4291 (IPv6).

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::{Host, Url};

use crate::PostError;

/// Longest URL that is taken; the longest useful ones have some hundred octets.
const MOST_URL_OCTETS: usize = 2048;

/// Of a name with more addresses only so many are tried.
const MOST_ADDRESSES: usize = 4;

/// Networks of IPv4 in which no endpoint is, unless the settings say so.
const CLOSED_V4: [Ipv4Net; 18] = [
    v4([0, 0, 0, 0], 8),        // this network
    v4([10, 0, 0, 0], 8),       // private
    v4([100, 64, 0, 0], 10),    // shared by providers
    v4([127, 0, 0, 0], 8),      // loopback
    v4([168, 63, 129, 16], 32), // a cloud's own services, at a public address
    v4([169, 254, 0, 0], 16),   // link-local, and the metadata of clouds
    v4([172, 16, 0, 0], 12),    // private
    v4([192, 0, 0, 0], 24),     // IETF protocols
    v4([192, 0, 2, 0], 24),     // documentation
    v4([192, 31, 196, 0], 24),  // AS112
    v4([192, 88, 99, 0], 24),   // 6to4 relays
    v4([192, 168, 0, 0], 16),   // private
    v4([192, 175, 48, 0], 24),  // AS112
    v4([198, 18, 0, 0], 15),    // benchmarks
    v4([198, 51, 100, 0], 24),  // documentation
    v4([203, 0, 113, 0], 24),   // documentation
    v4([224, 0, 0, 0], 4),      // multicast
    v4([240, 0, 0, 0], 4),      // reserved, and broadcast
];

/// The one part of IPv6 that is global unicast: loopback, link-local, private, multicast, mapped IPv4 and NAT64 lie
/// outside.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// And what within it is none.
const CLOSED_V6: [Ipv6Net; 5] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // IETF protocols, Teredo among them
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), // 6to4: an IPv4 address in disguise
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), // AS112
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation
];

const fn v4([a, b, c, d]: [u8; 4], bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), bits)
}

/// Where an endpoint is: a URL that can be posted to.
#[derive(Clone, Eq, PartialEq)]
pub struct Place(Url);

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Place").field(&self.origin()).finish()
    }
}

/// Why a text is no place.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PlaceError {
    #[error("a URL has at most 2048 octets")]
    Long,
    #[error("must be https://host/path, or http:// in a network that is allowed")]
    NoUrl,
    #[error("a name or password in a URL ends up in logs: the signature says who we are")]
    Login,
    #[error("what stands behind # is never sent")]
    Fragment,
}

impl Place {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        if text.len() > MOST_URL_OCTETS {
            return Err(PlaceError::Long);
        }
        let url = Url::parse(text).map_err(|_| PlaceError::NoUrl)?;
        if !matches!(url.scheme(), "https" | "http") || url.port() == Some(0) {
            return Err(PlaceError::NoUrl);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PlaceError::Login);
        }
        if url.fragment().is_some() {
            return Err(PlaceError::Fragment);
        }
        Ok(Self(url))
    }

    /// Scheme, host and port: as much of it as is good to show, since a path may be known to few.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    pub(crate) fn has_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// As errors name it.
    pub fn host(&self) -> String {
        self.0.host_str().unwrap_or_default().to_owned()
    }

    /// As a certificate must bear it: a name, or an address without brackets.
    pub(crate) fn name(&self) -> String {
        match self.0.host() {
            Some(Host::Domain(name)) => name.trim_end_matches('.').to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => String::new(),
        }
    }

    /// Value of the `Host` header.
    pub(crate) fn authority(&self) -> String {
        match self.0.port() {
            Some(port) => format!("{}:{port}", self.host()),
            None => self.host(),
        }
    }

    /// What is asked for of that host.
    pub(crate) fn path(&self) -> &str {
        self.0.as_str().get(self.0[..url::Position::BeforePath].len()..).unwrap_or("/")
    }

    /// The addresses to connect to, in order. None if only one of them may not be: a name that leads inside is not what it
    /// seems.
    ///
    /// # Errors
    /// [`PostError::NoAddress`], [`PostError::Forbidden`], [`PostError::Plain`].
    pub(crate) async fn addresses(
        &self,
        resolver: &dyn Resolve,
        allowed: &[IpNet],
    ) -> Result<Vec<SocketAddr>, PostError> {
        let port = self.0.port_or_known_default().unwrap_or(443);
        let none = |detail: String| PostError::NoAddress { host: self.host(), detail };
        let mut found = match self.0.host() {
            Some(Host::Domain(name)) => {
                resolver.resolve(name, port).await.map_err(|error| none(error.to_string()))?
            }
            Some(Host::Ipv4(address)) => vec![SocketAddr::new(address.into(), port)],
            Some(Host::Ipv6(address)) => vec![SocketAddr::new(address.into(), port)],
            None => Vec::new(),
        };
        if found.is_empty() {
            return Err(none(String::from("the name server knows none")));
        }
        for address in &found {
            let address = address.ip();
            let is_listed = allowed.iter().any(|network| network.contains(&address));
            if !is_listed && !is_public(address) {
                return Err(PostError::Forbidden { host: self.host(), address });
            }
            if !is_listed && !self.has_tls() {
                return Err(PostError::Plain { address });
            }
        }
        found.truncate(MOST_ADDRESSES);
        Ok(found)
    }
}

/// Anybody on the Internet may be there, and nobody who is only inside.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !CLOSED_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address)
                && !CLOSED_V6.iter().any(|network| network.contains(&address))
        }
    }
}

/// Addresses of a name, or why there are none.
pub type Addresses<'a> =
    Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Somebody who knows the addresses of names.
pub trait Resolve: Send + Sync {
    fn resolve<'a>(&'a self, name: &'a str, port: u16) -> Addresses<'a>;
}

/// The machine's own way to ask: /etc/hosts, then the name server.
pub struct System;

impl Resolve for System {
    fn resolve<'a>(&'a self, name: &'a str, port: u16) -> Addresses<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, port)).await?.collect()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says the same of every name.
    struct Says(Vec<IpAddr>);

    impl Resolve for Says {
        fn resolve<'a>(&'a self, _name: &'a str, port: u16) -> Addresses<'a> {
            let found = self.0.iter().map(|address| SocketAddr::new(*address, port)).collect();
            Box::pin(async move { Ok(found) })
        }
    }

    fn judge(url: &str, says: &[&str], allowed: &[&str]) -> Result<Vec<SocketAddr>, &'static str> {
        let says = Says(says.iter().map(|text| text.parse().expect("an address")).collect());
        let allowed: Vec<IpNet> =
            allowed.iter().map(|text| text.parse().expect("a network")).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let place = Place::parse(url).expect("a URL");
        runtime.block_on(place.addresses(&says, &allowed)).map_err(|error| error.code())
    }

    #[test]
    fn literal_address_that_is_not_of_the_internet_is_refused_however_it_is_written() {
        for url in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://017700000001/",
            "https://127.1:8443/",
            "https://0.0.0.0/",
            "https://10.1.2.3/",
            "https://172.31.255.255/",
            "https://192.168.0.1/",
            "https://100.100.100.200/",
            "https://169.254.169.254/latest/meta-data/",
            "https://168.63.129.16/",
            "https://192.0.0.192/",
            "https://192.175.48.6/",
            "https://198.18.0.1/",
            "https://224.0.0.1/",
            "https://255.255.255.255/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:169.254.169.254]/",
            "https://[::ffff:8.8.8.8]/",
            "https://[::127.0.0.1]/",
            "https://[64:ff9b::a9fe:a9fe]/",
            "https://[64:ff9b:1::1]/",
            "https://[2002:7f00:1::]/",
            "https://[2001:0:7f00:1::]/",
            "https://[2001:db8::1]/",
            "https://[2620:4f:8000::6]/",
            "https://[fd00:ec2::254]/",
            "https://[fe80::1]/",
            "https://[fec0::1]/",
            "https://[ff02::1]/",
            "https://[100::1]/",
        ] {
            assert_eq!(judge(url, &[], &[]), Err("webhook-address-forbidden"), "{url}");
        }
    }

    #[test]
    fn address_of_the_internet_is_taken_with_tls_only() {
        for url in ["https://8.8.8.8/", "https://[2606:4700::1]/", "https://172.32.0.1:8443/"] {
            assert_eq!(judge(url, &[], &[]).map(|found| found.len()), Ok(1), "{url}");
        }
        assert_eq!(judge("http://8.8.8.8/", &[], &[]), Err("webhook-needs-tls"));
        assert_eq!(judge("http://8.8.8.8/", &[], &["8.8.8.0/24"]).map(|found| found.len()), Ok(1));
    }

    #[test]
    fn name_with_one_address_inside_is_refused_whole() {
        let url = "https://hooks.example.jp/fax";
        assert_eq!(judge(url, &["8.8.8.8"], &[]).map(|found| found.len()), Ok(1));
        for says in [&["127.0.0.1"][..], &["8.8.8.8", "10.0.0.1"], &["8.8.8.8", "fd00::1"]] {
            assert_eq!(judge(url, says, &[]), Err("webhook-address-forbidden"), "{says:?}");
        }
        assert_eq!(judge(url, &[], &[]), Err("webhook-no-address"));
        assert_eq!(judge(url, &["10.0.0.1"], &["10.0.0.0/24"]).map(|found| found.len()), Ok(1));
        // A network of IPv4 does not open its disguises.
        let mapped = judge(url, &["::ffff:10.0.0.1"], &["10.0.0.0/24"]);
        assert_eq!(mapped, Err("webhook-address-forbidden"));
        assert_eq!(judge(url, &["8.8.8.8"; 40], &[]).map(|found| found.len()), Ok(MOST_ADDRESSES));
    }

    #[test]
    fn url_that_cannot_be_posted_to_or_gives_something_away_is_refused() {
        let refused = |url: &str| Place::parse(url).err();
        for url in
            ["", "hooks", "ftp://example.jp/", "file:///etc/passwd", "https://", "https://h:0/"]
        {
            assert_eq!(refused(url), Some(PlaceError::NoUrl), "{url}");
        }
        assert_eq!(refused("https://user:secret@example.jp/"), Some(PlaceError::Login));
        assert_eq!(refused("https://example.jp/#top"), Some(PlaceError::Fragment));
        assert_eq!(refused(&format!("https://h/{}", "x".repeat(2048))), Some(PlaceError::Long));
    }

    #[test]
    fn place_says_what_stands_in_the_request_and_shows_no_path() {
        let place = Place::parse("https://Hooks.Example.jp:8443/a%20b?c=1").expect("a URL");
        assert_eq!(place.origin(), "https://hooks.example.jp:8443");
        assert_eq!(format!("{place:?}"), "Place(\"https://hooks.example.jp:8443\")");
        assert_eq!(
            (place.authority().as_str(), place.path()),
            ("hooks.example.jp:8443", "/a%20b?c=1")
        );
        let bare = Place::parse("https://[2606:4700::1]").expect("a URL");
        assert_eq!((bare.authority().as_str(), bare.path()), ("[2606:4700::1]", "/"));
        assert_eq!(bare.name(), "2606:4700::1");
    }
}

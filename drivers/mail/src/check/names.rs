//! Questions to the DNS.
//!
//! In: a name. Out: the records there, none, or why nobody knows. An answer that is not like that of an honest server
//! is [`Unanswered`].
//! Source: RFC 1035, RFC 2308 (no such name and no such record are the same to mail).
//! Not here: what records mean.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, RecordType};

/// Of a set of records. Chosen: large senders have some thirty TXT records at their name.
const MOST_RECORDS: usize = 100;
/// Of one TXT record. A DKIM key of 4096 bits has some 740.
const MOST_TXT_OCTETS: usize = 8 << 10;

/// A resolver that can be asked.
pub struct Names {
    resolver: TokioResolver,
    within: Duration,
}

/// The DNS did not answer. A later try may succeed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unanswered {
    /// No server spoke in time.
    #[error("no resolver answered in time")]
    Late,
    /// A server says that it cannot tell, such as SERVFAIL or REFUSED.
    #[error("the resolver says {0}")]
    Code(String),
    /// What came back is no answer.
    #[error("an answer that cannot be read")]
    Nonsense,
    /// The name cannot stand in a question.
    #[error("not a name for the DNS")]
    Name,
}

/// This machine has no resolver, or its settings cannot be read. The technician's matter.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("/etc/resolv.conf names no resolver")]
pub struct NoResolver;

impl Names {
    /// Asks `server`, or those that this machine's `/etc/resolv.conf` names. `/etc/hosts` is not read: the receivers of
    /// our mail have another. `within` is for one question with everything that follows from it: another try, another
    /// server, TCP.
    ///
    /// # Errors
    /// [`NoResolver`].
    pub fn new(server: Option<SocketAddr>, within: Duration) -> Result<Self, NoResolver> {
        let mut builder = match server {
            None => TokioResolver::builder_tokio().map_err(|_| NoResolver)?,
            Some(server) => {
                let mut config = NameServerConfig::udp_and_tcp(server.ip());
                for connection in &mut config.connections {
                    connection.port = server.port();
                }
                TokioResolver::builder_with_config(
                    ResolverConfig::from_name_servers(vec![config]),
                    TokioRuntimeProvider::default(),
                )
            }
        };
        let options = builder.options_mut();
        options.timeout = within / 3;
        options.attempts = 2;
        options.use_hosts_file = ResolveHosts::Never;
        let resolver = builder.build().map_err(|_| NoResolver)?;
        Ok(Self { resolver, within })
    }

    /// The texts at a name, the strings of each joined (RFC 7208 3.3).
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn texts(&self, name: &str) -> Result<Vec<String>, Unanswered> {
        let text = |data: &RData| match data {
            RData::TXT(txt) => {
                let octets: Vec<u8> = txt.txt_data.iter().flatten().copied().collect();
                (octets.len() <= MOST_TXT_OCTETS)
                    .then(|| String::from_utf8_lossy(&octets).into_owned())
            }
            _other => None,
        };
        self.ask(name, RecordType::TXT, text).await
    }

    /// The hosts that take mail for a name, best first; the root's own name (`.`) is the null MX of RFC 7505.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn mail_hosts(&self, name: &str) -> Result<Vec<String>, Unanswered> {
        let host = |data: &RData| match data {
            RData::MX(mx) => Some((mx.preference, plain(&mx.exchange))),
            _other => None,
        };
        let mut hosts = self.ask(name, RecordType::MX, host).await?;
        hosts.sort();
        Ok(hosts.into_iter().map(|(_, host)| host).collect())
    }

    /// The addresses of a host, of both kinds.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Unanswered> {
        let address = |data: &RData| match data {
            RData::A(address) => Some(IpAddr::from(address.0)),
            RData::AAAA(address) => Some(IpAddr::from(address.0)),
            _other => None,
        };
        let (four, six) = tokio::join!(
            self.ask(name, RecordType::A, address),
            self.ask(name, RecordType::AAAA, address)
        );
        Ok([four?, six?].concat())
    }

    async fn ask<T>(
        &self,
        name: &str,
        kind: RecordType,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Result<Vec<T>, Unanswered> {
        let rooted = format!("{}.", name.trim_end_matches('.'));
        let name = Name::from_ascii(rooted).map_err(|_| Unanswered::Name)?;
        let asked = tokio::time::timeout(self.within, self.resolver.lookup(name, kind)).await;
        match asked.map_err(|_| Unanswered::Late)? {
            Ok(found) => {
                let records = found.answers().iter().take(MOST_RECORDS);
                Ok(records.filter_map(|record| read(&record.data)).collect())
            }
            Err(error) if error.is_no_records_found() => Ok(Vec::new()),
            Err(error) => Err(unanswered(&error)),
        }
    }
}

fn unanswered(error: &NetError) -> Unanswered {
    match error {
        NetError::Dns(DnsError::ResponseCode(code)) => Unanswered::Code(code.to_string()),
        NetError::Timeout | NetError::NoConnections | NetError::Io(_) => Unanswered::Late,
        _other => Unanswered::Nonsense,
    }
}

/// A name without its last dot; the root is a dot.
fn plain(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    match text.strip_suffix('.') {
        Some("") | None => text,
        Some(inner) => inner.to_owned(),
    }
}

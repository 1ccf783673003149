//! Where the hook listens, and who may call.
//!
//! In: `[http]`, `[http.tls]`, `[[http.tls.client]]`. Out: addresses, names of files.
//! Plain HTTP is for this machine only: for a technician, a monitor, a reverse proxy. Keys of offices do not cross a network in
//! the open because somebody forgot a table.
//! Not here: what is in the files (`hook/auth.rs`, `hook/tls.rs`).

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::values::{absolute, maybe_absolute, within};
use crate::app::secrets::SecretFile;
use crate::hook::Scope;
use crate::hook::auth::is_client_name;
use crate::hook::caller::Certified;
use crate::job::ClientId;

/// `[http]`: where the hook listens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address of this machine and port 1 to 65535, for plain HTTP. 127.0.0.1:8750: the verbs of the command line look there.
    #[serde(default = "default_listen", deserialize_with = "here")]
    pub listen: SocketAddr,
    /// File of hashed tokens, one a line, as `shirase token new` prints them. /etc/shirase/tokens: read by its own name, not
    /// as a credential, of which the service manager makes a copy at start, so a token could be revoked only by a restart.
    #[serde(default = "default_tokens_file")]
    pub tokens_file: SecretFile,
    /// Most notifications a minute of one client, 1 to 1000000. None: what the lines cannot reach in time is refused anyway.
    #[serde(default, deserialize_with = "posts_per_minute")]
    pub posts_per_minute: Option<NonZeroU32>,
    /// `None`: nobody calls from another machine.
    #[serde(default)]
    pub tls: Option<Tls>,
}

/// `[http.tls]`: where callers on other machines are answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Address and port, port 1 to 65535. No default: which network it is has to be decided.
    #[serde(deserialize_with = "listen")]
    pub listen: SocketAddr,
    /// PEM file: our certificate, then those between it and the root.
    #[serde(deserialize_with = "absolute")]
    pub certificate: PathBuf,
    /// PEM file with its key, readable for this service and closed to others.
    pub key_file: SecretFile,
    /// PEM file of the CA that signs certificates of clients; with it nobody gets in without one. None: a token is enough.
    #[serde(default, deserialize_with = "maybe_absolute")]
    pub client_ca: Option<PathBuf>,
    /// Those that need no token beside their certificate.
    #[serde(default)]
    pub client: Vec<CertifiedClient>,
}

/// `[[http.tls.client]]`: whose certificate stands for a token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertifiedClient {
    /// DNS name (subjectAltName) in the certificate.
    pub certificate_name: String,
    /// The client that it belongs to, as in the tokens file.
    #[serde(deserialize_with = "client_name")]
    pub client: String,
    /// What it may do, as in the tokens file.
    #[serde(deserialize_with = "scopes")]
    pub scopes: Vec<Scope>,
}

impl Http {
    /// What the tables have to do with each other.
    pub(super) fn check(&self) -> Result<(), String> {
        match &self.tls {
            Some(tls) if tls.client_ca.is_none() && !tls.client.is_empty() => Err(String::from(
                "[[http.tls.client]] needs client_ca: without it no certificate is asked for",
            )),
            Some(tls) if tls.listen == self.listen => {
                Err(String::from("[http.tls] and [http] listen on the same address"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Tls {
    /// Whom a certificate lets in.
    pub fn clients(&self) -> Vec<Certified> {
        let certified = |client: &CertifiedClient| Certified {
            name: client.certificate_name.clone(),
            client: ClientId(client.client.clone()),
            scopes: client.scopes.clone(),
        };
        self.client.iter().map(certified).collect()
    }
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8750))
}

fn default_tokens_file() -> SecretFile {
    SecretFile::new("/etc/shirase/tokens")
}

fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .ok()
        .filter(|address: &SocketAddr| address.port() != 0)
        .ok_or_else(|| de::Error::custom("must be an address and a port, as in 127.0.0.1:8750"))
}

fn here<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let address = listen(deserializer)?;
    if address.ip().to_canonical().is_loopback() {
        Ok(address)
    } else {
        Err(de::Error::custom(
            "must be an address of this machine alone, as 127.0.0.1: from others calls come by [http.tls]",
        ))
    }
}

fn posts_per_minute<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<NonZeroU32>, D::Error> {
    within::<D, u32, 1, 1_000_000>(deserializer).map(NonZeroU32::new)
}

fn client_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    if is_client_name(&name) {
        Ok(name)
    } else {
        Err(de::Error::custom("must be 1 to 32 of a-z, 0-9 and -"))
    }
}

fn scopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Scope>, D::Error> {
    let words = Vec::<String>::deserialize(deserializer)?;
    if words.is_empty() {
        return Err(de::Error::custom("must have at least one scope"));
    }
    words.iter().map(|word| word.parse().map_err(de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use crate::app::settings::tests::{LEAST, parse};

    /// The least file with more in `[http]`.
    fn with(more: &str) -> Result<crate::app::settings::Settings, String> {
        parse(&LEAST.replace("[http]", &format!("[http]\n{more}")))
    }

    const TLS: &str = "[http.tls]\nlisten = \"192.0.2.1:8751\"\ncertificate = \"/etc/shirase/tls.pem\"\n\
        key_file = \"/etc/shirase/tls.key\"\n";

    fn with_tls(more: &str) -> Result<crate::app::settings::Settings, String> {
        parse(&format!("{LEAST}{TLS}{more}"))
    }

    #[test]
    fn plain_http_beyond_this_machine_is_refused_and_says_where_to_go() {
        for open in ["0.0.0.0:8750", "192.0.2.1:8750", "[::]:8750"] {
            let message = with(&format!("listen = \"{open}\"")).expect_err(open);
            assert!(
                message.starts_with("shirase.toml:3:10: must be an address of this machine"),
                "{message}"
            );
        }
        for own in ["127.0.0.1:80", "127.8.8.8:8750", "[::1]:8750"] {
            assert!(with(&format!("listen = \"{own}\"")).is_ok(), "{own}");
        }
    }

    #[test]
    fn client_with_a_certificate_has_the_scopes_of_its_table() {
        let client = "client_ca = \"/etc/shirase/ca.pem\"\n[[http.tls.client]]\n\
            certificate_name = \"exchange.example.jp\"\nclient = \"exchange\"\nscopes = [\"notify\", \"read\"]\n";
        let settings = with_tls(client).expect("reads");
        let clients = settings.http.tls.expect("a table").clients();
        assert_eq!(clients[0].client.0, "exchange");
        assert_eq!(clients[0].scopes.len(), 2);
    }

    #[test]
    fn slips_in_the_tables_of_tls_are_named() {
        let client = "[[http.tls.client]]\ncertificate_name = \"x\"\nclient = \"exchange\"\nscopes = [\"read\"]\n";
        for (more, expected) in [
            ("client_ca = \"ca.pem\"\n", "must be an absolute path"),
            (client, "[[http.tls.client]] needs client_ca"),
            ("[[http.tls.client]]\nclient = \"Exchange\"\n", "must be 1 to 32 of a-z"),
            ("[[http.tls.client]]\nscopes = [\"all\"]\n", "a scope is"),
            ("[[http.tls.client]]\nscopes = []\n", "must have at least one scope"),
            ("versions = 1\n", "unknown field `versions`"),
        ] {
            let message = with_tls(more).expect_err(more);
            assert!(message.contains(expected), "{message}");
        }
        let message = with("posts_per_minute = 0").expect_err("none at all");
        assert!(message.contains("must be from 1 to 1000000, not 0"), "{message}");
    }
}

//! Why a post failed: what happened, whose matter it is, and a code that never changes its meaning.

use std::net::IpAddr;
use std::time::Duration;

/// How far a post had come when its time was over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    Name,
    Connection,
    Tls,
    Answer,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Name => "the name server has not answered",
            Self::Connection => "nobody takes the connection",
            Self::Tls => "TLS does not begin",
            Self::Answer => "the connection stands and no answer comes",
        })
    }
}

/// Why nobody said 2xx.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PostError {
    /// The name server knows no address, or cannot be asked.
    #[error("{host} has no address: {detail}")]
    NoAddress { host: String, detail: String },
    /// Its name leads to an address to which nothing may go.
    #[error("{host} leads to {address}, which no allowed network holds")]
    Forbidden { host: String, address: IpAddr },
    /// Its address is allowed, but not without TLS.
    #[error("without TLS nothing goes to {address}: no allowed network holds it")]
    Plain { address: IpAddr },
    /// Nobody takes the connection.
    #[error("cannot connect to {address}: {detail}")]
    Connect { address: IpAddr, detail: String },
    /// Its certificate was not made by anybody who is believed, or is out of date.
    #[error("the certificate is not believed: {detail}")]
    Certificate { detail: String },
    /// Its certificate is another host's.
    #[error("the certificate is not that of {host}")]
    WrongName { host: String },
    /// TLS was begun and did not come about.
    #[error("no TLS: {detail}")]
    Tls { detail: String },
    /// The connection ended before an answer.
    #[error("the connection was ended before an answer")]
    Reset,
    /// What came back is no HTTP.
    #[error("the answer is no HTTP: {detail}")]
    NoHttp { detail: String },
    /// The time of a post was over.
    #[error("no answer in time: {stage}")]
    Late { stage: Stage },
    /// It sends us on, which is not followed.
    #[error(
        "answered {status}, which is not followed: the settings need the place that it leads to"
    )]
    Redirect { status: u16 },
    /// 410: nobody wants posts there any more.
    #[error("answered 410: nobody wants posts there any more")]
    Gone,
    /// Any other answer but a 2xx, and when it wants to be asked again.
    #[error("answered {status}")]
    Status { status: u16, again_after: Option<Duration> },
}

impl PostError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAddress { .. } => "webhook-no-address",
            Self::Forbidden { .. } => "webhook-address-forbidden",
            Self::Plain { .. } => "webhook-needs-tls",
            Self::Connect { .. } => "webhook-connect",
            Self::Certificate { .. } => "webhook-certificate",
            Self::WrongName { .. } => "webhook-wrong-name",
            Self::Tls { .. } => "webhook-tls",
            Self::Reset => "webhook-reset",
            Self::NoHttp { .. } => "webhook-no-http",
            Self::Late { .. } => "webhook-late",
            Self::Redirect { .. } => "webhook-redirect",
            Self::Gone => "webhook-gone",
            Self::Status { .. } => "webhook-status",
        }
    }
}

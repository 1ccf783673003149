//! Which hosts may send mail for a domain: would mail from this address pass?
//!
//! In: the domain of the return path, and the address from which the relay sends, if somebody knows it. Out: [`Spf`].
//! Limits: ten questions, two of them in vain, ten hosts for one `mx` (RFC 7208 4.6.4); more is the record's fault.
//! Source: RFC 7208 4.6 (evaluation), 5 (mechanisms), 6 (modifiers).
//! Not here: macros (7) and `ptr` (5.5): what they come to depends on the mail and the receiver, which is said then.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;

use super::names::{Names, Unanswered};

/// RFC 7208 4.6.4.
const MOST_QUESTIONS: u8 = 10;
/// RFC 7208 4.6.4.
const MOST_IN_VAIN: u8 = 2;
/// RFC 7208 4.6.4.
const MOST_MAIL_HOSTS: usize = 10;

/// What a domain's record says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Spf {
    /// Of the address; [`SpfResult::Neutral`] if none was given and nothing is wrong with the record.
    pub result: SpfResult,
    /// What the record says of hosts that it does not name.
    pub all: All,
    /// Questions that a receiver needs, of ten.
    pub questions: u8,
}

/// What comes of an address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SpfResult {
    /// The domain has no record.
    None,
    /// The address may send.
    Pass,
    /// It may not.
    Fail,
    /// It should not, but is not sure.
    SoftFail,
    /// The domain does not say.
    Neutral,
    /// The record cannot be used: receivers treat this as a fault of the domain.
    Broken(SpfFault),
    /// The DNS did not answer.
    Unanswered(Unanswered),
    /// This term decides, and only the receiver of a mail can work it out.
    Depends(String),
}

/// What is wrong with a record. A term is repeated as it stands there.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SpfFault {
    /// A domain has one record.
    #[error("{0} has several SPF records")]
    Several(String),
    /// Receivers do not know this word.
    #[error("`{0}` is no term of SPF")]
    Term(String),
    /// `include` or `redirect` names a domain without a record.
    #[error("`{0}` has no SPF record, but is included")]
    NothingIncluded(String),
    /// More than ten.
    #[error("a receiver would have to ask the DNS more than 10 times")]
    Questions,
    /// More than two.
    #[error("more than 2 of its names are not in the DNS")]
    InVain,
    /// More than ten.
    #[error("`{0}` has more than 10 mail hosts")]
    MailHosts(String),
}

/// What a record says of hosts that it does not name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum All {
    /// They may send: the record says nothing.
    Pass,
    /// Nothing is said of them.
    Neutral,
    /// They should not.
    SoftFail,
    /// They may not.
    Fail,
}

impl Spf {
    /// Looks at the record of a domain as a receiver does. Without an address the whole record is walked.
    pub async fn look(names: &Names, domain: &str, address: Option<IpAddr>) -> Self {
        let mut walk = Walk { names, address, questions: 0, in_vain: 0, depends: None };
        let (result, all) = match walk.record(domain).await {
            Ok(None) => (SpfResult::None, All::Neutral),
            Ok(Some(terms)) => {
                let all = all_of(&terms);
                (walk.result(domain, terms).await, all)
            }
            Err(stop) => (stop.into(), All::Neutral),
        };
        let result = match (result, walk.depends) {
            (result @ (SpfResult::Broken(_) | SpfResult::Unanswered(_)), _) => result,
            (result, None) => result,
            // Whatever an earlier term comes to, the address may send.
            (SpfResult::Pass, Some((Qualifier::Pass, _))) => SpfResult::Pass,
            (_, Some((_, term))) => SpfResult::Depends(term),
        };
        Self { result, all, questions: walk.questions }
    }
}

/// Why a walk ends before its end.
enum Stop {
    Broken(SpfFault),
    Unanswered(Unanswered),
}

impl From<Stop> for SpfResult {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Broken(fault) => Self::Broken(fault),
            Stop::Unanswered(why) => Self::Unanswered(why),
        }
    }
}

impl From<Unanswered> for Stop {
    fn from(why: Unanswered) -> Self {
        Self::Unanswered(why)
    }
}

impl From<SpfFault> for Stop {
    fn from(fault: SpfFault) -> Self {
        Self::Broken(fault)
    }
}

type Found<T> = Result<T, Stop>;

struct Walk<'a> {
    names: &'a Names,
    address: Option<IpAddr>,
    questions: u8,
    in_vain: u8,
    /// The first term that was passed by without knowing whether it matches.
    depends: Option<(Qualifier, String)>,
}

impl Walk<'_> {
    /// The terms of a domain's record, read to the end: one that is wrong anywhere counts nowhere (4.6).
    async fn record(&self, domain: &str) -> Found<Option<Vec<Term>>> {
        let texts = self.names.texts(domain).await?;
        let is_spf = |text: &&String| {
            let version = text.split(' ').next().unwrap_or_default();
            version.eq_ignore_ascii_case("v=spf1")
        };
        let mut records = texts.iter().filter(is_spf);
        match (records.next(), records.next()) {
            (None, _) => Ok(None),
            (Some(text), None) => {
                let terms = text.split_ascii_whitespace().skip(1).map(Term::read);
                Ok(Some(terms.collect::<Result<_, _>>()?))
            }
            (Some(_), Some(_)) => Err(SpfFault::Several(domain.to_owned()).into()),
        }
    }

    async fn result(&mut self, domain: &str, terms: Vec<Term>) -> SpfResult {
        match self.walk(domain, terms).await {
            Ok(Some(Qualifier::Pass)) => SpfResult::Pass,
            Ok(Some(Qualifier::Fail)) => SpfResult::Fail,
            Ok(Some(Qualifier::SoftFail)) => SpfResult::SoftFail,
            Ok(Some(Qualifier::Neutral) | None) => SpfResult::Neutral,
            Err(stop) => stop.into(),
        }
    }

    /// The qualifier of the first term that matches. Ends, because each deeper one costs a question.
    fn walk<'b>(
        &'b mut self,
        domain: &'b str,
        terms: Vec<Term>,
    ) -> Pin<Box<dyn Future<Output = Found<Option<Qualifier>>> + Send + 'b>> {
        Box::pin(async move {
            let mut redirect = None;
            let has_all = has_all(&terms);
            for term in terms {
                match term {
                    // Beside `all` it counts for nothing (6.1).
                    Term::Redirect(_) if has_all => {}
                    Term::Redirect(to) => redirect = Some(to),
                    Term::Other => {}
                    Term::Mechanism { qualifier, mechanism, text } => {
                        match self.matches(domain, &mechanism).await? {
                            Matches::Yes => return Ok(Some(qualifier)),
                            Matches::No => {}
                            Matches::Depends => {
                                self.depends.get_or_insert((qualifier, text));
                            }
                        }
                    }
                }
            }
            match redirect {
                None => Ok(None),
                Some(Name::Depends(text)) => {
                    self.depends.get_or_insert((Qualifier::Neutral, text));
                    Ok(None)
                }
                Some(Name::Plain(to)) => {
                    self.ask()?;
                    let Some(terms) = self.record(&to).await? else {
                        return Err(SpfFault::NothingIncluded(to).into());
                    };
                    self.walk(&to, terms).await
                }
            }
        })
    }

    async fn matches(&mut self, domain: &str, mechanism: &Mechanism) -> Found<Matches> {
        match mechanism {
            // Without an address the walk is for what is behind.
            Mechanism::All => Ok(Matches::when(self.address.is_some())),
            Mechanism::Ip4(net, bits) => Ok(self.lies_in(IpAddr::V4(*net), *bits, 128)),
            Mechanism::Ip6(net, bits) => Ok(self.lies_in(IpAddr::V6(*net), 32, *bits)),
            Mechanism::Ptr => {
                self.ask()?;
                Ok(Matches::Depends)
            }
            Mechanism::Include(Name::Depends(_)) | Mechanism::Exists(Name::Depends(_)) => {
                self.ask()?;
                Ok(Matches::Depends)
            }
            Mechanism::Include(Name::Plain(name)) => {
                self.ask()?;
                let Some(terms) = self.record(name).await? else {
                    return Err(SpfFault::NothingIncluded(name.clone()).into());
                };
                let inner = self.walk(name, terms).await?;
                Ok(Matches::when(inner == Some(Qualifier::Pass)))
            }
            Mechanism::Exists(Name::Plain(name)) => {
                self.ask()?;
                let found = self.names.addresses(name).await?;
                self.answered(found.is_empty())?;
                let exists = found.iter().any(IpAddr::is_ipv4);
                Ok(Matches::when(exists && self.address.is_some()))
            }
            Mechanism::A(hosts) => {
                self.ask()?;
                let Some(name) = hosts.name(domain) else { return Ok(Matches::Depends) };
                let found = self.names.addresses(name).await?;
                self.answered(found.is_empty())?;
                Ok(self.is_one_of(&found, hosts))
            }
            Mechanism::Mx(hosts) => {
                self.ask()?;
                let Some(name) = hosts.name(domain) else { return Ok(Matches::Depends) };
                let exchanges = self.names.mail_hosts(name).await?;
                self.answered(exchanges.is_empty())?;
                if exchanges.len() > MOST_MAIL_HOSTS {
                    return Err(SpfFault::MailHosts(name.to_owned()).into());
                }
                for exchange in exchanges {
                    let found = self.names.addresses(&exchange).await?;
                    if let Matches::Yes = self.is_one_of(&found, hosts) {
                        return Ok(Matches::Yes);
                    }
                }
                Ok(Matches::No)
            }
        }
    }

    fn is_one_of(&self, found: &[IpAddr], hosts: &Hosts) -> Matches {
        let matches = |net: &IpAddr| self.lies_in(*net, hosts.bits4, hosts.bits6);
        Matches::when(found.iter().any(|net| matches(net) == Matches::Yes))
    }

    fn lies_in(&self, net: IpAddr, bits4: u8, bits6: u8) -> Matches {
        let shifted = |octets: u128, bits: u8, of: u8| {
            octets.checked_shr(u32::from(of.saturating_sub(bits))).unwrap_or(0)
        };
        Matches::when(match (self.address, net) {
            (Some(IpAddr::V4(address)), IpAddr::V4(net)) => {
                let [address, net] = [address, net].map(|ip| u128::from(ip.to_bits()));
                shifted(address, bits4, 32) == shifted(net, bits4, 32)
            }
            (Some(IpAddr::V6(address)), IpAddr::V6(net)) => {
                shifted(address.to_bits(), bits6, 128) == shifted(net.to_bits(), bits6, 128)
            }
            (None, _) | (Some(_), _) => false,
        })
    }

    fn ask(&mut self) -> Result<(), SpfFault> {
        self.questions = self.questions.saturating_add(1);
        if self.questions > MOST_QUESTIONS { Err(SpfFault::Questions) } else { Ok(()) }
    }

    fn answered(&mut self, in_vain: bool) -> Result<(), SpfFault> {
        self.in_vain = self.in_vain.saturating_add(u8::from(in_vain));
        if self.in_vain > MOST_IN_VAIN { Err(SpfFault::InVain) } else { Ok(()) }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Matches {
    Yes,
    No,
    Depends,
}

impl Matches {
    fn when(matches: bool) -> Self {
        if matches { Self::Yes } else { Self::No }
    }
}

/// A term of a record.
#[derive(Debug)]
enum Term {
    Mechanism {
        qualifier: Qualifier,
        mechanism: Mechanism,
        text: String,
    },
    Redirect(Name),
    /// A modifier that changes nothing here, such as `exp`.
    Other,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Qualifier {
    Pass,
    Fail,
    SoftFail,
    Neutral,
}

#[derive(Debug)]
enum Mechanism {
    All,
    Include(Name),
    A(Hosts),
    Mx(Hosts),
    Ptr,
    Ip4(Ipv4Addr, u8),
    Ip6(Ipv6Addr, u8),
    Exists(Name),
}

/// A name in a term.
#[derive(Debug)]
enum Name {
    Plain(String),
    /// It holds a macro: the whole term.
    Depends(String),
}

/// `a` and `mx`: whose hosts, and how much around each.
#[derive(Debug)]
struct Hosts {
    /// Of the record's own domain, if none is named.
    of: Option<Name>,
    bits4: u8,
    bits6: u8,
}

impl Hosts {
    /// Whose; nothing if only a receiver can tell.
    fn name<'a>(&'a self, domain: &'a str) -> Option<&'a str> {
        match &self.of {
            None => Some(domain),
            Some(Name::Plain(name)) => Some(name),
            Some(Name::Depends(_)) => None,
        }
    }
}

impl Term {
    fn read(text: &str) -> Result<Self, SpfFault> {
        let fault = || SpfFault::Term(text.chars().take(80).collect());
        let name_ends = text.find([':', '/', '=']).unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(name_ends).ok_or_else(fault)?;
        if let Some(value) = rest.strip_prefix('=') {
            let known = name.starts_with(|first: char| first.is_ascii_alphabetic());
            return match name.to_ascii_lowercase().as_str() {
                "redirect" => Ok(Self::Redirect(Name::read(value, text).ok_or_else(fault)?)),
                _any if known => Ok(Self::Other),
                _none => Err(fault()),
            };
        }
        let (qualifier, name) = match name.split_at_checked(1) {
            Some(("+", name)) => (Qualifier::Pass, name),
            Some(("-", name)) => (Qualifier::Fail, name),
            Some(("~", name)) => (Qualifier::SoftFail, name),
            Some(("?", name)) => (Qualifier::Neutral, name),
            Some(_) | None => (Qualifier::Pass, name),
        };
        let mechanism = Mechanism::read(&name.to_ascii_lowercase(), rest, text);
        Ok(Self::Mechanism {
            qualifier,
            mechanism: mechanism.ok_or_else(fault)?,
            text: text.to_owned(),
        })
    }
}

impl Mechanism {
    /// `rest` begins with `:` or `/`, or is empty.
    fn read(name: &str, rest: &str, text: &str) -> Option<Self> {
        let value = rest.strip_prefix(':');
        Some(match (name, value) {
            ("all", None) if rest.is_empty() => Self::All,
            ("include", Some(value)) => Self::Include(Name::read(value, text)?),
            ("exists", Some(value)) => Self::Exists(Name::read(value, text)?),
            ("a", _) => Self::A(hosts(rest, text)?),
            ("mx", _) => Self::Mx(hosts(rest, text)?),
            ("ptr", _) => Self::Ptr,
            ("ip4", Some(value)) => {
                let (address, bits) = value.split_once('/').unwrap_or((value, "32"));
                Self::Ip4(address.parse().ok()?, prefix(bits, 32)?)
            }
            ("ip6", Some(value)) => {
                let (address, bits) = value.split_once('/').unwrap_or((value, "128"));
                Self::Ip6(address.parse().ok()?, prefix(bits, 128)?)
            }
            _none => return None,
        })
    }
}

impl Name {
    fn read(value: &str, text: &str) -> Option<Self> {
        if value.contains('%') {
            return Some(Self::Depends(text.to_owned()));
        }
        let fits = (1..=253).contains(&value.len()) && value.bytes().all(|o| o.is_ascii_graphic());
        fits.then(|| Self::Plain(value.to_owned()))
    }
}

/// `:name/24//64`, each part of it optional.
fn hosts(rest: &str, text: &str) -> Option<Hosts> {
    let (name, lengths) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
    let of = match name.strip_prefix(':') {
        Some(name) => Some(Name::read(name, text)?),
        None => None,
    };
    let (bits4, bits6) = match lengths.split_once("//") {
        Some((four, six)) => (four, prefix(six, 128)?),
        None => (lengths, 128),
    };
    let bits4 = match bits4.strip_prefix('/') {
        Some(four) => prefix(four, 32)?,
        None => 32,
    };
    Some(Hosts { of, bits4, bits6 })
}

fn prefix(text: &str, most: u8) -> Option<u8> {
    let plain = text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|bits| plain && *bits <= most)
}

fn has_all(terms: &[Term]) -> bool {
    terms.iter().any(|term| matches!(term, Term::Mechanism { mechanism: Mechanism::All, .. }))
}

/// Of the record itself; one that redirects says nothing of its own.
fn all_of(terms: &[Term]) -> All {
    let qualifier = terms.iter().find_map(|term| match term {
        Term::Mechanism { qualifier, mechanism: Mechanism::All, .. } => Some(*qualifier),
        Term::Mechanism { .. } | Term::Redirect(_) | Term::Other => None,
    });
    match qualifier {
        Some(Qualifier::Pass) => All::Pass,
        Some(Qualifier::Fail) => All::Fail,
        Some(Qualifier::SoftFail) => All::SoftFail,
        Some(Qualifier::Neutral) | None => All::Neutral,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn terms_that_are_none_are_refused_with_their_words() {
        for text in [
            "al",
            "all:x",
            "include",
            "include:",
            "ip4:1.2.3",
            "ip4:1.2.3.4/33",
            "ip4:1.2.3.4/+8",
            "ip6:::1/129",
            "a/33",
            "a//129",
            "mx:",
            "=x",
            "-",
            "spf1",
            "exists",
        ] {
            assert_eq!(Term::read(text).err(), Some(SpfFault::Term(text.into())), "{text}");
        }
        for text in
            ["a", "A:b.jp/24//64", "mx//64", "?ptr", "~all", "exp=%{i}.b.jp", "x-y=z", "ip6:::1"]
        {
            assert!(Term::read(text).is_ok(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_term_is_read_or_refused(text in "[+?~-]?[a-z0-9]{0,7}[:/=]?[\\PC]{0,20}") {
            let _ = Term::read(&text);
        }
    }
}

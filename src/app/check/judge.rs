//! What the facts of a mail channel mean for our mail, and what to do about them.
//!
//! In: what the mail driver found out. Out: [`Finding`]s. Pure.
//! What a fault costs decides its mark: what makes receivers refuse our mail, or reports miss us, is wrong; what only
//! lowers the odds is a warning; what depends on somebody else is open.
//! Source: beside each; RFC 8301 for lengths of keys. Gmail and Yahoo ask senders for SPF, DKIM and DMARC.

use std::net::IpAddr;

use ::mail::check::{All, Demand, DkimKey, DkimRecord, DmarcRecord, Spf, SpfResult, Unanswered};
use ::mail::mailbox::{MailboxError, MailboxOffers};
use ::mail::smtp::{Look, Outcome, Step, Tls, Trouble};

use super::{Finding, Mark, Thing, dates};
use crate::app::settings::{Inbox, Relay};
use crate::job::UnixMillis;
use crate::settle::words::masked;

/// A page by a mail-to-fax provider has some 100 KiB, in base64 a third more.
const LEAST_SIZE_OCTETS: u64 = 1 << 20;
/// From here on one more `include` of somebody else breaks the record.
const MANY_QUESTIONS: u8 = 9;

/// The relay, up to whether it would take a mail.
pub fn relay(look: &Result<Look, Outcome>, settings: &Relay, now: UnixMillis) -> Vec<Finding> {
    let place = format!("{}:{}", settings.host, settings.port);
    let look = match look {
        Ok(look) => look,
        Err(outcome) => return vec![no_relay(&place, outcome, settings)],
    };
    let offers = &look.offers;
    let tls = match settings.tls {
        Tls::Implicit => "TLS from the start",
        Tls::StartTls => "STARTTLS",
        Tls::Never => "without TLS",
    };
    let login = if settings.login.is_some() { "login accepted" } else { "no login" };
    let mut findings = vec![Finding::good(
        Thing::Relay,
        format!("{place} ({}), {tls}, {login}", offers.peer.ip()),
    )];
    findings.extend(offers.certificate.map(|valid| {
        let at = |seconds: i64| UnixMillis(seconds.saturating_mul(1000));
        let todo = "the relay's operator has to renew it, or all mail stops on that day";
        dates::judge("", (at(valid.from_s), at(valid.until_s)), now, todo)
    }));
    findings.push(if offers.dsn {
        Finding::good(Thing::Reports, "the relay reports on delivery (DSN)")
    } else {
        Finding::new(
            Mark::Warning,
            Thing::Reports,
            "the relay offers no DSN: only bounces and logins will tell what became of a mail",
            "ask its operator for DSN (RFC 3461)",
        )
    });
    if let Some(size) = offers.size_octets.filter(|size| *size < LEAST_SIZE_OCTETS) {
        findings.push(Finding::new(
            Mark::Warning,
            Thing::Size,
            format!("the relay takes mails of {size} octets at most: a page may not fit"),
            "ask its operator for 1 MiB or more",
        ));
    }
    findings.push(match &look.envelope {
        Ok(()) => Finding::good(Thing::Envelope, "the relay would take a mail of ours"),
        Err(outcome) => no_envelope(outcome),
    });
    findings
}

fn no_relay(place: &str, outcome: &Outcome, settings: &Relay) -> Finding {
    let wrong = |of, found: String, todo: &str| Finding::new(Mark::Wrong, of, found, todo);
    match outcome {
        Outcome::NotHanded { step, trouble } => {
            let of = match step {
                Step::Tls => Thing::Tls,
                Step::Login => Thing::Login,
                Step::Connect | Step::Sender | Step::Recipient | Step::Content => Thing::Relay,
            };
            wrong(of, format!("{place}: {trouble}"), what_to_do(trouble, settings.tls))
        }
        Outcome::Refused { step: Step::Login, reply } => wrong(
            Thing::Login,
            format!("{place} refuses it: {} {}", reply.code, masked(&reply.text)),
            "look at user, mechanism and password_file in [mail.relay.login]",
        ),
        Outcome::Refused { step: _, reply } => wrong(
            Thing::Relay,
            format!("{place} lets nobody in: {} {}", reply.code, masked(&reply.text)),
            "ask its operator whether this machine may use it, and look at hello in [mail.relay]",
        ),
        Outcome::Accepted { .. } | Outcome::Unknown { .. } | Outcome::Stopped => {
            wrong(Thing::Relay, format!("{place} was not asked to the end"), "try again")
        }
    }
}

fn what_to_do(trouble: &Trouble, tls: Tls) -> &'static str {
    match (trouble, tls) {
        (Trouble::Connect(_), _) => {
            "look at host and port in [mail.relay], at the network, and at firewalls: many let only 587 and 465 out, and \
             inside the unit IPAddressAllow= decides (systemctl edit shirase)"
        }
        (Trouble::Late(_) | Trouble::Broken(_) | Trouble::Nonsense(_), Tls::StartTls) => {
            "look at host and port in [mail.relay]: one that wants TLS from the start (465) needs tls = \"implicit\""
        }
        (Trouble::Late(_) | Trouble::Broken(_) | Trouble::Nonsense(_), Tls::Implicit) => {
            "look at host and port in [mail.relay]: one that begins in the clear (587) needs tls = \"starttls\""
        }
        (Trouble::Late(_) | Trouble::Broken(_) | Trouble::Nonsense(_), Tls::Never) => {
            "look at host and port in [mail.relay], and at the relay's own log"
        }
        (Trouble::NoTls, _) => {
            "port 465 with tls = \"implicit\", if the relay has it; else its operator has to switch TLS on"
        }
        (Trouble::Certificate(_), _) => {
            "host in [mail.relay] has to be the name in the certificate; a private authority goes into ca_file"
        }
        (Trouble::NoMechanism(_), _) => {
            "set mechanism in [mail.relay.login] to one that the relay offers, and tls other than \"none\""
        }
    }
}

fn no_envelope(outcome: &Outcome) -> Finding {
    let wrong = |found: String, todo: &str| Finding::new(Mark::Wrong, Thing::Envelope, found, todo);
    match outcome {
        Outcome::Refused { step: Step::Sender, reply } => wrong(
            format!(
                "the relay does not take our return path: {} {}",
                reply.code,
                masked(&reply.text)
            ),
            "its operator has to let this login send as any address of receipts in [mail], with +… before the @",
        ),
        Outcome::Refused { step: _, reply } => wrong(
            format!(
                "the relay takes no mail for our receipts: {} {}",
                reply.code,
                masked(&reply.text)
            ),
            "the mailbox of receipts in [mail] has to exist and to take what follows a + (Postfix: recipient_delimiter = +)",
        ),
        Outcome::NotHanded { trouble, .. } => {
            wrong(format!("the relay broke off: {trouble}"), "look at the relay's own log")
        }
        Outcome::Accepted { .. } | Outcome::Unknown { .. } | Outcome::Stopped => {
            wrong(String::from("the relay was not asked to the end"), "try again")
        }
    }
}

/// What was seen of the mailbox for receipts.
#[derive(Debug)]
pub struct InboxSeen {
    pub offers: MailboxOffers,
    /// Mails that lie in it.
    pub mails: u32,
    /// The folder for those that are done is there.
    pub done_folder: bool,
    /// Whether the folder for copies of what the relay took is there, if one is set.
    pub sent_folder: Option<Result<(), MailboxError>>,
}

/// The mailbox for receipts, as the daemon reads it.
pub fn inbox(seen: &Result<InboxSeen, MailboxError>, settings: &Inbox) -> Vec<Finding> {
    let of = Thing::Inbox;
    let place = format!("{}:{}", settings.host, settings.port);
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) => {
            let todo =
                "until it can be read no bounce is seen: notices that came back go by FAX late";
            return vec![Finding::new(Mark::Wrong, of, format!("{place}: {error}"), todo)];
        }
    };
    let MailboxOffers { idle, r#move, uid_plus } = seen.offers;
    let told =
        if idle { "tells of new mails at once" } else { "is looked at every minute (no IDLE)" };
    let found = format!("{place}, folder {}, {} mails in it; {told}", settings.folder, seen.mails);
    let done = match seen.done_folder {
        true => format!("mails that are done go to {}", settings.done_folder),
        false => format!("{} is made for the first mail that is done", settings.done_folder),
    };
    let mut findings = vec![Finding::good(of, format!("{found}; {done}"))];
    if !r#move && !uid_plus {
        findings.push(Finding::new(
            Mark::Warning,
            of,
            "the server can neither MOVE nor UID EXPUNGE: what was taken in stays there, marked as seen",
            "clear the folder from time to time",
        ));
    }
    if let (Some(Err(error)), Some(folder)) = (&seen.sent_folder, &settings.sent_folder) {
        findings.push(Finding::new(
            Mark::Wrong,
            of,
            format!("sent_folder {folder}: {error}"),
            "spell it as the server does, or take sent_folder out of [mail.inbox]",
        ));
    }
    findings
}

/// Whether the daemon gets there as well: the unit keeps it on this machine unless a drop-in says otherwise, and this
/// check runs outside it. Nothing if all is on this machine. `peers` are the hosts as they are set, with their addresses.
pub fn fence(peers: &[(&str, Vec<IpAddr>)]) -> Option<Finding> {
    let mut away: Vec<(&str, Vec<String>)> = Vec::new();
    for (host, addresses) in peers {
        let addresses = addresses.iter().filter(|address| !address.is_loopback());
        let addresses: Vec<String> = addresses.map(ToString::to_string).collect();
        if !addresses.is_empty() && away.iter().all(|(other, _)| other != host) {
            away.push((host, addresses));
        }
    }
    if away.is_empty() {
        return None;
    }
    let hosts = away.iter().map(|(host, _)| *host).collect::<Vec<_>>().join(" and ");
    let mut addresses: Vec<String> = away.iter().flat_map(|(_, all)| all.clone()).collect();
    addresses.sort();
    addresses.dedup();
    let addresses = addresses.join(" ");
    let is_named = away.iter().any(|(host, _)| host.parse::<IpAddr>().is_err());
    let names = if is_named { ", and the name server in /etc/resolv.conf" } else { "" };
    Some(Finding::new(
        Mark::Open,
        Thing::Unit,
        format!(
            "the daemon must get out to {hosts}; the unit as it is shipped keeps it on this machine, and this check does not run in it"
        ),
        format!(
            "systemctl edit shirase: [Service], IPAddressAllow={addresses}{names}; then systemctl restart shirase"
        ),
    ))
}

/// Whether a domain takes mail: receivers ask that of one that sends, and reports come back to it.
pub fn mail_hosts(domain: &str, hosts: &[String], addresses: &[IpAddr]) -> Finding {
    let of = Thing::MailHosts;
    match hosts {
        [] if addresses.is_empty() => Finding::new(
            Mark::Wrong,
            of,
            format!(
                "{domain} has neither MX nor address: receivers refuse mail from it, and no report comes back"
            ),
            format!("publish an MX for {domain}"),
        ),
        [] => Finding::new(
            Mark::Warning,
            of,
            format!("{domain} has no MX: mail goes to the host of that name"),
            format!("publish an MX for {domain}"),
        ),
        // RFC 7505.
        [root] if root == "." => Finding::new(
            Mark::Wrong,
            of,
            format!("{domain} says that it takes no mail (null MX): receivers refuse mail from it"),
            format!("publish an MX for {domain} that names its mail host"),
        ),
        [first, rest @ ..] => {
            let more =
                if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            Finding::good(of, format!("{domain}: {first}{more}"))
        }
    }
}

/// From where receivers will see our mail come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SendsFrom {
    /// Somebody has said so.
    Told(IpAddr),
    /// From where the relay listens, as far as one can see.
    Likely(IpAddr),
    /// The relay stands in a network of its own, or was not reached.
    Hidden,
}

impl SendsFrom {
    pub fn of(told: Option<IpAddr>, peer: Option<IpAddr>) -> Self {
        match (told, peer) {
            (Some(address), _) => Self::Told(address),
            (None, Some(peer)) if is_public(peer) => Self::Likely(peer),
            (None, _) => Self::Hidden,
        }
    }

    pub fn address(self) -> Option<IpAddr> {
        match self {
            Self::Told(address) | Self::Likely(address) => Some(address),
            Self::Hidden => None,
        }
    }
}

/// Not of a network of one's own (RFC 1918, 6598, 4193), this machine or this link.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && second & 0xc0 == 64;
            !(v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_unspecified()
                || shared)
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public(IpAddr::V4(v4)),
            None => {
                let of_its_own = v6.is_unique_local() || v6.is_unicast_link_local();
                !(v6.is_loopback() || v6.is_unspecified() || of_its_own)
            }
        },
    }
}

/// Whether receivers find the relay in the domain's list of those that may send for it.
pub fn spf(domain: &str, spf: &Spf, sends_from: SendsFrom) -> Vec<Finding> {
    let of = Thing::Spf;
    let include = "add the relay to the record; its operator names the `include:` for it";
    let ask = "its operator knows from which addresses it sends: --sends-from ADDRESS looks at one of them";
    let not_named = |sort: &str, mark_if_told: Mark| match sends_from {
        SendsFrom::Told(address) => {
            let found = format!("the record of {domain} does not name {address}: {sort}");
            Finding::new(mark_if_told, of, found, include)
        }
        SendsFrom::Likely(address) => {
            let found = format!(
                "the record of {domain} does not name {address}, where the relay listens ({sort}); it may send from elsewhere"
            );
            Finding::new(Mark::Warning, of, found, ask)
        }
        SendsFrom::Hidden => {
            let found = format!(
                "{domain} has a record that receivers can use; whether it names the relay cannot be seen from here"
            );
            Finding::new(Mark::Open, of, found, ask)
        }
    };
    let main = match &spf.result {
        SpfResult::None => Finding::new(
            Mark::Wrong,
            of,
            format!(
                "{domain} has no SPF record: many receivers refuse such mail or hide it as spam"
            ),
            format!("publish a TXT record for {domain}: v=spf1, the relay's include:, and ~all"),
        ),
        SpfResult::Broken(fault) => Finding::new(
            Mark::Wrong,
            of,
            format!("receivers cannot use the record of {domain}: {fault}"),
            "mend the record; until then it counts as none, or worse",
        ),
        SpfResult::Unanswered(why) => unanswered(Mark::Open, of, domain, why),
        SpfResult::Depends(term) => Finding::new(
            Mark::Open,
            of,
            format!(
                "`{term}` in the record of {domain} decides, which only a receiver can work out"
            ),
            "send a mail to a mailbox elsewhere and read its Authentication-Results",
        ),
        SpfResult::Pass => {
            let address = sends_from.address().map_or_else(String::new, |ip| ip.to_string());
            Finding::good(of, format!("{address} may send for {domain}"))
        }
        SpfResult::Fail => not_named("receivers refuse its mail", Mark::Wrong),
        SpfResult::SoftFail => not_named("its mail counts as doubtful", Mark::Warning),
        SpfResult::Neutral => not_named("the record says nothing of it", Mark::Warning),
    };
    let open_to_all = (spf.all == All::Pass).then(|| {
        let found = format!("+all in the record of {domain}: everybody may send in its name");
        Finding::new(Mark::Wrong, of, found, "end the record with ~all or -all")
    });
    let near_limit = (spf.questions >= MANY_QUESTIONS && !is_broken(&spf.result)).then(|| {
        let found =
            format!("the record of {domain} costs receivers {} of 10 questions", spf.questions);
        Finding::new(Mark::Warning, of, found, "take out an include: that is no longer needed")
    });
    [Some(main), open_to_all, near_limit].into_iter().flatten().collect()
}

fn is_broken(result: &SpfResult) -> bool {
    match result {
        SpfResult::Broken(_) => true,
        SpfResult::None
        | SpfResult::Pass
        | SpfResult::Fail
        | SpfResult::SoftFail
        | SpfResult::Neutral
        | SpfResult::Unanswered(_)
        | SpfResult::Depends(_) => false,
    }
}

/// What was found of the key.
#[derive(Debug)]
pub enum Signature<'a> {
    /// Something stands at this name, of the sender's domain or one above.
    Found {
        selector: &'a str,
        at: &'a str,
        /// Nobody said that it is the one with which the relay signs.
        guessed: bool,
        record: Result<DkimRecord, Unanswered>,
    },
    /// Nothing at the name that was given.
    NotThere(&'a str),
    /// Nothing at any of the usual names.
    NoneUsual,
}

/// The key by which receivers check the relay's signature.
pub fn dkim(domain: &str, signature: &Signature<'_>) -> Finding {
    let of = Thing::Dkim;
    let wrong = |found: String, todo: &str| Finding::new(Mark::Wrong, of, found, todo);
    let no_key = |place: &str| {
        wrong(
            format!("{place}: no key there; receivers cannot check the signature"),
            "publish the key as the relay's operator gives it, or name the right --selector",
        )
    };
    let (place, record) = match signature {
        Signature::Found { selector, at, guessed, record } => {
            let hint = if *guessed { " (a usual name; --selector tries another)" } else { "" };
            (format!("{selector}._domainkey.{at}{hint}"), record)
        }
        Signature::NotThere(selector) => return no_key(&format!("{selector}._domainkey.{domain}")),
        Signature::NoneUsual => {
            return Finding::new(
                Mark::Open,
                of,
                format!("{domain} has no key under the usual names"),
                "look into the DKIM-Signature of a mail that came (s=) and give it as --selector; without a signature \
                 have the relay sign for the domain of `from`",
            );
        }
    };
    let (key, testing) = match record {
        Err(why) => return unanswered(Mark::Open, of, &place, why),
        Ok(DkimRecord::Nothing) => return no_key(&place),
        Ok(DkimRecord::Revoked) => {
            return wrong(
                format!("{place}: the key is revoked"),
                "have the relay sign with a key that counts, and publish it",
            );
        }
        Ok(DkimRecord::Broken(why)) => {
            return wrong(
                format!("{place}: receivers cannot use it: {why}"),
                "publish the record again, just as the relay's operator gives it",
            );
        }
        Ok(DkimRecord::Key { key, testing }) => (*key, *testing),
    };
    let weak = "have the relay make a key of 2048 bits, and publish it";
    match key {
        // RFC 8301 3.2.
        DkimKey::Rsa { bits } if bits < 1024 => {
            wrong(format!("{place}: RSA of {bits} bits; nobody believes it"), weak)
        }
        DkimKey::Rsa { bits } if bits < 2048 => {
            Finding::new(Mark::Warning, of, format!("{place}: RSA of {bits} bits is weak"), weak)
        }
        DkimKey::Rsa { .. } | DkimKey::Ed25519 if testing => Finding::new(
            Mark::Warning,
            of,
            format!("{place}: marked as a test (t=y), so that it need not count"),
            "take t=y out once signatures are right",
        ),
        DkimKey::Rsa { bits } => Finding::good(of, format!("{place}: RSA of {bits} bits")),
        DkimKey::Ed25519 => Finding::new(
            Mark::Warning,
            of,
            format!("{place}: Ed25519, which many receivers do not know"),
            "have the relay sign with RSA of 2048 bits as well",
        ),
    }
}

/// How the domain of the return path stands to that of the sender.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Alignment {
    pub equal: bool,
    /// Of one organization, as far as their records say.
    pub same: bool,
}

/// What the sender's domain asks receivers to do, and whether SPF helps us there.
pub fn dmarc(
    from: &str,
    returns: &str,
    record: Result<DmarcRecord, Unanswered>,
    alignment: Result<Alignment, Unanswered>,
) -> Finding {
    let of = Thing::Dmarc;
    let dmarc = match record {
        Err(why) => return unanswered(Mark::Open, of, from, &why),
        Ok(DmarcRecord::Nothing) => {
            return Finding::new(
                Mark::Warning,
                of,
                format!("{from} has no DMARC record: large receivers trust its mail less"),
                format!("publish a TXT record for _dmarc.{from}: v=DMARC1; p=none; rua=mailto:…"),
            );
        }
        Ok(DmarcRecord::Broken { at, why }) => {
            return Finding::new(
                Mark::Warning,
                of,
                format!("_dmarc.{at} counts for nothing: {why}"),
                "mend the record",
            );
        }
        Ok(DmarcRecord::There(dmarc)) => dmarc,
    };
    let policy = format!("_dmarc.{}: p={}", dmarc.at, dmarc.demand.as_str());
    let alignment = match alignment {
        Err(why) => return unanswered(Mark::Open, of, returns, &why),
        Ok(alignment) => alignment,
    };
    let aligned = if dmarc.spf_strict { alignment.equal } else { alignment.same };
    if !aligned {
        let found = format!(
            "{policy}; the return path at {returns} does not count for {from}: only a signature for {from} (DKIM) passes"
        );
        let todo = "put receipts in [mail] at the domain of from, or make sure that the relay signs for that domain";
        let mark = match dmarc.demand {
            Demand::None => Mark::Warning,
            Demand::Quarantine | Demand::Reject => Mark::Wrong,
        };
        return Finding::new(mark, of, found, todo);
    }
    let strict = if dmarc.dkim_strict { "; signatures must be of exactly that domain" } else { "" };
    Finding::good(of, format!("{policy}, and the return path counts for {from}{strict}"))
}

/// The DNS did not say.
pub fn unanswered(mark: Mark, of: Thing, name: &str, why: &Unanswered) -> Finding {
    let todo = "try again; --resolver ADDRESS:PORT asks another server";
    Finding::new(mark, of, format!("{name}: {why}"), todo)
}

#[cfg(test)]
mod tests;

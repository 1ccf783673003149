//! What a mail host says became of a mail (DSN).
//!
//! In: the octets of the part `message/delivery-status`. Out: a [`Delivery`].
//! A claim that the mail arrived must be complete and free of contradiction; that it failed is believed with less, since
//! whoever sends such mail in vain gains nothing.
//! Source: RFC 3464 2.2, 2.3; RFC 3463 2 (status codes).
//! Not here: whether the host may be trusted, which a caller decides by `reporting_mta`.

use std::fmt;
use std::str::FromStr;

use super::fields::{Block, blocks, from_xtext};

/// A delivery status notification.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delivery {
    /// The host that reports, as it calls itself.
    pub reporting_mta: Option<String>,
    /// What we gave as ENVID.
    pub envelope_id: Option<String>,
    /// One for each recipient that it reports about.
    pub recipients: Vec<RecipientReport>,
}

/// About one recipient.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecipientReport {
    /// What the host did.
    pub action: Action,
    /// RFC 3463.
    pub status: Status,
    /// The host that answered it, if it names one.
    pub remote_mta: Option<String>,
    /// That host's words, as a line of printable text. It may hold an address.
    pub diagnostic: Option<String>,
}

/// What a host did with a mail (RFC 3464 2.3.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Action {
    /// It is given up.
    Failed,
    /// Not yet; it is tried again.
    Delayed,
    /// It lies in the recipient's mailbox.
    Delivered,
    /// Handed to a host that does not report.
    Relayed,
    /// Handed to several recipients by a list.
    Expanded,
}

/// `class.subject.detail`, e.g. 5.1.1.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Status {
    /// 2 done, 4 not yet, 5 never.
    pub class: u8,
    /// 0 to 999: 1 addresses, 2 mailboxes, 3 system, 4 network, 5 protocol, 6 content, 7 policy.
    pub subject: u16,
    /// 0 to 999.
    pub detail: u16,
}

/// Why a report cannot be used.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Flaw {
    /// It calls itself a report and has no part that says what happened.
    NoStatus,
    /// No block says what was done with whom.
    NoRecipient,
    /// A recipient without exactly one action that the RFC knows.
    Action,
    /// A recipient without exactly one status code.
    StatusCode,
    /// It says that the mail arrived, and that it did not.
    Contradiction,
}

/// Reads the part.
pub(super) fn parse(octets: &[u8]) -> Result<Delivery, Flaw> {
    let blocks = blocks(octets);
    let (about_all, rest) = blocks.split_first().ok_or(Flaw::NoStatus)?;
    // Some hosts leave out the empty line behind the first block.
    let of_recipients: Vec<&Block> =
        std::iter::once(about_all).chain(rest).filter(|block| is_of_recipient(block)).collect();
    let recipients: Vec<RecipientReport> =
        of_recipients.into_iter().map(recipient).collect::<Result<_, _>>()?;
    if recipients.is_empty() {
        return Err(Flaw::NoRecipient);
    }
    Ok(Delivery {
        reporting_mta: about_all.typed("Reporting-MTA").map(str::to_owned),
        envelope_id: about_all.one("Original-Envelope-Id").map(from_xtext),
        recipients,
    })
}

fn is_of_recipient(block: &Block) -> bool {
    ["Final-Recipient", "Action", "Status"].iter().any(|name| block.all(name).next().is_some())
}

fn recipient(block: &Block) -> Result<RecipientReport, Flaw> {
    let action: Action = block.one("Action").ok_or(Flaw::Action)?.parse()?;
    let status: Status = block.one("Status").ok_or(Flaw::StatusCode)?.parse()?;
    match action {
        Action::Delivered | Action::Relayed | Action::Expanded => {
            if status.class != 2 {
                return Err(Flaw::Contradiction);
            }
            if block.typed("Final-Recipient").is_none() {
                return Err(Flaw::NoRecipient);
            }
        }
        Action::Failed | Action::Delayed => {
            if status.class == 2 {
                return Err(Flaw::Contradiction);
            }
        }
    }
    Ok(RecipientReport {
        action,
        status,
        remote_mta: block.typed("Remote-MTA").map(str::to_owned),
        diagnostic: block.typed("Diagnostic-Code").map(str::to_owned),
    })
}

impl FromStr for Action {
    type Err = Flaw;

    fn from_str(text: &str) -> Result<Self, Flaw> {
        // A comment may follow: `failed (bad address)`.
        let word = text.split(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
        match word.to_ascii_lowercase().as_str() {
            "failed" => Ok(Self::Failed),
            "delayed" => Ok(Self::Delayed),
            "delivered" => Ok(Self::Delivered),
            "relayed" => Ok(Self::Relayed),
            "expanded" => Ok(Self::Expanded),
            _unknown => Err(Flaw::Action),
        }
    }
}

impl FromStr for Status {
    type Err = Flaw;

    fn from_str(text: &str) -> Result<Self, Flaw> {
        let word = text.split(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
        let mut numbers = word.split('.').map(|digits| match digits.len() {
            1..=3 if digits.bytes().all(|octet| octet.is_ascii_digit()) => digits.parse().ok(),
            _not_three_digits => None,
        });
        let mut next = || numbers.next().flatten().ok_or(Flaw::StatusCode);
        let (class, subject, detail): (u16, u16, u16) = (next()?, next()?, next()?);
        match (class, numbers.next()) {
            (2 | 4 | 5, None) => Ok(Self { class: class as u8, subject, detail }),
            _other => Err(Flaw::StatusCode),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(block: &str) -> Result<(Action, Status), Flaw> {
        let octets = format!("Reporting-MTA: dns; mx.example.jp\n\n{block}");
        parse(octets.as_bytes())
            .map(|report| (report.recipients[0].action, report.recipients[0].status))
    }

    #[test]
    fn failure_needs_no_recipient_but_a_success_does() {
        let failed = one("Action: failed (mailbox is gone)\nStatus: 5.1.1 (no such user)\n");
        let status = Status { class: 5, subject: 1, detail: 1 };
        assert_eq!(failed, Ok((Action::Failed, status)));
        assert_eq!(one("Action: delivered\nStatus: 2.0.0\n"), Err(Flaw::NoRecipient));
        assert!(one("Final-Recipient: rfc822; a@b.jp\nAction: Delivered\nStatus: 2.0.0\n").is_ok());
    }

    #[test]
    fn action_and_status_that_disagree_say_nothing() {
        for (action, status) in [("delivered", "5.1.1"), ("relayed", "4.0.0"), ("failed", "2.0.0")]
        {
            let block =
                format!("Final-Recipient: rfc822; a@b.jp\nAction: {action}\nStatus: {status}\n");
            assert_eq!(one(&block), Err(Flaw::Contradiction), "{block}");
        }
    }

    #[test]
    fn missing_double_or_unknown_fields_have_their_own_flaw() {
        let cases = [
            ("Final-Recipient: rfc822; a@b.jp\nStatus: 5.1.1\n", Flaw::Action),
            ("Action: failed\nAction: delivered\nStatus: 5.1.1\n", Flaw::Action),
            ("Action: eaten\nStatus: 5.1.1\n", Flaw::Action),
            ("Action: failed\n", Flaw::StatusCode),
            ("Action: failed\nStatus: 2.0.0\nStatus: 5.1.1\n", Flaw::StatusCode),
            ("Action: failed\nStatus: 3.1.1\n", Flaw::StatusCode),
            ("Action: failed\nStatus: 5.1\n", Flaw::StatusCode),
            ("Action: failed\nStatus: 5.1.1.1\n", Flaw::StatusCode),
            ("Action: failed\nStatus: 5.-1.1\n", Flaw::StatusCode),
            ("Action: failed\nStatus: 5.1000.1\n", Flaw::StatusCode),
            ("X: y\n", Flaw::NoRecipient),
        ];
        for (block, flaw) in cases {
            assert_eq!(one(block), Err(flaw), "{block}");
        }
        assert_eq!(parse(b""), Err(Flaw::NoStatus));
    }
}

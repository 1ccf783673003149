//! Why a mail was not taken, by the code that a host gave: for people, the host's own words stand beside it.
//!
//! In: a [`Status`], or an SMTP reply, which most hosts begin with one. Out: a [`Bounce`].
//! Source: RFC 3463 3.2 to 3.8 and the IANA list of enhanced status codes; RFC 5321 4.2.3, RFC 7504 (521, 556).
//! Not here: whether the mail is given up (`mailing.rs`, `receipts.rs`), what the codes say to people (`endings.rs`).

use mail::report::Status;
use mail::smtp::Reply;

use crate::job::FaxBecause;
use crate::job::names::stable_names;

/// The reason, by who can mend it. Its name is a code of `endings.rs`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Bounce {
    /// Nobody has this address: never had, or moved.
    NoSuchUser,
    /// The mailbox is there and shut.
    MailboxClosed,
    MailboxFull,
    /// The domain is not there, or takes no mail.
    NoSuchDomain,
    /// The host could not be reached, or was not well, for as long as it was tried.
    Unreachable,
    /// A host does not want it from us: a block list, a missing signature, a rule.
    Policy,
    /// Too large, or in a form that a host cannot take.
    Content,
    /// It said no more than no.
    Other,
}

stable_names!(Bounce {
    NoSuchUser => "mail-no-such-user",
    MailboxClosed => "mail-mailbox-closed",
    MailboxFull => "mail-mailbox-full",
    NoSuchDomain => "mail-no-such-domain",
    Unreachable => "mail-host-unreachable",
    Policy => "mail-policy",
    Content => "mail-content",
    Other => "mail-bounced",
});

impl Bounce {
    /// What a status code says; its class (not yet, never) is left to the caller.
    pub fn of(status: Status) -> Self {
        match (status.subject, status.detail) {
            (1, 2 | 10) | (4, 4) => Self::NoSuchDomain,
            // These are about the sender's address, not the recipient's.
            (1, 7..=9) => Self::Policy,
            (1, _) => Self::NoSuchUser,
            (2, 1) => Self::MailboxClosed,
            (2, 2) => Self::MailboxFull,
            (2, 3) | (3, 4) | (6, _) => Self::Content,
            (3 | 4, _) => Self::Unreachable,
            (7, _) => Self::Policy,
            (_other, _) => Self::Other,
        }
    }

    /// What the sheet tells the office: to look at its address only if that is what does not work.
    pub fn because(self) -> FaxBecause {
        match self {
            Self::NoSuchUser | Self::MailboxClosed | Self::MailboxFull | Self::NoSuchDomain => {
                FaxBecause::MailBounced
            }
            Self::Unreachable | Self::Policy | Self::Content | Self::Other => {
                FaxBecause::MailNotSent
            }
        }
    }

    /// What a reply says: by its status code, else by its own.
    pub fn of_reply(reply: &Reply) -> Self {
        if let Some(status) = status_in(reply) {
            return Self::of(status);
        }
        match reply.code {
            550 | 551 | 553 => Self::NoSuchUser,
            452 | 552 => Self::MailboxFull,
            521 | 556 => Self::NoSuchDomain,
            530 | 535 => Self::Policy,
            421 => Self::Unreachable,
            _other => Self::Other,
        }
    }
}

/// The status code at the beginning of a reply's words (RFC 2034 3), if it is of the reply's own class. Some hosts put
/// a word before it.
pub fn status_in(reply: &Reply) -> Option<Status> {
    let mut words = reply.text.split_whitespace().take(3);
    words
        .find_map(|word| word.trim_matches(['#', '(', ')', ':', '-']).parse().ok())
        .filter(|status: &Status| u16::from(status.class) == reply.code / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, text: &str) -> Bounce {
        Bounce::of_reply(&Reply { code, text: text.into() })
    }

    #[test]
    fn every_status_code_that_hosts_use_has_its_reason() {
        for (status, bounce) in [
            ("5.1.0", Bounce::NoSuchUser),
            ("5.1.1", Bounce::NoSuchUser),
            ("5.1.2", Bounce::NoSuchDomain),
            ("5.1.3", Bounce::NoSuchUser),
            ("5.1.6", Bounce::NoSuchUser),
            ("5.1.7", Bounce::Policy),
            ("5.1.8", Bounce::Policy),
            ("5.1.10", Bounce::NoSuchDomain),
            ("5.2.0", Bounce::Other),
            ("5.2.1", Bounce::MailboxClosed),
            ("5.2.2", Bounce::MailboxFull),
            ("4.2.2", Bounce::MailboxFull),
            ("5.2.3", Bounce::Content),
            ("5.3.0", Bounce::Unreachable),
            ("5.3.4", Bounce::Content),
            ("4.4.1", Bounce::Unreachable),
            ("5.4.4", Bounce::NoSuchDomain),
            ("4.4.7", Bounce::Unreachable),
            ("5.5.0", Bounce::Other),
            ("5.6.1", Bounce::Content),
            ("5.7.1", Bounce::Policy),
            ("5.7.26", Bounce::Policy),
            ("5.0.0", Bounce::Other),
            ("5.9.999", Bounce::Other),
        ] {
            assert_eq!(Bounce::of(status.parse().expect("a status")), bounce, "{status}");
        }
    }

    #[test]
    fn reply_is_read_by_its_status_code_and_without_one_by_its_own() {
        for (code, text, bounce) in [
            (550, "5.1.1 <***@example.jp>: User unknown", Bounce::NoSuchUser),
            (552, "5.2.2 Over quota", Bounce::MailboxFull),
            (550, "#5.1.2 bad host", Bounce::NoSuchDomain),
            (554, "delivery error: 5.7.1 no", Bounce::Policy),
            (550, "User unknown", Bounce::NoSuchUser),
            (552, "too much", Bounce::MailboxFull),
            (556, "takes no mail", Bounce::NoSuchDomain),
            (554, "192.0.2.1 is listed", Bounce::Other),
            (554, "", Bounce::Other),
            // A status code of another class than the reply is somebody else's.
            (550, "2.1.5 fine", Bounce::NoSuchUser),
        ] {
            assert_eq!(reply(code, text), bounce, "{code} {text}");
        }
    }
}

//! May this notification go to this office, and by which channel?
//!
//! In: [`NewJob`], the appliance's [`Policy`], and what is known of the office. Out: a [`Route`], or a [`Refusal`] with a
//! stable code. FAX is the way unless there is a better one: a key has no other, and a mail that nobody reads comes back to it.
//! Not here: the form of a number or an office number (`job`), whether the machine that answers is the
//! right one (`identity.rs`), whether the number may be called again (`redial.rs`), what is remembered of it
//! (`known.rs`) and what follows for the next call (`terms.rs`).

pub mod directory;
pub mod identity;
pub mod known;
pub mod rate;
pub mod redial;
pub mod terms;

pub use directory::{Office, OfficeChange};

use mail::Address;

use crate::job::{Channel, Content, FaxNumber, NewJob, Notice, OfficeClass};

/// The way that was decided on.
#[derive(Clone, Debug)]
pub enum Route {
    Fax { number: FaxNumber },
    Mail(MailRoute),
}

impl Route {
    pub fn channel(&self) -> Channel {
        match self {
            Self::Fax { .. } => Channel::Fax,
            Self::Mail(_) => Channel::Mail,
        }
    }
}

/// The way by mail. Made of what may go on it and of nothing else: whoever holds one knows that no key is mailed.
#[derive(Clone, Debug)]
pub struct MailRoute {
    to: Address,
}

impl MailRoute {
    /// The way of this notice to that address; `None` for what is told by FAX: that it is the last one, and whether the
    /// number is right.
    pub fn of(notice: &Notice, to: Address) -> Option<Self> {
        match notice {
            Notice::Document { .. } | Notice::Message => Some(Self { to }),
            Notice::ChannelChanged { .. } | Notice::NumberProof => None,
        }
    }

    pub fn to(&self) -> &Address {
        &self.to
    }
}

/// What the settings say about destinations.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Prefixes in digits; if any is given, only numbers with one of them are dialled.
    pub allow_prefixes: Vec<String>,
    /// Prefixes in digits that are not dialled, besides those that no setting allows.
    pub deny_prefixes: Vec<String>,
    /// Offices whose services the exchange does not link.
    pub refused_classes: Vec<OfficeClass>,
    /// There is a relay that takes mail.
    pub mail: bool,
    /// There is a line over which a sheet with a key may go.
    pub keys: bool,
}

impl Default for Policy {
    /// Every fixed line; no medical office, because the exchange does not link their services; no mail; keys.
    fn default() -> Self {
        Self {
            allow_prefixes: Vec::new(),
            deny_prefixes: Vec::new(),
            refused_classes: vec![
                OfficeClass::Medical,
                OfficeClass::Dental,
                OfficeClass::Pharmacy,
                OfficeClass::VisitingNurse,
            ],
            mail: false,
            keys: true,
        }
    }
}

impl Policy {
    /// Whether the settings let this number be dialled.
    pub fn allows(&self, number: &FaxNumber) -> bool {
        let listed =
            |list: &[String]| list.iter().any(|prefix| number.digits().starts_with(prefix));
        !listed(&self.deny_prefixes)
            && (self.allow_prefixes.is_empty() || listed(&self.allow_prefixes))
    }
}

/// Decides before anything is stored. `office` is what the client has reported of the recipient.
///
/// # Errors
/// [`Refusal`]: nothing is queued.
pub fn decide(job: &NewJob, policy: &Policy, office: Option<&Office>) -> Result<Route, Refusal> {
    if policy.refused_classes.contains(&job.recipient.office_number.class()) {
        return Err(Refusal::ServiceNotSupported);
    }
    if office.is_some_and(|office| office.closed) {
        return Err(Refusal::OfficeClosed);
    }
    // Asked of what goes by mail, too: the number is its way back.
    if !policy.allows(&job.recipient.fax) {
        return Err(Refusal::DestinationDenied);
    }
    if !policy.keys && job.content.credentials().is_some() {
        return Err(Refusal::NoLineForKeys);
    }
    let by_mail = match &job.content {
        Content::Notice(notice) if policy.mail => office
            .and_then(|office| office.mail.clone())
            .and_then(|address| MailRoute::of(notice, address)),
        Content::Notice(_) | Content::Keys(_) => None,
    };
    Ok(match by_mail {
        Some(route) => Route::Mail(route),
        None => Route::Fax { number: job.recipient.fax.clone() },
    })
}

/// Why a notification is not taken on. The caller's side has to mend it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error("the settings of this appliance do not allow this number")]
    DestinationDenied,
    #[error("the services of this kind of office are not linked")]
    ServiceNotSupported,
    #[error("this office is closed")]
    OfficeClosed,
    #[error("no line of this appliance may carry a login ID, a password and a key")]
    NoLineForKeys,
}

impl Refusal {
    pub fn code(self) -> &'static str {
        match self {
            Self::DestinationDenied => "destination-denied",
            Self::ServiceNotSupported => "service-not-supported",
            Self::OfficeClosed => "office-closed",
            Self::NoLineForKeys => "no-line-for-keys",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Kind, examples};

    /// The recipient of every example, with a registered address.
    fn with_mail() -> Office {
        let to = Address::parse("care@example.jp").expect("valid");
        let number = examples::first_contact().recipient.office_number;
        Office::new(number, examples::TUESDAY_10_00)
            .after(OfficeChange::MailRegistered { to }, examples::TUESDAY_10_00)
    }

    #[test]
    fn every_kind_goes_by_fax_to_the_number_given_without_mail() {
        let with_relay = Policy { mail: true, ..Policy::default() };
        for kind in Kind::ALL {
            let job = examples::of(*kind);
            for (policy, office) in
                [(Policy::default(), Some(with_mail())), (with_relay.clone(), None)]
            {
                match decide(&job, &policy, office.as_ref()) {
                    Ok(Route::Fax { number }) => assert_eq!(number, job.recipient.fax),
                    other => panic!("{kind}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn only_a_document_and_a_message_go_by_mail() {
        let policy = Policy { mail: true, ..Policy::default() };
        for kind in Kind::ALL {
            let route = decide(&examples::of(*kind), &policy, Some(&with_mail())).expect("allowed");
            let expected = match kind {
                Kind::Document | Kind::Message => Channel::Mail,
                Kind::FirstContact
                | Kind::CredentialsReissued
                | Kind::ChannelChanged
                | Kind::NumberProof => Channel::Fax,
            };
            assert_eq!(route.channel(), expected, "{kind}");
        }
    }

    #[test]
    fn closed_office_gets_nothing_until_it_reopens() {
        let policy = Policy { mail: true, ..Policy::default() };
        let closed = with_mail().after(OfficeChange::Closed, examples::TUESDAY_10_00);
        for kind in Kind::ALL {
            let refusal = decide(&examples::of(*kind), &policy, Some(&closed)).expect_err("closed");
            assert_eq!(refusal.code(), "office-closed");
        }
        let reopened = closed.after(OfficeChange::Reopened, examples::TUESDAY_10_00);
        assert!(decide(&examples::of(Kind::Message), &policy, Some(&reopened)).is_ok());
    }

    #[test]
    fn number_that_may_not_be_dialled_is_no_way_back_for_a_mail() {
        let policy = Policy { mail: true, deny_prefixes: vec!["03".into()], ..Policy::default() };
        let refusal = decide(&examples::of(Kind::Message), &policy, Some(&with_mail()));
        assert_eq!(refusal.expect_err("denied"), Refusal::DestinationDenied);
    }

    /// It would wait until it runs out, for no line would ever take it.
    #[test]
    fn key_is_refused_where_no_line_may_carry_one_and_everything_else_is_not() {
        let policy = Policy { keys: false, ..Policy::default() };
        for kind in Kind::ALL {
            let refusal = decide(&examples::of(*kind), &policy, None).err().map(Refusal::code);
            assert_eq!(refusal, kind.has_secret().then_some("no-line-for-keys"), "{kind}");
        }
    }

    #[test]
    fn medical_offices_are_refused() {
        let mut job = examples::first_contact();
        job.recipient.office_number = crate::job::OfficeNumber::parse("1169900014").expect("valid");
        let refusal = decide(&job, &Policy::default(), None).expect_err("not linked");
        assert_eq!(refusal.code(), "service-not-supported");
    }

    #[test]
    fn prefixes_deny_before_they_allow() {
        let job = examples::first_contact(); // 03-1234-5678
        let list = |prefixes: &[&str]| prefixes.iter().map(ToString::to_string).collect();
        let cases: [(Vec<String>, Vec<String>, bool); 5] = [
            (list(&[]), list(&[]), true),
            (list(&["03"]), list(&[]), true),
            (list(&["06", "050"]), list(&[]), false),
            (list(&[]), list(&["0312"]), false),
            (list(&["03"]), list(&["0312345678"]), false),
        ];
        for (allow_prefixes, deny_prefixes, allowed) in cases {
            let policy = Policy { allow_prefixes, deny_prefixes, ..Policy::default() };
            assert_eq!(decide(&job, &policy, None).is_ok(), allowed, "{policy:?}");
        }
    }
}

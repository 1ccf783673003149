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

use crate::job::names::stable_names;
use crate::job::{
    Channel, Content, FaxNumber, NewJob, Notice, OfficeClass, OfficeNumber, UnixMillis,
};
use known::Known;

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

/// Why a notification takes the way that it does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// No other way is right for its kind.
    OnlyByFax,
    NoMailAddress,
    /// There is an address, and this appliance sends no mail.
    NoMailChannel,
    MailRegistered,
}

stable_names!(Why {
    OnlyByFax => "only-by-fax",
    NoMailAddress => "no-mail-address",
    NoMailChannel => "no-mail-channel",
    MailRegistered => "mail-registered",
});

/// Why [`decide`] chooses the way that it does.
pub fn why(job: &NewJob, policy: &Policy, office: Option<&Office>) -> Why {
    let has_address = office.is_some_and(|office| office.mail.is_some());
    match &job.content {
        Content::Keys(_) | Content::Notice(Notice::ChannelChanged { .. } | Notice::NumberProof) => {
            Why::OnlyByFax
        }
        Content::Notice(Notice::Document { .. } | Notice::Message) => {
            match (has_address, policy.mail) {
                (false, _) => Why::NoMailAddress,
                (true, false) => Why::NoMailChannel,
                (true, true) => Why::MailRegistered,
            }
        }
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
    /// A key goes to a number only once a sheet without one was confirmed there.
    pub keys_only_to_proven: bool,
}

impl Default for Policy {
    /// Every fixed line; no medical office, because the exchange does not link their services; no mail; keys, to any of them.
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
            keys_only_to_proven: false,
        }
    }
}

impl Policy {
    /// Whether it has to be known if the number is proven.
    pub fn asks_for_proof(&self, has_key: bool) -> bool {
        self.keys_only_to_proven && has_key
    }

    /// Whether the settings let this number be dialled.
    pub fn allows(&self, number: &FaxNumber) -> bool {
        let listed =
            |list: &[String]| list.iter().any(|prefix| number.digits().starts_with(prefix));
        !listed(&self.deny_prefixes)
            && (self.allow_prefixes.is_empty() || listed(&self.allow_prefixes))
    }
}

/// Decides before anything is stored. `office` is what the client has reported of the recipient, `known` what is remembered of
/// its number.
///
/// # Errors
/// [`Refusal`]: nothing is queued.
pub fn decide(
    job: &NewJob,
    policy: &Policy,
    office: Option<&Office>,
    known: &Known,
    now: UnixMillis,
) -> Result<Route, Refusal> {
    let (office_number, fax) = (&job.recipient.office_number, &job.recipient.fax);
    let has_key = job.content.credentials().is_some();
    // Asked of what goes by mail, too: the number is its way back.
    may_go(&Destination { office_number, fax, has_key }, policy, office, known, now)?;
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

/// What is to go where by FAX.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    pub office_number: &'a OfficeNumber,
    pub fax: &'a FaxNumber,
    pub has_key: bool,
}

/// Whether it may go there: asked before it is stored, and again before somebody has it sent once more.
///
/// # Errors
/// [`Refusal`]: nothing is sent.
pub fn may_go(
    to: &Destination<'_>,
    policy: &Policy,
    office: Option<&Office>,
    known: &Known,
    now: UnixMillis,
) -> Result<(), Refusal> {
    if policy.refused_classes.contains(&to.office_number.class()) {
        return Err(Refusal::ServiceNotSupported);
    }
    if let Some(office) = office {
        stands_at(office, to.fax)?;
    }
    if !policy.allows(to.fax) {
        return Err(Refusal::DestinationDenied);
    }
    if !policy.keys && to.has_key {
        return Err(Refusal::NoLineForKeys);
    }
    let anew_since = office.and_then(|office| office.anew_since);
    if policy.asks_for_proof(to.has_key) && known.proven_until(anew_since, now).is_none() {
        return Err(Refusal::NumberNotProven);
    }
    Ok(())
}

fn stands_at(office: &Office, fax: &FaxNumber) -> Result<(), Refusal> {
    if office.closed {
        return Err(Refusal::OfficeClosed);
    }
    if office.fax.as_ref().is_some_and(|registered| registered != fax) {
        return Err(Refusal::OfficeFaxMismatch);
    }
    Ok(())
}

/// Whether a key that was taken on, or last decided about, at `since` may still go to its number: asked before each call,
/// for what was reported of the office in the meantime.
///
/// # Errors
/// [`Refusal`]: it is not called.
pub fn key_may_still_go(
    fax: &FaxNumber,
    office: &Office,
    known: &Known,
    since: UnixMillis,
    now: UnixMillis,
) -> Result<(), Refusal> {
    stands_at(office, fax)?;
    let anew_since = office.anew_since.filter(|anew| *anew >= since);
    if anew_since.is_some() && known.proven_until(anew_since, now).is_none() {
        return Err(Refusal::NumberNotProven);
    }
    Ok(())
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
    #[error("this office is registered with another fax number")]
    OfficeFaxMismatch,
    #[error("no line of this appliance may carry a login ID, a password and a key")]
    NoLineForKeys,
    #[error("no sheet was confirmed at this number yet")]
    NumberNotProven,
}

impl Refusal {
    pub fn code(self) -> &'static str {
        match self {
            Self::DestinationDenied => "destination-denied",
            Self::ServiceNotSupported => "service-not-supported",
            Self::OfficeClosed => "office-closed",
            Self::OfficeFaxMismatch => "office-fax-mismatch",
            Self::NoLineForKeys => "no-line-for-keys",
            Self::NumberNotProven => "number-not-proven",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Kind, examples};

    fn decide(job: &NewJob, policy: &Policy, office: Option<&Office>) -> Result<Route, Refusal> {
        super::decide(job, policy, office, &Known::default(), examples::TUESDAY_10_00)
    }

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
    fn reason_of_a_way_is_the_reason_of_the_way_that_is_taken() {
        for kind in Kind::ALL {
            let job = examples::of(*kind);
            for (mail, office) in
                [(false, None), (true, None), (false, Some(with_mail())), (true, Some(with_mail()))]
            {
                let policy = Policy { mail, ..Policy::default() };
                let channel = decide(&job, &policy, office.as_ref()).expect("allowed").channel();
                let expected = match why(&job, &policy, office.as_ref()) {
                    Why::MailRegistered => Channel::Mail,
                    Why::OnlyByFax | Why::NoMailAddress | Why::NoMailChannel => Channel::Fax,
                };
                assert_eq!(channel, expected, "{kind}, relay {mail}, {office:?}");
            }
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
    fn office_that_was_registered_is_told_under_that_number_and_no_other() {
        let policy = Policy { mail: true, ..Policy::default() };
        let registered = |text| {
            let to = FaxNumber::parse(text).expect("valid");
            with_mail().after(OfficeChange::FaxRegistered { to }, examples::TUESDAY_10_00)
        };
        for kind in Kind::ALL {
            let of = |office: &Office| decide(&examples::of(*kind), &policy, Some(office)).err();
            assert_eq!(of(&registered("03-1234-5678")), None, "{kind}");
            assert_eq!(of(&registered("03-1234-5679")), Some(Refusal::OfficeFaxMismatch), "{kind}");
        }
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

    /// Also after a report by which somebody else may stand at the machine.
    #[test]
    fn key_goes_to_a_number_at_which_a_sheet_was_confirmed_and_nothing_contradicts() {
        let now = examples::TUESDAY_10_00;
        let policy = Policy { keys_only_to_proven: true, ..Policy::default() };
        let proven = |days: u32| Known {
            proven: Some(now.before(known::PROOF / 180 * days)),
            ..Known::default()
        };
        let moved = |change, days| {
            let at = now.before(known::PROOF / 180 * days);
            Some(with_mail().after(change, at))
        };
        let cases = [
            (Known::default(), None, false),
            (proven(0), None, true),
            (proven(179), None, true),
            (proven(180), None, false),
            (proven(10), moved(OfficeChange::ManagerChanged, 20), true),
            (proven(10), moved(OfficeChange::ManagerChanged, 5), false),
            (proven(10), moved(OfficeChange::Reopened, 10), false),
            (proven(10), moved(OfficeChange::MailWithdrawn, 5), true),
        ];
        for (known, office, is_allowed) in cases {
            for kind in Kind::ALL {
                let route =
                    super::decide(&examples::of(*kind), &policy, office.as_ref(), &known, now);
                let expected = (kind.has_secret() && !is_allowed).then_some("number-not-proven");
                assert_eq!(route.err().map(Refusal::code), expected, "{kind} {known:?} {office:?}");
            }
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

//! May this notification go to this office, and by which channel?
//!
//! In: [`NewJob`] and the appliance's [`Policy`]. Out: a [`Route`], or a [`Refusal`] with a stable code.
//! Not here: the form of a number or an office number (`job`), whether the machine that answers is the
//! right one (`identity.rs`), whether the number may be called again (`redial.rs`), what is remembered of it
//! (`known.rs`) and what follows for the next call (`terms.rs`).

pub mod identity;
pub mod known;
pub mod rate;
pub mod redial;
pub mod terms;

use crate::job::{FaxNumber, NewJob, OfficeClass};

/// The way that was decided on.
#[derive(Clone, Debug)]
pub enum Route {
    Fax { number: FaxNumber },
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
}

impl Default for Policy {
    /// Every fixed line; no medical office, because the exchange does not link their services.
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

/// Decides before anything is stored.
///
/// # Errors
/// [`Refusal`]: nothing is queued.
pub fn decide(job: &NewJob, policy: &Policy) -> Result<Route, Refusal> {
    if policy.refused_classes.contains(&job.recipient.office_number.class()) {
        return Err(Refusal::ServiceNotSupported);
    }
    if !policy.allows(&job.recipient.fax) {
        return Err(Refusal::DestinationDenied);
    }
    // Paper is the only way for a key, and the only channel there is for anything else.
    Ok(Route::Fax { number: job.recipient.fax.clone() })
}

/// Why a notification is not taken on. The caller's side has to mend it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error("the settings of this appliance do not allow this number")]
    DestinationDenied,
    #[error("the services of this kind of office are not linked")]
    ServiceNotSupported,
}

impl Refusal {
    pub fn code(self) -> &'static str {
        match self {
            Self::DestinationDenied => "destination-denied",
            Self::ServiceNotSupported => "service-not-supported",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Kind, examples};

    #[test]
    fn every_kind_goes_by_fax_to_the_number_given() {
        for kind in Kind::ALL {
            let job = examples::of(*kind);
            let Route::Fax { number } = decide(&job, &Policy::default()).expect("allowed");
            assert_eq!(number, job.recipient.fax);
        }
    }

    #[test]
    fn medical_offices_are_refused() {
        let mut job = examples::first_contact();
        job.recipient.office_number = crate::job::OfficeNumber::parse("1169900014").expect("valid");
        let refusal = decide(&job, &Policy::default()).expect_err("not linked");
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
            assert_eq!(decide(&job, &policy).is_ok(), allowed, "{policy:?}");
        }
    }
}

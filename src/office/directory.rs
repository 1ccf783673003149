//! What is known of an office besides its number: where its sheets and its mail go, and whether it is open.
//!
//! In: what the exchange reports, one [`OfficeChange`] after the other. Out: the [`Office`] as it stands then; the next
//! notification finds it so.
//! An address is used from its registration until something is said against it. Of whoever keeps the mailbox nothing is
//! known once the manager has changed or the office was shut: until the address is registered anew, FAX is the way.
//! A number that was registered is the only one under which the office is told. Once the manager has changed, the office was
//! shut or the number is another, nobody knows who takes a sheet from the tray: what was proven before proves nothing.
//! Not here: where it is kept (`queue`), which way a notification takes (`mod.rs`).

use mail::Address;

use crate::job::{FaxNumber, OfficeNumber, UnixMillis};

/// An office, as one client of the appliance knows it. `Debug` shows no whole address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Office {
    pub number: OfficeNumber,
    /// The one number under which it is told, if it was registered.
    pub fax: Option<FaxNumber>,
    /// Since when nothing counts that was known of its number before.
    pub anew_since: Option<UnixMillis>,
    /// Where notices may go by mail.
    pub mail: Option<Address>,
    /// It has shut, for a time or for good: nothing is sent to it.
    pub closed: bool,
    pub changed_at: UnixMillis,
}

/// What the exchange reports of an office.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OfficeChange {
    /// To the one number that it has; another one than before is a change of it.
    FaxRegistered {
        to: FaxNumber,
    },
    FaxChanged {
        to: FaxNumber,
    },
    MailRegistered {
        to: Address,
    },
    MailWithdrawn,
    ManagerChanged,
    Closed,
    Reopened,
}

impl Office {
    /// An office of which nothing was reported yet.
    pub fn new(number: OfficeNumber, now: UnixMillis) -> Self {
        Self { number, fax: None, anew_since: None, mail: None, closed: false, changed_at: now }
    }

    /// The office after a report.
    #[must_use]
    pub fn after(self, change: OfficeChange, now: UnixMillis) -> Self {
        let office = Self { changed_at: now, ..self };
        let anew_since = Some(now);
        match change {
            OfficeChange::FaxRegistered { to } => {
                let is_another = office.fax.as_ref().is_some_and(|fax| *fax != to);
                let anew_since = if is_another { anew_since } else { office.anew_since };
                Self { fax: Some(to), anew_since, ..office }
            }
            OfficeChange::FaxChanged { to } => Self { fax: Some(to), anew_since, ..office },
            OfficeChange::MailRegistered { to } => Self { mail: Some(to), ..office },
            OfficeChange::MailWithdrawn => Self { mail: None, ..office },
            OfficeChange::ManagerChanged => Self { mail: None, anew_since, ..office },
            OfficeChange::Closed => Self { closed: true, mail: None, ..office },
            OfficeChange::Reopened => Self { closed: false, anew_since, ..office },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::examples::{TUESDAY_10_00 as NOW, first_contact};

    fn address(text: &str) -> Address {
        Address::parse(text).expect("valid")
    }

    #[test]
    fn new_manager_has_to_register_the_address_anew() {
        let number = first_contact().recipient.office_number;
        let to = address("care@example.jp");
        let office = Office::new(number, NOW).after(OfficeChange::MailRegistered { to }, NOW);
        assert_eq!(office.mail, Some(address("care@example.jp")));
        let later = UnixMillis(NOW.0 + 1);
        let office = office.after(OfficeChange::ManagerChanged, later);
        assert_eq!((&office.mail, office.changed_at), (&None, later));
        let to = address("care@example.jp");
        assert!(office.after(OfficeChange::MailRegistered { to }, later).mail.is_some());
    }

    #[test]
    fn number_counts_anew_after_each_report_by_which_somebody_else_may_stand_at_the_machine() {
        let fax = |text| FaxNumber::parse(text).expect("valid");
        let later = UnixMillis(NOW.0 + 1);
        let registered = |text| OfficeChange::FaxRegistered { to: fax(text) };
        let office = Office::new(first_contact().recipient.office_number, NOW)
            .after(registered("03-1234-5678"), NOW);
        assert_eq!((&office.fax, office.anew_since), (&Some(fax("0312345678")), None));
        for (change, expected) in [
            (registered("0312345678"), None),
            (registered("0312345679"), Some(later)),
            (OfficeChange::FaxChanged { to: fax("0312345678") }, Some(later)),
            (OfficeChange::ManagerChanged, Some(later)),
            (OfficeChange::Reopened, Some(later)),
            (OfficeChange::Closed, None),
            (OfficeChange::MailWithdrawn, None),
            (OfficeChange::MailRegistered { to: address("a@example.jp") }, None),
        ] {
            let after = office.clone().after(change.clone(), later);
            assert_eq!(after.anew_since, expected, "{change:?}");
            assert!(after.fax.is_some(), "{change:?}");
        }
    }

    /// Somebody else may sit there when it opens again, and somebody else may have the mailbox.
    #[test]
    fn reopened_office_has_only_the_address_that_was_registered_since_it_shut() {
        let number = first_contact().recipient.office_number;
        let registered = |text| OfficeChange::MailRegistered { to: address(text) };
        let closed = Office::new(number, NOW)
            .after(registered("old@example.jp"), NOW)
            .after(OfficeChange::Closed, NOW);
        assert!(closed.closed);
        assert_eq!(closed.clone().after(OfficeChange::Reopened, NOW).mail, None);
        let anew = closed.after(registered("new@example.jp"), NOW);
        assert!(anew.closed, "an address does not open it");
        let open = anew.after(OfficeChange::Reopened, NOW);
        assert_eq!((open.closed, open.mail), (false, Some(address("new@example.jp"))));
    }
}

//! Is the machine that answered the one that was dialled?
//!
//! In: the identity it sent (CSI, at most 20 of digits, `+` and space by T.30; anything in practice) and
//! the number dialled. Out: an [`Identity`]; [`may_receive`] says whether a secret may go to it.
//! It prevents accidents. It is no authentication: anybody can set any CSI.
//! Not here: numbers learnt from earlier calls (they come with the directory).

use crate::job::FaxNumber;
use crate::job::names::stable_names;

/// What the identity says about the number dialled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Identity {
    /// It ends like the number dialled.
    Exact,
    /// None was sent, or it says nothing: no digits, one digit over and over, or too few.
    Absent,
    /// It is another number.
    Conflict,
}

stable_names!(Identity { Exact => "exact", Absent => "absent", Conflict => "conflict" });

/// What to do when a machine does not say who it is, as many do not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnAbsent {
    Send,
    Refuse,
}

stable_names!(OnAbsent { Send => "send", Refuse => "refuse" });

/// Fewer digits than this say nothing: a local number without its area code has at least five, and
/// with six a chance match is one in a million. Chosen.
const MIN_TELLING_DIGITS: usize = 6;

/// Compares what the far end said with what was dialled.
pub fn verdict(csi: Option<&str>, dialled: &FaxNumber) -> Identity {
    let said: String = csi.unwrap_or("").chars().filter(char::is_ascii_digit).collect();
    let said = national(&said);
    if said.len() < MIN_TELLING_DIGITS || said.bytes().all(|b| Some(&b) == said.as_bytes().first())
    {
        return Identity::Absent;
    }
    // Machines are set up with or without the area code.
    if dialled.digits().ends_with(&said) { Identity::Exact } else { Identity::Conflict }
}

/// The number as dialled inside Japan: `81…`, also after `00` or `010`, becomes `0…`.
fn national(digits: &str) -> String {
    let abroad = ["01081", "0081", "81"].iter().find_map(|prefix| digits.strip_prefix(prefix));
    match abroad.map(|rest| rest.strip_prefix('0').unwrap_or(rest)) {
        // Nine digits after the zero of 0AB-J, ten after that of 050.
        Some(rest) if matches!(rest.len(), 9 | 10) => format!("0{rest}"),
        Some(_) | None => digits.to_owned(),
    }
}

/// May a sheet with a secret go to a machine with this identity?
pub fn may_receive(identity: Identity, on_absent: OnAbsent) -> bool {
    match (identity, on_absent) {
        (Identity::Exact, OnAbsent::Send | OnAbsent::Refuse) => true,
        (Identity::Absent, OnAbsent::Send) => true,
        (Identity::Absent, OnAbsent::Refuse) => false,
        (Identity::Conflict, OnAbsent::Send | OnAbsent::Refuse) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_as_machines_send_them() {
        let dialled = FaxNumber::parse("03-1234-5678").expect("parses");
        let cases = [
            (Some("03 1234 5678"), Identity::Exact),
            (Some("+81 3 1234 5678"), Identity::Exact),
            (Some("81312345678"), Identity::Exact),
            (Some("+81 (0)3-1234-5678"), Identity::Exact),
            (Some("0081312345678"), Identity::Exact),
            (Some("010 81 3 1234 5678"), Identity::Exact),
            (Some("1234-5678"), Identity::Exact),
            (Some("FAX 0312345678"), Identity::Exact),
            (None, Identity::Absent),
            (Some(""), Identity::Absent),
            (Some("CARE CENTER"), Identity::Absent),
            (Some("88888888888888888888"), Identity::Absent),
            (Some("0000000000"), Identity::Absent),
            (Some("5678"), Identity::Absent),
            (Some("12"), Identity::Absent),
            (Some("0312345679"), Identity::Conflict),
            (Some("06 1234 5678"), Identity::Conflict),
            (Some("+1 3 1234 5678"), Identity::Conflict),
            (Some("9999 0312345678"), Identity::Conflict),
        ];
        for (csi, identity) in cases {
            assert_eq!(verdict(csi, &dialled), identity, "{csi:?}");
        }
        // Area code 0812 is not the country code 81.
        let dialled = FaxNumber::parse("0812-34-5678").expect("parses");
        assert_eq!(verdict(Some("812345678"), &dialled), Identity::Exact);
    }

    #[test]
    fn conflict_is_never_sent_to_and_absent_only_by_setting() {
        for on_absent in [OnAbsent::Send, OnAbsent::Refuse] {
            assert!(may_receive(Identity::Exact, on_absent));
            assert!(!may_receive(Identity::Conflict, on_absent));
        }
        assert!(may_receive(Identity::Absent, OnAbsent::Send));
        assert!(!may_receive(Identity::Absent, OnAbsent::Refuse));
    }
}

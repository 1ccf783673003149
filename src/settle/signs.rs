//! What follows from what the exchange has seen of an office.
//!
//! In: a [`Sign`], and the notification as it stands. Out: a [`Change`]. Pure.
//! Whoever logs in with what a notification told has it: no other word proves so much, so it ends every wait and gives
//! up the FAX that would follow. A call that is on goes on, a mail that is being handed over as well; the sign is kept
//! until that ends.
//! Not here: receipts of mail hosts and providers (`receipts.rs`), who may report a sign (`hook`).

use super::Next;
use super::receipts::Change;
use crate::job::{Evidence, JobState, Sign};

/// What a sign changes. `may_be_out`: a sheet may be on paper, or a mail in the mailbox, while the notification waits for
/// its next way.
pub fn on_sign(state: JobState, may_be_out: bool, sign: Sign) -> Change {
    let code = match sign {
        Sign::FirstLogin => "first-login",
        Sign::TermsAccepted => "terms-accepted",
        Sign::FirstDownload => "first-download",
    };
    let rest = |state| Change::Move { next: Next::Rest(state), code };
    match state {
        JobState::HandedOff => rest(JobState::Confirmed),
        JobState::Uncertain => rest(JobState::ResolvedDelivered),
        JobState::Waiting | JobState::Hold if may_be_out => rest(JobState::ResolvedDelivered),
        // It cannot have come from this notification.
        JobState::Waiting | JobState::Hold => Change::RungOnly,
        JobState::Sending
        | JobState::Confirmed
        | JobState::Failed
        | JobState::Expired
        | JobState::Cancelled
        | JobState::ResolvedDelivered
        | JobState::ResolvedNotDelivered => Change::RungOnly,
    }
}

/// What a sign that came during an attempt changes when the attempt has ended so.
pub fn on_kept_sign(evidence: Evidence, may_be_out: bool, sign: Sign) -> Change {
    let state = match evidence {
        Evidence::NotSent => JobState::Waiting,
        Evidence::Uncertain => JobState::Uncertain,
        Evidence::HandedOff => JobState::HandedOff,
        Evidence::Confirmed => JobState::Confirmed,
    };
    on_sign(state, may_be_out, sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settle::endings;

    #[test]
    fn every_sign_in_every_state() {
        use JobState::{Confirmed, HandedOff, Hold, ResolvedDelivered, Uncertain, Waiting};
        for (sign, code) in [
            (Sign::FirstLogin, "first-login"),
            (Sign::TermsAccepted, "terms-accepted"),
            (Sign::FirstDownload, "first-download"),
        ] {
            assert!(endings::find(code).is_some());
            for state in JobState::ALL {
                for may_be_out in [true, false] {
                    let to = match (*state, may_be_out) {
                        (HandedOff, _) => Some(Confirmed),
                        (Uncertain, _) | (Waiting | Hold, true) => Some(ResolvedDelivered),
                        _stays => None,
                    };
                    let expected = to.map_or(Change::RungOnly, |state| Change::Move {
                        next: Next::Rest(state),
                        code,
                    });
                    assert_eq!(on_sign(*state, may_be_out, sign), expected, "{state} {may_be_out}");
                }
            }
        }
    }

    #[test]
    fn sign_during_an_attempt_counts_if_something_is_out_when_it_ends() {
        let moved = |state| Change::Move { next: Next::Rest(state), code: "first-login" };
        let table = [
            (Evidence::NotSent, false, Change::RungOnly),
            (Evidence::NotSent, true, moved(JobState::ResolvedDelivered)),
            (Evidence::Uncertain, false, moved(JobState::ResolvedDelivered)),
            (Evidence::HandedOff, false, moved(JobState::Confirmed)),
            (Evidence::Confirmed, true, Change::RungOnly),
        ];
        for (evidence, may_be_out, expected) in table {
            let change = on_kept_sign(evidence, may_be_out, Sign::FirstLogin);
            assert_eq!(change, expected, "{evidence} {may_be_out}");
        }
    }

    #[test]
    fn what_is_final_is_not_moved_by_a_sign() {
        for state in JobState::ALL.iter().filter(|state| state.is_final()) {
            for may_be_out in [true, false] {
                let change = on_sign(*state, may_be_out, Sign::FirstLogin);
                assert_eq!(change, Change::RungOnly, "{state}");
            }
        }
    }
}

//! DLE shielding of data between host and modem.
//!
//! In: octets of a frame or signal, or of the serial port. Out: the other.
//! Source: ITU-T T.31 (07/1995) and T.32, the DLE pairs of data.
//! Not here: result codes around the data (`talk.rs`).

pub(crate) const DLE: u8 = 0x10;
pub(crate) const ETX: u8 = 0x03;
/// DLE SUB stands for two DLE octets (T.31, allowed to the modem).
const SUB: u8 = 0x1A;

/// Doubles each DLE and closes with DLE ETX.
pub(crate) fn shield(octets: &[u8]) -> Vec<u8> {
    let mut shielded = shield_open(octets);
    shielded.extend_from_slice(&[DLE, ETX]);
    shielded
}

/// Doubles each DLE; the caller closes.
pub(crate) fn shield_open(octets: &[u8]) -> Vec<u8> {
    let mut shielded = Vec::with_capacity(octets.len() + octets.len() / 64 + 2);
    for &octet in octets {
        shielded.push(octet);
        if octet == DLE {
            shielded.push(DLE);
        }
    }
    shielded
}

/// What the octets so far amount to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    One(u8),
    /// DLE SUB: two DLE octets.
    TwoDle,
    /// First half of a pair, or a pair that means nothing.
    Nothing,
    /// DLE ETX.
    End,
}

/// Takes the shield off again, octet by octet.
#[derive(Debug, Default)]
pub(crate) struct Unshield {
    after_dle: bool,
}

impl Unshield {
    pub(crate) fn octet(&mut self, octet: u8) -> Step {
        if !self.after_dle {
            self.after_dle = octet == DLE;
            return if self.after_dle { Step::Nothing } else { Step::One(octet) };
        }
        self.after_dle = false;
        match octet {
            DLE => Step::One(DLE),
            SUB => Step::TwoDle,
            ETX => Step::End,
            _ => Step::Nothing, // T.31: other pairs are to be dropped
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unshield(octets: &[u8]) -> (Vec<u8>, bool) {
        let (mut state, mut data) = (Unshield::default(), Vec::new());
        for &octet in octets {
            match state.octet(octet) {
                Step::One(one) => data.push(one),
                Step::TwoDle => data.extend([DLE, DLE]),
                Step::Nothing => {}
                Step::End => return (data, true),
            }
        }
        (data, false)
    }

    #[test]
    fn every_octet_comes_back_and_the_end_is_seen() {
        let all: Vec<u8> = (0..=255).chain([DLE, ETX, DLE, DLE]).collect();
        assert_eq!(unshield(&shield(&all)), (all, true));
    }

    #[test]
    fn dle_sub_is_two_dle_and_unknown_pairs_vanish() {
        assert_eq!(unshield(&[1, DLE, SUB, DLE, b'x', 2]), (vec![1, DLE, DLE, 2], false));
    }
}

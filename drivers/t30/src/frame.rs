//! HDLC frames of the control channel, between octets of the line and what they mean.
//!
//! In: octets from address to the end of the FIF, bit 0 first on the line. Out: a [`Heard`]; and the
//! other way, commands of ours. The only place that turns the ITU's bit order into the line's.
//! Source: ITU-T T.30 (09/2005) 5.3.3 to 5.3.6, A.4.3, A.4.4.
//! Not here: flags, FCS and stuffing, which the modem does for these frames.

use alloc::vec::Vec;

use crate::signal::Signal;

/// 1111 1111 (5.3.4); the same in either order.
const ADDRESS: u8 = 0xFF;
/// 1100 X000 as printed (5.3.5): X is 1 in the last frame of a carrier.
const CONTROL_MORE: u8 = 0b1100_0000;
const CONTROL_LAST: u8 = 0b1100_1000;

/// Address, control and FCF.
const HEAD_OCTETS: usize = 3;
/// Longest frame that is read at all: the contract of [`crate::Input::Frame`].
const LONGEST_OCTETS: usize = 256;

/// Whether another frame follows in the same carrier.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Follows {
    More,
    Last,
}

/// A command of ours as line octets: X is 1, because we are the station that received the DIS.
pub(crate) fn command(signal: Signal, fif: &[u8], follows: Follows) -> Vec<u8> {
    build(signal.printed_by_us(), fif, follows)
}

/// A frame inside a block of Annex A of T.4: X stays 0 and the control field says "more", even in
/// RCP, because the last frame of the exchange is the PPS that follows.
pub(crate) fn in_block(signal: Signal, rest: &[u8]) -> Vec<u8> {
    build(signal.printed(), rest, Follows::More)
}

fn build(printed: u8, fif: &[u8], follows: Follows) -> Vec<u8> {
    let control = match follows {
        Follows::More => CONTROL_MORE,
        Follows::Last => CONTROL_LAST,
    };
    let mut octets = Vec::with_capacity(HEAD_OCTETS + fif.len());
    octets.extend([ADDRESS, control.reverse_bits(), printed.reverse_bits()]);
    octets.extend_from_slice(fif);
    octets
}

/// Frame numbers that a PPR asks for (A.4.4): bit 0 of the first octet is frame 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Asked([u8; 32]);

impl Asked {
    pub(crate) const ALL: Self = Self([0xFF; 32]);

    /// Octets that a short FIF does not have ask for nothing.
    fn from_fif(fif: &[u8]) -> Self {
        let mut map = [0; 32];
        for (place, octet) in map.iter_mut().zip(fif) {
            *place = *octet;
        }
        Self(map)
    }

    pub(crate) fn has(&self, frame: u8) -> bool {
        self.0.get(usize::from(frame / 8)).is_some_and(|octet| octet & (1 << (frame % 8)) != 0)
    }
}

/// The receiver's word that it has a page, or a part of one. Made nowhere but in [`read`].
#[derive(Debug)]
pub(crate) struct Positive {
    then: Then,
}

/// What a receiver wants after its confirmation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Then {
    /// MCF; and PIP, whose wish for an operator cannot be granted here.
    GoOn,
    /// RTP: training first.
    Retrain,
}

impl Positive {
    pub(crate) fn then(&self) -> Then {
        self.then
    }
}

/// What came from the called machine.
#[derive(Debug)]
pub(crate) enum Reply {
    Dis {
        fif: Vec<u8>,
    },
    Csi {
        fif: Vec<u8>,
    },
    Nsf {
        fif: Vec<u8>,
    },
    Dtc,
    Cfr,
    Ftt,
    Ctr,
    Positive(Positive),
    Rtn,
    Pin,
    Ppr(Asked),
    Rnr,
    Err,
    Crp,
    Dcn,
    /// Anything that no state acts on: optional frames, our own commands heard back as an echo,
    /// codes without a name.
    Other,
}

/// A frame that could be read.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) reply: Reply,
    pub(crate) follows: Follows,
    pub(crate) signal: Signal,
}

/// Reads a frame with a good FCS; `None` if it is too short, too long, or not of this protocol.
pub(crate) fn read(octets: &[u8]) -> Option<Heard> {
    let [ADDRESS, control, fcf, fif @ ..] = octets else { return None };
    if octets.len() > LONGEST_OCTETS {
        return None;
    }
    let follows = match control.reverse_bits() {
        CONTROL_MORE => Follows::More,
        CONTROL_LAST => Follows::Last,
        _ => return None,
    };
    let signal = Signal::from_printed(fcf.reverse_bits());
    let reply = match signal {
        Signal::DIS => Reply::Dis { fif: fif.to_vec() },
        Signal::CSI => Reply::Csi { fif: fif.to_vec() },
        Signal::NSF => Reply::Nsf { fif: fif.to_vec() },
        Signal::DTC => Reply::Dtc,
        Signal::CFR => Reply::Cfr,
        Signal::FTT => Reply::Ftt,
        Signal::CTR => Reply::Ctr,
        Signal::MCF | Signal::PIP => Reply::Positive(Positive { then: Then::GoOn }),
        Signal::RTP => Reply::Positive(Positive { then: Then::Retrain }),
        Signal::RTN => Reply::Rtn,
        Signal::PIN => Reply::Pin,
        Signal::PPR => Reply::Ppr(Asked::from_fif(fif)),
        Signal::RNR => Reply::Rnr,
        Signal::ERR => Reply::Err,
        Signal::CRP => Reply::Crp,
        Signal::DCN => Reply::Dcn,
        _ => Reply::Other, // an open set: codes are octets
    };
    Some(Heard { reply, follows, signal })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_the_octets_that_a_class_1_modem_takes() {
        // As traces of spandsp print them, which show line order too.
        assert_eq!(command(Signal::EOP, &[], Follows::Last), [0xFF, 0x13, 0x2F]);
        assert_eq!(command(Signal::MPS, &[], Follows::Last), [0xFF, 0x13, 0x4F]);
        assert_eq!(command(Signal::DCN, &[], Follows::Last), [0xFF, 0x13, 0xFB]);
        assert_eq!(command(Signal::DCS, &[1], Follows::Last), [0xFF, 0x13, 0x83, 1]);
        assert_eq!(command(Signal::TSI, &[], Follows::More), [0xFF, 0x03, 0x43]);
        assert_eq!(in_block(Signal::FCD, &[0]), [0xFF, 0x03, 0x06, 0]);
        assert_eq!(in_block(Signal::RCP, &[]), [0xFF, 0x03, 0x86]);
    }

    #[test]
    fn read_refuses_what_is_no_frame_of_ours() {
        for bad in [&[][..], &[0xFF], &[0xFF, 0x13], &[0x00, 0x13, 0x8C], &[0xFF, 0x12, 0x8C]] {
            assert!(read(bad).is_none(), "{bad:x?}");
        }
        let mut long = alloc::vec![0; LONGEST_OCTETS + 1];
        long[..3].copy_from_slice(&[0xFF, 0x13, 0x80]);
        assert!(read(&long).is_none());
        assert!(read(&long[..LONGEST_OCTETS]).is_some());
    }

    #[test]
    fn ppr_first_bit_on_the_line_is_frame_0_and_missing_octets_ask_nothing() {
        let asked = Asked::from_fif(&[0b0000_0001, 0b1000_0000]);
        let frames: Vec<u8> = (0..=255).filter(|&n| asked.has(n)).collect();
        assert_eq!(frames, [0, 15]);
    }
}

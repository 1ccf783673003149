//! Frames in words, for a trace that a technician reads; and frames whose numbers and passwords are
//! covered, for a trace that may be kept.
//!
//! In: the octets of a frame as the line carries them, hostile. Out: a [`Described`], or the same
//! frame with `*` where nobody needs to look.
//! Source: ITU-T T.30 (09/2005) 5.3.6.1, 5.3.6.2, table 2, A.4.
//! Not here: what a session does with a frame (`frame` and the phases).

use alloc::{format, string::String, string::ToString, vec::Vec};
use core::fmt;

use crate::{
    contract::{Coding, Contract, Resolution},
    dis::{Bits, Capabilities},
    identity,
    modulation::{LADDER, Modulation},
    signal::Signal,
};

/// Address, control and FCF.
const HEAD_OCTETS: usize = 3;
/// What covers an octet.
const COVER: u8 = b'*';
/// Characters of an identity that stay: enough to tell two offices apart, too little to call one.
const IDENTITY_SHOWN: usize = 4;
/// Octets of a maker's own frame that stay: country, maker and model. Some makers write the number
/// of the machine further behind.
const FACILITIES_SHOWN: usize = 8;
/// FIF octets of the other frames that stay; the longest of the table, PPR, has 32.
const PLAIN_SHOWN: usize = 40;
/// Runs of frame numbers that are listed before a PPR is cut short.
const RUNS_SHOWN: usize = 6;

/// A frame in words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Described {
    /// As the ITU abbreviates it, with FCF2: `DIS`, `PPS-EOP`; `frame` if it is not of this protocol.
    pub name: String,
    /// What it says, in a few words of printable ASCII; empty if its name says all.
    pub meaning: String,
}

/// Says what a frame means. `frame` is from the address to the end of the FIF, bit 0 first on the
/// line, and may be anything.
#[must_use]
pub fn describe(frame: &[u8]) -> Described {
    let Some((signal, fif)) = parts(frame) else {
        let meaning = format!("{} octets that are no frame of T.30", frame.len());
        return Described { name: "frame".into(), meaning };
    };
    Described { name: name(signal, fif), meaning: meaning(signal, fif) }
}

/// Covers in place what a trace must not keep: all but the last four characters of an identity, a
/// maker's own octets but the first, every octet of a subaddress, of a password and of a frame that
/// is not known. The length stays, and so does what a session goes by.
pub fn cover(frame: &mut [u8]) {
    let signal = parts(frame).map(|(signal, _)| signal);
    let fif = frame.get_mut(HEAD_OCTETS..).unwrap_or_default();
    match signal.map(shown) {
        Some(Shown::Octets(octets)) => fif.iter_mut().skip(octets).for_each(|o| *o = COVER),
        Some(Shown::Identity) => cover_identity(fif),
        None => fif.fill(COVER),
    }
}

/// How much of a FIF may be kept.
enum Shown {
    Octets(usize),
    /// The last characters of it.
    Identity,
}

/// A list of what may be kept: a signal that is not on it may carry anything.
fn shown(signal: Signal) -> Shown {
    match signal {
        Signal::CSI | Signal::TSI | Signal::CIG => Shown::Identity,
        Signal::NSF | Signal::NSC | Signal::NSS => Shown::Octets(FACILITIES_SHOWN),
        Signal::DIS
        | Signal::DTC
        | Signal::DCS
        | Signal::CTC
        | Signal::CFR
        | Signal::FTT
        | Signal::CTR
        | Signal::EOM
        | Signal::MPS
        | Signal::EOP
        | Signal::PPS
        | Signal::EOR
        | Signal::RR
        | Signal::MCF
        | Signal::RTP
        | Signal::RTN
        | Signal::PIP
        | Signal::PIN
        | Signal::PPR
        | Signal::RNR
        | Signal::ERR
        | Signal::FDM
        | Signal::DCN
        | Signal::CRP => Shown::Octets(PLAIN_SHOWN),
        _ => Shown::Octets(0), // an open set: passwords, subaddresses, codes without a name
    }
}

/// The FIF begins with the last character. Spaces and plus stay: they are the shape, not the number.
fn cover_identity(fif: &mut [u8]) {
    let mut shown = 0;
    for octet in fif {
        match *octet {
            b' ' | b'+' => {}
            _ if shown < IDENTITY_SHOWN => shown += 1,
            _ => *octet = COVER,
        }
    }
}

/// Signal and FIF, if it looks like a frame of this protocol at all.
fn parts(frame: &[u8]) -> Option<(Signal, &[u8])> {
    let [0xFF, _control, fcf, fif @ ..] = frame else { return None };
    Some((Signal::from_printed(fcf.reverse_bits()), fif))
}

fn name(signal: Signal, fif: &[u8]) -> String {
    let fcf2 = match (signal, fif.first()) {
        (Signal::PPS | Signal::EOR, Some(0)) => Some("NULL".into()),
        (Signal::PPS | Signal::EOR, Some(fcf2)) => {
            Some(Signal::from_printed(fcf2.reverse_bits()).to_string())
        }
        _ => None,
    };
    fcf2.map_or_else(|| signal.to_string(), |fcf2| format!("{signal}-{fcf2}"))
}

fn meaning(signal: Signal, fif: &[u8]) -> String {
    match signal {
        Signal::DIS => offers(fif),
        Signal::DCS => ordered(fif),
        Signal::CTC => format!("go on at {}", rate(fif)),
        Signal::CSI | Signal::TSI | Signal::CIG => {
            identity::decode_csi(fif).unwrap_or_else(|| "no identity".into())
        }
        Signal::NSF | Signal::NSC | Signal::NSS => format!("maker's own, {} octets", fif.len()),
        Signal::PPS => block(fif),
        Signal::PPR => asked(fif),
        _ => plain_words(signal).into(),
    }
}

/// What a signal without parameters says.
fn plain_words(signal: Signal) -> &'static str {
    match signal {
        Signal::SUB => "the box that the pages are for",
        Signal::SID => "the password of the box",
        Signal::DTC => "wants to fetch pages from us",
        Signal::CFR => "trained, send the page",
        Signal::FTT => "training failed",
        Signal::CTR => "agrees to go on slower",
        Signal::EOM => "page over, agree anew for the next",
        Signal::MPS => "page over, another follows",
        Signal::EOP => "page over, it was the last",
        Signal::EOR => "the rest of this block is given up",
        Signal::RR => "ready?",
        Signal::MCF => "received",
        Signal::RTP => "received, train again",
        Signal::RTN => "received badly, rejected",
        Signal::PIP => "received, asks for an operator",
        Signal::PIN => "rejected, asks for an operator",
        Signal::RNR => "not ready yet",
        Signal::ERR => "goes on without the rest of the block",
        Signal::FDM => "file diagnostics",
        Signal::DCN => "hangs up",
        Signal::CRP => "say that again",
        Signal::FNV => "a field was not valid",
        Signal::TNR => "not ready to send",
        Signal::TR => "ready to send",
        _ => "", // an open set
    }
}

/// The FIF of a DIS in words: what the machine can.
pub fn offers(fif: &[u8]) -> String {
    let far = Capabilities::read(fif);
    let mut words: Vec<String> = Vec::new();
    if !far.receives {
        words.push("cannot receive".into());
    }
    match far.modulations.best_up_to(Modulation::V17At14400) {
        Some(best) => words.push(format!("up to {best}")),
        None => words.push("no modulation of ours".into()),
    }
    words.push(if far.fine { "fine" } else { "standard only" }.into());
    let codings = [
        (Coding::T85, far.t85 && far.ecm),
        (Coding::Mmr, far.mmr && far.ecm),
        (Coding::Mr, far.mr),
        (Coding::Mh, true),
    ];
    let codings = codings.into_iter().filter(|(_, has)| *has).map(|(coding, _)| coding.to_string());
    words.push(codings.collect::<Vec<_>>().join(" "));
    if far.ecm {
        words.push("ECM".into());
    } else {
        let (standard, fine) = (far.scan_line_standard.as_millis(), far.scan_line_fine.as_millis());
        match (standard, fine) {
            (0, 0) => {}
            _ if standard == fine => words.push(format!("{fine} ms a line")),
            _ => words.push(format!("{standard} ms a line, {fine} fine")),
        }
    }
    if far.subaddress {
        words.push("boxes".into());
    }
    words.join(", ")
}

/// DCS in words.
fn ordered(fif: &[u8]) -> String {
    let dcs = Bits(fif);
    let coding = match (dcs.bit(78), dcs.bit(31), dcs.bit(16)) {
        (true, _, _) => Coding::T85,
        (false, true, _) => Coding::Mmr,
        (false, false, true) => Coding::Mr,
        (false, false, false) => Coding::Mh,
    };
    let resolution = if dcs.bit(15) { Resolution::Fine } else { Resolution::Standard };
    format!("{}, {}", rate(fif), terms(resolution, coding, dcs.bit(27)))
}

/// Bits 11 to 14 of a DCS or CTC.
fn rate(fif: &[u8]) -> String {
    let code = u32::from(Bits(fif).field::<4>(11));
    let known = LADDER.iter().find(|modulation| modulation.dcs_code() == code);
    known.map_or_else(|| "a modulation unknown to us".into(), |modulation| modulation.to_string())
}

/// PPS in words: which page and block of the call, from 1, and how many frames.
fn block(fif: &[u8]) -> String {
    let [_fcf2, page, block, frames, ..] = fif else { return "cut short".into() };
    let (page, block, frames) = (count(page), count(block), count(frames));
    format!("page {page}, block {block}, {frames} frames")
}

fn count(octet: &u8) -> u16 {
    u16::from(*octet) + 1
}

/// PPR in words: how many frames, and which.
fn asked(fif: &[u8]) -> String {
    let is_asked = |frame: u16| {
        let octet = fif.get(usize::from(frame / 8));
        octet.is_some_and(|octet| octet & (1 << (frame % 8)) != 0)
    };
    let frames: Vec<u16> = (0..=255).filter(|&frame| is_asked(frame)).collect();
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for &frame in &frames {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == frame => *last = frame,
            Some(_) | None => runs.push((frame, frame)),
        }
    }
    let mut listed: Vec<String> = runs
        .iter()
        .take(RUNS_SHOWN)
        .map(
            |(first, last)| {
                if first == last { format!("{first}") } else { format!("{first}-{last}") }
            },
        )
        .collect();
    if runs.len() > RUNS_SHOWN {
        listed.push("...".into());
    }
    let frames = frames.len();
    let noun = if frames == 1 { "frame" } else { "frames" };
    match listed.is_empty() {
        true => "asks for no frame".into(),
        false => format!("{frames} {noun} again: {}", listed.join(" ")),
    }
}

fn terms(resolution: Resolution, coding: Coding, ecm: bool) -> String {
    let resolution = match resolution {
        Resolution::Standard => "standard",
        Resolution::Fine => "fine",
    };
    let ecm = if ecm { "ECM" } else { "no ECM" };
    format!("{resolution}, {coding}, {ecm}")
}

/// As technicians call it.
impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mh => "MH",
            Self::Mr => "MR",
            Self::Mmr => "MMR",
            Self::T85 => "T.85",
        })
    }
}

/// As technicians say it: `V.17 14400 bit/s`.
impl fmt::Display for Modulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = match self {
            Self::V27ter2400 | Self::V27ter4800 => "V.27ter",
            Self::V29At7200 | Self::V29At9600 => "V.29",
            Self::V17At7200 | Self::V17At9600 | Self::V17At12000 | Self::V17At14400 => "V.17",
        };
        write!(f, "{family} {} bit/s", self.rate_bps())
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.modulation, terms(self.resolution, self.coding, self.ecm))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{self, Follows};
    use crate::identity::Identity;
    use alloc::vec;

    fn said(signal: Signal, fif: &[u8]) -> String {
        let Described { name, meaning } = describe(&frame::in_block(signal, fif));
        format!("{name}: {meaning}")
    }

    #[test]
    fn frames_of_a_call_read_as_a_technician_would_say_them() {
        assert_eq!(
            said(Signal::DIS, &[0x00, 0xEE, 0xF8, 0x44]),
            "DIS: up to V.17 14400 bit/s, fine, MMR MR MH, ECM"
        );
        assert_eq!(
            said(Signal::DIS, &[0x00, 0x0A, 0x30]),
            "DIS: up to V.27ter 4800 bit/s, standard only, MH, 20 ms a line, 10 fine"
        );
        assert_eq!(
            said(Signal::DIS, &[]),
            "DIS: cannot receive, up to V.27ter 2400 bit/s, standard only, MH, 20 ms a line"
        );
        assert_eq!(
            said(Signal::DCS, &[0x00, 0x62, 0xF8, 0x44]),
            "DCS: V.17 14400 bit/s, fine, MMR, ECM"
        );
        let jbig = [0x00, 0xEE, 0xF8, 0xC4, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
        assert_eq!(
            said(Signal::DIS, &jbig),
            "DIS: up to V.17 14400 bit/s, fine, T.85 MMR MR MH, ECM"
        );
        let jbig = [0x00, 0x62, 0xF8, 0x84, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
        assert_eq!(said(Signal::DCS, &jbig), "DCS: V.17 14400 bit/s, fine, T.85, ECM");
        assert_eq!(said(Signal::CTC, &[0x00, 0x28]), "CTC: go on at V.17 12000 bit/s");
        assert_eq!(said(Signal::PPS, &[0x2F, 0, 1, 36]), "PPS-EOP: page 1, block 2, 37 frames");
        assert_eq!(said(Signal::PPS, &[0, 0, 0, 255]), "PPS-NULL: page 1, block 1, 256 frames");
        assert_eq!(said(Signal::PPR, &[0b1000_1110, 1]), "PPR: 5 frames again: 1-3 7-8");
        assert_eq!(said(Signal::PPR, &[0x55; 32]), "PPR: 128 frames again: 0 2 4 6 8 10 ...");
        assert_eq!(said(Signal::MCF, &[]), "MCF: received");
    }

    #[test]
    fn identity_keeps_its_shape_and_its_last_four() {
        let identity = Identity::parse("+81 3 1234 5678").unwrap();
        let mut frame = frame::command(Signal::TSI, identity.fif(), Follows::More);
        cover(&mut frame);
        assert_eq!(describe(&frame).meaning, "+** * **** 5678");
        // Letters too: some machines give their owner's name.
        let mut frame = frame::in_block(Signal::CSI, b"ONILCIK IMUSAK");
        cover(&mut frame);
        assert_eq!(describe(&frame).meaning, "****** ***LINO");
    }

    #[test]
    fn what_is_not_known_is_covered_whole_and_keeps_its_length() {
        // PWD, SID, SUB, a code without a name, and something of another protocol.
        for head in [
            [0xFF, 0x13, 0xC1],
            [0xFF, 0x13, 0xA3],
            [0xFF, 0x13, 0xC3],
            [0xFF, 0x13, 0x4B],
            [0, 1, 2],
        ] {
            let mut frame = [&head[..], b"2143658709"].concat();
            cover(&mut frame);
            assert_eq!(frame, [&head[..], b"**********"].concat());
        }
        let mut nsf = frame::in_block(Signal::NSF, b"\0\0\x0E1234567890123");
        cover(&mut nsf);
        assert_eq!(&nsf[3..], b"\0\0\x0E12345********");
        let mut long = frame::command(Signal::MCF, &[b'1'; 250], Follows::Last);
        cover(&mut long);
        assert_eq!(long.iter().filter(|&&octet| octet == b'1').count(), PLAIN_SHOWN);
        for mut short in [vec![], vec![0xFF], vec![0xFF, 0x13]] {
            let before = short.clone();
            cover(&mut short);
            assert_eq!(short, before);
        }
    }

    #[test]
    fn every_frame_of_any_octets_is_described_in_printable_ascii() {
        for fcf in 0..=u8::MAX {
            for fif in [&[][..], &[0x1B], &[0xFF; 4], &[0x9B; 253]] {
                let frame = [&[0xFF, 0x13, fcf][..], fif].concat();
                let Described { name, meaning } = describe(&frame);
                let words = name + &meaning;
                assert!(words.bytes().all(|octet| matches!(octet, b' '..=b'~')), "{words:?}");
            }
        }
    }
}

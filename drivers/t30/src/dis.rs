//! DIS: what the called machine can do.
//!
//! In: the FIF of a DIS, hostile. Out: [`Capabilities`]; every FIF reads as some.
//! Source: ITU-T T.30 (09/2005) 5.3.6.2.1 and table 2; bits are counted from 1, bit 1 is first.
//! Not here: what is made of it (`contract`).

use core::time::Duration;

use crate::modulation::Modulations;

/// The part of a DIS that a sender of one-bit A4 pages needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Capabilities {
    /// Bit 10: it has a receiver.
    pub(crate) receives: bool,
    pub(crate) modulations: Modulations,
    /// Bit 15: 7.7 line/mm.
    pub(crate) fine: bool,
    /// Bit 16: two-dimensional coding.
    pub(crate) mr: bool,
    /// Bits 19 and 20: the longest page it takes.
    pub(crate) longest: Longest,
    /// Least time of a scan line at 3.85 and at 7.7 line/mm.
    pub(crate) scan_line_standard: Duration,
    pub(crate) scan_line_fine: Duration,
    /// Bit 27: error correction of Annex A.
    pub(crate) ecm: bool,
    /// Bit 31: T.6 coding; counts only with bit 27.
    pub(crate) mmr: bool,
    /// Bit 78: T.85 coding in stripes of 128 rows; counts only with bit 27. Other stripes (bit 79) are not
    /// asked for.
    pub(crate) t85: bool,
    /// Bit 49: it has boxes, which SUB names.
    pub(crate) subaddress: bool,
    /// Bit 50: it takes a password, in SID.
    pub(crate) password: bool,
}

/// The longest page that a machine records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Longest {
    A4,
    B4,
    Any,
}

impl Longest {
    /// Bit 19 in the least place. The table calls `11` invalid; every machine has A4.
    fn from_dis_code(code: u8) -> Self {
        match code & 0b11 {
            0b01 => Self::B4,
            0b10 => Self::Any,
            _ => Self::A4,
        }
    }

    /// `None` for paper from the roll.
    pub(crate) fn limit_mm(self) -> Option<u16> {
        match self {
            Self::A4 => Some(A4_MM),
            Self::B4 => Some(B4_MM),
            Self::Any => None,
        }
    }
}

/// Lengths of ISO A4 and B4, which the table names.
pub(crate) const A4_MM: u16 = 297;
const B4_MM: u16 = 364;

impl Capabilities {
    /// Octets that are not there read as 0, as do those behind an extend bit (24, 32, …) of 0.
    pub(crate) fn read(fif: &[u8]) -> Self {
        let dis = Bits(fif);
        let (scan_line_standard, scan_line_fine) = scan_lines(dis.field::<3>(21));
        Self {
            receives: dis.bit(10),
            modulations: Modulations::from_dis_code(dis.field::<4>(11)),
            fine: dis.bit(15),
            mr: dis.bit(16),
            longest: Longest::from_dis_code(dis.field::<2>(19)),
            scan_line_standard,
            scan_line_fine,
            ecm: dis.bit(27),
            mmr: dis.bit(31),
            t85: dis.bit(78),
            subaddress: dis.bit(49),
            password: dis.bit(50),
        }
    }
}

/// Bits 21 to 23, bit 21 in the least place: least scan line time at 3.85 and at 7.7 line/mm.
fn scan_lines(code: u8) -> (Duration, Duration) {
    let (standard_ms, fine_ms) = match code & 0b111 {
        0b000 => (20, 20),
        0b001 => (5, 5),
        0b010 => (10, 10),
        0b100 => (40, 40),
        0b011 => (20, 10),
        0b110 => (10, 5),
        0b101 => (40, 20),
        _ => (0, 0), // 0b111, the only one left of three bits
    };
    (Duration::from_millis(standard_ms), Duration::from_millis(fine_ms))
}

/// A FIF of which bits are asked by their number in table 2.
pub(crate) struct Bits<'a>(pub(crate) &'a [u8]);

/// Octets 1 to 3 have no extend bit before them; bit 24 is the first.
const OCTETS_ALWAYS: usize = 3;

impl Bits<'_> {
    pub(crate) fn bit(&self, number: usize) -> bool {
        let index = number.saturating_sub(1);
        let octet = index / 8;
        let reached =
            (OCTETS_ALWAYS..=octet).all(|o| self.0.get(o - 1).is_some_and(|b| b & 0x80 != 0));
        reached && self.0.get(octet).is_some_and(|b| b & (1 << (index % 8)) != 0)
    }

    /// `N` bits from `first` on, `first` in the least place.
    pub(crate) fn field<const N: usize>(&self, first: usize) -> u8 {
        (0..N).fold(0, |value, i| value | (u8::from(self.bit(first + i)) << i))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modulation::Modulation;

    /// The DIS of a published trace: `ff 13 80 00 6e b8 00`, from a spandsp receiver without ECM.
    const PUBLISHED: [u8; 4] = [0x00, 0x6E, 0xB8, 0x00];

    #[test]
    fn published_dis_reads_as_its_own_log_said() {
        let got = Capabilities::read(&PUBLISHED);
        assert!(got.receives && got.fine);
        assert_eq!(got.longest, Longest::Any);
        assert!(!got.mr && !got.ecm && !got.mmr);
        let top = got.modulations.best_up_to(Modulation::V17At14400);
        assert_eq!(top, Some(Modulation::V17At14400));
        // "Minimum bits per row will be 144", at 14 400 bit/s and 7.7 line/mm.
        assert_eq!(got.scan_line_fine, Duration::from_millis(10));
    }

    #[test]
    fn octets_behind_a_clear_extend_bit_are_not_there() {
        assert!(!Capabilities::read(&[0x00, 0x6E, 0x78, 0x44]).ecm);
        assert!(Capabilities::read(&[0x00, 0x6E, 0xF8, 0x44]).ecm);
    }

    #[test]
    fn length_has_three_codes_and_the_fourth_promises_nothing() {
        let read = |octet| Capabilities::read(&[0, 0, octet]).longest;
        // Bits 19 and 20 are the third and fourth of their octet.
        assert_eq!(
            [0x00, 0x04, 0x08, 0x0C].map(read),
            [Longest::A4, Longest::B4, Longest::Any, Longest::A4]
        );
    }

    #[test]
    fn boxes_are_offered_in_the_seventh_octet_and_only_if_it_is_reached() {
        let read = |fif: &[u8]| {
            let far = Capabilities::read(fif);
            (far.subaddress, far.password)
        };
        assert_eq!(read(&[0x00, 0xEE, 0xF8, 0xC4, 0x80, 0x80, 0x01]), (true, false));
        assert_eq!(read(&[0x00, 0xEE, 0xF8, 0xC4, 0x80, 0x80, 0x03]), (true, true));
        assert_eq!(read(&[0x00, 0xEE, 0xF8, 0xC4, 0x80, 0x00, 0x03]), (false, false));
    }

    #[test]
    fn jbig_is_offered_in_the_tenth_octet_and_only_if_it_is_reached() {
        // T.85; T.85 and any stripes; T.85 behind an extend bit (72) that is clear.
        let offers = |ninth, tenth| {
            let dis = [0x00, 0xEE, 0xF8, 0xC4, 0x80, 0x80, 0x80, 0x80, ninth, tenth];
            Capabilities::read(&dis).t85
        };
        assert_eq!(
            [offers(0x80, 0x20), offers(0x80, 0x60), offers(0x80, 0x40)],
            [true, true, false]
        );
        assert!(!offers(0x00, 0x20));
    }

    #[test]
    fn short_dis_of_any_length_reads() {
        assert!(!Capabilities::read(&[]).receives);
        assert!(!Capabilities::read(&[0xFF]).receives);
        assert!(Capabilities::read(&[0x00, 0x02]).receives);
    }

    #[test]
    fn scan_line_table_halves_where_it_says_so() {
        // Bits 21, 22, 23 in the order of table 2.
        let printed = [
            ("000", 20, 20),
            ("001", 40, 40),
            ("010", 10, 10),
            ("100", 5, 5),
            ("011", 10, 5),
            ("110", 20, 10),
            ("101", 40, 20),
            ("111", 0, 0),
        ];
        for (bits, standard, fine) in printed {
            let octet = bits.bytes().enumerate().fold(0, |o, (i, b)| o | ((b - b'0') << (4 + i)));
            let got = Capabilities::read(&[0, 0, octet]);
            let want = (Duration::from_millis(standard), Duration::from_millis(fine));
            assert_eq!((got.scan_line_standard, got.scan_line_fine), want, "{bits}");
        }
    }
}

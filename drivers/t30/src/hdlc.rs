//! HDLC as bits: flags, zero-bit stuffing and FCS, for the blocks that go out at high speed.
//!
//! In: frames. Out: octets, bit 0 first on the line.
//! Source: ITU-T T.30 (09/2005) 5.3.2, 5.3.7; T.4 (07/2003) Annex A; ISO/IEC 13239 4.
//! Not here: control frames on V.21, for which the modem does this itself.

use alloc::vec::Vec;

/// 0111 1110, the same in either order.
const FLAG: u8 = 0x7E;
/// A 0 follows every fifth 1 in a row.
const ONES_BEFORE_STUFFING: u8 = 5;
/// x^16 + x^12 + x^5 + 1, with the bits in line order.
const FCS_POLYNOMIAL: u16 = 0x8408;

/// The sixteen check bits over these octets, low octet first on the line.
pub(crate) fn fcs(octets: &[u8]) -> u16 {
    let register = octets.iter().fold(0xFFFF_u16, |register, octet| {
        (0..8).fold(register ^ u16::from(*octet), |register, _| {
            if register & 1 == 1 { (register >> 1) ^ FCS_POLYNOMIAL } else { register >> 1 }
        })
    });
    !register
}

/// Writes flags and frames one after the other; one flag both ends a frame and begins the next.
#[derive(Default)]
pub(crate) struct HdlcWriter {
    octets: Vec<u8>,
    /// Bits not yet an octet, in the low `held_bits` places.
    held: u8,
    held_bits: u8,
    ones: u8,
}

impl HdlcWriter {
    pub(crate) fn with_room_for(octets: usize) -> Self {
        Self { octets: Vec::with_capacity(octets), ..Self::default() }
    }

    pub(crate) fn flags(&mut self, count: usize) {
        for _ in 0..count {
            self.flag();
        }
    }

    /// The frame, its FCS, and the flag that ends it. A flag must be before it.
    pub(crate) fn frame(&mut self, octets: &[u8]) {
        for octet in octets.iter().copied().chain(fcs(octets).to_le_bytes()) {
            self.stuffed(octet);
        }
        self.flag();
    }

    /// The octets, the last one filled with the beginning of another flag.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.held_bits > 0 {
            self.flag();
        }
        self.octets
    }

    fn flag(&mut self) {
        self.ones = 0;
        for place in 0..8 {
            self.bit(FLAG >> place & 1);
        }
    }

    fn stuffed(&mut self, octet: u8) {
        for place in 0..8 {
            let bit = octet >> place & 1;
            self.bit(bit);
            self.ones = if bit == 1 { self.ones + 1 } else { 0 };
            if self.ones == ONES_BEFORE_STUFFING {
                self.bit(0);
                self.ones = 0;
            }
        }
    }

    fn bit(&mut self, bit: u8) {
        self.held |= bit << self.held_bits;
        self.held_bits += 1;
        if self.held_bits == 8 {
            self.octets.push(self.held);
            (self.held, self.held_bits) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fcs_is_the_x25_check_value() {
        assert_eq!(fcs(b"123456789"), 0x906E); // the check value that CRC catalogues print
    }

    #[test]
    fn zero_bit_follows_five_ones() {
        let mut writer = HdlcWriter::default();
        writer.stuffed(0xFF);
        writer.stuffed(0xFF);
        // 11111 0 11111 0 11111 0 1, bit 0 first
        assert_eq!(
            (writer.octets, writer.held, writer.held_bits),
            (alloc::vec![0b1101_1111, 0b1111_0111], 0b101, 3)
        );
    }

    #[test]
    fn finish_fills_up_with_a_flag_begun() {
        let mut writer = HdlcWriter::default();
        writer.bit(1);
        assert_eq!(writer.finish(), [0b1111_1101]);
    }
}

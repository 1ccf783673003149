//! Octets to bits and bits to octets, in either bit order, many bits at a time.
//!
//! In and out: octets as a file or a modem holds them; bits in the order of the line.
//! Source: T.31 8.2 and TIFF 6.0 FillOrder for the two orders.
//! Not here: what the bits mean.

use alloc::vec::Vec;

use crate::BitOrder;
use crate::codes::Code;

/// Reads bits from the front; past the end every bit is 0, and [`BitReader::overran`] tells.
pub(crate) struct BitReader<'a> {
    octets: &'a [u8],
    order: BitOrder,
    /// First octet that is not wholly in `window`.
    next: usize,
    /// The next bits, from the top. Bits below the top `held` are 0 or what a refill puts there.
    window: u64,
    held: u32,
    taken: u64,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(octets: &'a [u8], order: BitOrder) -> Self {
        Self { octets, order, next: 0, window: 0, held: 0, taken: 0 }
    }

    /// The next `count` bits, 1 to 32 of them, right-aligned; they stay to be read.
    pub(crate) fn peek(&mut self, count: u32) -> u32 {
        if self.held < count {
            self.refill();
        }
        (self.window >> (64 - count)) as u32 // at most 32 bits are left
    }

    /// Passes over bits that were peeked at before.
    pub(crate) fn skip(&mut self, count: u32) {
        self.window <<= count;
        self.held = self.held.saturating_sub(count);
        self.taken += u64::from(count);
    }

    /// Bits passed over so far.
    pub(crate) fn position(&self) -> u64 {
        self.taken
    }

    /// Bits that are left.
    pub(crate) fn left(&self) -> u64 {
        self.len().saturating_sub(self.taken)
    }

    /// Bits were passed over that the octets do not have.
    pub(crate) fn overran(&self) -> bool {
        self.taken > self.len()
    }

    fn len(&self) -> u64 {
        self.octets.len() as u64 * 8
    }

    fn refill(&mut self) {
        let rest = self.octets.get(self.next..).unwrap_or_default();
        if let Some(eight) = rest.first_chunk::<8>() {
            let word = match self.order {
                BitOrder::MsbFirst => u64::from_be_bytes(*eight),
                BitOrder::LsbFirst => u64::from_le_bytes(*eight).reverse_bits(),
            };
            self.window |= word >> self.held;
            let octets = (64 - self.held) / 8;
            self.next += octets as usize;
            self.held += octets * 8;
            return;
        }
        for octet in rest.iter().take(((64 - self.held) / 8) as usize) {
            let octet = match self.order {
                BitOrder::MsbFirst => *octet,
                BitOrder::LsbFirst => octet.reverse_bits(),
            };
            self.window |= u64::from(octet) << (56 - self.held);
            self.next += 1;
            self.held += 8;
        }
    }
}

/// Gathers bits and hands out octets, four at a time.
pub(crate) struct BitWriter {
    octets: Vec<u8>,
    /// The last `held` bits written, right-aligned; fewer than 32 between calls.
    window: u64,
    held: u32,
}

impl BitWriter {
    pub(crate) fn with_capacity(octets: usize) -> Self {
        Self { octets: Vec::with_capacity(octets), window: 0, held: 0 }
    }

    pub(crate) fn put(&mut self, code: Code) {
        let Code { bits, len } = code;
        self.window = (self.window << len) | u64::from(bits);
        self.held += u32::from(len);
        if self.held >= 32 {
            self.held -= 32;
            let word = (self.window >> self.held) as u32; // the oldest 32 bits
            self.octets.extend_from_slice(&word.to_be_bytes());
        }
    }

    /// Writes `count` times the same bit.
    pub(crate) fn put_repeated(&mut self, bit: bool, mut count: u32) {
        while count > 0 {
            let len = count.min(16);
            let bits = if bit { 0xffff >> (16 - len) } else { 0 };
            self.put(Code { bits, len: len as u8 }); // len is at most 16
            count -= len;
        }
    }

    /// Bits written so far.
    pub(crate) fn position(&self) -> u64 {
        self.octets.len() as u64 * 8 + u64::from(self.held)
    }

    /// The octets, the last one filled up with 0 bits.
    pub(crate) fn finish(mut self, order: BitOrder) -> Vec<u8> {
        let last = (self.window << (32 - self.held)) as u32; // fewer than 32 bits are held
        let used = self.held.div_ceil(8) as usize;
        self.octets.extend(last.to_be_bytes().into_iter().take(used));
        match order {
            BitOrder::MsbFirst => {}
            BitOrder::LsbFirst => {
                self.octets.iter_mut().for_each(|octet| *octet = octet.reverse_bits());
            }
        }
        self.octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn lengths() -> impl Iterator<Item = u8> {
        (1..=13).chain([1, 1, 13, 13, 13, 7]).cycle().take(200)
    }

    fn bits_of(index: usize, len: u8) -> u16 {
        (index as u16).wrapping_mul(40_503) >> (16 - len)
    }

    #[test]
    fn reader_gives_back_what_the_writer_took_in_both_orders() {
        for order in [BitOrder::MsbFirst, BitOrder::LsbFirst] {
            let mut writer = BitWriter::with_capacity(0);
            for (index, len) in lengths().enumerate() {
                writer.put(Code { bits: bits_of(index, len), len });
            }
            let written = writer.position();
            let octets = writer.finish(order);
            assert_eq!(octets.len() as u64, written.div_ceil(8));
            let mut reader = BitReader::new(&octets, order);
            for (index, len) in lengths().enumerate() {
                assert_eq!(reader.peek(u32::from(len)) as u16, bits_of(index, len), "code {index}");
                reader.skip(u32::from(len));
            }
            assert_eq!(reader.position(), written);
            assert!(!reader.overran());
        }
    }

    #[test]
    fn lsb_first_turns_each_octet() {
        let mut writer = BitWriter::with_capacity(0);
        writer.put(Code { bits: 0b1, len: 1 });
        writer.put_repeated(false, 8);
        writer.put_repeated(true, 3);
        assert_eq!(writer.finish(BitOrder::LsbFirst), [0b0000_0001, 0b0000_1110]);
    }

    #[test]
    fn reader_past_the_end_reads_zeros_and_says_so() {
        let octets = vec![0xff; 9];
        let mut reader = BitReader::new(&octets, BitOrder::MsbFirst);
        for _ in 0..9 {
            assert_eq!(reader.peek(8), 0xff);
            reader.skip(8);
        }
        assert_eq!((reader.left(), reader.peek(32), reader.overran()), (0, 0, false));
        reader.skip(1);
        assert!(reader.overran());
    }
}

//! Octets to bits and bits to octets, in either bit order, many bits at a time.
//!
//! In and out: octets as a file or a modem holds them; bits in the order of the line.
//! Source: T.31 8.2 and TIFF 6.0 FillOrder for the two orders.
//! Not here: what the bits mean.

use alloc::vec;
use alloc::vec::Vec;

use crate::BitOrder;
use crate::codes::Code;

/// Reads bits from the front; past the end every bit is 0, and [`BitReader::overran`] tells.
///
/// Cheap to copy: a reader of one row works on a copy that stays in registers.
#[derive(Clone, Copy)]
pub(crate) struct BitReader<'a> {
    octets: &'a [u8],
    order: BitOrder,
    /// First octet that is not wholly in `window`; zeros past the end count as octets.
    next: usize,
    /// The next bits, from the top. Bits below the top `held` are 0 or what a refill puts there.
    window: u64,
    held: u32,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(octets: &'a [u8], order: BitOrder) -> Self {
        Self { octets, order, next: 0, window: 0, held: 0 }
    }

    /// The next `count` bits, 1 to 32 of them, right-aligned; they stay to be read.
    #[inline]
    pub(crate) fn peek(&mut self, count: u32) -> u32 {
        self.peek_long(count) as u32
    }

    /// As [`BitReader::peek`], 1 to [`MOST_BITS`] bits.
    #[inline]
    pub(crate) fn peek_long(&mut self, count: u32) -> u64 {
        if self.held < count {
            self.refill();
        }
        self.window >> (64 - count)
    }

    /// How many 1 bits come next, as far as they can be seen: not more than [`MOST_BITS`], and at
    /// least one is found if there is one.
    #[inline]
    pub(crate) fn ones(&mut self) -> u32 {
        if self.held == 0 {
            self.refill();
        }
        self.window.leading_ones().min(self.held).min(MOST_BITS)
    }

    /// Passes over bits that were peeked at before.
    #[inline]
    pub(crate) fn skip(&mut self, count: u32) {
        self.window <<= count;
        self.held = self.held.saturating_sub(count);
    }

    /// Bits passed over so far.
    pub(crate) fn position(&self) -> u64 {
        self.next as u64 * 8 - u64::from(self.held)
    }

    /// Bits that are left.
    pub(crate) fn left(&self) -> u64 {
        self.len().saturating_sub(self.position())
    }

    /// Bits were passed over that the octets do not have.
    pub(crate) fn overran(&self) -> bool {
        self.position() > self.len()
    }

    fn len(&self) -> u64 {
        self.octets.len() as u64 * 8
    }

    /// Fills the window up to more than 56 bits.
    #[inline]
    fn refill(&mut self) {
        let rest = self.octets.get(self.next..).unwrap_or_default();
        let eight = match rest.first_chunk::<8>() {
            Some(eight) => *eight,
            None => {
                let mut eight = [0; 8];
                eight.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                eight
            }
        };
        let word = match self.order {
            BitOrder::MsbFirst => u64::from_be_bytes(eight),
            BitOrder::LsbFirst => u64::from_le_bytes(eight).reverse_bits(),
        };
        self.window |= word >> self.held;
        let octets = (64 - self.held) / 8;
        self.next += octets as usize;
        self.held += octets * 8;
    }
}

/// Gathers bits into octets. It never asks whether a word is full, which nobody could guess, and leaves to
/// the caller to make room for a row before its bits come, so that within a row all stays in registers.
pub(crate) struct BitWriter {
    /// Those written, and room behind them; it holds `window` too.
    octets: Vec<u8>,
    /// Octets that are whole.
    whole: usize,
    /// The bits after them, fewer than 8, from the top; 0 below.
    window: u64,
    used: u32,
}

/// The most bits that are handled at once.
pub(crate) const MOST_BITS: u32 = 56;

impl BitWriter {
    /// Makes room for so many octets; more makes more room.
    pub(crate) fn with_room(octets: usize) -> Self {
        Self { octets: vec![0; octets], whole: 0, window: 0, used: 0 }
    }

    /// Writes the lowest `len` bits, at most [`MOST_BITS`]; `bits` has no others. Bits for which no room was made
    /// are lost.
    #[inline]
    pub(crate) fn put(&mut self, bits: u64, len: u32) {
        let used = self.used + len; // at most 63
        self.window |= bits.rotate_right(used);
        if let Some(room) = self.octets.get_mut(self.whole..).and_then(<[u8]>::first_chunk_mut) {
            *room = self.window.to_be_bytes();
        }
        self.whole += (used / 8) as usize;
        self.window <<= used & !7;
        self.used = used % 8;
    }

    /// Makes room for so many octets more.
    pub(crate) fn make_room(&mut self, octets: usize) {
        let least = self.whole + octets + size_of::<u64>();
        if self.octets.len() < least {
            self.octets.resize(2 * least, 0);
        }
    }

    #[inline]
    pub(crate) fn put_code(&mut self, code: Code) {
        self.put(code.bits.into(), code.len.into());
    }

    /// Writes `count` times the same bit.
    #[inline]
    pub(crate) fn put_repeated(&mut self, bit: bool, mut count: u32) {
        let bits: u64 = if bit { (1 << MOST_BITS) - 1 } else { 0 };
        while count > MOST_BITS {
            self.put(bits, MOST_BITS);
            count -= MOST_BITS;
        }
        self.put(bits >> (MOST_BITS - count), count);
    }

    /// Writes the bits from `from` on once more, which is cheaper than coding them again.
    pub(crate) fn put_again(&mut self, mut from: u64) {
        let end = self.position();
        while from < end {
            let octets = usize::try_from(from / 8).ok().and_then(|octet| self.octets.get(octet..));
            let word = octets.and_then(|octets| octets.first_chunk()).copied().unwrap_or_default();
            let len = (end - from).min(MOST_BITS.into()) as u32;
            self.put(u64::from_be_bytes(word) << (from % 8) >> (64 - len), len);
            from += u64::from(len);
        }
    }

    /// Bits written so far.
    #[inline]
    pub(crate) fn position(&self) -> u64 {
        self.whole as u64 * 8 + u64::from(self.used)
    }

    /// The octets, the last one filled up with 0 bits.
    pub(crate) fn finish(mut self, order: BitOrder) -> Vec<u8> {
        self.octets.truncate(self.whole + usize::from(self.used > 0));
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

    fn lengths() -> impl Iterator<Item = u8> {
        (1..=13).chain([1, 1, 13, 13, 13, 7]).cycle().take(200)
    }

    fn bits_of(index: usize, len: u8) -> u16 {
        (index as u16).wrapping_mul(40_503) >> (16 - len)
    }

    #[test]
    fn reader_gives_back_what_the_writer_took_in_both_orders() {
        for order in [BitOrder::MsbFirst, BitOrder::LsbFirst] {
            let mut writer = BitWriter::with_room(400);
            for (index, len) in lengths().enumerate() {
                writer.put_code(Code { bits: bits_of(index, len), len });
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
        let mut writer = BitWriter::with_room(400);
        writer.put(0b1, 1);
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

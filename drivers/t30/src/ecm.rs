//! Error correction: a page as blocks of numbered frames, of which the far end asks for the bad again.
//!
//! In: the octets of a coded page, what a PPR asks. Out: the carrier of a block, the FIF of its PPS.
//! Source: ITU-T T.4 (07/2003) Annex A; T.30 (09/2005) A.4.3.
//! Not here: the exchange after the carrier (`phase_d`).

use alloc::vec::Vec;
use core::time::Duration;

use crate::{
    frame::{self, Asked},
    hdlc::HdlcWriter,
    modulation::{Modulation, Training},
    signal::Signal,
    timers::BLOCK_FLAGS,
};

/// Page octets of a frame (T.4 A.3.6.2; DCS bit 28 is 0).
const FRAME_OCTETS: usize = 256;
/// Frames of a block, numbered in one octet.
const BLOCK_FRAMES: usize = 256;
const BLOCK_OCTETS: usize = FRAME_OCTETS * BLOCK_FRAMES;
/// RCP is sent three times (T.4 A.3.7), so that one bit error does not lose the end.
const RCP_FRAMES: u8 = 3;
/// Flags behind the last RCP: the receiver has its closing flag even if the carrier's last symbols
/// are cut off. At most 50 ms are allowed (T.4 A.3.8); at 2400 bit/s these last 13 ms.
const CLOSING_FLAGS: usize = 4;

/// Octets of a frame besides its page octets: flag, address, control, FCF, number, FCS.
const AROUND_A_FRAME: usize = 8;
/// From the last frame of a block to the first of the next: PPS and MCF with their preambles of 1 s and 13
/// octets at 300 bit/s (T.30 5.3.1), three silences (5.1), RCP, short training and flags.
const BETWEEN_BLOCKS: Duration = Duration::from_millis(3_000);

/// What so many page octets are on the line: octets without stuffing, and the time for what goes between
/// their blocks.
pub(crate) fn on_the_line(page_octets: usize) -> (usize, Duration) {
    let frames = page_octets.div_ceil(FRAME_OCTETS);
    let blocks = u32::try_from(frames.div_ceil(BLOCK_FRAMES)).unwrap_or(u32::MAX);
    let octets = frames.saturating_mul(FRAME_OCTETS + AROUND_A_FRAME);
    (octets, BETWEEN_BLOCKS.saturating_mul(blocks.saturating_sub(1)))
}

/// One block on its way: which part of the page it is, and what is still to go.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    index: usize,
    frames: u16,
    last: bool,
    asked: Asked,
    /// PPRs heard since the block, or the rate, was new.
    pub(crate) pprs: u8,
    /// Training before its next carrier.
    pub(crate) training: Training,
}

impl Block {
    /// The block at `index` of a page, to be sent whole. The page has octets beyond its beginning.
    pub(crate) fn at(index: usize, page: &[u8], modulation: Modulation) -> Self {
        let rest = page.len().saturating_sub(index * BLOCK_OCTETS);
        let frames = rest.min(BLOCK_OCTETS).div_ceil(FRAME_OCTETS);
        Self {
            index,
            frames: u16::try_from(frames).unwrap_or(u16::MAX),
            last: rest <= BLOCK_OCTETS,
            asked: Asked::ALL,
            pprs: 0,
            training: modulation.page_training(),
        }
    }

    pub(crate) fn after(&self, page: &[u8], modulation: Modulation) -> Self {
        Self::at(self.index + 1, page, modulation)
    }

    /// The page ends with it.
    pub(crate) fn is_last(&self) -> bool {
        self.last
    }

    /// From now on only these are to go. Frames that the block does not have cannot be asked for.
    pub(crate) fn ask(&mut self, asked: Asked) {
        self.asked = asked;
    }

    /// How many frames are to go.
    pub(crate) fn to_go(&self) -> u16 {
        u16::try_from(self.numbers().count()).unwrap_or(u16::MAX)
    }

    /// FIF of PPS and of EOR begins with FCF2: what the block ends, `None` for "more of the page".
    /// X of FCF2 is 1 as in our FCF; NULL has no X.
    pub(crate) fn fcf2(ends: Option<Signal>) -> u8 {
        ends.map_or(0, |signal| signal.printed_by_us().reverse_bits())
    }

    /// FIF of PPS: FCF2, then page, block and frame counters, modulo 256, lowest bit first.
    pub(crate) fn pps_fif(&self, page: u16, ends: Option<Signal>) -> [u8; 4] {
        let [page_low, _] = page.to_le_bytes();
        let [block_low, ..] = self.index.to_le_bytes();
        let [frames_low, _] = self.frames.saturating_sub(1).to_le_bytes();
        [Self::fcf2(ends), page_low, block_low, frames_low]
    }

    /// Octets of its carrier: flags, the frames that are to go, RCP.
    ///
    /// The last frame of a page is filled up with zeros: T.4 allows pad bits there, and receivers
    /// in the field expect whole frames.
    pub(crate) fn carrier(&self, page: &[u8], modulation: Modulation) -> Vec<u8> {
        let frame_room = FRAME_OCTETS + FRAME_OCTETS / 4;
        let mut writer = HdlcWriter::with_room_for(usize::from(self.to_go() + 2) * frame_room);
        let flags_ms = u32::try_from(BLOCK_FLAGS.as_millis()).unwrap_or(u32::MAX);
        writer.flags(modulation.octets_in(flags_ms));
        let parts = page.chunks(FRAME_OCTETS).skip(self.index * BLOCK_FRAMES);
        for (number, part) in (0..=u8::MAX).zip(parts) {
            if self.asked.has(number) {
                let mut data = Vec::with_capacity(1 + FRAME_OCTETS);
                data.push(number);
                data.extend_from_slice(part);
                data.resize(1 + FRAME_OCTETS, 0);
                writer.frame(&frame::in_block(Signal::FCD, &data));
            }
        }
        for _ in 0..RCP_FRAMES {
            writer.frame(&frame::in_block(Signal::RCP, &[]));
        }
        writer.flags(CLOSING_FLAGS);
        writer.finish()
    }

    fn numbers(&self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).take(usize::from(self.frames)).filter(|&number| self.asked.has(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const V17: Modulation = Modulation::V17At14400;

    #[test]
    fn page_of_one_octet_is_one_frame_of_one_block() {
        let block = Block::at(0, &[1], V17);
        assert_eq!((block.to_go(), block.is_last()), (1, true));
        assert_eq!(block.pps_fif(0, Some(Signal::EOP)), [0x2F, 0, 0, 0]);
    }

    #[test]
    fn block_of_exactly_64_kib_is_the_last_and_one_octet_more_is_not() {
        let page = vec![0; BLOCK_OCTETS];
        let block = Block::at(0, &page, V17);
        assert_eq!((block.to_go(), block.is_last()), (256, true));
        assert_eq!(block.pps_fif(1, Some(Signal::MPS)), [0x4F, 1, 0, 255]);

        let page = vec![0; BLOCK_OCTETS + 1];
        let block = Block::at(0, &page, V17);
        assert_eq!((block.to_go(), block.is_last()), (256, false));
        assert_eq!(block.pps_fif(300, None), [0x00, 44, 0, 255]);
        let block = block.after(&page, V17);
        assert_eq!((block.to_go(), block.is_last()), (1, true));
        assert_eq!(block.pps_fif(0, Some(Signal::EOP)), [0x2F, 0, 1, 0]);
    }
}

//! An independent reader of the bits of a block: flags, stuffing, FCS, numbered frames; and of what
//! all carriers of a call together brought of each page.
//!
//! In: octets of a carrier, bit 0 first. Out: frames whose FCS is right; the page put together.
//! Source: ITU-T T.4 (07/2003) Annex A; written from the receiver's side, sharing nothing with `src`.

use std::collections::BTreeMap;

use crate::frames;

/// A carrier taken apart.
#[derive(Debug)]
pub struct Block {
    /// Whole flags before the first frame.
    pub flags_before: usize,
    /// Page octets by frame number.
    pub frames: BTreeMap<u8, Vec<u8>>,
    pub rcps: usize,
    /// Anything with a wrong FCS, or no FCD and no RCP.
    pub bad: usize,
}

pub fn read(octets: &[u8]) -> Block {
    let mut block = Block { flags_before: 0, frames: BTreeMap::new(), rcps: 0, bad: 0 };
    let mut frame_bits: Vec<bool> = Vec::new();
    let mut window = 0_u8;
    let mut first_frame_seen = false;
    for bit in octets.iter().flat_map(|o| (0..8).map(move |i| o >> i & 1 == 1)) {
        frame_bits.push(bit);
        window = window >> 1 | u8::from(bit) << 7;
        if window == 0x7E && frame_bits.len() >= 8 {
            frame_bits.truncate(frame_bits.len() - 8);
            if frame_bits.is_empty() {
                block.flags_before += usize::from(!first_frame_seen);
            } else {
                first_frame_seen = true;
                match unstuff(&frame_bits) {
                    Some(frame) => sort(&frame, &mut block),
                    None => block.bad += 1,
                }
            }
            frame_bits.clear();
        }
    }
    block
}

/// What went out of each page.
#[derive(Default)]
pub struct PagesSent {
    pages: BTreeMap<u16, Out>,
    /// Frames of the block whose PPS has not gone out yet.
    block: BTreeMap<u8, Vec<u8>>,
}

enum Out {
    Whole(Vec<u8>),
    /// By block and frame.
    Blocks(BTreeMap<u8, BTreeMap<u8, Vec<u8>>>),
}

impl PagesSent {
    /// Reads a carrier as a receiver would and says what is in it.
    pub fn carrier(&mut self, page: u16, rate_bps: u32, octets: &[u8]) -> String {
        let block = read(octets);
        if block.rcps == 0 {
            self.pages.insert(page, Out::Whole(octets.to_vec()));
            return format!("{} octets", octets.len());
        }
        assert_eq!((block.rcps, block.bad), (3, 0), "three RCPs, no bad frame");
        let flags_ms = block.flags_before * 8_000 / usize::try_from(rate_bps).unwrap();
        assert!((190..=300).contains(&flags_ms), "flags before the block: {flags_ms} ms");
        let text = format!("frames{}", frames::numbers(block.frames.keys().copied()));
        self.block = block.frames;
        text
    }

    /// A command of ours; a PPS says which block the frames before it belong to.
    pub fn command(&mut self, command: &[u8]) {
        let [_, _, 0xBF, _, page, block, _] = *command else { return };
        let out = self.pages.entry(u16::from(page)).or_insert(Out::Blocks(BTreeMap::new()));
        if let Out::Whole(_) = out {
            *out = Out::Blocks(BTreeMap::new());
        }
        if let Out::Blocks(blocks) = out {
            blocks.entry(block).or_default().append(&mut self.block);
        }
    }

    /// A page is confirmed: all that went out of it, put together, must be the page.
    pub fn check(&self, page: u16, want: &[u8]) {
        let mut want = want.to_vec();
        let got = match self.pages.get(&page) {
            Some(Out::Whole(octets)) => octets.clone(),
            Some(Out::Blocks(blocks)) => {
                want.resize(want.len().next_multiple_of(256), 0);
                blocks.values().flat_map(BTreeMap::values).flatten().copied().collect()
            }
            None => panic!("page {page} is confirmed and never went out"),
        };
        assert!(got == want, "page {page}: {} octets went out of {}", got.len(), want.len());
    }
}

fn sort(frame: &[u8], block: &mut Block) {
    match frame {
        [0xFF, 0x03, 0x06, number, data @ ..] => {
            block.frames.insert(*number, data.to_vec());
        }
        [0xFF, 0x03, 0x86] => block.rcps += 1,
        _ => block.bad += 1,
    }
}

/// Octets without stuffing and FCS, if the FCS is right.
fn unstuff(bits: &[bool]) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    let mut ones = 0;
    for &bit in bits {
        if ones == 5 {
            if bit {
                return None; // six ones inside a frame
            }
            ones = 0;
            continue;
        }
        ones = if bit { ones + 1 } else { 0 };
        kept.push(bit);
    }
    // The remainder of a good frame, divided bit by bit as the standard draws the register.
    let mut register = 0xFFFF_u16;
    for &bit in &kept {
        let top = register & 0x8000 != 0;
        register <<= 1;
        if top != bit {
            register ^= 0x1021;
        }
    }
    let octets: Vec<u8> = kept
        .chunks(8)
        .map(|c| c.iter().enumerate().fold(0, |o, (i, &b)| o | u8::from(b) << i))
        .collect();
    (register == 0x1D0F && kept.len() % 8 == 0)
        .then(|| octets[..octets.len().saturating_sub(2)].to_vec())
}

//! An independent reader of the bits of a block: flags, stuffing, FCS, numbered frames.
//!
//! In: octets of a carrier, bit 0 first. Out: frames whose FCS is right.
//! Source: ITU-T T.4 (07/2003) Annex A; written from the receiver's side, sharing nothing with `src`.

use std::collections::BTreeMap;

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

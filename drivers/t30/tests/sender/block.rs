//! What all carriers of a call together brought of each page.
//!
//! In: octets of carriers, and our commands between them. Out: the page put together.
//! Source: ITU-T T.4 (07/2003) Annex A.
//! Not here: the bits of a carrier (`hdlc`).

use std::collections::BTreeMap;

use crate::{frames, hdlc};

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
        let block = hdlc::read(octets);
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

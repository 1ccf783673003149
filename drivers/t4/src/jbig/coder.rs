//! The arithmetic coder: decisions, each in its context, to octets and back.
//!
//! In and out: one bit with the number of its context; octets of a stripe without stuffing.
//! Source: ITU-T T.82 (03/1993) 6.8 and table 24.
//! Not here: which pels make a context (`template.rs`), stuffing and markers (`header.rs`).

use alloc::vec::Vec;

/// Contexts that ten pels make.
pub(crate) const CONTEXTS: usize = 1 << 10;

/// The interval is kept at or above this (T.82 6.8).
const HALF: u32 = 0x8000;

/// What each context has learnt: the row of table 24 times two, plus the more probable colour.
#[derive(Clone)]
pub(crate) struct Learnt([u8; CONTEXTS]);

impl Learnt {
    pub(crate) fn nothing() -> Self {
        Self([0; CONTEXTS])
    }

    fn of(&mut self, context: u32) -> Option<&mut u8> {
        self.0.get_mut(context as usize % CONTEXTS) // always there
    }
}

/// A row of table 24 for one more probable colour.
#[derive(Clone, Copy)]
struct Estimate {
    /// Width of the less probable part.
    lps: u16,
    /// State after the more, and after the less probable colour.
    after_mps: u8,
    after_lps: u8,
}

/// Gathers decisions.
pub(crate) struct Encoder {
    octets: Vec<u8>,
    /// Lower end of the interval; a carry may stand above bit 26.
    low: u32,
    width: u32,
    /// Shifts until the next octet is whole.
    shifts: u32,
    /// The last octet, which a carry may still change; then so many 0xff, which it would turn to 0.
    held: Option<u8>,
    full: usize,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        Self { octets: Vec::new(), low: 0, width: 0x1_0000, shifts: 11, held: None, full: 0 }
    }

    /// Takes a decision in.
    #[inline]
    pub(crate) fn put(&mut self, learnt: &mut Learnt, context: u32, bit: bool) {
        let Some(state) = learnt.of(context) else { return };
        let estimate = estimate(*state);
        let lps = u32::from(estimate.lps);
        self.width -= lps;
        if (*state & 1 == 1) == bit {
            if self.width >= HALF {
                return;
            }
            if self.width < lps {
                self.low += self.width;
                self.width = lps;
            }
            *state = estimate.after_mps;
        } else {
            if self.width >= lps {
                self.low += self.width;
                self.width = lps;
            }
            *state = estimate.after_lps;
        }
        while self.width < HALF {
            self.width <<= 1;
            self.low <<= 1;
            self.shifts -= 1;
            if self.shifts == 0 {
                self.octet_out();
                self.shifts = 8;
            }
        }
    }

    fn octet_out(&mut self) {
        let octet = self.low >> 19;
        self.low &= 0x7_ffff;
        if octet == 0xff {
            self.full += 1;
            return;
        }
        self.settle(octet > 0xff);
        self.held = Some(octet as u8); // without the carry
    }

    /// Nothing can change any more what was held.
    fn settle(&mut self, carry: bool) {
        let full = if carry { 0 } else { 0xff };
        self.octets.extend(self.held.take().map(|held| held.wrapping_add(u8::from(carry))));
        self.octets.resize(self.octets.len() + self.full, full);
        self.full = 0;
    }

    /// The octets, without zeros at their end: they say nothing.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        // The value with most zeros at its end that lies in the interval.
        let most = (self.low + self.width - 1) & 0xffff_0000;
        self.low = if most < self.low { most + HALF } else { most };
        self.low <<= self.shifts;
        self.settle(self.low >> 27 != 0);
        self.octets.extend([(self.low >> 19) as u8, (self.low >> 11) as u8]);
        let used = self.octets.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
        self.octets.truncate(used);
        self.octets
    }
}

/// Hands decisions out; behind the octets it reads zeros, as many as are asked for (T.82 6.8).
pub(crate) struct Decoder<'a> {
    octets: &'a [u8],
    /// The value's place in the interval, in the upper 16 bits; octets that follow below.
    value: u32,
    width: u32,
    shifts: u32,
}

impl<'a> Decoder<'a> {
    /// `stuffed` as it stands between markers: 0 after each 0xff.
    pub(crate) fn new(stuffed: &'a [u8]) -> Self {
        let mut decoder = Self { octets: stuffed, value: 0, width: 0x1_0000, shifts: 8 };
        for _ in 0..3 {
            decoder.value = decoder.value << 8 | decoder.octet_in();
        }
        decoder.value <<= 8;
        decoder
    }

    fn octet_in(&mut self) -> u32 {
        let Some((octet, mut rest)) = self.octets.split_first() else { return 0 };
        if *octet == 0xff {
            rest = rest.split_first().map_or(rest, |(_stuffed, rest)| rest);
        }
        self.octets = rest;
        u32::from(*octet)
    }

    /// Hands the next decision out.
    #[inline]
    pub(crate) fn take(&mut self, learnt: &mut Learnt, context: u32) -> bool {
        let Some(state) = learnt.of(context) else { return false };
        let estimate = estimate(*state);
        let mps = *state & 1 == 1;
        let lps = u32::from(estimate.lps);
        self.width -= lps;
        let is_mps = if self.value >> 16 < self.width {
            if self.width >= HALF {
                return mps;
            }
            self.width >= lps
        } else {
            self.value -= self.width << 16;
            let is_mps = self.width < lps;
            self.width = lps;
            is_mps
        };
        *state = if is_mps { estimate.after_mps } else { estimate.after_lps };
        while self.width < HALF {
            if self.shifts == 0 {
                self.value |= self.octet_in() << 8;
                self.shifts = 8;
            }
            self.width <<= 1;
            self.value <<= 1;
            self.shifts -= 1;
        }
        mps == is_mps
    }
}

fn estimate(state: u8) -> Estimate {
    // Every octet has its row, so the other never happens.
    ESTIMATES.get(usize::from(state)).copied().unwrap_or(Estimate {
        lps: 1,
        after_mps: 0,
        after_lps: 0,
    })
}

static ESTIMATES: [Estimate; 256] = estimates();

#[expect(clippy::indexing_slicing, reason = "runs in the compiler only, which checks it")]
const fn estimates() -> [Estimate; 256] {
    let mut all = [Estimate { lps: 1, after_mps: 0, after_lps: 0 }; 256];
    let mut row = 0;
    while row < TABLE_24.len() {
        let (lps, after_lps, after_mps, switch) = TABLE_24[row];
        let mut mps = 0;
        while mps < 2 {
            all[row * 2 + mps as usize] = Estimate {
                lps,
                after_mps: after_mps * 2 + mps,
                after_lps: after_lps * 2 + (mps ^ switch),
            };
            mps += 1;
        }
        row += 1;
    }
    all
}

/// T.82 table 24: LSZ, NLPS, NMPS, SWTCH.
#[rustfmt::skip]
const TABLE_24: [(u16, u8, u8, u8); 113] = [
    (0x5a1d, 1, 1, 1), (0x2586, 14, 2, 0), (0x1114, 16, 3, 0), (0x080b, 18, 4, 0), // 0
    (0x03d8, 20, 5, 0), (0x01da, 23, 6, 0), (0x00e5, 25, 7, 0), (0x006f, 28, 8, 0), // 4
    (0x0036, 30, 9, 0), (0x001a, 33, 10, 0), (0x000d, 35, 11, 0), (0x0006, 9, 12, 0), // 8
    (0x0003, 10, 13, 0), (0x0001, 12, 13, 0), (0x5a7f, 15, 15, 1), (0x3f25, 36, 16, 0), // 12
    (0x2cf2, 38, 17, 0), (0x207c, 39, 18, 0), (0x17b9, 40, 19, 0), (0x1182, 42, 20, 0), // 16
    (0x0cef, 43, 21, 0), (0x09a1, 45, 22, 0), (0x072f, 46, 23, 0), (0x055c, 48, 24, 0), // 20
    (0x0406, 49, 25, 0), (0x0303, 51, 26, 0), (0x0240, 52, 27, 0), (0x01b1, 54, 28, 0), // 24
    (0x0144, 56, 29, 0), (0x00f5, 57, 30, 0), (0x00b7, 59, 31, 0), (0x008a, 60, 32, 0), // 28
    (0x0068, 62, 33, 0), (0x004e, 63, 34, 0), (0x003b, 32, 35, 0), (0x002c, 33, 9, 0), // 32
    (0x5ae1, 37, 37, 1), (0x484c, 64, 38, 0), (0x3a0d, 65, 39, 0), (0x2ef1, 67, 40, 0), // 36
    (0x261f, 68, 41, 0), (0x1f33, 69, 42, 0), (0x19a8, 70, 43, 0), (0x1518, 72, 44, 0), // 40
    (0x1177, 73, 45, 0), (0x0e74, 74, 46, 0), (0x0bfb, 75, 47, 0), (0x09f8, 77, 48, 0), // 44
    (0x0861, 78, 49, 0), (0x0706, 79, 50, 0), (0x05cd, 48, 51, 0), (0x04de, 50, 52, 0), // 48
    (0x040f, 50, 53, 0), (0x0363, 51, 54, 0), (0x02d4, 52, 55, 0), (0x025c, 53, 56, 0), // 52
    (0x01f8, 54, 57, 0), (0x01a4, 55, 58, 0), (0x0160, 56, 59, 0), (0x0125, 57, 60, 0), // 56
    (0x00f6, 58, 61, 0), (0x00cb, 59, 62, 0), (0x00ab, 61, 63, 0), (0x008f, 61, 32, 0), // 60
    (0x5b12, 65, 65, 1), (0x4d04, 80, 66, 0), (0x412c, 81, 67, 0), (0x37d8, 82, 68, 0), // 64
    (0x2fe8, 83, 69, 0), (0x293c, 84, 70, 0), (0x2379, 86, 71, 0), (0x1edf, 87, 72, 0), // 68
    (0x1aa9, 87, 73, 0), (0x174e, 72, 74, 0), (0x1424, 72, 75, 0), (0x119c, 74, 76, 0), // 72
    (0x0f6b, 74, 77, 0), (0x0d51, 75, 78, 0), (0x0bb6, 77, 79, 0), (0x0a40, 77, 48, 0), // 76
    (0x5832, 80, 81, 1), (0x4d1c, 88, 82, 0), (0x438e, 89, 83, 0), (0x3bdd, 90, 84, 0), // 80
    (0x34ee, 91, 85, 0), (0x2eae, 92, 86, 0), (0x299a, 93, 87, 0), (0x2516, 86, 71, 0), // 84
    (0x5570, 88, 89, 1), (0x4ca9, 95, 90, 0), (0x44d9, 96, 91, 0), (0x3e22, 97, 92, 0), // 88
    (0x3824, 99, 93, 0), (0x32b4, 99, 94, 0), (0x2e17, 93, 86, 0), (0x56a8, 95, 96, 1), // 92
    (0x4f46, 101, 97, 0), (0x47e5, 102, 98, 0), (0x41cf, 103, 99, 0), (0x3c3d, 104, 100, 0), // 96
    (0x375e, 99, 93, 0), (0x5231, 105, 102, 0), (0x4c0f, 106, 103, 0), (0x4639, 107, 104, 0), // 100
    (0x415e, 103, 99, 0), (0x5627, 105, 106, 1), (0x50e7, 108, 107, 0), (0x4b85, 109, 103, 0), // 104
    (0x5597, 110, 109, 0), (0x504f, 111, 107, 0), (0x5a10, 110, 111, 1), (0x5522, 112, 109, 0), // 108
    (0x59eb, 112, 111, 1), // 112
];

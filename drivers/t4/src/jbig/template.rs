//! Which pels around a pel predict it: ten of them make its context.
//!
//! In: the rows above as octets, the pels left of this one. Out: contexts, the oldest pel in the highest bit.
//! Source: ITU-T T.82 (03/1993), model templates of the lowest layer and adaptive template pels; pels
//! beside the page are white.
//! Not here: where the adaptive pel is best (`encode.rs`).

/// The context of the decision "this row is like the one above", with the pels of three rows as 001, 11001
/// and 01, or of two as 011001 and 0101 (T.82, typical prediction of the lowest layer).
const TYPICAL_THREE_ROWS: u32 = 0b00_1110_0101;
const TYPICAL_TWO_ROWS: u32 = 0b01_1001_0101;

/// A template with its adaptive pel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Template {
    /// T.82 LRLTWO.
    pub two_rows: bool,
    /// The adaptive pel lies so many pels left on the same row (τx); 0: at its first place, two pels right
    /// on the row above.
    pub move_pels: u8,
}

impl Template {
    /// Where the adaptive pel may move to: nearer ones are in the template already.
    pub(super) fn first_move_pels(two_rows: bool) -> u8 {
        if two_rows { 5 } else { 3 }
    }

    pub(super) fn typical_context(self) -> u32 {
        if self.two_rows { TYPICAL_TWO_ROWS } else { TYPICAL_THREE_ROWS }
    }

    /// Walks along a row: `next` is given each context, and says which colour the pel has (true: black).
    /// `above` is the row above and the one above that; a missing row is white.
    #[inline]
    pub(super) fn walk(
        self,
        width_pels: u16,
        above: [&[u8]; 2],
        mut next: impl FnMut(u32) -> bool,
    ) {
        let mut left: u128 = 0; // pels of this row, the last one in bit 0
        let mut windows = above.map(|row| Window { octets: row.iter(), pels: 0 });
        windows.iter_mut().for_each(Window::slide);
        let mut pels_left = u32::from(width_pels);
        while pels_left > 0 {
            windows.iter_mut().for_each(Window::slide);
            let [above, above_2] = windows.each_ref().map(|window| window.pels);
            // Within a window the pel above this one is bit 15, then 14 and so on.
            for right in 0..pels_left.min(8) {
                let here = left as u32;
                let mut context = if self.two_rows {
                    (above >> (13 - right) & 0x3f) << 4 | here & 0xf
                } else {
                    (above_2 >> (14 - right) & 7) << 7
                        | (above >> (13 - right) & 0x1f) << 2
                        | here & 3
                };
                if self.move_pels != 0 {
                    let place = if self.two_rows { 4 } else { 2 };
                    let pel = (left >> (self.move_pels - 1)) as u32 & 1;
                    context = context & !(1 << place) | pel << place;
                }
                left = left << 1 | u128::from(next(context));
            }
            pels_left = pels_left.saturating_sub(8);
        }
    }
}

/// Three octets of a row, the middle one above the octet that is coded.
struct Window<'a> {
    octets: core::slice::Iter<'a, u8>,
    pels: u32,
}

impl Window<'_> {
    fn slide(&mut self) {
        let next = self.octets.next().copied().unwrap_or(0);
        self.pels = (self.pels << 8 | u32::from(next)) & 0xff_ffff;
    }
}

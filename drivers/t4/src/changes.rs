//! A row as the positions where its colour changes: what all three codings work on.
//!
//! In: octets of a row. Out: positions in pels from the left edge, strictly rising, less than the
//! width; the first is a change to black, as every row begins white (T.4 4.1.1, 4.2.1.3.4). And back.
//! Not here: codes.

use alloc::vec::Vec;

/// Finds the changes of a row whose bits right of the last pel are 0.
pub(crate) fn find(row: &[u8], width_pels: u16, found: &mut Vec<u16>) {
    found.clear();
    let (words, rest) = row.as_chunks::<8>();
    let mut tail = [0; 8];
    tail.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let tail = (!rest.is_empty()).then_some(&tail);

    let mut left_pel = 0; // the pel left of this word, in bit 0
    let mut base_pel = 0u16;
    for word in words.iter().chain(tail) {
        let pels = u64::from_be_bytes(*word);
        let mut differs = pels ^ ((pels >> 1) | (left_pel << 63));
        left_pel = pels & 1;
        while differs != 0 {
            let first = differs.leading_zeros();
            found.push(base_pel + first as u16); // less than 64
            differs ^= (1 << 63) >> first;
        }
        base_pel += 64;
    }
    // A black last pel "changes" to the white right of the row.
    if found.last().is_some_and(|last| *last >= width_pels) {
        found.pop();
    }
}

/// Adds a change. Two at one place are a run of no pels between them: they cancel each other.
pub(crate) fn add(changes: &mut Vec<u16>, at_pel: u16) {
    if changes.last() == Some(&at_pel) {
        changes.pop();
    } else {
        changes.push(at_pel);
    }
}

/// The change with this index, or the right edge if there are no more (T.4 4.2.1.3.4).
pub(crate) fn get(changes: &[u16], index: usize, width_pels: u16) -> u16 {
    changes.get(index).copied().unwrap_or(width_pels)
}

/// Blackens a white row between each change to black and the next one.
pub(crate) fn paint(changes: &[u16], width_pels: u16, row: &mut [u8]) {
    for run in changes.chunks(2) {
        let from = usize::from(get(run, 0, width_pels));
        let to = usize::from(get(run, 1, width_pels));
        let (first, last) = (from / 8, to / 8);
        let (from_mask, to_mask) = (0xff_u8 >> (from % 8), !(0xff_u8 >> (to % 8)));
        if first == last {
            blacken(row, first, from_mask & to_mask);
            continue;
        }
        blacken(row, first, from_mask);
        if let Some(whole) = row.get_mut(first + 1..last) {
            whole.fill(0xff);
        }
        blacken(row, last, to_mask);
    }
}

/// The mask of an octet right of the row is empty, so nothing is lost if there is none.
fn blacken(row: &mut [u8], octet: usize, mask: u8) {
    if let Some(octet) = row.get_mut(octet) {
        *octet |= mask;
    }
}

/// Follows b1 along the reference row while a0 moves along the coding row (T.4 4.2.1.3.1).
pub(crate) struct Reference<'a> {
    changes: &'a [u16],
    width_pels: u16,
    b1: usize,
}

impl<'a> Reference<'a> {
    pub(crate) fn new(changes: &'a [u16], width_pels: u16) -> Self {
        Self { changes, width_pels, b1: 0 }
    }

    /// b1 and b2 for this a0: the first change right of it to the colour that a0 has not, and the one
    /// after. `a0` is −1 before the row; it never moves left from call to call.
    pub(crate) fn b1_b2(&mut self, a0: i32, a0_is_black: bool) -> (u16, u16) {
        // Changes to black have even indexes. Going back by one is enough: the one before that was
        // already left of an earlier a0.
        if (self.b1 % 2 == 1) != a0_is_black {
            self.b1 = self.b1.checked_sub(1).unwrap_or(1);
        }
        while self.changes.get(self.b1).is_some_and(|change| i32::from(*change) <= a0) {
            self.b1 += 2;
        }
        (
            get(self.changes, self.b1, self.width_pels),
            get(self.changes, self.b1 + 1, self.width_pels),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn found(row: &[u8], width_pels: u16) -> Vec<u16> {
        let mut changes = vec![7];
        find(row, width_pels, &mut changes);
        changes
    }

    #[test]
    fn find_and_paint_are_inverse_at_every_edge() {
        for width_pels in [1_u16, 7, 8, 9, 63, 64, 65, 128, 130] {
            for from in 0..width_pels {
                for to in from + 1..=width_pels {
                    let mut row = vec![0; usize::from(width_pels.div_ceil(8))];
                    let changes = if to < width_pels { vec![from, to] } else { vec![from] };
                    paint(&changes, width_pels, &mut row);
                    let black: u32 = row.iter().map(|octet| octet.count_ones()).sum();
                    assert_eq!(black, u32::from(to - from));
                    assert_eq!(found(&row, width_pels), changes, "{width_pels}: {from} to {to}");
                }
            }
        }
    }

    #[test]
    fn find_white_row_has_no_change_and_alternating_row_has_all() {
        assert_eq!(found(&[0; 216], 1728), []);
        assert_eq!(found(&[0b0101_0101, 0b0101_0000], 12), (1..12).collect::<Vec<_>>());
    }

    #[test]
    fn add_twice_at_one_place_is_no_change() {
        let mut changes = vec![];
        for at_pel in [0, 0, 5, 9, 9] {
            add(&mut changes, at_pel);
        }
        assert_eq!(changes, [5]);
    }

    #[test]
    fn b1_goes_back_over_one_change_when_the_colour_turns() {
        let mut reference = Reference::new(&[4, 6, 10], 20);
        assert_eq!(reference.b1_b2(-1, false), (4, 6));
        assert_eq!(reference.b1_b2(7, true), (20, 20));
        assert_eq!(reference.b1_b2(8, false), (10, 20));
        assert_eq!(reference.b1_b2(9, true), (20, 20));
        assert_eq!(reference.b1_b2(10, false), (20, 20));
    }
}

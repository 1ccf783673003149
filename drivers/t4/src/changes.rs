//! A row as the positions where its colour changes: what all three codings work on.
//!
//! In: octets of a row. Out: positions in pels from the left edge, strictly rising, less than the
//! width; the first is a change to black, as every row begins white (T.4 4.1.1, 4.2.1.3.4). And back,
//! by [`Turns`].
//! Not here: codes.

use alloc::vec;
use alloc::vec::Vec;

/// The changes of a row, with room for the most that a row can have.
#[derive(Clone)]
pub(crate) struct Changes {
    /// The left edge, then as many as a row has pels, and more, so that a word's are written without counting
    /// first.
    places: Vec<u16>,
    used: usize,
}

/// Pels of a word, as many changes as one can have.
const WORD_PELS: usize = 64;

impl Changes {
    /// A white row.
    pub(crate) fn white(width_pels: u16) -> Self {
        Self { places: vec![0; usize::from(width_pels) + 2 * WORD_PELS], used: 0 }
    }

    pub(crate) fn all(&self) -> &[u16] {
        self.places.get(1..=self.used).unwrap_or_default()
    }

    /// The left edge and all changes.
    fn behind_the_edge(&self) -> &[u16] {
        self.places.get(..=self.used).unwrap_or_default()
    }

    /// The row is white.
    pub(crate) fn clear(&mut self) {
        self.used = 0;
    }

    /// Finds the changes of a row whose bits right of the last pel are 0.
    pub(crate) fn find(&mut self, row: &[u8], width_pels: u16) {
        let (words, rest) = row.as_chunks::<8>();
        let mut tail = [0; 8];
        tail.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        let tail = (!rest.is_empty()).then_some(&tail);

        let places = self.places.get_mut(1..).unwrap_or_default();
        let mut used = 0;
        let mut left_pel = 0; // the pel left of this word, in bit 0
        let mut base_pel = 0u16;
        for word in words.iter().chain(tail) {
            let pels = u64::from_be_bytes(*word);
            let differs = pels ^ ((pels >> 1) | (left_pel << 63));
            left_pel = pels & 1;
            if differs != 0 {
                let places = places.get_mut(used..).unwrap_or_default();
                used += differs.count_ones() as usize;
                // Four at a time, since not to guess wrong is worth up to three that do not count.
                let mut differs = differs.reverse_bits();
                for four in places.as_chunks_mut::<4>().0 {
                    for place in four {
                        *place = base_pel + differs.trailing_zeros() as u16; // at most 64
                        differs &= differs.wrapping_sub(1);
                    }
                    if differs == 0 {
                        break;
                    }
                }
            }
            base_pel += 64;
        }
        self.used = used;
        self.end_at(width_pels);
    }

    /// A black last pel "changes" to the white right of the row: that is no change.
    fn end_at(&mut self, width_pels: u16) {
        if self.all().last().is_some_and(|last| *last >= width_pels) {
            self.used -= 1;
        }
    }

    /// Begins to write a row; what is there, and in `turns`, is overwritten.
    pub(crate) fn write<'a>(&'a mut self, turns: &'a mut Turns) -> Writer<'a> {
        turns.0.fill(0);
        let places = self.places.get_mut(1..).unwrap_or_default();
        Writer { places, turns: &mut turns.0, used: 0 }
    }

    /// Takes over what a [`Writer`] wrote.
    pub(crate) fn written(&mut self, used: usize, width_pels: u16) {
        self.used = used.min(self.places.len() - 1);
        self.end_at(width_pels);
    }
}

/// Writes the changes of a row; one at the right edge may stand at the end.
pub(crate) struct Writer<'a> {
    places: &'a mut [u16],
    turns: &'a mut [u64],
    pub used: usize,
}

impl Writer<'_> {
    /// The row would be black from here on.
    #[inline]
    pub(crate) fn is_black(&self) -> bool {
        self.used % 2 == 1
    }

    /// Adds a change right of the last one.
    #[inline]
    pub(crate) fn push(&mut self, at_pel: u16) {
        if let Some(place) = self.places.get_mut(self.used) {
            *place = at_pel;
            self.used += 1;
            self.turn(at_pel);
        }
    }

    #[inline]
    fn turn(&mut self, at_pel: u16) {
        if let Some(word) = self.turns.get_mut(usize::from(at_pel / 64)) {
            *word ^= 1 << (63 - at_pel % 64);
        }
    }

    /// Adds a change. Two at one place are a run of no pels between them: they cancel each other.
    #[inline]
    pub(crate) fn add(&mut self, at_pel: u16) {
        let last = self.used.checked_sub(1).and_then(|last| self.places.get(last));
        if last == Some(&at_pel) {
            self.used -= 1;
            self.turn(at_pel); // back
        } else {
            self.push(at_pel);
        }
    }

    /// Adds changes that lie right of the last one.
    #[inline]
    pub(crate) fn extend(&mut self, more: &[u16]) {
        let free = self.places.get_mut(self.used..).unwrap_or_default();
        free.iter_mut().zip(more).for_each(|(to, from)| *to = *from);
        self.used += more.len().min(free.len());
        more.iter().for_each(|at_pel| self.turn(*at_pel));
    }
}

/// The change with this index, or the right edge if there are no more (T.4 4.2.1.3.4).
#[inline]
pub(crate) fn get(changes: &[u16], index: usize, width_pels: u16) -> u16 {
    changes.get(index).copied().unwrap_or(width_pels)
}

/// The changes of a row once more, a bit for each pel: where it is 1 the colour turns. Gathered while the
/// changes are written, for a reader waits there for its next code, and painted at once.
pub(crate) struct Turns(Vec<u64>);

impl Turns {
    /// None yet. One word more than the pels need: a change may stand at the right edge.
    pub(crate) fn new(width_pels: u16) -> Self {
        Self(vec![0; usize::from(width_pels) / WORD_PELS + 1])
    }

    /// Paints the row; a last octet that is not all pels gets more of its last colour.
    pub(crate) fn paint(&self, row: &mut [u8]) {
        let mut left_pel = 0; // all bits the colour of the pel left of the word
        for (octets, turns) in row.chunks_mut(8).zip(&self.0) {
            // A pel is black if the colour turned an odd number of times up to it.
            let mut pels = *turns;
            for step in [1, 2, 4, 8, 16, 32] {
                pels ^= pels >> step;
            }
            pels ^= left_pel;
            left_pel = (pels & 1).wrapping_neg();
            match octets.first_chunk_mut::<8>() {
                Some(octets) => *octets = pels.to_be_bytes(),
                None => octets.iter_mut().zip(pels.to_be_bytes()).for_each(|(to, from)| *to = from),
            }
        }
    }
}

/// Follows b1 along the reference row while a0 moves along the coding row (T.4 4.2.1.3.1): the first change
/// right of a0 to the colour that a0 has not.
pub(crate) struct Reference<'a> {
    /// Behind the left edge, so that there is always one before b1.
    changes: &'a [u16],
    width_pels: u16,
    /// Changes to black have odd indexes.
    b1: usize,
}

impl<'a> Reference<'a> {
    /// For a0 before the row.
    pub(crate) fn new(above: &'a Changes, width_pels: u16) -> Self {
        Self { changes: above.behind_the_edge(), width_pels, b1: 1 }
    }

    #[inline]
    pub(crate) fn b1(&self) -> u16 {
        get(self.changes, self.b1, self.width_pels)
    }

    /// The change after b1.
    #[inline]
    pub(crate) fn b2(&self) -> u16 {
        get(self.changes, self.b1 + 1, self.width_pels)
    }

    /// Changes of the whole row.
    pub(crate) fn count(&self) -> usize {
        self.changes.len().saturating_sub(1)
    }

    /// b1 and all that follow it.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u16] {
        self.changes.get(self.b1..).unwrap_or_default()
    }

    /// a0 went to b1, to the one after it, and so on: so many turns of colour.
    #[inline]
    pub(crate) fn turn_with(&mut self, turns: usize) {
        self.b1 += turns;
    }

    /// a0 went right and has the same colour.
    #[inline]
    pub(crate) fn go_to(&mut self, a0: u16) {
        while self.changes.get(self.b1).is_some_and(|change| *change <= a0) {
            self.b1 += 2;
        }
    }

    /// a0 went left of b1, at most as far as a vertical mode reaches, or to b1 or right of it; it turned its
    /// colour. `REPEATS` if the row above is likely to be like those before it.
    #[inline]
    pub(crate) fn turn<const REPEATS: bool>(&mut self, a0: u16, is_left: bool) {
        // Left of b1 the change before b1 may be the one, but not the one before that: an earlier a0 was there.
        self.b1 = self.b1 + 1 - 2 * usize::from(is_left);
        if !REPEATS {
            // Once without a branch, which nobody could guess; more often is rare.
            self.b1 += 2 * usize::from(self.b1() <= a0);
        }
        self.go_to(a0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(row: &[u8], width_pels: u16) -> Vec<u16> {
        let mut changes = Changes::white(width_pels);
        changes.find(row, width_pels);
        changes.all().to_vec()
    }

    #[test]
    fn find_and_paint_are_inverse_at_every_edge() {
        for width_pels in [1_u16, 7, 8, 9, 63, 64, 65, 128, 130] {
            for from in 0..width_pels {
                for to in from + 1..=width_pels {
                    let mut row = vec![0; usize::from(width_pels.div_ceil(8))];
                    let changes = if to < width_pels { vec![from, to] } else { vec![from] };
                    let mut turns = Turns::new(width_pels);
                    Changes::white(width_pels).write(&mut turns).extend(&[from, to]);
                    turns.paint(&mut row);
                    if let Some(octet) = row.last_mut() {
                        *octet &= crate::page::last_octet_mask(width_pels);
                    }
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
        let (mut changes, mut turns) = (Changes::white(20), Turns::new(20));
        let mut row = changes.write(&mut turns);
        for at_pel in [0, 0, 5, 9, 9] {
            row.add(at_pel);
        }
        let used = row.used;
        changes.written(used, 20);
        assert_eq!(changes.all(), [5]);
        let mut row = [0; 3];
        turns.paint(&mut row);
        assert_eq!(row, [0b0000_0111, 0xFF, 0xFF]);
    }

    fn changes(places: &[u16], width_pels: u16) -> Changes {
        let mut changes = Changes::white(width_pels);
        let mut turns = Turns::new(width_pels);
        let mut row = changes.write(&mut turns);
        row.extend(places);
        let used = row.used;
        changes.written(used, width_pels);
        changes
    }

    #[test]
    fn b1_goes_back_over_one_change_when_the_colour_turns() {
        let above = changes(&[4, 6, 10], 20);
        let mut reference = Reference::new(&above, 20);
        assert_eq!((reference.b1(), reference.b2()), (4, 6));
        reference.turn::<false>(3, true);
        assert_eq!((reference.b1(), reference.b2()), (6, 10));
        reference.turn::<false>(5, true);
        assert_eq!((reference.b1(), reference.b2()), (10, 20));
        reference.turn::<false>(7, true); // right of 6
        assert_eq!((reference.b1(), reference.b2()), (20, 20));
        reference.turn::<false>(8, true);
        assert_eq!((reference.b1(), reference.b2()), (10, 20));
        reference.go_to(10);
        assert_eq!((reference.b1(), reference.b2()), (20, 20));
        let mut reference = Reference::new(&above, 20);
        reference.turn_with(1);
        reference.turn::<false>(3, true);
        assert_eq!((reference.b1(), reference.b2()), (4, 6));
        reference.turn::<false>(6, false);
        assert_eq!((reference.b1(), reference.b2()), (20, 20));
    }
}

//! What the characters of a credential look like in pels, and which of them a cell of a page shows.
//!
//! In: the page of `templates/fax/alphabet.typ`, which sets every such character as the sheets set it; later
//! cells of other pages. Out: the likeness of a cell to a character.
//! A cell may hold a secret: its pels are wiped.
//! Not here: what a sheet must show (`proof.rs`), how far lines spoil it (`tests/legibility`).

use sheet::{Drawn, Fineness, PelBox, Sheet};
use zeroize::Zeroizing;

use super::proof::ProofError;

/// The name by which `alphabet.typ` marks its cells.
const MARK: &str = "alphabet";

/// Widest cell in pels, 16 mm: the bits of a row of [`Cell`].
const MAX_WIDTH_PELS: usize = 128;

/// Every character that a credential can have, in the order in which `alphabet.typ` gets them.
pub(super) fn characters() -> impl Iterator<Item = char> {
    '!'..='~'
}

/// The pels of a cell. Bit 127 is the left one of a row, 1 is black.
pub struct Cell(Zeroizing<Vec<u128>>);

impl Cell {
    /// A cell of so many pels and rows; `None` if it is wider than 128 pels.
    pub fn from_fn(
        width_pels: usize,
        rows: usize,
        is_black: impl Fn(usize, usize) -> bool,
    ) -> Option<Self> {
        if width_pels > MAX_WIDTH_PELS {
            return None;
        }
        let row = |row| {
            (0..width_pels)
                .filter(|column| is_black(*column, row))
                .fold(0, |pels, column| pels | 1 << (MAX_WIDTH_PELS - 1 - column))
        };
        Some(Self(Zeroizing::new((0..rows).map(row).collect())))
    }

    /// Cuts a cell out of a page; `None` if it is too wide or does not lie on it.
    pub fn cut(page: &t4::Page, mark: PelBox) -> Option<Self> {
        let area = Self::area(mark);
        if !area.is_on(usize::from(page.width_pels()), usize::try_from(page.rows()).ok()?) {
            return None;
        }
        Self::from_fn(area.right - area.left, area.bottom - area.top, |column, row| {
            let (column, row) = (area.left + column, area.top + row);
            let octets = u32::try_from(row).ok().and_then(|row| page.row(row));
            let octet = octets.and_then(|octets| octets.get(column / 8)).copied();
            octet.unwrap_or(0) << (column % 8) & 0x80 != 0
        })
    }

    /// What belongs to a marked character: a twelfth more below, for `_` hangs out of its em.
    pub fn area(mark: PelBox) -> PelBox {
        PelBox { bottom: mark.bottom + mark.bottom.saturating_sub(mark.top) / 12, ..mark }
    }

    /// Black pels.
    pub fn ink(&self) -> u32 {
        self.0.iter().map(|row| row.count_ones()).sum()
    }

    /// Pels in which two cells differ when one is moved by up to `reach` pels and rows; `most` if it is not less.
    fn distance(&self, other: &Self, reach: i32, most: u32) -> u32 {
        let shifts =
            (-reach..=reach).flat_map(|down| (-reach..=reach).map(move |right| (down, right)));
        shifts.fold(most, |least, (down, right)| self.distance_at(other, down, right, least))
    }

    /// The same for one place of the other cell.
    fn distance_at(&self, other: &Self, down: i32, right: i32, most: u32) -> u32 {
        let rows = i32::try_from(self.0.len().max(other.0.len())).unwrap_or(i32::MAX);
        let pels = |cell: &Self, row: i32| {
            usize::try_from(row).ok().and_then(|row| cell.0.get(row)).copied().unwrap_or(0)
        };
        let mut differ = 0;
        for row in (-down.abs())..rows.saturating_add(down.abs()) {
            let moved = pels(other, row - down);
            let moved = match u32::try_from(right) {
                Ok(right) => moved >> right,
                Err(_) => moved << right.unsigned_abs(),
            };
            differ += (pels(self, row) ^ moved).count_ones();
            if differ >= most {
                return most;
            }
        }
        differ
    }
}

/// The characters of credentials as they are set, for either resolution.
pub(super) struct Alphabets {
    fine: Alphabet,
    standard: Alphabet,
}

impl Alphabets {
    /// Reads the page of `alphabet.typ` at both resolutions.
    ///
    /// # Errors
    /// [`ProofError::Alphabet`] as for [`Alphabet::of`]; [`ProofError::Unclear`] for a character with which no
    /// credential could be proven.
    pub(super) fn of(drawn: &Drawn) -> Result<Self, ProofError> {
        let of = |sheet| {
            let alphabet = Alphabet::of(sheet, characters())?;
            match alphabet.unclear() {
                None => Ok(alphabet),
                Some(character) => Err(ProofError::Unclear { character }),
            }
        };
        Ok(Self { fine: of(&drawn.fine)?, standard: of(&drawn.standard)? })
    }

    pub(super) fn at(&self, fineness: Fineness) -> &Alphabet {
        match fineness {
            Fineness::Fine => &self.fine,
            Fineness::Standard => &self.standard,
        }
    }
}

/// The characters of credentials as they are set at one resolution.
pub struct Alphabet(Vec<(char, Cell)>);

impl Alphabet {
    /// Reads a page on which these characters are marked, in this order.
    ///
    /// # Errors
    /// [`ProofError::Alphabet`] if one of them is not marked exactly once, or has no ink.
    pub fn of(sheet: &Sheet, characters: impl Iterator<Item = char>) -> Result<Self, ProofError> {
        let cells = characters.enumerate().map(|(index, character)| {
            let mut marks = sheet
                .marks
                .iter()
                .filter(|mark| mark.name == MARK && usize::from(mark.index) == index);
            let (mark, further) = (marks.next()?, marks.next());
            let cell = Cell::cut(&sheet.page, mark.area)?;
            (further.is_none() && cell.ink() > 0).then_some((character, cell))
        });
        cells.collect::<Option<_>>().map(Self).ok_or(ProofError::Alphabet)
    }

    /// Whether a cell shows this character: near to it, and to no other, in pels out of its ink.
    /// [`REACH`] takes in what rounding to whole pels moves.
    pub(super) fn shows(&self, cell: &Cell, character: char) -> bool {
        let Some((_, like)) = self.0.iter().find(|(known, _)| *known == character) else {
            return false;
        };
        let strays = cell.distance(like, REACH, like.ink() / MOST_STRAY + 1);
        let others = strays + LEAST_APART;
        strays <= like.ink() / MOST_STRAY
            && self.0.iter().all(|(known, other)| {
                *known == character || cell.distance(other, REACH, others) == others
            })
    }

    /// The first character whose cell is not clearly its own.
    fn unclear(&self) -> Option<char> {
        self.0.iter().find(|(character, cell)| !self.shows(cell, *character)).map(|(it, _)| *it)
    }

    /// The character that a cell is most like, among `of`, and in how many pels it differs. `reach` is how far
    /// the cell may have been moved.
    pub fn nearest(&self, cell: &Cell, of: &str, reach: i32) -> Option<(char, u32)> {
        let among = self.0.iter().filter(|(known, _)| of.contains(*known));
        among.fold(None, |nearest, (character, like)| {
            let most = nearest.map_or(u32::MAX, |(_, distance)| distance);
            let distance = cell.distance(like, reach, most);
            if distance < most { Some((*character, distance)) } else { nearest }
        })
    }
}

/// A cell and its character are set at fractions of a pel that may be rounded apart.
const REACH: i32 = 1;
/// Of a character's ink so small a part may differ.
const MOST_STRAY: u32 = 8;
/// Every other character must differ in so many pels more.
const LEAST_APART: u32 = 6;

//! The proof of a sheet: what is to go on the line is read again, character by character.
//!
//! In: a page as it was drawn or as it is to be coded, the cells that its template marked, the credentials. Out: nothing,
//! or why this sheet must not go.
//! What it finds: a template that prints a credential cut, twice, backwards, over something else or in the place of
//! another; a face in which two characters look alike; a fault of drawing.
//! Not here: whether octets are this page (`send/coded.rs`), who may read the page after a bad line (`tests/legibility`).

use std::sync::Arc;

use sheet::{Drawn, Fineness, Mark};

use super::alphabet::{Alphabet, Alphabets, Cell};
use crate::job::Credentials;

/// What of one sheet must be read before it goes: its credentials, or nothing.
pub struct Proof(Option<Wanted>);

struct Wanted {
    credentials: Credentials,
    fine: Vec<Mark>,
    standard: Vec<Mark>,
    alphabets: Arc<Alphabets>,
}

impl Proof {
    /// Of a sheet without credentials: it always holds.
    pub fn of_nothing() -> Self {
        Self(None)
    }

    pub(super) fn new(drawn: &Drawn, alphabets: Arc<Alphabets>, credentials: &Credentials) -> Self {
        Self(Some(Wanted {
            credentials: credentials.clone(),
            fine: drawn.fine.marks.clone(),
            standard: drawn.standard.marks.clone(),
            alphabets,
        }))
    }

    /// Reads both pages as they were drawn.
    pub(super) fn holds(&self, drawn: &Drawn) -> Result<(), ProofError> {
        self.holds_on(&drawn.fine.page, Fineness::Fine)?;
        self.holds_on(&drawn.standard.page, Fineness::Standard)
    }

    /// Reads a page of this sheet at one resolution, whatever it has gone through since it was drawn.
    ///
    /// # Errors
    /// [`ProofError`]: the page must not go.
    pub fn holds_on(&self, page: &t4::Page, fineness: Fineness) -> Result<(), ProofError> {
        let Some(Wanted { credentials, fine, standard, alphabets }) = &self.0 else {
            return Ok(());
        };
        let marks = match fineness {
            Fineness::Fine => fine,
            Fineness::Standard => standard,
        };
        let wanted = [
            ("login_id", credentials.login_id.expose()),
            ("password", credentials.password.expose()),
            ("first_time_key", credentials.first_time_key.expose()),
        ];
        read(page, marks, alphabets.at(fineness), wanted)
    }
}

/// `wanted` are names of marks and what their cells must show, in this order.
fn read<'a>(
    page: &t4::Page,
    marks: &[Mark],
    alphabet: &Alphabet,
    wanted: impl IntoIterator<Item = (&'static str, &'a str)>,
) -> Result<(), ProofError> {
    for (field, value) in wanted {
        let cells: Vec<&Mark> = marks.iter().filter(|mark| mark.name == field).collect();
        let characters = value.chars().count();
        if cells.len() != characters {
            return Err(ProofError::Cells { field, cells: cells.len(), characters });
        }
        let mut before: Option<&Mark> = None;
        for (index, (mark, character)) in cells.into_iter().zip(value.chars()).enumerate() {
            let place = index + 1;
            let follows = before.is_none_or(|before| comes_after(mark, before));
            if usize::from(mark.index) != index || !follows {
                return Err(ProofError::Order { field, place });
            }
            let cell = Cell::cut(page, mark.area).ok_or(ProofError::Outside { field, place })?;
            if !alphabet.shows(&cell, character) {
                return Err(ProofError::Unlike { field, place });
            }
            before = Some(mark);
        }
    }
    Ok(())
}

/// As one reads: further right, or on a line below.
fn comes_after(mark: &Mark, before: &Mark) -> bool {
    let (area, before) = (mark.area, before.area);
    area.top >= before.bottom || (area.left >= before.right && area.bottom > before.top)
}

/// Why a sheet must not go. The template's fault, or ours: a technician's matter, never the caller's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProofError {
    /// A template that does not mark, or prints a part, or prints twice.
    #[error("{field}: {characters} characters, and {cells} cells marked for it on the sheet")]
    Cells { field: &'static str, cells: usize, characters: usize },
    /// Cells stand in another order than their characters.
    #[error("{field}: character {place} is not where a reader looks for it")]
    Order { field: &'static str, place: usize },
    /// A cell is not on the page, or is wider than any character.
    #[error("{field}: the cell of character {place} cannot be cut out of the page")]
    Outside { field: &'static str, place: usize },
    /// The cell does not clearly show its character.
    #[error(
        "{field}: what is printed at character {place} does not clearly read as that character"
    )]
    Unlike { field: &'static str, place: usize },
    /// `alphabet.typ` is not as the proof needs it.
    #[error("alphabet.typ does not show each character of its field once")]
    Alphabet,
    /// Of the alphabet, not of a credential: the face draws it like another character, or not at all.
    #[error("alphabet.typ: U+{:04X} {character} looks like another character", u32::from(*character))]
    Unclear { character: char },
}

impl ProofError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "sheet-proof-failed"
    }
}

#[cfg(test)]
mod tests {
    use sheet::{PelBox, Sheet};

    use super::super::alphabet::characters;
    use super::*;

    const SIDE: usize = 16;

    /// A face of random dots, no two characters alike.
    fn is_black(character: char, column: usize, row: usize) -> bool {
        let seed = (character as usize * SIDE + row) * SIDE + column;
        (seed as u32).wrapping_mul(2_654_435_769).rotate_left(13).wrapping_mul(0x85EB_CA6B) >> 31
            == 1
    }

    /// A page with each character at its cell, and the cells marked.
    fn sheet(cells: &[(&str, u16, char, usize, usize)]) -> Sheet {
        let mut bits = vec![0_u8; 216 * 400];
        let mut marks = Vec::new();
        for (name, index, character, left, top) in cells {
            for (row, column) in
                (0..SIDE).flat_map(|row| (0..SIDE).map(move |column| (row, column)))
            {
                if is_black(*character, column, row) {
                    let pel = left + column;
                    bits[(top + row) * 216 + pel / 8] |= 0x80 >> (pel % 8);
                }
            }
            let area = PelBox { left: *left, top: *top, right: left + SIDE, bottom: top + SIDE };
            marks.push(Mark { name: (*name).to_owned(), index: *index, area });
        }
        let page = t4::Page::from_bits(t4::WIDTH_A4_PELS, t4::Resolution::Fine, bits);
        Sheet { page: page.expect("a page"), marks }
    }

    fn alphabet() -> Alphabet {
        let cells: Vec<_> = characters()
            .enumerate()
            .map(|(index, character)| {
                ("alphabet", index as u16, character, 100 + index % 16 * 20, 100 + index / 16 * 20)
            })
            .collect();
        Alphabet::of(&sheet(&cells), characters()).expect("an alphabet")
    }

    fn line(
        name: &'static str,
        text: &str,
        top: usize,
    ) -> Vec<(&'static str, u16, char, usize, usize)> {
        let cell = |(index, character)| (name, index as u16, character, 200 + index * 20, top);
        text.chars().enumerate().map(cell).collect()
    }

    fn read_both(sheet: &Sheet) -> Result<(), ProofError> {
        let wanted = [("login_id", "HM4T9RWX"), ("password", "k7Qx2mO0lI1p")];
        read(&sheet.page, &sheet.marks, &alphabet(), wanted)
    }

    fn as_it_should_be() -> Vec<(&'static str, u16, char, usize, usize)> {
        [line("login_id", "HM4T9RWX", 50), line("password", "k7Qx2mO0lI1p", 90)].concat()
    }

    #[test]
    fn sheet_as_it_should_be_is_proven() {
        assert_eq!(read_both(&sheet(&as_it_should_be())), Ok(()));
    }

    #[test]
    fn fields_in_each_others_place_are_found() {
        let swapped = [line("login_id", "k7Qx2mO0lI1p", 50), line("password", "HM4T9RWX", 90)];
        let error = ProofError::Cells { field: "login_id", cells: 12, characters: 8 };
        assert_eq!(read_both(&sheet(&swapped.concat())), Err(error));
        let same_length = [line("login_id", "HM4T9RXW", 50), line("password", "k7Qx2mO0lI1p", 90)];
        let error = ProofError::Unlike { field: "login_id", place: 7 };
        assert_eq!(read_both(&sheet(&same_length.concat())), Err(error));
    }

    #[test]
    fn field_printed_twice_or_cut_or_not_marked_is_found() {
        let twice = [as_it_should_be(), line("login_id", "HM4T9RWX", 130)].concat();
        let error = ProofError::Cells { field: "login_id", cells: 16, characters: 8 };
        assert_eq!(read_both(&sheet(&twice)), Err(error));
        let cut = [line("login_id", "HM4T9RWX", 50), line("password", "k7Qx2mO0lI1", 90)].concat();
        let error = ProofError::Cells { field: "password", cells: 11, characters: 12 };
        assert_eq!(read_both(&sheet(&cut)), Err(error));
        let error = ProofError::Cells { field: "login_id", cells: 0, characters: 8 };
        assert_eq!(read_both(&sheet(&[])), Err(error));
    }

    #[test]
    fn characters_in_another_order_on_paper_are_found() {
        let mut backwards = as_it_should_be();
        for (index, cell) in backwards.iter_mut().take(8).enumerate() {
            cell.3 = 400 - index * 20;
        }
        let error = ProofError::Order { field: "login_id", place: 2 };
        assert_eq!(read_both(&sheet(&backwards)), Err(error));
    }

    #[test]
    fn line_that_goes_on_below_is_in_order() {
        let mut broken = as_it_should_be();
        for cell in broken.iter_mut().skip(16) {
            (cell.3, cell.4) = (cell.3 - 160, 120);
        }
        assert_eq!(read_both(&sheet(&broken)), Ok(()));
    }

    #[test]
    fn something_over_a_character_is_found() {
        let mut covered = sheet(&as_it_should_be());
        let mut bits = covered.page.bits().to_vec();
        for row in 55..60 {
            bits[row * 216 + 25..row * 216 + 27].fill(0xFF);
        }
        covered.page =
            t4::Page::from_bits(t4::WIDTH_A4_PELS, t4::Resolution::Fine, bits).expect("a page");
        let error = ProofError::Unlike { field: "login_id", place: 1 };
        assert_eq!(read_both(&covered), Err(error));
    }

    #[test]
    fn cell_outside_the_page_is_an_error() {
        let mut sheet = sheet(&as_it_should_be());
        sheet.marks[3].area.bottom = 10_000;
        let error = ProofError::Outside { field: "login_id", place: 4 };
        assert_eq!(read_both(&sheet), Err(error));
    }

    #[test]
    fn alphabet_with_a_character_missing_or_empty_is_an_error() {
        let cells: Vec<_> = characters()
            .enumerate()
            .skip(1)
            .map(|(index, character)| {
                ("alphabet", index as u16, character, 100 + index % 16 * 20, 100 + index / 16 * 20)
            })
            .collect();
        assert_eq!(Alphabet::of(&sheet(&cells), characters()).err(), Some(ProofError::Alphabet));
    }

    #[test]
    fn alphabet_in_which_two_characters_look_alike_is_an_error_at_either_resolution() {
        let sheet = |like: fn(char) -> char| {
            let cells: Vec<_> = characters()
                .enumerate()
                .map(|(index, character)| {
                    let (left, top) = (100 + index % 16 * 20, 100 + index / 16 * 20);
                    ("alphabet", index as u16, like(character), left, top)
                })
                .collect();
            sheet(&cells)
        };
        let clear: fn(char) -> char = |character| character;
        let alike: fn(char) -> char = |character| if character == 'O' { '0' } else { character };
        let of = |fine, standard| {
            Alphabets::of(&Drawn { fine: sheet(fine), standard: sheet(standard) }).err()
        };
        assert_eq!(of(clear, clear), None);
        let unclear = Some(ProofError::Unclear { character: '0' });
        assert_eq!(of(alike, clear), unclear);
        assert_eq!(of(clear, alike), unclear);
    }

    #[test]
    fn errors_show_no_character() {
        let shown = format!("{:?}", read_both(&sheet(&line("login_id", "ZZZZZZZZ", 50))));
        assert!(!shown.contains('Z') && !shown.contains('H'), "{shown}");
    }
}

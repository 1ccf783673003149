//! What keeper and worker say to each other over the worker's stdin and stdout.
//!
//! In: octets. Out: an [`Ask`], or the [`Answer`] to it. A message is its length in four octets, most
//! significant first, then JSON; pels follow as they are. Both ends come from the same build, so
//! there is no version in it; what a worker says is checked all the same, because a template is a
//! program that runs in it.
//! Not here: processes and deadlines (`worker.rs`), drawing (`src/bin/shirase-sheet`).

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use t4::{Page, WIDTH_A4_PELS};

use crate::{Coverage, Drawn, Fineness, Mark, Sheet, SheetError};

/// Longest JSON part of a message. A first-contact request has 2 KB, the coverage of the largest font
/// we met 60 KB; chosen with much room.
const MAX_MESSAGE_OCTETS: u32 = 1 << 20;
/// Scan lines of A4 at 7.7 line/mm: the longest sheet there is.
pub const MAX_ROWS: u32 = 2287;
/// Marks on one sheet. Chosen: a sheet has some 50 cells of credentials.
pub const MAX_MARKS: usize = 1000;
/// One request, as the worker reads it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// The sheet of a template, at both resolutions.
    Draw {
        /// Name of the template, without `.typ`.
        template: String,
        /// What the template sees as `/data.json`.
        fields: serde_json::Value,
    },
    /// The characters that sheets can hold.
    Coverage,
}

/// What was asked for.
#[derive(Debug, Eq, PartialEq)]
pub enum Answer {
    /// To [`Ask::Draw`].
    Drawn(Drawn),
    /// To [`Ask::Coverage`].
    Coverage(Coverage),
}

/// The JSON part of an answer. After `Drawn` come the rows of both sheets, 216 octets each.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Header {
    Drawn { fine: SheetHeader, standard: SheetHeader },
    Coverage(Coverage),
    Failed(SheetError),
}

#[derive(Serialize, Deserialize)]
struct SheetHeader {
    rows: u32,
    marks: Vec<Mark>,
}

/// Writes one request.
///
/// # Errors
/// What the writer says; [`io::ErrorKind::InvalidInput`] for fields of more than 1 MiB.
pub fn write_ask(to: &mut impl Write, ask: &Ask) -> io::Result<()> {
    write_message(to, ask)?;
    to.flush()
}

/// Reads one request; `None` at the orderly end of the input.
///
/// # Errors
/// What the reader says; [`io::ErrorKind::InvalidData`] if it is no request.
pub fn read_ask(from: &mut impl Read) -> io::Result<Option<Ask>> {
    read_message(from)
}

/// Writes the answer to a request.
///
/// # Errors
/// What the writer says.
pub fn write_answer(to: &mut impl Write, answer: &Result<Answer, SheetError>) -> io::Result<()> {
    match answer {
        Ok(Answer::Drawn(Drawn { fine, standard })) => {
            let header =
                |sheet: &Sheet| SheetHeader { rows: sheet.page.rows(), marks: sheet.marks.clone() };
            write_message(to, &Header::Drawn { fine: header(fine), standard: header(standard) })?;
            to.write_all(fine.page.bits())?;
            to.write_all(standard.page.bits())?;
        }
        Ok(Answer::Coverage(coverage)) => write_message(to, &Header::Coverage(coverage.clone()))?,
        Err(error) => write_message(to, &Header::Failed(error.clone()))?,
    }
    to.flush()
}

/// Reads the answer to a request.
///
/// # Errors
/// What the reader says; [`io::ErrorKind::UnexpectedEof`] if the worker is gone,
/// [`io::ErrorKind::InvalidData`] if it talks nonsense.
pub fn read_answer(from: &mut impl Read) -> io::Result<Result<Answer, SheetError>> {
    let answer = match read_message(from)?.ok_or(io::ErrorKind::UnexpectedEof)? {
        Header::Failed(error) => return Ok(Err(error)),
        Header::Drawn { fine, standard } => Answer::Drawn(Drawn {
            fine: read_sheet(from, Fineness::Fine, fine)?,
            standard: read_sheet(from, Fineness::Standard, standard)?,
        }),
        Header::Coverage(coverage) => Answer::Coverage(coverage),
    };
    Ok(Ok(answer))
}

fn read_sheet(
    from: &mut impl Read,
    fineness: Fineness,
    SheetHeader { rows, marks }: SheetHeader,
) -> io::Result<Sheet> {
    let on_page = |mark: &Mark| mark.area.is_on(WIDTH_A4_PELS.into(), rows as usize);
    if rows > MAX_ROWS || marks.len() > MAX_MARKS || !marks.iter().all(on_page) {
        return Err(nonsense());
    }
    let mut bits = vec![0; usize::from(WIDTH_A4_PELS / 8) * rows as usize];
    from.read_exact(&mut bits)?;
    let page = Page::from_bits(WIDTH_A4_PELS, fineness.into(), bits);
    let page = page.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(Sheet { page, marks })
}

fn nonsense() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

fn write_message(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_vec(message)?;
    let octets = u32::try_from(json.len()).ok().filter(|octets| *octets <= MAX_MESSAGE_OCTETS);
    let octets = octets.ok_or(io::ErrorKind::InvalidInput)?;
    to.write_all(&octets.to_be_bytes())?;
    to.write_all(&json)
}

fn read_message<T: for<'de> Deserialize<'de>>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut octets = [0; 4];
    if from.read(&mut octets[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut octets[1..])?;
    let octets = u32::from_be_bytes(octets);
    if octets > MAX_MESSAGE_OCTETS {
        return Err(nonsense());
    }
    let mut json = vec![0; octets as usize];
    from.read_exact(&mut json)?;
    Ok(Some(serde_json::from_slice(&json)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PelBox;

    fn octets_of(answer: &Result<Answer, SheetError>) -> Vec<u8> {
        let mut octets = Vec::new();
        write_answer(&mut octets, answer).unwrap();
        octets
    }

    fn read_kind(octets: &[u8]) -> io::ErrorKind {
        read_answer(&mut &*octets).unwrap_err().kind()
    }

    fn sheet(fineness: Fineness, rows: usize, area: PelBox) -> Sheet {
        let bits = (0..216 * rows).map(|octet| (octet % 251) as u8).collect();
        let page = Page::from_bits(WIDTH_A4_PELS, fineness.into(), bits).unwrap();
        Sheet { page, marks: vec![Mark { name: String::from("password"), index: 3, area }] }
    }

    fn drawn(area: PelBox) -> Answer {
        let fine = sheet(Fineness::Fine, 5, area);
        Answer::Drawn(Drawn { fine, standard: sheet(Fineness::Standard, 3, area) })
    }

    const AREA: PelBox = PelBox { left: 7, top: 1, right: 1728, bottom: 3 };

    #[test]
    fn every_kind_of_answer_comes_back_equal() {
        for answer in [
            Ok(drawn(AREA)),
            Ok(Answer::Coverage(Coverage::of(['b', 'a', '鬱', 'c']))),
            Err(SheetError::MissingGlyph { character: '𠮷' }),
        ] {
            let read = read_answer(&mut octets_of(&answer).as_slice()).unwrap();
            assert_eq!(read, answer);
        }
    }

    #[test]
    fn answer_cut_anywhere_is_an_error_and_never_a_smaller_page() {
        let octets = octets_of(&Ok(drawn(AREA)));
        for cut in 0..octets.len() {
            assert_eq!(read_kind(&octets[..cut]), io::ErrorKind::UnexpectedEof, "{cut}");
        }
    }

    #[test]
    fn answer_longer_than_a4_is_invalid_data() {
        let sheet = |rows| SheetHeader { rows, marks: Vec::new() };
        let header = Header::Drawn { fine: sheet(MAX_ROWS + 1), standard: sheet(1) };
        let mut octets = Vec::new();
        write_message(&mut octets, &header).unwrap();
        assert_eq!(read_kind(&octets), io::ErrorKind::InvalidData);
    }

    #[test]
    fn mark_off_the_page_or_without_area_is_invalid_data() {
        for area in [
            PelBox { right: 1729, ..AREA },
            PelBox { bottom: 4, ..AREA }, // the standard page has three rows
            PelBox { left: 1728, ..AREA },
            PelBox { top: 3, ..AREA },
        ] {
            let octets = octets_of(&Ok(drawn(area)));
            assert_eq!(read_kind(&octets), io::ErrorKind::InvalidData, "{area:?}");
        }
    }

    #[test]
    fn ask_absurd_length_is_invalid_data_and_reserves_nothing() {
        let error = read_ask(&mut [0xFF, 0xFF, 0xFF, 0xFF].as_slice()).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn ask_end_of_input_is_none_but_half_a_length_is_an_error() {
        assert!(read_ask(&mut [].as_slice()).unwrap().is_none());
        let error = read_ask(&mut [0, 0].as_slice()).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}

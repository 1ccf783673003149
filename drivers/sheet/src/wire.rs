//! What keeper and worker say to each other over the worker's stdin and stdout.
//!
//! In: octets. Out: an [`Ask`], or the answer to it. A message is its length in four octets, most
//! significant first, then JSON; the header of a page is followed by the page's bits as they are.
//! Both ends come from the same build, so there is no version in it.
//! Not here: processes and deadlines (`worker.rs`), drawing (`src/bin/shirase-sheet`).

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use t4::{Page, Resolution, WIDTH_A4_PELS};

use crate::SheetError;

/// Longest JSON part of a message. A first-contact request has 2 KB; chosen with much room.
const MAX_MESSAGE_OCTETS: u32 = 1 << 20;
/// Scan lines of A4 at 7.7 line/mm: the longest sheet there is.
pub const MAX_ROWS: u32 = 2287;

/// One sheet to draw, as the worker reads it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Name of the template, without `.typ`.
    pub template: String,
    /// What the template sees as `/data.json`.
    pub fields: serde_json::Value,
    /// 7.7 line/mm; otherwise 3.85.
    pub fine: bool,
}

impl Ask {
    /// The resolution asked for.
    #[must_use]
    pub fn resolution(&self) -> Resolution {
        if self.fine { Resolution::Fine } else { Resolution::Standard }
    }
}

/// The JSON part of an answer; after `Page` come `rows` × 216 octets.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Header {
    Page { fine: bool, rows: u32 },
    Failed(SheetError),
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
pub fn write_answer(to: &mut impl Write, answer: &Result<Page, SheetError>) -> io::Result<()> {
    match answer {
        Ok(page) => {
            let fine = page.resolution() == Resolution::Fine;
            write_message(to, &Header::Page { fine, rows: page.rows() })?;
            to.write_all(page.bits())?;
        }
        Err(error) => write_message(to, &Header::Failed(error.clone()))?,
    }
    to.flush()
}

/// Reads the answer to a request.
///
/// # Errors
/// What the reader says; [`io::ErrorKind::UnexpectedEof`] if the worker is gone,
/// [`io::ErrorKind::InvalidData`] if it talks nonsense.
pub fn read_answer(from: &mut impl Read) -> io::Result<Result<Page, SheetError>> {
    let header = read_message(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    match header {
        Header::Failed(error) => Ok(Err(error)),
        Header::Page { rows, .. } if rows > MAX_ROWS => Err(io::ErrorKind::InvalidData.into()),
        Header::Page { fine, rows } => {
            let resolution = if fine { Resolution::Fine } else { Resolution::Standard };
            let mut bits = vec![0; usize::from(WIDTH_A4_PELS / 8) * rows as usize];
            from.read_exact(&mut bits)?;
            let page = Page::from_bits(WIDTH_A4_PELS, resolution, bits);
            page.map(Ok).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        }
    }
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
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut json = vec![0; octets as usize];
    from.read_exact(&mut json)?;
    Ok(Some(serde_json::from_slice(&json)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(answer: &Result<Page, SheetError>) -> io::Result<Result<Page, SheetError>> {
        let mut octets = Vec::new();
        write_answer(&mut octets, answer).unwrap();
        read_answer(&mut octets.as_slice())
    }

    #[test]
    fn answer_with_page_comes_back_equal() {
        let bits = (0..216 * 3).map(|octet| (octet % 251) as u8).collect();
        let page = Page::from_bits(WIDTH_A4_PELS, Resolution::Standard, bits).unwrap();
        assert_eq!(answered(&Ok(page.clone())).unwrap(), Ok(page));
    }

    #[test]
    fn answer_with_error_comes_back_equal() {
        let error = SheetError::MissingGlyph { character: '𠮷' };
        assert_eq!(answered(&Err(error.clone())).unwrap(), Err(error));
    }

    #[test]
    fn answer_cut_in_the_bits_is_unexpected_eof() {
        let page = Page::from_bits(WIDTH_A4_PELS, Resolution::Fine, vec![1; 216 * 2]).unwrap();
        let mut octets = Vec::new();
        write_answer(&mut octets, &Ok(page)).unwrap();
        octets.pop();
        let error = read_answer(&mut octets.as_slice()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn answer_longer_than_a4_is_invalid_data() {
        let mut octets = Vec::new();
        write_message(&mut octets, &Header::Page { fine: true, rows: MAX_ROWS + 1 }).unwrap();
        let error = read_answer(&mut octets.as_slice()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
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

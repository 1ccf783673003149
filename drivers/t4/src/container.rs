//! TIFF-F files: several pages with what a fax machine needs to know about each.
//!
//! In: [`Page`]s, or a file from any fax program. Out: a file that libtiff and fax programs read, or
//! the pages with their bad rows.
//! Source: RFC 3949 2.2 (fields of all profiles), 3.2 and 3.6 (profile S), 4.2 and 4.7 (profile F), 3.5
//! and 4.4.6 (order in the file); RFC 2306 3.2 to 3.6, its elder; TIFF 6.0 sections 2 and 11. The `tiff`
//! crate reads; it writes a strip before its directory, which 3.5 forbids, so the writing is ours.
//! Not here: where what lies in the file (`layout.rs`); other compressions, colours, tiles, the
//! GlobalParametersIFD of RFC 3949.
//!
//! Windows' fax service wants beside TIFF 6.0 that a file is MMR, has the byte order of the processor
//! (all that Windows runs on have the little end first) and its pages not in several strips; it puts
//! this as "RowsPerStrip must contain a value of 1", which no fax file has (learn.microsoft.com,
//! "Fax Image Format"). A file of [`Coding::Mmr`] is all of that. Of Windows' picture viewer no rule is
//! known but the compressions: CCITT3 and CCITT4, of one bit a pel (`WICTiffCompressionOption`).

use std::io::{Read, Seek, SeekFrom, Write};
use std::vec;
use std::vec::Vec;

use tiff::TiffError;
use tiff::decoder::Decoder;
use tiff::decoder::ifd;
use tiff::tags::Tag;

use crate::decode::decode_rows;
use crate::layout::{self, Value};
use crate::{BitOrder, CodecError, Coding, Encoding, Page, Resolution, WIDTH_A4_PELS, encode};

/// Most pages read from one file. Chosen: with the longest pages at most 300 MB from hostile octets.
pub const MAX_FILE_PAGES: usize = 50;
/// Most coded octets read for one page. Chosen: five times an A4 page of random pels.
const MAX_PAGE_OCTETS: u64 = 4 << 20;

// Fields that the `tiff` crate has no name for (TIFF 6.0, RFC 3949).
const T4_OPTIONS: Tag = Tag::Unknown(292);
const T6_OPTIONS: Tag = Tag::Unknown(293);
const PAGE_NUMBER: Tag = Tag::Unknown(297);

/// Fields that a writer of profile S should not use (RFC 3949 2.2.3).
const NOT_MINIMAL: [Tag; 3] = [Tag::Orientation, Tag::Software, Tag::DateTime];

// Values of fields (TIFF 6.0).
const COMPRESSION_T4: u16 = 3;
const COMPRESSION_T6: u16 = 4;
const T4_TWO_DIMENSIONAL: u32 = 1 << 0;
const T4_UNCOMPRESSED_MODE: u32 = 1 << 1;
const T6_UNCOMPRESSED_MODE: u32 = 1 << 1;
const WHITE_IS_ZERO: u16 = 0;
const BLACK_IS_ZERO: u16 = 1;
const FILL_MSB_FIRST: u16 = 1;
const FILL_LSB_FIRST: u16 = 2;
const PAGE_OF_MANY: u32 = 1 << 1;
const UNIT_INCH: u16 = 2;
const UNIT_CENTIMETRE: u16 = 3;

/// How far a file may be from the resolution that it means, as a part of it, across and down together.
/// Chosen: 200 for 196 and 204, 100 for 98
/// are within, R16 and 400 dpi 2 % apart; nothing lies between the others.
const MOST_OFF: f64 = 0.15;

/// Why a file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The disk, or whatever is behind the reader or writer.
    #[error("the file cannot be read or written")]
    Io(#[from] std::io::Error),
    /// The structure of the file is broken, or it is no TIFF file.
    #[error("not a TIFF file that can be read")]
    Tiff(#[source] TiffError),
    /// A TIFF file, but not of a fax page as RFC 3949 has them; or it would be none if it were written.
    #[error("page {page}: {what} is not {want}")]
    NotFax {
        /// Page counted from 0.
        page: usize,
        /// Field of the directory.
        what: &'static str,
        /// What fax pages have there.
        want: &'static str,
    },
    /// The strips of a page are broken.
    #[error("page {page} cannot be decoded")]
    Codec {
        /// Page counted from 0.
        page: usize,
        /// What is wrong with it; its row and bit count from the beginning of a strip.
        source: CodecError,
    },
    /// A page ends before the length that its directory gives.
    #[error("page {page} has {got} rows where {want} are announced")]
    Rows {
        /// Page counted from 0.
        page: usize,
        /// Rows found.
        got: u32,
        /// Rows announced.
        want: u32,
    },
    /// More than [`MAX_FILE_PAGES`], or nothing to write.
    #[error("{pages} pages, a file has 1 to {MAX_FILE_PAGES}")]
    Pages {
        /// Pages seen so far.
        pages: usize,
    },
}

impl FileError {
    /// Stable name for logs and receipts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "t4-file-io",
            Self::Tiff(_) => "t4-file-tiff",
            Self::NotFax { .. } => "t4-file-not-fax",
            Self::Codec { source, .. } => source.code(),
            Self::Rows { .. } => "t4-file-rows",
            Self::Pages { .. } => "t4-file-pages",
        }
    }
}

impl From<TiffError> for FileError {
    fn from(error: TiffError) -> Self {
        match error {
            TiffError::IoError(error) => Self::Io(error),
            TiffError::FormatError(_)
            | TiffError::UnsupportedError(_)
            | TiffError::LimitsExceeded
            | TiffError::IntSizeError
            | TiffError::UsageError(_) => Self::Tiff(error),
        }
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FileSettings<'a> {
    /// The coding of all pages.
    pub coding: Coding,
    /// FillOrder. Readers of profile F take both; libtiff writes [`BitOrder::MsbFirst`].
    pub order: BitOrder,
    /// Program that drew the pages, ASCII. Not in a file of profile S; see [`write()`].
    pub software: &'a str,
    /// `YYYY:MM:DD HH:MM:SS` as TIFF 6.0 has it, not in a file of profile S. An argument, because no
    /// clock is read here.
    pub date_time: Option<&'a str>,
}

/// A page from a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FilePage {
    /// The pels.
    pub page: Page,
    /// The coding in which the file had them.
    pub coding: Coding,
    /// Rows that are guesses, counted from 0, rising; see [`Decoded`](crate::Decoded).
    pub bad_rows: Vec<u32>,
}

/// Writes pages as one TIFF-F file, little end first: each page's directory, its values, its one strip.
///
/// With pages of a width of their resolution it is a file of profile F, and of the minimal profile S where
/// the coding is MH, the order [`BitOrder::LsbFirst`] and each page of A4 in standard or fine resolution.
///
/// # Errors
/// Before anything is written: [`FileError::Pages`] if there are none or too many, [`FileError::Rows`]
/// for a page without rows, [`FileError::NotFax`] for a text that is not ASCII. Then [`FileError::Io`].
pub fn write<W: Write>(
    mut out: W,
    pages: &[Page],
    settings: &FileSettings<'_>,
) -> Result<(), FileError> {
    let count = match u16::try_from(pages.len()) {
        Ok(count @ 1..) if pages.len() <= MAX_FILE_PAGES => count,
        Ok(_) | Err(_) => return Err(FileError::Pages { pages: pages.len() }),
    };
    if let Some(page) = pages.iter().position(|page| page.rows() == 0) {
        return Err(FileError::Rows { page, got: 0, want: 1 });
    }
    let date_time = settings.date_time.unwrap_or_default();
    for (what, text) in [("Software", settings.software), ("DateTime", date_time)] {
        if !text.is_ascii() || text.contains('\0') {
            return Err(FileError::NotFax { page: 0, what, want: "ASCII" });
        }
    }
    let is_minimal = is_minimal(pages, settings);
    let mut at = layout::HEADER.len();
    out.write_all(&layout::HEADER)?;
    for (number, page) in (0..count).zip(pages) {
        let encoding = Encoding { order: settings.order, ..Encoding::file(settings.coding) };
        let strip = encode(page, &encoding);
        // Cannot be: a page takes 37 MB at most.
        let too_long = || FileError::NotFax {
            page: number.into(),
            what: "StripOffsets",
            want: "within 4 GiB",
        };
        let strip_octets = u32::try_from(strip.len()).map_err(|_| too_long())?;
        let mut fields = fields(page, [number, count], strip_octets, settings);
        if is_minimal {
            fields.retain(|(tag, _)| !NOT_MINIMAL.contains(tag));
        }
        let octets = layout::page(at, &fields, &strip, number + 1 == count).ok_or_else(too_long)?;
        out.write_all(&octets)?;
        at += octets.len();
    }
    out.flush()?; // a disk that is full is an error here, not nobody's
    Ok(())
}

/// Whether all that is said of the pages is what profile S has (RFC 3949 3.6).
fn is_minimal(pages: &[Page], settings: &FileSettings<'_>) -> bool {
    let is_minimal_page = |page: &Page| {
        page.width_pels() == WIDTH_A4_PELS
            && matches!(page.resolution(), Resolution::Standard | Resolution::Fine)
    };
    settings.coding == Coding::Mh
        && settings.order == BitOrder::LsbFirst
        && pages.iter().all(is_minimal_page)
}

/// The fields of a page, rising by tag; `number` is that of the page from 0, and of how many. Those of
/// bad rows (RFC 3949 4.3.3) are not for pages that were drawn.
fn fields<'a>(
    page: &Page,
    number: [u16; 2],
    strip_octets: u32,
    settings: &FileSettings<'a>,
) -> Vec<(Tag, Value<'a>)> {
    let (x_dpi, y_dpi) = page.resolution().dpi();
    let (compression, options, option_bits) = match settings.coding {
        Coding::Mh => (COMPRESSION_T4, T4_OPTIONS, 0),
        Coding::Mr => (COMPRESSION_T4, T4_OPTIONS, T4_TWO_DIMENSIONAL),
        Coding::Mmr => (COMPRESSION_T6, T6_OPTIONS, 0),
    };
    let fill_order = match settings.order {
        BitOrder::MsbFirst => FILL_MSB_FIRST,
        BitOrder::LsbFirst => FILL_LSB_FIRST,
    };
    let mut fields = vec![
        (Tag::NewSubfileType, Value::Long(PAGE_OF_MANY)),
        (Tag::ImageWidth, Value::Short(page.width_pels())),
        (Tag::ImageLength, Value::Long(page.rows())),
        (Tag::BitsPerSample, Value::Short(1)),
        (Tag::Compression, Value::Short(compression)),
        (Tag::PhotometricInterpretation, Value::Short(WHITE_IS_ZERO)),
        (Tag::FillOrder, Value::Short(fill_order)),
        (Tag::StripOffsets, Value::StripPlace),
        (Tag::Orientation, Value::Short(1)), // row 0 is the top, pel 0 the left
        (Tag::SamplesPerPixel, Value::Short(1)),
        (Tag::RowsPerStrip, Value::Long(page.rows())),
        (Tag::StripByteCounts, Value::Long(strip_octets)),
        (Tag::XResolution, Value::Whole(x_dpi)),
        (Tag::YResolution, Value::Whole(y_dpi)),
        (options, Value::Long(option_bits)),
        (Tag::ResolutionUnit, Value::Short(UNIT_INCH)),
        (PAGE_NUMBER, Value::Shorts(number)),
        (Tag::Software, Value::Text(settings.software)),
    ];
    fields.extend(settings.date_time.map(|text| (Tag::DateTime, Value::Text(text))));
    fields
}

/// Reads all pages of a TIFF file in MH, MR or MMR, of one strip or many, in both bit orders. The file
/// is read from its beginning wherever `input` stands.
///
/// # Errors
/// Any [`FileError`]; no page is returned then. Never reads more than [`MAX_FILE_PAGES`] pages.
pub fn read<R: Read + Seek>(mut input: R) -> Result<Vec<FilePage>, FileError> {
    input.rewind()?;
    let mut file = Decoder::new(input)?;
    let mut pages = Vec::new();
    loop {
        if pages.len() == MAX_FILE_PAGES {
            return Err(FileError::Pages { pages: MAX_FILE_PAGES + 1 });
        }
        pages.push(read_page(&mut file, pages.len())?);
        if !file.more_images() {
            return Ok(pages);
        }
        file.next_image()?;
    }
}

fn read_page<R: Read + Seek>(file: &mut Decoder<R>, index: usize) -> Result<FilePage, FileError> {
    let not_fax = |what, want| FileError::NotFax { page: index, what, want };
    let codec = |source| FileError::Codec { page: index, source };

    let (width, rows) = file.dimensions()?;
    let width_pels =
        u16::try_from(width).map_err(|_| not_fax("ImageWidth", "the width of a fax page"))?;
    for (tag, what) in
        [(Tag::BitsPerSample, "BitsPerSample"), (Tag::SamplesPerPixel, "SamplesPerPixel")]
    {
        if file.find_tag_unsigned(tag)?.unwrap_or(1u16) != 1 {
            return Err(not_fax(what, "1"));
        }
    }
    let encoding = read_encoding(file, index)?;
    let resolution = read_resolution(file, index)?;
    let inverted = match file.get_tag_unsigned(Tag::PhotometricInterpretation)? {
        WHITE_IS_ZERO => false,
        BLACK_IS_ZERO => true,
        _ => return Err(not_fax("PhotometricInterpretation", "0 or 1")),
    };

    let rows_per_strip = file.find_tag_unsigned(Tag::RowsPerStrip)?.unwrap_or(rows).max(1);
    let offsets = file.get_tag_u64_vec(Tag::StripOffsets)?;
    let lengths = file.get_tag_u64_vec(Tag::StripByteCounts)?;
    if lengths.iter().fold(0, |sum: u64, length| sum.saturating_add(*length)) > MAX_PAGE_OCTETS {
        return Err(not_fax("StripByteCounts", "the size of a fax page"));
    }

    let mut page = Page::new(width_pels, resolution);
    let mut bad_rows = Vec::new();
    for (offset, length) in offsets.into_iter().zip(lengths) {
        let done = page.rows();
        let strip_rows = rows_per_strip.min(rows.saturating_sub(done));
        let strip = read_strip(file.inner(), offset, length)?;
        let decoded =
            decode_rows(&strip, width_pels, resolution, &encoding, strip_rows).map_err(codec)?;
        bad_rows.extend(decoded.bad_rows.iter().map(|row| done + row));
        for row in decoded.page.bits().chunks_exact(page.row_octets().max(1)) {
            page.push_row(row).map_err(codec)?;
        }
        if decoded.page.rows() < strip_rows {
            break; // what follows would stand in the wrong place
        }
    }
    if page.rows() != rows {
        return Err(FileError::Rows { page: index, got: page.rows(), want: rows });
    }
    if inverted {
        page.invert();
    }
    Ok(FilePage { page, coding: encoding.coding, bad_rows })
}

fn read_encoding<R: Read + Seek>(
    file: &mut Decoder<R>,
    index: usize,
) -> Result<Encoding, FileError> {
    let not_fax = |what, want| FileError::NotFax { page: index, what, want };
    let t4_options: u32 = file.find_tag_unsigned(T4_OPTIONS)?.unwrap_or(0);
    let t6_options: u32 = file.find_tag_unsigned(T6_OPTIONS)?.unwrap_or(0);
    let coding = match file.find_tag_unsigned(Tag::Compression)? {
        Some(COMPRESSION_T4) if t4_options & T4_UNCOMPRESSED_MODE != 0 => {
            return Err(not_fax("T4Options", "without uncompressed mode"));
        }
        Some(COMPRESSION_T4) if t4_options & T4_TWO_DIMENSIONAL != 0 => Coding::Mr,
        Some(COMPRESSION_T4) => Coding::Mh,
        Some(COMPRESSION_T6) if t6_options & T6_UNCOMPRESSED_MODE != 0 => {
            return Err(not_fax("T6Options", "without uncompressed mode"));
        }
        Some(COMPRESSION_T6) => Coding::Mmr,
        Some(_) | None => return Err(not_fax("Compression", "3 (T.4) or 4 (T.6)")),
    };
    let order = match file.find_tag_unsigned(Tag::FillOrder)? {
        Some(FILL_MSB_FIRST) | None => BitOrder::MsbFirst,
        Some(FILL_LSB_FIRST) => BitOrder::LsbFirst,
        Some(_) => return Err(not_fax("FillOrder", "1 or 2")),
    };
    Ok(Encoding { order, ..Encoding::file(coding) })
}

fn read_resolution<R: Read + Seek>(
    file: &mut Decoder<R>,
    index: usize,
) -> Result<Resolution, FileError> {
    let not_fax = |what, want| FileError::NotFax { page: index, what, want };
    let per_unit = match file.find_tag_unsigned(Tag::ResolutionUnit)? {
        Some(UNIT_INCH) | None => 1.0,
        Some(UNIT_CENTIMETRE) => 2.54,
        Some(_) => return Err(not_fax("ResolutionUnit", "2 (inch) or 3 (centimetre)")),
    };
    let dpi = |value, what| match value {
        ifd::Value::Rational(dots, per_units) => {
            Ok(f64::from(dots) / f64::from(per_units) * per_unit)
        }
        _ => Err(not_fax(what, "a rational number")),
    };
    let y_dpi = dpi(file.get_tag(Tag::YResolution)?, "YResolution")?;
    // Where it is missing, the page is as wide as nearly all are.
    let x_dpi = match file.find_tag(Tag::XResolution)? {
        Some(value) => dpi(value, "XResolution")?,
        None => Resolution::Standard.dpi().0.into(),
    };
    let near = |of: Resolution| {
        let off = |dpi: f64, name: u16| (dpi - f64::from(name)).abs() / f64::from(name);
        let (x_name, y_name) = of.dpi();
        (off(x_dpi, x_name) + off(y_dpi, y_name), of) // not a number if either is not
    };
    let nearest = Resolution::ALL.map(near).into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((off, resolution)) if off < MOST_OFF => Ok(resolution),
        Some(_) | None => Err(not_fax("YResolution", "that of a fax page")), // also 0/0
    }
}

fn read_strip<R: Read + Seek>(
    input: &mut R,
    offset: u64,
    length: u64,
) -> Result<Vec<u8>, FileError> {
    input.seek(SeekFrom::Start(offset))?;
    let mut strip = Vec::new();
    input.take(length).read_to_end(&mut strip)?;
    Ok(strip)
}

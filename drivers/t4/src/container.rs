//! TIFF-F files: several pages with what a fax machine needs to know about each.
//!
//! In: [`Page`]s, or a file from any fax program. Out: a file that libtiff and fax programs read, or
//! the pages with their bad rows.
//! Source: RFC 2306 (profile F of TIFF: the fields and their values), TIFF 6.0 section 11; the `tiff`
//! crate reads and writes the directories, the strips are ours.
//! Not here: other compressions, colours, tiles, the GlobalParametersIFD of RFC 3949.

use std::io::{Read, Seek, SeekFrom, Write};
use std::vec::Vec;

use tiff::TiffError;
use tiff::decoder::Decoder;
use tiff::decoder::ifd::Value;
use tiff::encoder::{DirectoryEncoder, Rational, TiffEncoder, TiffKindStandard};
use tiff::tags::Tag;

use crate::decode::decode_rows;
use crate::{BitOrder, CodecError, Coding, Encoding, Page, Resolution, encode};

/// Most pages read from one file. Chosen: with the longest pages at most 300 MB from hostile octets.
pub const MAX_FILE_PAGES: usize = 50;
/// Most coded octets read for one page. Chosen: five times an A4 page of random pels.
const MAX_PAGE_OCTETS: u64 = 4 << 20;

// Fields that the `tiff` crate has no name for (TIFF 6.0, RFC 2306).
const T4_OPTIONS: Tag = Tag::Unknown(292);
const T6_OPTIONS: Tag = Tag::Unknown(293);
const PAGE_NUMBER: Tag = Tag::Unknown(297);
const BAD_FAX_LINES: Tag = Tag::Unknown(326);
const CLEAN_FAX_DATA: Tag = Tag::Unknown(327);
const CONSECUTIVE_BAD_FAX_LINES: Tag = Tag::Unknown(328);

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
    /// A TIFF file, but not of a fax page as RFC 2306 has them.
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
    /// FillOrder. Readers of RFC 2306 take both; libtiff writes [`BitOrder::MsbFirst`].
    pub order: BitOrder,
    /// Program that drew the pages, ASCII.
    pub software: &'a str,
    /// `YYYY:MM:DD HH:MM:SS` as TIFF 6.0 has it. An argument, because no clock is read here.
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

/// Writes pages as one TIFF-F file, each page in one strip, in the byte order of this machine.
///
/// # Errors
/// [`FileError::Pages`] if there are none or too many, [`FileError::Rows`] for a page without rows,
/// [`FileError::Io`].
pub fn write<W: Write + Seek>(
    out: W,
    pages: &[Page],
    settings: &FileSettings<'_>,
) -> Result<(), FileError> {
    if pages.is_empty() || pages.len() > MAX_FILE_PAGES {
        return Err(FileError::Pages { pages: pages.len() });
    }
    let mut file = TiffEncoder::new(out)?;
    for (index, page) in pages.iter().enumerate() {
        if page.rows() == 0 {
            return Err(FileError::Rows { page: index, got: 0, want: 1 });
        }
        write_page(&mut file, index, pages.len(), page, settings)?;
    }
    Ok(())
}

fn write_page<W: Write + Seek>(
    file: &mut TiffEncoder<W, TiffKindStandard>,
    index: usize,
    pages: usize,
    page: &Page,
    settings: &FileSettings<'_>,
) -> Result<(), FileError> {
    let FileSettings { coding, order, software, date_time } = *settings;
    let strip = encode(page, &Encoding { order, ..Encoding::file(coding) });
    let (x_dpi, y_dpi) = page.resolution().dpi();
    let (compression, options, option_bits) = match coding {
        Coding::Mh => (COMPRESSION_T4, T4_OPTIONS, 0),
        Coding::Mr => (COMPRESSION_T4, T4_OPTIONS, T4_TWO_DIMENSIONAL),
        Coding::Mmr => (COMPRESSION_T6, T6_OPTIONS, 0),
    };
    let fill_order = match order {
        BitOrder::MsbFirst => FILL_MSB_FIRST,
        BitOrder::LsbFirst => FILL_LSB_FIRST,
    };
    let short = |number: usize| u16::try_from(number).map_err(TiffError::from);
    let octets = u32::try_from(strip.len()).map_err(TiffError::from)?;

    let mut directory = file.image_directory()?;
    let offset = u32::try_from(directory.write_data(strip.as_slice())?).map_err(TiffError::from)?;
    pad_to_even(&mut directory, strip.len())?;
    directory.write_tag(Tag::NewSubfileType, PAGE_OF_MANY)?;
    directory.write_tag(Tag::ImageWidth, u32::from(page.width_pels()))?;
    directory.write_tag(Tag::ImageLength, page.rows())?;
    directory.write_tag(Tag::BitsPerSample, 1u16)?;
    directory.write_tag(Tag::Compression, compression)?;
    directory.write_tag(Tag::PhotometricInterpretation, WHITE_IS_ZERO)?;
    directory.write_tag(Tag::FillOrder, fill_order)?;
    directory.write_tag(Tag::StripOffsets, offset)?;
    directory.write_tag(Tag::Orientation, 1u16)?; // row 0 is the top, pel 0 the left
    directory.write_tag(Tag::SamplesPerPixel, 1u16)?;
    directory.write_tag(Tag::RowsPerStrip, page.rows())?;
    directory.write_tag(Tag::StripByteCounts, octets)?;
    directory.write_tag(Tag::XResolution, Rational { n: x_dpi.into(), d: 1 })?;
    directory.write_tag(Tag::YResolution, Rational { n: y_dpi.into(), d: 1 })?;
    directory.write_tag(Tag::PlanarConfiguration, 1u16)?;
    directory.write_tag(options, option_bits)?;
    directory.write_tag(Tag::ResolutionUnit, UNIT_INCH)?;
    directory.write_tag(PAGE_NUMBER, [short(index)?, short(pages)?].as_slice())?;
    write_text(&mut directory, Tag::Software, software)?;
    if let Some(date_time) = date_time {
        write_text(&mut directory, Tag::DateTime, date_time)?;
    }
    // These pels were drawn, not received: no row is a guess.
    directory.write_tag(BAD_FAX_LINES, 0u32)?;
    directory.write_tag(CLEAN_FAX_DATA, 0u16)?;
    directory.write_tag(CONSECUTIVE_BAD_FAX_LINES, 0u32)?;
    directory.finish()?;
    Ok(())
}

fn write_text<W: Write + Seek>(
    directory: &mut DirectoryEncoder<'_, W, TiffKindStandard>,
    tag: Tag,
    text: &str,
) -> Result<(), FileError> {
    directory.write_tag(tag, text)?;
    match text.len() + 1 {
        0..=4 => Ok(()), // it stands in the directory
        octets => pad_to_even(directory, octets),
    }
}

/// Values and directories begin on even octets (TIFF 6.0 section 2), which the `tiff` crate leaves to us:
/// libtiff does not mind, strict readers do.
fn pad_to_even<W: Write + Seek>(
    directory: &mut DirectoryEncoder<'_, W, TiffKindStandard>,
    written_octets: usize,
) -> Result<(), FileError> {
    if !written_octets.is_multiple_of(2) {
        directory.write_data([0u8].as_slice())?;
    }
    Ok(())
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
        Value::Rational(dots, per_units) => Ok(f64::from(dots) / f64::from(per_units) * per_unit),
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

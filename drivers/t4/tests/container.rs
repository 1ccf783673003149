//! Files that are TIFF but unusual, or no fax pages: read as RFC 2306 and TIFF 6.0 allow, or refused
//! with the field that is wrong.

mod common;

use std::error::Error;
use std::io::Cursor;

use t4::container::{self, FileError, FilePage, FileSettings, MAX_FILE_PAGES};
use t4::{BitOrder, CodecError, Coding, Encoding, Page, Resolution, encode};
use tiff::encoder::{Rational, TiffEncoder};
use tiff::tags::Tag;

const SETTINGS: FileSettings<'static> = FileSettings {
    coding: Coding::Mmr,
    order: BitOrder::MsbFirst,
    software: "shirase",
    date_time: None,
};

/// A file with one page whose fields a test changes.
struct Odd {
    strips: Vec<Vec<u8>>,
    shorts: Vec<(Tag, u16)>,
    x_resolution: Option<Rational>,
    y_resolution: Rational,
}

/// Four rows of 16 pels in MMR, as our own files have them.
fn odd() -> Odd {
    let shorts = vec![
        (Tag::ImageWidth, 16),
        (Tag::ImageLength, 4),
        (Tag::BitsPerSample, 1),
        (Tag::Compression, 4),
        (Tag::PhotometricInterpretation, 0),
        (Tag::SamplesPerPixel, 1),
        (Tag::RowsPerStrip, 4),
        (Tag::ResolutionUnit, 2),
    ];
    let strips = vec![encode(&page(), &Encoding::file(Coding::Mmr))];
    Odd { strips, shorts, x_resolution: None, y_resolution: Rational { n: 196, d: 1 } }
}

fn page() -> Page {
    Page::from_bits(16, Resolution::Fine, vec![0, 1, 0x80, 1, 0xff, 0xff, 0, 0]).expect("rows")
}

impl Odd {
    fn with(mut self, tag: Tag, value: u16) -> Self {
        self.shorts.retain(|(had, _)| *had != tag);
        self.shorts.push((tag, value));
        self
    }

    fn read(&self) -> Result<FilePage, FileError> {
        let written = self.write().expect("a file in memory");
        container::read(Cursor::new(written)).map(|mut pages| pages.remove(0))
    }

    fn write(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut file = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut file)?;
        let mut directory = encoder.image_directory()?;
        let (mut offsets, mut lengths) = (Vec::new(), Vec::new());
        for strip in &self.strips {
            offsets.push(u32::try_from(directory.write_data(strip.as_slice())?)?);
            lengths.push(u32::try_from(strip.len())?);
        }
        directory.write_tag(Tag::StripOffsets, offsets.as_slice())?;
        directory.write_tag(Tag::StripByteCounts, lengths.as_slice())?;
        if let Some(x_resolution) = &self.x_resolution {
            directory.write_tag(Tag::XResolution, x_resolution.clone())?;
        }
        directory.write_tag(Tag::YResolution, self.y_resolution.clone())?;
        for (tag, value) in &self.shorts {
            directory.write_tag(*tag, *value)?;
        }
        directory.finish()?;
        Ok(file.into_inner())
    }
}

#[track_caller]
fn assert_not_fax(file: &Odd, field: &str) {
    match file.read() {
        Err(error @ FileError::NotFax { page: 0, what, .. }) => {
            assert_eq!((what, error.code()), (field, "t4-file-not-fax"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn read_usual_file_is_the_page() {
    let want = FilePage { page: page(), coding: Coding::Mmr, bad_rows: vec![] };
    assert_eq!(odd().read().unwrap(), want);
}

#[test]
fn read_black_is_zero_turns_the_pels() {
    let read = odd().with(Tag::PhotometricInterpretation, 1).read().unwrap();
    assert_eq!(read.page.bits(), [0xff, 0xfe, 0x7f, 0xfe, 0, 0, 0xff, 0xff]);
}

#[test]
fn read_resolution_takes_inches_and_centimetres() {
    let at = |n, d, unit| {
        let mut file = odd().with(Tag::ResolutionUnit, unit);
        file.y_resolution = Rational { n, d };
        file.read().map(|read| read.page.resolution())
    };
    assert_eq!(at(98, 1, 2).unwrap(), Resolution::Standard);
    assert_eq!(at(385, 10, 3).unwrap(), Resolution::Standard); // 3.85 line/mm
    assert_eq!(at(77, 1, 3).unwrap(), Resolution::Fine);
    assert_eq!(at(200, 1, 2).unwrap(), Resolution::Fine);
    assert_eq!(at(391, 1, 2).unwrap(), Resolution::Superfine);
    for (n, d, unit) in [(150, 1, 2), (300, 1, 2), (0, 1, 2), (0, 0, 2), (1, 0, 2), (196, 1, 1)] {
        assert_eq!(at(n, d, unit).unwrap_err().code(), "t4-file-not-fax", "{n}/{d}, {unit}");
    }
}

#[test]
fn read_resolution_takes_every_one_of_t_30_and_its_inch_names() {
    let at = |x, y| {
        let mut file = odd();
        file.x_resolution = Some(Rational { n: x, d: 1 });
        file.y_resolution = Rational { n: y, d: 1 };
        file.read().map(|read| read.page.resolution())
    };
    for resolution in Resolution::ALL {
        let (x_dpi, y_dpi) = resolution.dpi();
        assert_eq!(at(x_dpi.into(), y_dpi.into()).unwrap(), resolution);
    }
    assert_eq!(at(200, 100).unwrap(), Resolution::Standard);
    assert_eq!(at(200, 200).unwrap(), Resolution::Fine);
    assert_eq!(at(200, 400).unwrap(), Resolution::Superfine);
    for (x, y) in [(300, 196), (204, 300), (408, 196), (600, 600), (72, 72)] {
        assert_eq!(at(x, y).unwrap_err().code(), "t4-file-not-fax", "{x} by {y}");
    }
}

#[test]
fn read_other_kinds_of_picture_names_the_field() {
    assert_not_fax(&odd().with(Tag::Compression, 5), "Compression");
    assert_not_fax(&odd().with(Tag::Compression, 1), "Compression");
    assert_not_fax(&odd().with(Tag::BitsPerSample, 8), "BitsPerSample");
    assert_not_fax(&odd().with(Tag::SamplesPerPixel, 3), "SamplesPerPixel");
    assert_not_fax(&odd().with(Tag::PhotometricInterpretation, 2), "PhotometricInterpretation");
    assert_not_fax(&odd().with(Tag::FillOrder, 3), "FillOrder");
    assert_not_fax(&odd().with(Tag::Unknown(293), 2), "T6Options");
    assert_not_fax(&odd().with(Tag::Compression, 3).with(Tag::Unknown(292), 2), "T4Options");
}

#[test]
fn read_wrong_bit_order_is_a_codec_error_of_that_page() {
    let error = odd().with(Tag::FillOrder, 2).read().unwrap_err();
    assert!(matches!(error, FileError::Codec { page: 0, .. }), "{error:?}");
    assert!(error.source().is_some(), "the cause must be kept");
}

#[test]
fn read_page_shorter_or_longer_than_announced() {
    let longer = odd().with(Tag::ImageLength, 5).with(Tag::RowsPerStrip, 5).read().unwrap_err();
    assert!(matches!(longer, FileError::Rows { page: 0, got: 4, want: 5 }), "{longer:?}");
    // The directory is right when it says fewer: libtiff leaves the rest alone too.
    let shorter = odd().with(Tag::ImageLength, 3).with(Tag::RowsPerStrip, 3).read().unwrap();
    assert_eq!(shorter.page.bits(), page().bits().get(..6).unwrap());
}

#[test]
fn read_strip_cut_short_is_truncated() {
    let mut file = odd();
    file.strips[0].truncate(2);
    let error = file.read().unwrap_err();
    assert_eq!(error.code(), "t4-truncated", "{error:?}");
}

#[test]
fn read_page_wider_or_longer_than_paper_is_refused_before_it_eats_memory() {
    let wide = odd().with(Tag::ImageWidth, 5000).read().unwrap_err();
    let want = CodecError::Width { width_pels: 5000 };
    assert!(matches!(wide, FileError::Codec { source, .. } if source == want), "{wide:?}");

    let mut long = odd().with(Tag::ImageLength, 60_000).with(Tag::RowsPerStrip, 60_000);
    long.strips[0] = vec![0xff; 8000]; // 64 000 white rows
    let long = long.read().unwrap_err();
    assert_eq!(long.code(), "t4-too-many-rows", "{long:?}");
}

#[test]
fn read_bad_rows_count_from_the_top_of_the_page_not_of_the_strip() {
    let mut file = odd().with(Tag::Compression, 3).with(Tag::RowsPerStrip, 2);
    let rows = page();
    let strip = |bits: &[u8]| {
        let page = Page::from_bits(16, Resolution::Fine, bits.to_vec()).unwrap();
        encode(&page, &Encoding::file(Coding::Mh))
    };
    let (upper, lower) = rows.bits().split_at(4);
    file.strips = vec![strip(upper), strip(lower)];
    assert_eq!(file.read().unwrap().bad_rows, [0; 0]);
    *file.strips[1].last_mut().unwrap() ^= 0x08; // row 3
    assert_eq!(file.read().unwrap().bad_rows, [3]);
}

#[test]
fn read_no_tiff_file_says_so() {
    for octets in [&b""[..], b"II*", b"II*\0\x08\0\0\0", b"%PDF-1.7 and more", b"MM\0*\0\0\0\0"] {
        let error = container::read(Cursor::new(octets)).unwrap_err();
        assert!(matches!(error, FileError::Tiff(_) | FileError::Io(_)), "{octets:?}: {error:?}");
    }
}

#[test]
fn write_nothing_or_too_much_is_refused() {
    let write = |pages: &[Page]| {
        let written = container::write(Cursor::new(Vec::new()), pages, &SETTINGS);
        written.map_err(|error| error.code())
    };
    assert_eq!(write(&[]), Err("t4-file-pages"));
    assert_eq!(write(&vec![page(); MAX_FILE_PAGES + 1]), Err("t4-file-pages"));
    assert_eq!(write(&[page(), Page::new(16, Resolution::Fine)]), Err("t4-file-rows"));
    assert_eq!(write(&vec![page(); MAX_FILE_PAGES]), Ok(()));
}

#[test]
fn write_text_that_is_not_ascii_is_refused_before_anything_is_written() {
    for (software, date_time, field) in [
        ("知らせ", None, "Software"),
        ("shirase\0", None, "Software"),
        ("shirase", Some("令和8年"), "DateTime"),
    ] {
        let mut out = Vec::new();
        let settings = FileSettings { software, date_time, ..SETTINGS };
        let error = container::write(&mut out, &[page()], &settings).unwrap_err();
        assert!(matches!(error, FileError::NotFax { what, .. } if what == field), "{error:?}");
        assert_eq!(out, [0; 0]);
    }
}

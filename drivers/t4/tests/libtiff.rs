//! libtiff is the judge: it codes our pages to the same octets, and reads ours to the same pels.
//!
//! Its programs `tiffcp` and `tiffinfo` are run on files that we write, and we read what they write.

mod common;

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::Command;

use t4::container::{self, FileSettings};
use t4::{BitOrder, Coding, Encoding, MAX_WIDTH_PELS, Page, encode};
use tiff::decoder::Decoder;
use tiff::tags::Tag;

const CODINGS: [(Coding, &str); 3] =
    [(Coding::Mh, "g3:1d"), (Coding::Mr, "g3:2d"), (Coding::Mmr, "g4")];
const ORDERS: [(BitOrder, &str); 2] =
    [(BitOrder::MsbFirst, "msb2lsb"), (BitOrder::LsbFirst, "lsb2msb")];

/// Runs a program of libtiff and returns what it says.
fn libtiff(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| {
        panic!("{program} does not start ({error}); install the Debian package libtiff-tools")
    });
    let said =
        [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(output.status.success(), "{program} {arguments:?}: {said:?}");
    said.concat()
}

fn settings(coding: Coding, order: BitOrder) -> FileSettings<'static> {
    FileSettings { coding, order, software: "shirase", date_time: Some("2026:11:23 08:30:00") }
}

fn write(path: &Path, pages: &[Page], settings: &FileSettings<'_>) {
    container::write(File::create(path).expect("a new file"), pages, settings).expect("written");
}

/// The octets of each page's only strip.
fn strips(path: &Path) -> Vec<Vec<u8>> {
    let mut file = Decoder::new(File::open(path).expect("a file")).expect("a TIFF file");
    let mut strips = Vec::new();
    loop {
        let offsets = file.get_tag_u64_vec(Tag::StripOffsets).expect("StripOffsets");
        let lengths = file.get_tag_u64_vec(Tag::StripByteCounts).expect("StripByteCounts");
        let ([offset], [length]) = (&offsets[..], &lengths[..]) else { panic!("many strips") };
        let mut strip = vec![0; usize::try_from(*length).expect("a size")];
        file.inner().seek(SeekFrom::Start(*offset)).expect("a place");
        file.inner().read_exact(&mut strip).expect("a strip");
        strips.push(strip);
        if !file.more_images() {
            return strips;
        }
        file.next_image().expect("the next page");
    }
}

/// libtiff 4.5 has room for as many runs of MH as a row has pels; the empty white run at the head of a
/// row that turns at every pel and begins black is one more ("Buffer overflow", though it wrote it).
fn has_row_of_most_runs(page: &Page) -> bool {
    page.row(0).is_some_and(|row| row.iter().all(|octet| *octet == 0b1010_1010))
}

fn all_pages(wanted: impl Fn(&Page) -> bool) -> (Vec<String>, Vec<Page>) {
    let mut all: Vec<(String, Page)> = Vec::new();
    for width_pels in common::WIDTHS_PELS {
        let named = common::pages(width_pels).into_iter();
        all.extend(named.map(|(name, page)| (format!("{name}, {width_pels}"), page)));
    }
    all.push(("every run".into(), common::every_run(MAX_WIDTH_PELS)));
    all.into_iter().filter(|(_, page)| wanted(page)).unzip()
}

#[test]
fn our_strips_are_libtiffs_strips_octet_for_octet() {
    let folder = tempfile::tempdir().unwrap();
    let [ours, theirs] = ["ours.tif", "theirs.tif"].map(|name| folder.path().join(name));
    let [ours_arg, theirs_arg] = [&ours, &theirs].map(|path| path.to_str().unwrap());
    let (names, pages) = all_pages(|_| true);
    write(&ours, &pages, &settings(Coding::Mmr, BitOrder::MsbFirst));
    for (coding, compression) in CODINGS {
        for (order, fill_order) in ORDERS {
            let flags = ["-c", compression, "-f", fill_order, "-r", "100000", ours_arg, theirs_arg];
            libtiff("tiffcp", &flags);
            let theirs = strips(&theirs);
            assert_eq!(theirs.len(), pages.len());
            for ((name, page), theirs) in names.iter().zip(&pages).zip(theirs) {
                let ours = encode(page, &Encoding { order, ..Encoding::file(coding) });
                let differs = ours.iter().zip(&theirs).position(|(our, their)| our != their);
                assert_eq!(differs, None, "{name}, {compression}, {fill_order}: this octet");
                assert_eq!(ours.len(), theirs.len(), "{name}, {compression}, {fill_order}");
            }
        }
    }
}

#[test]
fn libtiff_reads_our_pels_in_every_coding_and_bit_order() {
    let folder = tempfile::tempdir().unwrap();
    let [ours, plain] = ["ours.tif", "plain.tif"].map(|name| folder.path().join(name));
    for (coding, _) in CODINGS {
        let (names, pages) = all_pages(|page| coding != Coding::Mh || !has_row_of_most_runs(page));
        for (order, _) in ORDERS {
            write(&ours, &pages, &settings(coding, order));
            let [ours, plain_arg] = [&ours, &plain].map(|path| path.to_str().unwrap());
            let flags = ["-c", "none", "-f", "msb2lsb", "-r", "100000", ours, plain_arg];
            let said = libtiff("tiffcp", &flags);
            assert_eq!(said, "", "libtiff warns about {coding:?} {order:?}");
            for ((name, page), strip) in names.iter().zip(&pages).zip(strips(&plain)) {
                assert!(page.bits() == strip, "{name}, {coding:?}, {order:?}: other pels");
            }
        }
    }
}

#[test]
fn we_read_what_libtiff_writes_in_one_strip_or_many() {
    let folder = tempfile::tempdir().unwrap();
    let [ours, theirs] = ["ours.tif", "theirs.tif"].map(|name| folder.path().join(name));
    let [ours_arg, theirs_arg] = [&ours, &theirs].map(|path| path.to_str().unwrap());
    let (names, pages) = all_pages(|_| true);
    write(&ours, &pages, &settings(Coding::Mmr, BitOrder::LsbFirst));
    // "fill" puts each EOL at the end of an octet, as fax programs of old want it.
    let fill = [(Coding::Mh, "g3:1d:fill"), (Coding::Mr, "g3:2d:fill")];
    for (coding, compression) in CODINGS.into_iter().chain(fill) {
        for (_, fill_order) in ORDERS {
            for rows_per_strip in ["100000", "37"] {
                let flags = ["-c", compression, "-f", fill_order, "-r", rows_per_strip];
                libtiff("tiffcp", &[&flags[..], &[ours_arg, theirs_arg]].concat());
                let read = container::read(File::open(&theirs).unwrap()).unwrap();
                assert_eq!(read.len(), pages.len());
                for ((name, page), read) in names.iter().zip(&pages).zip(read) {
                    assert_eq!(read.bad_rows, [0; 0], "{name}, {flags:?}");
                    assert_eq!(read.coding, coding);
                    assert!(read.page == *page, "{name}, {flags:?}: other pels");
                }
            }
        }
    }
}

#[test]
fn tiffinfo_shows_every_field_of_tiff_f() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fax.tif");
    let pages = [common::text(1728, 80), common::standard(&common::text(1728, 60))];
    write(&path, &pages, &settings(Coding::Mr, BitOrder::LsbFirst));
    let said = libtiff("tiffinfo", &[path.to_str().unwrap()]);
    let in_both = [
        "Subfile Type: multi-page document (2 = 0x2)",
        "Bits/Sample: 1",
        "Compression Scheme: CCITT Group 3",
        "Photometric Interpretation: min-is-white",
        "FillOrder: lsb-to-msb",
        "Orientation: row 0 top, col 0 lhs",
        "Samples/Pixel: 1",
        "Group 3 Options: 2-d encoding (1 = 0x1)",
        "Software: shirase",
        "DateTime: 2026:11:23 08:30:00",
    ];
    for line in in_both {
        assert_eq!(said.matches(line).count(), 2, "{line}\n{said}");
    }
    let in_one = [
        "Image Width: 1728 Image Length: 80",
        "Rows/Strip: 80",
        "Resolution: 204, 196 pixels/inch",
        "Page Number: 0-2",
        "Image Width: 1728 Image Length: 30",
        "Rows/Strip: 30",
        "Resolution: 204, 98 pixels/inch",
        "Page Number: 1-2",
    ];
    for line in in_one {
        assert_eq!(said.matches(line).count(), 1, "{line}\n{said}");
    }
    for never in ["Warning", "Fax Data", "Bad Fax Lines"] {
        assert!(!said.contains(never), "{said}"); // nothing of bad rows: no line was between
    }
}

#[test]
fn our_own_files_come_back_whole() {
    let (_, pages) = all_pages(|_| true);
    for (coding, _) in CODINGS {
        for (order, _) in ORDERS {
            let mut file = Cursor::new(Vec::new());
            container::write(&mut file, &pages, &settings(coding, order)).unwrap();
            let read = container::read(file).unwrap();
            assert!(read.iter().all(|page| page.bad_rows.is_empty() && page.coding == coding));
            assert!(read.into_iter().map(|page| page.page).eq(pages.iter().cloned()));
        }
    }
}

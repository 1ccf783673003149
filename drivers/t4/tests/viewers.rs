//! Our TIFF-F files as programs and viewers of others take them: every coding, bit order, width and
//! resolution, by `tiffinfo`, `tiffcp` and ImageMagick, and by the rules of a strict reader.
//!
//! Source: RFC 2306 and RFC 3949 (fields of the profiles S and F), TIFF 6.0 section 2 (structure).

mod common;

use std::fs::File;
use std::path::Path;
use std::process::Command;

use t4::container::{self, FileSettings};
use t4::{BitOrder, Coding, Page, Resolution};

const CODINGS: [Coding; 3] = [Coding::Mh, Coding::Mr, Coding::Mmr];
const ORDERS: [BitOrder; 2] = [BitOrder::MsbFirst, BitOrder::LsbFirst];
const PAGES: usize = 3 * Resolution::ALL.len();

/// Standard error, which is empty when nothing is wrong, and standard output.
fn run(program: &str, package: &str, arguments: &[&str]) -> (String, Vec<u8>) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| {
        panic!("{program} does not start ({error}); install the Debian package {package}")
    });
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    (said, output.stdout)
}

/// A page of each width at each resolution; one has an odd number of coded octets somewhere.
fn pages() -> Vec<Page> {
    let each = |resolution: Resolution| {
        resolution.widths_pels().map(|width| common::at(&common::text(width, 121), resolution))
    };
    Resolution::ALL.into_iter().flat_map(each).collect()
}

/// Writes the pages in each coding and bit order, and hands each file over.
fn each_file(mut look: impl FnMut(&Path, &[Page], Coding, BitOrder)) {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, pages) = (folder.path().join("fax.tif"), pages());
    for coding in CODINGS {
        for order in ORDERS {
            let date_time = Some("2026:11:23 08:30:00");
            // With its 0 at the end an odd number of octets.
            let settings = FileSettings { coding, order, software: "shirase 0.1.0!", date_time };
            let file = File::create(&path).expect("a new file");
            container::write(file, &pages, &settings).expect("written");
            look(&path, &pages, coding, order);
        }
    }
}

#[test]
fn tiffinfo_finds_nothing_to_warn_of() {
    each_file(|path, pages, coding, order| {
        let (warned, said) = run("tiffinfo", "libtiff-tools", &["-D", path.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(warned, "", "{coding:?} {order:?}");
        for page in pages {
            let size = format!("Image Width: {} Image Length: {}", page.width_pels(), page.rows());
            let (x_dpi, y_dpi) = page.resolution().dpi();
            let dpi = format!("Resolution: {x_dpi}, {y_dpi} pixels/inch");
            assert!(said.contains(&size) && said.contains(&dpi), "{size}, {dpi}\n{said}");
        }
    });
}

#[test]
fn imagemagick_sees_each_pel_and_the_shape_of_the_paper() {
    each_file(|path, pages, coding, order| {
        for (index, page) in pages.iter().enumerate() {
            let name = format!("{}[{index}]", path.display());
            let (warned, pels) = run("convert", "imagemagick", &[&name, "-depth", "1", "gray:-"]);
            assert_eq!(warned, "", "{coding:?} {order:?}");
            // There 1 is white.
            let pels: Vec<u8> = pels.iter().map(|octet| !octet).collect();
            assert!(pels == page.bits(), "{coding:?} {order:?}, page {index}: other pels");
            let format = ["-format", "%w %h %x %y %[units]", &name];
            let (_, said) = run("identify", "imagemagick", &format);
            let (x_dpi, y_dpi) = page.resolution().dpi();
            let want =
                format!("{} {} {x_dpi} {y_dpi} PixelsPerInch", page.width_pels(), page.rows());
            assert_eq!(String::from_utf8_lossy(&said), want, "{coding:?} {order:?}");
        }
    });
}

#[test]
fn what_tiffcp_made_of_our_file_is_the_same_file_to_us() {
    each_file(|path, pages, coding, order| {
        let copy = path.with_extension("copy.tif");
        let [from, to] = [path, &copy].map(|path| path.to_str().unwrap());
        let (warned, _) = run("tiffcp", "libtiff-tools", &[from, to]);
        assert_eq!(warned, "", "{coding:?} {order:?}");
        let read = container::read(File::open(&copy).unwrap()).unwrap();
        assert!(read.iter().all(|page| page.coding == coding && page.bad_rows.is_empty()));
        assert!(read.into_iter().map(|page| page.page).eq(pages.iter().cloned()));
    });
}

/// The strict rules by which Windows' viewer and fax servers refuse files: little end first, directories on
/// even octets, fields rising without a double, one strip that lies in the file, and of each field the type
/// and value of profile F, which is profile S in MH, bit 0 first and 1728 pels.
#[test]
fn strict_reader_finds_every_field_as_the_profiles_have_it() {
    each_file(|path, pages, coding, order| {
        let octets = std::fs::read(path).unwrap();
        assert_eq!(octets[..4], *b"II*\0", "fax files have the little end first");
        let short = |at: usize| u32::from(u16::from_le_bytes([octets[at], octets[at + 1]]));
        let long = |at: usize| short(at) | short(at + 2) << 16;
        let mut directory = long(4) as usize;
        for (index, page) in pages.iter().enumerate() {
            assert!(directory.is_multiple_of(2) && directory > 0, "directory at {directory}");
            let count = short(directory) as usize;
            let fields: Vec<usize> = (0..count).map(|field| directory + 2 + 12 * field).collect();
            assert!(fields.is_sorted_by(|a, b| short(*a) < short(*b)), "page {index}");
            // Type 3 is SHORT, 4 LONG; a SHORT stands in the first two octets of its place.
            let field = |tag: u32| {
                let at = *fields.iter().find(|at| short(**at) == tag).unwrap_or_else(|| {
                    panic!("{coding:?} {order:?}, page {index}: no field {tag}")
                });
                (short(at + 2), long(at + 4), at + 8)
            };
            let number = |tag: u32| match field(tag) {
                (3, 1, at) => short(at),
                (4, 1, at) => long(at),
                other => panic!("field {tag} has type and count {other:?}"),
            };
            let (compression, options, bits) = match coding {
                Coding::Mh => (3, 292, 0),
                Coding::Mr => (3, 292, 1),
                Coding::Mmr => (4, 293, 0),
            };
            let fill_order = if order == BitOrder::MsbFirst { 1 } else { 2 };
            for (tag, want) in [
                (254, 2), // a page of many
                (256, page.width_pels().into()),
                (257, page.rows()),
                (258, 1),
                (259, compression),
                (262, 0), // white is zero
                (266, fill_order),
                (274, 1), // row 0 is the top
                (277, 1),
                (278, page.rows()), // all in one strip
                (296, 2),           // inch
                (options, bits),
                (326, 0),
                (327, 0),
                (328, 0),
            ] {
                assert_eq!(number(tag), want, "{coding:?} {order:?}, page {index}, field {tag}");
            }
            let strip_end = number(273) + number(279);
            assert!(strip_end as usize <= octets.len() && number(279) > 0);
            assert!(
                matches!(field(297), (3, 2, at) if short(at) == index as u32
                && short(at + 2) == PAGES as u32),
                "page number"
            );
            let (x_dpi, y_dpi) = page.resolution().dpi();
            for (tag, want) in [(282, x_dpi.into()), (283, y_dpi.into())] {
                let (kind, count, at) = field(tag);
                let at = long(at) as usize;
                assert!(at.is_multiple_of(2), "values lie on even octets");
                assert_eq!((kind, count, long(at), long(at + 4)), (5, 1, want, 1), "field {tag}");
            }
            directory = long(directory + 2 + 12 * count) as usize;
        }
        assert_eq!(directory, 0, "no further page");
    });
}

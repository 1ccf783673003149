//! Our TIFF-F files as programs and viewers of others take them: every coding, bit order, width and
//! resolution, by `tiffinfo`, `tiffcp` and ImageMagick, and by the rules of a strict reader.
//!
//! Source: RFC 3949 3.5, 3.6 and 4.7 (order in the file, fields of the profiles S and F), TIFF 6.0 section 2
//! (structure); what Windows wants, as the container's head has it.

mod common;

use std::fs::File;
use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use t4::container::{self, FileSettings};
use t4::{BitOrder, Coding, Page, Resolution};

const CODINGS: [Coding; 3] = [Coding::Mh, Coding::Mr, Coding::Mmr];
const ORDERS: [BitOrder; 2] = [BitOrder::MsbFirst, BitOrder::LsbFirst];
/// With the 0 at its end an odd number of octets.
const SOFTWARE: &str = "shirase 0.1.0!";

/// Standard error, which is empty when nothing is wrong, and standard output.
fn run(program: &str, package: &str, arguments: &[&str]) -> (String, Vec<u8>) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| {
        panic!("{program} does not start ({error}); install the Debian package {package}")
    });
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    (said, output.stdout)
}

fn settings(coding: Coding, order: BitOrder) -> FileSettings<'static> {
    FileSettings { coding, order, software: SOFTWARE, date_time: Some("2026:11:23 08:30:00") }
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
            let file = File::create(&path).expect("a new file");
            container::write(file, &pages, &settings(coding, order)).expect("written");
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

/// A file as a strict reader takes it, octet by octet and without any library: the header with the first
/// directory at octet 8, then of each page the directory, its values in the order of their fields, its one
/// strip, each right behind the other and even, and nothing after the last. The fields are those of profile
/// F or S, each with the type and count that it has there, and no other. In MMR that is all that Windows'
/// fax service wants.
#[track_caller]
fn assert_strict(octets: &[u8], pages: &[Page], coding: Coding, order: BitOrder, profile: char) {
    let short = |at: usize| u32::from(u16::from_le_bytes([octets[at], octets[at + 1]]));
    let long = |at: usize| short(at) | short(at + 2) << 16;
    assert_eq!(octets[..8], *b"II*\0\x08\0\0\0");
    let mut directory = 8;
    for (index, page) in pages.iter().enumerate() {
        let what = format!("{coding:?} {order:?}, page {index}");
        let fields = directory + 2..directory + 2 + 12 * short(directory) as usize;
        let (mut had, mut had_values) = (Vec::new(), Vec::new());
        let mut place = fields.end + 4; // of the next value that stands behind the directory
        for field in fields.clone().step_by(12) {
            let [tag, kind, count] = [short(field), short(field + 2), long(field + 4)];
            let value_octets = count as usize * [0, 1, 1, 2, 4, 8][kind as usize];
            let value_at = if value_octets > 4 {
                assert_eq!(long(field + 8) as usize, place, "{what}: the value of {tag}");
                place += value_octets.next_multiple_of(2);
                place - value_octets.next_multiple_of(2)
            } else {
                assert_eq!(octets[field + 8 + value_octets..field + 12], [0; 4][value_octets..]);
                field + 8
            };
            had.push((tag, kind, count));
            had_values.push((
                tag,
                match kind {
                    2 => 0, // a text
                    3 if count == 2 => short(value_at) << 16 | short(value_at + 2),
                    3 => short(value_at),
                    4 => long(value_at),
                    5 => long(value_at) / long(value_at + 4),
                    _ => panic!("{what}: field {tag} has type {kind}"),
                },
            ));
        }
        let strip = place;
        let strip_octets = octets_of_strip(&had_values);
        let end = (strip + strip_octets).next_multiple_of(2);

        let (x_dpi, y_dpi) = page.resolution().dpi();
        let (compression, options, option_bits) = match coding {
            Coding::Mh => (3, 292, 0),
            Coding::Mr => (3, 292, 1),
            Coding::Mmr => (4, 293, 0),
        };
        let mut want = vec![
            ((254, 4, 1), 2), // a page of many
            ((256, 3, 1), page.width_pels().into()),
            ((257, 4, 1), page.rows()),
            ((258, 3, 1), 1),
            ((259, 3, 1), compression),
            ((262, 3, 1), 0), // white is zero
            ((266, 3, 1), if order == BitOrder::MsbFirst { 1 } else { 2 }),
            ((273, 4, 1), strip as u32),
            ((274, 3, 1), 1), // row 0 is the top
            ((277, 3, 1), 1),
            ((278, 4, 1), page.rows()), // all in one strip
            ((279, 4, 1), strip_octets as u32),
            ((282, 5, 1), x_dpi.into()),
            ((283, 5, 1), y_dpi.into()),
            ((options, 4, 1), option_bits),
            ((296, 3, 1), 2), // inch
            ((297, 3, 2), (index as u32) << 16 | pages.len() as u32),
            ((305, 2, SOFTWARE.len() as u32 + 1), 0),
            ((306, 2, 20), 0),
        ];
        if profile == 'S' {
            want.retain(|((tag, ..), _)| ![274, 305, 306].contains(tag));
        }
        let want_fields: Vec<_> = want.iter().map(|(field, _)| *field).collect();
        let want_values: Vec<_> = want.iter().map(|((tag, ..), value)| (*tag, *value)).collect();
        assert_eq!(had, want_fields, "{what}: tags, types, counts");
        assert_eq!(had_values, want_values, "{what}: values");

        assert!(strip_octets > 0 && octets[strip + strip_octets..end].iter().all(|pad| *pad == 0));
        let next = if index + 1 == pages.len() { 0 } else { end };
        assert_eq!(long(fields.end) as usize, next, "{what}: the next page");
        directory = end;
    }
    assert_eq!(directory, octets.len(), "nothing follows the last page");
}

/// StripByteCounts.
fn octets_of_strip(values: &[(u32, u32)]) -> usize {
    values.iter().find(|(tag, _)| *tag == 279).expect("a length of the strip").1 as usize
}

#[test]
fn strict_reader_finds_every_field_as_profile_f_has_it_and_each_thing_in_its_place() {
    each_file(|path, pages, coding, order| {
        assert_strict(&std::fs::read(path).unwrap(), pages, coding, order, 'F');
    });
}

#[test]
fn file_that_can_be_of_profile_s_has_its_fields_alone() {
    let minimal = [Resolution::Standard, Resolution::Fine]
        .map(|resolution| common::at(&common::text(t4::WIDTH_A4_PELS, 121), resolution));
    let wider = common::at(&common::text(2048, 121), Resolution::Fine);
    let finer = common::at(&common::text(t4::WIDTH_A4_PELS, 121), Resolution::Superfine);
    let more = |page| [minimal.as_slice(), &[page]].concat();
    for (pages, coding, order, profile) in [
        (minimal.to_vec(), Coding::Mh, BitOrder::LsbFirst, 'S'),
        (minimal.to_vec(), Coding::Mh, BitOrder::MsbFirst, 'F'),
        (minimal.to_vec(), Coding::Mr, BitOrder::LsbFirst, 'F'),
        (more(wider), Coding::Mh, BitOrder::LsbFirst, 'F'),
        (more(finer), Coding::Mh, BitOrder::LsbFirst, 'F'),
    ] {
        let mut octets = Vec::new();
        container::write(&mut octets, &pages, &settings(coding, order)).expect("written");
        assert_strict(&octets, &pages, coding, order, profile);
        let read = container::read(Cursor::new(octets)).expect("a fax file");
        assert!(read.into_iter().map(|page| page.page).eq(pages));
    }
}

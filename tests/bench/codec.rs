//! `make bench-codec`: how long pages take in each coding: ours, libtiff's and the `fax` crate's, in one run.
//!
//! In: `sheet.tif`, the sheet of `make demo` as `shirase sheet` wrote it, and pages drawn in code.
//! Out: two tables, to code and to read, with ratios; exit code 1 if our octets are not libtiff's or a page
//! does not come back.
//! Method: processor time of this thread, median of many rounds in which all take their turn; memory to
//! memory, what holds the page or its octets included. libtiff is timed around the one call for the strip, without
//! its directory.
//! Not here: goals. A busy machine moves the figures, the ratios less.
#![allow(unsafe_code, reason = "libtiff is a C library; the clock of this thread is the system's")]

#[path = "../../drivers/t4/tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::process::ExitCode;

use t4::{Coding, Encoding, Page, Resolution, WIDTH_A4_PELS, decode, encode};

/// Rows of A4 at 7.7 line/mm.
const ROWS: u32 = 2287;
/// Odd, so that the median is one of them.
const ROUNDS: usize = 41;

fn main() -> ExitCode {
    // What one round frees the next one takes: else what the system does for fresh memory is measured.
    // SAFETY: no thread but this one allocates yet.
    let kept = unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 64 << 20)
            & libc::mallopt(libc::M_TRIM_THRESHOLD, 256 << 20)
    };
    assert_eq!(kept, 1, "glibc has these");
    let mut all_equal = true;
    let pages = pages();
    let mut rows = Vec::new();
    for coding in [Coding::Mmr, Coding::Mr, Coding::Mh] {
        for (name, page) in &pages {
            let row = measure(coding, page);
            all_equal &= row.equal;
            rows.push((coding, *name, row));
        }
    }
    println!("{ROUNDS} rounds, {WIDTH_A4_PELS} pels a row; ms of processor time, median");
    for (what, coded) in [("to code", true), ("to read", false)] {
        println!("\n{what:<28}   octets     ours  libtiff      fax   libtiff/ours  fax/ours");
        for (coding, name, row) in &rows {
            let [ours, libtiff, fax] = if coded { row.code_ms } else { row.read_ms };
            let (fax_ms, fax_ratio) = match fax {
                Some(ms) => (format!("{ms:8.3}"), format!("{:9.1}", ms / ours.unwrap_or(0.0))),
                None => ("       -".into(), "        -".into()),
            };
            let (ours, libtiff) = (ours.unwrap_or(0.0), libtiff.unwrap_or(0.0));
            let coding = format!("{coding:?}").to_uppercase();
            let ratio = libtiff / ours;
            println!(
                "{coding:<4}{name:<24} {:8} {ours:8.3} {libtiff:8.3} {fax_ms}   {ratio:12.2} {fax_ratio}{}",
                row.octets,
                if row.equal { "" } else { "  OTHER OCTETS OR PELS" }
            );
        }
    }
    if all_equal { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Row {
    octets: usize,
    equal: bool,
    /// Ours, libtiff, fax; `None` where the crate cannot.
    code_ms: [Option<f64>; 3],
    read_ms: [Option<f64>; 3],
}

fn measure(coding: Coding, page: &Page) -> Row {
    let encoding = Encoding::file(coding);
    let octets = encode(page, &encoding);
    let file = libtiff::write(page, coding, &mut |_| {});
    let mut equal = libtiff::raw_strip(&file) == octets;
    let has_fax_decoder = coding != Coding::Mr;
    let mut code: [Vec<f64>; 3] = Default::default();
    let mut read: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        code[0].push(timed_ms(|| encode(black_box(page), &encoding)));
        libtiff::write(page, coding, &mut |_| {});
        libtiff::write(black_box(page), coding, &mut |ms| code[1].push(ms));
        read[0].push(timed_ms(|| {
            decode(black_box(&octets), page.width_pels(), page.resolution(), &encoding)
        }));
        libtiff::read(&file, &mut |_| {});
        equal &= libtiff::read(&file, &mut |ms| read[1].push(ms)) == page.bits();
        if coding == Coding::Mmr {
            code[2].push(timed_ms(|| fax_encode(black_box(page))));
        }
        if has_fax_decoder {
            read[2].push(timed_ms(|| fax_decode(black_box(&octets), coding, page)));
        }
    }
    let ours = decode(&octets, page.width_pels(), page.resolution(), &encoding);
    equal &= ours.is_ok_and(|ours| ours.page == *page && ours.bad_rows.is_empty());
    Row { octets: octets.len(), equal, code_ms: code.map(median), read_ms: read.map(median) }
}

fn median(mut all: Vec<f64>) -> Option<f64> {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied()
}

/// Of the second of two times, so that memory and caches are nobody else's.
fn timed_ms<T>(mut work: impl FnMut() -> T) -> f64 {
    drop(black_box(work()));
    let start = thread_ms();
    let made = work();
    let took = thread_ms() - start;
    drop(black_box(made)); // freeing is nobody's coding
    took
}

/// Processor time of this thread: other programs on the machine do not count.
fn thread_ms() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of ours.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(done, 0, "Linux has this clock");
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

fn pages() -> Vec<(&'static str, Page)> {
    let sheet = include_bytes!("sheet.tif");
    let sheet = t4::container::read(std::io::Cursor::new(&sheet[..])).expect("a fax file");
    vec![
        ("sheet of text", sheet.into_iter().next().expect("a page").page),
        ("dense text", dense_text()),
        ("clustered halftone", common::halftone(WIDTH_A4_PELS, ROWS)),
        ("error diffusion", error_diffusion()),
        ("blank", common::draw(WIDTH_A4_PELS, ROWS, Resolution::Fine, |_, _| false)),
    ]
}

/// Letters of 11 by 20 pels on the whole page: about 8 points without a margin.
fn dense_text() -> Page {
    let double = common::text(2 * WIDTH_A4_PELS, 2 * ROWS);
    let black = |x: u32, y: u32| {
        double.row(y).is_some_and(|row| row[x as usize / 8] & (0x80 >> (x % 8)) != 0)
    };
    common::draw(WIDTH_A4_PELS, ROWS, Resolution::Fine, |x, y| black(2 * x, 2 * y))
}

/// A slow change from white to black by Floyd and Steinberg's filter: no coding likes it.
fn error_diffusion() -> Page {
    let width = WIDTH_A4_PELS as usize;
    let mut errors = vec![0_i32; width + 2];
    let mut below = errors.clone();
    common::draw(WIDTH_A4_PELS, ROWS, Resolution::Fine, |x, y| {
        let at = x as usize + 1;
        if x == 0 && y > 0 {
            std::mem::swap(&mut errors, &mut below);
            below.fill(0);
        }
        let want = (x * 200 / u32::from(WIDTH_A4_PELS) + y * 50 / ROWS) as i32 * 16 + errors[at];
        let black = want > 127 * 16;
        let error = (want - if black { 255 * 16 } else { 0 }) / 16;
        errors[at + 1] += error * 7;
        below[at - 1] += error * 3;
        below[at] += error * 5;
        below[at + 1] += error;
        black
    })
}

fn fax_encode(page: &Page) -> Vec<u8> {
    let width = u32::from(page.width_pels());
    let mut encoder = fax::encoder::Encoder::new(fax::VecWriter::new());
    for row in page.bits().chunks_exact(page.row_octets()) {
        let pels = row.iter().flat_map(|octet| {
            (0..8).map(move |pel| match octet & (0x80 >> pel) {
                0 => fax::Color::White,
                _ => fax::Color::Black,
            })
        });
        encoder.encode_line(pels, width).unwrap_or_else(|never| match never {});
    }
    encoder.finish().unwrap_or_else(|never| match never {}).finish()
}

/// With pels, as the others give them.
fn fax_decode(octets: &[u8], coding: Coding, page: &Page) -> Vec<u8> {
    let width = u32::from(page.width_pels());
    let mut bits = Vec::new();
    let mut row = |changes: &[u32]| {
        let mut octet = 0;
        for (at, pel) in (0_u32..).zip(fax::decoder::pels(changes, width)) {
            octet = octet << 1 | u8::from(pel == fax::Color::Black);
            if at % 8 == 7 {
                bits.push(octet);
            }
        }
    };
    let octets = octets.iter().copied();
    let _ = match coding {
        Coding::Mmr => fax::decoder::decode_g4(octets, width, Some(page.rows()), &mut row),
        Coding::Mh | Coding::Mr => fax::decoder::decode_g3(octets, &mut row),
    };
    bits
}

/// libtiff 4 in this process, on files in memory.
mod libtiff {
    use std::ffi::{c_char, c_int, c_uint, c_void};
    use std::slice;

    use t4::{Coding, Page};

    /// libtiff's own picture of a file.
    #[repr(C)]
    struct Tiff {
        _opaque: [u8; 0],
    }

    type Transfer = unsafe extern "C" fn(*mut c_void, *mut c_void, isize) -> isize;
    type Seek = unsafe extern "C" fn(*mut c_void, u64, c_int) -> u64;
    type Close = unsafe extern "C" fn(*mut c_void) -> c_int;
    type Size = unsafe extern "C" fn(*mut c_void) -> u64;
    type Map = unsafe extern "C" fn(*mut c_void, *mut *mut c_void, *mut u64) -> c_int;
    type Unmap = unsafe extern "C" fn(*mut c_void, *mut c_void, u64);

    // tiffio.h of libtiff 4.
    #[link(name = "tiff")]
    unsafe extern "C" {
        #[rustfmt::skip]
        fn TIFFClientOpen(
            name: *const c_char,
            mode: *const c_char,
            file: *mut c_void,
            read: Transfer,
            write: Transfer,
            seek: Seek,
            close: Close,
            size: Size,
            map: Map,
            unmap: Unmap,
        ) -> *mut Tiff;
        fn TIFFClose(tiff: *mut Tiff);
        fn TIFFSetField(tiff: *mut Tiff, tag: u32, ...) -> c_int;
        fn TIFFWriteEncodedStrip(tiff: *mut Tiff, strip: u32, from: *mut c_void, n: isize)
        -> isize;
        fn TIFFReadEncodedStrip(tiff: *mut Tiff, strip: u32, to: *mut c_void, n: isize) -> isize;
        fn TIFFReadRawStrip(tiff: *mut Tiff, strip: u32, to: *mut c_void, n: isize) -> isize;
        fn TIFFStripSize(tiff: *mut Tiff) -> isize;
        fn TIFFRawStripSize(tiff: *mut Tiff, strip: u32) -> isize;
    }

    /// A file in memory, behind the pointer that libtiff hands back to us.
    #[derive(Default)]
    struct Memory {
        octets: Vec<u8>,
        at: usize,
    }

    unsafe extern "C" fn read_some(file: *mut c_void, to: *mut c_void, n: isize) -> isize {
        // SAFETY: `file` is the Memory given to TIFFClientOpen, which nothing else holds meanwhile.
        let file = unsafe { &mut *file.cast::<Memory>() };
        let rest = file.octets.get(file.at..).unwrap_or_default();
        let n = rest.len().min(n.unsigned_abs());
        // SAFETY: libtiff gives room for as many octets as it asks for.
        unsafe { to.cast::<u8>().copy_from_nonoverlapping(rest.as_ptr(), n) };
        file.at += n;
        n as isize
    }

    unsafe extern "C" fn write_some(file: *mut c_void, from: *mut c_void, n: isize) -> isize {
        // SAFETY: as in `read_some`; `from` has `n` octets.
        let (file, from) = unsafe {
            (&mut *file.cast::<Memory>(), slice::from_raw_parts(from.cast(), n.unsigned_abs()))
        };
        let end = file.at + from.len();
        if file.octets.len() < end {
            file.octets.resize(end, 0);
        }
        file.octets[file.at..end].copy_from_slice(from);
        file.at = end;
        n
    }

    unsafe extern "C" fn seek(file: *mut c_void, offset: u64, whence: c_int) -> u64 {
        // SAFETY: as in `read_some`.
        let file = unsafe { &mut *file.cast::<Memory>() };
        let from = match whence {
            libc::SEEK_CUR => file.at,
            libc::SEEK_END => file.octets.len(),
            _ => 0,
        };
        file.at = from.wrapping_add(offset as usize);
        file.at as u64
    }

    unsafe extern "C" fn close(_: *mut c_void) -> c_int {
        0
    }

    unsafe extern "C" fn size(file: *mut c_void) -> u64 {
        // SAFETY: as in `read_some`.
        unsafe { &*file.cast::<Memory>() }.octets.len() as u64
    }

    unsafe extern "C" fn no_map(_: *mut c_void, _: *mut *mut c_void, _: *mut u64) -> c_int {
        0
    }

    unsafe extern "C" fn no_unmap(_: *mut c_void, _: *mut c_void, _: u64) {}

    /// Opens, works, closes; the file may have grown.
    fn with<T>(
        octets: Vec<u8>,
        mode: &std::ffi::CStr,
        work: impl FnOnce(*mut Tiff) -> T,
    ) -> (T, Vec<u8>) {
        let file = Box::into_raw(Box::new(Memory { octets, at: 0 }));
        // SAFETY: `file` lives until after TIFFClose, and the functions take it for what it is.
        let tiff = unsafe {
            let name = c"memory".as_ptr();
            let file = file.cast();
            TIFFClientOpen(
                name,
                mode.as_ptr(),
                file,
                read_some,
                write_some,
                seek,
                close,
                size,
                no_map,
                no_unmap,
            )
        };
        assert!(!tiff.is_null(), "libtiff opens a file in memory");
        let worked = work(tiff);
        // SAFETY: `tiff` is open; `file` came from a Box and libtiff has let go of it.
        let file = unsafe {
            TIFFClose(tiff);
            Box::from_raw(file)
        };
        (worked, file.octets)
    }

    /// A whole file of one strip. `took` gets the ms of the strip.
    pub fn write(page: &Page, coding: Coding, took: &mut dyn FnMut(f64)) -> Vec<u8> {
        let (compression, g3_options): (c_uint, c_uint) = match coding {
            Coding::Mh => (3, 0),
            Coding::Mr => (3, 1),
            Coding::Mmr => (4, 0),
        };
        let y_dpi = f64::from(page.resolution().dpi().1); // libtiff takes K from it
        let mut pels = page.bits().to_vec(); // libtiff may turn what it is given
        let work = |tiff| {
            for (tag, value) in [
                (256, c_uint::from(page.width_pels())),
                (257, page.rows()),
                (258, 1),
                (259, compression),
                (262, 0), // white is zero
                (266, 1), // bit 7 first
                (277, 1),
                (278, page.rows()),
                (284, 1),
            ] {
                // SAFETY: an open file; these fields take one unsigned integer each.
                assert_eq!(unsafe { TIFFSetField(tiff, tag, value) }, 1, "field {tag}");
            }
            if compression == 3 {
                // SAFETY: as above.
                assert_eq!(unsafe { TIFFSetField(tiff, 292, g3_options) }, 1);
            }
            // SAFETY: YResolution takes a double.
            assert_eq!(unsafe { TIFFSetField(tiff, 283, y_dpi) }, 1);
            let (from, n) = (pels.as_mut_ptr().cast(), pels.len() as isize);
            let start = super::thread_ms();
            // SAFETY: `from` has `n` octets that are ours to give.
            let written = unsafe { TIFFWriteEncodedStrip(tiff, 0, from, n) };
            took(super::thread_ms() - start);
            assert_eq!(written, n);
        };
        with(Vec::new(), c"w", work).1
    }

    /// The pels of a file's strip. `took` gets the ms.
    pub fn read(file: &[u8], took: &mut dyn FnMut(f64)) -> Vec<u8> {
        let work = |tiff| {
            // SAFETY: an open file.
            let n = unsafe { TIFFStripSize(tiff) };
            let start = super::thread_ms();
            let mut pels = vec![0_u8; n.unsigned_abs()];
            // SAFETY: room for `n` octets.
            let read = unsafe { TIFFReadEncodedStrip(tiff, 0, pels.as_mut_ptr().cast(), n) };
            took(super::thread_ms() - start);
            assert_eq!(read, n);
            pels
        };
        with(file.to_vec(), c"r", work).0
    }

    /// The coded octets of a file's strip.
    pub fn raw_strip(file: &[u8]) -> Vec<u8> {
        let work = |tiff| {
            // SAFETY: an open file, and room for the octets that it has.
            unsafe {
                let n = TIFFRawStripSize(tiff, 0);
                let mut octets = vec![0_u8; n.unsigned_abs()];
                assert_eq!(TIFFReadRawStrip(tiff, 0, octets.as_mut_ptr().cast(), n), n);
                octets
            }
        };
        with(file.to_vec(), c"r", work).0
    }
}

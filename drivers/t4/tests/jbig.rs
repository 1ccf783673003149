//! T.85 both ways: `jbgtopbm85` of jbigkit reads what we write, we read what its `pbmtojbg85` writes, and
//! nothing that anybody sends makes us panic.

mod common;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use t4::jbig::{self, JbigError, JbigSettings};
use t4::{Coding, Encoding, MAX_ROWS, Page, Resolution, encode};

use common::Spread;

const HEADER_OCTETS: usize = 20;

/// Runs a program of jbigkit on octets.
fn jbigkit(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("{program} does not start ({error}); install the Debian package jbigkit-bin")
        });
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // A program that refuses its input closes the pipe early; its exit says so.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("an end");
    feeder.join().expect("fed");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    output.stdout
}

fn pbm(page: &Page) -> Vec<u8> {
    let mut file = format!("P4\n{} {}\n", page.width_pels(), page.rows()).into_bytes();
    file.extend(page.bits());
    file
}

/// `jbgtopbm85` writes a comment-free P4 header with any white space.
fn pels_of_pbm(file: &[u8], page: &Page) -> Vec<u8> {
    let octets = page.bits().len();
    let text = String::from_utf8_lossy(&file[..file.len() - octets]).into_owned();
    let words: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(words, ["P4", &page.width_pels().to_string(), &page.rows().to_string()]);
    file[file.len() - octets..].to_vec()
}

fn every_settings() -> Vec<JbigSettings> {
    let mut all = vec![JbigSettings::basic()];
    for two_rows in [false, true] {
        for typical in [false, true] {
            for (stripe_rows, move_pels) in [(128, 0), (7, 127), (100_000, 16)] {
                all.push(JbigSettings { two_rows, typical, stripe_rows, move_pels });
            }
        }
    }
    all
}

fn pages() -> Vec<(String, Page)> {
    let mut all = Vec::new();
    for width_pels in common::WIDTHS_PELS {
        for (name, page) in common::pages(width_pels) {
            all.push((format!("{name}, {width_pels}"), page));
        }
    }
    for width_pels in [1, 7, 8, 9, 70] {
        let narrow = [
            ("random", common::random(width_pels, 300)),
            ("halftone", common::halftone(width_pels, 40)),
            ("one row", common::random(width_pels, 1)),
        ];
        all.extend(narrow.map(|(name, page)| (format!("{name}, {width_pels}"), page)));
    }
    all
}

fn assert_same(name: &str, got: &Result<Page, JbigError>, want: &Page) {
    match got {
        Ok(page) => assert!(page == want, "{name}: other pels"),
        Err(error) => panic!("{name}: {error}"),
    }
}

#[test]
fn every_page_comes_back_with_every_setting() {
    for (name, page) in pages() {
        for settings in every_settings() {
            let octets = jbig::encode(&page, &settings);
            let got = jbig::decode(&octets, page.resolution());
            assert_same(&format!("{name}, {settings:?}"), &got, &page);
        }
    }
}

#[test]
fn jbigkit_reads_our_pels() {
    for (name, page) in pages() {
        // With a narrow page jbigkit is asked for less: one setting in three.
        let settings = every_settings();
        let step = if page.width_pels() > 1000 { 1 } else { 3 };
        for settings in settings.into_iter().step_by(step) {
            let octets = jbig::encode(&page, &settings);
            let file = jbigkit("jbgtopbm85", &[], &octets);
            assert!(pels_of_pbm(&file, &page) == page.bits(), "{name}, {settings:?}: other pels");
        }
    }
}

#[test]
fn we_read_what_jbigkit_writes() {
    // -p: the sum of 64 LRLTWO and 8 TPBON; -s: rows of a stripe; -m: MX.
    let flags: [&[&str]; 6] = [
        &[],
        &["-p", "8", "-s", "128"],
        &["-p", "64", "-s", "5", "-m", "0"],
        &["-p", "72", "-m", "127"],
        &["-p", "0", "-s", "1000"],
        &["-p", "8", "-s", "32", "-C", "a comment"],
    ];
    let mut moved = 0;
    for (name, page) in pages() {
        for flags in flags {
            let octets = jbigkit("pbmtojbg85", flags, &pbm(&page));
            moved += octets.windows(2).filter(|two| *two == [0xff, 0x06]).count();
            let got = jbig::decode(&octets, page.resolution());
            assert_same(&format!("{name}, {flags:?}"), &got, &page);
        }
    }
    // -Y: announces 9000 rows, and the true length by a NEWLEN behind the row given.
    for (name, page) in pages().into_iter().filter(|(_, page)| page.rows() > 20) {
        for behind in [1, 16, page.rows() - 1] {
            let flags = ["-s", "16", "-Y", "9000", &behind.to_string()];
            let octets = jbigkit("pbmtojbg85", &flags, &pbm(&page));
            let got = jbig::decode(&octets, page.resolution());
            assert_same(&format!("{name}, {flags:?}"), &got, &page);
        }
    }
    assert!(moved > 0, "some page must have made jbigkit move its adaptive pel");
}

#[test]
fn our_octets_are_jbigkits_octets() {
    // Where nothing is left to choose, that is without moves, there is one coding only.
    for (name, page) in pages() {
        for (flags, two_rows, typical) in
            [("8", false, true), ("0", false, false), ("72", true, true), ("64", true, false)]
        {
            let settings = JbigSettings { two_rows, typical, stripe_rows: 128, move_pels: 0 };
            let ours = jbig::encode(&page, &settings);
            let args = ["-p", flags, "-s", "128", "-m", "0"];
            let theirs = jbigkit("pbmtojbg85", &args, &pbm(&page));
            let [ours, theirs] = [ours, theirs].map(|octets| without_end_zeros(&octets));
            let differs = ours.iter().zip(&theirs).position(|(our, their)| our != their);
            assert_eq!((differs, ours.len()), (None, theirs.len()), "{name}, {flags}: this octet");
        }
    }
}

/// Zeros at the end of a stripe say nothing; jbigkit takes most of them away, we all.
fn without_end_zeros(octets: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    for octet in octets {
        if kept.last() == Some(&0xff) && *octet == 0x02 {
            kept.pop();
            while kept.last() == Some(&0) {
                kept.pop();
            }
            kept.push(0xff);
        }
        kept.push(*octet);
    }
    kept
}

/// The sheet of `make demo`.
fn sheet() -> Page {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/bench/sheet.tif");
    let file = std::fs::File::open(path).expect("the sheet");
    t4::container::read(file).expect("a fax file").remove(0).page
}

#[test]
fn a_sheet_takes_far_fewer_octets_than_in_mmr() {
    for page in [sheet(), common::standard(&sheet())] {
        let jbig = jbig::encode(&page, &JbigSettings::basic()).len();
        let mmr = encode(&page, &Encoding::file(Coding::Mmr)).len();
        println!("{:?}: T.85 {jbig} octets, MMR {mmr}", page.resolution());
        assert!(jbig * 100 < mmr * 85, "{jbig} octets in T.85, {mmr} in MMR");
    }
}

#[test]
fn a_halftone_gains_from_the_adaptive_pel() {
    let page = common::halftone(1728, 600);
    let octets = |move_pels| {
        let settings = JbigSettings { move_pels, ..JbigSettings::basic() };
        jbig::encode(&page, &settings).len()
    };
    let (still, moved) = (octets(0), octets(127));
    assert!(moved * 3 < still * 2, "{moved} octets with moves, {still} without");
}

#[test]
fn newlen_behind_the_last_stripe_or_within_it_ends_the_page() {
    let page = common::text(1728, 300);
    let settings = JbigSettings::basic();
    let mut octets = jbig::encode(&page, &settings);
    octets[8..12].copy_from_slice(&u32::MAX.to_be_bytes()); // YD
    octets[19] |= 1 << 5; // VLENGTH
    let with = |length: u32, more: &[u8]| {
        let newlen = [&[0xff, 0x05][..], &length.to_be_bytes(), more].concat();
        jbig::decode(&[&octets[..], &newlen].concat(), Resolution::Fine)
    };
    // Rows 256 to 299 are in the third stripe.
    assert_same("plain", &with(300, &[]), &page);
    assert_same("with the empty stripe that T.82 asks for", &with(300, &[0xff, 0x02]), &page);
    assert_eq!(with(256, &[]).unwrap_err().code(), "t4-jbig-marker");
    assert_eq!(with(400, &[]), Err(JbigError::Truncated { row: 384 }));
    let none = jbig::decode(&octets, Resolution::Fine);
    assert_eq!(none, Err(JbigError::Truncated { row: 384 }));
    let too_long = with(20_000, &[0xff, 0x02].repeat(200)).unwrap_err();
    assert_eq!(too_long.code(), "t4-jbig-size");
}

#[test]
fn comments_are_passed_over_and_padding_behind_the_page_too() {
    let page = common::text(1728, 40);
    let octets = jbig::encode(&page, &JbigSettings::basic());
    let (header, stripe) = octets.split_at(HEADER_OCTETS);
    let comment = [&[0xff, 0x07, 0, 0, 0, 5][..], b"\xff\x02abc"].concat();
    let all = [header, &comment, stripe, &[0; 100]].concat();
    assert_same("comment", &jbig::decode(&all, page.resolution()), &page);
}

#[test]
fn headers_that_t85_does_not_allow_name_the_field() {
    let good = jbig::encode(&common::text(1728, 40), &JbigSettings::basic());
    let with = |at: usize, octet: u8| {
        let mut octets = good.clone();
        octets[at] = octet;
        jbig::decode(&octets, Resolution::Fine).map(drop)
    };
    for (at, octet, field, value) in [
        (0, 1, "DL", 1),
        (1, 1, "D", 1),
        (2, 2, "P", 2),
        (16, 128, "MX", 128),
        (17, 1, "MY", 1),
        (18, 1, "order", 1),
        (19, 0x0c, "options", 0x0c),
        (15, 0, "L0", 0),
    ] {
        assert_eq!(with(at, octet), Err(JbigError::NotT85 { field, value }), "{at}");
    }
    assert_eq!(with(4, 1).unwrap_err().code(), "t4-jbig-size");
    assert_eq!(with(9, 1).unwrap_err().code(), "t4-jbig-size");
    assert_eq!(with(20, 0xff).map_err(|error| error.code()), Err("t4-jbig-marker"));
}

#[test]
fn moves_that_the_header_does_not_allow_are_refused() {
    let settings = JbigSettings { move_pels: 20, ..JbigSettings::basic() };
    let good = jbig::encode(&common::text(1728, 40), &settings);
    let with = |tx, ty| {
        let segment = [0xff, 0x06, 0, 0, 0, 0, tx, ty];
        let all = [&good[..HEADER_OCTETS], &segment, &good[HEADER_OCTETS..]].concat();
        jbig::decode(&all, Resolution::Fine).map(drop)
    };
    let refused = |field, value| Err(JbigError::NotT85 { field, value });
    assert_eq!((with(21, 0), with(2, 0)), (refused("tx", 21), refused("tx", 2)));
    assert_eq!(with(8, 1), refused("ty", 1));
    assert_eq!(with(0, 0), Ok(()));
}

#[test]
fn page_cut_or_given_up_says_so() {
    let page = common::text(1728, 300);
    let octets = jbig::encode(&page, &JbigSettings::basic());
    for length in 0..octets.len() {
        let got = jbig::decode(&octets[..length], Resolution::Fine).map(drop).unwrap_err();
        assert!(matches!(got, JbigError::Truncated { row: 0 | 128 | 256 }), "{length}: {got:?}");
    }
    let end = octets.len() - 1;
    let mut given_up = octets.clone();
    given_up[end] = 0x04;
    let got = jbig::decode(&given_up, Resolution::Fine);
    assert_eq!(got, Err(JbigError::Aborted { row: 256 }));
}

#[test]
fn page_without_rows_is_no_octets() {
    let none = Page::new(1728, Resolution::Fine);
    assert!(jbig::encode(&none, &JbigSettings::basic()).is_empty());
}

#[test]
fn mutated_pages_end_in_a_page_or_an_error() {
    let mut spread = Spread(3);
    let (mut read, mut refused) = (0, 0);
    for settings in every_settings() {
        let good = jbig::encode(&common::halftone(300, 60), &settings);
        for _ in 0..200 {
            let mut octets = good.clone();
            for _ in 0..=spread.next(3) {
                let place = spread.next(octets.len() as u32) as usize;
                octets[place] = match spread.next(4) {
                    0 => 0xff,
                    1 => spread.next(8) as u8,
                    _ => spread.next(256) as u8,
                };
            }
            match jbig::decode(&octets, Resolution::Fine) {
                Ok(page) => {
                    assert!(page.rows() <= MAX_ROWS);
                    read += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(read > 500 && refused > 200, "{read} read, {refused} refused");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_page_comes_back(
        width_pels in 1_u16..=140,
        octets in prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(0xff)], 0..800),
        which in prop::sample::select(every_settings()),
    ) {
        let row_octets = usize::from(width_pels.div_ceil(8));
        let whole = octets.len() / row_octets * row_octets;
        prop_assume!(whole > 0);
        let page = Page::from_bits(width_pels, Resolution::Fine, octets[..whole].to_vec()).unwrap();
        let coded = jbig::encode(&page, &which);
        prop_assert_eq!(jbig::decode(&coded, Resolution::Fine), Ok(page));
    }

    #[test]
    fn any_octets_end_in_a_page_or_an_error(
        mut octets in prop::collection::vec(
            prop_oneof![any::<u8>(), Just(0xff), Just(0x02), Just(0)], HEADER_OCTETS..300),
        whole_header in any::<bool>(),
    ) {
        if whole_header {
            let header = [0, 0, 1, 0, 0, 0, 0, 40, 0, 0, 0, 90, 0, 0, 0, 8, 127, 0, 0, 0x28];
            octets[..HEADER_OCTETS].copy_from_slice(&header);
        }
        if let Ok(page) = jbig::decode(&octets, Resolution::Fine) {
            prop_assert!((1..=MAX_ROWS).contains(&page.rows()));
        }
    }
}

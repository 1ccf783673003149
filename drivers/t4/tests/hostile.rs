//! Octets that nobody honest sent: nothing panics, everything ends, memory stays bounded.

mod common;

use std::io::Cursor;

use proptest::prelude::*;
use t4::container::{self, FileSettings};
use t4::{BitOrder, Coding, Decoded, Encoding, MAX_ROWS, Page, Resolution, decode, encode};

use common::Spread;

const CODINGS: [Coding; 3] = [Coding::Mh, Coding::Mr, Coding::Mmr];

/// Reads and checks what must hold of any page; returns whether there was one.
fn read(octets: &[u8], width_pels: u16, encoding: &Encoding) -> Option<Decoded> {
    let decoded = decode(octets, width_pels, Resolution::Fine, encoding).ok()?;
    let Decoded { page, bad_rows, ended: _ } = &decoded;
    assert!(page.rows() <= MAX_ROWS);
    assert!(bad_rows.is_sorted_by(|a, b| a < b), "{bad_rows:?}");
    assert!(bad_rows.last().is_none_or(|last| *last < page.rows()));
    // A page cleans stray bits when it is made from octets: there must be none to clean.
    let clean = Page::from_bits(width_pels, Resolution::Fine, page.bits().to_vec());
    assert_eq!(clean.as_ref(), Ok(page));
    Some(decoded)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_octets_end_in_a_page_or_an_error(
        octets in prop::collection::vec(
            prop_oneof![any::<u8>(), Just(0), Just(0xff), Just(0x10), Just(0x01)], 0..600),
        width_pels in prop_oneof![1_u16..=70, Just(1728), Just(2432)],
        coding in prop::sample::select(&CODINGS[..]),
        lsb_first in any::<bool>(),
    ) {
        let order = if lsb_first { BitOrder::LsbFirst } else { BitOrder::MsbFirst };
        let encoding = Encoding::line(coding, order, 0);
        if let Some(decoded) = read(&octets, width_pels, &encoding) {
            // Whatever was read is a page that can be sent on.
            let again = decode(&encode(&decoded.page, &encoding), width_pels, Resolution::Fine, &encoding);
            prop_assert_eq!(again.map(|again| again.page), Ok(decoded.page));
        }
    }
}

#[test]
fn mutated_pages_end_in_a_page_or_an_error() {
    let mut spread = Spread(1);
    let (mut pages, mut refused) = (0, 0);
    for coding in CODINGS {
        let encoding = Encoding::line(coding, BitOrder::MsbFirst, 0);
        let good = encode(&common::text(1728, 120), &encoding);
        for _ in 0..2000 {
            match read(&mutated(&good, 0, &mut spread), 1728, &encoding) {
                Some(_) => pages += 1,
                None => refused += 1,
            }
        }
    }
    assert!(pages > 4000, "MH and MR conceal: {pages} of 6000");
    assert!(refused > 1000, "MMR notices most of it: {refused} of 2000");
}

#[test]
fn mutated_files_end_in_pages_or_an_error() {
    let mut spread = Spread(2);
    let (mut read, mut refused) = (0, 0);
    for coding in CODINGS {
        let settings = FileSettings {
            coding,
            order: BitOrder::LsbFirst,
            software: "shirase",
            date_time: None,
        };
        let mut file = Cursor::new(Vec::new());
        let pages = [common::text(1728, 50), common::halftone(1728, 10)];
        container::write(&mut file, &pages, &settings).unwrap();
        let good = file.into_inner();
        // Mostly the directories: they are what is behind the strips.
        let strips = good.len() - 2 * 300;
        for round in 0..3000 {
            let from = if round % 4 == 0 { 0 } else { strips };
            match container::read(Cursor::new(mutated(&good, from, &mut spread))) {
                Ok(_) => read += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(read > 100 && refused > 1000, "{read} read, {refused} refused");
}

/// One to eight changes behind `from`: bits flipped, octets overwritten, cut out, doubled, the end cut.
fn mutated(good: &[u8], from: usize, spread: &mut Spread) -> Vec<u8> {
    let mut octets = good.to_vec();
    for _ in 0..=spread.next(8) {
        let place = from + spread.next((octets.len() - from) as u32) as usize;
        match spread.next(10) {
            0..=4 => octets[place] ^= 1 << spread.next(8),
            5 => octets[place] = 0,
            6 => octets[place] = 0xff,
            7 => drop(octets.remove(place)),
            8 => octets.insert(place, octets[place]),
            _ if spread.next(4) == 0 => octets.truncate(place.max(from + 1)),
            _ => octets[place] = spread.next(256) as u8,
        }
    }
    octets
}

//! What was coded comes back, pel for pel, for every coding, bit order, fill and end.

mod common;

use proptest::prelude::*;
use t4::{BitOrder, Coding, Encoding, MAX_WIDTH_PELS, Page, Resolution, decode, encode};

const CODINGS: [Coding; 3] = [Coding::Mh, Coding::Mr, Coding::Mmr];
const ORDERS: [BitOrder; 2] = [BitOrder::MsbFirst, BitOrder::LsbFirst];

fn encodings() -> Vec<Encoding> {
    let mut all = Vec::new();
    for coding in CODINGS {
        for order in ORDERS {
            all.push(Encoding { order, ..Encoding::file(coding) });
            all.push(Encoding { end: false, ..Encoding::line(coding, order, 96) });
            all.extend([0, 24, 288].map(|bits| Encoding::line(coding, order, bits)));
        }
    }
    all
}

fn assert_comes_back(name: &str, page: &Page, encoding: &Encoding) {
    let octets = encode(page, encoding);
    let decoded = decode(&octets, page.width_pels(), page.resolution(), encoding)
        .unwrap_or_else(|error| panic!("{name}, {encoding:?}: {error}"));
    assert_eq!(decoded.bad_rows, [0; 0], "{name}, {encoding:?}");
    assert_eq!(decoded.ended, encoding.end, "{name}, {encoding:?}");
    assert!(decoded.page == *page, "{name}, {encoding:?}: other pels");
}

#[test]
fn every_page_comes_back_from_every_encoding() {
    for width_pels in common::WIDTHS_PELS {
        for (name, page) in common::pages(width_pels) {
            for encoding in encodings() {
                assert_comes_back(&format!("{name}, {width_pels}"), &page, &encoding);
            }
        }
    }
}

#[test]
fn every_width_of_every_resolution_comes_back() {
    for resolution in Resolution::ALL {
        for width_pels in resolution.widths_pels() {
            let page = common::at(&common::text(width_pels, 50), resolution);
            for encoding in encodings() {
                assert_comes_back(&format!("{resolution:?}, {width_pels}"), &page, &encoding);
            }
        }
    }
}

#[test]
fn every_run_up_to_the_widest_row_comes_back() {
    let page = common::every_run(MAX_WIDTH_PELS);
    for coding in CODINGS {
        assert_comes_back("every run", &page, &Encoding::file(coding));
    }
}

prop_compose! {
    /// Rows made of runs, each row a changed copy of the one above: what codings meet in the field.
    fn any_page()(width_pels in prop_oneof![1_u16..=70, 1700_u16..=1760])(
        rows in prop::collection::vec(
            (prop::bool::weighted(0.3), prop::collection::vec(0..=width_pels, 0..24)),
            1..12,
        ),
        fine in any::<bool>(),
        width_pels in Just(width_pels),
    ) -> Page {
        let resolution = if fine { Resolution::Fine } else { Resolution::Standard };
        let mut page = Page::new(width_pels, resolution);
        let mut edges: Vec<u16> = Vec::new();
        for (afresh, row_edges) in rows {
            if afresh {
                edges = row_edges;
            } else {
                edges.extend(row_edges.into_iter().take(2));
                edges.iter_mut().step_by(3).for_each(|edge| *edge = edge.saturating_add(1));
            }
            let row = common::draw(width_pels, 1, resolution, |x, _| {
                edges.iter().filter(|edge| u32::from(**edge) <= x).count() % 2 == 1
            });
            page.push_row(row.bits()).expect("a whole row");
        }
        page
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_page_comes_back(page in any_page(), which in prop::sample::select(encodings())) {
        assert_comes_back("any page", &page, &which);
    }
}

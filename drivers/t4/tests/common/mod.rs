//! Pages as tests need them, drawn in code, so that each test knows what it feeds in.
//!
//! In: a width. Out: pages like text, like photographs, and the worst ones. No clock, no true chance:
//! the same pages every time.
#![allow(dead_code, reason = "each test binary uses its own part")]

use t4::{Page, Resolution};

/// T.4 2.2: A4, B4 and A3 at R8.
pub const WIDTHS_PELS: [u16; 3] = [1728, 2048, 2432];

/// A small generator (Knuth's MMIX constants): tests need spread, not chance.
pub struct Spread(pub u64);

impl Spread {
    pub fn next(&mut self, below: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(below)) as u32
    }
}

/// Draws a page pel by pel; `black` is asked with x and y.
pub fn draw(
    width_pels: u16,
    rows: u32,
    resolution: Resolution,
    mut black: impl FnMut(u32, u32) -> bool,
) -> Page {
    let mut page = Page::new(width_pels, resolution);
    for y in 0..rows {
        let mut row = vec![0; page.row_octets()];
        for x in (0..u32::from(width_pels)).filter(|x| black(*x, y)) {
            row[x as usize / 8] |= 0x80 >> (x % 8);
        }
        page.push_row(&row).expect("a whole row");
    }
    page
}

/// Lines of made-up letters: strokes three pels wide in cells of 22 by 40, margins, empty rows.
pub fn text(width_pels: u16, rows: u32) -> Page {
    let letter = |column: u32, line: u32| {
        let mut spread = Spread(u64::from(column) << 32 | u64::from(line));
        let strokes = [spread.next(15), spread.next(15), spread.next(24), spread.next(24)];
        (spread.next(6) != 0).then_some(strokes) // every sixth is a blank
    };
    draw(width_pels, rows, Resolution::Fine, |x, y| {
        let (column, line) = (x / 22, y / 40);
        let (in_x, in_y) = (x % 22, y % 40);
        if !(6..width_pels as u32 / 22 - 6).contains(&column) || line % 7 == 6 {
            return false;
        }
        let Some([left, right, top, foot]) = letter(column, line) else { return false };
        let tall = (4..32).contains(&in_y);
        let upright = tall && (in_x.wrapping_sub(left) < 3 || in_x.wrapping_sub(right) < 3);
        let across = in_x < 17 && (in_y.wrapping_sub(top) < 3 || in_y.wrapping_sub(foot) < 3);
        let slanted = tall && in_x.wrapping_sub(in_y / 2) < 3;
        upright || across || (slanted && left > right)
    })
}

/// A fine page at 3.85 line/mm.
pub fn standard(fine: &Page) -> Page {
    fine.scaled_to(fine.width_pels(), Resolution::Standard).expect("half as long")
}

/// The same pels as those of another resolution.
pub fn at(page: &Page, resolution: Resolution) -> Page {
    Page::from_bits(page.width_pels(), resolution, page.bits().to_vec()).expect("the same page")
}

/// A clustered 8 by 8 halftone of a slow change from white to black.
pub fn halftone(width_pels: u16, rows: u32) -> Page {
    draw(width_pels, rows, Resolution::Standard, |x, y| {
        let (in_x, in_y) = ((x % 8) as i32 - 4, (y % 8) as i32 - 4);
        let level = (x * 40 / u32::from(width_pels)) as i32;
        in_x * in_x + in_y * in_y < level
    })
}

pub fn random(width_pels: u16, rows: u32) -> Page {
    let mut spread = Spread(u64::from(width_pels));
    draw(width_pels, rows, Resolution::Fine, |_, _| spread.next(2) == 1)
}

/// Each row the row above with a few runs moved by up to four pels: every vertical mode, and passes.
pub fn drifting(width_pels: u16, rows: u32, edges: u32) -> Page {
    let mut spread = Spread(7);
    let mut edges: Vec<u32> = (0..edges).map(|_| spread.next(u32::from(width_pels))).collect();
    let mut page = Page::new(width_pels, Resolution::Fine);
    for _ in 0..rows {
        for edge in &mut edges {
            *edge = (*edge + spread.next(9)).saturating_sub(4).min(u32::from(width_pels));
        }
        edges.sort_unstable();
        let row = draw(width_pels, 1, Resolution::Fine, |x, _| {
            edges.iter().filter(|edge| **edge <= x).count() % 2 == 1
        });
        page.push_row(row.bits()).expect("a whole row");
    }
    page
}

/// Row n is n white pels, n black ones, then the rest white: all runs of both colours.
pub fn every_run(width_pels: u16) -> Page {
    draw(width_pels, u32::from(width_pels), Resolution::Fine, |x, y| x >= y && x < 2 * y)
}

/// Name and page, for messages that say which page broke.
pub fn pages(width_pels: u16) -> Vec<(&'static str, Page)> {
    let fine = |rows, black: fn(u32, u32) -> bool| draw(width_pels, rows, Resolution::Fine, black);
    vec![
        ("text", text(width_pels, 400)),
        ("text, standard", standard(&text(width_pels, 401))),
        ("halftone", halftone(width_pels, 100)),
        ("random", random(width_pels, 60)),
        ("drifting", drifting(width_pels, 200, 40)),
        ("drifting, crowded", drifting(width_pels, 200, u32::from(width_pels) / 4)),
        ("blank", fine(300, |_, _| false)),
        ("blank, one row", fine(1, |_, _| false)),
        ("black", fine(50, |_, _| true)),
        ("upright stripes of 1 pel", fine(20, |x, _| x % 2 == 0)),
        ("upright stripes, white first", fine(20, |x, _| x % 2 == 1)),
        ("level stripes of 1 row", fine(21, |_, y| y % 2 == 1)),
        ("chequered", fine(20, |x, y| (x + y) % 2 == 0)),
        ("edges", fine(30, |x, y| if y % 2 == 0 { x < 3 } else { x >= 1700 })),
    ]
}

//! What a line without error correction and a cheap machine at its end make of a page.
//!
//! In: a page as it was sent, a seed. Out: the picture on the far paper, and where on it each place of the
//! page came to lie.
//! Not here: noise as modems hear it (`tests/noise`); here bits are wrong, as many as were asked for.

use image::{GrayImage, Luma};
use t4::{BitOrder, Coding, Encoding, Page, Resolution};

use crate::random::Random;

/// Bits that a hit spoils in a row, each one half of the time: 10 ms at 9600 bit/s. Chosen.
const HIT_BITS: usize = 96;

/// What happens to a sheet on its way.
#[derive(Clone, Copy, Debug)]
pub struct Damage {
    pub name: &'static str,
    pub line: Line,
    /// Of the paper, clockwise.
    pub skew_degrees: f32,
    /// Of the print, both ways.
    pub scale: f32,
}

/// What happens to the coded octets. Shares are of all rows of the page.
#[derive(Clone, Copy, Debug)]
pub enum Line {
    Clean,
    /// Wrong bits one by one; the receiver prints the row above instead of each row that it cannot read.
    Bits {
        coding: Coding,
        bad_rows: f32,
    },
    /// The same, but wrong bits come in crowds.
    Hits {
        coding: Coding,
        bad_rows: f32,
    },
    /// The receiver leaves bad rows out.
    Dropped {
        rows: f32,
    },
}

const GOOD: Damage = Damage { name: "clean", line: Line::Clean, skew_degrees: 0.0, scale: 1.0 };

/// From left to right as in the table.
pub const DAMAGES: [Damage; 10] = [
    GOOD,
    Damage { name: "MH 0.1%", line: Line::Bits { coding: Coding::Mh, bad_rows: 0.001 }, ..GOOD },
    Damage { name: "MH 1%", line: Line::Bits { coding: Coding::Mh, bad_rows: 0.01 }, ..GOOD },
    Damage { name: "MH 3%", line: Line::Bits { coding: Coding::Mh, bad_rows: 0.03 }, ..GOOD },
    Damage { name: "MR 1%", line: Line::Bits { coding: Coding::Mr, bad_rows: 0.01 }, ..GOOD },
    Damage { name: "hits 1%", line: Line::Hits { coding: Coding::Mr, bad_rows: 0.01 }, ..GOOD },
    Damage { name: "lost 1%", line: Line::Dropped { rows: 0.01 }, ..GOOD },
    Damage { name: "skew 1", skew_degrees: 1.0, ..GOOD },
    Damage { name: "97%", scale: 0.97, ..GOOD },
    Damage {
        name: "all",
        line: Line::Bits { coding: Coding::Mr, bad_rows: 0.01 },
        skew_degrees: 0.5,
        scale: 0.97,
    },
];

/// The far paper at 204 × 196 dpi; rows of 98 dpi are printed twice.
pub struct Received {
    page: Page,
    /// Where each row that was sent is among those that were received.
    rows: Vec<usize>,
    repeat: u32,
    turn: Turn,
    /// How many rows fewer came out than are accounted for.
    pub lost_rows: usize,
}

impl Received {
    /// Where a corner of a pel of the sent page lies on the paper.
    pub fn place(&self, column: usize, row: usize) -> (f32, f32) {
        let row = self.rows.get(row).or(self.rows.last()).copied().unwrap_or(0);
        self.turn.forth(column as f32, (row * self.repeat as usize) as f32)
    }

    /// The pel of the paper where the middle of a sent pel came to lie.
    pub fn shows(&self, column: usize, row: usize) -> bool {
        let (x, y) = self.place(column, row);
        self.is_black((x + 0.5).floor(), (y + self.repeat as f32 / 2.0).floor())
    }

    /// Each pel of the paper is the nearest one of the page: no grey, as a thermal head prints.
    pub fn is_black(&self, x: f32, y: f32) -> bool {
        let (x, y) = self.turn.back(x + 0.5, y + 0.5);
        if x < 0.0 || y < 0.0 {
            return false;
        }
        let (column, row) = (x as usize, y as u32 / self.repeat);
        let octet = self.page.row(row).and_then(|row| row.get(column / 8)).copied();
        octet.unwrap_or(0) << (column % 8) & 0x80 != 0
    }

    /// A part of the paper, or all of it.
    pub fn picture(&self, left: f32, top: f32, width: u32, height: u32) -> GrayImage {
        GrayImage::from_fn(width, height, |x, y| {
            Luma([if self.is_black(left + x as f32, top + y as f32) { 0 } else { 255 }])
        })
    }
}

/// Sends a page through a damage. The same seed gives the same picture.
pub fn receive(page: &Page, damage: &Damage, seed: u64) -> Received {
    let mut random = Random::new(seed);
    let all = page.rows() as usize;
    let target = |share: f32| (share * all as f32).ceil() as usize;
    let same: Vec<usize> = (0..all).collect();
    let (page, rows) = match damage.line {
        Line::Clean => (page.clone(), same),
        Line::Bits { coding, bad_rows } => {
            (spoil(page, coding, target(bad_rows), 1, &mut random), same)
        }
        Line::Hits { coding, bad_rows } => {
            (spoil(page, coding, target(bad_rows), HIT_BITS, &mut random), same)
        }
        Line::Dropped { rows } => drop_rows(page, target(rows), &mut random),
    };
    let repeat = if page.resolution() == Resolution::Standard { 2 } else { 1 };
    let size = (f32::from(page.width_pels()), (page.rows() * repeat) as f32);
    let lost_rows = rows.last().map_or(0, |last| (last + 1).saturating_sub(page.rows() as usize));
    Received { turn: Turn::new(damage, size), page, rows, repeat, lost_rows }
}

/// Makes bits wrong, `crowd` of them side by side, until so many rows are bad, and reads what is left.
fn spoil(page: &Page, coding: Coding, target: usize, crowd: usize, random: &mut Random) -> Page {
    let encoding = Encoding::line(coding, BitOrder::LsbFirst, 0);
    let mut octets = t4::encode(page, &encoding);
    loop {
        let first = random.below(octets.len() * 8);
        for bit in first..(first + crowd).min(octets.len() * 8) {
            if crowd == 1 || random.below(2) == 1 {
                octets[bit / 8] ^= 1 << (bit % 8);
            }
        }
        let read = t4::decode(&octets, page.width_pels(), page.resolution(), &encoding)
            .expect("MH and MR go on after an error");
        if read.bad_rows.len() >= target {
            return read.page;
        }
    }
}

fn drop_rows(page: &Page, target: usize, random: &mut Random) -> (Page, Vec<usize>) {
    let all = page.rows() as usize;
    let mut dropped = vec![false; all];
    for _ in 0..target {
        dropped[random.below(all)] = true;
    }
    let mut left = Page::new(page.width_pels(), page.resolution());
    let mut places = Vec::with_capacity(all);
    for (row, dropped) in dropped.iter().enumerate() {
        places.push(left.rows() as usize);
        if !dropped {
            left.push_row(page.row(row as u32).expect("a row")).expect("as wide as the page");
        }
    }
    (left, places)
}

/// Skew and scale about the middle of the paper.
struct Turn {
    cos: f32,
    sin: f32,
    scale: f32,
    middle: (f32, f32),
}

impl Turn {
    fn new(damage: &Damage, (width, height): (f32, f32)) -> Self {
        let angle = damage.skew_degrees.to_radians();
        let middle = (width / 2.0, height / 2.0);
        Self { cos: angle.cos(), sin: angle.sin(), scale: damage.scale, middle }
    }

    fn forth(&self, x: f32, y: f32) -> (f32, f32) {
        let (x, y) = (x - self.middle.0, y - self.middle.1);
        let (x, y) = (x * self.cos - y * self.sin, x * self.sin + y * self.cos);
        (x * self.scale + self.middle.0, y * self.scale + self.middle.1)
    }

    fn back(&self, x: f32, y: f32) -> (f32, f32) {
        let (x, y) = ((x - self.middle.0) / self.scale, (y - self.middle.1) / self.scale);
        let (x, y) = (x * self.cos + y * self.sin, y * self.cos - x * self.sin);
        (x + self.middle.0, y + self.middle.1)
    }
}

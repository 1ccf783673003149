//! Stands in for the typesetter where paper does not matter: draws every sheet at once, a small page with the marked cells
//! of its credentials and nothing else.
//!
//! In: requests of the gateway on stdin. Out: answers on stdout. Each character is the same pattern of dots wherever it
//! stands, so that the proof of a sheet finds what it looks for.
//! Not here: what sheets look like (`drivers/sheet`, `templates`).

use std::io::{self, BufWriter};

use serde_json::Value;
use sheet::wire::{self, Answer, Ask};
use sheet::{Coverage, Drawn, Mark, PelBox, Sheet};

/// Of a cell, in pels and rows. Wide and low: cells are compared row by row, at each start all with all.
const WIDTH: usize = 20;
const HEIGHT: usize = 4;
/// From one cell to the next.
const PELS: usize = WIDTH + 4;
const LINE: usize = HEIGHT + 4;
const CELLS_PER_LINE: usize = 64;
const OCTETS_PER_ROW: usize = t4::WIDTH_A4_PELS as usize / 8;
/// Below the tag line. The alphabet has 94 characters.
const TOP: usize = 96;
const ROWS: usize = 160;

fn main() -> io::Result<()> {
    let (mut from, mut to) = (io::stdin().lock(), BufWriter::new(io::stdout().lock()));
    while let Some(ask) = wire::read_ask(&mut from)? {
        let answer = match ask {
            Ask::Coverage => Answer::Coverage(Coverage::of(characters())),
            Ask::Draw { fields, .. } => Answer::Drawn(Drawn {
                fine: draw(&fields, t4::Resolution::Fine),
                standard: draw(&fields, t4::Resolution::Standard),
            }),
        };
        wire::write_answer(&mut to, &Ok(answer))?;
    }
    Ok(())
}

/// What the samples and callers of tests write: ASCII, kana, the common kanji, full-width forms.
fn characters() -> impl Iterator<Item = char> {
    [' '..='\u{FF}', '\u{2010}'..='\u{30FF}', '\u{4E00}'..='\u{9FFF}', '\u{FF00}'..='\u{FFEF}']
        .into_iter()
        .flatten()
}

fn draw(fields: &Value, resolution: t4::Resolution) -> Sheet {
    let mut bits = vec![0_u8; OCTETS_PER_ROW * ROWS];
    let mut marks = Vec::new();
    let mut line = 0;
    for name in ["login_id", "password", "first_time_key", "alphabet"] {
        let text = fields["credentials"][name].as_str().unwrap_or_default();
        for (index, character) in text.chars().enumerate() {
            let left = 80 + index % CELLS_PER_LINE * PELS;
            let top = TOP + (line + index / CELLS_PER_LINE) * LINE;
            for (down, right) in (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (y, x))) {
                if is_black(character, right, down) {
                    let pel = left + right;
                    bits[(top + down) * OCTETS_PER_ROW + pel / 8] |= 0x80 >> (pel % 8);
                }
            }
            let area = PelBox { left, top, right: left + WIDTH, bottom: top + HEIGHT };
            let index = u16::try_from(index).expect("a sheet has few cells");
            marks.push(Mark { name: name.to_owned(), index, area });
        }
        line += text.len().div_ceil(CELLS_PER_LINE);
    }
    let page = t4::Page::from_bits(t4::WIDTH_A4_PELS, resolution, bits).expect("whole rows");
    Sheet { page, marks }
}

/// Dots that look like chance (the end of MurmurHash3); no two characters have the same.
fn is_black(character: char, column: usize, row: usize) -> bool {
    let mut mixed = (u32::from(character) * 64 + row as u32) * 64 + column as u32;
    for factor in [0x85EB_CA6B, 0xC2B2_AE35] {
        mixed = (mixed ^ (mixed >> 16)).wrapping_mul(factor);
    }
    mixed >> 31 == 1
}

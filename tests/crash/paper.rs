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

/// Of a cell, in pels and rows.
const SIDE: usize = 16;
const GAP: usize = 20;
const CELLS_PER_ROW: usize = 64;
const OCTETS_PER_ROW: usize = t4::WIDTH_A4_PELS as usize / 8;
/// Below the tag line. The alphabet has 94 characters.
const TOP: usize = 96;
const ROWS: usize = 320;

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
    let mut row = 0;
    for name in ["login_id", "password", "first_time_key", "alphabet"] {
        let text = fields["credentials"][name].as_str().unwrap_or_default();
        for (index, character) in text.chars().enumerate() {
            let (left, top) =
                (80 + index % CELLS_PER_ROW * GAP, TOP + (row + index / CELLS_PER_ROW) * GAP);
            for (down, right) in (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (y, x))) {
                if is_black(character, right, down) {
                    let pel = left + right;
                    bits[(top + down) * OCTETS_PER_ROW + pel / 8] |= 0x80 >> (pel % 8);
                }
            }
            let area = PelBox { left, top, right: left + SIDE, bottom: top + SIDE };
            let index = u16::try_from(index).expect("a sheet has few cells");
            marks.push(Mark { name: name.to_owned(), index, area });
        }
        row += text.len().div_ceil(CELLS_PER_ROW);
    }
    let page = t4::Page::from_bits(t4::WIDTH_A4_PELS, resolution, bits).expect("whole rows");
    Sheet { page, marks }
}

/// Dots that look like chance; no two characters have the same.
fn is_black(character: char, column: usize, row: usize) -> bool {
    let seed = (u32::from(character) * 16 + row as u32) * 16 + column as u32;
    seed.wrapping_mul(2_654_435_769).rotate_left(13).wrapping_mul(0x85EB_CA6B) >> 31 == 1
}

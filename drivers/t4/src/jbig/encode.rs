//! Pages to T.85.
//!
//! In: a [`Page`] and [`JbigSettings`]. Out: BIH and stripes as phase C carries them.
//! Source: ITU-T T.82 (03/1993) 6.2; T.85 (08/1995).
//! Not here: a page whose length is not known when it begins (no NEWLEN is written).

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use super::coder::{Encoder, Learnt};
use super::header::{ATMOVE, ESC, HEADER_OCTETS, Header, SDNORM, STUFF};
use super::template::Template;
use super::{JbigSettings, MAX_MOVE_PELS};
use crate::Page;

/// Codes a page. The same page and settings give the same octets always.
///
/// A page without rows, which T.82 cannot say, is no octets.
#[must_use]
pub fn encode(page: &Page, settings: &JbigSettings) -> Vec<u8> {
    if page.rows() == 0 {
        return Vec::new();
    }
    let settings = JbigSettings {
        stripe_rows: settings.stripe_rows.max(1),
        move_pels: settings.move_pels.min(MAX_MOVE_PELS),
        ..*settings
    };
    let mut out = Vec::with_capacity(HEADER_OCTETS + page.bits().len() / 16);
    let width_pels = page.width_pels();
    Header { width_pels, rows: page.rows(), settings, length_follows: false }.write(&mut out);

    let row_octets = page.row_octets();
    let stripe_octets =
        row_octets.saturating_mul(usize::try_from(settings.stripe_rows).unwrap_or(usize::MAX));
    let mut template = Template { two_rows: settings.two_rows, move_pels: 0 };
    let mut learnt = Learnt::nothing();
    let mut above: [&[u8]; 2] = [&[]; 2];
    let mut was_typical = false;
    for stripe in page.bits().chunks(stripe_octets) {
        let best = best_move(stripe, row_octets, above[0], &settings, template);
        if best != template.move_pels {
            template.move_pels = best;
            out.extend([ESC, ATMOVE, 0, 0, 0, 0, best, 0]); // from the stripe's first row on
        }
        let mut encoder = Encoder::new();
        for row in stripe.chunks_exact(row_octets) {
            let is_typical = settings.typical && is_like(row, above[0]);
            if settings.typical {
                encoder.put(&mut learnt, template.typical_context(), is_typical == was_typical);
                was_typical = is_typical;
            }
            if !is_typical {
                let mut pels =
                    row.iter().flat_map(|octet| (0..8).map(move |at| octet << at >= 0x80));
                template.walk(width_pels, above, |context| {
                    let black = pels.next().unwrap_or(false);
                    encoder.put(&mut learnt, context, black);
                    black
                });
            }
            above = [row, above[0]];
        }
        for octet in encoder.finish() {
            out.push(octet);
            if octet == ESC {
                out.push(STUFF);
            }
        }
        out.extend([ESC, SDNORM]);
    }
    out
}

/// A missing row above is white.
fn is_like(row: &[u8], above: &[u8]) -> bool {
    if above.is_empty() { row.iter().all(|octet| *octet == 0) } else { row == above }
}

/// Where the adaptive pel tells most about the pels of a stripe: the place whose pel is most often of the
/// same colour, if it is so clearly (T.82 annex C has the idea; it needs no place to be the best).
fn best_move(
    stripe: &[u8],
    row_octets: usize,
    above: &[u8],
    settings: &JbigSettings,
    template: Template,
) -> u8 {
    let moves: RangeInclusive<u8> =
        Template::first_move_pels(settings.two_rows)..=settings.move_pels;
    if moves.is_empty() {
        return 0;
    }
    // Of the rows with enough black to be a halftone, some are enough to see its pitch.
    let rows: Vec<(&[u8], &[u8])> = {
        let all = stripe.chunks_exact(row_octets);
        let aboves = core::iter::once(above).chain(all.clone());
        all.zip(aboves).step_by(SAMPLE_ROWS).filter(|(row, _)| is_busy(row)).collect()
    };
    if rows.len() * 4 * SAMPLE_ROWS < stripe.len() / row_octets {
        return template.move_pels; // little to gain, and a move costs what was learnt
    }
    let pels = rows.len() as u32 * row_octets as u32 * 8; // MAX_ROWS times MAX_WIDTH_PELS fits
    let differing = |move_pels: u8| -> u32 {
        rows.iter()
            .map(|(row, above)| match move_pels {
                0 => differing_from_first_place(row, above),
                left => differing_from_left(row, usize::from(left)),
            })
            .sum()
    };
    let now = differing(template.move_pels);
    let best = moves.map(|left| (differing(left), left)).min();
    match best {
        Some((differs, left)) if now.saturating_sub(differs) > pels / CLEARLY => left,
        Some(_) | None => template.move_pels,
    }
}

/// Of so many rows one is looked at.
const SAMPLE_ROWS: usize = 4;
/// A move must make one of so many pels better predicted. Chosen: text never moves, halftones do.
const CLEARLY: u32 = 16;

fn is_busy(row: &[u8]) -> bool {
    let black: u32 = row.iter().map(|octet| octet.count_ones()).sum();
    black as usize > row.len() // more than one in eight
}

/// Pels that differ from the pel so far left of them.
fn differing_from_left(row: &[u8], left: usize) -> u32 {
    let (octets, bits) = (left / 8, left % 8);
    let moved = core::iter::repeat_n(0, octets).chain(row.iter().copied());
    let mut before = 0;
    row.iter()
        .zip(moved)
        .map(|(octet, moved)| {
            let pair = u16::from_be_bytes([before, moved]);
            before = moved;
            (octet ^ (pair >> bits) as u8).count_ones()
        })
        .sum()
}

/// Pels that differ from the pel two right of the one above.
fn differing_from_first_place(row: &[u8], above: &[u8]) -> u32 {
    let after = above.iter().skip(1).copied().chain(core::iter::repeat(0));
    let above = above.iter().copied().chain(core::iter::repeat(0));
    row.iter()
        .zip(above.zip(after))
        .map(|(octet, (above, after))| {
            let pair = u16::from_be_bytes([above, after]);
            (octet ^ (pair >> 6) as u8).count_ones()
        })
        .sum()
}

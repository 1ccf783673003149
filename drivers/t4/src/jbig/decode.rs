//! T.85 to pages, from a line whose octets were corrected but may be anybody's.
//!
//! In: BIH and stripes. Out: a page. Source: ITU-T T.82 (03/1993) 6.2; T.85 (08/1995).
//! Not here: pages with bad rows. T.85 goes with error correction, and after a wrong octet all that follows
//! is noise, so there is either a page or an error.

use alloc::vec;
use alloc::vec::Vec;

use super::coder::{Decoder, Learnt};
use super::error::JbigError;
use super::header::{
    ABORT, ATMOVE, COMMENT, ESC, HEADER_OCTETS, Header, NEWLEN, SDNORM, SDRST, STUFF,
};
use super::template::Template;
use crate::page::MAX_ROWS;
use crate::{CodecError, Page, Resolution};

/// Moves of the adaptive pel within a stripe. Chosen: far more than an encoder has reason for.
const MOST_MOVES: usize = 64;

/// Reads a page of T.85; the octets do not say of which resolution. What stands behind its last stripe is
/// left alone, such as padding to a whole frame.
///
/// # Errors
/// Any [`JbigError`]. Never panics; takes memory for at most [`MAX_ROWS`] rows.
pub fn decode(octets: &[u8], resolution: Resolution) -> Result<Page, JbigError> {
    let (header, body) = octets.split_first_chunk().ok_or(JbigError::Truncated { row: 0 })?;
    let header = Header::read(header)?;
    let (stripes, rows) = stripes(body, &header)?;
    let size = JbigError::Size { width_pels: header.width_pels.into(), rows };
    if rows == 0 || rows > MAX_ROWS {
        return Err(size);
    }

    let mut page = Page::new(header.width_pels, resolution);
    let mut past = Past::nothing(&header, page.row_octets());
    for stripe in &stripes {
        let stripe_rows = header.settings.stripe_rows.min(rows - page.rows());
        past.stripe(&mut page, &header, stripe, stripe_rows).map_err(|_| size)?;
        if stripe.resets {
            past = Past::nothing(&header, page.row_octets());
        }
        if page.rows() == rows {
            return Ok(page);
        }
    }
    Err(JbigError::Truncated { row: page.rows() })
}

/// The adaptive pel moves before this row of the stripe.
struct Move {
    row: u32,
    move_pels: u8,
}

/// A stripe between markers (T.82 SDE with the marker segments before it).
struct Stripe<'a> {
    moves: Vec<Move>,
    stuffed: &'a [u8],
    /// SDRST: the next stripe knows nothing of this one.
    resets: bool,
}

/// Finds the stripes and how many rows they have, which NEWLEN may say behind the stripe that it cuts.
fn stripes<'a>(body: &'a [u8], header: &Header) -> Result<(Vec<Stripe<'a>>, u32), JbigError> {
    let mut stripes: Vec<Stripe<'a>> = Vec::new();
    let mut rows = header.rows;
    let mut length_follows = header.length_follows;
    let mut moves = Vec::new();
    let mut rest = body;
    // One more than rows need: an empty one may follow a NEWLEN.
    let most_stripes = MAX_ROWS.div_ceil(header.settings.stripe_rows) as usize + 1;
    loop {
        let first = (stripes.len() as u32).saturating_mul(header.settings.stripe_rows);
        // With the length known, or found, the page ends with its last row.
        if first >= rows && !length_follows {
            return Ok((stripes, rows));
        }
        let truncated = JbigError::Truncated { row: first.min(rows) };
        // A length was promised and never came: the announced one holds.
        let whole = first >= rows;
        let data_octets = match rest.windows(2).position(is_marker) {
            Some(octets) => octets,
            None if whole => return Ok((stripes, rows)),
            None => return Err(truncated),
        };
        let (data, behind) = rest.split_at_checked(data_octets).ok_or(truncated)?;
        let at = HEADER_OCTETS + body.len() - behind.len();
        let (marker, behind) = match behind {
            [_, marker, behind @ ..] => (*marker, behind),
            _ => return Err(truncated),
        };
        let misplaced = JbigError::Marker { at, marker };
        let ends_a_stripe = marker == SDNORM || marker == SDRST || marker == ABORT;
        if !data.is_empty() && !ends_a_stripe {
            return Err(misplaced);
        }
        rest = behind;
        match marker {
            SDNORM | SDRST => {
                stripes.push(Stripe {
                    moves: core::mem::take(&mut moves),
                    stuffed: data,
                    resets: marker == SDRST,
                });
                if stripes.len() > most_stripes {
                    return Err(JbigError::Size { width_pels: header.width_pels.into(), rows });
                }
            }
            ABORT => return Err(JbigError::Aborted { row: first.min(rows) }),
            NEWLEN => {
                let (length, behind) = rest.split_first_chunk().ok_or(truncated)?;
                let length = u32::from_be_bytes(*length);
                // T.82: once, only shorter, at the earliest within the stripe before it.
                let is_past = first.checked_sub(header.settings.stripe_rows);
                if !length_follows || length > rows || is_past.is_some_and(|past| length <= past) {
                    return Err(misplaced);
                }
                (rows, length_follows, rest) = (length, false, behind);
            }
            ATMOVE if moves.len() < MOST_MOVES => {
                let (segment, behind) = rest.split_first_chunk::<6>().ok_or(truncated)?;
                moves.push(read_move(segment, header)?);
                rest = behind;
            }
            COMMENT => {
                let (length, behind) = rest.split_first_chunk().ok_or(truncated)?;
                let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| truncated)?;
                rest = behind.get(length..).ok_or(truncated)?;
            }
            _ => return Err(misplaced), // RESERVE, too many moves, and what is no marker
        }
    }
}

fn is_marker(two: &[u8]) -> bool {
    matches!(two, [ESC, second] if *second != STUFF)
}

/// YAT, τx, τy.
fn read_move(segment: &[u8; 6], header: &Header) -> Result<Move, JbigError> {
    let [row @ .., move_pels, up] = *segment;
    let [a, b, c, d] = row;
    let first = Template::first_move_pels(header.settings.two_rows);
    if up != 0 {
        return Err(JbigError::NotT85 { field: "ty", value: up.into() });
    }
    if move_pels > header.settings.move_pels || (1..first).contains(&move_pels) {
        return Err(JbigError::NotT85 { field: "tx", value: move_pels.into() });
    }
    Ok(Move { row: u32::from_be_bytes([a, b, c, d]), move_pels })
}

/// What a stripe takes over from the ones before.
struct Past {
    template: Template,
    learnt: Learnt,
    /// The row above and the one above that.
    above: [Vec<u8>; 2],
    was_typical: bool,
}

impl Past {
    fn nothing(header: &Header, row_octets: usize) -> Self {
        Self {
            template: Template { two_rows: header.settings.two_rows, move_pels: 0 },
            learnt: Learnt::nothing(),
            above: [vec![0; row_octets], vec![0; row_octets]],
            was_typical: false,
        }
    }

    fn stripe(
        &mut self,
        page: &mut Page,
        header: &Header,
        stripe: &Stripe<'_>,
        rows: u32,
    ) -> Result<(), CodecError> {
        let mut decoder = Decoder::new(stripe.stuffed);
        for row in 0..rows {
            if let Some(moved) = stripe.moves.iter().rfind(|moved| moved.row == row) {
                self.template.move_pels = moved.move_pels;
            }
            if header.settings.typical {
                let context = self.template.typical_context();
                self.was_typical ^= !decoder.take(&mut self.learnt, context);
            }
            let [above, above_2] = &mut self.above;
            if header.settings.typical && self.was_typical {
                above_2.copy_from_slice(above);
            } else {
                let mut pels = Vec::with_capacity(above.len());
                let (mut octet, mut held) = (0_u8, 0);
                self.template.walk(header.width_pels, [&*above, &*above_2], |context| {
                    let black = decoder.take(&mut self.learnt, context);
                    octet = octet << 1 | u8::from(black);
                    held += 1;
                    if held == 8 {
                        pels.push(octet);
                        (octet, held) = (0, 0);
                    }
                    black
                });
                if held > 0 {
                    pels.push(octet << (8 - held));
                }
                *above_2 = core::mem::replace(above, pels);
            }
            page.push_row(above)?;
        }
        Ok(())
    }
}

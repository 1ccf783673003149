//! The dots of a character.
//!
//! In: a character. Out: its glyph; one that the font lacks is drawn in its commoner form, or as 〓.
//! Source: `font/README.md`; 〓 (geta) is what Japanese printers set for a character they do not have.
//! Not here: pels, which may be several for a dot (`lib.rs`).

/// Rows of dots in a glyph: ten, and one for descenders.
pub(crate) const ROWS: usize = 11;

/// `tagline-10.txt`: lines of [`LINE_OCTETS`], in the order of the characters.
const FONT: &[u8] = include_bytes!("../font/tagline-10.txt");
/// `6C34 a 080…0`, a line feed at the end.
const LINE_OCTETS: usize = 4 + 1 + 1 + 1 + 3 * ROWS + 1;

/// What is drawn for a character that the font lacks.
const GETA: char = '〓';

/// One glyph. Bit 11 of a row is its left dot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Glyph {
    pub(crate) width_dots: u16,
    pub(crate) rows: [u16; ROWS],
}

impl Glyph {
    /// Takes no room and has no ink.
    const NOTHING: Self = Self { width_dots: 0, rows: [0; ROWS] };

    /// The glyph of a character, whatever it is.
    pub(crate) fn of(character: char) -> Self {
        if is_variation_selector(character) {
            return Self::NOTHING;
        }
        find(character)
            .or_else(|| find(common_form(character)?))
            .or_else(|| find(GETA))
            .unwrap_or(Self::NOTHING) // the font has 〓, a test says so
    }
}

/// They choose between shapes of a kanji, which ten dots cannot tell apart.
fn is_variation_selector(character: char) -> bool {
    matches!(character, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// The character of JIS X 0208 that stands for one outside it in names, or looks the same in ten dots.
fn common_form(character: char) -> Option<char> {
    Some(match character {
        '髙' => '高',
        '﨑' => '崎',
        '德' => '徳',
        '濵' => '濱',
        '瀨' => '瀬',
        '𠮷' => '吉',
        '栁' => '柳',
        '桒' => '桑',
        '槗' => '橋',
        '黑' => '黒',
        '曻' => '昇',
        '昻' => '昂',
        '靍' | '靏' | '靎' => '鶴',
        '\u{F9DC}' => '隆',
        '\u{FA10}' => '塚',
        '\u{FA12}' => '晴',
        '\u{FA14}' => '榊',
        '\u{FA16}' => '猪',
        '\u{FA17}' => '益',
        '\u{FA19}' => '神',
        '\u{FA1A}' => '祥',
        '\u{FA1B}' => '福',
        '\u{FA1C}' => '靖',
        '\u{FA1D}' => '精',
        '\u{FA1E}' => '羽',
        '\u{FA22}' => '諸',
        '\u{FA26}' => '都',
        '\u{FA2A}' => '飯',
        '\u{FA2B}' => '飼',
        '\u{FA2C}' => '館',
        '\u{FA2D}' => '鶴',
        '\u{A0}' => ' ',
        '\u{2011}' | '\u{2013}' => '‐',
        _ => return None,
    })
}

/// Looks for a line of the font by halving it.
fn find(character: char) -> Option<Glyph> {
    let (mut from, mut to) = (0, FONT.len() / LINE_OCTETS);
    while from < to {
        let middle = from + (to - from) / 2;
        let first = middle * LINE_OCTETS;
        let line = FONT.get(first..first + LINE_OCTETS)?;
        let (of, glyph) = read(line)?;
        match of.cmp(&u32::from(character)) {
            core::cmp::Ordering::Less => from = middle + 1,
            core::cmp::Ordering::Equal => return Some(glyph),
            core::cmp::Ordering::Greater => to = middle,
        }
    }
    None
}

/// The code point of a line and its glyph.
fn read(line: &[u8]) -> Option<(u32, Glyph)> {
    let mut fields = line.trim_ascii_end().split(|octet| *octet == b' ');
    let (code, width, dots) = (fields.next()?, fields.next()?, fields.next()?);
    let mut rows = [0; ROWS];
    for (row, digits) in rows.iter_mut().zip(dots.chunks_exact(3)) {
        *row = u16::try_from(hex(digits)?).ok()?;
    }
    let width_dots = u16::try_from(hex(width)?).ok()?;
    Some((hex(code)?, Glyph { width_dots, rows }))
}

fn hex(digits: &[u8]) -> Option<u32> {
    u32::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{string::String, vec::Vec};

    fn lines() -> Vec<(u32, Glyph)> {
        assert_eq!(FONT.len() % LINE_OCTETS, 0, "a line is longer or shorter than the others");
        FONT.chunks(LINE_OCTETS).map(|line| read(line).expect("a line of the font")).collect()
    }

    #[test]
    fn every_line_of_the_font_is_in_order_and_within_its_width() {
        let lines = lines();
        assert!(lines.is_sorted_by(|(before, _), (after, _)| before < after));
        for (code, glyph) in lines {
            assert!(matches!(glyph.width_dots, 5 | 10), "{code:04X}");
            let outside = 0xFFF >> glyph.width_dots;
            assert!(glyph.rows.iter().all(|row| row & outside == 0), "{code:04X}");
            let white = matches!(code, 0x20 | 0x3000);
            assert_eq!(glyph.rows == [0; ROWS], white, "{code:04X}");
        }
    }

    #[test]
    fn font_has_the_kanji_of_jis_x_0208_and_geta() {
        let kanji = lines().iter().filter(|(code, _)| (0x4E00..0xA000).contains(code)).count();
        assert_eq!(kanji, 6355 + 1, "level 1 and level 2, and 仝 of row 1");
        assert!(find(GETA).is_some());
        for character in "あア亜熙堯ｱ～〜…→ÀéZ0".chars() {
            assert!(find(character).is_some(), "{character}");
        }
    }

    #[test]
    fn what_a_sender_is_told_apart_by_has_a_shape_of_its_own() {
        let characters = "0123456789:/-.+ ABCDEFGHIJKLMNPQRSTUVWXYZ";
        for (at, one) in characters.char_indices() {
            for other in characters.chars().skip(at + 1) {
                assert_ne!(Glyph::of(one), Glyph::of(other), "{one} and {other}");
            }
        }
    }

    #[test]
    fn missing_kanji_is_drawn_in_its_common_form_or_as_geta() {
        assert_eq!(Glyph::of('髙'), Glyph::of('高'));
        assert_eq!(Glyph::of('𠮷'), Glyph::of('吉'));
        for character in ['😀', '𩸽', '\u{0}', 'ا', char::MAX] {
            assert_eq!(Glyph::of(character), Glyph::of(GETA));
        }
        let compatible = "髙﨑德濵瀨𠮷栁桒槗黑曻昻靍靏靎\u{A0}\u{2011}\u{2013}".chars();
        let geta: String = compatible
            .chain(('\u{F900}'..='\u{FAFF}').filter(|character| common_form(*character).is_some()))
            .filter(|character| Glyph::of(*character) == Glyph::of(GETA))
            .collect();
        assert_eq!(geta, "", "what stands for it is not in the font");
        assert_eq!(Glyph::of('\u{E0100}').width_dots, 0);
    }
}

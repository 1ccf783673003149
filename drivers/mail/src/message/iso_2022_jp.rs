//! ISO-2022-JP, for receivers that know nothing newer.
//!
//! In: text. Out: the same text in seven bits, or nothing if it does not stand in JIS X 0208: then the mail goes as UTF-8
//! instead of with gaps. Half-width kana have no place in mail of this kind and become full-width ones.
//! Source: RFC 1468 (escapes, ASCII at the end of each line), RFC 2047 2 and 5 (an encoded word has 75 characters at most
//! and whole characters only), JIS X 0208:1990 (rows 1 to 8 and 16 to 84).
//! Not here: what makers added to JIS X 0208 (①, ㈱, 髙): half of the old programs read it, and the other half show something else.

use data_encoding::BASE64;
use encoding_rs::ISO_2022_JP;

/// As it stands in `Content-Type` and in encoded words.
pub(super) const NAME: &str = "iso-2022-jp";
/// RFC 5322 2.1.1, without CR LF.
const LINE_OCTETS: usize = 998;
/// RFC 2047 2: no line of a header with an encoded word is longer.
const HEADER_LINE_CHARS: usize = 76;
const WORD_CHARS: usize = 75;
/// Around the base64 of an encoded word.
const WORD_FRAME: usize = "=?iso-2022-jp?B??=".len();
const ESCAPE: u8 = 0x1b;
/// First octets of the rows that every reader has. Rows 9 to 15 were never assigned, and makers filled them.
const ROWS: [std::ops::RangeInclusive<u8>; 2] = [0x21..=0x28, 0x30..=0x74];

/// A text for the body.
pub(super) fn body(text: &str) -> Option<Vec<u8>> {
    let octets = encoded(&written_as_jis(text))?;
    let fits = |line: &[u8]| line.len() <= LINE_OCTETS + 1; // with its CR
    octets.split(|octet| *octet == b'\n').all(fits).then_some(octets)
}

/// A text for a header after `used` characters of its line: encoded words with folds between them, nothing else.
pub(super) fn words(text: &str, used: usize) -> Option<String> {
    let text = written_as_jis(text);
    let mut words = Vec::new();
    let mut word = Vec::new();
    let mut from = 0;
    let mut line_used = used;
    for (at, character) in text.char_indices() {
        let longer = encoded(text.get(from..at + character.len_utf8())?)?;
        let room = WORD_CHARS.min(HEADER_LINE_CHARS.saturating_sub(line_used));
        if WORD_FRAME + longer.len().div_ceil(3) * 4 > room && at > from {
            words.push(std::mem::take(&mut word));
            (from, line_used) = (at, 1); // the space of a fold
            word = encoded(text.get(from..at + character.len_utf8())?)?;
        } else {
            word = longer;
        }
    }
    words.push(word);
    let framed = |word: &Vec<u8>| format!("=?{NAME}?B?{}?=", BASE64.encode(word));
    Some(words.iter().map(framed).collect::<Vec<_>>().join("\r\n "))
}

/// The octets, if every character stands in a row that every reader has.
fn encoded(text: &str) -> Option<Vec<u8>> {
    let (octets, _, gaps) = ISO_2022_JP.encode(text);
    if gaps {
        return None;
    }
    let mut rest = &*octets;
    let mut wide = false;
    loop {
        rest = match (rest, wide) {
            ([], _) => return Some(octets.into_owned()),
            ([ESCAPE, b'(', b'B' | b'J', rest @ ..], _) => {
                wide = false;
                rest
            }
            ([ESCAPE, b'$', b'B', rest @ ..], _) => {
                wide = true;
                rest
            }
            ([row, _, rest @ ..], true) if ROWS.iter().any(|rows| rows.contains(row)) => rest,
            ([octet, rest @ ..], false) if (1..=0x7f).contains(octet) && *octet != ESCAPE => rest,
            _no_reader_has_it => return None,
        };
    }
}

/// Half-width kana in full width with their voice marks joined, and of signs that Unicode has twice the one that
/// stands for the place in JIS X 0208.
fn written_as_jis(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for character in text.chars() {
        let voiced = match (character, written.chars().next_back()) {
            ('\u{FF9E}', Some(before)) => with_voice_mark(before),
            ('\u{FF9F}', Some(before @ 'ハ'..='ホ')) => {
                shifted(before, 2).filter(|_| is_plain_ha(before))
            }
            _alone => None,
        };
        if let Some(voiced) = voiced {
            written.pop();
            written.push(voiced);
            continue;
        }
        written.push(match character {
            '\u{FF61}'..='\u{FF9F}' => full_width(character),
            '〜' => '～',
            '—' => '―',
            '‖' => '∥',
            '−' => '－',
            '¢' => '￠',
            '£' => '￡',
            '¬' => '￢',
            '¥' => '￥',
            '‾' => '￣',
            other => other,
        });
    }
    written
}

/// In the order of their code points, from U+FF61.
const FULL_WIDTH: &str = "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゛゜";

fn full_width(half: char) -> char {
    let place = u32::from(half).saturating_sub(0xFF61) as usize;
    FULL_WIDTH.chars().nth(place).unwrap_or(half)
}

/// カ to ト and ハ to ホ stand before their voiced ones, ウ far from its own.
fn with_voice_mark(kana: char) -> Option<char> {
    match kana {
        'ウ' => Some('ヴ'),
        'カ' | 'キ' | 'ク' | 'ケ' | 'コ' | 'サ' | 'シ' | 'ス' | 'セ' | 'ソ' | 'タ' | 'チ'
        | 'ツ' | 'テ' | 'ト' => shifted(kana, 1),
        _ if is_plain_ha(kana) => shifted(kana, 1),
        _has_none => None,
    }
}

fn is_plain_ha(kana: char) -> bool {
    matches!(kana, 'ハ' | 'ヒ' | 'フ' | 'ヘ' | 'ホ')
}

fn shifted(kana: char, places: u32) -> Option<char> {
    char::from_u32(u32::from(kana) + places)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_width_kana_are_written_in_full_with_their_marks_joined() {
        assert_eq!(written_as_jis("ｱｵｿﾞﾗﾃﾞｲｻｰﾋﾞｽ"), "アオゾラデイサービス");
        assert_eq!(written_as_jis("ﾊﾟﾋﾟﾌﾟﾍﾟﾎﾟｳﾞ｢､｡｣ﾝ"), "パピプペポヴ「、。」ン");
        // A mark that belongs to nothing stays one.
        assert_eq!(written_as_jis("ｱﾞﾟﾏﾟ"), "ア゛゜マ゜");
    }

    #[test]
    fn characters_that_makers_added_or_jis_lacks_are_in_no_mail_of_this_kind() {
        for text in ["①", "㈱", "髙橋", "山﨑", "Ⅲ", "𠮷", "😀", "한글", "é", "葛\u{E0100}"]
        {
            assert_eq!(body(text), None, "{text}");
            assert_eq!(words(text, 9), None, "{text}");
        }
        for text in ["高橋", "凜熙", "～〜—―‖−¢£¬¥‾", "─┼│", "ABC ~\\ あ", ""]
        {
            assert!(body(text).is_some(), "{text}");
        }
    }

    #[test]
    fn every_line_ends_in_ascii_and_one_too_long_for_mail_is_none() {
        let octets = body("提供票\r\n様式\r\n").unwrap();
        for line in octets.split(|octet| *octet == b'\n').filter(|line| !line.is_empty()) {
            assert!(line.ends_with(b"\x1b(B\r"), "{line:?}");
        }
        assert!(body(&"字".repeat(496)).is_some());
        assert_eq!(body(&"字".repeat(497)), None);
    }

    #[test]
    fn control_characters_cannot_bring_an_escape_of_their_own() {
        for text in ["\u{1b}$B", "あ\u{1b}(I", "\u{e}x", "\u{f}x"] {
            assert_eq!(body(text), None, "{text:?}");
        }
    }

    #[test]
    fn no_encoded_word_is_longer_than_75_or_has_a_torn_character() {
        for text in ["あ".repeat(100), "aあ".repeat(50), "ab".repeat(50)] {
            let folded = words(&text, "Subject: ".len()).unwrap();
            let lines: Vec<&str> = folded.split("\r\n ").collect();
            assert!(lines.len() > 2);
            assert!(lines[0].len() + "Subject: ".len() <= 76);
            let mut read = String::new();
            for line in lines {
                assert!(line.len() <= 75, "{line}");
                let coded =
                    line.strip_prefix("=?iso-2022-jp?B?").unwrap().strip_suffix("?=").unwrap();
                let octets = BASE64.decode(coded.as_bytes()).unwrap();
                let (text, gaps) = ISO_2022_JP.decode_without_bom_handling(&octets);
                assert!(!gaps && octets.is_ascii());
                let last = octets.rsplit(|octet| *octet == ESCAPE).next().unwrap();
                assert!(last.starts_with(b"(B") || !octets.contains(&ESCAPE));
                read += &text;
            }
            assert_eq!(read, text);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_has_seven_bits_and_reads_the_same(
            text in "([ -~あ-んァ-ヶ一-龥ｦ-ﾟ、-〟]|\\PC|[\r\n\u{1b}]){0,60}",
        ) {
            if let Some(octets) = body(&text) {
                prop_assert!(octets.is_ascii());
                let (read, _) = ISO_2022_JP.decode_without_bom_handling(&octets);
                prop_assert_eq!(read, written_as_jis(&text));
            }
            if let Some(words) = words(&text, 9) {
                prop_assert!(words.lines().all(|line| line.len() <= 76), "{}", words);
                prop_assert!(words.bytes().all(|octet| octet.is_ascii_graphic() || b" \r\n".contains(&octet)));
            }
        }
    }
}

//! Lines of a text mail, none wider than a window of a mail program.
//!
//! In: text with lines of any length. Out: the same with long lines broken where Japanese setting allows it; what follows an
//! item's number or dot stays behind it. An address of the web is never broken, or it could not be followed.
//! Source: JIS X 4051 (what begins and what ends no line), RFC 3676 4.2 (why less than 78), UAX #11 (width).

/// Columns of a line; a kanji has two. Chosen: with two marks of a quotation in front it still has less than 76.
pub(super) const MOST_COLUMNS: usize = 70;
const BEGINS_NO_LINE: &str = "、。，．・：；？！゛゜ー々ゝゞヽヾ）〕］｝〉》」』】’”ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ…％,.:;?!)]}%";
const ENDS_NO_LINE: &str = "（〔［｛〈《「『【‘“([{";

/// Breaks the lines; each ends with a line feed.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len() + text.len() / 16);
    for line in text.lines() {
        let hanging = hanging(line);
        let (mut rest, mut indent) = (line.trim_end(), 0);
        loop {
            let end = end_of_line(rest, MOST_COLUMNS.saturating_sub(indent));
            let (now, later) = rest.split_at_checked(end).unwrap_or((rest, ""));
            folded.extend(std::iter::repeat_n(' ', indent));
            folded.push_str(now.trim_end());
            folded.push('\n');
            (rest, indent) = (later.trim_start(), hanging);
            if rest.is_empty() {
                break;
            }
        }
    }
    folded
}

/// Columns as a window of equal columns shows it. What is wide in some faces only counts as wide.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

fn width(character: char) -> usize {
    match character {
        // A selector of a kanji's shape, and the half-voiced mark.
        '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' | '\u{309A}' => 0,
        ..='\u{2FF}' | '\u{FF61}'..='\u{FF9F}' => 1,
        _wide => 2,
    }
}

/// Where the first line ends that has this room: at an octet that begins a character.
fn end_of_line(text: &str, room: usize) -> usize {
    let (mut used, mut allowed, mut before) = (0, None, None);
    for (at, character) in text.char_indices() {
        used += width(character);
        if let Some(before) = before {
            if parts(before, character)
                && !text.get(..at).is_some_and(|line| line.trim().is_empty())
            {
                allowed = Some(at);
            }
            if used > room && !character.is_whitespace() {
                return allowed.unwrap_or(at);
            }
        }
        before = Some(character);
    }
    text.len()
}

/// Whether a line may be broken between the two.
fn parts(before: char, after: char) -> bool {
    let is_word = |character: char| width(character) == 1 && !character.is_whitespace();
    let stays = BEGINS_NO_LINE.contains(after)
        || ENDS_NO_LINE.contains(before)
        || width(after) == 0
        || after.is_whitespace();
    let within_a_word = is_word(before) && is_word(after);
    !(stays || within_a_word)
}

/// Columns in front of what an item says: its number or dot, and the blanks before it.
fn hanging(line: &str) -> usize {
    let item = line.trim_start();
    let blank = line.strip_suffix(item).unwrap_or_default();
    let mark = if let Some(rest) = item.strip_prefix('・').or_else(|| item.strip_prefix("- ")) {
        item.strip_suffix(rest)
    } else {
        let rest = item.trim_start_matches(|character: char| character.is_ascii_digit());
        let rest = rest.strip_prefix(". ").filter(|_| rest.len() < item.len());
        rest.and_then(|rest| item.strip_suffix(rest))
    };
    (columns(blank) + columns(mark.unwrap_or_default())).min(MOST_COLUMNS / 4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str) -> Vec<String> {
        fold(text).lines().map(str::to_owned).collect()
    }

    #[test]
    fn short_lines_and_blank_ones_stay_as_they_are() {
        let text = "書類が届いています\n\n1. サイトにログイン\n   https://exchange.example.jp/\n";
        assert_eq!(fold(text), text);
    }

    #[test]
    fn japanese_is_broken_before_the_seventy_first_column_and_no_line_begins_with_a_full_stop() {
        let text = format!("{}。次の文", "字".repeat(35));
        assert_eq!(lines(&text), ["字".repeat(34), "字。次の文".to_owned()]);
        let text = format!("{}「次の文」", "字".repeat(34));
        assert_eq!(lines(&text), ["字".repeat(34), "「次の文」".to_owned()]);
    }

    #[test]
    fn words_and_addresses_of_the_web_stay_whole_and_blanks_go_at_the_break() {
        let url = format!("https://{}", "w".repeat(52));
        let text = format!("Documents wait for you on the site of the exchange: {url} now");
        let folded = lines(&text);
        assert_eq!(
            folded,
            ["Documents wait for you on the site of the exchange:", &format!("{url} now")]
        );
        // Longer than a line: broken somewhere, for nothing else is left.
        assert_eq!(lines(&"w".repeat(141)).len(), 3);
    }

    #[test]
    fn second_line_of_an_item_stands_below_what_the_item_says() {
        for mark in ["・", "2. ", "  - ", "10. "] {
            let folded = lines(&format!("{mark}{}", "字".repeat(60)));
            let indent = " ".repeat(columns(mark));
            assert!(
                folded.len() == 2 && folded[1].starts_with(&format!("{indent}字")),
                "{folded:?}"
            );
        }
        assert_eq!(hanging("2026. 9. 30"), 6);
        assert_eq!(hanging(". x"), 0);
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_nothing_but_blanks_is_lost(text in "[ a-zあ字、。「」（）ｱ\u{3000}・1.\n]{0,300}") {
            let folded = fold(&text);
            for line in folded.lines() {
                prop_assert!(columns(line) <= MOST_COLUMNS, "{}", line);
            }
            let inked = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(inked(&folded), inked(&text));
        }
    }
}

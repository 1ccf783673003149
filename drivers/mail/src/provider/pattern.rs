//! How one line of a provider's answer is recognised.
//!
//! In: `Fax to {number}: {any}` and the like, as a profile has it, and lines that anybody wrote. Out: whether a line is
//! such a one, and what stands at its fields.
//! Case, width of letters and runs of spaces do not matter; everything else of the line does, from its first
//! character to its last. A field takes as much as it can and gives nothing back, so that the time it takes is bounded by
//! the length of the line times that of the pattern.
//! Not here: which lines are looked at (`answer.rs`).

/// Longest pattern. Chosen.
const MOST_PATTERN_CHARS: usize = 200;
/// What is looked at of a line. Chosen: RFC 5322 2.1.1 has 998 octets.
pub(super) const MOST_LINE_CHARS: usize = 1000;
/// Digits of a telephone number with country code (E.164) and what is dialled before it.
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 3..=20;
const MOST_PAGE_DIGITS: usize = 4;

/// A pattern, split at its `{any}`s: the first piece stands at the beginning, the last at the end, and those between
/// somewhere between, in their order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Pattern(Vec<Vec<Piece>>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Piece {
    Text(Vec<char>),
    Number,
    Pages,
}

/// What stood at the fields.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Found {
    /// Digits only.
    pub number: Option<String>,
    pub pages: Option<u16>,
}

impl Found {
    /// What two lines of one answer say together.
    pub(super) fn with(self, other: Self) -> Self {
        Self { number: self.number.or(other.number), pages: self.pages.or(other.pages) }
    }
}

impl Pattern {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, for whoever wrote it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.chars().count() > MOST_PATTERN_CHARS {
            return Err(format!("must have at most {MOST_PATTERN_CHARS} characters"));
        }
        let folded: String = fold(text).into_iter().collect();
        let mut parts = vec![Vec::new()];
        let mut rest = folded.as_str();
        while let Some((before, behind)) = rest.split_once('{') {
            push(&mut parts, text_piece(before));
            let (name, after) =
                behind.split_once('}').ok_or_else(|| String::from("a { without its }"))?;
            match name {
                "any" => parts.push(Vec::new()),
                "number" => push(&mut parts, Some(Piece::Number)),
                "pages" => push(&mut parts, Some(Piece::Pages)),
                other => {
                    return Err(format!("{{{other}}} is none of {{number}}, {{pages}}, {{any}}"));
                }
            }
            rest = after;
        }
        push(&mut parts, text_piece(rest));
        let has_text = parts.iter().flatten().any(|piece| match piece {
            Piece::Text(text) => text.iter().any(|c| c.is_alphanumeric()),
            Piece::Number | Piece::Pages => false,
        });
        if has_text { Ok(Self(parts)) } else { Err(String::from("says nothing: it fits any line")) }
    }

    /// Whether `line`, which is [`fold`]ed, is such a one.
    pub(super) fn find(&self, line: &[char]) -> Option<Found> {
        let (last, before) = self.0.split_last()?;
        let mut at = 0;
        let mut found = Found::default();
        for (place, part) in before.iter().enumerate() {
            // The first stands at the beginning, the others at the first place where they fit.
            let most = if place == 0 { 0 } else { line.len() };
            let (end, seen) = (at..=most.max(at)).find_map(|start| match_at(part, line, start))?;
            at = end;
            found = found.with(seen);
        }
        let starts = if before.is_empty() { 0..=0 } else { at..=line.len() };
        let (_end, seen) = starts
            .filter_map(|start| match_at(last, line, start))
            .find(|(end, _)| *end == line.len())?;
        Some(found.with(seen))
    }
}

fn push(parts: &mut [Vec<Piece>], piece: Option<Piece>) {
    if let Some(part) = parts.last_mut() {
        part.extend(piece);
    }
}

fn text_piece(text: &str) -> Option<Piece> {
    (!text.is_empty()).then(|| Piece::Text(text.chars().collect()))
}

/// Where the part ends if it begins at `start`.
fn match_at(part: &[Piece], line: &[char], start: usize) -> Option<(usize, Found)> {
    let mut at = start;
    let mut found = Found::default();
    for piece in part {
        let rest = line.get(at..)?;
        match piece {
            Piece::Text(text) => {
                rest.starts_with(text).then_some(())?;
                at += text.len();
            }
            Piece::Number => {
                let written = rest.iter().take_while(|c| is_of_number(**c)).count();
                // A sign or space behind the last digit belongs to what follows.
                let written = rest.get(..written)?;
                let length = written.iter().rposition(char::is_ascii_digit)? + 1;
                let digits: String =
                    written.iter().take(length).filter(|c| c.is_ascii_digit()).collect();
                NUMBER_DIGITS.contains(&digits.len()).then_some(())?;
                found.number = Some(digits);
                at += length;
            }
            Piece::Pages => {
                let digits: String = rest.iter().take_while(|c| c.is_ascii_digit()).collect();
                (1..=MOST_PAGE_DIGITS).contains(&digits.len()).then_some(())?;
                found.pages = digits.parse().ok();
                at += digits.len();
            }
        }
    }
    Some((at, found))
}

fn is_of_number(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '+' | '-' | '(' | ')' | ' ')
}

/// A line as patterns see it: full-width letters made narrow, capitals small, runs of spaces one, none at the ends; no
/// more than [`MOST_LINE_CHARS`] of it.
pub(super) fn fold(line: &str) -> Vec<char> {
    let mut folded: Vec<char> = Vec::new();
    for c in line.chars().take(MOST_LINE_CHARS) {
        let c = match c {
            // The full-width forms stand in the order of ASCII (Unicode, Halfwidth and Fullwidth Forms).
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
            other => other,
        };
        if c.is_whitespace() || c.is_control() {
            if folded.last().is_some_and(|last| *last != ' ') {
                folded.push(' ');
            }
        } else {
            folded.push(c.to_ascii_lowercase());
        }
    }
    if folded.last() == Some(&' ') {
        folded.pop();
    }
    folded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn find(pattern: &str, line: &str) -> Option<Found> {
        Pattern::parse(pattern).unwrap().find(&fold(line))
    }

    fn found(number: Option<&str>, pages: Option<u16>) -> Option<Found> {
        Some(Found { number: number.map(str::to_owned), pages })
    }

    #[test]
    fn line_is_recognised_whole_and_its_fields_are_read() {
        for (pattern, line, expected) in [
            ("Fax sent", "  fax   SENT ", found(None, None)),
            ("Fax sent", "Fax not sent", None),
            ("sent", "not sent", None),
            ("sent", "sent not", None),
            ("{any}sent", "was sent", found(None, None)),
            ("Pages: {pages}", "Pages: 12", found(None, Some(12))),
            ("Pages: {pages}", "Pages: 12345", None),
            ("Pages: {pages}", "Pages: x", None),
            ("{pages} pages", "1 pages", found(None, Some(1))),
            ("FAX to {number} ok", "FAX to +81 (3) 1234-5678 ok", found(Some("81312345678"), None)),
            ("FAX to {number} ok", "FAX to 12 ok", None),
            (
                "FAX送信が成功しました -> {number}",
                "ＦＡＸ送信が成功しました　->　０３-1234-5678",
                found(Some("0312345678"), None),
            ),
            (
                "{any}to {number}{any}, {pages} page{any}",
                "Job 7 to 0312345678 (Aoba), 1 page.",
                found(Some("0312345678"), Some(1)),
            ),
            ("a{any}a", "a", None),
            ("a{any}a", "aa", found(None, None)),
            ("a{any}b{any}c", "a..c..b", None),
            ("a{any}b{any}c", "a..b..c..b..c", found(None, None)),
            ("{any}job {any} failed", "job x failed failed", found(None, None)),
        ] {
            assert_eq!(find(pattern, line), expected, "{pattern} in {line}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_pattern_is_said() {
        for (pattern, said) in [
            ("{page}", "{page} is none of {number}, {pages}, {any}"),
            ("a{number", "a { without its }"),
            ("{any}", "says nothing: it fits any line"),
            ("{any}: {number}", "says nothing: it fits any line"),
            ("", "says nothing: it fits any line"),
        ] {
            assert_eq!(Pattern::parse(pattern), Err(said.to_owned()), "{pattern}");
        }
        assert!(Pattern::parse(&"a".repeat(MOST_PATTERN_CHARS + 1)).is_err());
    }

    /// The worst pattern on the worst line: much less than a second, or it is not linear.
    #[test]
    fn endless_line_of_almost_fits_is_done_in_no_time() {
        let pattern = Pattern::parse(&"{any}aaab".repeat(22)).unwrap();
        let line = fold(&"a".repeat(100_000));
        assert_eq!(line.len(), MOST_LINE_CHARS);
        assert_eq!(pattern.find(&line), None);
    }

    proptest! {
        #[test]
        fn parts_are_found_in_their_order_whatever_stands_between(
            parts in proptest::collection::vec("[b-y]{1,5}", 1..5),
            gaps in proptest::collection::vec("[az ]{0,5}", 5),
        ) {
            let pattern = Pattern::parse(&format!("{{any}}{}{{any}}", parts.join("{any}"))).unwrap();
            let line: String = parts.iter().zip(&gaps).flat_map(|(part, gap)| [gap.as_str(), part]).collect();
            prop_assert!(pattern.find(&fold(&line)).is_some(), "{line}");
        }

        #[test]
        fn any_pattern_and_any_line_end(pattern in ".{0,60}", line in ".{0,200}") {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                let _ = pattern.find(&fold(&line));
            }
        }
    }
}

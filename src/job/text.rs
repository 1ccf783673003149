//! Text that people read on the sheet.
//!
//! In: a string from outside. Out: [`SheetText`], which cannot move, hide or reorder what stands
//! around it on paper, in a mail header or in a terminal.
//! Source: the Unicode Standard, chapter 23 (special areas and format characters).
//! Not here: whether the font has every character (`render`).

/// Text that can be set on a sheet: no control, bidi or line-separator characters, trimmed, not empty,
/// within its limit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SheetText(String);

impl SheetText {
    /// Trims and checks; `limit` counts characters (Unicode scalar values).
    ///
    /// # Errors
    /// [`TextError`], with the position of the first character that cannot be set.
    pub fn parse(text: &str, limit: usize) -> Result<Self, TextError> {
        if let Some(at) = text.chars().position(is_unprintable) {
            return Err(TextError::Character { at });
        }
        let text = text.trim();
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.chars().count() > limit {
            return Err(TextError::Long { limit });
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for SheetText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// True for what has no shape of its own on paper. Variation selectors are let through: they choose
/// the shape of a kanji in names.
fn is_unprintable(c: char) -> bool {
    c.is_control() // C0, DEL, C1
        || matches!(c,
            '\u{00AD}'                           // soft hyphen
            | '\u{034F}' | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' // blank joiners, fillers
            | '\u{061C}'                         // Arabic letter mark
            | '\u{200B}'..='\u{200F}'            // zero width, LRM, RLM
            | '\u{2028}'..='\u{202E}'            // line and paragraph separator, bidi embedding
            | '\u{2060}'..='\u{206F}'            // word joiner, bidi isolates, deprecated formats
            | '\u{E000}'..='\u{F8FF}'            // private use
            | '\u{FDD0}'..='\u{FDEF}'            // noncharacters
            | '\u{FEFF}'                         // byte order mark
            | '\u{FFF0}'..='\u{FFFF}'            // interlinear marks, object and replacement character
            | '\u{E0000}'..='\u{E00FF}'          // tags
            | '\u{F0000}'..='\u{10FFFF}'         // private use planes
        )
        || u32::from(c) & 0xFFFE == 0xFFFE // the last two of each plane are noncharacters
}

/// Why a text cannot stand on a sheet. The caller's fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TextError {
    #[error("must not be empty")]
    Empty,
    #[error("must have at most {limit} characters")]
    Long { limit: usize },
    #[error("character {at} (from 0) cannot be printed")]
    Character { at: usize },
}

impl TextError {
    pub fn code(self) -> &'static str {
        "invalid-text"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn japanese_name_with_wide_spaces_is_trimmed() {
        let name =
            SheetText::parse("\u{3000}社会福祉法人 葛󠄀城会 ケアセンター① ", 40).expect("parses");
        assert_eq!(name.as_str(), "社会福祉法人 葛󠄀城会 ケアセンター①");
    }

    #[test]
    fn characters_that_move_or_hide_text_are_refused_where_they_stand() {
        let bad = [
            '\0',
            '\r',
            '\n',
            '\t',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{9b}',
            '\u{200b}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{2066}',
            '\u{feff}',
            '\u{e000}',
            '\u{f8ff}',
            '\u{fffd}',
            '\u{1fffe}',
            '\u{e0041}',
            '\u{f0000}',
            '\u{10ffff}',
        ];
        for c in bad {
            let text = format!("ab{c}d");
            assert_eq!(SheetText::parse(&text, 9), Err(TextError::Character { at: 2 }), "{c:?}");
        }
        // Not even at the end, where trimming would hide it.
        assert_eq!(SheetText::parse("a\r\n", 9), Err(TextError::Character { at: 1 }));
    }

    #[test]
    fn limit_counts_characters_after_trimming() {
        assert!(SheetText::parse(" 事業所 ", 3).is_ok());
        assert_eq!(SheetText::parse("事業所名", 3), Err(TextError::Long { limit: 3 }));
        assert_eq!(SheetText::parse(" \u{3000}", 3), Err(TextError::Empty));
        assert_eq!(
            SheetText::parse(&format!("e{}", "\u{301}".repeat(500)), 60),
            Err(TextError::Long { limit: 60 })
        );
    }
}

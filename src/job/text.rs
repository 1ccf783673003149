//! Text that people read on the sheet.
//!
//! In: a string from outside, or one that was accepted earlier. Out: [`SheetText`], which cannot move, hide or reorder what stands
//! around it on paper, in a mail header or in a terminal, and of which each character stands in a place
//! of its own.
//! Source: the Unicode Standard, chapter 23 (special areas and format characters), 3.11 (composition).
//! Not here: whether the faces have every character (`render/gate.rs`).

use unicode_normalization::char::compose;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// Text that can be set from left to right on a sheet: what is invisible, breaks the line or is piled on
/// another character is not in it; trimmed, not empty, within its limit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SheetText(String);

impl SheetText {
    /// Checks, composes and trims; `limit` counts characters (Unicode scalar values) of the result.
    ///
    /// A letter or kana with its mark behind it becomes the one character for both, as people see it:
    /// some systems write `が` as two. Nothing else is normalised, for that would change the shape of
    /// kanji in names (U+FA19 `神` is not U+795E `神`).
    ///
    /// # Errors
    /// [`TextError`], with the first character that cannot be set and its place in `text`.
    pub fn parse(text: &str, limit: usize) -> Result<Self, TextError> {
        let mut composed = String::with_capacity(text.len());
        for (at, character) in text.chars().enumerate() {
            let set = match shape(character) {
                Ok(Shape::Own) => character,
                Ok(Shape::Mark) => {
                    let before = composed.chars().next_back();
                    match before.and_then(|base| compose(base, character)) {
                        Some(both) => {
                            composed.pop();
                            both
                        }
                        None if before.is_some_and(|base| may_follow(base, character)) => character,
                        None => {
                            return Err(TextError::Character { at, character, why: Flaw::Piled });
                        }
                    }
                }
                Err(why) => return Err(TextError::Character { at, character, why }),
            };
            composed.push(set);
        }
        let text = composed.trim();
        match text.chars().count() {
            0 => Err(TextError::Empty),
            length if length > limit => Err(TextError::Long { limit, length }),
            _fits => Ok(Self(text.to_owned())),
        }
    }

    /// Takes a text that was accepted under the rules of its day: a rule that came later loses no notification. Only
    /// what no version ever let through is refused: text that is too long, empty, or moves the paper or a cursor.
    ///
    /// # Errors
    /// [`TextError`], as of [`SheetText::parse`].
    pub fn stored(text: &str, limit: usize) -> Result<Self, TextError> {
        for (at, character) in text.chars().enumerate() {
            let why = match character.general_category() {
                GeneralCategory::Control => Flaw::Control,
                GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => Flaw::Break,
                _may_have_been_accepted => continue,
            };
            return Err(TextError::Character { at, character, why });
        }
        match text.chars().count() {
            0 => Err(TextError::Empty),
            length if length > limit => Err(TextError::Long { limit, length }),
            _fits => Ok(Self(text.to_owned())),
        }
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

/// Where a character that can be set stands.
enum Shape {
    /// In a place of its own.
    Own,
    /// On the character before it, or it chooses that one's shape.
    Mark,
}

fn shape(character: char) -> Result<Shape, Flaw> {
    match character {
        // Letters and a symbol by category, but blank: the Hangul fillers and the place of an object.
        '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' | '\u{FFFC}' => {
            return Err(Flaw::Invisible);
        }
        '\u{FFFD}' => return Err(Flaw::Broken),
        _ if is_right_to_left(character) => return Err(Flaw::RightToLeft),
        _ => {}
    }
    match character.general_category() {
        GeneralCategory::Control => Err(Flaw::Control),
        GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => Err(Flaw::Break),
        GeneralCategory::Format => Err(Flaw::Invisible),
        GeneralCategory::PrivateUse => Err(Flaw::Private),
        GeneralCategory::Surrogate | GeneralCategory::Unassigned => Err(Flaw::Unassigned),
        GeneralCategory::NonspacingMark
        | GeneralCategory::SpacingMark
        | GeneralCategory::EnclosingMark => Ok(Shape::Mark),
        GeneralCategory::UppercaseLetter
        | GeneralCategory::LowercaseLetter
        | GeneralCategory::TitlecaseLetter
        | GeneralCategory::ModifierLetter
        | GeneralCategory::OtherLetter
        | GeneralCategory::DecimalNumber
        | GeneralCategory::LetterNumber
        | GeneralCategory::OtherNumber
        | GeneralCategory::ConnectorPunctuation
        | GeneralCategory::DashPunctuation
        | GeneralCategory::OpenPunctuation
        | GeneralCategory::ClosePunctuation
        | GeneralCategory::InitialPunctuation
        | GeneralCategory::FinalPunctuation
        | GeneralCategory::OtherPunctuation
        | GeneralCategory::MathSymbol
        | GeneralCategory::CurrencySymbol
        | GeneralCategory::ModifierSymbol
        | GeneralCategory::OtherSymbol
        | GeneralCategory::SpaceSeparator => Ok(Shape::Own),
    }
}

/// The blocks that Unicode keeps for scripts written from right to left, assigned or not: the ranges of
/// `@missing` with R or AL in `DerivedBidiClass.txt`.
fn is_right_to_left(character: char) -> bool {
    matches!(character,
        '\u{0590}'..='\u{08FF}'
        | '\u{FB1D}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FDFF}'
        | '\u{FE70}'..='\u{FEFE}'
        | '\u{10800}'..='\u{10FFF}'
        | '\u{1E800}'..='\u{1EFFF}')
}

/// The marks that have no composed character and still belong into names: a selector of a kanji's shape
/// behind the kanji (UTS 37), and the half-voiced kana of JIS X 0213 (か゚, セ゚, ㇷ゚).
fn may_follow(base: char, mark: char) -> bool {
    match mark {
        '\u{FE00}'..='\u{FE02}' | '\u{E0100}'..='\u{E01EF}' => is_kanji(base),
        '\u{309A}' => "かきくけこカキクケコセツト\u{31F7}".contains(base),
        _ => false,
    }
}

/// CJK unified and compatibility ideographs, with 々 and 〆.
fn is_kanji(character: char) -> bool {
    matches!(character,
        '\u{3005}' | '\u{3006}'
        | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFD}')
}

/// Why a text cannot stand on a sheet. The caller's fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TextError {
    #[error("must not be empty")]
    Empty,
    #[error("must have at most {limit} characters, has {length}")]
    Long { limit: usize, length: usize },
    /// `at` counts characters from 0, as they came.
    #[error("character {at} (from 0), U+{:04X}, {why}", u32::from(*character))]
    Character { at: usize, character: char, why: Flaw },
}

/// What is wrong with a character.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Flaw {
    #[error("is a control character")]
    Control,
    #[error("breaks the line")]
    Break,
    #[error("is invisible")]
    Invisible,
    #[error("is written from right to left")]
    RightToLeft,
    #[error("is a mark that does not belong to the character before it")]
    Piled,
    #[error("is for private use and looks different everywhere")]
    Private,
    #[error("is no character of Unicode")]
    Unassigned,
    #[error("stands for one that was lost before it came here")]
    Broken,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, TextError> {
        SheetText::parse(text, 60).map(|text| text.0)
    }

    #[test]
    fn japanese_name_with_wide_spaces_is_trimmed() {
        let name =
            SheetText::parse("\u{3000}社会福祉法人 葛󠄀城会 ケアセンター① ", 40).expect("parses");
        assert_eq!(name.as_str(), "社会福祉法人 葛󠄀城会 ケアセンター①");
    }

    #[test]
    fn characters_of_japanese_names_come_through_as_they_are() {
        for text in [
            "ｱｵｿﾞﾗﾃﾞｲｻｰﾋﾞｽ",
            "㈱ひかり㍿①Ⅲ㎡",
            "髙橋・山﨑・𠮷田・栁",
            "\u{FA19}\u{FA1A}\u{FA11}", // compatibility kanji keep their shape
            "か\u{309A}ト\u{309A}\u{31F7}\u{309A}",
            "辻\u{E0101}・葛\u{E0100}・神\u{FE00}",
            "Café «Soleil» № 5 ～ ー—",
        ] {
            assert_eq!(parsed(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn letter_and_mark_become_the_one_character_for_both() {
        assert_eq!(parsed("ケアフ\u{309A}ランか\u{3099}").as_deref(), Ok("ケアプランが"));
        assert_eq!(parsed("Cafe\u{301} e\u{323}\u{302}").as_deref(), Ok("Café ệ"));
        // Two characters that came as 120 are within a limit of 60.
        let sixty = "は\u{3099}".repeat(60);
        assert_eq!(parsed(&sixty), Ok("ば".repeat(60)));
    }

    #[test]
    fn characters_that_move_hide_or_cover_text_are_refused_where_they_stand() {
        let bad = [
            ('\0', Flaw::Control),
            ('\r', Flaw::Control),
            ('\n', Flaw::Control),
            ('\t', Flaw::Control),
            ('\u{1b}', Flaw::Control),
            ('\u{7f}', Flaw::Control),
            ('\u{85}', Flaw::Control),
            ('\u{9b}', Flaw::Control),
            ('\u{2028}', Flaw::Break),
            ('\u{2029}', Flaw::Break),
            ('\u{ad}', Flaw::Invisible),
            ('\u{115f}', Flaw::Invisible),
            ('\u{200b}', Flaw::Invisible),
            ('\u{200d}', Flaw::Invisible),
            ('\u{200f}', Flaw::Invisible),
            ('\u{202e}', Flaw::Invisible),
            ('\u{2060}', Flaw::Invisible),
            ('\u{2066}', Flaw::Invisible),
            ('\u{3164}', Flaw::Invisible),
            ('\u{feff}', Flaw::Invisible),
            ('\u{fff9}', Flaw::Invisible),
            ('\u{fffc}', Flaw::Invisible),
            ('\u{e0041}', Flaw::Invisible),
            ('א', Flaw::RightToLeft),
            ('ع', Flaw::RightToLeft),
            ('\u{61c}', Flaw::RightToLeft),
            ('\u{fdf2}', Flaw::RightToLeft),
            ('\u{1e900}', Flaw::RightToLeft),
            ('\u{300}', Flaw::Piled), // b has no grave accent
            ('\u{34f}', Flaw::Piled),
            ('\u{20dd}', Flaw::Piled),
            ('\u{20e3}', Flaw::Piled), // keycap
            ('\u{309a}', Flaw::Piled),
            ('\u{fe0f}', Flaw::Piled),
            ('\u{e0100}', Flaw::Piled),
            ('\u{e000}', Flaw::Private),
            ('\u{f8ff}', Flaw::Private),
            ('\u{f0000}', Flaw::Private),
            ('\u{10fffd}', Flaw::Private),
            ('\u{378}', Flaw::Unassigned),
            ('\u{fdd0}', Flaw::Unassigned),
            ('\u{ffff}', Flaw::Unassigned),
            ('\u{1fffe}', Flaw::Unassigned),
            ('\u{10ffff}', Flaw::Unassigned),
            ('\u{fffd}', Flaw::Broken),
        ];
        for (character, why) in bad {
            let refused = Err(TextError::Character { at: 2, character, why });
            assert_eq!(parsed(&format!("ab{character}d")), refused, "{character:?}");
        }
        // Not even at the end, where trimming would hide it.
        let refused = Err(TextError::Character { at: 1, character: '\r', why: Flaw::Control });
        assert_eq!(parsed("a\r\n"), refused);
    }

    #[test]
    fn second_mark_on_one_character_is_refused_unless_it_composes_too() {
        for (text, at) in [
            ("e\u{301}\u{301}", 2),
            ("か\u{3099}\u{3099}", 2),
            ("葛\u{E0100}\u{E0101}", 2),
            ("\u{301}", 0),
        ] {
            let got = parsed(text);
            assert!(
                matches!(got, Err(TextError::Character { at: found, why: Flaw::Piled, .. }) if found == at),
                "{text:?}: {got:?}"
            );
        }
    }

    #[test]
    fn refusal_names_the_character_by_its_number() {
        let error = parsed("a\u{202e}b").expect_err("refused");
        assert_eq!(error.to_string(), "character 1 (from 0), U+202E, is invisible");
    }

    #[test]
    fn stored_text_is_taken_as_older_rules_let_it_through_and_never_with_controls() {
        for older in ["か\u{3099}き", "e\u{301}\u{301}", "שלום", "☺\u{FE0F}", "事業所"] {
            let stored = SheetText::stored(older, 60).map(|text| text.0);
            assert_eq!(stored.as_deref(), Ok(older), "{older:?}");
        }
        for bad in ["a\r\nb", "\u{1b}[2J", "a\u{2028}b", ""] {
            assert!(SheetText::stored(bad, 60).is_err(), "{bad:?}");
        }
        assert_eq!(SheetText::stored("事業所名", 3), Err(TextError::Long { limit: 3, length: 4 }));
    }

    #[test]
    fn limit_counts_characters_after_trimming() {
        assert!(SheetText::parse(" 事業所 ", 3).is_ok());
        let long = TextError::Long { limit: 3, length: 4 };
        assert_eq!(SheetText::parse("事業所名", 3), Err(long));
        assert_eq!(SheetText::parse(" \u{3000}", 3), Err(TextError::Empty));
        let huge = TextError::Long { limit: 60, length: 10_000 };
        assert_eq!(SheetText::parse(&"字".repeat(10_000), 60), Err(huge));
    }
}

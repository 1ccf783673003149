//! The characters that sheets can hold.
//!
//! In: characters. Out: sorted ranges, and whether a character is in one.
//! Not here: which fonts (`src/bin/shirase-sheet/world.rs`); which characters a field may hold (`src/job`).

use serde::{Deserialize, Serialize};

/// Characters for which a face that templates name has a glyph. Says nothing of how they join.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Inclusive, rising, apart from each other by at least one character.
    ranges: Vec<(char, char)>,
}

impl Coverage {
    /// Of these characters, in any order.
    #[must_use]
    pub fn of(characters: impl IntoIterator<Item = char>) -> Self {
        let mut characters: Vec<char> = characters.into_iter().collect();
        characters.sort_unstable();
        let mut ranges: Vec<(char, char)> = Vec::new();
        for character in characters {
            match ranges.last_mut() {
                // `char` ranges step over the surrogates by themselves.
                Some((_, last)) if (*last..=character).nth(2).is_none() => *last = character,
                Some(_) | None => ranges.push((character, character)),
            }
        }
        Self { ranges }
    }

    /// Whether sheets can hold the character.
    #[must_use]
    pub fn has(&self, character: char) -> bool {
        let after = self.ranges.partition_point(|(first, _)| *first <= character);
        let range = after.checked_sub(1).and_then(|index| self.ranges.get(index));
        range.is_some_and(|(_, last)| character <= *last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_in_any_order_become_rising_ranges() {
        let coverage = Coverage::of("cab鬱ze\u{D7FF}\u{E000}a".chars());
        let wanted = [('a', 'c'), ('e', 'e'), ('z', 'z'), ('鬱', '鬱'), ('\u{D7FF}', '\u{E000}')];
        assert_eq!(coverage.ranges, wanted);
    }

    #[test]
    fn character_at_the_edges_of_a_range_is_in_and_beside_it_is_out() {
        let coverage = Coverage::of("bcdxyz".chars());
        assert!("bcdxyz".chars().all(|character| coverage.has(character)));
        assert!(!"aewA鬱\0".chars().any(|character| coverage.has(character)));
        assert!(!Coverage::default().has('a'));
    }
}

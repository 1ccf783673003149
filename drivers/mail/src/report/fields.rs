//! Blocks of `Name: value` with an empty line between them, as DSN and MDN have them.
//!
//! In: octets. Out: blocks of unfolded fields, values as one line of printable text.
//! Limits: [`MOST_BLOCKS`], [`MOST_FIELDS`], [`VALUE_CHARS`]; the rest is dropped.
//! Source: RFC 3464 2.1, RFC 5322 2.2.3 (folding), RFC 3461 4 (`xtext`).
//! Not here: what a field means (`delivery.rs`, `disposition.rs`).

/// A mail of ours has one recipient; its report has one block before that one's.
const MOST_BLOCKS: usize = 16;
const MOST_FIELDS: usize = 64;
/// Kept of a value: what somebody reads in the log. Chosen.
const VALUE_CHARS: usize = 500;

/// One block.
#[derive(Debug, Default)]
pub(super) struct Block(Vec<(String, String)>);

impl Block {
    /// The value of a field that stands there once.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        let mut values = self.all(name);
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// Every value of a field.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = move |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.0.iter().filter(named).map(|(_, value)| value.as_str())
    }

    /// `type; value`: what follows the semicolon.
    pub(super) fn typed(&self, name: &str) -> Option<&str> {
        self.one(name)?.split_once(';').map(|(_, value)| value.trim())
    }

    fn push(&mut self, name: &str, value: &str) {
        if self.0.len() < MOST_FIELDS {
            self.0.push((name.trim().to_owned(), printable(value)));
        }
    }

    fn extend_last(&mut self, more: &str) {
        if let Some((_, value)) = self.0.last_mut() {
            let room = VALUE_CHARS.saturating_sub(value.chars().count());
            value.push(' ');
            value.extend(printable(more).chars().take(room));
        }
    }
}

/// Splits octets into blocks; blocks without a field are left out.
pub(super) fn blocks(octets: &[u8]) -> Vec<Block> {
    let text = String::from_utf8_lossy(octets);
    let mut blocks = vec![Block::default()];
    for line in text.lines() {
        let Some(block) = blocks.last_mut() else { break };
        if line.trim().is_empty() {
            if !block.0.is_empty() {
                if blocks.len() == MOST_BLOCKS {
                    break;
                }
                blocks.push(Block::default());
            }
        } else if line.starts_with([' ', '\t']) {
            block.extend_last(line);
        } else if let Some((name, value)) = line.split_once(':') {
            block.push(name, value);
        }
    }
    blocks.retain(|block| !block.0.is_empty());
    blocks
}

/// One line that can go into a log: no control characters, no end.
fn printable(value: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    value.trim().chars().take(VALUE_CHARS).map(plain).collect()
}

/// Undoes `xtext`: `+3D` is `=`. What is no code stays as it stands.
pub(super) fn from_xtext(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('+') {
        out.push_str(before);
        let code = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code.filter(|octet| octet.is_ascii_graphic()) {
            Some(octet) => {
                out.push(char::from(octet));
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push('+');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_fields_are_one_line_and_blocks_part_at_empty_lines() {
        let blocks = blocks(b"\r\n\r\nA: 1\r\nB: x\r\n\ty\r\n\r\n \r\nA: 2\r\n");
        assert_eq!(blocks.len(), 2);
        assert_eq!(blocks[0].one("b"), Some("x y"));
        assert_eq!(blocks[1].one("a"), Some("2"));
    }

    #[test]
    fn field_that_stands_twice_is_not_one() {
        let blocks = blocks(b"Status: 2.0.0\nStatus: 5.1.1\n");
        assert_eq!(blocks[0].one("Status"), None);
        assert_eq!(blocks[0].all("Status").count(), 2);
    }

    #[test]
    fn endless_input_is_kept_within_its_limits() {
        let mut octets = b"A: ".to_vec();
        octets.extend(vec![b'x'; 100_000]);
        for _ in 0..10_000 {
            octets.extend(b"\n\tyyyyyyyyyyyyyyyyyyy\n\nB: 1");
        }
        let blocks = blocks(&octets);
        assert_eq!(blocks.len(), MOST_BLOCKS);
        assert!(blocks[0].one("A").unwrap().chars().count() <= VALUE_CHARS + 1);
    }

    #[test]
    fn xtext_is_undone_once_and_nonsense_stays() {
        assert_eq!(from_xtext("n1+3Da1+2Bx"), "n1=a1+x");
        assert_eq!(from_xtext("+2B3D"), "+3D");
        assert_eq!(from_xtext("a+zz+0A+"), "a+zz+0A+");
        assert_eq!(from_xtext("+é"), "+é");
    }
}

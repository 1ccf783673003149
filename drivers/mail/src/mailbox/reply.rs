//! The replies of a server that mean something to us.
//!
//! In: one complete reply, literals and all, without its last line end. Out: a [`Reply`]; what we did not ask for and
//! need not know is [`Reply::Other`].
//! Source: RFC 3501 7 and 9.
//! Not here: where a reply ends (`gate.rs`), what follows from it (`session.rs`).

use crate::smtp::without;

/// Looked at of a server's words. Chosen.
const WORDS_OCTETS: usize = 1000;
/// Kept of them: what somebody reads in the log. Chosen.
const WORDS_CHARS: usize = 200;

/// One reply.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Reply {
    /// `+`: the server wants more, or begins to idle.
    GoOn,
    /// The command of this tag ended.
    Tagged {
        /// As it stands there: 1 to 16 letters and digits.
        tag: String,
        /// How it ended.
        ending: Ending,
        /// The response code, in capitals, such as `TRYCREATE`.
        code: Option<String>,
        /// The server's words, as they came: see [`printable`].
        words: String,
    },
    /// `* OK`: the greeting, or words that nobody needs.
    Fine,
    /// `* OK [UIDVALIDITY n]`.
    UidValidity(u32),
    /// `* n EXISTS`: how many mails there are now.
    Exists(u32),
    /// `* CAPABILITY`, the words in it.
    Capabilities(Vec<String>),
    /// `* SEARCH`.
    Found(Vec<u32>),
    /// `* n FETCH` with a body: of which UID, how long the mail is, and its beginning.
    Mail(Mail),
    /// `* BYE`: the server ends the connection.
    Bye(String),
    /// Anything else that is IMAP.
    Other,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ending {
    Ok,
    No,
    Bad,
}

/// A mail as it was fetched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Mail {
    pub uid: u32,
    pub size: Option<u32>,
    pub octets: Vec<u8>,
}

/// Whether the line that begins so can go on behind `{n}`: words for people cannot, and may end so by chance.
pub(super) fn can_hold_literals(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"* ") else { return false };
    let word = rest.split(|octet| *octet == b' ').next().unwrap_or_default();
    !["OK", "NO", "BAD", "BYE", "PREAUTH", "CAPABILITY", "SEARCH"]
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

/// The `n` of `{n}` at the end of a line, if it ends so. A number that is too large for any mail comes back as
/// `u64::MAX`, not as none.
pub(super) fn literal_at_end(line: &[u8]) -> Option<u64> {
    let inside = line.strip_suffix(b"}")?;
    let digits = inside.iter().rev().take_while(|octet| octet.is_ascii_digit()).count();
    let (before, digits) = inside.split_at_checked(inside.len().saturating_sub(digits))?;
    if digits.is_empty() || before.last() != Some(&b'{') {
        return None;
    }
    Some(number(digits).unwrap_or(u64::MAX))
}

impl Reply {
    /// Reads one.
    ///
    /// # Errors
    /// What makes no sense about it.
    pub(super) fn read(octets: &[u8]) -> Result<Self, &'static str> {
        if octets.first() == Some(&b'+') {
            return Ok(Self::GoOn);
        }
        match octets.strip_prefix(b"* ") {
            Some(rest) => Self::untagged(rest),
            None => Self::tagged(octets),
        }
    }

    fn tagged(octets: &[u8]) -> Result<Self, &'static str> {
        let (tag, rest) = word(octets);
        let is_tag = (1..=16).contains(&tag.len()) && tag.iter().all(u8::is_ascii_alphanumeric);
        let (status, text) = word(rest);
        let ending = match status.to_ascii_uppercase().as_slice() {
            b"OK" => Ending::Ok,
            b"NO" => Ending::No,
            b"BAD" => Ending::Bad,
            _ => return Err("a line that is no reply"),
        };
        if !is_tag {
            return Err("a line that is no reply");
        }
        let (code, words) = code_and_words(text);
        let tag = String::from_utf8_lossy(tag).into_owned();
        Ok(Self::Tagged { tag, ending, code, words })
    }

    fn untagged(rest: &[u8]) -> Result<Self, &'static str> {
        let (first, after) = word(rest);
        match first.to_ascii_uppercase().as_slice() {
            b"OK" => {
                let (code, _words) = code_and_words(after);
                let validity = code.as_deref().and_then(|code| code.strip_prefix("UIDVALIDITY "));
                match validity {
                    None => Ok(Self::Fine),
                    Some(digits) => digits
                        .parse()
                        .map(Self::UidValidity)
                        .map_err(|_| "a UIDVALIDITY of no number"),
                }
            }
            b"BYE" => Ok(Self::Bye(code_and_words(after).1)),
            b"CAPABILITY" => {
                let words = after.split(|octet| *octet == b' ').filter(|word| !word.is_empty());
                let words = words.map(|word| String::from_utf8_lossy(word).to_ascii_uppercase());
                Ok(Self::Capabilities(words.collect()))
            }
            b"SEARCH" => {
                let numbers = after.split(|octet| *octet == b' ').filter(|word| !word.is_empty());
                let numbers =
                    numbers.map(|digits| number(digits).and_then(|n| u32::try_from(n).ok()));
                numbers
                    .collect::<Option<_>>()
                    .map(Self::Found)
                    .ok_or("a SEARCH with more than numbers")
            }
            first if number(first).is_some() => {
                let (second, items) = word(after);
                match second.to_ascii_uppercase().as_slice() {
                    b"EXISTS" => number(first)
                        .and_then(|mails| u32::try_from(mails).ok())
                        .map(Self::Exists)
                        .ok_or("more mails than there are numbers"),
                    b"FETCH" => {
                        Items(items).mail().map(|mail| mail.map_or(Self::Other, Self::Mail))
                    }
                    _ => Ok(Self::Other),
                }
            }
            _ => Ok(Self::Other),
        }
    }
}

/// The list of a FETCH, read from its front.
struct Items<'a>(&'a [u8]);

impl<'a> Items<'a> {
    /// `None` if no body is in it: the server tells of a flag that changed.
    fn mail(mut self) -> Result<Option<Mail>, &'static str> {
        const WRONG: &str = "a FETCH that cannot be read";
        let (mut uid, mut size, mut body) = (None, None, None);
        self.take(b"(").ok_or(WRONG)?;
        loop {
            let name = self.name().to_ascii_uppercase();
            self.take(b" ").ok_or(WRONG)?;
            match name.as_slice() {
                b"UID" => uid = Some(self.number().ok_or(WRONG)?),
                b"RFC822.SIZE" => size = Some(self.number().ok_or(WRONG)?),
                b"FLAGS" | b"MODSEQ" => self.flat_list().ok_or(WRONG)?,
                b"BODY[]<0>" | b"BODY[]" => body = Some(self.string().ok_or(WRONG)?),
                // We ask for nothing else, and servers tell nothing else by themselves.
                _ => return Err(WRONG),
            }
            match self.take(b" ") {
                Some(()) => {}
                None => break,
            }
        }
        self.take(b")").ok_or(WRONG)?;
        match (body, uid) {
            (None, _) => Ok(None),
            (Some(octets), Some(uid)) => Ok(Some(Mail { uid, size, octets })),
            (Some(_), None) => Err("a FETCH without UID"),
        }
    }

    fn take(&mut self, expected: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// Up to `length`, and goes on behind it.
    fn run(&mut self, length: usize) -> Option<&'a [u8]> {
        let (run, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(run)
    }

    fn name(&mut self) -> &'a [u8] {
        let length = self.0.iter().take_while(|octet| octet.is_ascii_graphic()).count();
        self.run(length).unwrap_or_default()
    }

    fn number(&mut self) -> Option<u32> {
        let length = self.0.iter().take_while(|octet| octet.is_ascii_digit()).count();
        u32::try_from(number(self.run(length)?)?).ok()
    }

    fn flat_list(&mut self) -> Option<()> {
        self.take(b"(")?;
        let length = self.0.iter().position(|octet| *octet == b')')?;
        let list = self.run(length)?;
        self.take(b")")?;
        (!list.contains(&b'(')).then_some(())
    }

    /// `NIL`, `"quoted"` or a literal.
    fn string(&mut self) -> Option<Vec<u8>> {
        match self.0.first()? {
            b'{' => {
                let line_end = self.0.iter().position(|octet| *octet == b'\n')?;
                let head = self.run(line_end)?;
                self.take(b"\n")?;
                let length = literal_at_end(head.strip_suffix(b"\r").unwrap_or(head))?;
                Some(self.run(usize::try_from(length).ok()?)?.to_vec())
            }
            b'"' => {
                self.take(b"\"")?;
                let mut text = Vec::new();
                loop {
                    match self.run(1)? {
                        b"\"" => return Some(text),
                        b"\\" => text.extend_from_slice(self.run(1)?),
                        octet => text.extend_from_slice(octet),
                    }
                }
            }
            _ => {
                let nil = self.run(3)?;
                nil.eq_ignore_ascii_case(b"NIL").then(Vec::new)
            }
        }
    }
}

/// What stands before the first space, and what behind it.
fn word(octets: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = octets.splitn(2, |octet| *octet == b' ');
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

fn number(digits: &[u8]) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    all_digits.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

/// `[CODE …] words`, the code in capitals.
fn code_and_words(text: &[u8]) -> (Option<String>, String) {
    let text = String::from_utf8_lossy(text.get(..WORDS_OCTETS).unwrap_or(text));
    match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((code, words)) => (Some(code.to_ascii_uppercase()), words.to_owned()),
        None => (None, text.into_owned()),
    }
}

/// A server's words for the journal: one line of printable text, without the secret and without addresses.
pub(super) fn printable(words: &str, secret: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let words: String = without(words, secret).chars().map(plain).collect();
    let words: Vec<&str> = words.split_whitespace().collect();
    // Again, for a secret of two words may have been parted by more than a space.
    let words = without(&words.join(" "), secret);
    let masked = words.split(' ').map(|word| match word.rsplit_once('@') {
        Some((_, domain)) => format!("***@{domain}"),
        None => word.to_owned(),
    });
    masked.collect::<Vec<_>>().join(" ").chars().take(WORDS_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(octets: &[u8]) -> Result<Reply, &'static str> {
        Reply::read(octets)
    }

    #[test]
    fn fetch_is_read_in_every_form_that_servers_give_it() {
        let expected = Mail { uid: 7, size: Some(5), octets: b"a(\r\n)".to_vec() };
        for text in [
            &b"* 1 FETCH (UID 7 RFC822.SIZE 5 BODY[]<0> {5}\r\na(\r\n))"[..],
            b"* 1 fetch (BODY[]<0> {5}\r\na(\r\n) UID 7 FLAGS (\\Seen) RFC822.SIZE 5)",
        ] {
            assert_eq!(mail(text), Ok(Reply::Mail(expected.clone())));
        }
        let short = |octets: &[u8]| Mail { uid: 7, size: None, octets: octets.to_vec() };
        let quoted = br#"* 1 FETCH (UID 7 BODY[]<0> "a\"b\\c")"#;
        assert_eq!(mail(quoted), Ok(Reply::Mail(short(br#"a"b\c"#))));
        assert_eq!(mail(b"* 1 FETCH (UID 7 BODY[]<0> NIL)"), Ok(Reply::Mail(short(b""))));
    }

    #[test]
    fn fetch_of_flags_alone_is_news_of_nobody() {
        assert_eq!(mail(b"* 9 FETCH (FLAGS (\\Seen \\Answered) UID 3)"), Ok(Reply::Other));
    }

    #[test]
    fn fetch_that_lies_about_its_literal_or_nests_is_refused() {
        for text in [
            &b"* 1 FETCH (UID 7 BODY[]<0> {6}\r\nabc)"[..],
            b"* 1 FETCH (UID 7 BODY[]<0> {4294967295}\r\nabc)",
            b"* 1 FETCH (UID 7 BODYSTRUCTURE ((((((",
            b"* 1 FETCH (UID 7 FLAGS ((a)))",
            b"* 1 FETCH (UID 99999999999 BODY[]<0> NIL)",
            b"* 1 FETCH (BODY[]<0> NIL)",
            b"* 1 FETCH (INTERNALDATE NIL)",
            b"* 1 FETCH (UID 7",
            b"* 1 FETCH",
        ] {
            assert!(mail(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn words_of_a_refusal_are_one_line_without_address_and_bounded() {
        let text = format!("a1 NO [TRYCREATE] for <ops@example.jp>\u{1b} {}", "x".repeat(5000));
        let Ok(Reply::Tagged { ending: Ending::No, code, words, .. }) = mail(text.as_bytes())
        else {
            panic!("a refusal");
        };
        assert_eq!(code.as_deref(), Some("TRYCREATE"));
        let words = printable(&words, "");
        assert!(words.starts_with("for ***@example.jp> xxx") && words.len() == 200, "{words}");
    }

    #[test]
    fn secret_is_struck_out_before_anything_else_is_made_of_the_words() {
        for (secret, said) in [
            ("battery staple", "no battery staple here"),
            ("battery staple", "no battery\u{8} staple here"),
            ("p@ss", "no p@ss here"),
            ("p ass", "no cCBhc3M= here"), // in base64
        ] {
            assert_eq!(printable(said, secret), "no *** here", "{secret}");
        }
    }

    #[test]
    fn literal_is_seen_only_where_one_can_stand() {
        assert_eq!(literal_at_end(b"* 1 FETCH (BODY[] {12}"), Some(12));
        assert_eq!(literal_at_end(b"* 1 FETCH (BODY[] {99999999999999999999}"), Some(u64::MAX));
        assert_eq!(literal_at_end(b"{}"), None);
        assert_eq!(literal_at_end(b"12}"), None);
        assert!(!can_hold_literals(b"* OK disk is full {12}"));
        assert!(!can_hold_literals(b"a1 NO {12}"));
        assert!(can_hold_literals(b"* LIST () \"/\" {12}"));
    }

    #[test]
    fn search_is_numbers_and_nothing_else() {
        assert_eq!(mail(b"* SEARCH"), Ok(Reply::Found(vec![])));
        assert_eq!(mail(b"* SEARCH 4 2 "), Ok(Reply::Found(vec![4, 2])));
        assert!(mail(b"* SEARCH 4 (MODSEQ 2)").is_err());
    }
}

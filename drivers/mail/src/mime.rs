//! A mail taken apart, one level at a time: its header, its body, and the parts of a multipart.
//!
//! In: octets, from anybody. Out: an [`Entity`]; its parts as octets, which are looked at one after the other or not at all.
//! Headers are read by the library and nothing else is: its reader of whole mails goes into every mail in a mail, a stack
//! frame and a copy of all octets for each level, and a transfer encoding hides from its caller how many there are.
//! Limits: [`HEADER_OCTETS`], [`MOST_PARTS`]. Nothing here calls itself; an octet is decoded once, on request.
//! Source: RFC 2045 6 (transfer encodings), RFC 2046 5.1 (multiparts), RFC 5322 2.1 (the line between header and body).
//! Not here: which parts count (`report/`, `provider/answer.rs`), how much of a mail is looked at (`report/`).

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::html::html_to_text;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{HeaderName, Message, MessageParser, MimeHeaders};

/// An entity of a longer header is not read. Chosen: Postfix takes 100 KiB (`header_size_limit`), of which hosts and
/// signatures on a long way write some 20.
const HEADER_OCTETS: usize = 64 << 10;
/// Looked at of one multipart. Chosen: reports have three.
const MOST_PARTS: usize = 100;

/// What somebody here asks for; of any other field only its octets are known.
static HEADERS: LazyLock<MessageParser> = LazyLock::new(|| {
    MessageParser::new()
        .header_content_type(HeaderName::ContentType)
        .header_content_type(HeaderName::ContentDisposition)
        .header_text(HeaderName::ContentTransferEncoding)
        .header_text(HeaderName::Subject)
        .header_address(HeaderName::From)
        .header_id(HeaderName::MessageId)
        .header_id(HeaderName::ReturnPath)
        .default_header_ignore()
});
/// Read as the header of an entity that has none.
const NO_HEADER: &[u8] = b"Content-Type: text/plain\r\n\r\n";

/// A mail, or a part of one.
pub(crate) struct Entity<'a> {
    /// Its header, without parts.
    pub header: Message<'a>,
    body: &'a [u8],
}

impl<'a> Entity<'a> {
    /// Reads the header; `None` if that is too long, or breaks the library.
    pub(crate) fn of(octets: &'a [u8]) -> Option<Self> {
        let (header, body) = split(octets)?;
        let read = || HEADERS.parse_headers(header).or_else(|| HEADERS.parse_headers(NO_HEADER));
        let header = unless_it_breaks(read)??;
        Some(Self { header, body })
    }

    /// Whether it is of this content type; without one it is plain text (RFC 2045 5.2).
    pub(crate) fn is(&self, kind: &str, subtype: &str) -> bool {
        let (is, named) = match self.header.content_type() {
            Some(of) => (of.ctype(), of.subtype().unwrap_or_default()),
            None => ("text", "plain"),
        };
        is.eq_ignore_ascii_case(kind) && named.eq_ignore_ascii_case(subtype)
    }

    /// Meant for a file, not to be shown.
    pub(crate) fn is_attachment(&self) -> bool {
        self.header.content_disposition().is_some_and(|how| how.is_attachment())
    }

    /// A parameter of the content type.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.header.content_type()?.attribute(name)
    }

    /// The parts of a multipart; anything else has none.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let is_multipart = self
            .header
            .content_type()
            .is_some_and(|kind| kind.ctype().eq_ignore_ascii_case("multipart"));
        let boundary = self.parameter("boundary").filter(|_| is_multipart);
        let pieces = boundary.map(|boundary| Pieces {
            boundary: boundary.as_bytes().to_vec(),
            rest: Some(self.body),
        });
        // The first piece stands before the first part, for readers that know of no parts.
        pieces.into_iter().flatten().skip(1).take(MOST_PARTS)
    }

    /// The body, its transfer encoding undone; as it stands if that cannot be done.
    pub(crate) fn content(&self) -> Cow<'a, [u8]> {
        let encoding = self.header.content_transfer_encoding().unwrap_or_default().trim();
        let decoded = if encoding.eq_ignore_ascii_case("base64") {
            unless_it_breaks(|| base64_decode(self.body))
        } else if encoding.eq_ignore_ascii_case("quoted-printable") {
            unless_it_breaks(|| quoted_printable_decode(self.body))
        } else {
            None
        };
        decoded.flatten().map_or(Cow::Borrowed(self.body), Cow::Owned)
    }

    /// The body as text, of HTML what a reader would show; empty if it breaks the library.
    pub(crate) fn text(&self) -> String {
        let content = self.content();
        let charset = self.parameter("charset").and_then(|name| charset_decoder(name.as_bytes()));
        let is_html = self.is("text", "html");
        let text = unless_it_breaks(|| {
            let text = match charset {
                Some(decode) => decode(&content),
                None => String::from_utf8_lossy(&content).into_owned(),
            };
            if is_html { html_to_text(&text) } else { text }
        });
        text.unwrap_or_default()
    }
}

/// The library is not ours: a mail that makes it panic is the matter of that mail alone.
fn unless_it_breaks<T>(read: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok()
}

/// Header and body, which part at the first empty line; without one all is header.
fn split(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        at += line.len();
        if at > HEADER_OCTETS {
            return None;
        }
        if matches!(line, b"\n" | b"\r\n") {
            return octets.split_at_checked(at);
        }
    }
    Some((octets, &[]))
}

/// What stands between the delimiters of one multipart. Those of multiparts in it are text to it.
struct Pieces<'a> {
    boundary: Vec<u8>,
    /// `None` behind the last.
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.take()?;
        let mut at = 0;
        for line in rest.split_inclusive(|octet| *octet == b'\n') {
            let behind = at + line.len();
            if let Some(delimiter) = Delimiter::of(line, &self.boundary) {
                match delimiter {
                    Delimiter::Between => self.rest = rest.get(behind..),
                    Delimiter::Last => {}
                }
                return rest.get(..at).map(without_line_end);
            }
            at = behind;
        }
        // The mail is cut off in this piece.
        Some(rest)
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Delimiter {
    Between,
    Last,
}

impl Delimiter {
    fn of(line: &[u8], boundary: &[u8]) -> Option<Self> {
        match line.strip_prefix(b"--")?.strip_prefix(boundary)?.trim_ascii_end() {
            b"" => Some(Self::Between),
            b"--" => Some(Self::Last),
            _longer_boundary => None,
        }
    }
}

/// The line end before a delimiter belongs to that.
fn without_line_end(piece: &[u8]) -> &[u8] {
    let piece = piece.strip_suffix(b"\n").unwrap_or(piece);
    piece.strip_suffix(b"\r").unwrap_or(piece)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(mail: &str) -> Vec<String> {
        let mail = Entity::of(mail.as_bytes()).unwrap();
        mail.parts().map(|part| String::from_utf8_lossy(part).into_owned()).collect()
    }

    const MULTIPART: &str = "Content-Type: multipart/mixed; boundary=B\r\n\r\n";

    #[test]
    fn parts_stand_between_whole_lines_of_the_boundary_and_nowhere_else() {
        for (body, expected) in [
            ("for old readers\r\n--B\r\n1\r\n--B--\r\nbehind\r\n--B\r\n2", &["1"] as &[&str]),
            ("--B \t\r\n1\r\n\r\n--B\r\n\r\n--B--", &["1\r\n", ""]),
            ("--B\n1\n--B\n2\n--B--\n", &["1", "2"]),
            (
                "--B\r\n1 --B\r\n --B\r\n--B1\r\n--B--x\r\n-- B\r\n",
                &["1 --B\r\n --B\r\n--B1\r\n--B--x\r\n-- B\r\n"],
            ),
            ("--B\r\n1\r\n--B\r\ncut o", &["1", "cut o"]),
            ("--B", &[""]),
            ("--B--\r\n1", &[]),
            ("1", &[]),
            ("", &[]),
        ] {
            assert_eq!(parts(&format!("{MULTIPART}{body}")), expected, "{body}");
        }
    }

    #[test]
    fn multipart_in_a_multipart_is_one_part_though_its_boundary_begins_alike() {
        let inner =
            "Content-Type: multipart/alternative; boundary=B1\r\n\r\n--B1\r\n\r\nx\r\n--B1--";
        assert_eq!(
            parts(&format!("{MULTIPART}--B\r\n{inner}\r\n--B\r\n\r\ny\r\n--B--")),
            [inner, "\r\ny",]
        );
    }

    #[test]
    fn what_is_no_multipart_or_names_no_boundary_has_no_parts() {
        for head in
            ["Content-Type: text/plain; boundary=B", "Content-Type: multipart/mixed", "Subject: x"]
        {
            assert!(parts(&format!("{head}\r\n\r\n--B\r\n\r\nx\r\n--B--")).is_empty(), "{head}");
        }
    }

    #[test]
    fn part_without_a_header_is_plain_text() {
        let part = Entity::of(b"\r\nhello\r\n").unwrap();
        assert!(part.is("text", "plain"));
        assert_eq!(part.text(), "hello\r\n");
    }

    #[test]
    fn text_comes_out_of_its_encoding_and_charset() {
        let (japanese, _, _) = encoding_rs::ISO_2022_JP.encode("送信結果");
        let japanese = String::from_utf8(japanese.into_owned()).unwrap();
        let base64 = data_encoding::BASE64_MIME.encode("送信結果".as_bytes());
        for (head, body) in [
            ("Content-Type: text/plain; charset=ISO-2022-JP\r\n", japanese.as_str()),
            (
                "Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: Base64\r\n",
                &base64,
            ),
            (
                "Content-Transfer-Encoding: quoted-printable\r\n",
                "=E9=80=81=E4=BF=A1=\r\n=E7=B5=90=E6=9E=9C",
            ),
            ("Content-Type: text/html; charset=utf-8\r\n", "<html><body>送信結果</body></html>"),
            // Not what it says it is.
            ("Content-Transfer-Encoding: base64\r\n", "送信結果"),
        ] {
            let mail = format!("{head}\r\n{body}");
            assert_eq!(Entity::of(mail.as_bytes()).unwrap().text(), "送信結果", "{mail}");
        }
    }

    #[test]
    fn header_beyond_its_limit_is_not_read() {
        let line = "X-Signature: aaaaaaaaaaaaaaaa\r\n";
        let header = |lines: usize| line.repeat(lines) + "\r\nbody";
        let fits = HEADER_OCTETS / line.len() - 1;
        assert_eq!(Entity::of(header(fits).as_bytes()).unwrap().text(), "body");
        assert!(Entity::of(header(fits + 2).as_bytes()).is_none());
    }

    #[test]
    fn only_the_first_parts_of_very_many_are_looked_at() {
        assert_eq!(parts(&(MULTIPART.to_owned() + &"--B\r\n".repeat(10_000))).len(), MOST_PARTS);
    }

    proptest! {
        /// All parts of a multipart come out, whatever stands in them, unless it is the boundary.
        #[test]
        fn parts_come_out_as_they_were_put_in(parts_in in proptest::collection::vec("[ -~\r\n]{0,60}", 0..9)) {
            let body: String = parts_in.iter().map(|part| format!("--a(long)boundary\r\n{part}\r\n")).collect();
            let mail = format!(
                "Content-Type: multipart/mixed; boundary=\"a(long)boundary\"\r\n\r\n{body}--a(long)boundary--\r\n"
            );
            prop_assert_eq!(parts(&mail), parts_in);
        }
    }
}

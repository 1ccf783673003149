//! A mail as octets: header, text, HTML and at most one attachment.
//!
//! In: a [`Letter`]. Out: octets, the same for the same letter; every line ends with CR LF and has at most 998 octets.
//! Source: RFC 5322, RFC 2045 to 2047 (UTF-8 in base64 or quoted-printable, so that any relay carries it), RFC 3834 5
//! (`Auto-Submitted`), RFC 8098 2.1 (asking for an MDN), MS-OXCMAIL 2.1.3.2.20 (`X-Auto-Response-Suppress`).
//! Not here: what is said (`templates/mail`), signing (the relay does it), the envelope (`smtp/`).

mod iso_2022_jp;

use std::time::SystemTime;

use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, MultiPart, SinglePart};

use crate::address::{Address, ReturnPath};
use crate::token::Token;

/// Characters of a subject or a name: what a phone shows of it is a third. Chosen.
const MOST_HEADER_CHARS: usize = 200;
/// Letters, digits and these make a file name that every mail-to-fax service reads.
const FILE_NAME_MARKS: &[u8] = b"-_.";

/// What a mail consists of.
#[derive(Debug)]
pub struct Letter<'a> {
    /// Who sends, as the reader sees him; empty for the address alone.
    pub from_name: &'a str,
    /// His address.
    pub from: &'a Address,
    /// One recipient.
    pub to: &'a Address,
    /// One line.
    pub subject: &'a str,
    /// For programs that show no HTML, and for filters that look whether there is one.
    pub text: &'a str,
    /// Without scripts, pictures and links to follow the reader; that is the caller's matter. `None` for text alone.
    pub html: Option<&'a str>,
    /// For a fax gateway.
    pub attachment: Option<File<'a>>,
    /// Names the attempt; stands in the message id, so that answers and MDN carry it.
    pub token: &'a Token,
    /// When it was written.
    pub date: SystemTime,
    /// Ask the reader's program to say when it was shown; programs ask the reader first.
    pub ask_displayed: Option<ReturnPath>,
    /// Where a program answers that heeds no return path.
    pub reply_to: Option<&'a Address>,
    /// How characters beyond ASCII are written.
    pub charset: Charset,
}

/// How characters beyond ASCII are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Charset {
    /// What every program of this century reads.
    #[default]
    Utf8,
    /// Seven bits, for older receivers in Japan. A letter with a character that it lacks is written in UTF-8.
    Iso2022Jp,
}

/// An attachment.
#[derive(Debug)]
pub struct File<'a> {
    /// ASCII letters, digits, `-`, `_` and `.`.
    pub name: &'a str,
    /// E.g. `image/tiff`.
    pub media_type: &'a str,
    /// As they are.
    pub octets: Vec<u8>,
}

/// Why there is no mail. The fault of whoever wrote the letter.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LetterError {
    /// A subject or name with a line end or another control character, or too long.
    #[error("a subject or name must be one line of at most {MOST_HEADER_CHARS} characters")]
    HeaderText,
    /// A file name that some gateway would not read.
    #[error("an attachment's name has ASCII letters, digits, -, _ and . only")]
    FileName,
    /// Not a media type.
    #[error("the attachment's media type is none")]
    MediaType,
    /// The library refuses it.
    #[error("the mail library refuses the letter")]
    Refused,
}

impl LetterError {
    /// A name for the reason that never changes its meaning.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::HeaderText => "mail-header-text",
            Self::FileName => "mail-file-name",
            Self::MediaType => "mail-media-type",
            Self::Refused => "mail-refused",
        }
    }
}

/// Writes the mail.
///
/// # Errors
/// [`LetterError`].
pub fn compose(letter: &Letter<'_>) -> Result<Vec<u8>, LetterError> {
    for text in [letter.subject, letter.from_name] {
        if text.chars().any(char::is_control) || text.chars().count() > MOST_HEADER_CHARS {
            return Err(LetterError::HeaderText);
        }
    }
    let token = letter.token.as_str();
    let mailbox = |name: Option<&str>, address: &Address| {
        let address = address.as_str().parse().map_err(|_| LetterError::Refused)?;
        Ok(Mailbox::new(name.map(str::to_owned), address))
    };
    let mut builder = Message::builder()
        .date(letter.date)
        .from(mailbox(Some(letter.from_name).filter(|name| !name.is_empty()), letter.from)?)
        .to(mailbox(None, letter.to)?)
        .subject(letter.subject)
        .message_id(Some(format!("<{token}@{}>", letter.from.domain())))
        // Nobody's holiday note shall answer it; what Exchange reads instead must not stop reports (DR, RN).
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "OOF, AutoReply"));
    if let Some(path) = &letter.ask_displayed {
        let path = path.of(letter.token);
        builder = builder
            .raw_header(header("Disposition-Notification-To", &format!("<{}>", path.as_str())));
    }
    if let Some(address) = letter.reply_to {
        builder = builder.reply_to(mailbox(None, address)?);
    }
    let Written { headers, text, html } = Written::of(letter);
    for header in headers {
        builder = builder.raw_header(header);
    }
    let body = MultiPart::alternative().boundary(format!("a-{token}")).singlepart(text.clone());
    let body = html.map(|html| body.singlepart(html));
    let built = match (body, &letter.attachment) {
        (None, None) => builder.singlepart(text),
        (Some(body), None) => builder.multipart(body),
        (body, Some(file)) => {
            let mixed = MultiPart::mixed().boundary(format!("m-{token}"));
            let attached = attached(file)?;
            builder.multipart(match body {
                Some(body) => mixed.multipart(body).singlepart(attached),
                // Some services would print the empty text as a page.
                None if letter.text.is_empty() => mixed.singlepart(attached),
                None => mixed.singlepart(text).singlepart(attached),
            })
        }
    };
    built.map(|message| message.formatted()).map_err(|_| LetterError::Refused)
}

/// A header of ASCII.
fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// What depends on the charset.
struct Written {
    /// In place of those that the library writes.
    headers: Vec<HeaderValue>,
    text: SinglePart,
    html: Option<SinglePart>,
}

impl Written {
    fn of(letter: &Letter<'_>) -> Self {
        let old = match letter.charset {
            Charset::Utf8 => None,
            Charset::Iso2022Jp => Self::in_iso_2022_jp(letter),
        };
        old.unwrap_or_else(|| Self {
            headers: Vec::new(),
            text: SinglePart::plain(with_crlf(letter.text)),
            html: letter.html.map(|html| SinglePart::html(with_crlf(html))),
        })
    }

    /// All of it, or nothing: a mail in two charsets is read by neither kind of receiver.
    fn in_iso_2022_jp(letter: &Letter<'_>) -> Option<Self> {
        let part = |kind: &str, text: &str| {
            let media_type = format!("text/{kind}; charset={}", iso_2022_jp::NAME);
            let octets = iso_2022_jp::body(&with_crlf(text))?;
            let body = Body::dangerous_pre_encoded(octets, ContentTransferEncoding::SevenBit);
            let media_type = ContentType::parse(&media_type).ok()?;
            Some(SinglePart::builder().content_type(media_type).body(body))
        };
        // Encoded words and an address, which are ASCII without line ends but the folds between them.
        let header = |name: &'static str, text: &str, behind: &str| {
            let words = iso_2022_jp::words(text, name.len() + ": ".len())?;
            let name = HeaderName::new_from_ascii_str(name);
            let raw = behind.trim().to_owned(); // for the library to look at; not sent
            Some(HeaderValue::dangerous_new_pre_encoded(name, raw, words + behind))
        };
        let mut headers = Vec::new();
        if !letter.subject.is_ascii() {
            headers.push(header("Subject", letter.subject, "")?);
        }
        if !letter.from_name.is_ascii() {
            let address = format!("\r\n <{}>", letter.from.as_str());
            headers.push(header("From", letter.from_name, &address)?);
        }
        let text = part("plain", letter.text)?;
        let html = match letter.html {
            Some(html) => Some(part("html", html)?),
            None => None,
        };
        Some(Self { headers, text, html })
    }
}

/// CR LF for each line end, however it was written: relays disagree about a CR or LF alone.
fn with_crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace(['\r', '\n'], "\r\n")
}

/// Whether every service reads an attachment of this name.
pub(crate) fn is_file_name(name: &str) -> bool {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || FILE_NAME_MARKS.contains(&octet);
    !name.is_empty() && name.bytes().all(plain)
}

fn attached(file: &File<'_>) -> Result<SinglePart, LetterError> {
    if !is_file_name(file.name) {
        return Err(LetterError::FileName);
    }
    let media_type = ContentType::parse(file.media_type).map_err(|_| LetterError::MediaType)?;
    Ok(Attachment::new(file.name.to_owned()).body(file.octets.clone(), media_type))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mail_parser::{MessageParser, MimeHeaders};

    use super::*;
    use crate::smtp::Outgoing;
    use crate::token::TokenKey;

    const TEXT: &str = "書類が届いています。\r\nhttps://renkei.example.jp/\r\n";

    fn composed(change: impl FnOnce(&mut Letter<'_>)) -> Result<Vec<u8>, LetterError> {
        let from = Address::parse("notice@renkei.example.jp").unwrap();
        let to = Address::parse("office@example.co.jp").unwrap();
        let token = TokenKey::new([1; 32]).mint([2; 16]);
        let mut letter = Letter {
            from_name: "ケアプラン交換センター",
            from: &from,
            to: &to,
            subject: "【ケアプラン交換センター】書類が届いています（さくら居宅介護支援事業所 ㈱髙﨑）",
            text: TEXT,
            html: Some("<p>書類が届いています。</p>"),
            attachment: None,
            token: &token,
            date: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_482_000),
            ask_displayed: None,
            reply_to: None,
            charset: Charset::Utf8,
        };
        change(&mut letter);
        compose(&letter)
    }

    #[test]
    fn letter_in_japanese_is_ascii_on_the_way_and_japanese_again_when_read() {
        let octets = composed(|_| {}).unwrap();
        assert!(octets.is_ascii());
        let lines = octets.split(|octet| *octet == b'\n');
        assert!(lines.map(<[u8]>::len).max().unwrap() <= 100);
        let read = MessageParser::default().parse(&octets).unwrap();
        let subject =
            "【ケアプラン交換センター】書類が届いています（さくら居宅介護支援事業所 ㈱髙﨑）";
        assert_eq!(read.subject(), Some(subject));
        let from = read.from().and_then(|from| from.first()).unwrap();
        assert_eq!(from.name(), Some("ケアプラン交換センター"));
        assert_eq!(read.body_text(0).unwrap(), TEXT);
        assert_eq!(read.body_html(0).unwrap().trim(), "<p>書類が届いています。</p>");
    }

    #[test]
    fn letter_says_that_a_program_wrote_it_and_carries_its_token_in_the_message_id() {
        let octets = composed(|_| {}).unwrap();
        let read = MessageParser::default().parse(&octets).unwrap();
        let token = TokenKey::new([1; 32]).mint([2; 16]);
        let id = format!("{}@renkei.example.jp", token.as_str());
        assert_eq!(read.message_id(), Some(id.as_str()));
        assert_eq!(read.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
        let suppressed = read.header_raw("X-Auto-Response-Suppress").map(str::trim);
        assert_eq!(suppressed, Some("OOF, AutoReply"));
        assert_eq!(read.header_raw("Date").map(str::trim), Some("Tue, 24 Nov 2026 01:00:00 +0000"));
        for unwanted in ["List-Id", "Precedence", "Disposition-Notification-To", "Bcc"] {
            assert_eq!(read.header_raw(unwanted), None, "{unwanted}");
        }
    }

    fn in_iso_2022_jp(change: impl FnOnce(&mut Letter<'_>)) -> Vec<u8> {
        composed(|letter| {
            letter.charset = Charset::Iso2022Jp;
            letter.subject =
                "【ケアプラン交換センター】書類が届いています（さくら居宅介護支援事業所）";
            change(letter);
        })
        .unwrap()
    }

    #[test]
    fn letter_in_iso_2022_jp_has_seven_bits_and_reads_the_same() {
        let octets = in_iso_2022_jp(|_| {});
        let shown = String::from_utf8(octets.clone()).unwrap();
        assert!(octets.is_ascii());
        assert_eq!(shown.matches("Content-Transfer-Encoding: 7bit").count(), 2);
        assert_eq!(shown.matches("charset=iso-2022-jp").count(), 2);
        assert!(!shown.to_lowercase().contains("utf-8"), "{shown}");
        for name in ["Subject: ", "From: "] {
            assert_eq!(shown.matches(&format!("\r\n{name}")).count(), 1, "{name}");
        }
        let read = MessageParser::default().parse(&octets).unwrap();
        let subject = "【ケアプラン交換センター】書類が届いています（さくら居宅介護支援事業所）";
        assert_eq!(read.subject(), Some(subject));
        let from = read.from().and_then(|from| from.first()).unwrap();
        assert_eq!(from.name(), Some("ケアプラン交換センター"));
        assert_eq!(from.address(), Some("notice@renkei.example.jp"));
        assert_eq!(read.body_text(0).unwrap(), TEXT);
        assert_eq!(read.body_html(0).unwrap().trim(), "<p>書類が届いています。</p>");
    }

    #[test]
    fn letter_with_one_character_that_iso_2022_jp_lacks_goes_as_utf_8_altogether() {
        let changes: [fn(&mut Letter<'_>); 4] = [
            |letter| letter.subject = "㈱",
            |letter| letter.from_name = "髙橋",
            |letter| letter.text = "①",
            |letter| letter.html = Some("<p>𠮷</p>"),
        ];
        for change in changes {
            let shown = String::from_utf8(in_iso_2022_jp(change)).unwrap().to_lowercase();
            assert!(shown.contains("utf-8") && !shown.contains("iso-2022-jp"), "{shown}");
        }
    }

    #[test]
    fn no_line_of_a_header_is_longer_than_76_in_either_charset() {
        let long: &str = "長".repeat(MOST_HEADER_CHARS).leak();
        for charset in [Charset::Utf8, Charset::Iso2022Jp] {
            let octets = composed(|letter| {
                (letter.subject, letter.from_name, letter.charset) = (long, long, charset);
            });
            let shown = String::from_utf8(octets.unwrap()).unwrap();
            let (headers, _) = shown.split_once("\r\n\r\n").unwrap();
            let words = headers.lines().filter(|line| line.contains("=?"));
            assert!(words.clone().count() > 10);
            for line in words {
                assert!(line.len() <= 76, "{charset:?}: {line}");
            }
            let read = MessageParser::default().parse(shown.as_bytes()).unwrap();
            assert_eq!(read.subject(), Some(long));
        }
    }

    #[test]
    fn same_letter_is_the_same_octets() {
        assert_eq!(composed(|_| {}), composed(|_| {}));
    }

    #[test]
    fn letter_asks_for_a_disposition_at_the_return_path_of_its_attempt() {
        let path = ReturnPath::new(Address::parse("receipts@example.jp").unwrap()).unwrap();
        let octets = composed(|letter| letter.ask_displayed = Some(path)).unwrap();
        let read = MessageParser::default().parse(&octets).unwrap();
        let asked = read.header_raw("Disposition-Notification-To").unwrap();
        assert_eq!(TokenKey::new([1; 32]).find([asked]), Some([2; 16]));
    }

    #[test]
    fn page_for_a_fax_gateway_comes_out_octet_for_octet_under_its_plain_name() {
        let page: Vec<u8> = (0..=255).cycle().take(20_000).collect();
        let octets = composed(|letter| {
            letter.html = None;
            let octets = page.clone();
            letter.attachment = Some(File { name: "page.tif", media_type: "image/tiff", octets });
        })
        .unwrap();
        let read = MessageParser::default().parse(&octets).unwrap();
        let file = read.attachment(0).unwrap();
        assert_eq!(file.attachment_name(), Some("page.tif"));
        assert_eq!(file.contents(), page);
        assert!(String::from_utf8_lossy(&octets).contains("filename=\"page.tif\""));
    }

    #[test]
    fn second_line_in_a_header_and_odd_file_names_are_refused() {
        for text in ["a\r\nBcc: x@y.jp", "a\nb", "a\0", "a\u{85}b"] {
            assert_eq!(composed(|letter| letter.subject = text), Err(LetterError::HeaderText));
            assert_eq!(composed(|letter| letter.from_name = text), Err(LetterError::HeaderText));
        }
        for name in ["", "送付.tif", "a b.tif", "a\".tif", "../a.tif"] {
            let octets = composed(|letter| {
                letter.attachment = Some(File { name, media_type: "image/tiff", octets: vec![] });
            });
            assert_eq!(octets, Err(LetterError::FileName), "{name}");
        }
    }

    #[test]
    fn bare_line_ends_in_a_text_are_mended_so_that_no_relay_can_read_two_mails() {
        let octets = composed(|letter| letter.text = "a\n.\nMAIL FROM:<x@y.jp>\rb\n").unwrap();
        let address = || Address::parse("a@b.jp").unwrap();
        let token = TokenKey::new([1; 32]).mint([2; 16]);
        assert!(Outgoing::new(address(), address(), &token, octets).is_ok());
    }
}

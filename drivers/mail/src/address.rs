//! Mail addresses, checked once: one address, one line, ASCII.
//!
//! In: text from settings or from a caller. Out: an [`Address`] that can be put into SMTP and into a header as it
//! stands; the return path of an attempt.
//! Source: RFC 5321 4.1.2 (`Mailbox`, with a dot-string and a domain only) and 4.5.3.1 (lengths); RFC 5233
//! (what follows a `+` is a detail of the mailbox before it).
//! Not here: quoted local parts, address literals and SMTPUTF8: no office has one, and each is a way to smuggle.

use std::fmt;

use crate::token::{TOKEN_CHARS, Token};

/// RFC 5321 4.5.3.1.1.
const MAX_LOCAL_OCTETS: usize = 64;
/// RFC 5321 4.5.3.1.2.
const MAX_DOMAIN_OCTETS: usize = 255;
/// RFC 5321 4.5.3.1.3: a path of 256 with its two brackets.
const MAX_OCTETS: usize = 254;

/// `local@domain`, the domain in small letters. `Debug` and `Display` show the domain only.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Address {
    text: String,
    at: usize,
}

impl Address {
    /// Reads one address.
    ///
    /// # Errors
    /// [`AddressError`]; it never repeats the text.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > MAX_OCTETS {
            return Err(AddressError::Long);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NoDomain)?;
        if local.len() > MAX_LOCAL_OCTETS || domain.len() > MAX_DOMAIN_OCTETS {
            return Err(AddressError::Long);
        }
        // Some old addresses of Japanese mobile carriers have `..` or `.@`. No relay need take them: refused.
        if !local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext)) {
            return Err(AddressError::Local);
        }
        let labels: Vec<&str> = domain.split('.').collect();
        if labels.len() < 2 || !labels.into_iter().all(is_label) {
            return Err(AddressError::Domain);
        }
        let text = format!("{local}@{}", domain.to_ascii_lowercase());
        Ok(Self { at: local.len(), text })
    }

    /// The whole address, for SMTP, the header and the store only.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Enough for somebody who knows the address, too little for others: `s***@example.co.jp`. Of one with a single
    /// character before the `@` that is left out, too.
    #[must_use]
    pub fn hint(&self) -> String {
        let first = if self.at > 1 { self.text.get(..1).unwrap_or_default() } else { "" };
        format!("{first}***@{}", self.domain())
    }

    /// What follows the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }
}

/// RFC 5322 3.2.3.
fn is_atext(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet)
}

/// RFC 5321 4.1.2 `sub-domain`, RFC 1034 3.1 for its length.
fn is_label(label: &str) -> bool {
    let inner = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "***@{}", self.domain())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// Why a text is no address. The fault of whoever wrote it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddressError {
    /// Longer than SMTP carries.
    #[error("a mail address has at most 64 characters before the @ and 254 in all")]
    Long,
    /// No `@`.
    #[error("a mail address has an @")]
    NoDomain,
    /// Something that stands for more than itself: a quote, a space, a bracket, a line end, a letter beyond ASCII.
    #[error("a character before the @ that a mail address cannot have, or two dots together")]
    Local,
    /// Not a name in the DNS.
    #[error("what follows the @ is no domain name")]
    Domain,
}

impl AddressError {
    /// A name for the reason that never changes its meaning.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Long => "mail-address-long",
            Self::NoDomain => "mail-address-no-domain",
            Self::Local => "mail-address-local",
            Self::Domain => "mail-address-domain",
        }
    }
}

/// Where reports about our mails go: one mailbox whose host takes everything after a `+` for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReturnPath(Address);

impl ReturnPath {
    /// `mailbox` receives reports, e.g. `receipts@example.jp`.
    ///
    /// # Errors
    /// [`AddressError::Long`] if a token does not fit its local part: at most 11 characters.
    pub fn new(mailbox: Address) -> Result<Self, AddressError> {
        match mailbox.at + 1 + TOKEN_CHARS {
            fits if fits <= MAX_LOCAL_OCTETS => Ok(Self(mailbox)),
            _long => Err(AddressError::Long),
        }
    }

    /// The domain to which reports go, and of which receivers ask whether our relay may send for it.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    /// The return path of one attempt: `receipts+TOKEN@example.jp`.
    #[must_use]
    pub fn of(&self, token: &Token) -> Address {
        let Address { text, at } = &self.0;
        let (local, rest) = text.split_at_checked(*at).unwrap_or((text, ""));
        let local = format!("{local}+{}", token.as_str());
        Address { at: local.len(), text: format!("{local}{rest}") }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::token::TokenKey;

    #[test]
    fn usual_addresses_are_read_and_only_the_domain_changes_case() {
        for (text, kept) in [
            ("care.office+fax@Example.CO.jp", "care.office+fax@example.co.jp"),
            ("A_b-c=d@x-y.jp", "A_b-c=d@x-y.jp"),
        ] {
            assert_eq!(Address::parse(text).unwrap().as_str(), kept);
        }
    }

    #[test]
    fn whatever_could_start_a_second_line_or_address_is_refused() {
        let cases = [
            ("a@b.jp\r\nBcc: x@y.jp", AddressError::Local),
            ("a\r\nRCPT TO:<x@y.jp", AddressError::Local),
            ("a@b.jp,c@d.jp", AddressError::Local),
            ("a@b.jp\r\nBcc:x", AddressError::Domain),
            ("<a@b.jp>", AddressError::Local),
            ("\"a b\"@b.jp", AddressError::Local),
            ("a@b.jp>", AddressError::Domain),
            ("a\0@b.jp", AddressError::Local),
            ("a..b@c.jp", AddressError::Local),
            (".a@c.jp", AddressError::Local),
            ("a@[192.0.2.1]", AddressError::Domain),
            ("a@localhost", AddressError::Domain),
            ("a@-b.jp", AddressError::Domain),
            ("あ@b.jp", AddressError::Local),
            ("a@例え.jp", AddressError::Domain),
            ("a", AddressError::NoDomain),
        ];
        for (text, error) in cases {
            assert_eq!(Address::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(Address::parse(&format!("{}@b.jp", "a".repeat(65))), Err(AddressError::Long));
        let long = format!("a@{}jp", "b.".repeat(126));
        assert_eq!(Address::parse(&long), Err(AddressError::Long));
    }

    #[test]
    fn debug_and_display_show_the_domain_only() {
        let address = Address::parse("tanaka@example.jp").unwrap();
        assert_eq!(format!("{address} {address:?}"), "***@example.jp Address(***@example.jp)");
    }

    #[test]
    fn hint_shows_a_first_character_and_never_all_of_them() {
        let hint = |text| Address::parse(text).unwrap().hint();
        assert_eq!(hint("sakura@Example.co.jp"), "s***@example.co.jp");
        assert_eq!(hint("s@example.co.jp"), "***@example.co.jp");
    }

    #[test]
    fn return_path_holds_the_token_in_its_local_part() {
        let key = TokenKey::new([3; 32]);
        let path = ReturnPath::new(Address::parse("receipts@example.jp").unwrap()).unwrap();
        let address = path.of(&key.mint(*b"0123456789abcdef"));
        assert_eq!(Address::parse(address.as_str()), Ok(address.clone()));
        assert_eq!(key.find([address.as_str()]), Some(*b"0123456789abcdef"));
        let long = Address::parse("fax-receipts@example.jp").unwrap();
        assert_eq!(ReturnPath::new(long), Err(AddressError::Long));
    }

    proptest! {
        #[test]
        fn whatever_parses_is_one_line_with_one_at_sign(text in "\\PC{0,20}@?[a-z.\r\n]{0,20}") {
            if let Ok(address) = Address::parse(&text) {
                let text = address.as_str();
                prop_assert_eq!(text.matches('@').count(), 1);
                prop_assert!(text.bytes().all(|octet| octet.is_ascii_graphic()));
                prop_assert_eq!(Address::parse(text), Ok(address));
            }
        }
    }
}

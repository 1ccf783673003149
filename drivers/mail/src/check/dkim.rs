//! Keys by which receivers check the signature that a relay puts on our mail.
//!
//! In: a selector and a domain. Out: a [`DkimRecord`]. Whether the relay signs with it shows only in a mail that came.
//! Source: RFC 6376 3.6.1 (record), RFC 8301 3.2 (lengths), RFC 8463 (Ed25519).

use data_encoding::BASE64;

use super::names::{Names, Unanswered};

/// Names that relays and providers give their keys when nobody chooses. Those of Microsoft 365, Google Workspace,
/// Mailchimp and of `opendkim-genkey`, then what their handbooks use as examples.
pub const USUAL_SELECTORS: &[&str] =
    &["default", "selector1", "selector2", "google", "k1", "s1", "s2", "mail", "dkim"];

/// What stands at a selector.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DkimRecord {
    /// Nothing about DKIM.
    Nothing,
    /// A key that receivers can use.
    Key {
        /// Which.
        key: DkimKey,
        /// `t=y`: receivers are told to take no notice of it yet.
        testing: bool,
    },
    /// An empty key: what was signed with it is void.
    Revoked,
    /// Receivers cannot use it, for this reason.
    Broken(&'static str),
}

/// A key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DkimKey {
    /// RSA of so many bits. Fewer than 1024 are not believed by anybody, 2048 are asked for.
    Rsa { bits: usize },
    /// Ed25519.
    Ed25519,
}

impl DkimRecord {
    /// Looks at `selector._domainkey.domain`.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn look(names: &Names, selector: &str, domain: &str) -> Result<Self, Unanswered> {
        let texts = names.texts(&format!("{selector}._domainkey.{domain}")).await?;
        let mut records = texts.iter().map(|text| Self::read(text));
        // With several, receivers may take any (RFC 6376 3.6.2.2): the answer is undefined.
        match (records.next(), records.next()) {
            (None, _) => Ok(Self::Nothing),
            (Some(record), None) => Ok(record),
            (Some(_), Some(_)) => Ok(Self::Broken("several records at one selector")),
        }
    }

    fn read(text: &str) -> Self {
        let tags = tags(text);
        let tag = |name| tags.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
        if tag("v").is_some_and(|version| version != "DKIM1") {
            return Self::Broken("v is not DKIM1");
        }
        let Some(key) = tag("p") else {
            return if tag("v").is_some() { Self::Broken("no p") } else { Self::Nothing };
        };
        let key: String = key.split_ascii_whitespace().collect();
        if key.is_empty() {
            return Self::Revoked;
        }
        if tag("h").is_some_and(|hashes| !hashes.split(':').any(|hash| hash.trim() == "sha256")) {
            return Self::Broken("h does not allow sha256");
        }
        if tag("s")
            .is_some_and(|uses| !uses.split(':').any(|us| ["*", "email"].contains(&us.trim())))
        {
            return Self::Broken("s does not allow mail");
        }
        let Ok(octets) = BASE64.decode(key.as_bytes()) else {
            return Self::Broken("p is no base64");
        };
        let key = match tag("k").unwrap_or("rsa") {
            "rsa" => match pki::rsa_bits(&octets) {
                Some(bits) => DkimKey::Rsa { bits },
                None => return Self::Broken("p is no RSA key"),
            },
            "ed25519" if octets.len() == 32 => DkimKey::Ed25519,
            "ed25519" => return Self::Broken("p is no Ed25519 key"),
            _other => return Self::Broken("k is neither rsa nor ed25519"),
        };
        let testing = tag("t").is_some_and(|flags| flags.split(':').any(|flag| flag.trim() == "y"));
        Self::Key { key, testing }
    }
}

/// `name=value; name=value` (RFC 6376 3.2), the first of each name.
pub(super) fn tags(text: &str) -> Vec<(&str, &str)> {
    let pairs = text.split(';').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.trim(), value.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_says_which_key_or_why_nobody_can_use_it() {
        // 1024 bits: modulus of 128 octets that begins with a one bit.
        let modulus = [&[0x02, 0x81, 0x81, 0x00][..], &[0xc3; 128]].concat();
        let key = [&modulus[..], &[0x02, 0x03, 1, 0, 1]].concat();
        let key = [&[0x30, 0x81, 0x89][..], &key].concat();
        let rsa = BASE64.encode(&key);
        let ed = BASE64.encode(&[7; 32]);
        let key = |key, testing| DkimRecord::Key { key, testing };
        let (front, back) = rsa.split_at(60);
        for (text, record) in [
            (format!("v=DKIM1; k=rsa; p={rsa}"), key(DkimKey::Rsa { bits: 1024 }, false)),
            (format!("p={front} {back}; t=s:y"), key(DkimKey::Rsa { bits: 1024 }, true)),
            (format!("v=DKIM1;k=ed25519;p={ed}"), key(DkimKey::Ed25519, false)),
            (format!("v=DKIM1;k=ed25519;p={rsa}"), DkimRecord::Broken("p is no Ed25519 key")),
            (format!("v=DKIM1; p={ed}"), DkimRecord::Broken("p is no RSA key")),
            (String::from("v=DKIM1; p="), DkimRecord::Revoked),
            (String::from("v=DKIM1; k=rsa"), DkimRecord::Broken("no p")),
            (String::from("v=DKIM1; p=あ"), DkimRecord::Broken("p is no base64")),
            (format!("v=DKIM2; p={rsa}"), DkimRecord::Broken("v is not DKIM1")),
            (format!("v=DKIM1; h=sha1; p={rsa}"), DkimRecord::Broken("h does not allow sha256")),
            (format!("v=DKIM1; s=other; p={rsa}"), DkimRecord::Broken("s does not allow mail")),
            (format!("v=DKIM1; k=x; p={rsa}"), DkimRecord::Broken("k is neither rsa nor ed25519")),
            (String::from("some text"), DkimRecord::Nothing),
        ] {
            assert_eq!(DkimRecord::read(&text), record, "{text}");
        }
    }
}

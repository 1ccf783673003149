//! What a provider wants written: text with fields that each mail fills.
//!
//! In: `{international}@{gateway}` and the like, as a profile has it. Out: a [`Template`]; with [`Values`], ASCII text.
//! Not here: what comes back (`pattern.rs`).

use std::fmt;

use zeroize::Zeroizing;

/// Longest template, and longest text made of one. Chosen: a header line has at most 998 octets (RFC 5322 2.1.1).
const MOST_OCTETS: usize = 900;

/// Something that each mail, or each account, has its own of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Field {
    /// The called number with its country code, digits only: `81312345678`.
    International,
    /// As it is dialled inside the country: `0312345678`.
    National,
    /// The domain of the gateway, from the settings.
    Gateway,
    /// The account with the provider, from the settings.
    Account,
    /// The secret by which the provider knows the account, from a file.
    Code,
    /// Names the attempt; comes back in the answer.
    Token,
}

impl Field {
    const ALL: [Self; 6] = [
        Self::International,
        Self::National,
        Self::Gateway,
        Self::Account,
        Self::Code,
        Self::Token,
    ];

    /// As it stands in braces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::International => "international",
            Self::National => "national",
            Self::Gateway => "gateway",
            Self::Account => "account",
            Self::Code => "code",
            Self::Token => "token",
        }
    }
}

/// Text and fields in their order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Piece {
    Text(String),
    Field(Field),
}

/// What the fields stand for in one mail. `Debug` shows nothing of it.
pub(super) struct Values<'a> {
    pub international: &'a str,
    pub national: &'a str,
    pub gateway: &'a str,
    pub account: &'a str,
    pub code: &'a str,
    pub token: &'a str,
}

impl Template {
    /// Reads one. With `lines`, it may have several lines.
    ///
    /// # Errors
    /// What is wrong with it, for whoever wrote it.
    pub(super) fn parse(text: &str, lines: bool) -> Result<Self, String> {
        if text.len() > MOST_OCTETS {
            return Err(format!("must have at most {MOST_OCTETS} characters"));
        }
        if !text.chars().all(|c| c.is_ascii_graphic() || c == ' ' || (lines && c == '\n')) {
            return Err(String::from("must be printable ASCII: not every provider reads more"));
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let (name, after) =
                behind.split_once('}').ok_or_else(|| String::from("a { without its }"))?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let field = Field::ALL.into_iter().find(|field| field.name() == name);
            pieces.push(Piece::Field(field.ok_or_else(|| unknown(name))?));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.0.contains(&Piece::Field(field))
    }

    /// The text of one mail, wiped when it is dropped. It may be longer than a mail can have.
    pub(super) fn fill(&self, values: &Values<'_>) -> Zeroizing<String> {
        let words = || {
            self.0.iter().map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Field(field) => values.of(*field),
            })
        };
        // Made as long as it will be: a string that grows leaves copies of itself behind.
        let mut filled =
            Zeroizing::new(String::with_capacity(words().map(str::len).sum::<usize>()));
        words().for_each(|word| filled.push_str(word));
        filled
    }
}

fn unknown(name: &str) -> String {
    let names: Vec<String> =
        Field::ALL.iter().map(|field| format!("{{{}}}", field.name())).collect();
    format!("{{{name}}} is none of {}", names.join(", "))
}

impl Values<'_> {
    fn of(&self, field: Field) -> &str {
        match field {
            Field::International => self.international,
            Field::National => self.national,
            Field::Gateway => self.gateway,
            Field::Account => self.account,
            Field::Code => self.code,
            Field::Token => self.token,
        }
    }
}

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Values(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: Values<'static> = Values {
        international: "81312345678",
        national: "0312345678",
        gateway: "fax.example.jp",
        account: "renkei",
        code: "s3cret",
        token: "abc",
    };

    #[test]
    fn every_field_is_filled_where_it_stands() {
        for (template, filled) in [
            ("FAX=+{international}@{gateway}", "FAX=+81312345678@fax.example.jp"),
            ("{national}{national}", "03123456780312345678"),
            ("[{account}:{code}] {token}", "[renkei:s3cret] abc"),
            ("", ""),
        ] {
            assert_eq!(*Template::parse(template, false).unwrap().fill(&VALUES), filled);
        }
    }

    #[test]
    fn what_is_wrong_with_a_template_is_said() {
        for (template, said) in [
            ("{numbr}", "{numbr} is none of {international}, {national}, "),
            ("a{b", "a { without its }"),
            ("ファクス", "must be printable ASCII"),
            ("a\nb", "must be printable ASCII"),
            ("a\rb", "must be printable ASCII"),
        ] {
            let error = Template::parse(template, false).unwrap_err();
            assert!(error.starts_with(said), "{error}");
        }
        assert!(Template::parse("a\nb", true).is_ok());
        assert!(Template::parse(&"a".repeat(MOST_OCTETS + 1), false).is_err());
    }

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(format!("{VALUES:?}"), "Values(..)");
    }
}

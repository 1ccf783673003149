//! A host's own words, fit for a receipt: people read there why a mail did not arrive.
//!
//! In: a line of printable text from a relay, a mail host or a provider, who quote what they were told. Out: the same
//! without a whole address or telephone number, and short.
//! Not here: a login that a relay repeats (struck out where it is known, `drivers/mail`).

/// Kept of one host's words. Chosen: what the usual replies need.
const WORDS_OCTETS: usize = 300;
/// Kept of a host's name.
const NAME_OCTETS: usize = 60;
/// No telephone number is shorter: area code and number in Japan have ten digits, abroad nine can do. Ids of queues and
/// times in seconds are struck out with them, which costs nothing.
const LEAST_NUMBER_DIGITS: usize = 9;

/// The words without what names a person.
pub fn masked(words: &str) -> String {
    cut(&unnamed(words), WORDS_OCTETS)
}

/// The same in full length.
pub fn unnamed(words: &str) -> String {
    without_numbers(&without_addresses(words))
}

/// A host's name, as it calls itself.
pub fn host(name: &str) -> String {
    cut(&without_addresses(name), NAME_OCTETS)
}

/// Strikes out what stands before each `@`, back to where an address can begin; the domain stays.
fn without_addresses(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    let mut rest = words;
    while let Some((before, after)) = rest.split_once(['@', '＠']) {
        let local = before.trim_end();
        let kept = match local.strip_suffix('"') {
            // A quoted local part may hold anything.
            Some(quoted) => quoted.rfind('"').unwrap_or(0),
            None => local.rfind(ends_an_address).map_or(0, |at| {
                at + local.get(at..).and_then(|tail| tail.chars().next()).map_or(0, char::len_utf8)
            }),
        };
        out.push_str(local.get(..kept).unwrap_or_default());
        out.push_str("***@");
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What no unquoted local part has (RFC 5322 3.2.3), where hosts put it around one.
fn ends_an_address(c: char) -> bool {
    c.is_whitespace() || "<>()[]{},;:\"@".contains(c)
}

/// Strikes out all but the last four digits of what may be a telephone number, however it is written.
fn without_numbers(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(start) = rest.find(is_digit) {
        let (before, from_digit) = rest.split_at(start);
        let end = from_digit
            .find(|c: char| !is_digit(c) && !"-() －ー−‐（）　".contains(c))
            .unwrap_or(from_digit.len());
        let (run, after) = from_digit.split_at(end);
        out.push_str(before);
        out.push_str(&masked_run(run));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// In either width.
fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || ('０'..='９').contains(&c)
}

fn masked_run(run: &str) -> String {
    let digits = run.chars().filter(|c| is_digit(*c)).count();
    if digits < LEAST_NUMBER_DIGITS {
        return run.to_owned();
    }
    let mut hidden = digits - 4;
    run.chars()
        .map(|c| match c {
            digit if hidden > 0 && is_digit(digit) => {
                hidden -= 1;
                '*'
            }
            other => other,
        })
        .collect()
}

fn cut(words: &str, octets: usize) -> String {
    match words.char_indices().find(|(at, c)| at + c.len_utf8() > octets - '…'.len_utf8()) {
        Some((at, _)) if words.len() > octets => {
            format!("{}…", words.get(..at).unwrap_or_default())
        }
        Some(_) | None => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_struck_out_up_to_their_domain_however_a_host_quotes_them() {
        for (said, kept) in [
            (
                "550 5.1.1 <tanaka@example.jp>: User unknown",
                "550 5.1.1 <***@example.jp>: User unknown",
            ),
            ("tanaka.ichiro@example.jp, suzuki@b.jp", "***@example.jp, ***@b.jp"),
            ("\"tanaka ichiro\"@example.jp gone", "***@example.jp gone"),
            ("tanaka @ example.jp", "***@ example.jp"),
            ("rfc822;tanaka@example.jp", "rfc822;***@example.jp"),
            ("田中@example.jp と 鈴木＠example.jp", "***@example.jp と ***@example.jp"),
            ("a@b@c.jp", "***@***@c.jp"),
            ("@", "***@"),
            ("\"@x", "***@x"),
            ("no address here", "no address here"),
        ] {
            assert_eq!(masked(said), kept, "{said}");
        }
    }

    #[test]
    fn telephone_numbers_keep_their_last_four_digits_and_codes_stay() {
        for (said, kept) in [
            ("fax to 03-1234-5678 failed", "fax to **-****-5678 failed"),
            ("+81 3 1234 5678.", "+** * **** 5678."),
            ("0312345678", "******5678"),
            ("(03) 1234-5678", "(**) ****-5678"),
            ("０３－１２３４－５６７８へ", "**－****－５６７８へ"),
            ("０３ー1234−5678", "**ー****−5678"),
            (
                "421 4.4.2 mx.example.jp timeout after 300 s",
                "421 4.4.2 mx.example.jp timeout after 300 s",
            ),
            ("250 2.0.0 queued as 4F2A81C9", "250 2.0.0 queued as 4F2A81C9"),
        ] {
            assert_eq!(masked(said), kept, "{said}");
        }
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        let long = "あ".repeat(200);
        let words = masked(&long);
        assert!(words.ends_with("あ…") && words.len() <= WORDS_OCTETS, "{} octets", words.len());
        assert_eq!(masked(&"a".repeat(300)).len(), 300);
        assert!(host(&"h".repeat(61)).len() <= NAME_OCTETS);
    }

    proptest! {
        #[test]
        fn no_local_part_and_no_number_survives_whatever_stands_around(
            before in "\\PC{0,40}", local in "[a-z]{9}", digits in "0[0-9]{9}", after in "\\PC{0,300}",
        ) {
            let words = masked(&format!("{before} {digits} {local}@x.jp {after}"));
            prop_assert!(!words.contains(&local) || before.contains(&local) || after.contains(&local));
            prop_assert!(!words.contains(&digits));
            prop_assert!(words.len() <= WORDS_OCTETS);
        }
    }
}

//! Two digits beside a credential, by which whoever types it, or reads it out on the telephone, finds a slip.
//!
//! In: what is to be typed. Out: `00` to `96`, for the sheet; the exchange's site can work out the same while
//! somebody types. They are not typed and protect nothing: six bits of a secret, for its sheet only.
//! Source: the check of ISO/IEC 7064 MOD 97-10, over ASCII codes instead of digits.
//! Not here: what they look like on paper (`templates/fax/credentials.typ`).

/// A prime above the 94 characters that can be printed, so that no two of them are the same number.
const MODULUS: u32 = 97;

/// The check digits of printable ASCII: begin with 1; for each character multiply by ten, add its
/// ASCII code and keep the remainder by 97.
///
/// Two digits and no character: one of an alphabet without look-alikes (some 30) is the same for three of the 94
/// characters, whichever way they are numbered. The remainder by 97 differs after **every** single wrong
/// character and after **every** exchange of two characters less than 96 places apart (the powers of
/// ten stand for all of 1 to 96), so also after a wrong case, O for 0 or l for 1. Anything else, such
/// as a character too few, stays unseen once in 97 times.
pub(super) fn check_digits(value: &str) -> String {
    let check = value.bytes().fold(1, |check, octet| (check * 10 + u32::from(octet)) % MODULUS);
    format!("{check:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: usize = 32;

    fn printable() -> impl Iterator<Item = u8> {
        b'!'..=b'~'
    }

    fn check_of(value: &[u8]) -> String {
        check_digits(std::str::from_utf8(value).expect("ASCII"))
    }

    /// The example of templates/README.md, by which another program can be tested.
    #[test]
    fn the_rule_in_the_readme_gives_the_digits_in_the_readme() {
        assert_eq!(check_digits("Ab3"), "92");
        let readme = include_str!("../../templates/README.md");
        assert!(readme.contains("`Ab3` has `92`"), "the README says otherwise");
    }

    #[test]
    fn any_one_wrong_character_changes_the_digits() {
        for place in 0..LONGEST {
            let mut seen = std::collections::HashSet::new();
            for octet in printable() {
                let mut value = [b'x'; LONGEST];
                value[place] = octet;
                assert!(seen.insert(check_of(&value)), "{} at {place}", char::from(octet));
            }
        }
    }

    #[test]
    fn any_two_neighbours_exchanged_change_the_digits() {
        for place in 1..LONGEST {
            for (left, right) in printable().flat_map(|l| (b'!'..l).map(move |r| (l, r))) {
                let mut value = [b'x'; LONGEST];
                (value[place - 1], value[place]) = (left, right);
                let before = check_of(&value);
                value.swap(place - 1, place);
                assert_ne!(before, check_of(&value), "{left} {right} at {place}");
            }
        }
    }

    /// Their weights differ, and a product of two numbers below a prime is no multiple of it.
    #[test]
    fn no_two_of_96_places_weigh_the_same() {
        let mut seen = std::collections::HashSet::new();
        let mut weight = 1;
        for place in 0..96 {
            assert!(seen.insert(weight), "place {place}");
            weight = weight * 10 % MODULUS;
        }
    }
}

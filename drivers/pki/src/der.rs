//! The little of ASN.1 DER that is read here: when a certificate is valid, how long an RSA key is.
//!
//! In: octets of a stranger. Out: numbers, or nothing if they are not what they should be. Whether a certificate may
//! be believed is judged by rustls.
//! Source: X.690 8.1 and 10.1, RFC 5280 4.1 (certificate), RFC 8017 A.1.1 (RSA key).

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0] EXPLICIT`: the version of a certificate.
const VERSION: u8 = 0xa0;

/// The first and the last second at which a certificate is valid, since 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Validity {
    pub from_s: i64,
    pub until_s: i64,
}

/// When a certificate is valid.
pub fn validity(certificate: &[u8]) -> Option<Validity> {
    let (outer, _) = expect(SEQUENCE, certificate)?;
    let (mut rest, _) = expect(SEQUENCE, outer)?;
    if let Some((_, behind)) = expect(VERSION, rest) {
        rest = behind;
    }
    let (_serial, rest) = expect(INTEGER, rest)?;
    let (_algorithm, rest) = expect(SEQUENCE, rest)?;
    let (_issuer, rest) = expect(SEQUENCE, rest)?;
    let (validity, _) = expect(SEQUENCE, rest)?;
    let (begin_tag, begin, rest) = element(validity)?;
    let (end_tag, end, _) = element(rest)?;
    Some(Validity { from_s: time(begin_tag, begin)?, until_s: time(end_tag, end)? })
}

/// The length of an RSA key in bits: of a SubjectPublicKeyInfo, or of the key alone.
pub fn rsa_bits(key: &[u8]) -> Option<usize> {
    let (outer, _) = expect(SEQUENCE, key)?;
    let modulus = match expect(INTEGER, outer) {
        Some((modulus, _exponent)) => modulus,
        None => {
            let (_algorithm, rest) = expect(SEQUENCE, outer)?;
            let (bits, _) = expect(BIT_STRING, rest)?;
            let (inner, _) = expect(SEQUENCE, bits.strip_prefix(&[0])?)?;
            expect(INTEGER, inner)?.0
        }
    };
    let first = modulus.iter().position(|octet| *octet != 0)?;
    let significant = modulus.get(first..)?;
    let leading = usize::try_from(significant.first()?.leading_zeros()).ok()?;
    Some(significant.len() * 8 - leading)
}

fn expect(wanted: u8, octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = element(octets)?;
    (tag == wanted).then_some((content, rest))
}

/// Tag, content and what stands behind. Lengths of up to four octets.
fn element(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = octets.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        short @ 0..=0x7f => (usize::from(short), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = length.iter().fold(0_usize, |sum, octet| sum << 8 | usize::from(*octet));
            (length, rest)
        }
        _indefinite_or_absurd => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` (RFC 5280 4.1.2.5).
fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let digits = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !digits.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let year: i64 = digits.get(..2)?.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, digits.get(2..)?)
        }
        (GENERALIZED_TIME, 14) => (digits.get(..4)?.parse().ok()?, digits.get(4..)?),
        _other => return None,
    };
    let two = |at: usize| rest.get(at..at + 2)?.parse::<i64>().ok();
    let (month, day) = (two(0)?, two(2)?);
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day);
    in_range.then_some(())?;
    Some(((days(year, month, day) * 24 + two(4)?) * 60 + two(6)?) * 60 + two(8)?)
}

/// Days since 1970-01-01 of a day of the Gregorian calendar. Years are counted from March, so that the leap day is the
/// last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719 468 days lie between 0000-03-01 and 1970-01-01; months from March on have 153 days in five.
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_of_a_certificate_are_read_from_either_form_of_time() {
        for (year, seconds) in [(2027, 1_798_761_599), (2055, 2_682_374_399)] {
            let mut parameters =
                rcgen::CertificateParams::new(vec!["relay.example.jp".into()]).expect("parameters");
            parameters.not_after =
                rcgen::date_time_ymd(year, 1, 1) - std::time::Duration::from_secs(1);
            parameters.not_before = rcgen::date_time_ymd(2000, 1, 1);
            let key = rcgen::KeyPair::generate().expect("a key");
            let certificate = parameters.self_signed(&key).expect("a certificate");
            let expected = Validity { from_s: 946_684_800, until_s: seconds };
            assert_eq!(validity(certificate.der()), Some(expected), "{year}");
        }
    }

    #[test]
    fn last_of_february_and_first_of_march_are_one_day_apart() {
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(days(2000, 2, 29) + 1, days(2000, 3, 1));
        assert_eq!(days(2100, 2, 28) + 1, days(2100, 3, 1));
        assert_eq!(time(UTC_TIME, b"700101000001Z"), Some(1));
        assert_eq!(time(UTC_TIME, b"701301000001Z"), None);
        assert_eq!(time(GENERALIZED_TIME, b"700101000001Z"), None);
    }

    #[test]
    fn length_of_a_key_is_that_of_its_modulus_without_zeros() {
        let key = |modulus: &[u8]| {
            let mut integer = vec![INTEGER, u8::try_from(modulus.len()).expect("short")];
            integer.extend(modulus);
            integer.extend([INTEGER, 1, 3]);
            [vec![SEQUENCE, u8::try_from(integer.len()).expect("short")], integer].concat()
        };
        let plain = key(&[0, 0x80, 0, 0, 0]);
        assert_eq!(rsa_bits(&plain), Some(32));
        assert_eq!(rsa_bits(&key(&[0x7f; 4])), Some(31));
        assert_eq!(rsa_bits(&key(&[0, 0])), None);
        let mut bits = vec![BIT_STRING, u8::try_from(plain.len() + 1).expect("short"), 0];
        bits.extend(&plain);
        let info = [vec![SEQUENCE, 0], bits].concat();
        let info = [vec![SEQUENCE, u8::try_from(info.len()).expect("short")], info].concat();
        assert_eq!(rsa_bits(&info), Some(32));
    }

    proptest! {
        #[test]
        fn octets_of_a_stranger_are_read_or_not_and_nothing_else(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = validity(&octets);
            let _ = rsa_bits(&octets);
        }
    }
}

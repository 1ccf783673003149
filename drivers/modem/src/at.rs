//! AT command lines and the modem's answers, as text: hostile octets in, replies out.
//!
//! In: octets from the port, or a number to dial. Out: [`Reply`]s, or a command line that holds
//! nothing else than it should. Source: ITU-T V.250 5 and 6 (result codes, formats), T.31 (fax);
//! words of makers' manuals where V.250 leaves them open.
//! Not here: waiting for a reply (`talk.rs`), which commands are sent (`init.rs`, `class1.rs`, `class2`), what
//! a Class 2 modem says beside these words (`class2/words.rs`).

/// Longest line that is looked at, octets; the rest of a longer one is thrown away.
pub(crate) const LINE_MAX: usize = 512;
/// Octets that belong to the port and not to what is said over it.
const NUL: u8 = 0x00;
const XON: u8 = 0x11;
const XOFF: u8 = 0x13;

/// One line from the modem.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Reply {
    Ok,
    Connect,
    Ring,
    NoCarrier,
    Error,
    NoDialTone,
    Busy,
    NoAnswer,
    /// `DELAYED`, `BLACKLISTED` or `DIALING DISABLED`: the modem itself refuses to dial (national
    /// variants; the words are makers').
    DialRefused(String),
    /// A person answered, as voice modems say.
    Voice,
    /// Another signal than the one asked for is on the line (T.31 `+FCERROR`).
    FcError,
    /// Anything else: an answer to a question, an echo, noise.
    Text(String),
}

impl Reply {
    /// The word of a line in V1 format, or with `numeric` also of one in V0 format. V0 words are
    /// taken only before V1 is set: afterwards `1` may be the answer to a question.
    pub(crate) fn parse(line: &str, numeric: bool) -> Self {
        match line {
            "OK" => Self::Ok,
            "CONNECT" => Self::Connect,
            "RING" => Self::Ring,
            "NO CARRIER" => Self::NoCarrier,
            "ERROR" | "+CME ERROR" => Self::Error,
            "NO DIALTONE" | "NO DIAL TONE" => Self::NoDialTone,
            "BUSY" => Self::Busy,
            "NO ANSWER" => Self::NoAnswer,
            "VOICE" => Self::Voice,
            "+FCERROR" => Self::FcError,
            "0" if numeric => Self::Ok,
            "2" if numeric => Self::Ring,
            "3" if numeric => Self::NoCarrier,
            "4" if numeric => Self::Error,
            other if other.starts_with("CONNECT ") => Self::Connect,
            other if other.starts_with("DELAYED") => Self::DialRefused("DELAYED".into()),
            other if other.starts_with("BLACKLIST") => Self::DialRefused("BLACKLISTED".into()),
            other if other.starts_with("DIALING DISABLED") => {
                Self::DialRefused("DIALING DISABLED".into())
            }
            other => Self::Text(other.into()),
        }
    }

    /// Whether the modem waits for a command again.
    pub(crate) fn ends_a_command(&self) -> bool {
        match self {
            Self::Ok
            | Self::NoCarrier
            | Self::Error
            | Self::NoDialTone
            | Self::Busy
            | Self::NoAnswer
            | Self::DialRefused(_)
            | Self::Voice
            | Self::FcError => true,
            Self::Connect | Self::Ring | Self::Text(_) => false,
        }
    }

    /// The word for traces and messages, without any text of the modem: that may hold a number.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Connect => "CONNECT",
            Self::Ring => "RING",
            Self::NoCarrier => "NO CARRIER",
            Self::Error => "ERROR",
            Self::NoDialTone => "NO DIALTONE",
            Self::Busy => "BUSY",
            Self::NoAnswer => "NO ANSWER",
            Self::DialRefused(_) => "DELAYED, BLACKLISTED or DIALING DISABLED",
            Self::Voice => "VOICE",
            Self::FcError => "+FCERROR",
            Self::Text(_) => "text",
        }
    }
}

/// Cuts the octets of a modem into lines.
///
/// Never holds more than [`LINE_MAX`] octets. Parity bits and control characters are taken off; empty
/// lines vanish; a line that was too long vanishes. In what a fax modem reports of the far end (`+F`) a
/// control character that is not for the port shows as `?`, so that no damaged number reads like a good one.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    line: String,
    too_long: bool,
    after_cr: bool,
}

impl Lines {
    /// A finished line, trimmed, or nothing yet. CR ends a line, so that data which follows
    /// `CONNECT` is not waited for; the LF behind it is skipped, here or by [`Self::skips`].
    pub(crate) fn octet(&mut self, octet: u8) -> Option<String> {
        let octet = octet & 0x7F;
        self.after_cr = octet == b'\r';
        match octet {
            b'\r' | b'\n' => {
                let line = std::mem::take(&mut self.line);
                let too_long = std::mem::take(&mut self.too_long);
                let line = line.trim();
                (!too_long && !line.is_empty()).then(|| line.to_owned())
            }
            b' '..=b'~' if self.line.len() < LINE_MAX => {
                self.line.push(char::from(octet));
                None
            }
            b' '..=b'~' => {
                self.too_long = true;
                None
            }
            NUL | XON | XOFF => None,
            _ if self.line.starts_with("+F") && self.line.len() < LINE_MAX => {
                self.line.push('?');
                None
            }
            _ => None, // control characters are no part of any answer (V.250 5.1)
        }
    }

    /// Whether `octet` still belongs to the last line although data was expected.
    pub(crate) fn skips(&mut self, octet: u8) -> bool {
        std::mem::take(&mut self.after_cr) && octet & 0x7F == b'\n'
    }

    /// Forgets a line that has begun.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The dial command, e.g. `ATDT0,0312345678`; `None` if anything in it is no dial modifier that we
/// allow. Policy has refused such numbers long before: this is the last wall before the line.
pub(crate) fn dial_command(dial: &str, prefix: &str, digits: &str) -> Option<String> {
    let digits_only = !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit());
    (digits_only && is_prefix(prefix)).then(|| format!("{dial}{prefix}{digits}"))
}

/// Digits, pause, wait for dial tone, `*` and `#`: what may stand before a number.
pub(crate) fn is_prefix(prefix: &str) -> bool {
    prefix.bytes().all(|octet| matches!(octet, b'0'..=b'9' | b',' | b'W' | b'*' | b'#'))
}

/// The values of a `=?` answer such as `0,1,1.0,2`, `(0-2,8)` or `+FCLASS: (0,1)`.
pub(crate) fn values(text: &str) -> Vec<String> {
    let list = text.rsplit(':').next().unwrap_or_default();
    let mut values = Vec::new();
    for part in list.split([',', '(', ')', ' ', '"']).filter(|part| !part.is_empty()) {
        match part.split_once('-').map(|(low, high)| (low.parse::<u16>(), high.parse::<u16>())) {
            // 256 is more than any fax parameter has; a wider range is no answer.
            Some((Ok(low), Ok(high))) if high.saturating_sub(low) < 256 => {
                values.extend((low..=high).map(|value| value.to_string()));
            }
            Some(_) => {}
            None => values.push(part.to_owned()),
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(octets: &[u8]) -> Vec<String> {
        let mut lines = Lines::default();
        octets.iter().filter_map(|&octet| lines.octet(octet)).collect()
    }

    #[test]
    fn lines_verbose_echo_and_bare_lf_are_cut_alike() {
        assert_eq!(lines(b"AT\r\r\nOK\r\n"), ["AT", "OK"]);
        assert_eq!(lines(b"\nNO CARRIER\nRING\n"), ["NO CARRIER", "RING"]);
    }

    #[test]
    fn lines_parity_nul_and_flow_octets_vanish() {
        assert_eq!(lines(b"\x00\xcf\x11\x4b\x13\x8d"), ["OK"]); // O and CR with a parity bit
    }

    #[test]
    fn lines_damaged_number_of_the_far_end_does_not_read_like_a_good_one() {
        assert_eq!(lines(b"+FCSI: \"0312\x1b345678\"\r\n"), ["+FCSI: \"0312?345678\""]);
        assert_eq!(lines(b"+FCI:0312\x00\x11\x13345678\r"), ["+FCI:0312345678"]);
        assert_eq!(lines(b"\x1bO\x07K\r\n"), ["OK"]);
    }

    #[test]
    fn lines_513_octets_are_dropped_and_the_next_line_counts() {
        let mut octets = vec![b'x'; LINE_MAX + 1];
        octets.extend_from_slice(b"\r\nOK\r\n");
        assert_eq!(lines(&octets), ["OK"]);
        octets.remove(0);
        assert_eq!(lines(&octets).len(), 2, "512 octets are still a line");
    }

    #[test]
    fn lines_lf_after_connect_is_no_data() {
        let mut lines = Lines::default();
        let done = b"CONNECT\r".iter().filter_map(|&octet| lines.octet(octet)).count();
        assert_eq!(done, 1);
        assert!(lines.skips(b'\n'));
        assert!(!lines.skips(b'\n'), "only one");
    }

    #[test]
    fn reply_numbers_count_only_before_v1() {
        assert_eq!(Reply::parse("0", true), Reply::Ok);
        assert_eq!(Reply::parse("0", false), Reply::Text("0".into()));
    }

    #[test]
    fn reply_words_of_every_maker_are_known() {
        for (line, reply) in [
            ("CONNECT 14400", Reply::Connect),
            ("NO DIAL TONE", Reply::NoDialTone),
            ("DELAYED 00:10:00", Reply::DialRefused("DELAYED".into())),
            ("NO CARRIER ", Reply::Text("NO CARRIER ".into())), // `Lines` trims
            ("OKAY", Reply::Text("OKAY".into())),
        ] {
            assert_eq!(Reply::parse(line, false), reply);
        }
    }

    #[test]
    fn dial_command_takes_digits_and_nothing_else() {
        assert_eq!(dial_command("ATDT", "0,", "0312345678").unwrap(), "ATDT0,0312345678");
        for digits in ["", "03\rATZ", "03;", "03!", "+81", "0 3", "０３", "03,", "03W"] {
            assert_eq!(dial_command("ATDT", "", digits), None, "{digits:?}");
        }
        for prefix in ["0;", "@", "0\r", "T0", "w", "L"] {
            assert_eq!(dial_command("ATDT", prefix, "03"), None, "{prefix:?}");
        }
    }

    #[test]
    fn values_of_lists_and_ranges() {
        assert_eq!(values("0,1,1.0,2"), ["0", "1", "1.0", "2"]);
        assert_eq!(values("+FTM: (24,48,72-74)"), ["24", "48", "72", "73", "74"]);
        assert!(values("0-65535").is_empty());
    }
}

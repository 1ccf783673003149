//! Facsimile control fields: which signal a frame is.
//!
//! In: an octet as the ITU prints it, first bit on the line at the left. Out: a [`Signal`] with a name.
//! Source: ITU-T T.30 (09/2005) 5.3.6.1, A.4 and table 1.
//! Not here: the order in which the line carries bits (`frame`).

use core::fmt;

/// A signal by its facsimile control field, as the ITU prints it, the leading X read as 0.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Signal(u8);

/// One table for codes and names, so that they cannot part.
macro_rules! signals {
    ($($name:ident = $bits:literal;)*) => {
        impl Signal {
            $(#[doc = concat!(stringify!($name), ", ", stringify!($bits))]
            pub const $name: Self = Self($bits);)*

            /// Abbreviation that the ITU uses, or `None` for a code that we have no name for.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)*
                    Self(_) => None,
                }
            }
        }
    };
}

signals! {
    // 0000 xxxx: the called machine presents itself
    DIS = 0b0000_0001;
    CSI = 0b0000_0010;
    NSF = 0b0000_0100;
    // 1000 xxxx: a caller that wants to receive
    DTC = 0b1000_0001;
    CIG = 0b1000_0010;
    NSC = 0b1000_0100;
    // X100 xxxx: a caller that sends
    DCS = 0b0100_0001;
    TSI = 0b0100_0010;
    NSS = 0b0100_0100;
    SUB = 0b0100_0011;
    SID = 0b0100_0101;
    CTC = 0b0100_1000;
    // X010 xxxx: before the message
    CFR = 0b0010_0001;
    FTT = 0b0010_0010;
    CTR = 0b0010_0011;
    // X111 xxxx: after the message, from the sender
    EOM = 0b0111_0001;
    MPS = 0b0111_0010;
    EOP = 0b0111_0100;
    PPS = 0b0111_1101;
    EOR = 0b0111_0011;
    RR = 0b0111_0110;
    // X011 xxxx: after the message, from the receiver
    MCF = 0b0011_0001;
    RTP = 0b0011_0011;
    RTN = 0b0011_0010;
    PIP = 0b0011_0101;
    PIN = 0b0011_0100;
    PPR = 0b0011_1101;
    RNR = 0b0011_0111;
    ERR = 0b0011_1000;
    FDM = 0b0011_1111;
    // X101 xxxx: line control
    DCN = 0b0101_1111;
    CRP = 0b0101_1000;
    FNV = 0b0101_0011;
    TNR = 0b0101_0111;
    TR = 0b0101_0110;
    // In blocks of Annex A of T.4 only
    FCD = 0b0110_0000;
    RCP = 0b0110_0001;
}

/// In the groups 0000 and 1000 the first bit tells the groups apart; elsewhere it is the X that
/// says who sends.
const GROUP: u8 = 0b0111_0000;
const X: u8 = 0b1000_0000;

impl Signal {
    /// From the control field as printed; whoever sent it, X reads as 0.
    pub(crate) const fn from_printed(octet: u8) -> Self {
        if octet & GROUP == 0 { Self(octet) } else { Self(octet & !X) }
    }

    /// As printed, from the station that received the DIS: X is 1 (5.3.6.1).
    pub(crate) const fn printed_by_us(self) -> u8 {
        self.0 | X
    }

    /// A command that only the machine which sends the pages gives (groups X100 and X111). Heard by
    /// us it is our own voice, come back from a satellite or a bad hybrid.
    pub(crate) const fn is_a_senders(self) -> bool {
        matches!(self.0 & GROUP, 0b0100_0000 | 0b0111_0000)
    }

    /// As printed, X as 0.
    pub(crate) const fn printed(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "FCF {:04b} {:04b}", self.0 >> 4, self.0 & 0b1111),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn x_bit_tells_only_dis_from_dtc() {
        assert_eq!(Signal::from_printed(0b1011_0001), Signal::MCF);
        assert_eq!(Signal::from_printed(0b1000_0001), Signal::DTC);
        assert_eq!(Signal::from_printed(0b0000_0001), Signal::DIS);
    }

    #[test]
    fn unknown_code_is_printed_as_the_itu_would() {
        assert_eq!(Signal::from_printed(0b1101_0010).to_string(), "FCF 0101 0010");
        assert_eq!(Signal::EOP.to_string(), "EOP");
    }
}

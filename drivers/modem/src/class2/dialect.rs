//! How Class 2 and Class 2.0/2.1 say the same things: one table.
//!
//! In: the [`Class`]. Out: a [`Dialect`]. Source: SP-2388-A as makers built it (Class 2); TIA-592 and T.32
//! (2.0, 2.1); what public fax programs found modems to need stands beside the lines.
//! Not here: what modems answer (`words.rs`: their words do not collide), the order of it (`session.rs`).

use super::codes::Edition;
use crate::Class;
use crate::profile::Need;

#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Dialect {
    /// Before each call, since modems forget them when `+FCLASS` is set.
    pub setup: &'static [(&'static str, Need)],
    pub what_can_you_do: &'static str,
    pub our_identity: &'static str,
    /// What we are able to do, and with it what the next call asks for.
    pub terms: &'static str,
    /// What the rest of this call asks for.
    pub terms_now: &'static str,
    pub send_page: &'static str,
    /// `+FDT` is answered with CONNECT, and only a later XON says that the modem is ready.
    pub waits_for_xon: bool,
    pub page_end: PageEnd,
    /// DCN, then on-hook.
    pub leave: &'static str,
    /// The number that asks for error correction with frames of 256 octets.
    pub ecm_code: u8,
    pub edition: Edition,
}

/// How a page is closed, and how the far end's word on it is learnt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PageEnd {
    /// DLE ETX, OK, then `+FET=`, which is answered with `+FPTS:`.
    Command { next_page: &'static str, no_more: &'static str },
    /// DLE and one of these marks; OK or ERROR, and then the question.
    Mark { next_page: u8, no_more: u8, question: &'static str },
}

impl Dialect {
    /// `None` for the classes in which we speak T.30 ourselves.
    pub(crate) fn of(class: Class) -> Option<&'static Self> {
        match class {
            Class::One | Class::OnePointZero => None,
            Class::Two => Some(&CLASS_2),
            Class::TwoPointZero | Class::TwoPointOne => Some(&CLASS_2_0),
        }
    }
}

const CLASS_2: Dialect = Dialect {
    setup: &[
        ("AT+FCR=0", Need::May),  // never receive
        ("AT+FBOR=0", Need::May), // bit 0 of each octet first; the default of most modems
        ("AT+FTBC=0", Need::May), // pages as a stream
        ("AT+FNFC=0", Need::May), // no conversion of the page by the modem
        // In units of 0.1 s: after 3 s, its default, a modem ends a page for us, and we may wait 3 s for
        // a disk before the first octet.
        ("AT+FPHCTO=100", Need::May),
    ],
    what_can_you_do: "AT+FDCC=?",
    our_identity: "AT+FLID",
    terms: "AT+FDCC",
    terms_now: "AT+FDIS",
    send_page: "AT+FDT",
    waits_for_xon: true,
    page_end: PageEnd::Command { next_page: "AT+FET=0", no_more: "AT+FET=2" },
    leave: "AT+FK",
    ecm_code: 2,
    edition: Edition::A,
};

const CLASS_2_0: Dialect = Dialect {
    setup: &[
        // Without it no identity is told, and no page may go to somebody unknown. The last number would
        // tell of non-standard frames, which upsets USRobotics modems and tells us nothing.
        ("AT+FNR=1,1,1,0", Need::Must),
        ("AT+FCR=0", Need::May),  // never receive
        ("AT+FBO=0", Need::May),  // bit 0 of each octet first
        ("AT+FPP=0", Need::May),  // pages as a stream
        ("AT+FIE=0", Need::May),  // no procedure interrupts: nobody sits here
        ("AT+FLO=2", Need::May),  // RTS/CTS; 2.0 forgets what V.250 set
        ("AT+FCT=30", Need::May), // in seconds: as +FPHCTO
    ],
    what_can_you_do: "AT+FCC=?",
    our_identity: "AT+FLI",
    terms: "AT+FCC",
    terms_now: "AT+FIS",
    send_page: "AT+FDT",
    waits_for_xon: false,
    page_end: PageEnd::Mark { next_page: b',', no_more: b'.', question: "AT+FPS?" },
    leave: "AT+FKS",
    ecm_code: 1,
    edition: Edition::B,
};

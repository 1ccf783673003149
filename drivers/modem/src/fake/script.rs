//! A modem of Class 2, 2.0 or 2.1 with a far end, in a few words: a dialogue that goes well, into which a
//! test then puts what goes wrong.
//!
//! In: a [`Script`]. Out: a [`FakeModem`] that plays it. Source: SP-2388-A, TIA-592, T.32.
//! Not here: the modem itself (`fake.rs`).

use super::{Answer, FakeModem};
use crate::Class;
use std::time::Duration;

/// What the far end says, and the modem with it.
#[derive(Clone, Debug)]
pub struct Script {
    pub class: Class,
    pub csi: Option<&'static str>,
    /// What it can, as behind `+FDIS:`.
    pub dis: &'static str,
    /// What both agree on, as behind `+FDCS:`.
    pub dcs: &'static str,
    /// The far end's word on each page that it is sent, in turn: 1 MCF, 2 RTN, 3 RTP, 4 PIN, 5 PIP.
    pub statuses: Vec<u8>,
    /// Behind the last of them.
    pub hang_up: &'static str,
}

impl Script {
    /// One page that is taken.
    pub fn new(class: Class) -> Self {
        let (csi, dcs) = (Some("+81 3 9876 5432"), "1,5,0,2,1,0,0,3");
        Self { class, csi, dis: "1,5,0,2,1,0,0,3", dcs, statuses: vec![1], hang_up: "0" }
    }

    /// Whether the words are those of SP-2388, not of TIA-592 and T.32.
    fn is_old(&self) -> bool {
        self.class == Class::Two
    }

    fn word(&self, old: &'static str, new: &'static str) -> &'static str {
        if self.is_old() { old } else { new }
    }

    /// `+FHNG: n` or `+FHS:n`.
    pub fn hung_up(&self, code: &str) -> String {
        format!("{}{code}", self.word("+FHNG: ", "+FHS:"))
    }

    /// The answer to ATD: a fax machine, who it is, what it can.
    pub fn answered(&self) -> Answer {
        let csi = self.csi.map(|csi| format!("{}\"{csi:>20}\"\n", self.word("+FCSI: ", "+FCI:")));
        let connected = self.word("+FCON", "+FCO");
        let dis = format!("{}{}", self.word("+FDIS: ", "+FIS:"), self.dis);
        let text = format!("{connected}\n{}{dis}\nOK", csi.unwrap_or_default());
        Answer::says(&text).after(Duration::from_secs(9))
    }

    /// The answer to +FDT: agreed, trained, ready.
    pub fn trained(&self) -> Answer {
        let mut octets = self.agreed().into_bytes();
        octets.extend(b"\r\nCONNECT\r\n");
        if self.is_old() {
            octets.push(0x11); // XON
        }
        Answer::raw(octets).after(Duration::from_secs(4)).then_takes_page()
    }

    /// `+FDCS:` as a line.
    pub fn agreed(&self) -> String {
        format!("\r\n{}{}\r\n", self.word("+FDCS: ", "+FCS:"), self.dcs)
    }

    /// The modem.
    pub fn modem(&self) -> FakeModem {
        let mut modem = FakeModem::new()
            .on("AT+FCLASS=?", [Answer::says(&format!("0,{}\nOK", self.class))])
            .on("AT+FDCC=?", [Answer::says("(0,1),(0-5),(0-2),(0-2),(0,1),(0-2),(0),(0-7)\nOK")])
            .on("AT+FCC=?", [Answer::says("(0,1),(0-5),(0-2),(0-2),(0-3),(0-1),(0),(0-7)\nOK")])
            .on("ATD", [self.answered()])
            .on("AT+FDT", [self.trained()]);
        let last = self.statuses.len().saturating_sub(1);
        let hung_up = |page: usize| {
            if page == last { format!("{}\n", self.hung_up(self.hang_up)) } else { String::new() }
        };
        let answers = self.statuses.iter().enumerate();
        if self.is_old() {
            let says = |(page, status): (usize, &u8)| {
                Answer::says(&format!("+FPTS: {status}\n{}OK", hung_up(page)))
                    .after(Duration::from_secs(3))
            };
            modem = modem.on("AT+FET", answers.map(says));
        } else {
            let says = |(page, status): (usize, &u8)| {
                let result = if matches!(status, 1 | 3 | 5) { "OK" } else { "ERROR" };
                Answer::says(&format!("{}{result}", hung_up(page))).after(Duration::from_secs(3))
            };
            let status = |status: &u8| Answer::says(&format!("+FPS:{status},1143,0,0\nOK"));
            modem =
                modem.on("DATA", answers.map(says)).on("AT+FPS?", self.statuses.iter().map(status));
        }
        modem
    }
}

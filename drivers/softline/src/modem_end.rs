//! Our end of a line: a terminal for the host, a soft modem behind it, and what the host wants.
//!
//! In: bytes of the host, audio of the line, call events. Out: audio, and [`Wish`]es for the exchange.
//! Not here: whom a number reaches (`exchange`), the AT commands themselves (libspandsp).

use crate::at_tap::{AtTap, Carrier, Piece, Run};
use crate::clock::LineTime;
use crate::ffi::{CallEvent, ModemOp, SoftModem};
use crate::pty::{HostState, Pty, PtyError};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

const CAN: u8 = 0x18;
const DLE: u8 = 0x10;
const ETX: u8 = 0x03;
/// `--strict`: a modem that has had nothing to send for this long drops its carrier.
const STRICT_STARVED_MS: f64 = 100.0;

/// Who did it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum By {
    /// The host, with a command.
    Host,
    /// The host, by closing the terminal.
    Dtr,
    /// The modem, because S7 ran out.
    Modem,
}

/// What the host or its modem wants of the exchange.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Wish {
    Dial(String),
    Answer,
    OffHook,
    OnHook(By),
    /// A key was pressed while the modem dialled (V.250 5.6.1): the call is given up.
    Abort,
}

/// What a host's bytes mean while a call is being set up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Keys {
    Typed,
    AbortDialling,
}

/// One line of the dialogue between a host and its modem; page and frame data are not in it.
#[derive(Clone, Debug)]
pub(crate) struct Spoken {
    pub at: LineTime,
    pub by_host: bool,
    pub text: String,
}

pub(crate) struct ModemEnd {
    pub name: String,
    link: Option<PathBuf>,
    /// `None` while the plug is pulled.
    pty: Option<Pty>,
    listens_for_dial_tone: bool,
    modem: SoftModem,
    tap: AtTap,
    strict: bool,
    wishes: VecDeque<Wish>,
    spoken: Vec<Spoken>,
    /// Line time as the exchange last told it.
    now: LineTime,
}

impl ModemEnd {
    /// # Errors
    /// [`PtyError`] of the terminal or its link.
    pub(crate) fn new(name: &str, link: Option<&Path>, strict: bool) -> Result<Self, PtyError> {
        Ok(Self {
            name: name.to_owned(),
            link: link.map(Path::to_owned),
            pty: Some(Pty::new(link)?),
            listens_for_dial_tone: false,
            modem: SoftModem::new(),
            tap: AtTap::new(),
            strict,
            wishes: VecDeque::new(),
            spoken: Vec::new(),
            now: LineTime::default(),
        })
    }

    /// `None` while the plug is pulled.
    pub(crate) fn pty(&self) -> Option<&Pty> {
        self.pty.as_ref()
    }

    /// The modem would take bytes of its host now.
    pub(crate) fn listens(&self) -> bool {
        !self.modem.holding()
    }

    /// The terminal vanishes with the modem, whatever both are at; whether it was there.
    pub(crate) fn unplug(&mut self) -> bool {
        let was_there = self.pty.take().is_some();
        if was_there {
            self.note(true, "(loses the modem)".to_owned());
            self.switched_on_anew();
        }
        was_there
    }

    /// A terminal comes again, behind the same link.
    ///
    /// # Errors
    /// [`PtyError`]; the plug stays out.
    pub(crate) fn plug(&mut self) -> Result<&Pty, PtyError> {
        let pty = match self.pty.take() {
            Some(there) => there,
            None => Pty::new(self.link.as_deref())?,
        };
        Ok(self.pty.insert(pty))
    }

    /// Off-hook without a number: what is heard is told by [`Self::heard_dial_tone`].
    pub(crate) fn listen_for_dial_tone(&mut self) {
        self.listens_for_dial_tone = true;
    }

    pub(crate) fn is_listening_for_dial_tone(&self) -> bool {
        self.listens_for_dial_tone
    }

    /// Back to commands, as `;` wants it (V.250 6.3.1.9).
    pub(crate) fn heard_dial_tone(&mut self, heard: bool) {
        self.listens_for_dial_tone = false;
        if heard {
            self.modem.say_ok();
            self.modem_said();
        } else {
            self.call_event(CallEvent::NoDialTone);
        }
    }

    pub(crate) fn next_wish(&mut self) -> Option<Wish> {
        self.wishes.pop_front()
    }

    /// The dialogue since the last call.
    pub(crate) fn take_spoken(&mut self) -> Vec<Spoken> {
        std::mem::take(&mut self.spoken)
    }

    pub(crate) fn sending(&self) -> Option<Carrier> {
        self.tap.sending()
    }

    pub(crate) fn run(&self) -> Option<&Run> {
        self.tap.run()
    }

    pub(crate) fn s7_seconds(&self) -> u8 {
        self.modem.s7_seconds()
    }

    /// Takes what the host has written, as far as the modem has room, and notices it leaving.
    pub(crate) fn serve_host(&mut self, now: LineTime, keys: Keys) {
        self.now = now;
        let Some(pty) = &mut self.pty else { return };
        let before = pty.host();
        let mut buffer = [0; 512];
        pty.flush();
        while !self.modem.holding() {
            let len = self.pty.as_mut().map_or(0, |pty| pty.read(&mut buffer));
            if len == 0 {
                break;
            }
            self.host_wrote(&buffer[..len], now, keys);
        }
        let Some(pty) = &mut self.pty else { return };
        if self.modem.holding() {
            pty.notice_close();
        }
        if before == HostState::Present && pty.host() == HostState::Gone {
            self.dtr_off();
        }
    }

    fn host_wrote(&mut self, bytes: &[u8], now: LineTime, keys: Keys) {
        if keys == Keys::AbortDialling {
            // The line feed that some hosts send after the dial command is no key press.
            if bytes.iter().any(|byte| *byte != b'\n') {
                self.note(true, "(presses a key)".to_owned());
                self.wishes.push_back(Wish::Abort);
            }
            return;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = match self.tap.next_piece(rest, now) {
                Piece::Pass(len) => {
                    self.modem.host_writes(&rest[..len]);
                    len
                }
                Piece::Drop(len) => len,
                Piece::EndFrame(len) => {
                    self.modem.host_writes(&[DLE, ETX]);
                    len
                }
                Piece::Refuse(len) => {
                    self.modem.host_writes(&[CAN]);
                    self.tell_host(b"\r\nERROR\r\n");
                    len
                }
            };
            rest = &rest[taken..];
            for text in self.tap.take_commands() {
                self.note(true, text);
            }
            self.pass_on(By::Host);
        }
    }

    /// Tells the modem what became of a call.
    pub(crate) fn call_event(&mut self, event: CallEvent) {
        if event == CallEvent::Answered {
            self.tap.answering();
        }
        self.modem.call_event(event);
        // Going on hook is the modem's answer to the event here, not somebody's wish.
        self.modem_said();
        while self.modem.take_op().is_some() {}
        if event == CallEvent::HangUp && self.tap.owes_result() {
            // libspandsp forgets the result of a carrier whose data had ended; a modem says one (V.250 5.7.1).
            self.say_no_carrier();
        }
    }

    /// Ends a dialling that came to nothing, in the words of V.250 for it.
    pub(crate) fn say_no_carrier(&mut self) {
        self.modem.say_no_carrier();
        self.modem_said();
    }

    /// One ring of the bell; with S0 set, the modem may answer by itself.
    pub(crate) fn ring(&mut self) {
        self.modem.set_ringing(true);
        self.modem.call_event(CallEvent::Alerting);
        self.pass_on(By::Modem);
    }

    pub(crate) fn stop_ringing(&mut self) {
        self.modem.set_ringing(false);
    }

    pub(crate) fn hears(&mut self, audio: &mut [i16]) {
        self.modem.hears(audio);
        self.pass_on(By::Modem);
    }

    /// Fills one frame for the line. `carrier_start` is since when this end's carrier is up.
    pub(crate) fn speaks(
        &mut self,
        audio: &mut [i16],
        now: LineTime,
        carrier_start: Option<LineTime>,
    ) {
        self.now = now;
        if self.strict && self.starved(now, carrier_start) {
            self.modem.host_writes(&[DLE, ETX]);
            self.tap.data_cut();
        }
        self.modem.speaks(audio);
        self.pass_on(By::Modem);
    }

    fn starved(&self, now: LineTime, carrier_start: Option<LineTime>) -> bool {
        let (Some(start), Some(run)) = (carrier_start, self.tap.run()) else { return false };
        self.tap.expects_page()
            && !run.ends_with_nul()
            && run.starved_ms(start, now) > STRICT_STARVED_MS
    }

    /// Hands on what the modem said and wants; `by` is who made it speak.
    fn pass_on(&mut self, by: By) {
        self.modem_said();
        while let Some(op) = self.modem.take_op() {
            self.wishes.push_back(match op {
                ModemOp::Dial(number) => Wish::Dial(number),
                ModemOp::Answer => Wish::Answer,
                ModemOp::OffHook => Wish::OffHook,
                ModemOp::OnHook => Wish::OnHook(by),
            });
        }
    }

    fn modem_said(&mut self) {
        for piece in self.modem.take_output() {
            if self.tap.modem_said(&piece) {
                self.note(false, String::from_utf8_lossy(&piece).trim().to_owned());
            }
            self.tell_host(&piece);
        }
    }

    fn tell_host(&mut self, bytes: &[u8]) {
        if let Some(pty) = &mut self.pty {
            pty.write(bytes);
        }
    }

    fn note(&mut self, by_host: bool, text: String) {
        self.spoken.push(Spoken { at: self.now, by_host, text });
    }

    /// The host is gone: hang up, and be a modem that was just switched on.
    fn dtr_off(&mut self) {
        self.note(true, "(closes the terminal)".to_owned());
        self.switched_on_anew();
        if self.pty.as_mut().is_some_and(|pty| pty.reset().is_err()) {
            // Without root, a terminal that a killed host held exclusively cannot be opened
            // again by anybody. A new one behind the same link can.
            if let Ok(pty) = Pty::new(self.link.as_deref()) {
                self.pty = Some(pty);
            }
        }
    }

    fn switched_on_anew(&mut self) {
        self.wishes.push_back(Wish::OnHook(By::Dtr));
        self.modem = SoftModem::new();
        self.tap = AtTap::new();
        self.listens_for_dial_tone = false;
    }
}

//! Follows the dialogue of a host and its modem, to know what each byte of the host is.
//!
//! In: bytes of both directions. Out: the pieces in which the host's bytes may be handed over, and
//! which carrier is being sent with how many bytes.
//! Source: ITU-T T.31 8.3 (Class 1 commands), V.250 5.2. Not here: the modem itself (`ffi`).
//!
//! libspandsp's modem takes what it is given on trust: a command line longer than its buffers or a
//! frame without an end would run over them. What is cut off here never reaches it.

use crate::clock::LineTime;

const DLE: u8 = 0x10;
const ETX: u8 = 0x03;

/// Longest command line: the modem copies the digits of a dial string into 101 bytes.
const MAX_COMMAND: usize = 100;
/// Longest V.21 frame: the peer's modem stuffs it into 256 bytes, in the worst case twice its size.
const MAX_FRAME: usize = 120;
/// Most page bytes handed over at once, see `SoftModem::host_writes`.
const MAX_PIECE: usize = 512;

/// What the next bytes of the host are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Expecting {
    Command,
    /// A V.21 frame, after `+FTH=3` or an answer.
    Frame,
    /// Data for a fast carrier, after `+FTM`.
    Page,
}

/// A carrier that a host can ask for (T.31 8.3.3, Table 5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Carrier {
    pub kind: &'static str,
    pub rate_bps: u32,
    pub short: bool,
    /// From the carrier's first energy to its first data bit (V.17 5.1, V.29 8, V.27ter 2.5).
    pub training_ms: f64,
}

impl Carrier {
    pub(crate) const V21: Self =
        Self { kind: "v21", rate_bps: 300, short: false, training_ms: 0.0 };

    fn of_code(code: u32) -> Option<Self> {
        let v17 = |rate_bps, short| Self {
            kind: "v17",
            rate_bps,
            short,
            training_ms: if short { 142.5 } else { 1393.3 },
        };
        let v29 = |rate_bps| Self { kind: "v29", rate_bps, short: false, training_ms: 233.3 };
        Some(match code {
            24 => Self { kind: "v27ter", rate_bps: 2400, short: false, training_ms: 943.3 },
            48 => Self { kind: "v27ter", rate_bps: 4800, short: false, training_ms: 707.5 },
            72 => v29(7200),
            96 => v29(9600),
            73 => v17(7200, false),
            74 => v17(7200, true),
            97 => v17(9600, false),
            98 => v17(9600, true),
            121 => v17(12_000, false),
            122 => v17(12_000, true),
            145 => v17(14_400, false),
            146 => v17(14_400, true),
            _no_such_carrier => return None,
        })
    }
}

/// A fast carrier as seen from the host's side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Run {
    pub carrier: Carrier,
    /// Bytes of data, stuffing taken out.
    pub bytes: u64,
    pub first_byte: Option<LineTime>,
    last_byte_is_nul: bool,
}

impl Run {
    /// Milliseconds of data that a carrier up since `start` should have had by `now` but has not,
    /// once the first byte had come. Real modems give up here, unless the last byte was NUL.
    pub(crate) fn starved_ms(&self, start: LineTime, now: LineTime) -> f64 {
        let Some(first_byte) = self.first_byte else { return 0.0 };
        let trained_ms = now.seconds_since(start) * 1000.0 - self.carrier.training_ms;
        let since_data_ms = trained_ms.min(now.seconds_since(first_byte) * 1000.0);
        (since_data_ms - self.data_ms()).max(0.0)
    }

    pub(crate) fn ends_with_nul(&self) -> bool {
        self.last_byte_is_nul
    }

    fn data_ms(&self) -> f64 {
        self.bytes as f64 * 8000.0 / f64::from(self.carrier.rate_bps)
    }
}

/// What to do with the first bytes of the rest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Piece {
    /// Hand over this many.
    Pass(usize),
    /// Drop this many: what they belong to is already too long.
    Drop(usize),
    /// The end of a frame that was too long: drop this many, and end the part that was passed.
    EndFrame(usize),
    /// The command line is too long: make the modem forget it, drop this many, say ERROR.
    Refuse(usize),
}

pub(crate) struct AtTap {
    expecting: Expecting,
    line: Vec<u8>,
    /// A command line that was too long still goes on.
    refusing: bool,
    frame_bytes: usize,
    after_dle: bool,
    /// What a CONNECT would begin.
    asked_for: Option<Asked>,
    run: Option<Run>,
    /// A `+FTH=3` is under way.
    sends_frames: bool,
    /// Data of a fast carrier was asked for, and its end is not answered yet.
    owes_result: bool,
    /// Command lines since they were last asked for.
    commands: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    Frames,
    Data(Carrier),
}

impl AtTap {
    pub(crate) fn new() -> Self {
        Self {
            expecting: Expecting::Command,
            line: Vec::new(),
            refusing: false,
            frame_bytes: 0,
            after_dle: false,
            asked_for: None,
            run: None,
            sends_frames: false,
            owes_result: false,
            commands: Vec::new(),
        }
    }

    /// The command lines that the host has ended, oldest first.
    pub(crate) fn take_commands(&mut self) -> Vec<String> {
        std::mem::take(&mut self.commands)
    }

    /// The modem began to answer a call: its first CONNECT asks for frames (T.31 8.3.2).
    pub(crate) fn answering(&mut self) {
        self.asked_for = Some(Asked::Frames);
    }

    /// The carrier that is being sent, if the host asked for one.
    pub(crate) fn sending(&self) -> Option<Carrier> {
        match (&self.run, self.sends_frames) {
            (Some(run), _) => Some(run.carrier),
            (None, true) => Some(Carrier::V21),
            (None, false) => None,
        }
    }

    /// The fast carrier under way, or the last one until the next command.
    pub(crate) fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// The host still owes the end of its data.
    pub(crate) fn expects_page(&self) -> bool {
        self.expecting == Expecting::Page
    }

    /// The modem has not said how its last carrier ended.
    pub(crate) fn owes_result(&self) -> bool {
        self.owes_result
    }

    /// The modem was told that the data ends, though the host did not say so.
    pub(crate) fn data_cut(&mut self) {
        self.expecting = Expecting::Command;
        self.after_dle = false;
    }

    /// Takes the next piece off `bytes`, which is not empty.
    pub(crate) fn next_piece(&mut self, bytes: &[u8], now: LineTime) -> Piece {
        match self.expecting {
            Expecting::Command => self.command_piece(bytes),
            Expecting::Frame => self.frame_piece(bytes),
            Expecting::Page => self.page_piece(bytes, now),
        }
    }

    fn command_piece(&mut self, bytes: &[u8]) -> Piece {
        let end = bytes.iter().position(|byte| *byte == b'\r');
        let len = end.map_or(bytes.len(), |at| at + 1);
        if self.refusing {
            self.refusing = end.is_none();
            return Piece::Drop(len);
        }
        // As the modem does, look for a command's first letter: keys may come before it.
        let letter = |byte: &u8| byte.eq_ignore_ascii_case(&b'a');
        let skipped = if self.line.is_empty() {
            bytes[..len].iter().position(letter).unwrap_or(len)
        } else {
            0
        };
        self.line.extend_from_slice(&bytes[skipped..len]);
        if self.line.len() > MAX_COMMAND {
            self.line.clear();
            self.refusing = end.is_none();
            return Piece::Refuse(len);
        }
        if end.is_some() && !self.line.is_empty() {
            self.asked_for = asked_for(&self.line);
            if self.asked_for.is_some() || is_class_1(&self.line) {
                self.run = None;
                self.sends_frames = false;
            }
            self.commands.push(String::from_utf8_lossy(&self.line).trim().to_owned());
            self.line.clear();
        }
        Piece::Pass(len)
    }

    fn frame_piece(&mut self, bytes: &[u8]) -> Piece {
        let full = self.frame_bytes >= MAX_FRAME;
        for (at, byte) in bytes.iter().enumerate() {
            match (self.after_dle, *byte) {
                (true, ETX) => {
                    self.after_dle = false;
                    self.frame_bytes = 0;
                    return if full { Piece::EndFrame(at + 1) } else { Piece::Pass(at + 1) };
                }
                (false, DLE) => self.after_dle = true,
                (_data, _any) => {
                    self.after_dle = false;
                    self.frame_bytes += 1;
                    if !full && self.frame_bytes == MAX_FRAME {
                        return Piece::Pass(at + 1);
                    }
                }
            }
        }
        if full { Piece::Drop(bytes.len()) } else { Piece::Pass(bytes.len()) }
    }

    fn page_piece(&mut self, bytes: &[u8], now: LineTime) -> Piece {
        let Some(run) = &mut self.run else { return Piece::Pass(bytes.len().min(MAX_PIECE)) };
        for (at, byte) in bytes.iter().take(MAX_PIECE).enumerate() {
            match (self.after_dle, *byte) {
                (true, ETX) => {
                    self.after_dle = false;
                    self.expecting = Expecting::Command;
                    return Piece::Pass(at + 1);
                }
                (false, DLE) => self.after_dle = true,
                (_data, data) => {
                    self.after_dle = false;
                    run.bytes += 1;
                    run.first_byte.get_or_insert(now);
                    run.last_byte_is_nul = data == 0;
                }
            }
        }
        Piece::Pass(bytes.len().min(MAX_PIECE))
    }

    /// Takes note of one piece of the modem's output; says whether it is a result code.
    pub(crate) fn modem_said(&mut self, piece: &[u8]) -> bool {
        let result = result_code(piece);
        match (result, self.asked_for) {
            (Some(ResultCode::Connect), Some(Asked::Frames)) => {
                self.expecting = Expecting::Frame;
                self.sends_frames = true;
                self.asked_for = None;
                self.frame_bytes = 0;
                self.after_dle = false;
            }
            (Some(ResultCode::Connect), Some(Asked::Data(carrier))) => {
                self.expecting = Expecting::Page;
                self.owes_result = true;
                self.asked_for = None;
                self.after_dle = false;
                self.run =
                    Some(Run { carrier, bytes: 0, first_byte: None, last_byte_is_nul: false });
            }
            (Some(ResultCode::Final), _asked) => {
                self.expecting = Expecting::Command;
                self.owes_result = false;
                self.asked_for = None;
            }
            // CONNECT before the next frame, or before a frame from the far end; RING; data.
            (Some(ResultCode::Connect), None) | (Some(ResultCode::Ring) | None, _) => {}
        }
        result.is_some()
    }
}

/// The carrier that a command line asks for with `+FTH` or `+FTM`.
fn asked_for(line: &[u8]) -> Option<Asked> {
    let line = String::from_utf8_lossy(line).to_ascii_uppercase();
    if line.contains("+FTH=3") {
        return Some(Asked::Frames);
    }
    let (_, after) = line.split_once("+FTM=")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    Carrier::of_code(digits.parse().ok()?).map(Asked::Data)
}

fn is_class_1(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line).to_ascii_uppercase();
    ["+FTS=", "+FRS=", "+FRH=", "+FRM="].iter().any(|command| line.contains(command))
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ResultCode {
    Connect,
    Ring,
    /// Any that ends a command.
    Final,
}

/// A result code in words or as a number; the modem hands each over as a piece of its own.
fn result_code(piece: &[u8]) -> Option<ResultCode> {
    match piece {
        b"CONNECT" | b"1\r" => Some(ResultCode::Connect),
        b"RING" | b"2\r" => Some(ResultCode::Ring),
        b"OK" | b"ERROR" | b"NO CARRIER" | b"NO DIALTONE" | b"BUSY" | b"NO ANSWER"
        | b"+FCERROR" | b"0\r" | b"3\r" | b"4\r" | b"6\r" | b"7\r" | b"8\r" => {
            Some(ResultCode::Final)
        }
        _data => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: LineTime = LineTime(0);

    fn tap_after(command: &[u8], answer: &[u8]) -> AtTap {
        let mut tap = AtTap::new();
        assert_eq!(tap.next_piece(command, NOW), Piece::Pass(command.len()));
        tap.modem_said(answer);
        tap
    }

    #[test]
    fn command_two_lines_at_once_are_two_pieces() {
        let mut tap = AtTap::new();
        assert_eq!(tap.next_piece(b"ATE0\rAT+FTM=96\r", NOW), Piece::Pass(5));
        assert_eq!(tap.next_piece(b"AT+FTM=96\r", NOW), Piece::Pass(10));
    }

    #[test]
    fn command_too_long_is_refused_to_its_end() {
        let mut tap = AtTap::new();
        assert_eq!(tap.next_piece(&[0x18; 200], NOW), Piece::Pass(200), "keys, no command yet");
        assert_eq!(tap.next_piece(&[b'A'; 90], NOW), Piece::Pass(90));
        assert_eq!(tap.next_piece(&[b'1'; 20], NOW), Piece::Refuse(20));
        assert_eq!(tap.next_piece(b"111\rATZ\r", NOW), Piece::Drop(4));
        assert_eq!(tap.next_piece(b"ATZ\r", NOW), Piece::Pass(4));
    }

    #[test]
    fn page_counts_data_without_stuffing_and_ends_at_etx() {
        let mut tap = tap_after(b"AT+FTM=146\r", b"CONNECT");
        assert!(tap.expects_page());
        assert_eq!(tap.next_piece(b"ab\x10\x10c\x10\x03AT\r", NOW), Piece::Pass(7));
        let run = tap.run().copied();
        assert_eq!(run.map(|run| (run.bytes, run.carrier.rate_bps)), Some((4, 14_400)));
        assert!(!tap.expects_page());
    }

    #[test]
    fn page_refused_by_the_modem_is_not_expected() {
        let tap = tap_after(b"AT+FTM=146\r", b"ERROR");
        assert!(!tap.expects_page());
        assert_eq!(tap.sending(), None);
    }

    #[test]
    fn page_runs_dry_after_its_bytes_have_been_sent() {
        let mut tap = tap_after(b"AT+FTM=48\r", b"CONNECT");
        let first = NOW.after_ms(700);
        tap.next_piece(&[7; 60], first); // 100 ms at 4800 bit/s
        let run = tap.run().copied().unwrap();
        assert_eq!(run.starved_ms(NOW, NOW.after_ms(800)), 0.0);
        let starved = run.starved_ms(NOW, NOW.after_ms(1000));
        assert!((190.0..200.0).contains(&starved), "{starved} ms");
    }

    #[test]
    fn frame_without_end_is_cut_before_the_modem_overruns() {
        let mut tap = tap_after(b"AT+FTH=3\r", b"CONNECT");
        let endless = [0xFF; 300];
        assert_eq!(tap.next_piece(&endless, NOW), Piece::Pass(MAX_FRAME));
        assert_eq!(tap.next_piece(&endless, NOW), Piece::Drop(300));
        assert_eq!(tap.next_piece(b"\x10", NOW), Piece::Drop(1));
        assert_eq!(tap.next_piece(b"\x03\xff\x10\x03", NOW), Piece::EndFrame(1));
        assert_eq!(tap.next_piece(b"\xff\x10\x03", NOW), Piece::Pass(3));
    }

    #[test]
    fn frame_ok_returns_to_commands() {
        let mut tap = tap_after(b"AT+FTH=3\r", b"CONNECT");
        assert_eq!(tap.sending(), Some(Carrier::V21));
        assert_eq!(tap.next_piece(b"\xff\x13\x10\x03", NOW), Piece::Pass(4));
        tap.modem_said(b"OK");
        assert_eq!(tap.next_piece(b"AT\r", NOW), Piece::Pass(3));
        tap.next_piece(b"AT+FRH=3\r", NOW);
        assert_eq!(tap.sending(), None);
        assert_eq!(tap.take_commands(), ["AT+FTH=3", "AT", "AT+FRH=3"]);
    }

    #[test]
    fn answer_connect_asks_for_a_frame() {
        let mut tap = AtTap::new();
        tap.answering();
        tap.modem_said(b"CONNECT");
        assert_eq!(tap.sending(), Some(Carrier::V21));
    }
}

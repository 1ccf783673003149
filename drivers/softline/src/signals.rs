//! Listens to one end of a call, before any fault: its carriers and its T.30 frames, with times.
//!
//! In: audio as an end sends it. Out: [`CarrierHeard`] and [`FrameHeard`], in line time.
//! The modems here fall silent as exact zeros, so a carrier's first and last sample are known.
//! Not here: what the record looks like (`report`).

use crate::at_tap::{Carrier, Run};
use crate::clock::LineTime;
use crate::ffi::{TapEvent, V21Tap};

/// Zeros this long end a carrier; the shortest silence that T.30 puts between two is 55 ms.
const GAP_SAMPLES: u64 = 80;
/// The tap listens this finely, which is how exact a frame's end is known.
const TAP_SAMPLES: usize = 8;
/// The tap hears silence this long after a carrier, to let go of it.
const TAIL_SAMPLES: u64 = 1600;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CarrierHeard {
    pub kind: &'static str,
    pub rate_bps: Option<u32>,
    pub short: bool,
    pub start: LineTime,
    pub end: LineTime,
    /// Of a fast carrier, what the host gave for it.
    pub run: Option<Run>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FrameHeard {
    pub name: String,
    /// When its closing flag had been sent, late by the few milliseconds of a receiver.
    pub end: LineTime,
    /// On the line, from its first octet to the end of its closing flag.
    pub bits: u32,
    /// Which carrier it was in: the index that carrier has once it has ended.
    pub carrier: usize,
}

pub(crate) struct Listener {
    tap: V21Tap,
    /// A tone that is no modem signal is this end's CED or CNG.
    tone: &'static str,
    open: Option<Open>,
    last_sound: Option<LineTime>,
    pub carriers: Vec<CarrierHeard>,
    pub frames: Vec<FrameHeard>,
}

struct Open {
    start: LineTime,
    last: LineTime,
    asked: Option<Carrier>,
    preamble: bool,
}

impl Listener {
    pub(crate) fn new(tone: &'static str) -> Self {
        Self {
            tap: V21Tap::new(),
            tone,
            open: None,
            last_sound: None,
            carriers: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// When the carrier that is up began.
    pub(crate) fn carrier_start(&self) -> Option<LineTime> {
        self.open.as_ref().map(|open| open.start)
    }

    /// One frame of audio that starts at `at`. `asked` and `run` are what the host of this end
    /// asked its modem to send; a fax machine has no host.
    pub(crate) fn hears(
        &mut self,
        audio: &[i16],
        at: LineTime,
        asked: Option<Carrier>,
        run: Option<&Run>,
    ) {
        for (index, part) in audio.chunks(TAP_SAMPLES).enumerate() {
            let start = at.after_samples(index * TAP_SAMPLES);
            for (offset, sample) in part.iter().enumerate() {
                self.sample(*sample != 0, start.after_samples(offset), asked, run);
            }
            self.tap_hears(part, start.after_samples(part.len()));
        }
    }

    fn sample(&mut self, sound: bool, at: LineTime, asked: Option<Carrier>, run: Option<&Run>) {
        if sound {
            self.last_sound = Some(at);
            let open =
                self.open.get_or_insert(Open { start: at, last: at, asked, preamble: false });
            open.last = at;
        } else if self.open.as_ref().is_some_and(|open| at.0 - open.last.0 >= GAP_SAMPLES) {
            self.carrier_ended(run);
        }
    }

    fn tap_hears(&mut self, part: &[i16], end: LineTime) {
        let recent = self.last_sound.is_some_and(|last| end.0 - last.0 < TAIL_SAMPLES);
        let fast = self
            .open
            .as_ref()
            .is_some_and(|open| open.asked.is_some_and(|carrier| carrier != Carrier::V21));
        if !recent || fast {
            return;
        }
        for event in self.tap.hears(part) {
            match event {
                TapEvent::Preamble => {
                    if let Some(open) = &mut self.open {
                        open.preamble = true;
                    }
                }
                TapEvent::Frame { fcf, fcf2, bits } => {
                    // The receiver is late by a bit or so: a frame at the very end of a carrier
                    // may be heard when the carrier has just been closed.
                    let carrier = match &self.open {
                        Some(_) => self.carriers.len(),
                        None => self.carriers.len().saturating_sub(1),
                    };
                    let name = TapEvent::frame_name(fcf, fcf2);
                    self.frames.push(FrameHeard { name, end, bits, carrier });
                }
            }
        }
    }

    fn carrier_ended(&mut self, run: Option<&Run>) {
        let Some(open) = self.open.take() else { return };
        let (kind, rate_bps, short) = match (open.asked, open.preamble) {
            (Some(carrier), _) => (carrier.kind, Some(carrier.rate_bps), carrier.short),
            (None, true) => (Carrier::V21.kind, Some(Carrier::V21.rate_bps), false),
            (None, false) => (self.tone, None, false),
        };
        let fast = open.asked.filter(|carrier| *carrier != Carrier::V21);
        self.carriers.push(CarrierHeard {
            kind,
            rate_bps,
            short,
            start: open.start,
            end: open.last.after_samples(1),
            run: fast.and(run.copied()),
        });
    }

    /// The call is over: a carrier that is still up ends here.
    pub(crate) fn call_ended(&mut self, run: Option<&Run>) {
        self.carrier_ended(run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FarKind, FarPlan};
    use crate::ffi::{FaxTerminal, Side};
    use std::path::Path;

    #[test]
    fn called_machine_is_heard_with_its_tone_and_its_frames_in_time() {
        let mut options = FarPlan::new("1".to_owned(), FarKind::Fax).fax.terminal;
        options.ident = "0312345678".to_owned();
        let nowhere = Path::new("/nonexistent/page.tif");
        let mut machine = FaxTerminal::new(&options, Side::Called { into: nowhere });
        let mut listener = Listener::new("ced");
        let mut now = LineTime(0);
        while now < LineTime(8000 * 6) {
            let mut audio = [0; 160];
            machine.speaks(&mut audio);
            listener.hears(&audio, now, None, None);
            now = now.after_samples(audio.len());
        }
        let seconds = |at: LineTime| at.seconds_since(LineTime(0));
        let [ced, frames] = &listener.carriers[..] else {
            panic!("{:?} instead of a tone and a carrier", listener.carriers)
        };
        // T.30 4.1: 2.6 s to 4 s of CED; 4.1.2: 75 ms ± 20 ms of silence.
        assert_eq!((ced.kind, frames.kind), ("ced", "v21"));
        assert!((2.59..2.61).contains(&(seconds(ced.end) - seconds(ced.start))));
        assert!((0.055..0.095).contains(&(seconds(frames.start) - seconds(ced.end))));
        let names: Vec<&str> = listener.frames.iter().map(|frame| &*frame.name).collect();
        assert_eq!(names, ["CSI", "DIS"]);
        let [csi, dis] = &listener.frames[..] else { panic!() };
        assert_eq!((csi.carrier, dis.carrier), (1, 1));
        assert!(csi.end < dis.end);
        // What follows the last frame is libspandsp's way to end a carrier, always as long.
        let tail_s = seconds(frames.end) - seconds(dis.end);
        assert!((0.034..0.038).contains(&tail_s), "{tail_s} s of flags after the last frame");
    }

    #[test]
    fn silence_between_two_carriers_parts_them_at_their_samples() {
        let mut listener = Listener::new("cng");
        let mut audio = vec![0; 800];
        audio[100..300].fill(9);
        audio[400..500].fill(9);
        for (index, frame) in audio.chunks(160).enumerate() {
            listener.hears(frame, LineTime(160 * index as u64), None, None);
        }
        let heard: Vec<_> = listener.carriers.iter().map(|c| (c.start.0, c.end.0)).collect();
        assert_eq!(heard, [(100, 300), (400, 500)]);
        assert!(listener.carriers.iter().all(|carrier| carrier.kind == "cng"));
    }
}

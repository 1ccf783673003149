//! What the line tells about itself: one JSON object a line, on standard output.
//!
//! In: what a call was. Out: the events below. Names and meanings never change; new ones may come.
//! All times are line time, counted in samples. `…_s` inside a call are seconds since the answer,
//! but for `answered_s`, which is seconds since off-hook; `…_at_s` are seconds since the line was
//! switched on.
//!
//! | event | when |
//! |---|---|
//! | `ready` | once, first: the lines, each with its name, device and link |
//! | `call_started` | a host dialled, at `off_hook_at_s` |
//! | `call_answered` | the far end answered |
//! | `call` | the call is over at both ends |
//! | `unplugged`, `plugged` | a modem went and came, by `--control`; with its new device |
//!
//! | field of `call` | meaning |
//! |---|---|
//! | `call` | number of the call since the start, from 1 |
//! | `line`, `dialled`, `far` | who called, the digits dialled, the kind of far end |
//! | `result` | see [`Outcome`] |
//! | `hung_up_by` | who ended it: `host` (a command), `dtr` (terminal closed), `modem` (it gave up by itself), `limit`, or `far`: it left without being told to by a DCN |
//! | `offhook_s`, `dial_s`, `ring_s`, `connected_s` | of the calling line: off hook in all; dial tone and digits; ringing; from the answer to on-hook |
//! | `on_hook_at_s` | when the calling line was on-hook again |
//! | `answered_s` | from off-hook to the answer |
//! | `ced_end_s` | end of the answer tone |
//! | `far_hung_up_s` | when the far end left, if it did before the caller |
//! | `t30_code`, `t30_text` | completion code of the far machine (0 is success) and its text |
//! | `pages`, `rate_bps`, `ecm`, `encoding`, `bad_rows`, `image_bytes` | as the far machine received them; sums over all pages |
//! | `ppr` | PPR frames: blocks of which something had to be sent again |
//! | `tsi` | identity that the caller sent |
//! | `sub`, `password_characters` | box that the caller named, and the length of its password |
//! | `file` | where the received pages are |
//! | `frames` | every T.30 control frame of both ends: `t_s` when its closing flag had left the sender, `bits` on the line from its first octet to that flag, stuffing included, `end_s` when the carrier it was in ended |
//! | `carriers` | every signal of both ends: first and last sample; for those that a host feeds also `bytes` (stuffing taken out), `lead_ms` (trained, first byte not there yet) and `underrun_ms` (later gaps in the data) |
//! | `slip_ms` | wall time for which the machine was too slow and the line stood still |
//! | `cpu_ms` | processor time of the whole process during the call |

use crate::clock::LineTime;
use crate::modem_end::By;
use crate::signals::{CarrierHeard, FrameHeard};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    Ready { lines: Vec<LineReport> },
    CallStarted { call: u64, line: String, dialled: String, far: &'static str, off_hook_at_s: f64 },
    CallAnswered { call: u64, answered_s: f64 },
    Call(Box<CallReport>),
    Unplugged { line: String },
    Plugged { line: LineReport },
}

#[derive(Debug, Serialize)]
pub(crate) struct LineReport {
    pub name: String,
    pub device: PathBuf,
    pub link: Option<PathBuf>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// The far machine ended well; of a line of ours, it confirmed and the caller said goodbye.
    Ok,
    Busy,
    NoAnswer,
    NoDialTone,
    /// There is no such number.
    NoSuchNumber,
    /// A person answered.
    Voice,
    /// The caller gave up, before or after the answer.
    HostHungUp,
    /// The far end hung up in the middle.
    FarHungUp,
    /// The far machine ended the call with an error of T.30.
    T30Error,
    /// The call lasted longer than `--limit`.
    Limit,
}

#[derive(Debug, Serialize)]
pub(crate) struct CallReport {
    pub call: u64,
    pub line: String,
    pub dialled: String,
    pub far: &'static str,
    pub result: Outcome,
    pub hung_up_by: &'static str,
    pub offhook_s: f64,
    pub dial_s: f64,
    pub ring_s: f64,
    pub connected_s: f64,
    pub on_hook_at_s: f64,
    pub answered_s: Option<f64>,
    pub ced_end_s: Option<f64>,
    pub far_hung_up_s: Option<f64>,
    pub t30_code: Option<i32>,
    pub t30_text: Option<String>,
    pub pages: u32,
    pub rate_bps: Option<u32>,
    pub ecm: Option<bool>,
    pub encoding: Option<&'static str>,
    pub bad_rows: u32,
    pub ppr: usize,
    pub tsi: Option<String>,
    pub sub: Option<String>,
    pub password_characters: Option<usize>,
    pub image_bytes: u64,
    pub file: Option<PathBuf>,
    pub frames: Vec<FrameReport>,
    pub carriers: Vec<CarrierReport>,
    pub slip_ms: f64,
    pub cpu_ms: f64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Dir {
    ToFar,
    FromFar,
}

#[derive(Debug, Serialize)]
pub(crate) struct FrameReport {
    pub t_s: f64,
    pub end_s: Option<f64>,
    pub dir: Dir,
    pub name: String,
    pub bits: u32,
}

#[derive(Debug, Serialize)]
pub(crate) struct CarrierReport {
    pub t_s: f64,
    pub end_s: f64,
    pub dir: Dir,
    pub kind: &'static str,
    pub rate_bps: Option<u32>,
    pub short: bool,
    #[serde(flatten)]
    pub fed: Option<Fed>,
}

/// What the host gave for a fast carrier.
#[derive(Debug, Serialize)]
pub(crate) struct Fed {
    pub bytes: u64,
    pub lead_ms: f64,
    pub underrun_ms: f64,
}

/// From the last data bit to silence: the turn-off of V.17, V.29 and V.27ter and the filters' tail.
const TURN_OFF_MS: f64 = 40.0;

impl Event {
    /// Writes one line and sees that it is on its way.
    ///
    /// # Errors
    /// Whatever the output says.
    pub(crate) fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let text = serde_json::to_string(self)?;
        writeln!(out, "{text}")?;
        out.flush()
    }
}

impl LineReport {
    pub(crate) fn new(name: &str, device: &Path, link: Option<&Path>) -> Self {
        Self { name: name.to_owned(), device: device.to_owned(), link: link.map(Path::to_owned) }
    }
}

pub(crate) fn by_name(by: By) -> &'static str {
    match by {
        By::Host => "host",
        By::Dtr => "dtr",
        By::Modem => "modem",
    }
}

/// Frames of one end, in seconds since the answer.
pub(crate) fn frames<'a>(
    frames: &'a [FrameHeard],
    carriers: &'a [CarrierHeard],
    dir: Dir,
    answered: LineTime,
) -> impl Iterator<Item = FrameReport> + 'a {
    frames.iter().map(move |frame| FrameReport {
        t_s: frame.end.seconds_since(answered),
        end_s: carriers.get(frame.carrier).map(|carrier| carrier.end.seconds_since(answered)),
        dir,
        name: frame.name.clone(),
        bits: frame.bits,
    })
}

/// Carriers of one end, in seconds since the answer.
pub(crate) fn carriers(
    carriers: &[CarrierHeard],
    dir: Dir,
    answered: LineTime,
) -> impl Iterator<Item = CarrierReport> + '_ {
    carriers.iter().map(move |carrier| CarrierReport {
        t_s: carrier.start.seconds_since(answered),
        end_s: carrier.end.seconds_since(answered),
        dir,
        kind: carrier.kind,
        rate_bps: carrier.rate_bps,
        short: carrier.short,
        fed: carrier.run.map(|run| {
            let trained_ms = run.carrier.training_ms;
            let lead_ms = run
                .first_byte
                .map_or(0.0, |first| first.seconds_since(carrier.start) * 1000.0 - trained_ms);
            let starved_ms = run.starved_ms(carrier.start, carrier.end) - TURN_OFF_MS;
            Fed {
                bytes: run.bytes,
                lead_ms: lead_ms.max(0.0).round(),
                underrun_ms: starved_ms.max(0.0).round(),
            }
        }),
    })
}

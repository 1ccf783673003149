//! The ends that can be dialled and that answer: what each says and hears, frame by frame.
//!
//! In: audio of the line. Out: audio, and whether the far end has gone.
//! Not here: numbers that do not answer (`exchange` knows busy, no answer and no dial tone as times).

pub(crate) mod fax;
pub(crate) mod tone;
pub(crate) mod voice;

use fax::FaxEnd;
use voice::VoiceEnd;

/// Who has answered.
pub(crate) enum Far {
    Fax(Box<FaxEnd>),
    Voice(VoiceEnd),
    /// The line of ours with this index.
    Line(usize),
}

//! One claim is carried over one line, and what the far end really said is written down.
//!
//! In: a [`Claim`]. Out: a settled attempt: nothing is handed back that is not on disk.
//! Not here: which claim and when (`schedule`), what an ending means (`settle`).

pub mod coded;
pub mod faults;
pub mod fax;
pub mod hand_over;
mod journal;
pub mod line_test;
pub mod mail;
pub mod mail_to_fax;
pub mod mailbox_board;
pub mod receipt_box;
mod result;
pub mod sheets;
pub mod tag_line;
pub mod trace;

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use crate::job::UnixMillis;
use crate::queue::{Claim, LineAsk, QueueError};

/// One way of a sheet out of the house: a modem on a telephone line, or a service that is reached by mail and has
/// neither. It belongs to one thread.
pub trait Carrier: Send {
    /// The name of the line, as in the settings.
    fn name(&self) -> &str;
    /// The device file as it is now.
    fn device(&self) -> DeviceMark;
    /// What it can carry now.
    fn ask(&self, now: UnixMillis) -> LineAsk;
    /// Gets the line ready for a claim; does nothing if it is.
    ///
    /// # Errors
    /// What is wrong with the line, in a technician's words. No claim is taken then.
    fn make_ready(&mut self) -> Result<(), LineFault>;
    /// Listens for the exchange. A line that rings is there, and so is one whose modem cannot listen, as far
    /// as anybody can tell.
    ///
    /// # Errors
    /// The line is dead, or the modem failed.
    fn dial_tone(&mut self) -> Result<(), LineFault>;
    /// Which modem stands there, as far as it was ready.
    fn modem(&self) -> Option<ModemFacts>;
    /// Whether somebody calls this line just now, as far as it was last asked.
    fn is_ringing(&self) -> bool;
    /// How often it has rung so far.
    fn rings(&self) -> u64;
    /// Carries a claim to its end. The attempt is settled when it returns.
    ///
    /// # Errors
    /// The store did not take the result: the attempt is left open for the next start to settle.
    fn carry(&mut self, claim: Claim) -> Result<Carried, QueueError>;
    /// Tests the line, telling each step.
    fn test(&mut self, plan: line_test::Plan<'_>, watch: &dyn line_test::Watch);
}

/// Which modem a line has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ModemFacts {
    /// Name of the profile that it is driven by, e.g. `generic`.
    pub model: String,
    /// Its fax class, e.g. `1` or `2.1`.
    pub class: String,
}

/// What a line's owner has to know of a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Carried {
    /// Stable code of the ending.
    pub code: &'static str,
    /// What the modem or the telephone line, not the far end, did wrong.
    pub fault: Option<LineFault>,
    /// How long the call was answered, for the telephone bill.
    pub connected: Duration,
}

/// Why a line takes no claims.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct LineFault {
    /// Stable code, e.g. `modem-silent`.
    pub code: &'static str,
    /// What happened and what to do.
    pub message: String,
}

impl LineFault {
    /// The exchange was not there when it was to be called.
    pub fn no_dial_tone() -> Self {
        Self { code: "no-dial-tone", message: line_test::DEAD_LINE.into() }
    }

    /// The line lost its current.
    pub fn no_loop_current() -> Self {
        Self { code: "no-loop-current", message: line_test::DEAD_LINE.into() }
    }

    /// The telephone line is dead, whatever the modem says for itself.
    pub fn is_of_the_line(&self) -> bool {
        matches!(self.code, "no-dial-tone" | "no-loop-current")
    }

    /// The device is not to be had, or another program has it, or the network is away, or a file with a password: it is
    /// waited for, and nothing is known against the line. ModemManager alone takes each new modem for some seconds.
    pub fn is_absence(&self) -> bool {
        matches!(
            self.code,
            "device-missing"
                | "modem-gone"
                | "device-taken"
                | "device-permission"
                | "smtp-connect"
                | "mail-settings"
        )
    }
}

/// Tells one device file from the next of the same name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeviceMark {
    /// It is not there, or the line needs none.
    Absent,
    There {
        device: u64,
        file: u64,
        changed_s: i64,
        changed_ns: i64,
    },
}

impl DeviceMark {
    /// What is behind the name now, whatever it links to.
    pub fn of(path: &Path) -> Self {
        std::fs::metadata(path).map_or(Self::Absent, |found| Self::There {
            device: found.rdev(),
            file: found.ino(),
            changed_s: found.ctime(),
            changed_ns: found.ctime_nsec(),
        })
    }
}

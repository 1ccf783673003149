//! What the exit status of `shirase` says. Numbers never change meaning; `systemd/shirase.service` and scripts read them.
//!
//! Source: sysexits.h for 65 to 78; 1 to 6 are our own.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// Done; with `submit --wait`: the far machine confirmed every page.
    Done,
    /// The notification ended without being sent: failed, expired or cancelled. `lines test` and `check`: what was looked
    /// at is not in order.
    NotSent,
    /// Wrong words on the command line (clap's own number).
    Usage,
    /// It may or may not be on paper, or is held: somebody must decide. Also if its time to be decided ran out.
    Undecided,
    /// The gateway refused the request; the reason was printed.
    Refused,
    /// `--wait` ended before the notification did; it goes on.
    StillOnItsWay,
    /// `sheet --compare`: the page in the file is not the sheet; `calls replay`: the session does otherwise.
    Differs,
    /// The store is not one that this program can use. systemd does not restart.
    Store,
    /// The gateway cannot be reached.
    Unreachable,
    /// Something that should not happen inside of this program.
    Internal,
    /// It is unknown whether the last change is on disk. systemd restarts, and the store tells.
    Ambiguous,
    /// Another daemon has the store.
    Busy,
    /// Settings or secret files are wrong; the place was printed. systemd does not restart.
    Settings,
}

impl Exit {
    /// The number that the shell sees.
    pub const fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NotSent => 1,
            Self::Usage => 2,
            Self::Undecided => 3,
            Self::Refused => 4,
            Self::StillOnItsWay => 5,
            Self::Differs => 6,
            Self::Store => 65,
            Self::Unreachable => 69,
            Self::Internal => 70,
            Self::Ambiguous => 74,
            Self::Busy => 75,
            Self::Settings => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

/// A command that did not do what it was asked, and the one line for the person who asked.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}

impl From<super::settings::SettingsError> for Failure {
    fn from(error: super::settings::SettingsError) -> Self {
        Self::new(Exit::Settings, error.to_string())
    }
}

impl From<crate::schedule::windows::HoursError> for Failure {
    fn from(error: crate::schedule::windows::HoursError) -> Self {
        Self::new(Exit::Settings, format!("calling.hours: {error}"))
    }
}

impl From<super::secrets::SecretError> for Failure {
    fn from(error: super::secrets::SecretError) -> Self {
        Self::new(Exit::Settings, error.to_string())
    }
}

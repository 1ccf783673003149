//! Everything that can go wrong between us and the modem, in whose words, with a stable code.
//!
//! In: nothing. Out: [`PortError`] (the device), [`Fault`] (the dialogue), [`LineError`] (setting a
//! line up). Source: our own list; a code never changes its meaning.
//! Not here: how a call over a working modem ended (`Ending` in `lib.rs`), T.30 (`t30::CallError`).

use crate::Class;
use crate::holder::{Advice, Holders};
use std::path::PathBuf;
use std::time::Duration;

/// Why a device cannot be used. Each says what a person does about it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PortError {
    /// No file of this name, or its driver has lost the hardware.
    #[error("{} does not exist: plug the modem in, or correct `device` (see /dev/serial/by-id/)", .0.display())]
    NoSuchDevice(PathBuf),
    /// The name is a file, a folder or a device that is no terminal.
    #[error("{} is not a serial port: correct `device` (see /dev/serial/by-id/)", .0.display())]
    NotATerminal(PathBuf),
    #[error("no permission to open {}: add the service's user to the group that owns it (dialout on Debian)", .0.display())]
    PermissionDenied(PathBuf),
    /// Another process holds the port for itself alone.
    #[error("{} is in use by {by}: {}", .device.display(), Advice { device, by })]
    Taken { device: PathBuf, by: Holders },
    /// Opened, and the terminal refuses these settings.
    #[error("{} refuses to be set up: {detail}; check `baud`", .device.display())]
    SetUp { device: PathBuf, detail: String },
    /// Was there and has vanished, mostly an unplugged USB modem.
    #[error("{} has gone: check cable and power, then plug it in again ({detail})", .device.display())]
    Gone { device: PathBuf, detail: String },
}

impl PortError {
    /// Stable, for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchDevice(_) => "device-missing",
            Self::NotATerminal(_) => "device-not-serial",
            Self::PermissionDenied(_) => "device-permission",
            Self::Taken { .. } => "device-taken",
            Self::SetUp { .. } => "device-setup",
            Self::Gone { .. } => "modem-gone",
        }
    }
}

/// Why a dialogue with a modem broke off.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    #[error(transparent)]
    Port(#[from] PortError),
    /// The last wall before the line: policy should have refused this number.
    #[error("the number holds something else than digits")]
    NotDigits,
    /// TSI has digits, plus and spaces only (T.30 table 3).
    #[error("our own identity cannot be sent: {0}")]
    Identity(t30::IdentityError),
    /// The pages are for a box at the far end, and this modem cannot be told to name it.
    #[error("a page for a box with a subaddress or password needs a modem of class 1")]
    BoxNeedsClass1,
    /// A command or a signal was not answered in time.
    #[error("the modem said nothing for {} ms after {after}: check power, cable and `baud`", waited.as_millis())]
    Silent { after: String, waited: Duration },
    /// The modem took no octets: its flow control never let go.
    #[error("the modem took {taken} of {of} octets in {} ms: check the flow control", waited.as_millis())]
    Stuck { taken: usize, of: usize, waited: Duration },
    /// An answer that the command cannot have.
    #[error("the modem answered {got} to {after}")]
    Nonsense { after: String, got: &'static str },
    /// `ERROR` to a command that a fax modem must know, or knows only off-hook.
    #[error("the modem refused {command}")]
    Refused { command: String },
    /// More octets than any answer has, and no answer among them.
    #[error(
        "the modem sent {octets} octets and no answer to {after}: check `baud`, then switch the modem off and on"
    )]
    Babble { after: String, octets: usize },
    /// The dialogue fails, and another program has the port open: each takes the other's octets.
    #[error("{} is open in {by} too, and the modem does not answer us: {}", .device.display(), Advice { device, by })]
    Shared { device: PathBuf, by: Holders },
    /// Neither word nor DTR nor closing the device got the line on-hook.
    #[error("the modem does not hang up: switch it off and on; until then the line is engaged")]
    OffHook,
    /// The modem gave up the line by itself.
    #[error("the connection was lost: the modem said {word} during {during}")]
    Dropped { during: &'static str, word: &'static str },
    /// The carrier ended before our data did, so part of it was never sent.
    #[error("the modem ran out of data after {taken} of {of} octets")]
    Underrun { taken: usize, of: usize },
    /// A modem of Class 2, 2.0 or 2.1 sent the page and then not a word on it.
    #[error("the modem did not say how page {page} was received")]
    NoPageStatus { page: u16 },
    /// Such a modem wants a page and has not said in what coding, or in one that no page of ours has.
    #[error("the modem agreed with the far end on no page format that we can code")]
    NoContract,
    /// Set-up as a whole lasted too long, though no single answer did.
    #[error("the modem was not ready within {} s: check cable and `baud`, or use another modem", limit.as_secs())]
    Slow { limit: Duration },
    /// `call_limit` is over.
    #[error("the call reached its limit of {} s", limit.as_secs())]
    CallLimit { limit: Duration },
}

impl Fault {
    /// Stable, for machines; goes into `Ending::Modem`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Port(error) => error.code(),
            Self::NotDigits => "number-not-digits",
            Self::Identity(_) => "own-identity",
            Self::BoxNeedsClass1 => "box-needs-class-1",
            Self::Silent { .. } => "modem-silent",
            Self::Stuck { .. } => "modem-stuck",
            Self::Nonsense { .. } => "modem-nonsense",
            Self::Refused { .. } => "modem-refused",
            Self::Babble { .. } => "modem-babble",
            Self::Shared { .. } => "device-shared",
            Self::OffHook => "modem-off-hook",
            Self::Dropped { .. } => "line-dropped",
            Self::Underrun { .. } => "modem-underrun",
            Self::NoPageStatus { .. } => "modem-no-page-status",
            Self::NoContract => "modem-no-contract",
            Self::Slow { .. } => "modem-slow",
            Self::CallLimit { .. } => "call-limit",
        }
    }
}

/// Why a line cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LineError {
    #[error("line {line}: {fault}")]
    Modem { line: String, fault: Fault },
    /// `+FCLASS=?` has no fax class.
    #[error("line {line}: this is no fax modem, +FCLASS=? says {says:?}: use another modem")]
    NotFax { line: String, says: String },
    /// `class` in the settings is none of the modem's.
    #[error(
        "line {line}: the modem has no Class {class}, +FCLASS=? says {says:?}: correct `class`"
    )]
    ClassMissing { line: String, class: Class, says: String },
    /// `modem` in the settings is no model that we know.
    #[error("line {line}: no modem model is called {model:?}: correct `modem`")]
    UnknownModel { line: String, model: String },
    /// The modem must be set to a country, and reads back another. What it would do on the line is not
    /// allowed there.
    #[error(
        "line {line}: the modem did not take country {wanted} (+GCI), it has {is}: correct `country`, or use a modem sold for it"
    )]
    Country { line: String, wanted: String, is: String },
    /// `dial_prefix` would inject something else than digits and pauses.
    #[error("line {line}: dial_prefix may hold only 0-9 W * # and comma")]
    Prefix { line: String },
    /// The built-in modem profile does not parse.
    #[error("the modem profile {name} is broken: {detail}")]
    Profile { name: &'static str, detail: String },
}

impl LineError {
    /// Stable, for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Modem { fault, .. } => fault.code(),
            Self::NotFax { .. } => "modem-not-fax",
            Self::ClassMissing { .. } => "modem-class-missing",
            Self::UnknownModel { .. } => "modem-unknown-model",
            Self::Country { .. } => "modem-country",
            Self::Prefix { .. } => "line-prefix",
            Self::Profile { .. } => "modem-profile",
        }
    }
}

//! The serial port: octets in and out before a deadline, DTR, and the clock of the line.
//!
//! In: octets of the dialogue. Out: octets of the modem, [`PortError`] if the device fails.
//! Source: termios(3), tty_ioctl(4); measured with serialport 4.10 on a pty (notes beside the lines).
//! Not here: what the octets mean (`at.rs`, `class1.rs`). No other file opens devices or reads clocks.

use crate::PortError;
use crate::holder::Holders;
use serialport::{ClearBuffer, FlowControl, SerialPort as _, TTYPort};
use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use t30::Millis;

/// How the modem holds us back while we send faster than the line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// CTS; a pty has none, there a full buffer holds back.
    RtsCts,
    /// Only while a signal is sent: in received frames 0x11 and 0x13 are data.
    XonXoff,
}

/// Whether the wish about DTR reached anything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dtr {
    Set,
    /// The device has no such wire, as a pty.
    Unknown,
}

/// One modem's octets. No method blocks past its deadline; a device that fails once stays failed
/// until [`Port::reopen`].
pub trait Port: Send {
    /// At least one octet, or 0 at `until`; with `until` in the past, what is there already.
    fn read(&mut self, octets: &mut [u8], until: Millis) -> Result<usize, PortError>;
    /// How many octets were taken, at least one unless `until` passed.
    fn write(&mut self, octets: &[u8], until: Millis) -> Result<usize, PortError>;
    /// Time on a clock that never goes back, its origin is of no meaning.
    fn now(&self) -> Millis;
    /// Lets the modem hold us back with XOFF and XON, or takes these as data again.
    fn xon_xoff(&mut self, on: bool) -> Result<(), PortError>;
    fn set_dtr(&mut self, on: bool) -> Result<Dtr, PortError>;
    /// Closes the device (DTR falls) and opens it again, under whatever real name a link to it has by
    /// then. Unsent octets are thrown away.
    fn reopen(&mut self) -> Result<(), PortError>;
    /// Other programs that have the device open: they may take what the modem says.
    fn shared_with(&self) -> Option<(PathBuf, Holders)> {
        None
    }
}

/// A terminal of the operating system.
pub struct SerialPort {
    device: PathBuf,
    baud: u32,
    flow: Flow,
    origin: Instant,
    /// `None` after a failure.
    tty: Option<TTYPort>,
}

impl SerialPort {
    /// Opens `device` for us alone, raw, 8N1, reads and writes never blocking.
    ///
    /// # Errors
    /// Every [`PortError`]; each names the device and what to do.
    #[expect(clippy::disallowed_methods, reason = "the one clock of a line")]
    pub fn open(device: &Path, baud: u32, flow: Flow) -> Result<Self, PortError> {
        let origin = Instant::now();
        let tty = open_tty(device, baud, flow)?;
        Ok(Self { device: device.to_owned(), baud, flow, origin, tty: Some(tty) })
    }

    /// How long from now to `until`; zero if it passed.
    fn left(&self, until: Millis) -> Duration {
        Duration::from_millis(until.0).saturating_sub(self.origin.elapsed())
    }

    /// Runs `step` on the device with the time that is left. `Ok(0)` stands for the deadline; any
    /// real error means that the device is of no use any more, whatever the driver called it (USB
    /// serial drivers say EIO, ENXIO, ENODEV or hang-up for one and the same pulled plug).
    fn timed(
        &mut self,
        until: Millis,
        mut step: impl FnMut(&mut TTYPort) -> std::io::Result<usize>,
    ) -> Result<usize, PortError> {
        loop {
            let left = self.left(until);
            let Some(tty) = self.tty.as_mut() else { return Err(self.gone("closed")) };
            let done = match tty.set_timeout(left) {
                Ok(()) => step(tty),
                Err(error) => Err(error.into()),
            };
            match done {
                Ok(0) => return Err(self.fail("end of file")),
                Ok(octets) => return Ok(octets),
                // Both can come early; only the clock says that the deadline passed.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted
                    ) =>
                {
                    if self.left(until).is_zero() {
                        return Ok(0);
                    }
                }
                Err(error) => return Err(self.fail(&error.to_string())),
            }
        }
    }

    fn fail(&mut self, detail: &str) -> PortError {
        self.close();
        self.gone(detail)
    }

    fn gone(&self, detail: &str) -> PortError {
        PortError::Gone { device: self.device.clone(), detail: detail.to_owned() }
    }

    /// Without the discard, close(2) may wait 30 s for a modem that takes nothing.
    fn close(&mut self) {
        if let Some(tty) = self.tty.take() {
            // The device is given up either way; a vanished one says EIO here.
            let _ = tty.clear(ClearBuffer::All);
        }
    }
}

impl Port for SerialPort {
    fn read(&mut self, octets: &mut [u8], until: Millis) -> Result<usize, PortError> {
        self.timed(until, |tty| tty.read(octets))
    }

    fn write(&mut self, octets: &[u8], until: Millis) -> Result<usize, PortError> {
        if octets.is_empty() {
            return Ok(0);
        }
        self.timed(until, |tty| tty.write(octets))
    }

    fn now(&self) -> Millis {
        Millis(u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn xon_xoff(&mut self, on: bool) -> Result<(), PortError> {
        let flow = if on { FlowControl::Software } else { termios_flow(self.flow) };
        let Some(tty) = self.tty.as_mut() else { return Err(self.gone("closed")) };
        match tty.set_flow_control(flow) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.fail(&error.to_string())),
        }
    }

    fn set_dtr(&mut self, on: bool) -> Result<Dtr, PortError> {
        let Some(tty) = self.tty.as_mut() else { return Err(self.gone("closed")) };
        // ENOTTY from a device without the wire; a vanished device shows at the next read.
        Ok(if tty.write_data_terminal_ready(on).is_ok() { Dtr::Set } else { Dtr::Unknown })
    }

    fn reopen(&mut self) -> Result<(), PortError> {
        self.close();
        self.tty = Some(open_tty(&self.device, self.baud, self.flow)?);
        Ok(())
    }

    fn shared_with(&self) -> Option<(PathBuf, Holders)> {
        let by = Holders::others(&self.device);
        (!by.is_empty()).then(|| (self.device.clone(), by))
    }
}

impl Drop for SerialPort {
    fn drop(&mut self) {
        self.close();
    }
}

fn termios_flow(flow: Flow) -> FlowControl {
    match flow {
        Flow::RtsCts => FlowControl::Hardware,
        Flow::XonXoff => FlowControl::None,
    }
}

fn open_tty(device: &Path, baud: u32, flow: Flow) -> Result<TTYPort, PortError> {
    let named = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => PortError::NoSuchDevice(device.to_owned()),
        ErrorKind::PermissionDenied => PortError::PermissionDenied(device.to_owned()),
        ErrorKind::ResourceBusy => taken(device),
        // ENXIO, ENODEV, EIO: the name is there, the hardware is not.
        _ if matches!(error.raw_os_error(), Some(libc::ENXIO | libc::ENODEV | libc::EIO)) => {
            PortError::NoSuchDevice(device.to_owned())
        }
        _ => PortError::SetUp { device: device.to_owned(), detail: error.to_string() },
    };
    // serialport folds several errors into one, so look first. The probe stays open meanwhile:
    // closing it would let DTR fall after the modem was set up.
    if !std::fs::metadata(device).map_err(named)?.file_type().is_char_device() {
        return Err(PortError::NotATerminal(device.to_owned()));
    }
    let probe = std::fs::File::options()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK)
        .open(device)
        .map_err(named)?;
    if !probe.is_terminal() {
        return Err(PortError::NotATerminal(device.to_owned()));
    }
    let tty = serialport::new(device.to_string_lossy(), baud)
        .flow_control(termios_flow(flow))
        .open_native()
        .map_err(|error| match error.kind {
            // The probe saw a terminal: what is left is TIOCEXCL or flock of another program.
            serialport::ErrorKind::NoDevice => taken(device),
            serialport::ErrorKind::Io(kind) => named(kind.into()),
            serialport::ErrorKind::InvalidInput | serialport::ErrorKind::Unknown => {
                PortError::SetUp { device: device.to_owned(), detail: error.to_string() }
            }
        })?;
    set_nonblocking(&tty).map_err(named)?;
    Ok(tty)
}

fn taken(device: &Path) -> PortError {
    PortError::Taken { device: device.to_owned(), by: Holders::of(device) }
}

/// serialport clears O_NONBLOCK after opening; then a write that poll(2) calls possible still blocks
/// for as long as the modem takes nothing (measured: 5 s instead of 0.3 s).
#[expect(unsafe_code, reason = "fcntl on a descriptor that `tty` keeps open")]
fn set_nonblocking(tty: &TTYPort) -> std::io::Result<()> {
    // SAFETY: F_GETFL and F_SETFL take no pointers; the descriptor is open while `tty` is borrowed.
    let done = unsafe {
        let flags = libc::fcntl(tty.as_raw_fd(), libc::F_GETFL);
        flags >= 0 && libc::fcntl(tty.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) >= 0
    };
    if done { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

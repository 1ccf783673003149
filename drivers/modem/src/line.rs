//! One telephone line with its modem, as its owner's thread uses it.
//!
//! In: [`LineSettings`], then calls. Out: [`CallReport`]s; a line that had a fault sets itself up
//! again before the next call. Source: our own.
//! Not here: which call goes over which line, when to give a line up (both policy).

use crate::call;
use crate::check::{self, Country, DialTone};
use crate::hang_up::{Dialogue, hang_up};
use crate::init::{self, Abilities, NotReady, Ready};
use crate::port::{Port, SerialPort};
use crate::profile::{Profile, Profiles};
use crate::talk::Talk;
use crate::trace::What;
use crate::{Call, CallHost, CallReport, Class, Fault, LineError, LineSettings, at};
use std::time::Duration;
use tracing::{debug, warn};

/// Longest set-up of a modem. One that is dead is known to be so after 18 s, with every means tried;
/// one that needs longer is of no use, and who watches this thread is not left waiting.
const READY_LIMIT: Duration = Duration::from_secs(20);

/// A line, owned by one thread. Dropping it closes the device, which hangs up.
pub struct Line<P: Port = SerialPort> {
    settings: LineSettings,
    profiles: Profiles,
    /// The model's, as soon as the modem was recognised.
    profile: Profile,
    talk: Talk<P>,
    /// `None` after a fault: nothing is known of the modem until it is set up again.
    ready: Option<Abilities>,
    /// Nobody saw the line on-hook at the end of its last call.
    off_hook: bool,
}

impl Line<SerialPort> {
    /// Opens the device and sets the modem up; takes 1 s with a modem that works, at most 20 s.
    ///
    /// # Errors
    /// [`LineError`]; each names the line or device and what to do.
    pub fn open(settings: LineSettings) -> Result<Self, LineError> {
        let flow = Profiles::built_in()?.generic().flow;
        let port = SerialPort::open(&settings.device, settings.baud, flow)
            .map_err(|error| modem_error(&settings, Fault::Port(error)))?;
        Self::with_port(settings, port)
    }
}

impl<P: Port> Line<P> {
    /// A line over a port that is open already.
    ///
    /// # Errors
    /// As [`Line::open`], without those of opening.
    pub fn with_port(settings: LineSettings, port: P) -> Result<Self, LineError> {
        if !at::is_prefix(&settings.dial_prefix) {
            return Err(LineError::Prefix { line: settings.name });
        }
        let profiles = Profiles::built_in()?;
        let profile = match &settings.modem {
            None => profiles.generic().clone(),
            Some(name) => match profiles.named(name) {
                Some(profile) => profile.clone(),
                None => {
                    let (line, model) = (settings.name, name.clone());
                    return Err(LineError::UnknownModel { line, model });
                }
            },
        };
        let talk = Talk::new(port);
        let mut line = Self { settings, profiles, profile, talk, ready: None, off_hook: false };
        line.in_time(Self::start)?;
        Ok(line)
    }

    /// Sees that the modem answers; sets it up again if need be. A few milliseconds with a modem that
    /// does, at most 20 s.
    ///
    /// # Errors
    /// As [`Line::open`]. The line can be asked again.
    pub fn make_ready(&mut self) -> Result<(), LineError> {
        self.in_time(Self::awake).map(drop)
    }

    /// Makes one call and hangs up. Blocks its thread for the length of the call, at most
    /// `call_limit` and 20 s for hanging up.
    pub fn call(&mut self, call: &Call, host: &mut dyn CallHost) -> CallReport {
        let began = self.talk.now();
        self.talk.recorder.begin(began);
        let abilities = match self.in_time(Self::awake) {
            Ok(abilities) => abilities,
            Err(error) => {
                let (code, says) = (error.code(), error.to_string());
                warn!(line = self.settings.name, code, %error, "modem.line.unusable");
                self.talk.note(What::Fault { code: code.into(), says: says.clone() });
                let trace = self.talk.recorder.take();
                return CallReport { trace, ..call::not_made(host, code, says) };
            }
        };
        let (talk, profile, settings) = (&mut self.talk, &self.profile, &self.settings);
        let report = call::run(talk, profile, settings, abilities, call, host);
        self.off_hook = !report.hang_up_verified;
        if self.off_hook || matches!(report.ending, crate::Ending::Modem { .. }) {
            self.ready = None;
        }
        report
    }

    /// Whether somebody calls this line just now. Nothing answers: it is for sending.
    pub fn is_ringing(&self) -> bool {
        self.talk.is_ringing()
    }

    /// The model and class of the modem, as far as it was set up.
    pub fn modem(&self) -> Option<(&'static str, Class)> {
        self.ready.as_ref().map(|abilities| (self.profile.name, abilities.class))
    }

    /// How often this line has rung since it was opened.
    pub fn rings(&self) -> u64 {
        self.talk.rings
    }

    /// The country that the modem is set to. A few milliseconds, at most 25 s.
    ///
    /// # Errors
    /// As [`Line::open`].
    pub fn country(&mut self) -> Result<Country, LineError> {
        self.make_ready()?;
        check::country(&mut self.talk).map_err(|fault| self.lost(fault))
    }

    /// Goes off-hook, listens for the exchange and hangs up, without a digit: 2 s to 20 s with a modem that
    /// works, at most a minute.
    ///
    /// # Errors
    /// As [`Line::open`]; [`Fault::OffHook`] if the line did not come back.
    pub fn dial_tone(&mut self) -> Result<DialTone, LineError> {
        self.make_ready()?;
        let (heard, on_hook) = check::dial_tone(&mut self.talk, &self.profile);
        self.off_hook = !on_hook;
        match heard {
            Ok(heard) if on_hook => Ok(heard),
            Ok(_) => Err(self.lost(Fault::OffHook)),
            Err(fault) => Err(self.lost(fault)),
        }
    }

    fn lost(&mut self, fault: Fault) -> LineError {
        self.ready = None;
        modem_error(&self.settings, fault)
    }

    /// The port, for tests that play the modem.
    pub fn port(&mut self) -> &mut P {
        self.talk.port()
    }

    fn in_time(
        &mut self,
        step: fn(&mut Self) -> Result<Abilities, LineError>,
    ) -> Result<Abilities, LineError> {
        let limit = READY_LIMIT;
        self.talk.limit(limit, Fault::Slow { limit });
        let done = step(self);
        self.talk.lift_limit();
        done
    }

    /// A modem that answers in its class: the one of the last call, or set up again.
    fn awake(&mut self) -> Result<Abilities, LineError> {
        if let Some(abilities) = self.ready {
            match init::select(&mut self.talk, &self.profile, abilities.class) {
                Ok(()) => return Ok(abilities),
                Err(fault) => {
                    debug!(line = self.settings.name, code = fault.code(), "modem.line.lost");
                    self.ready = None;
                }
            }
        }
        self.restart()
    }

    fn restart(&mut self) -> Result<Abilities, LineError> {
        self.ready = None;
        self.talk.reopen().map_err(|error| modem_error(&self.settings, error.into()))?;
        let abilities = self.start()?;
        if self.off_hook {
            // Closing the device and a reset may have done what the end of the call could not.
            self.off_hook = !hang_up(&mut self.talk, &self.profile, Dialogue::Clean);
        }
        if self.off_hook { Err(self.lost(Fault::OffHook)) } else { Ok(abilities) }
    }

    fn start(&mut self) -> Result<Abilities, LineError> {
        match init::start(&mut self.talk, &self.profiles, &self.settings) {
            Ok(Ready { profile, abilities }) => {
                self.profile = profile;
                self.ready = Some(abilities);
                Ok(abilities)
            }
            Err(not_ready) => Err(self.line_error(not_ready)),
        }
    }

    fn line_error(&mut self, not_ready: NotReady) -> LineError {
        let line = self.settings.name.clone();
        match not_ready {
            NotReady::Fault(fault) => {
                let fault = self.explained(fault);
                self.lost(fault)
            }
            NotReady::NotFax(says) => LineError::NotFax { line, says },
            NotReady::ClassMissing { class, says } => LineError::ClassMissing { line, class, says },
            NotReady::Country { wanted, is } => LineError::Country { line, wanted, is },
        }
    }

    /// A dialogue that fails while another program has the port open fails because of that.
    fn explained(&mut self, fault: Fault) -> Fault {
        match fault {
            Fault::Silent { .. } | Fault::Nonsense { .. } | Fault::Babble { .. } => {
                match self.talk.port().shared_with() {
                    Some((device, by)) => Fault::Shared { device, by },
                    None => fault,
                }
            }
            Fault::Port(_)
            | Fault::NotDigits
            | Fault::Identity(_)
            | Fault::BoxNeedsClass1
            | Fault::Stuck { .. }
            | Fault::Refused { .. }
            | Fault::Shared { .. }
            | Fault::OffHook
            | Fault::Dropped { .. }
            | Fault::Underrun { .. }
            | Fault::NoPageStatus { .. }
            | Fault::NoContract
            | Fault::Slow { .. }
            | Fault::CallLimit { .. } => fault,
        }
    }
}

fn modem_error(settings: &LineSettings, fault: Fault) -> LineError {
    LineError::Modem { line: settings.name.clone(), fault }
}

//! One T.31 Class 1 modem: AT bytes on one side, 8 kHz audio on the other.
//!
//! In: bytes of the host, audio of the line, call events of the exchange. Out: bytes for the host,
//! audio, and what the modem wants of the line ([`ModemOp`]).
//! Source: `t31.h`, `at_interpreter.h`. Not here: what may be fed when (`at_tap`, `modem_end`).

use super::{
    AtProfile, Opaque, at_put_response_code, c_len, t31_at_rx, t31_call_event, t31_free, t31_init,
    t31_rx, t31_set_transmit_on_idle, t31_tx,
};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{self, NonNull};

/// What the exchange tells a modem about its call (`at_call_event_e`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CallEvent {
    /// One ring of the bell.
    Alerting = 1,
    /// The far end answered our call.
    Connected = 2,
    /// We answered a call.
    Answered = 3,
    Busy = 4,
    NoDialTone = 5,
    NoAnswer = 6,
    /// The line noticed that the call is over.
    HangUp = 7,
}

/// What the modem asks of the line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ModemOp {
    Dial(String),
    Answer,
    OffHook,
    OnHook,
}

/// Bytes that the modem gave to its host in one piece.
pub(crate) type Said = Vec<u8>;

/// What callbacks hand over while the library runs.
#[derive(Default)]
struct Seam {
    /// One piece for each call of the library: a result code is a piece of its own.
    to_host: Vec<Said>,
    ops: VecDeque<ModemOp>,
    /// The transmit buffer is nearly full: the host must wait.
    holding: bool,
    /// A call is ringing here, so `ATA` and S0 have something to answer.
    ringing: bool,
}

pub(crate) struct SoftModem {
    state: NonNull<Opaque>,
    seam: Box<RefCell<Seam>>,
}

// at_modem_control_operation_e; the others are circuits that a pty does not have.
const CONTROL_CALL: c_int = 0;
const CONTROL_ANSWER: c_int = 1;
const CONTROL_HANGUP: c_int = 2;
const CONTROL_OFFHOOK: c_int = 3;
const CONTROL_CTS: c_int = 7;

impl SoftModem {
    /// A modem in its power-on state, on hook.
    ///
    /// libspandsp 0.0.6 does not free a modem's 4 KiB frame queue with the modem; this happens
    /// once for each time a host closes its terminal.
    pub(crate) fn new() -> Self {
        let seam = Box::new(RefCell::new(Seam::default()));
        let data = ptr::from_ref(&*seam).cast_mut().cast::<c_void>();
        // SAFETY: a null state makes the library allocate one. Both callbacks get `data`, which
        // points into the box that lives as long as the modem and is only ever shared.
        let state = unsafe {
            t31_init(
                ptr::null_mut(),
                at_output,
                data,
                modem_control,
                data,
                ptr::null(),
                ptr::null_mut(),
            )
        };
        let state = NonNull::new(state).expect("libspandsp found no memory for a modem");
        // SAFETY: `state` was just made by `t31_init`.
        unsafe { t31_set_transmit_on_idle(state.as_ptr(), 1) };
        Self { state, seam }
    }

    /// Bytes that the host wrote; at most 512 at once while [`Self::holding`] is false never overrun
    /// the modem's 4096-byte buffer, which holds its host at 3072.
    pub(crate) fn host_writes(&mut self, bytes: &[u8]) {
        debug_assert!(bytes.len() <= 512);
        // SAFETY: the library reads `bytes.len()` bytes and keeps none of the pointer.
        unsafe {
            t31_at_rx(self.state.as_ptr(), bytes.as_ptr().cast::<c_char>(), c_len(bytes.len()))
        };
    }

    /// Tells the modem what became of its call.
    pub(crate) fn call_event(&mut self, event: CallEvent) {
        // SAFETY: the state is alive and this is not called from one of its callbacks.
        unsafe { t31_call_event(self.state.as_ptr(), event as c_int) };
    }

    /// Says NO CARRIER in the format that the host chose.
    pub(crate) fn say_no_carrier(&mut self) {
        const NO_CARRIER: c_int = 3;
        self.say(NO_CARRIER);
    }

    pub(crate) fn say_ok(&mut self) {
        const OK: c_int = 0;
        self.say(OK);
    }

    fn say(&mut self, code: c_int) {
        // SAFETY: a T.31 state begins with its AT state, see `s7_seconds`.
        unsafe { at_put_response_code(self.state.as_ptr(), code) };
    }

    pub(crate) fn set_ringing(&mut self, ringing: bool) {
        self.seam.borrow_mut().ringing = ringing;
    }

    /// Hears one frame of the line.
    pub(crate) fn hears(&mut self, audio: &mut [i16]) {
        // SAFETY: the library reads and may rewrite `audio` in place, within its length.
        unsafe { t31_rx(self.state.as_ptr(), audio.as_mut_ptr(), c_len(audio.len())) };
    }

    /// Fills one frame for the line; silence is exact zeros.
    pub(crate) fn speaks(&mut self, audio: &mut [i16]) {
        // SAFETY: the library writes at most the length given.
        let filled = unsafe { t31_tx(self.state.as_ptr(), audio.as_mut_ptr(), c_len(audio.len())) };
        let filled = usize::try_from(filled).unwrap_or(0).min(audio.len());
        audio[filled..].fill(0);
    }

    /// Everything said to the host since the last call.
    pub(crate) fn take_output(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.seam.borrow_mut().to_host)
    }

    /// The oldest wish not yet met.
    pub(crate) fn take_op(&mut self) -> Option<ModemOp> {
        self.seam.borrow_mut().ops.pop_front()
    }

    /// The modem takes no more bytes for now.
    pub(crate) fn holding(&self) -> bool {
        self.seam.borrow().holding
    }

    /// Register `S7`: seconds to wait for a carrier after dialling (V.250 6.3.10).
    pub(crate) fn s7_seconds(&self) -> u8 {
        // SAFETY: a T.31 state begins with its AT state and that with its public profile
        // (`private/t31.h`, `private/at_interpreter.h` of 0.0.6); only plain bytes are read.
        unsafe { (*self.state.as_ptr().cast::<AtProfile>()).s_regs[7] }
    }
}

impl Drop for SoftModem {
    fn drop(&mut self) {
        // SAFETY: made by `t31_init`, freed once; the seam outlives the call.
        unsafe { t31_free(self.state.as_ptr()) };
    }
}

extern "C" fn at_output(
    _at: *mut Opaque,
    data: *mut c_void,
    bytes: *const u8,
    len: usize,
) -> c_int {
    // SAFETY: `data` is the seam given to `t31_init`, alive and shared; see `SoftModem::new`.
    let seam = unsafe { &*data.cast::<RefCell<Seam>>() };
    // SAFETY: the library passes `len` bytes that live during the call.
    let said = unsafe { std::slice::from_raw_parts(bytes, len) };
    seam.borrow_mut().to_host.push(said.to_vec());
    0
}

extern "C" fn modem_control(
    _state: *mut Opaque,
    data: *mut c_void,
    op: c_int,
    argument: *const c_char,
) -> c_int {
    // SAFETY: as in `at_output`.
    let seam = unsafe { &*data.cast::<RefCell<Seam>>() };
    let mut seam = seam.borrow_mut();
    match op {
        CONTROL_CALL => {
            // SAFETY: for a call the argument is the dialled number, NUL-terminated.
            let number = unsafe { CStr::from_ptr(argument) }.to_string_lossy().into_owned();
            seam.ops.push_back(ModemOp::Dial(number));
        }
        CONTROL_ANSWER if !seam.ringing => return -1,
        CONTROL_ANSWER => seam.ops.push_back(ModemOp::Answer),
        CONTROL_HANGUP => seam.ops.push_back(ModemOp::OnHook),
        CONTROL_OFFHOOK => seam.ops.push_back(ModemOp::OffHook),
        // The argument is a truth value cast to a pointer here.
        CONTROL_CTS => seam.holding = argument.is_null(),
        _other_circuit => {}
    }
    0
}

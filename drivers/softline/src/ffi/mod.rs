//! The part of libspandsp that a telephone line needs, behind types that are safe to hold.
//!
//! In: audio as 16-bit samples at 8 kHz, bytes from a host. Out: audio, bytes and events, by value.
//! Source: the headers of libspandsp 0.0.6 (`t31.h`, `at_interpreter.h`, `fax.h`, `t30.h`, `t30_api.h`,
//! `fsk.h`, `hdlc.h`, `t4_rx.h`); every struct mirrored below is a public one of those.
//! Not here: when audio runs and where it goes (`exchange`), what a host may write (`at_tap`).
//!
//! libspandsp is under the LGPL 2.1. It is Debian's own, linked dynamically and nowhere but here; no line
//! of it, header or source, is in this repository.
//!
//! The library is single-threaded per object and calls back while it runs. Each wrapper owns its
//! object and a heap cell of its own for what the callbacks hand over; no wrapper is `Send`.
#![expect(unsafe_code, reason = "libspandsp is a C library; each block says why it is sound")]

mod fax_terminal;
mod soft_modem;
mod v21_tap;

pub(crate) use fax_terminal::{FaxTerminal, PageStats, Side, TerminalOptions, completion_text};
pub(crate) use soft_modem::{CallEvent, ModemOp, SoftModem};
pub(crate) use v21_tap::{TapEvent, V21Tap};

use std::ffi::{c_char, c_int, c_void};

/// An object of the library that only it looks into.
#[repr(C)]
pub(crate) struct Opaque {
    _private: [u8; 0],
    /// Raw pointer, so that the type is neither `Send` nor `Sync`.
    _not_send: std::marker::PhantomData<*mut ()>,
}

/// `at_profile_t` of `at_interpreter.h`: the settings of an AT interpreter.
#[repr(C)]
struct AtProfile {
    echo: c_int,
    verbose: c_int,
    result_code_format: c_int,
    pulse_dial: c_int,
    double_escape: c_int,
    adaptive_receive: c_int,
    s_regs: [u8; 100],
}

/// `fsk_spec_t` of `fsk.h`.
#[repr(C)]
struct FskSpec {
    name: *const c_char,
    freq_zero: c_int,
    freq_one: c_int,
    tx_level: c_int,
    min_level: c_int,
    baud_rate: c_int,
}

/// `t30_stats_t` of `t30.h`.
#[repr(C)]
#[derive(Default)]
struct T30Stats {
    bit_rate: c_int,
    error_correcting_mode: c_int,
    pages_tx: c_int,
    pages_rx: c_int,
    pages_in_file: c_int,
    x_resolution: c_int,
    y_resolution: c_int,
    width: c_int,
    length: c_int,
    image_size: c_int,
    encoding: c_int,
    bad_rows: c_int,
    longest_bad_row_run: c_int,
    error_correcting_mode_retries: c_int,
    current_status: c_int,
}

type AtTxHandler = extern "C" fn(*mut Opaque, *mut c_void, *const u8, usize) -> c_int;
type ModemControlHandler = extern "C" fn(*mut Opaque, *mut c_void, c_int, *const c_char) -> c_int;
type PhaseDHandler = extern "C" fn(*mut Opaque, *mut c_void, c_int) -> c_int;
type PhaseEHandler = extern "C" fn(*mut Opaque, *mut c_void, c_int);
type HdlcFrameHandler = extern "C" fn(*mut c_void, *const u8, c_int, c_int);
type PutBit = unsafe extern "C" fn(*mut Opaque, c_int);

#[link(name = "spandsp")]
unsafe extern "C" {
    static preset_fsk_specs: [FskSpec; 2];

    fn t31_init(
        state: *mut Opaque,
        at_tx: AtTxHandler,
        at_tx_data: *mut c_void,
        control: ModemControlHandler,
        control_data: *mut c_void,
        t38_tx: *const c_void,
        t38_tx_data: *mut c_void,
    ) -> *mut Opaque;
    fn t31_free(state: *mut Opaque) -> c_int;
    fn t31_at_rx(state: *mut Opaque, bytes: *const c_char, len: c_int) -> c_int;
    fn at_put_response_code(at: *mut Opaque, code: c_int);
    fn t31_call_event(state: *mut Opaque, event: c_int);
    fn t31_rx(state: *mut Opaque, audio: *mut i16, len: c_int) -> c_int;
    fn t31_tx(state: *mut Opaque, audio: *mut i16, max_len: c_int) -> c_int;
    fn t31_set_transmit_on_idle(state: *mut Opaque, on: c_int);

    fn fax_init(state: *mut Opaque, calling_party: c_int) -> *mut Opaque;
    fn fax_free(state: *mut Opaque) -> c_int;
    fn fax_rx(state: *mut Opaque, audio: *mut i16, len: c_int) -> c_int;
    fn fax_tx(state: *mut Opaque, audio: *mut i16, max_len: c_int) -> c_int;
    fn fax_set_transmit_on_idle(state: *mut Opaque, on: c_int);
    fn fax_get_t30_state(state: *mut Opaque) -> *mut Opaque;

    fn t30_terminate(t30: *mut Opaque);
    fn t30_call_active(t30: *mut Opaque) -> c_int;
    fn t30_get_transfer_statistics(t30: *mut Opaque, stats: *mut T30Stats);
    fn t30_get_rx_ident(t30: *mut Opaque) -> *const c_char;
    fn t30_get_rx_sub_address(t30: *mut Opaque) -> *const c_char;
    fn t30_get_rx_sender_ident(t30: *mut Opaque) -> *const c_char;
    fn t30_set_tx_ident(t30: *mut Opaque, ident: *const c_char) -> c_int;
    fn t30_set_rx_file(t30: *mut Opaque, file: *const c_char, stop_page: c_int);
    #[cfg(test)]
    fn t30_set_tx_file(t30: *mut Opaque, file: *const c_char, start: c_int, stop: c_int);
    fn t30_set_rx_encoding(t30: *mut Opaque, encoding: c_int) -> c_int;
    fn t30_set_ecm_capability(t30: *mut Opaque, on: c_int) -> c_int;
    fn t30_set_minimum_scan_line_time(t30: *mut Opaque, min_ms: c_int) -> c_int;
    fn t30_set_supported_t30_features(t30: *mut Opaque, mask: c_int) -> c_int;
    fn t30_set_supported_modems(t30: *mut Opaque, mask: c_int) -> c_int;
    fn t30_set_supported_compressions(t30: *mut Opaque, mask: c_int) -> c_int;
    fn t30_set_supported_resolutions(t30: *mut Opaque, mask: c_int) -> c_int;
    fn t30_set_supported_image_sizes(t30: *mut Opaque, mask: c_int) -> c_int;
    fn t30_set_receiver_not_ready(t30: *mut Opaque, count: c_int) -> c_int;
    fn t30_set_phase_d_handler(t30: *mut Opaque, handler: PhaseDHandler, data: *mut c_void);
    fn t30_set_phase_e_handler(t30: *mut Opaque, handler: PhaseEHandler, data: *mut c_void);
    fn t30_completion_code_to_str(code: c_int) -> *const c_char;
    fn t30_frametype(fcf: u8) -> *const c_char;

    fn fsk_rx_init(
        state: *mut Opaque,
        spec: *const FskSpec,
        framing_mode: c_int,
        put_bit: PutBit,
        data: *mut Opaque,
    ) -> *mut Opaque;
    fn fsk_rx_free(state: *mut Opaque) -> c_int;
    fn fsk_rx(state: *mut Opaque, audio: *const i16, len: c_int) -> c_int;
    fn hdlc_rx_init(
        state: *mut Opaque,
        crc32: c_int,
        report_bad_frames: c_int,
        framing_ok_threshold: c_int,
        handler: HdlcFrameHandler,
        data: *mut c_void,
    ) -> *mut Opaque;
    fn hdlc_rx_free(state: *mut Opaque) -> c_int;
    fn hdlc_rx_put_bit(state: *mut Opaque, bit: c_int);
}

/// Samples of one slice as the library wants them; slices here are one line frame long.
fn c_len(samples: usize) -> c_int {
    c_int::try_from(samples).unwrap_or(c_int::MAX)
}

//! One fax machine: spandsp's T.30 terminal with its audio modems.
//!
//! In: what the machine can do, the file it receives into, audio. Out: audio, and how it ended.
//! Source: `fax.h`, `t30.h`, `t30_api.h`, `t4_rx.h`. Not here: when it answers (`far::fax`).

use super::{
    Opaque, T30Stats, c_len, fax_free, fax_get_t30_state, fax_init, fax_rx,
    fax_set_transmit_on_idle, fax_tx, t30_call_active, t30_completion_code_to_str,
    t30_get_rx_ident, t30_get_rx_sender_ident, t30_get_rx_sub_address, t30_get_transfer_statistics,
    t30_set_ecm_capability, t30_set_minimum_scan_line_time, t30_set_phase_d_handler,
    t30_set_phase_e_handler, t30_set_receiver_not_ready, t30_set_rx_encoding, t30_set_rx_file,
    t30_set_supported_compressions, t30_set_supported_image_sizes, t30_set_supported_modems,
    t30_set_supported_resolutions, t30_set_supported_t30_features, t30_set_tx_ident, t30_terminate,
};
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr::{self, NonNull};

/// What a machine says it can do (T.30 Table 2); masks are those of `t30.h`.
#[derive(Clone, Debug)]
pub(crate) struct TerminalOptions {
    /// CSI of an answering machine, TSI of a calling one; at most 20 characters.
    pub ident: String,
    pub ecm: bool,
    pub modems: c_int,
    pub compressions: c_int,
    /// 196 lines per 25.4 mm as well as 98.
    pub fine: bool,
    pub min_scan_line_ms: c_int,
    /// It has boxes: it takes a subaddress and a password.
    pub boxes: bool,
    /// RNR frames before it is ready after a page with ECM.
    pub not_ready: c_int,
}

impl TerminalOptions {
    pub(crate) const V27TER: c_int = 0x01;
    pub(crate) const V29: c_int = 0x02;
    pub(crate) const V17: c_int = 0x04;
    pub(crate) const MH: c_int = 0x02;
    pub(crate) const MR: c_int = 0x04;
    pub(crate) const MMR: c_int = 0x08;
}

const STANDARD_RESOLUTION: c_int = 0x01;
const FINE_RESOLUTION: c_int = 0x02;
const R8_RESOLUTION: c_int = 0x2_0000;
const TAKES_PASSWORD: c_int = 0x01;
const TAKES_SUBADDRESS: c_int = 0x10;
const WIDTH_215_MM: c_int = 0x01;
const UNLIMITED_LENGTH: c_int = 0x1_0000;
const A4_LENGTH: c_int = 0x2_0000;
const B4_LENGTH: c_int = 0x4_0000;
/// `T4_COMPRESSION_ITU_T6`: received pages are filed losslessly and small.
const FILE_AS_T6: c_int = 3;

/// Which side of the call the machine is, and its file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side<'a> {
    /// Answers and receives into a TIFF file.
    Called { into: &'a Path },
    /// Calls and sends a TIFF file; only tests call with it.
    #[cfg(test)]
    Calling { from: &'a Path },
}

/// Sums over all pages of a call so far.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct PageStats {
    pub pages: u32,
    pub bad_rows: u32,
    pub image_bytes: u64,
    pub rate_bps: u32,
    pub ecm: bool,
    /// `MH`, `MR`, `MMR`; empty before the first page.
    pub encoding: &'static str,
}

#[derive(Default)]
struct Seam {
    stats: PageStats,
    ended: Option<c_int>,
}

pub(crate) struct FaxTerminal {
    state: NonNull<Opaque>,
    t30: NonNull<Opaque>,
    seam: Box<RefCell<Seam>>,
}

impl FaxTerminal {
    pub(crate) fn new(options: &TerminalOptions, side: Side<'_>) -> Self {
        let calling = match side {
            Side::Called { .. } => 0,
            #[cfg(test)]
            Side::Calling { .. } => 1,
        };
        // SAFETY: a null state makes the library allocate one.
        let state = unsafe { fax_init(ptr::null_mut(), calling) };
        let state = NonNull::new(state).expect("libspandsp found no memory for a fax terminal");
        // SAFETY: `state` is alive; the T.30 part lives inside it.
        let t30 = NonNull::new(unsafe { fax_get_t30_state(state.as_ptr()) })
            .expect("a fax terminal has a T.30 part");
        let seam = Box::new(RefCell::new(Seam::default()));
        let terminal = Self { state, t30, seam };
        terminal.configure(options);
        let t30 = t30.as_ptr();
        // SAFETY: the library copies the file name; `t30` is alive.
        match side {
            Side::Called { into } => unsafe {
                t30_set_rx_file(t30, c_string(into.as_os_str().as_encoded_bytes()).as_ptr(), -1);
            },
            #[cfg(test)]
            Side::Calling { from } => unsafe {
                let name = c_string(from.as_os_str().as_encoded_bytes());
                super::t30_set_tx_file(t30, name.as_ptr(), -1, -1);
            },
        }
        terminal
    }

    fn configure(&self, options: &TerminalOptions) {
        let t30 = self.t30.as_ptr();
        let ident = c_string(options.ident.as_bytes());
        let data = ptr::from_ref(&*self.seam).cast_mut().cast::<c_void>();
        let resolutions =
            R8_RESOLUTION | STANDARD_RESOLUTION | if options.fine { FINE_RESOLUTION } else { 0 };
        // SAFETY: `t30` is alive, the ident is copied, and the callbacks get the seam, which lives
        // as long as the terminal and is only ever shared.
        unsafe {
            fax_set_transmit_on_idle(self.state.as_ptr(), 1);
            t30_set_tx_ident(t30, ident.as_ptr());
            t30_set_ecm_capability(t30, c_int::from(options.ecm));
            t30_set_supported_modems(t30, options.modems);
            t30_set_supported_compressions(t30, options.compressions);
            t30_set_supported_resolutions(t30, resolutions);
            t30_set_supported_image_sizes(
                t30,
                WIDTH_215_MM | UNLIMITED_LENGTH | A4_LENGTH | B4_LENGTH,
            );
            t30_set_minimum_scan_line_time(t30, options.min_scan_line_ms);
            t30_set_rx_encoding(t30, FILE_AS_T6);
            if options.boxes {
                t30_set_supported_t30_features(t30, TAKES_PASSWORD | TAKES_SUBADDRESS);
            }
            if options.not_ready > 0 {
                t30_set_receiver_not_ready(t30, options.not_ready);
            }
            t30_set_phase_d_handler(t30, page_ended, data);
            t30_set_phase_e_handler(t30, call_ended, data);
        }
    }

    pub(crate) fn hears(&mut self, audio: &mut [i16]) {
        // SAFETY: the library reads and rewrites `audio` in place, within its length.
        unsafe { fax_rx(self.state.as_ptr(), audio.as_mut_ptr(), c_len(audio.len())) };
    }

    /// Fills one frame for the line; silence is exact zeros.
    pub(crate) fn speaks(&mut self, audio: &mut [i16]) {
        // SAFETY: the library writes at most the length given.
        let filled = unsafe { fax_tx(self.state.as_ptr(), audio.as_mut_ptr(), c_len(audio.len())) };
        let filled = usize::try_from(filled).unwrap_or(0).min(audio.len());
        audio[filled..].fill(0);
    }

    /// The machine still takes part in the call.
    pub(crate) fn active(&self) -> bool {
        // SAFETY: the T.30 part is alive.
        unsafe { t30_call_active(self.t30.as_ptr()) != 0 }
    }

    /// Ends the machine's part now. A machine that was only waiting for the line to fall silent
    /// ends as it would have; any other notes a dropped call.
    pub(crate) fn terminate(&mut self) {
        // SAFETY: the T.30 part is alive; calling this twice does nothing the second time.
        unsafe { t30_terminate(self.t30.as_ptr()) };
    }

    /// T.30 completion code (`T30_ERR_*` of `t30.h`, 0 is success) once the machine has ended.
    pub(crate) fn ended(&self) -> Option<i32> {
        self.seam.borrow().ended
    }

    pub(crate) fn page_stats(&self) -> PageStats {
        let mut stats = self.seam.borrow().stats.clone();
        if stats.pages == 0 {
            // Rate and ECM are agreed before the first page ends.
            let now = transfer_statistics(self.t30.as_ptr());
            stats.rate_bps = u32::try_from(now.bit_rate).unwrap_or(0);
            stats.ecm = now.error_correcting_mode != 0;
        }
        stats
    }

    /// Identity that the other machine sent (TSI or CSI), without its padding.
    pub(crate) fn peer_ident(&self) -> Option<String> {
        self.heard(t30_get_rx_ident)
    }

    /// The box that the other machine named (SUB).
    pub(crate) fn subaddress(&self) -> Option<String> {
        self.heard(t30_get_rx_sub_address)
    }

    /// Its password (SID).
    pub(crate) fn password(&self) -> Option<String> {
        self.heard(t30_get_rx_sender_ident)
    }

    /// One of the texts of twenty characters that the other machine sends.
    fn heard(&self, get: unsafe extern "C" fn(*mut Opaque) -> *const c_char) -> Option<String> {
        // SAFETY: the T.30 part is alive; null or a NUL-terminated string inside it.
        let text = unsafe {
            let text = get(self.t30.as_ptr());
            (!text.is_null()).then(|| CStr::from_ptr(text))
        };
        text.map(|text| text.to_string_lossy().trim().to_owned()).filter(|text| !text.is_empty())
    }
}

impl Drop for FaxTerminal {
    fn drop(&mut self) {
        // SAFETY: made by `fax_init`, freed once; ending T.30 first closes its file, and its
        // callback still finds the seam.
        unsafe {
            t30_terminate(self.t30.as_ptr());
            fax_free(self.state.as_ptr());
        }
    }
}

/// The library's own words for a completion code.
pub(crate) fn completion_text(code: i32) -> String {
    // SAFETY: for any code the library returns a static string.
    let text: *const c_char = unsafe { t30_completion_code_to_str(code) };
    // SAFETY: static and NUL-terminated, as above.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

fn c_string(bytes: &[u8]) -> CString {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    CString::new(&bytes[..end]).unwrap_or_default()
}

fn transfer_statistics(t30: *mut Opaque) -> T30Stats {
    let mut stats = T30Stats::default();
    // SAFETY: `t30` is alive and the library fills exactly the struct of its public header.
    unsafe { t30_get_transfer_statistics(t30, &raw mut stats) };
    stats
}

extern "C" fn page_ended(t30: *mut Opaque, data: *mut c_void, _result: c_int) -> c_int {
    // SAFETY: `data` is the seam given in `configure`, alive and only ever shared.
    let seam = unsafe { &*data.cast::<RefCell<Seam>>() };
    let page = transfer_statistics(t30);
    let mut seam = seam.borrow_mut();
    let stats = &mut seam.stats;
    stats.pages = u32::try_from(page.pages_rx.max(page.pages_tx)).unwrap_or(0);
    stats.bad_rows += u32::try_from(page.bad_rows).unwrap_or(0);
    stats.image_bytes += u64::try_from(page.image_size).unwrap_or(0);
    stats.rate_bps = u32::try_from(page.bit_rate).unwrap_or(0);
    stats.ecm = page.error_correcting_mode != 0;
    stats.encoding = match page.encoding {
        1 => "MH",
        2 => "MR",
        3 => "MMR",
        _not_offered => "other",
    };
    0 // T30_ERR_OK: go on
}

extern "C" fn call_ended(_t30: *mut Opaque, data: *mut c_void, code: c_int) {
    // SAFETY: as in `page_ended`.
    let seam = unsafe { &*data.cast::<RefCell<Seam>>() };
    seam.borrow_mut().ended.get_or_insert(code);
}

//! Reads the T.30 control frames off a signal, as a listener on the line would.
//!
//! In: audio. Out: "there is a V.21 signal here" and the FCF of each whole frame.
//! Source: ITU-T V.21 channel 2 and T.30 5.3 through `fsk.h` and `hdlc.h`. Not here: when (`signals`).

use super::{
    Opaque, c_len, fsk_rx, fsk_rx_free, fsk_rx_init, hdlc_rx_free, hdlc_rx_init, hdlc_rx_put_bit,
    preset_fsk_specs, t30_frametype,
};
use std::cell::RefCell;
use std::ffi::{CStr, c_int, c_void};
use std::ptr::{self, NonNull};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TapEvent {
    /// Enough flags to be sure that this is HDLC at 300 bit/s.
    Preamble,
    /// A frame with a right checksum; its facsimile control field as the line sends it, first bit
    /// lowest, and for PPS and EOR the second field too. No further content is kept, but how many
    /// bits the line carried for it.
    Frame { fcf: u8, fcf2: Option<u8>, bits: u32 },
}

impl TapEvent {
    /// Name of a frame as T.30 writes it, such as `DIS` or `PPS-EOP`.
    pub(crate) fn frame_name(fcf: u8, fcf2: Option<u8>) -> String {
        let name = type_name(fcf);
        match fcf2 {
            Some(NULL_FCF) => format!("{name}-NULL"),
            Some(second) => format!("{name}-{}", type_name(second)),
            None => name,
        }
    }
}

/// `T30_PPS` and `T30_EOR` with the direction bit cleared.
const PPS: u8 = 0xBE;
const EOR: u8 = 0xCE;
const NULL_FCF: u8 = 0;
/// FSK_V21CH2, FSK_FRAME_MODE_SYNC of `fsk.h`; flags before framing is believed.
const V21_CHANNEL_2: usize = 1;
const SYNCHRONOUS: c_int = 1;
const FLAGS_TO_BELIEVE: c_int = 5;
const SIG_STATUS_FRAMING_OK: c_int = -6;

pub(crate) struct V21Tap {
    fsk: NonNull<Opaque>,
    hdlc: NonNull<Opaque>,
    seam: Box<RefCell<Vec<TapEvent>>>,
}

impl V21Tap {
    pub(crate) fn new() -> Self {
        let seam = Box::new(RefCell::new(Vec::new()));
        let data = ptr::from_ref(&*seam).cast_mut().cast::<c_void>();
        // SAFETY: null states make the library allocate; the callback gets the seam, which lives
        // as long as the tap; the spec is a constant table of the library.
        let (fsk, hdlc) = unsafe {
            let hdlc = hdlc_rx_init(ptr::null_mut(), 0, 0, FLAGS_TO_BELIEVE, on_frame, data);
            let spec = &raw const preset_fsk_specs[V21_CHANNEL_2];
            (fsk_rx_init(ptr::null_mut(), spec, SYNCHRONOUS, hdlc_rx_put_bit, hdlc), hdlc)
        };
        Self {
            fsk: NonNull::new(fsk).expect("libspandsp found no memory for a V.21 receiver"),
            hdlc: NonNull::new(hdlc).expect("libspandsp found no memory for an HDLC receiver"),
            seam,
        }
    }

    pub(crate) fn hears(&mut self, audio: &[i16]) -> Vec<TapEvent> {
        // SAFETY: the library only reads `audio`, within its length.
        unsafe { fsk_rx(self.fsk.as_ptr(), audio.as_ptr(), c_len(audio.len())) };
        std::mem::take(&mut self.seam.borrow_mut())
    }
}

impl Drop for V21Tap {
    fn drop(&mut self) {
        // SAFETY: both were made by their init functions and are freed once, the user first.
        unsafe {
            fsk_rx_free(self.fsk.as_ptr());
            hdlc_rx_free(self.hdlc.as_ptr());
        }
    }
}

fn type_name(fcf: u8) -> String {
    // SAFETY: for any octet the library returns a static, NUL-terminated string.
    unsafe { CStr::from_ptr(t30_frametype(fcf)) }.to_string_lossy().into_owned()
}

extern "C" fn on_frame(data: *mut c_void, bytes: *const u8, len: c_int, _ok: c_int) {
    // SAFETY: `data` is the seam given to `hdlc_rx_init`, alive and only ever shared.
    let seam = unsafe { &*data.cast::<RefCell<Vec<TapEvent>>>() };
    let Ok(len) = usize::try_from(len) else {
        if len == SIG_STATUS_FRAMING_OK {
            seam.borrow_mut().push(TapEvent::Preamble);
        }
        return;
    };
    // SAFETY: a length that is not negative comes with as many bytes, for the time of the call.
    let frame = unsafe { std::slice::from_raw_parts(bytes, len) };
    if let [0xFF, 0x03 | 0x13, fcf, rest @ ..] = frame {
        let fcf2 = rest.first().copied().filter(|_| matches!(fcf & !1, PPS | EOR));
        seam.borrow_mut().push(TapEvent::Frame { fcf: *fcf, fcf2, bits: line_bits(frame) });
    }
}

/// Bits of a frame on the line, from its first octet to the end of its closing flag: with its FCS,
/// and a 0 behind every fifth 1 in a row (T.30 5.3.7; ISO/IEC 13239 4).
fn line_bits(frame: &[u8]) -> u32 {
    const FLAG_BITS: u32 = 8;
    let fcs = !frame.iter().fold(0xFFFF_u16, |register, octet| {
        (0..8).fold(register ^ u16::from(*octet), |register, _| {
            if register & 1 == 1 { (register >> 1) ^ 0x8408 } else { register >> 1 }
        })
    });
    let (mut bits, mut ones) = (0, 0);
    for octet in frame.iter().copied().chain(fcs.to_le_bytes()) {
        for place in 0..8 {
            bits += 1;
            ones = if octet >> place & 1 == 1 { ones + 1 } else { 0 };
            if ones == 5 {
                (bits, ones) = (bits + 1, 0);
            }
        }
    }
    bits + FLAG_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_has_its_fcs_its_flag_and_a_bit_behind_five_ones_on_the_line() {
        assert_eq!(line_bits(&[0x55]), 8 + 16 + 8);
        // A DCN: 11111 111.11 001000 11011111, and no five in its FCS.
        assert_eq!(line_bits(&[0xFF, 0x13, 0xFB]), 3 * 8 + 16 + 8 + 3);
    }
}

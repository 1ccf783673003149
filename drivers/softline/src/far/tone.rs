//! The busy tone that an exchange gives to whoever is left on a line: 400 Hz, half a second on, half off.
//!
//! In: how long it has been given. Out: audio.
//! Source: the Japanese network's tone plan (ITU-T E.180 annex, Japan).

use crate::clock::{LineTime, SAMPLE_RATE};

const PITCH_HZ: f64 = 400.0;
const HALF_CYCLE_SAMPLES: u64 = SAMPLE_RATE / 2;
/// Peak of a sine at −15 dBm0.
const PEAK: f64 = 4060.0;

/// One frame of a busy tone that began at `since`.
pub(crate) fn busy_tone(audio: &mut [i16], since: LineTime, now: LineTime) {
    for (index, sample) in audio.iter_mut().enumerate() {
        let age = now.0.saturating_sub(since.0) + index as u64;
        let on = (age / HALF_CYCLE_SAMPLES).is_multiple_of(2);
        let phase = age as f64 * PITCH_HZ / SAMPLE_RATE as f64 * std::f64::consts::TAU;
        *sample = if on { (phase.sin() * PEAK).round() as i16 } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_tone_is_on_and_off_for_half_a_second_each() {
        let mut second = [0; 8000];
        busy_tone(&mut second, LineTime(100), LineTime(100));
        assert!(second[..4000].iter().filter(|s| **s != 0).count() > 3500);
        assert!(second[4000..].iter().all(|s| *s == 0));
    }
}

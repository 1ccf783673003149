//! A person who answers: syllables of a voice that wait for no reply, or silence.
//!
//! In: time. Out: audio that no fax modem takes for a signal.

use crate::clock::{LineTime, SAMPLE_RATE};
use crate::config::VoicePlan;

/// A low voice: harmonics of this pitch, weaker as they rise.
const PITCH_HZ: f64 = 130.0;
const HARMONICS: u32 = 12;
/// "Moshi moshi?", then a wait, again and again.
const CYCLE_S: f64 = 3.0;
const SYLLABLES: usize = 4;
const SYLLABLE_S: f64 = 0.22;
const PEAK: f64 = 1500.0;

pub(crate) struct VoiceEnd {
    plan: VoicePlan,
    answered: LineTime,
}

impl VoiceEnd {
    pub(crate) fn answer(plan: VoicePlan, now: LineTime) -> Self {
        Self { plan, answered: now }
    }

    pub(crate) fn speaks(&self, audio: &mut [i16], now: LineTime) {
        if self.plan.silent {
            audio.fill(0);
            return;
        }
        for (index, sample) in audio.iter_mut().enumerate() {
            let age = now.0.saturating_sub(self.answered.0) + index as u64;
            *sample = voice_at(age as f64 / SAMPLE_RATE as f64).round() as i16;
        }
    }
}

fn voice_at(seconds: f64) -> f64 {
    let in_cycle = seconds % CYCLE_S;
    if in_cycle >= SYLLABLES as f64 * SYLLABLE_S {
        return 0.0;
    }
    let loudness = (in_cycle / SYLLABLE_S * std::f64::consts::PI).sin().powi(2);
    let wave: f64 = (1..=HARMONICS)
        .map(|n| {
            let phase = seconds * PITCH_HZ * f64::from(n) * std::f64::consts::TAU;
            phase.sin() / f64::from(n)
        })
        .sum();
    wave * loudness * PEAK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voice_speaks_in_syllables_and_waits_between() {
        let end = VoiceEnd::answer(VoicePlan { silent: false }, LineTime(0));
        let mut cycle = vec![0; 24_000];
        end.speaks(&mut cycle, LineTime(0));
        assert!(cycle[..7000].iter().any(|s| s.unsigned_abs() > 500));
        assert!(cycle[7100..].iter().all(|s| *s == 0));
        assert!(cycle.iter().all(|s| s.unsigned_abs() < 8000), "a voice does not clip");
    }

    #[test]
    fn silent_person_says_nothing() {
        let end = VoiceEnd::answer(VoicePlan { silent: true }, LineTime(0));
        let mut frame = [1; 160];
        end.speaks(&mut frame, LineTime(0));
        assert_eq!(frame, [0; 160]);
    }
}

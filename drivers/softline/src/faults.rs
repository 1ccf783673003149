//! What happens to a signal on its way: level, delay, noise, bursts, lost frames, companding.
//!
//! In: one frame of audio as it left one end. Out: the same frame as it reaches the other.
//! Levels in dBm0 are those of ITU-T G.711, where a full-scale sine is +3.14 dBm0.
//! Same settings and seed, same noise in the same call to a number: noise that follows a signal begins
//! anew with each, so that it strikes the same bits however long the silence before them was.
//! Not here: which way has which faults (`exchange`).

use crate::clock::SAMPLE_RATE;
use std::collections::VecDeque;

/// `[fault]`: how bad the line is. The default changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FaultSettings {
    /// Noise this many dB below the signal, silent when the signal is. 0 to 90.
    pub snr_db: Option<f64>,
    /// Noise that is always there. −90 to 0 dBm0; from about −60 on the soft modems themselves
    /// begin to fail, whatever the ratio.
    pub noise_dbm0: Option<f64>,
    pub burst: Option<Burst>,
    /// 0 to 60 dB; beyond 13 the V.17 receiver of the soft modems fails.
    pub attenuation_db: f64,
    /// One way, 0 to 2000 ms.
    pub delay_ms: u32,
    /// Percent of the line's frames that arrive as silence, 0 to 100.
    pub loss_percent: f64,
    pub codec: Codec,
    pub seed: u64,
}

/// Noise of `length_ms` in each `every_ms`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Burst {
    pub every_ms: u32,
    pub length_ms: u32,
    pub level_dbm0: f64,
}

/// What a digital exchange on the way does to each sample (ITU-T G.711).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Codec {
    #[default]
    Linear,
    ALaw,
    MuLaw,
}

/// Silence this long parts two signals; T.30 puts 55 ms or more between them.
const PAUSE_SAMPLES: u32 = 80;
/// A signal is over after so many zeros; none has as many in a row.
const OVER_SAMPLES: u32 = 16;

/// One direction of one call.
pub(crate) struct Channel {
    settings: FaultSettings,
    random: Random,
    /// Of the noise that follows the signal; `seed` and `signals` make the next one.
    signal_random: Random,
    seed: u64,
    signals: u64,
    /// Samples since the signal, or since the beginning.
    silent: u32,
    in_flight: VecDeque<i16>,
    /// Power of the signal over about 20 ms, for noise that follows it.
    power: f64,
    gain: f64,
    /// Samples until the next burst begins, and of the burst that runs.
    until_burst: u64,
    burst_left: u64,
}

impl Channel {
    /// Of this call to its number, counted from 1, one way.
    pub(crate) fn new(settings: &FaultSettings, call: u64, way: u64) -> Self {
        let seed = settings.seed ^ (call << 1 | way).wrapping_mul(0x9E37_79B9);
        let mut random = Random(seed);
        let first_burst = settings.burst.map_or(0, |burst| {
            random.below(samples(burst.every_ms)) // bursts and calls do not know each other
        });
        Self {
            in_flight: VecDeque::from(vec![0; usize_of(samples(settings.delay_ms))]),
            signal_random: Random(seed),
            seed,
            signals: 0,
            silent: PAUSE_SAMPLES,
            random,
            power: 0.0,
            gain: decibels(-settings.attenuation_db),
            until_burst: first_burst,
            burst_left: 0,
            settings: settings.clone(),
        }
    }

    /// Carries one frame; what comes out entered `delay_ms` ago.
    pub(crate) fn carry(&mut self, frame: &mut [i16]) {
        if self.settings.loss_percent > 0.0
            && self.random.unit() * 100.0 < self.settings.loss_percent
        {
            frame.fill(0);
        }
        for sample in frame.iter_mut() {
            self.in_flight.push_back(*sample);
            let arrived = self.in_flight.pop_front().unwrap_or(0);
            *sample = self.disturb(arrived);
        }
    }

    fn disturb(&mut self, sample: i16) -> i16 {
        let mut value = f64::from(sample) * self.gain;
        if let Some(snr_db) = self.settings.snr_db {
            self.follow(sample);
            self.power += (value * value - self.power) / 160.0;
            if self.silent < OVER_SAMPLES {
                value += self.signal_random.gaussian() * self.power.sqrt() * decibels(-snr_db);
            }
        }
        if let Some(level) = self.settings.noise_dbm0 {
            value += self.random.gaussian() * rms(level);
        }
        if let Some(burst) = self.settings.burst {
            if self.until_burst == 0 {
                self.until_burst = samples(burst.every_ms);
                self.burst_left = samples(burst.length_ms);
            }
            self.until_burst -= 1;
            if self.burst_left > 0 {
                self.burst_left -= 1;
                value += self.random.gaussian() * rms(burst.level_dbm0);
            }
        }
        let linear = value.round().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16;
        match self.settings.codec {
            Codec::Linear => linear,
            Codec::ALaw => through_alaw(linear),
            Codec::MuLaw => through_mulaw(linear),
        }
    }
}

impl Channel {
    /// Notices where a signal begins.
    fn follow(&mut self, sample: i16) {
        if sample == 0 {
            self.silent = self.silent.saturating_add(1);
            return;
        }
        if self.silent >= PAUSE_SAMPLES {
            self.signals += 1;
            self.power = 0.0;
            self.signal_random = Random(self.seed.rotate_left(32) ^ self.signals);
        }
        self.silent = 0;
    }
}

fn samples(ms: u32) -> u64 {
    u64::from(ms) * SAMPLE_RATE / 1000
}

fn usize_of(samples: u64) -> usize {
    usize::try_from(samples).unwrap_or(usize::MAX)
}

fn decibels(db: f64) -> f64 {
    10_f64.powf(db / 20.0)
}

/// Root mean square of a signal at this level.
fn rms(dbm0: f64) -> f64 {
    #[expect(
        clippy::approx_constant,
        reason = "G.711 says 3.14 dBm0; it has nothing to do with pi"
    )]
    const FULL_SCALE_SINE_DBM0: f64 = 3.14;
    f64::from(i16::MAX) / 2_f64.sqrt() * decibels(dbm0 - FULL_SCALE_SINE_DBM0)
}

/// There and back through the 13 segments of A-law: the step doubles with each segment.
fn through_alaw(sample: i16) -> i16 {
    let magnitude = i32::from(sample).unsigned_abs().min(32_767) >> 3; // 12 bits
    let step_bits = match magnitude {
        0..64 => 1,
        other => other.ilog2() - 4,
    };
    let kept = (magnitude >> step_bits << step_bits) + (1 << step_bits >> 1);
    signed(sample, kept << 3)
}

/// There and back through µ-law, whose segments are shifted by 33 on a 14-bit scale.
fn through_mulaw(sample: i16) -> i16 {
    const BIAS: u32 = 33;
    let biased = ((i32::from(sample).unsigned_abs() >> 2) + BIAS).min(0x1FFF);
    let step_bits = biased.ilog2() - 4;
    let kept = (biased >> step_bits << step_bits) + (1 << step_bits >> 1);
    signed(sample, (kept - BIAS) << 2)
}

fn signed(like: i16, magnitude: u32) -> i16 {
    let magnitude = i16::try_from(magnitude).unwrap_or(i16::MAX);
    if like < 0 { -magnitude } else { magnitude }
}

/// SplitMix64: small, seedable, good enough to shake a telephone line.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// In [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// Mean 0, variance 1 (Box and Muller).
    fn gaussian(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(len: usize) -> Vec<i16> {
        (0..len).map(|n| ((n as f64 * 1.1).sin() * 10_000.0) as i16).collect()
    }

    fn power(audio: &[i16]) -> f64 {
        audio.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / audio.len() as f64
    }

    fn carried(settings: &FaultSettings, mut audio: Vec<i16>) -> Vec<i16> {
        let mut channel = Channel::new(settings, 1, 0);
        for frame in audio.chunks_mut(160) {
            channel.carry(frame);
        }
        audio
    }

    #[test]
    fn clean_line_changes_no_sample() {
        assert_eq!(carried(&FaultSettings::default(), sine(1600)), sine(1600));
    }

    #[test]
    fn delay_shifts_by_exactly_its_samples() {
        let delayed = carried(&FaultSettings { delay_ms: 50, ..Default::default() }, sine(1600));
        assert!(delayed[..400].iter().all(|s| *s == 0));
        assert_eq!(delayed[400..], sine(1600)[..1200]);
    }

    #[test]
    fn snr_noise_has_its_ratio_and_follows_silence() {
        let clean = sine(80_000);
        let noisy =
            carried(&FaultSettings { snr_db: Some(20.0), ..Default::default() }, clean.clone());
        let noise: Vec<i16> = noisy.iter().zip(&clean).map(|(n, c)| n - c).collect();
        let ratio_db = 10.0 * (power(&clean) / power(&noise)).log10();
        assert!((19.5..20.5).contains(&ratio_db), "{ratio_db} dB");
        let silence =
            carried(&FaultSettings { snr_db: Some(20.0), ..Default::default() }, vec![0; 1600]);
        assert!(silence.iter().all(|s| *s == 0));
    }

    #[test]
    fn snr_noise_strikes_a_signal_alike_however_long_the_silence_before_it() {
        let settings = FaultSettings { snr_db: Some(20.0), seed: 3, ..Default::default() };
        let struck = |silence: usize| {
            let audio = [sine(800), vec![0; silence], sine(800)].concat();
            carried(&settings, audio)[800 + silence..].to_vec()
        };
        assert_eq!(struck(2000), struck(5000));
        let first = carried(&settings, sine(800));
        assert_ne!(first, struck(2000), "the second signal has other noise than the first");
    }

    #[test]
    fn constant_noise_has_its_level() {
        let settings = FaultSettings { noise_dbm0: Some(-20.0), ..Default::default() };
        let level_db =
            10.0 * (power(&carried(&settings, vec![0; 80_000])) / rms(0.0).powi(2)).log10();
        assert!((-20.3..-19.7).contains(&level_db), "{level_db} dBm0");
    }

    #[test]
    fn bursts_take_their_share_of_time() {
        let burst = Burst { every_ms: 1000, length_ms: 20, level_dbm0: -15.0 };
        let settings = FaultSettings { burst: Some(burst), ..Default::default() };
        let noisy = carried(&settings, vec![0; 80_000]);
        let struck = noisy.iter().filter(|s| **s != 0).count();
        assert!((1500..1700).contains(&struck), "{struck} of 80000 samples");
    }

    #[test]
    fn loss_silences_whole_frames_at_its_rate() {
        let settings = FaultSettings { loss_percent: 10.0, ..Default::default() };
        let heard = carried(&settings, vec![1000; 160 * 1000]);
        let lost = heard.chunks(160).filter(|frame| frame.iter().all(|s| *s == 0)).count();
        let whole = heard.chunks(160).filter(|frame| frame.iter().all(|s| *s == 1000)).count();
        assert_eq!(lost + whole, 1000);
        assert!((60..140).contains(&lost), "{lost} of 1000 frames");
    }

    #[test]
    fn companding_keeps_every_level_within_its_step() {
        for sample in (i16::MIN..=i16::MAX).step_by(7) {
            for kept in [through_alaw(sample), through_mulaw(sample)] {
                let error = (i32::from(sample) - i32::from(kept)).unsigned_abs();
                let allowed = (i32::from(sample).unsigned_abs() / 16).max(16);
                assert!(error <= allowed.max(900 * u32::from(sample.unsigned_abs() > 32_000)));
            }
        }
    }

    #[test]
    fn same_seed_gives_the_same_noise_and_another_call_another() {
        let settings = FaultSettings { noise_dbm0: Some(-30.0), seed: 7, ..Default::default() };
        let hear = |call| {
            let mut frame = vec![0; 160];
            Channel::new(&settings, call, 0).carry(&mut frame);
            frame
        };
        assert_eq!(hear(1), hear(1));
        assert_ne!(hear(1), hear(2));
    }
}

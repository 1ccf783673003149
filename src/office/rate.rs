//! A modulation under a name that stays, for the store and for people.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use t30::Modulation;

/// A modulation at one rate, e.g. `v29-9600`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Rate(pub Modulation);

impl Rate {
    pub const ALL: [Self; 8] = [
        Self(Modulation::V27ter2400),
        Self(Modulation::V27ter4800),
        Self(Modulation::V29At7200),
        Self(Modulation::V29At9600),
        Self(Modulation::V17At7200),
        Self(Modulation::V17At9600),
        Self(Modulation::V17At12000),
        Self(Modulation::V17At14400),
    ];

    /// What a limit must be, for whoever gave another one.
    pub const LIMIT_WORDS: &str = "must be 2400, 4800, 7200, 9600, 12000 or 14400 bit/s";

    /// The fastest modulation for a limit that people set, in bit/s; `None` for another rate. V.29 up to
    /// 9600, so that a slow line is not trained with V.17.
    pub fn of_limit(bps: u16) -> Option<Self> {
        Some(Self(match bps {
            2400 => Modulation::V27ter2400,
            4800 => Modulation::V27ter4800,
            7200 => Modulation::V29At7200,
            9600 => Modulation::V29At9600,
            12_000 => Modulation::V17At12000,
            14_400 => Modulation::V17At14400,
            _ => return None,
        }))
    }

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self.0 {
            Modulation::V27ter2400 => "v27ter-2400",
            Modulation::V27ter4800 => "v27ter-4800",
            Modulation::V29At7200 => "v29-7200",
            Modulation::V29At9600 => "v29-9600",
            Modulation::V17At7200 => "v17-7200",
            Modulation::V17At9600 => "v17-9600",
            Modulation::V17At12000 => "v17-12000",
            Modulation::V17At14400 => "v17-14400",
        }
    }

    /// The recommendation that it follows.
    pub fn family(self) -> &'static str {
        match self.0 {
            Modulation::V27ter2400 | Modulation::V27ter4800 => "V.27ter",
            Modulation::V29At7200 | Modulation::V29At9600 => "V.29",
            Modulation::V17At7200
            | Modulation::V17At9600
            | Modulation::V17At12000
            | Modulation::V17At14400 => "V.17",
        }
    }

    pub fn is_v17(self) -> bool {
        self >= Self(Modulation::V17At7200)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        let found = Self::ALL.into_iter().find(|rate| rate.as_str() == name);
        found.ok_or_else(|| de::Error::custom("no modulation has this name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rate_is_read_back_by_its_name() {
        for rate in Rate::ALL {
            let text = serde_json::to_string(&rate).expect("a name");
            assert_eq!(serde_json::from_str::<Rate>(&text).expect("known"), rate);
        }
        assert!(serde_json::from_str::<Rate>("\"v34-33600\"").is_err());
    }

    #[test]
    fn rates_are_ordered_as_they_are_stepped_down() {
        assert!(Rate::ALL.is_sorted());
        assert!(Rate::ALL.iter().all(|rate| rate.is_v17() == (rate.family() == "V.17")));
    }
}

//! What differs by modem model, read from `profiles/`.
//!
//! In: TOML that is part of the program. Out: [`Profile`]. Source: V.250, T.31 and makers' manuals,
//! named beside each command in the file. Not here: what the commands are for (`init.rs`).

use crate::{Flow, LineError};

/// One model of modem.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// Dial command before the digits, `ATDT` for tones.
    pub dial: String,
    pub hang_up: String,
    pub flow: Flow,
    /// Octet that stops a reception.
    pub abort: u8,
    /// In this order after each start.
    pub setup: Vec<Setup>,
}

/// One command of the set-up.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setup {
    pub command: String,
    pub need: Need,
    /// For whoever reads the trace.
    pub why: String,
}

/// What an `ERROR` to a set-up command means.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Need {
    /// The line cannot be used.
    Must,
    /// This model does not have it.
    May,
}

impl Profile {
    /// # Errors
    /// [`LineError::Profile`] if the built-in text does not parse, which a test rules out.
    pub(crate) fn generic() -> Result<Self, LineError> {
        toml::from_str(include_str!("../profiles/generic.toml"))
            .map_err(|error| LineError::Profile { name: "generic", detail: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generic_never_answers_and_starts_with_reset() {
        let profile = Profile::generic().unwrap();
        assert_eq!(profile.setup[0].command, "ATZ");
        assert!(profile.setup.iter().any(|setup| setup.command == "ATS0=0"
            && setup.need == Need::Must
            && !setup.why.is_empty()));
    }
}

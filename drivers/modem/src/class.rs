//! The service classes of fax modems: who of modem and computer speaks T.30.
//!
//! In: names as `+FCLASS` knows them. Out: [`Class`]. Source: ITU-T T.31 (1, 1.0), T.32 (2.1), TIA-592
//! (2.0), and SP-2388 as makers built it (2). Not here: which one a modem is used in (`init.rs`).

/// How much of T.30 the modem does by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
pub enum Class {
    /// The computer makes every frame: `drivers/t30` sees all that the far end says.
    #[serde(rename = "1")]
    One,
    /// As [`Class::One`], with more that we do not use.
    #[serde(rename = "1.0")]
    OnePointZero,
    /// The modem speaks T.30; commands of the drafts SP-2388.
    #[serde(rename = "2")]
    Two,
    /// The modem speaks T.30; commands of TIA-592.
    #[serde(rename = "2.0")]
    TwoPointZero,
    /// The modem speaks T.30; commands of T.32, to us the same as [`Class::TwoPointZero`].
    #[serde(rename = "2.1")]
    TwoPointOne,
}

impl Class {
    pub const ALL: [Self; 5] =
        [Self::One, Self::OnePointZero, Self::Two, Self::TwoPointZero, Self::TwoPointOne];

    /// As it stands behind `+FCLASS=`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::OnePointZero => "1.0",
            Self::Two => "2",
            Self::TwoPointZero => "2.0",
            Self::TwoPointOne => "2.1",
        }
    }

    /// The class of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

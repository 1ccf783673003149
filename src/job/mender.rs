//! Who can mend what went wrong, in the words of the offices.

use serde::Serialize;
use utoipa::ToSchema;

/// Who can do something about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
pub enum Mender {
    /// The care manager's office that sends.
    #[serde(rename = "居宅")]
    CareManager,
    /// The service office that is told.
    #[serde(rename = "事業所")]
    Office,
    /// A technician: of the exchange for requests, of this gateway for the rest.
    #[serde(rename = "技術者")]
    Technician,
    /// Whoever runs the telephone line.
    #[serde(rename = "回線")]
    Line,
}

impl Mender {
    /// As Japanese texts call them.
    pub const fn japanese(self) -> &'static str {
        match self {
            Self::CareManager => "居宅",
            Self::Office => "事業所",
            Self::Technician => "技術者",
            Self::Line => "回線",
        }
    }

    /// The same in English.
    pub const fn english(self) -> &'static str {
        match self {
            Self::CareManager => "care manager",
            Self::Office => "service office",
            Self::Technician => "technician",
            Self::Line => "whoever runs the telephone line",
        }
    }
}

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

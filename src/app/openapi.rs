//! `shirase openapi`: the description of the hook, for those who write clients.

use super::exit::{Exit, Failure};
use super::print;

/// Print the description of the hook (OpenAPI 3.1).
#[derive(clap::Args)]
pub struct Openapi {}

impl Openapi {
    /// # Errors
    /// [`Failure`] if it cannot be written as JSON.
    pub fn run(self) -> Result<(), Failure> {
        let text = crate::hook::openapi()
            .to_pretty_json()
            .map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
        print::out(&text)
    }
}

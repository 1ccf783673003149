//! `shirase cancel`: withdraws a notification of which no page data has left.

use super::client::Gateway;
use super::exit::Failure;
use super::print;

/// Withdraw a notification of which no page data has left.
#[derive(clap::Args)]
pub struct Cancel {
    /// Its id.
    id: String,
    #[command(flatten)]
    gateway: Gateway,
}

impl Cancel {
    /// # Errors
    /// [`Failure`]: too late, not found, or not reachable.
    pub async fn run(self) -> Result<(), Failure> {
        let path = super::client::path(&["v1", "notifications", &self.id])?;
        let answer = self.gateway.client()?.delete(&path).await?.body;
        if answer["state"] == "cancelled" {
            print::out(&format!("{} is cancelled", self.id))
        } else {
            print::out(&format!("{}: its call is being stopped", self.id))
        }
    }
}

//! `shirase show`: one notification with its receipt.

use super::client::Gateway;
use super::exit::Failure;
use super::print;

/// Show one notification with everything that was tried for it.
#[derive(clap::Args)]
pub struct Show {
    /// Its id.
    id: String,
    #[command(flatten)]
    gateway: Gateway,
    /// Print JSON as the gateway gives it.
    #[arg(long)]
    json: bool,
}

impl Show {
    /// # Errors
    /// [`Failure`]: not found, or not reachable.
    pub async fn run(self) -> Result<(), Failure> {
        let path = super::client::path(&["v1", "notifications", &self.id])?;
        let client = self.gateway.client()?;
        let view = client.get(&path).await?.body;
        if self.json {
            return print::out(&format!("{view:#}"));
        }
        print::out(&print::notification(&view))?;
        // What is final is not held up by it.
        if view["is_final"] == false
            && let Some(held) = print::standstill(&client.get("/v1/hold").await?.body)
        {
            print::out(&held)?;
        }
        Ok(())
    }
}

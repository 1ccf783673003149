//! `shirase hold` and `shirase release`: hold everything back, or one notification, and let it go on.

use serde_json::{Value, json};

use super::client::{Gateway, path};
use super::exit::Failure;
use super::print;

/// Hold everything back, or one notification: nothing is dialled or mailed until `release`. Needs a token with scope
/// `operate`.
#[derive(clap::Args)]
pub struct Hold {
    /// Only the notification with this id.
    id: Option<String>,
    /// Why, in one line, for whoever looks next.
    #[arg(long)]
    note: Option<String>,
    #[command(flatten)]
    gateway: Gateway,
}

/// Let everything go on, or one notification. Needs a token with scope `operate`.
#[derive(clap::Args)]
pub struct Release {
    /// Only the notification with this id.
    id: Option<String>,
    #[command(flatten)]
    gateway: Gateway,
}

impl Hold {
    /// # Errors
    /// [`Failure`]: it does not wait, is not found, or the gateway is not reachable.
    pub async fn run(self) -> Result<(), Failure> {
        let path = path_of(self.id.as_deref())?;
        let answer = self.gateway.client()?.post_json(&path, &json!({ "note": self.note })).await?;
        match &self.id {
            Some(id) => print::out(&format!("{id} is held; `shirase release {id}` lets it go on")),
            None => print::out(&print::standstill(&answer.body).unwrap_or_default()),
        }
    }
}

impl Release {
    /// # Errors
    /// [`Failure`]: it is not held, not found, or the gateway is not reachable.
    pub async fn run(self) -> Result<(), Failure> {
        let path = path_of(self.id.as_deref())?;
        let client = self.gateway.client()?;
        let before = match &self.id {
            Some(_) => Value::Null,
            None => client.get(&path).await?.body["held"].clone(),
        };
        client.delete(&path).await?;
        match &self.id {
            Some(id) => print::out(&format!("{id} goes on")),
            None if before.is_null() => print::out("nothing was held back"),
            None => print::out("everything goes on"),
        }
    }
}

fn path_of(id: Option<&str>) -> Result<String, Failure> {
    match id {
        Some(id) => path(&["v1", "notifications", id, "hold"]),
        None => path(&["v1", "hold"]),
    }
}

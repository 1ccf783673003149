//! `shirase list`: notifications, newest first.

use crate::job::JobState;

use super::client::Gateway;
use super::exit::Failure;
use super::print;

/// List notifications, newest first.
#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    gateway: Gateway,
    /// Only those in this state, e.g. `uncertain`.
    #[arg(long)]
    state: Option<JobState>,
    /// Most of them, 1 to 200.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
    limit: u16,
    /// Print JSON as the gateway gives it.
    #[arg(long)]
    json: bool,
}

impl List {
    /// # Errors
    /// [`Failure`]: not reachable.
    pub async fn run(self) -> Result<(), Failure> {
        let state = self.state.map_or(String::new(), |state| format!("&state={state}"));
        let path = format!("/v1/notifications?limit={}{state}", self.limit);
        let views = self.gateway.client()?.get(&path).await?.body;
        if self.json {
            return print::out(&format!("{views:#}"));
        }
        let mut views = views.as_array().into_iter().flatten();
        views.try_for_each(|view| print::out(&print::line(view)))
    }
}

//! `shirase submit`: hands a notification in, and follows it if asked to.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::client::Gateway;
use super::exit::{Exit, Failure};
use super::{ladder, print};

/// Hand a notification in.
#[derive(clap::Args)]
pub struct Submit {
    /// The body as JSON; `-` reads standard input.
    #[arg(value_name = "FILE")]
    body: PathBuf,
    #[command(flatten)]
    gateway: Gateway,
    /// Name of this request: the same name and body never make a second notification. Random.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Follow it until it rests; the exit status is 0 only if the far machine confirmed every page.
    #[arg(long)]
    wait: bool,
    /// Give up waiting after this many seconds; the notification goes on.
    #[arg(long, requires = "wait", value_name = "SECONDS")]
    timeout_s: Option<u64>,
    /// Print JSON: the acceptance, or with --wait the notification as it ended.
    #[arg(long)]
    json: bool,
}

impl Submit {
    /// # Errors
    /// [`Failure`]: refused, not reachable, or with `--wait` any end but confirmed.
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.gateway.client()?;
        let body = read(&self.body)?;
        let key = match self.key {
            Some(key) => key,
            None => random_key()?,
        };
        let accepted = client.post("/v1/notifications", &key, body).await;
        let accepted = accepted.map_err(|failure| with_key(failure, &key))?;
        let id = accepted.body["id"].as_str().unwrap_or_default().to_owned();
        let before = if accepted.replayed { " (before)" } else { "" };
        if !self.wait {
            return print::out(&if self.json { pretty(&accepted.body) } else { id });
        }
        eprintln!("  accepted {id}{before}");
        let following = ladder::follow(&client, &id);
        let view = match self.timeout_s {
            None => following.await?,
            Some(seconds) => {
                tokio::time::timeout(Duration::from_secs(seconds), following).await.map_err(
                    |_| Failure::new(Exit::StillOnItsWay, format!("{id} is still on its way")),
                )??
            }
        };
        print::out(&if self.json { pretty(&view) } else { print::notification(&view) })?;
        match print::exit(&view) {
            Exit::Done => Ok(()),
            exit => {
                let state = view["state"].as_str().unwrap_or("unknown");
                Err(Failure::new(exit, format!("{id} is {state}")))
            }
        }
    }
}

/// Reads a file, or standard input for `-`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut octets = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_end(&mut octets).map(|_| ())
    } else {
        std::fs::read(path).map(|content| octets = content)
    };
    read.map(|()| octets)
        .map_err(|error| Failure::new(Exit::Usage, format!("{}: {error}", path.display())))
}

/// A name for a request that nobody has used before.
pub(super) fn random_key() -> Result<String, Failure> {
    let mut octets = [0; 16];
    getrandom::fill(&mut octets)
        .map_err(|error| Failure::new(Exit::Internal, format!("no random octets: {error}")))?;
    Ok(ulid::Ulid::from_parts(0, u128::from_ne_bytes(octets)).to_string())
}

/// If nobody can know whether the request was stored, only the same key finds out.
pub(super) fn with_key(failure: Failure, key: &str) -> Failure {
    let hint = match failure.exit {
        Exit::Unreachable => format!("\n  ask again with --key {key}"),
        _ => String::new(),
    };
    Failure::new(failure.exit, format!("{failure}{hint}"))
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}")
}

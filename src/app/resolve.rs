//! `shirase resolve`: decides about a notification of which nobody knows whether it arrived.

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::client::Gateway;
use super::exit::{Exit, Failure};
use super::{print, submit};

/// Decide about an uncertain notification, after the office was asked for the sheet.
#[derive(clap::Args)]
pub struct Resolve {
    /// Its id.
    id: String,
    #[command(subcommand)]
    choice: Choice,
    #[command(flatten)]
    asked: Asked,
}

/// As whom, and as which decision.
#[derive(clap::Args)]
struct Asked {
    #[command(flatten)]
    gateway: Gateway,
    /// Who decides.
    #[arg(long, global = true, value_name = "NAME")]
    by: Option<String>,
    /// Name of this decision: the same name and decision never count twice. Random.
    #[arg(long, global = true, value_name = "KEY")]
    key: Option<String>,
}

#[derive(clap::Subcommand)]
enum Choice {
    /// Send new credentials as the next version; the exchange must know that the old ones are void.
    Rotate {
        /// The new credentials as JSON, as `credentials` of a notification; `-` reads standard input.
        #[arg(value_name = "FILE")]
        credentials: PathBuf,
        /// A new end of its time (RFC 3339); it stays as it is.
        #[arg(long, value_name = "TIME")]
        not_after: Option<String>,
        /// Why, for those who read it later.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Send the same once more, marked as a copy: a second sheet may come to lie in the tray.
    Resend {
        /// Why, for those who read it later.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// A new end of its time (RFC 3339); it stays as it is.
        #[arg(long, value_name = "TIME")]
        not_after: Option<String>,
    },
    /// End it: nothing more is sent.
    #[command(group = clap::ArgGroup::new("result").required(true))]
    Close {
        /// The office has it.
        #[arg(long, group = "result")]
        delivered: bool,
        /// The office does not have it: the exchange revokes what was on it.
        #[arg(long, group = "result")]
        not_delivered: bool,
        /// Why, for those who read it later.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

impl Resolve {
    /// # Errors
    /// [`Failure`]: refused, not found, or not reachable.
    pub async fn run(self) -> Result<(), Failure> {
        let Self { id, choice, asked: Asked { gateway, by, key } } = self;
        let path = super::client::path(&["v1", "notifications", &id, "resolution"])?;
        let client = gateway.client()?;
        let key = match key {
            Some(key) => key,
            None => submit::random_key()?,
        };
        let answer = client.post(&path, &key, choice.body(by)?).await;
        let decided = answer.map_err(|failure| submit::with_key(failure, &key))?.body;
        print::out(&said(&id, &decided))
    }
}

impl Choice {
    /// What is asked of the gateway. The new credentials pass through as they are, without becoming an argument.
    fn body(self, by: Option<String>) -> Result<Vec<u8>, Failure> {
        let (action, more) = match self {
            Self::Rotate { credentials, not_after, reason } => {
                let octets = Zeroizing::new(submit::read(&credentials)?);
                let wrong =
                    |_| Failure::new(Exit::Usage, format!("{}: no JSON", credentials.display()));
                let credentials: Value = serde_json::from_slice(&octets).map_err(wrong)?;
                let more = json!({
                    "credentials": credentials, "not_after": not_after, "reason": reason,
                });
                ("rotate", more)
            }
            Self::Resend { reason, not_after } => {
                let more =
                    json!({ "same_version": true, "reason": reason, "not_after": not_after });
                ("resend", more)
            }
            Self::Close { delivered, not_delivered: _, reason } => {
                ("close", json!({ "delivered": delivered, "reason": reason }))
            }
        };
        let mut body = Map::from_iter([("action".into(), action.into()), ("by".into(), by.into())]);
        if let Value::Object(more) = more {
            body.extend(more);
        }
        Ok(Value::Object(body).to_string().into_bytes())
    }
}

fn said(id: &str, decided: &Value) -> String {
    match (decided["state"].as_str(), decided["version"].as_u64()) {
        (Some("waiting"), Some(version)) if version > 1 => {
            format!("{id} is sent once more, with version {version} of its credentials")
        }
        (Some("waiting"), _) => format!("{id} is sent once more"),
        (Some("resolved_delivered"), _) => format!("{id} is closed as delivered"),
        (Some("resolved_not_delivered"), _) => format!("{id} is closed as not delivered"),
        (Some(_) | None, _) => format!("{id} is {}", print::word(&decided["state"])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_has_the_action_and_what_belongs_to_it() {
        let body = |choice: Choice| -> Value {
            let octets = choice
                .body(Some(String::from("Sato")))
                .unwrap_or_else(|failure| panic!("{failure}"));
            serde_json::from_slice(&octets).expect("JSON")
        };
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), r#"{"login_id":"new-login"}"#).expect("written");
        let rotate =
            Choice::Rotate { credentials: file.path().to_owned(), not_after: None, reason: None };
        let expected = json!({
            "action": "rotate", "by": "Sato", "credentials": { "login_id": "new-login" },
            "not_after": null, "reason": null,
        });
        assert_eq!(body(rotate), expected);
        let resend = Choice::Resend { reason: String::from("lost"), not_after: None };
        assert_eq!(body(resend)["same_version"], true);
        let close = Choice::Close { delivered: false, not_delivered: true, reason: None };
        let closed = body(close);
        assert_eq!((&closed["action"], &closed["delivered"]), (&json!("close"), &json!(false)));
    }
}

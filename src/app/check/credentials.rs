//! Are the secret files there, right, and closed to everybody else?
//!
//! Not here: the passwords of the mail channel, which its own check reads (`mail.rs`).

use super::{Finding, Mark, Thing};
use crate::app::exit::{Exit, Failure};
use crate::app::secrets::SecretFile;
use crate::app::settings::Settings;
use crate::hook::Tokens;

pub(super) fn look(settings: &Settings) -> Vec<Finding> {
    let (tokens, key) = (&settings.http.tokens_file, &settings.store.key_file);
    vec![
        judge(tokens, "tokens", read_tokens(tokens)),
        judge(key, "the key of the store", key.read_key().map(drop).map_err(Failure::from)),
    ]
}

fn read_tokens(file: &SecretFile) -> Result<(), Failure> {
    let octets = file.read()?;
    let wrong = |why: String| Failure::new(Exit::Settings, format!("{file}{why}"));
    let text = std::str::from_utf8(&octets).map_err(|_| wrong(String::from(": no text")))?;
    Tokens::parse(text).map(drop).map_err(|(line, why)| wrong(format!(":{line}: {why}")))
}

fn judge(file: &SecretFile, what: &str, read: Result<(), Failure>) -> Finding {
    match read {
        Ok(()) => Finding::good(Thing::Credentials, format!("{file}: {what}")),
        Err(failure) if file.waits_for_systemd() => Finding::new(
            Mark::Open,
            Thing::Credentials,
            failure.message,
            "CREDENTIALS_DIRECTORY=/etc/shirase/credentials shirase check",
        ),
        Err(failure) => Finding::new(
            Mark::Wrong,
            Thing::Credentials,
            failure.message,
            "the daemon does not start without it; mode 0600, owned by root",
        ),
    }
}

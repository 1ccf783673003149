//! The services of `kind = "mail-to-fax"`, as their lines want them.
//!
//! In: the settings, whose secrets are read here. Out: a [`Service`] each.
//! Not here: what such a line does (`send/mail_to_fax.rs`).

use std::sync::Arc;

use mail::TokenKey;
use mail::smtp::Relay;

use super::exit::Failure;
use super::secrets::{self, MASTER_KEY_OCTETS};
use super::settings::{Mail, Settings};
use crate::send::LineFault;
use crate::send::mail_to_fax::Service;

/// Says what the derived key is for.
const TOKENS: &[u8] = b"shirase: tokens in the return paths of mails, 1";

/// Every such line of the settings.
///
/// # Errors
/// [`Failure`]: a file with a code cannot be read.
pub fn of(
    settings: &Settings,
    master_key: &[u8; MASTER_KEY_OCTETS],
) -> Result<Vec<Service>, Failure> {
    let Some(mail) = &settings.mail else { return Ok(Vec::new()) }; // without it there is no such line
    let service = |line: &super::settings::ProviderLine| {
        let kept = mail.clone();
        Ok(Service {
            line: line.name.clone(),
            provider: Arc::new(line.provider(mail)?),
            open: Arc::new(move || open(&kept)),
            key: Arc::new(token_key(master_key)),
        })
    };
    settings.provider_lines.iter().map(service).collect()
}

fn token_key(master_key: &[u8; MASTER_KEY_OCTETS]) -> TokenKey {
    TokenKey::new(*secrets::derived_key(master_key, TOKENS))
}

/// The way to the relay, with password and certificates as they are on disk now.
fn open(settings: &Mail) -> Result<Relay, LineFault> {
    let fault = |message| LineFault { code: "mail-settings", message };
    let relay = settings.relay().map_err(|error| fault(error.to_string()))?;
    Relay::new(relay).map_err(|error| fault(error.to_string()))
}

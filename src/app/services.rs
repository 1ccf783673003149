//! The services of `kind = "mail-to-fax"`, as their lines want them.
//!
//! In: the settings, whose secrets are read here. Out: a [`Service`] each.
//! Not here: what such a line does (`send/mail_to_fax.rs`).

use std::sync::Arc;

use super::exit::Failure;
use super::mail_channel::{open_relay, token_key};
use super::secrets::MASTER_KEY_OCTETS;
use super::settings::Settings;
use crate::send::mail_to_fax::Service;

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
            open: Arc::new(move || open_relay(&kept)),
            key: Arc::new(token_key(master_key)),
        })
    };
    settings.provider_lines.iter().map(service).collect()
}

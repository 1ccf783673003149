//! The services of `kind = "mail-to-fax"`, as their lines want them.
//!
//! In: the settings. Out: a [`Service`] each, whose code is read when it is first wanted: a file that is not there yet keeps
//! this line waiting and no other.
//! Not here: what such a line does (`send/mail_to_fax.rs`).

use std::sync::Arc;

use mail::provider::FaxLetterError;

use super::exit::{Exit, Failure};
use super::mail_channel::{file_fault, open_relay, token_key};
use super::secrets::MASTER_KEY_OCTETS;
use super::settings::Settings;
use crate::send::mail_to_fax::Service;

/// Every such line of the settings.
///
/// # Errors
/// [`Failure`]: the settings of a line do not go together.
pub fn of(
    settings: &Settings,
    master_key: &[u8; MASTER_KEY_OCTETS],
) -> Result<Vec<Service>, Failure> {
    let Some(mail) = &settings.mail else { return Ok(Vec::new()) }; // without it there is no such line
    // The settings have seen that it is right.
    let unfit = |error: FaxLetterError| Failure::new(Exit::Settings, error.to_string());
    let service = |line: &super::settings::ProviderLine| {
        let (kept_mail, kept_line) = (mail.clone(), line.clone());
        let open = move || {
            let provider = kept_line.provider(&kept_mail).map_err(|error| file_fault(&error))?;
            Ok((open_relay(&kept_mail)?, Arc::new(provider)))
        };
        Ok(Service {
            line: line.name.clone(),
            provider: Arc::new(line.answerer(mail).map_err(unfit)?),
            open: Arc::new(open),
            key: Arc::new(token_key(master_key)),
        })
    };
    settings.provider_lines.iter().map(service).collect()
}

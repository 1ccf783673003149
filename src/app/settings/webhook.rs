//! Endpoints that are told what happens.
//!
//! In: `[[webhook]]`. Out: the webhook driver's [`Endpoint`].
//! No request can name an endpoint: where posts go stands here and nowhere else.
//! Not here: which addresses are refused (`drivers/webhook`), when a post comes again (`tell`).

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use ipnet::IpNet;
use pki::Trust;
use serde::Deserialize;
use serde::de::{self, Deserializer};
use webhook::{Endpoint, Key, Keys, Place, System};

use super::line::line_name;
use super::mail::pem;
use super::values::maybe_absolute;
use crate::app::secrets::{SecretError, SecretFile};
use crate::hook::is_client_name;
use crate::job::ClientId;
use crate::queue::WebhookEndpoint;
use crate::tell::Carries;

/// Secrets at a time: the new and the old one, and one for a slip.
const MOST_SECRETS: usize = 3;

/// `[[webhook]]`: one endpoint.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// 1 to 16 of a-z, 0-9 and -. Keep it: a new name is a new endpoint, which is told what happens from then on.
    #[serde(deserialize_with = "line_name")]
    pub name: String,
    /// Whose notifications it is told of: the part of a token before the dot.
    #[serde(deserialize_with = "client")]
    pub client: String,
    /// Where it is. https, or http in one of `allow_networks`.
    #[serde(deserialize_with = "url")]
    pub url: String,
    /// One to three files with a secret each, from `shirase webhook secret`. All sign, so that one can be exchanged: the
    /// new one is added, then known to the receiver, then the old one taken out.
    #[serde(deserialize_with = "secret_files")]
    pub secret_files: Vec<SecretFile>,
    /// Certificates in PEM of who may have signed the endpoint's. None: whom this machine trusts.
    #[serde(default, deserialize_with = "maybe_absolute")]
    pub ca_file: Option<PathBuf>,
    /// Networks in which it may be although they are not of the Internet, as in 10.1.2.0/24. None: a name that leads
    /// inside is a mistake, or an attack.
    #[serde(default)]
    pub allow_networks: Vec<IpNet>,
    /// `"usual"`: states, receipts, signs and reminders; `"all"`: the rungs of calls and mails, too. `"usual"`, because
    /// rungs are for technicians.
    #[serde(default = "usual", deserialize_with = "events")]
    pub events: Carries,
}

impl Webhook {
    /// As the store knows it.
    pub fn endpoint(&self) -> WebhookEndpoint {
        WebhookEndpoint {
            name: self.name.clone(),
            client: ClientId(self.client.clone()),
            carries: self.events,
        }
    }

    /// As much of the URL as may be shown.
    pub fn origin(&self) -> String {
        Place::parse(&self.url).map(|place| place.origin()).unwrap_or_default()
    }

    /// The name or address in the URL.
    pub fn host(&self) -> String {
        Place::parse(&self.url).map(|place| place.host()).unwrap_or_default()
    }

    /// As the driver wants it; reads secrets and certificates. To be asked anew after a failure: somebody may mend a file.
    ///
    /// # Errors
    /// [`SecretError`] naming the file.
    pub fn open(&self) -> Result<Endpoint, SecretError> {
        let of_url = |detail: String| SecretError { path: PathBuf::from(&self.name), detail };
        let place = Place::parse(&self.url).map_err(|error| of_url(error.to_string()))?;
        let mut keys = self.keys().map(|(_, key)| key);
        let first = keys.next().ok_or_else(|| of_url(String::from("no secret file")))??;
        let keys = Keys::new(first, keys.collect::<Result<_, _>>()?);
        let (trust, path) = match &self.ca_file {
            Some(path) => (Trust::Only(pem(path)?), path.clone()),
            None => (Trust::System, PathBuf::from(&self.name)),
        };
        Endpoint::new(place, keys, self.allow_networks.clone(), &trust, Arc::new(System))
            .map_err(|error| SecretError { path, detail: error.to_string() })
    }

    /// What each of its secret files holds.
    pub fn keys(&self) -> impl Iterator<Item = (&SecretFile, Result<Key, SecretError>)> {
        self.secret_files.iter().map(|file| (file, key(file)))
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("name", &self.name)
            .field("client", &self.client)
            .field("url", &self.origin())
            .finish_non_exhaustive()
    }
}

fn key(file: &SecretFile) -> Result<Key, SecretError> {
    let line =
        file.read_line("whsec_ and base64 of 24 to 64 octets", |line| Key::parse(line).is_ok())?;
    Key::parse(&line).map_err(|error| SecretError {
        path: PathBuf::from(file.to_string()),
        detail: error.to_string(),
    })
}

fn usual() -> Carries {
    Carries::Usual
}

fn client<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    if is_client_name(&name) {
        Ok(name)
    } else {
        Err(de::Error::custom("must be a client of the tokens file: 1 to 32 of a-z, 0-9 and -"))
    }
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    Place::parse(&text).map_err(de::Error::custom)?;
    Ok(text)
}

fn secret_files<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SecretFile>, D::Error> {
    let files = Vec::<SecretFile>::deserialize(deserializer)?;
    if (1..=MOST_SECRETS).contains(&files.len()) {
        Ok(files)
    } else {
        Err(de::Error::custom(format!("must be 1 to {MOST_SECRETS} files")))
    }
}

fn events<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Carries, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| de::Error::custom("must be \"usual\" or \"all\""))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use crate::app::settings::tests::{LEAST, parse};
    use crate::tell::Carries;

    const HOOK: &str = "[[webhook]]\nname = \"exchange\"\nclient = \"exchange\"\n\
        url = \"https://exchange.example.jp/hooks/fax\"\nsecret_files = [\"/run/webhook-exchange\"]\n";

    #[test]
    fn endpoint_without_more_is_told_the_usual_and_shows_no_path() {
        let settings = parse(&format!("{LEAST}{HOOK}")).expect("an endpoint");
        let hook = &settings.webhooks[0];
        assert_eq!((hook.events, hook.allow_networks.len()), (Carries::Usual, 0));
        assert_eq!(hook.origin(), "https://exchange.example.jp");
        assert!(!format!("{hook:?} {:?}", hook.endpoint()).contains("hooks"));
    }

    #[test]
    fn every_slip_of_the_pen_is_named_with_its_place() {
        for (old, new, expected) in [
            ("\"exchange\"\nurl", "\"Exchange\"\nurl", "shirase.toml:13:10: must be a client"),
            ("https://", "ftp://", "shirase.toml:14:7: must be https"),
            ("https://", "https://me:secret@", "shirase.toml:14:7: a name or password"),
            ("[\"/run/webhook-exchange\"]", "[]", "shirase.toml:15:16: must be 1 to 3 files"),
            ("\"/run/", "\"run/", "shirase.toml:15:16: must be an absolute path"),
            (
                "secret_files",
                "allow_networks = [\"10.0.0.0/33\"]\nsecret_files",
                "shirase.toml:15:19: ",
            ),
            (
                "secret_files",
                "events = \"some\"\nsecret_files",
                "shirase.toml:15:10: must be \"usual\"",
            ),
            ("secret_files", "secret = 1\nsecret_files", "shirase.toml:15:1: unknown field"),
        ] {
            let message = parse(&format!("{LEAST}{}", HOOK.replacen(old, new, 1))).expect_err(new);
            assert!(
                message.starts_with(expected),
                "{new}\n  gave   {message}\n  wanted {expected}"
            );
            assert!(!message.contains("me:secret"), "{message}");
        }
        let message = parse(&format!("{LEAST}{HOOK}{HOOK}")).expect_err("twice");
        assert_eq!(message, "shirase.toml:16:1: a second endpoint is named `exchange`");
    }

    #[test]
    fn secret_that_is_written_late_or_wrong_is_named_by_its_file_and_then_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        let text = HOOK.replace("/run/webhook-exchange", &path.display().to_string());
        let settings = parse(&format!("{LEAST}{text}")).expect("an endpoint");
        let refused = || settings.webhooks[0].open().err().expect("no secret").to_string();
        assert!(refused().starts_with(&path.display().to_string()), "{}", refused());
        std::fs::write(&path, "whsec_c2hvcnQ=\n").expect("a file");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("a mode");
        assert!(refused().ends_with("must hold one line of whsec_ and base64 of 24 to 64 octets"));
        std::fs::write(&path, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").expect("a file");
        assert!(settings.webhooks[0].open().is_ok());
    }
}

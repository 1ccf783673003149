//! One line that is no line: a service that sends a fax for a mail.
//!
//! In: `[[line]]` with `kind = "mail-to-fax"`; `[mail]`, over whose relay it goes. Out: the [`Provider`] of the mail driver.
//! Not here: what differs between services (`drivers/mail/profiles`), lines with a modem (`line.rs`).

use std::path::PathBuf;

use mail::Address;
use mail::provider::{Account, FaxLetterError, Field, Profile, Provider};
use serde::Deserialize;
use serde::de::{self, Deserializer};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};
use zeroize::Zeroizing;

use super::Mail;
use super::line::line_name;
use super::values::{address, host};
use crate::app::secrets::{SecretError, SecretFile};

/// Longer is no code that a service gives to people.
const MOST_CODE_CHARS: usize = 64;

/// `[[line]]` of `kind = "mail-to-fax"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderLine {
    /// As for a line with a modem.
    #[serde(deserialize_with = "line_name")]
    pub name: String,
    /// Its profile, one of those in `drivers/mail/profiles`, or the absolute path of a file of your own.
    #[serde(rename = "provider", deserialize_with = "profile")]
    pub provider: Profile,
    /// The sender that the service knows. None: `from` of `[mail]`.
    #[serde(default, deserialize_with = "maybe_address")]
    pub from: Option<Address>,
    /// The gateway's domain, for profiles that leave it open. None: the profile names it.
    #[serde(default, deserialize_with = "gateway")]
    pub gateway: Option<String>,
    /// The account with the service, 1 to 64 printable ASCII characters, for profiles that want one. None: they want none.
    #[serde(default, deserialize_with = "account")]
    pub account: Option<String>,
    /// File with the secret of that account, one line, for profiles that want one. None: they want none.
    #[serde(default)]
    pub code_file: Option<SecretFile>,
}

impl ProviderLine {
    /// What the profile needs is there, what is there is needed, and a mail can be written with it.
    ///
    /// # Errors
    /// What to write.
    pub(super) fn check(&self, mail: &Mail) -> Result<(), String> {
        let name = self.provider.name();
        for (key, field, given) in [
            ("gateway", Field::Gateway, self.gateway.is_some()),
            ("account", Field::Account, self.account.is_some()),
            ("code_file", Field::Code, self.code_file.is_some()),
        ] {
            match (self.provider.needs(field), given) {
                (true, true) | (false, false) => {}
                (true, false) => return Err(format!("profile {name} needs `{key}`")),
                (false, true) => return Err(format!("profile {name} has no use for `{key}`")),
            }
        }
        self.answerer(mail).map(drop).map_err(|error| format!("profile {name}: {error}"))
    }

    /// Enough of it to read what the service answers. The file with the code is read later: whatever it holds, the rest
    /// has to be right.
    ///
    /// # Errors
    /// [`FaxLetterError`]: the rest is not.
    pub fn answerer(&self, mail: &Mail) -> Result<Provider, FaxLetterError> {
        let code = self.code_file.as_ref().map(|_| Zeroizing::new(String::from("code")));
        self.with(mail, code)
    }

    /// As the mail driver wants it; reads the code. To be asked anew for each connection: somebody may mend the file.
    ///
    /// # Errors
    /// [`SecretError`] naming the file.
    pub fn provider(&self, mail: &Mail) -> Result<Provider, SecretError> {
        let code = self.code_file.as_ref().map(code).transpose()?;
        // `check` has seen that all but the code is right.
        self.with(mail, code).map_err(|error| SecretError {
            path: PathBuf::from(
                self.code_file
                    .as_ref()
                    .map_or_else(|| self.provider.name().to_owned(), ToString::to_string),
            ),
            detail: error.to_string(),
        })
    }

    fn with(
        &self,
        mail: &Mail,
        code: Option<Zeroizing<String>>,
    ) -> Result<Provider, FaxLetterError> {
        let account = Account {
            from: self.from.clone().unwrap_or_else(|| mail.from.clone()),
            return_path: mail.receipts.clone(),
            gateway: self.gateway.clone(),
            account: self.account.clone(),
            code,
        };
        Provider::new(self.provider.clone(), account)
    }
}

fn code(file: &SecretFile) -> Result<Zeroizing<String>, SecretError> {
    file.read_line(&format!("1 to {MOST_CODE_CHARS} printable ASCII characters"), is_word)
}

fn is_word(text: &str) -> bool {
    (1..=MOST_CODE_CHARS).contains(&text.len())
        && text.bytes().all(|octet| octet.is_ascii_graphic())
}

/// Takes the lines of this kind out of the others: each kind has keys of its own, and TOML has one name for both.
///
/// # Errors
/// Where a kind stands that there is not.
pub(super) fn taken_out<'i>(
    file: &mut DeTable<'i>,
) -> Result<Vec<Spanned<DeValue<'i>>>, (usize, String)> {
    // Whatever else stands there is refused when it is read.
    let Some(DeValue::Array(lines)) = file.get_mut("line").map(Spanned::get_mut) else {
        return Ok(Vec::new());
    };
    let (mut with_modem, mut by_mail) = (DeArray::new(), Vec::new());
    for mut line in std::mem::replace(lines, DeArray::new()) {
        let kind = match line.get_mut() {
            DeValue::Table(table) => table.remove("kind"),
            _other => None,
        };
        match kind.as_ref().map(|kind| (kind.get_ref().as_str(), kind.span().start)) {
            None | Some((Some("modem"), _)) => with_modem.push(line),
            Some((Some("mail-to-fax"), _)) => by_mail.push(line),
            Some((_other, at)) => {
                return Err((at, String::from("must be \"modem\" or \"mail-to-fax\"")));
            }
        }
    }
    *lines = with_modem;
    Ok(by_mail)
}

fn profile<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Profile, D::Error> {
    Profile::named(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

fn maybe_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Address>, D::Error> {
    address(deserializer).map(Some)
}

fn gateway<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    // One that stands behind an @, and in small letters, as answers are compared.
    let text = host(deserializer)?;
    Address::parse(&format!("a@{text}"))
        .map(|address| Some(address.domain().to_owned()))
        .map_err(de::Error::custom)
}

fn account<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_word(&text) {
        Ok(Some(text))
    } else {
        Err(de::Error::custom("must be 1 to 64 printable ASCII characters"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::tests::{LEAST, parse};

    const MAIL: &str = "[mail]\nfrom = \"n@exchange.example.jp\"\nreceipts = \"receipts@exchange.example.jp\"\n\
        [mail.relay]\nhost = \"relay.example.jp\"\n\
        [mail.inbox]\nhost = \"mail.example.jp\"\n[mail.inbox.login]\nmechanism = \"plain\"\nuser = \"x\"\n\
        password_file = \"/run/password\"\n";
    const LINE: &str =
        "[[line]]\nname = \"fax-mail\"\nkind = \"mail-to-fax\"\nprovider = \"interfax\"\n";

    #[test]
    fn service_stands_among_the_lines_and_a_modem_beside_it_is_one_as_before() {
        let modem =
            "[[line]]\nname = \"line-1\"\ndevice = \"/dev/shirase/nowhere\"\nkind = \"modem\"\n";
        let settings = parse(&format!("{LEAST}{MAIL}{LINE}{modem}")).expect("both");
        let names = (settings.lines[0].name.as_str(), settings.provider_lines[0].name.as_str());
        assert_eq!(names, ("line-1", "fax-mail"));
        let provider = settings.provider_lines[0].provider(settings.mail.as_ref().expect("mail"));
        assert_eq!(provider.expect("complete").profile().name(), "interfax");
    }

    #[test]
    fn every_slip_of_the_pen_is_named_with_its_place() {
        let base = format!("{LEAST}{MAIL}");
        for (tail, expected) in [
            (
                LINE.replace("interfax", "intrafax"),
                "shirase.toml:25:12: a line of kind mail-to-fax: no profile `intrafax`: it must be",
            ),
            (
                LINE.replace("mail-to-fax", "fax"),
                "shirase.toml:24:8: must be \"modem\" or \"mail-to-fax\"",
            ),
            (
                format!("{LINE}device = \"/dev/ttyS0\"\n"),
                "shirase.toml:26:1: a line of kind mail-to-fax: unknown field `device`, expected one of",
            ),
            (
                LINE.replace("kind = \"mail-to-fax\"\n", "device = \"/dev/x\"\n"),
                "shirase.toml:25:1: unknown field `provider`, expected one of",
            ),
            (
                LINE.replace("interfax", "rfc3192"),
                "shirase.toml:22:1: line `fax-mail`: profile rfc3192 needs `gateway`",
            ),
            (
                format!("{LINE}gateway = \"fax.example.jp\"\n"),
                "shirase.toml:22:1: line `fax-mail`: profile interfax has no use for `gateway`",
            ),
            (
                format!("{LINE}code_file = \"/etc/shirase/code\"\n"),
                "shirase.toml:22:1: line `fax-mail`: profile interfax has no use for `code_file`",
            ),
            (
                format!("{LINE}from = \"x\"\n"),
                "shirase.toml:26:8: a line of kind mail-to-fax: a mail address has an @",
            ),
            (format!("{LINE}{LINE}"), "shirase.toml:26:1: a second line is named `fax-mail`"),
        ] {
            let message = parse(&format!("{base}{tail}")).expect_err(&tail);
            assert!(
                message.starts_with(expected),
                "{tail}\n  gave   {message}\n  wanted {expected}"
            );
            assert!(!message.contains('\n'), "{message}");
        }
    }

    /// Else every sheet would be refused when it is written, and none at the start.
    #[test]
    fn account_or_code_that_makes_no_address_is_refused_with_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, profile) = (folder.path().join("code"), folder.path().join("mine.toml"));
        let own = include_str!("../../../drivers/mail/profiles/number-at-domain.toml")
            .replace("{national}@{gateway}", "{national}.{account}.{code}@fax.example.jp");
        std::fs::write(&profile, own).expect("a file");
        std::fs::write(&path, "a@b").expect("a file");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("a mode");
        let settings = |account: &str| {
            let line = LINE.replace("interfax", profile.to_str().expect("a name"));
            let keys = format!("account = \"{account}\"\ncode_file = \"{}\"\n", path.display());
            parse(&format!("{LEAST}{MAIL}{line}{keys}"))
        };
        let message = settings("x@y").expect_err("two signs");
        assert!(
            message.contains("line `fax-mail`: profile ") && message.contains("address"),
            "{message}"
        );
        let settings = settings("x").expect("the code may be right");
        let mail = settings.mail.as_ref().expect("mail");
        let error = settings.provider_lines[0].provider(mail).expect_err("no address").to_string();
        assert!(error.starts_with(path.to_str().expect("a name")), "{error}");
        assert!(!error.contains("a@b"), "{error}");
    }

    #[test]
    fn keys_are_sent_by_a_modem_and_by_no_service_that_may_not_carry_them() {
        let base = format!("{LEAST}{MAIL}");
        let modem = "[[line]]\nname = \"line-1\"\ndevice = \"/dev/shirase/nowhere\"\n";
        let folder = tempfile::tempdir().expect("a folder");
        let own = folder.path().join("mine.toml");
        let text = include_str!("../../../drivers/mail/profiles/interfax.toml").replace(
            "answer_hours",
            "secrets = { is = true, source = \"guess: x\" }\nanswer_hours",
        );
        std::fs::write(&own, text).expect("a file");
        let carries = LINE.replace("interfax", own.to_str().expect("a name"));
        let asks = "[calling]\non_absent_identity = \"refuse\"\n";
        for (lines, keys) in [
            (String::new(), true),
            (LINE.to_owned(), false),
            (format!("{LINE}{modem}"), true),
            (carries.clone(), true),
            (format!("{asks}{carries}"), false),
        ] {
            let settings = parse(&format!("{base}{lines}")).expect(&lines);
            assert_eq!(settings.policy().keys, keys, "{lines}");
            assert!(settings.policy().mail);
        }
    }

    #[test]
    fn service_without_a_relay_is_refused_at_its_line() {
        let message = parse(&format!("{LEAST}{LINE}")).expect_err("no relay");
        assert_eq!(
            message,
            "shirase.toml:11:1: line `fax-mail`: goes over the relay of [mail], and there is no such table"
        );
    }

    #[test]
    fn slip_in_a_profile_of_ones_own_is_named_with_the_place_in_that_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mine.toml");
        std::fs::write(&path, "service = 1\n").expect("a file");
        let line = LINE.replace("interfax", path.to_str().expect("a name"));
        let message = parse(&format!("{LEAST}{MAIL}{line}")).expect_err("no profile");
        let place =
            format!("shirase.toml:25:12: a line of kind mail-to-fax: {}:1:11: ", path.display());
        assert!(message.starts_with(&place), "{message}");
    }

    #[test]
    fn code_is_one_line_of_its_file_and_shown_nowhere() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, profile) = (folder.path().join("code"), folder.path().join("mine.toml"));
        let own = include_str!("../../../drivers/mail/profiles/number-at-domain.toml")
            .replace("{gateway}", "{code}.fax.example.jp");
        std::fs::write(&profile, own).expect("a file");
        let line = LINE.replace("interfax", profile.to_str().expect("a name"))
            + &format!("code_file = \"{}\"\n", path.display());
        let settings = parse(&format!("{LEAST}{MAIL}{line}")).expect("a line");
        let mail = settings.mail.as_ref().expect("mail");
        // A file that is not there yet keeps this line waiting, and its answers are read all the same.
        let services = crate::app::services::of(&settings, &[1; 32]).expect("a service");
        let fault = (services[0].open)().err().expect("no code yet");
        assert!(fault.is_absence() && fault.code == "mail-settings", "{fault}");
        let write = |text: &str| {
            std::fs::write(&path, text).expect("a file");
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("a mode");
            settings.provider_lines[0].provider(mail)
        };
        let provider = write("s3cret\n").expect("a code");
        assert_eq!(provider.strike("s3cret?"), "***?");
        assert!(!format!("{provider:?} {settings:?}").contains("s3cret"));
        for text in ["", "a b", "a\nb\n", "あ"] {
            let error = write(text).expect_err("no code").to_string();
            assert!(
                error.ends_with("must hold one line of 1 to 64 printable ASCII characters"),
                "{error}"
            );
        }
    }
}

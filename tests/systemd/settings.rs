//! The shipped `shirase.toml`, read by the program: it is accepted, it tells every key, and each
//! default that it tells is the one that holds.
//!
//! A line `#key = value` or `#[[line]]` shows what holds without it; a line `# words` explains.

use std::fs;
use std::path::Path;

use shirase::app::settings::{Settings, SettingsError};

use super::{Machine, repository, values};

/// The least that a line needs, as the file shows it.
const LEAST_LINE: &str = "[[line]]\nname = \"line1\"\ndevice = \"/dev/serial/by-id/usb-modem\"\n";

/// A service that sends a fax for a mail, as the file shows it.
const PROVIDER_LINE: &str =
    "[[line]]\nkind = \"mail-to-fax\"\nname = \"by-mail\"\nprovider = \"interfax\"\n";

/// An endpoint, as the file shows it.
const WEBHOOK: &str = "[[webhook]]\nname = \"exchange\"\nclient = \"exchange\"\n\
    url = \"https://exchange.example.jp/hooks/fax\"\n\
    secret_files = [\"$CREDENTIALS_DIRECTORY/webhook-exchange\"]\n";

/// The least that mail needs, as the file shows it.
const LEAST_MAIL: &str = "[mail]\nfrom = \"notice@exchange.example.jp\"\n\
    receipts = \"receipts@exchange.example.jp\"\n[mail.relay]\nhost = \"relay.example.jp\"\n\
    [mail.inbox]\nhost = \"mail.example.jp\"\n[mail.inbox.login]\nmechanism = \"plain\"\n\
    user = \"receipts\"\npassword_file = \"$CREDENTIALS_DIRECTORY/inbox-password\"\n";

/// The door for other machines, as the file shows it.
const TLS: &str = "[http.tls]\nlisten = \"192.0.2.10:8751\"\n\
    certificate = \"/etc/shirase/tls/chain.pem\"\nkey_file = \"/etc/shirase/tls/key.pem\"\n\
    client_ca = \"/etc/shirase/tls/clients.pem\"\n[[http.tls.client]]\n\
    certificate_name = \"exchange.example.jp\"\nclient = \"exchange\"\nscopes = [\"read\"]\n";

/// A login, as the file shows it.
const LOGIN: &str = "[mail.relay.login]\nmechanism = \"plain\"\nuser = \"gateway\"\n\
    password_file = \"$CREDENTIALS_DIRECTORY/relay-password\"\n";

fn shipped() -> String {
    fs::read_to_string(repository("systemd/shirase.toml")).unwrap()
}

/// The text with every shown default as a setting.
fn with_defaults_written_out(text: &str) -> String {
    let is_shown = |rest: &str| rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase());
    let line = |line| match str::strip_prefix(line, "#") {
        Some(rest) if is_shown(rest) => rest,
        _ => line,
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn parse(text: &str) -> Result<Settings, SettingsError> {
    Settings::parse(text, Path::new("shirase.toml"))
}

/// The keys of one section, read off its `Debug` form: `    key: value` at the first indent.
fn keys(section: &impl std::fmt::Debug) -> Vec<String> {
    let key = |line: &str| {
        let (name, _) = line.strip_prefix("    ")?.split_once(": ")?;
        (!name.starts_with(' ')).then(|| name.to_owned())
    };
    format!("{section:#?}").lines().filter_map(key).collect()
}

#[test]
fn shipped_file_is_accepted_calls_nobody_and_mails_nobody() {
    let settings = parse(&shipped()).unwrap();
    assert!(settings.lines.is_empty() && settings.mail.is_none() && settings.webhooks.is_empty());
}

#[test]
fn shipped_file_with_every_comment_opened_means_the_same() {
    let opened = parse(&with_defaults_written_out(&shipped())).unwrap();
    let expected = parse(&(shipped() + LEAST_LINE + LEAST_MAIL)).unwrap();
    assert_eq!(format!("{opened:#?}"), format!("{expected:#?}"));
}

#[test]
fn every_key_of_the_program_stands_in_the_shipped_file() {
    let settings =
        parse(&(shipped() + LEAST_LINE + PROVIDER_LINE + WEBHOOK + LEAST_MAIL + LOGIN + TLS))
            .unwrap();
    let mail = settings.mail.unwrap();
    let tls = settings.http.tls.as_ref().unwrap();
    let all = [
        keys(&settings.http),
        keys(tls),
        keys(&tls.client[0]),
        keys(&settings.store),
        keys(&settings.site),
        keys(&settings.site.en),
        keys(&settings.site.words),
        keys(&settings.sheet),
        keys(&settings.calling),
        keys(&settings.calls),
        keys(&settings.lines[0]),
        keys(&settings.provider_lines[0]),
        keys(&settings.webhooks[0]),
        keys(&mail),
        keys(&mail.relay),
        keys(&mail.relay.login.as_ref().unwrap()),
        keys(&mail.inbox),
    ];
    let text = shipped();
    let stands = |key: &String| {
        let is_value = |comment: &&str| text.contains(&format!("\n{comment}{key} = "));
        let is_table =
            ["site", "site.words", "http", "http.tls", "mail", "mail.relay", "mail.inbox"]
                .iter()
                .any(|parent| {
                    ["#", "# ", "# ["]
                        .iter()
                        .any(|comment| text.contains(&format!("\n{comment}[{parent}.{key}")))
                });
        ["", "#", "# "].iter().any(is_value) || is_table
    };
    assert!(all.iter().all(|section| !section.is_empty()), "{all:?}");
    let missing: Vec<&String> = all.iter().flatten().filter(|&key| !stands(key)).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn every_modem_that_may_be_named_stands_in_the_shipped_file() {
    let text = shipped();
    let comment = text.split_once("The model of the modem").unwrap().1;
    let listed = comment.split_once("#modem = ").unwrap().0;
    let missing: Vec<&str> = modem::models().filter(|name| !listed.contains(name)).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn every_provider_that_may_be_named_stands_in_the_shipped_file() {
    let text = shipped();
    let comment = text.split_once("Its profile: ").unwrap().1;
    let listed = comment.split_once("provider = ").unwrap().0;
    let missing: Vec<&str> =
        mail::provider::names().filter(|name| !listed.contains(name)).collect();
    assert_eq!(missing, [""; 0]);
}

/// What the settings name by default is what the unit grants and the installation lays down.
#[test]
fn defaults_lie_where_the_unit_and_the_installation_put_things() {
    let machine = Machine::with_prefix("/usr");
    let settings = parse(&machine.read("/etc/shirase/shirase.toml")).unwrap();
    let unit = machine.read(&machine.unit_path());

    let state = format!("/var/lib/{}", values(&unit, "StateDirectory").concat());
    assert!(settings.store.path.starts_with(state), "{:?}", settings.store.path);

    let programs = settings.sheet.program.parent().unwrap().to_str().unwrap();
    assert!(values(&unit, "ExecPaths").concat().split(' ').any(|path| path == programs));

    let templates = settings.sheet.templates.to_str().unwrap();
    assert!(machine.path(templates).is_dir(), "{templates}");

    let granted = Path::new("/run/credentials/shirase.service");
    let key = settings.store.key_file.path(Some(granted)).unwrap();
    assert_eq!(key, granted.join("master-key"));
    let load = "master-key:/etc/shirase/credentials/master-key";
    assert!(values(&unit, "LoadCredential").contains(&load));
    // Not a credential: those are copies, and a token could not be revoked before the next start.
    let tokens = settings.http.tokens_file.path(Some(granted)).unwrap();
    assert_eq!(tokens, Path::new("/etc/shirase/tokens"));
}

/// Under another prefix the file is rewritten, so that it still names what is there.
#[test]
fn settings_under_usr_local_name_the_programs_of_usr_local() {
    let machine = Machine::with_prefix("/usr/local");
    let settings = parse(&machine.read("/etc/shirase/shirase.toml")).unwrap();
    assert!(settings.sheet.program.starts_with("/usr/local/libexec/shirase"));
    assert!(settings.sheet.templates.starts_with("/usr/local/share/shirase/templates"));
    assert!(settings.store.path.starts_with("/var/lib/shirase"));
}

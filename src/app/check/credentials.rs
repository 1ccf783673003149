//! Are the secret files there, right, and closed to everybody else?
//!
//! Not here: the passwords of the mail channel (`mail.rs`), keys of certificates (`tls.rs`), secrets of webhooks
//! (`webhooks.rs`), which are read where they are used.

use super::{Finding, Mark, Thing};
use crate::app::exit::{Exit, Failure};
use crate::app::secrets::SecretFile;
use crate::app::settings::Settings;
use crate::hook::Tokens;

pub(super) fn look(settings: &Settings) -> Vec<Finding> {
    let (tokens, key) = (&settings.http.tokens_file, &settings.store.key_file);
    vec![
        judge(
            tokens,
            "tokens",
            read_tokens(tokens),
            "the daemon does not start without it; only root may write it: root:root, mode 0644",
        ),
        judge(
            key,
            "the key of the store",
            key.read_key().map(drop).map_err(Failure::from),
            "the daemon does not start without it; mode 0600, owned by root, and LoadCredential= in the unit",
        ),
    ]
}

fn read_tokens(file: &SecretFile) -> Result<(), Failure> {
    let octets = file.read_hashes()?;
    let wrong = |why: String| Failure::new(Exit::Settings, format!("{file}{why}"));
    let text = String::from_utf8(octets).map_err(|_| wrong(String::from(": no text")))?;
    Tokens::parse(&text).map(drop).map_err(|(line, why)| wrong(format!(":{line}: {why}")))
}

/// `todo`: what to do if it cannot be read.
pub(super) fn judge(
    file: &SecretFile,
    what: &str,
    read: Result<(), Failure>,
    todo: &str,
) -> Finding {
    match read {
        Ok(()) if file.is_for_root_alone() => Finding::new(
            Mark::Warning,
            Thing::Credentials,
            format!("{file}: {what}; root alone may read it, and the service runs as shirase"),
            "let the group shirase read it (chgrp shirase, chmod 0640), or hand it over as $CREDENTIALS_DIRECTORY/... with LoadCredential= in the unit",
        ),
        Ok(()) => Finding::good(Thing::Credentials, format!("{file}: {what}")),
        Err(failure) if file.waits_for_systemd() => Finding::new(
            Mark::Open,
            Thing::Credentials,
            failure.message,
            "CREDENTIALS_DIRECTORY=/etc/shirase/credentials shirase check",
        ),
        Err(failure) => Finding::new(Mark::Wrong, Thing::Credentials, failure.message, todo),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// As `shirase token new` leaves it: hashes, which everybody may read.
    #[test]
    fn tokens_that_the_daemon_reads_are_in_order_and_those_that_all_may_write_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens");
        let line = format!("exchange sha256:{} notify\n", "0".repeat(64));
        std::fs::write(&path, line).expect("written");
        let file = SecretFile::new(&path.to_string_lossy());
        for (mode, mark) in [(0o644, Mark::Good), (0o666, Mark::Wrong)] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("a mode");
            let finding = judge(&file, "tokens", read_tokens(&file), "todo");
            assert_eq!(finding.mark, mark, "{mode:o}: {finding}");
        }
    }
}

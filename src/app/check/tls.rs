//! Are callers on other machines answered: certificate, key, who signs the certificates of clients?
//!
//! In: `[http.tls]`. Out: findings. The files are put together as the daemon does it; no port is opened.
//! Not here: how they are renewed (`app/renewal.rs`).

use super::{Finding, Mark, Thing, credentials, dates};
use crate::app::exit::Failure;
use crate::app::renewal::{made, open_pem};
use crate::app::secrets::SecretError;
use crate::app::settings::Tls;
use crate::hook::tls::{Pem, validity};
use crate::job::UnixMillis;

/// What to do before our certificate ends, and after.
const RENEW: &str = "renew it, and put it where [http.tls] says with its key: callers on other machines refuse it once it has run out. It is \
    read again within half a minute, but a key of $CREDENTIALS_DIRECTORY at a start only";

pub(super) fn look(tls: &Tls, now: UnixMillis) -> Vec<Finding> {
    let who = match &tls.client_ca {
        Some(path) => format!("nobody without a certificate by {}", path.display()),
        None => String::from("whoever has a token"),
    };
    let mut findings = vec![Finding::good(Thing::Listener, format!("{}, TLS: {who}", tls.listen))];
    findings.extend(fence(tls));
    let chain = open_pem(&tls.certificate);
    let client_ca = tls.client_ca.as_deref().map(open_pem).transpose();
    let unread = |error: &SecretError| {
        let todo =
            "the daemon does not start without it; correct [http.tls], or put the file there";
        Finding::new(Mark::Wrong, Thing::Certificate, error.to_string(), todo)
    };
    findings.extend(chain.as_ref().err().map(unread));
    findings.extend(client_ca.as_ref().err().map(unread));
    let key = tls.key_file.read();
    let of_key = key.as_ref().map(|_| ()).map_err(|error| Failure::from(error.clone()));
    let todo = "the daemon does not start without it; owner root, group shirase, mode 0640, or LoadCredential= in the unit";
    findings.push(credentials::judge(&tls.key_file, "the key of [http.tls]", of_key, todo));
    if let (Ok(chain), Ok(client_ca), Ok(key)) = (chain, client_ca, key) {
        let pem = Pem { chain, key, client_ca };
        findings.push(match made(tls, &pem) {
            Ok(_) => judge(tls, &pem.chain, now),
            Err(message) => {
                let todo = "the daemon does not start with it, and a running one goes on with the old; put files there that belong together";
                Finding::new(Mark::Wrong, Thing::Certificate, message, todo)
            }
        });
    }
    findings
}

fn judge(tls: &Tls, chain: &[u8], now: UnixMillis) -> Finding {
    let place = tls.certificate.display();
    match validity(chain) {
        Some(valid) => dates::judge(&format!("{place}: "), valid, now, RENEW),
        None => {
            let found = format!("{place}: when it is valid cannot be read");
            let todo =
                "`openssl x509 -dates -noout -in FILE` shows it; ask for another certificate";
            Finding::new(Mark::Open, Thing::Certificate, found, todo)
        }
    }
}

/// Whether anybody gets as far as the daemon: the unit keeps other machines out, and this check does not run in it.
fn fence(tls: &Tls) -> Option<Finding> {
    if tls.listen.ip().to_canonical().is_loopback() {
        return None;
    }
    let found = format!(
        "others call at {}; the unit as it is shipped lets in this machine alone",
        tls.listen
    );
    let todo = "systemctl edit shirase: [Service], IPAddressAllow= with the network that they call from; then systemctl restart shirase";
    Some(Finding::new(Mark::Open, Thing::Unit, found, todo))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::app::secrets::SecretFile;
    use crate::hook::tls::examples::{valid, valid_until};
    use crate::job::examples::TUESDAY_10_00 as NOW; // the 24th of November 2026

    struct Files {
        folder: tempfile::TempDir,
        tls: Tls,
    }

    impl Files {
        fn of(pem: &Pem) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let at = |name: &str| folder.path().join(name);
            let tls = Tls {
                listen: ([127, 0, 0, 1], 8751).into(),
                certificate: at("chain.pem"),
                key_file: SecretFile::new(&at("chain.key").to_string_lossy()),
                client_ca: None,
                client: Vec::new(),
            };
            let files = Self { folder, tls };
            files.write("chain.pem", &pem.chain, 0o644);
            files.write("chain.key", &pem.key, 0o640);
            // Whoever runs the tests: a group other than root's may read the key.
            let _ = std::os::unix::fs::chown(files.folder.path().join("chain.key"), None, Some(7));
            files
        }

        fn write(&self, name: &str, octets: &[u8], mode: u32) {
            let path = self.folder.path().join(name);
            std::fs::write(&path, octets).expect("written");
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("a mode");
        }

        /// The worst of what is found, and all of it.
        fn worst(&self) -> (Mark, String) {
            let findings = look(&self.tls, NOW);
            let all = findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            let worst = findings.iter().map(|finding| finding.mark).min().expect("some");
            for finding in &findings {
                assert_eq!(finding.todo.is_none(), finding.mark == Mark::Good, "{finding}");
            }
            (worst, all)
        }
    }

    #[test]
    fn pair_in_order_shows_who_is_let_in_and_until_when_it_is_valid() {
        let mut files = Files::of(&valid_until(2027, 11, 24));
        let (worst, all) = files.worst();
        assert_eq!(worst, Mark::Good, "{all}");
        assert!(all.contains("127.0.0.1:8751, TLS: whoever has a token"), "{all}");
        assert!(all.contains("chain.pem: valid until 2027-11-24, 364 days from now"), "{all}");
        files.tls.client_ca = Some(files.tls.certificate.clone());
        let (worst, all) = files.worst();
        assert_eq!(worst, Mark::Good, "{all}");
        assert!(all.contains("nobody without a certificate by"), "{all}");
    }

    #[test]
    fn certificate_is_wrong_before_it_begins_and_after_its_end_and_a_warning_14_days_before_that() {
        for (pem, mark, words) in [
            (valid_until(2026, 12, 9), Mark::Good, "valid until 2026-12-09, 14 days from now"),
            (valid_until(2026, 12, 8), Mark::Warning, "valid until 2026-12-08, 13 days from now"),
            (valid_until(2026, 11, 20), Mark::Wrong, "ran out on 2026-11-20, 4 days ago"),
            (valid((2026, 11, 25), (2028, 1, 1)), Mark::Wrong, "not valid before 2026-11-25"),
        ] {
            let (worst, all) = Files::of(&pem).worst();
            assert_eq!(worst, mark, "{all}");
            assert!(all.contains(words), "{words}: {all}");
        }
    }

    #[test]
    fn each_file_that_is_not_as_it_must_be_is_named_with_what_to_do() {
        type Spoil = fn(&mut Files);
        let cases: [(Spoil, &str); 7] = [
            (|files| files.write("chain.pem", b"", 0o644), "chain.pem: certificate: holds no"),
            (
                |files| files.write("chain.pem", &valid_until(2028, 1, 1).chain, 0o644),
                "chain.pem: certificate and key_file do not belong together",
            ),
            (
                |files| files.tls.certificate = "/not/there.pem".into(),
                "/not/there.pem: No such file",
            ),
            (|files| files.write("chain.key", b"no key", 0o640), "chain.key: key_file: "),
            (
                |files| files.write("chain.key", &valid_until(2028, 1, 1).key, 0o644),
                "chain.key: can be read or written by everybody",
            ),
            (|files| files.tls.client_ca = Some("/not/ca.pem".into()), "/not/ca.pem: No such file"),
            (
                |files| {
                    files.write("ca.pem", b"not PEM", 0o644);
                    files.tls.client_ca = Some(files.folder.path().join("ca.pem"));
                },
                "ca.pem: client_ca: holds no certificate",
            ),
        ];
        for (spoil, words) in cases {
            let mut files = Files::of(&valid_until(2028, 1, 1));
            spoil(&mut files);
            let (worst, all) = files.worst();
            assert_eq!(worst, Mark::Wrong, "{words}: {all}");
            assert!(all.contains(words), "{words}: {all}");
        }
    }

    #[test]
    fn door_to_other_machines_says_that_the_unit_has_to_be_opened_as_well() {
        let mut files = Files::of(&valid_until(2028, 1, 1));
        files.tls.listen = ([192, 0, 2, 10], 8751).into();
        let (worst, all) = files.worst();
        assert_eq!(worst, Mark::Open, "{all}");
        assert!(all.contains("? unit") && all.contains("IPAddressAllow="), "{all}");
    }
}

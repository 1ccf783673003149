//! Would each endpoint be told: its secrets, its certificates, where its name leads?
//!
//! In: `[[webhook]]`. Out: findings. The name is asked for, and its addresses are judged, as before each post; nobody is
//! connected to. `shirase webhook test NAME` posts.

use std::net::{IpAddr, SocketAddr};

use webhook::PostError;

use super::{Finding, Mark, Thing, credentials, judge};
use crate::app::exit::Failure;
use crate::app::settings::Webhook;
use crate::tell::faults;

pub(super) async fn look(webhooks: &[Webhook]) -> Vec<Finding> {
    let (mut findings, mut hosts) = (Vec::new(), Vec::new());
    for webhook in webhooks {
        let of_keys = keys(webhook);
        let has_keys =
            of_keys.iter().all(|finding| matches!(finding.mark, Mark::Good | Mark::Warning));
        findings.extend(of_keys);
        if has_keys {
            let (finding, addresses) = place(webhook).await;
            findings.push(finding);
            hosts.push((webhook.host(), addresses));
        }
    }
    let hosts: Vec<(&str, Vec<IpAddr>)> =
        hosts.iter().map(|(host, addresses)| (host.as_str(), addresses.clone())).collect();
    findings.extend(judge::fence(&hosts));
    findings
}

fn keys(webhook: &Webhook) -> Vec<Finding> {
    let what = format!("a secret of webhook {}", webhook.name);
    let todo = "`shirase webhook secret FILE` makes one; hand it over with LoadCredential= in the unit. Until then this endpoint is told \
        nothing, and nothing is lost";
    let of_file = |(file, key): (_, Result<_, _>)| {
        credentials::judge(file, &what, key.map(drop).map_err(Failure::from), todo)
    };
    webhook.keys().map(of_file).collect()
}

/// Where posts would go, and who may have signed the certificate there.
async fn place(webhook: &Webhook) -> (Finding, Vec<IpAddr>) {
    let (name, origin) = (&webhook.name, webhook.origin());
    let not_good = |mark, found: String, todo: &str| {
        (Finding::new(mark, Thing::Webhook, format!("{name}: {found}"), todo), Vec::new())
    };
    let endpoint = match webhook.open() {
        Ok(endpoint) => endpoint,
        Err(error) => {
            let todo = "ca_file has certificates of authorities in PEM; without it those count that this machine trusts (ca-certificates)";
            return not_good(Mark::Wrong, error.to_string(), todo);
        }
    };
    match endpoint.look().await {
        Ok(found) => {
            let addresses: Vec<IpAddr> = found.iter().map(SocketAddr::ip).collect();
            let shown = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            let good = Finding::good(Thing::Webhook, format!("{name}: {origin} ({shown})"));
            (good, addresses)
        }
        // That the name server says nothing is known of today, and of this machine.
        Err(error @ PostError::Late { .. }) => not_good(
            Mark::Open,
            format!("{origin}: {error}"),
            "see that the name server in /etc/resolv.conf answers, and look again",
        ),
        Err(error) => {
            not_good(Mark::Wrong, format!("{origin}: {error}"), faults::what_to_do(&error))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::app::settings::tests::{LEAST, parse};

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";

    /// What is found of an endpoint with these keys in its table.
    async fn found(secret: &str, mode: u32, more: &str) -> Vec<Finding> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        std::fs::write(&path, secret).expect("written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("a mode");
        // Whoever runs the tests: a group other than root's may read it.
        let _ = std::os::unix::fs::chown(&path, None, Some(7));
        let text = format!(
            "{LEAST}[[webhook]]\nname = \"exchange\"\nclient = \"exchange\"\nsecret_files = [\"{}\"]\n{more}",
            path.display()
        );
        let settings = parse(&text).unwrap_or_else(|error| panic!("{more}: {error}"));
        look(&settings.webhooks).await
    }

    fn shown(findings: &[Finding]) -> String {
        findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[tokio::test]
    async fn endpoint_in_order_shows_where_it_is_without_its_path() {
        let more = "url = \"https://127.0.0.1:9/hooks/fax\"\nallow_networks = [\"127.0.0.0/8\"]\n";
        let all = found(SECRET, 0o640, more).await;
        assert!(all.iter().all(|finding| finding.mark == Mark::Good), "{}", shown(&all));
        let all = shown(&all);
        assert!(all.contains("✓ webhook      exchange: https://127.0.0.1:9 (127.0.0.1)"), "{all}");
        assert!(!all.contains("hooks/fax") && !all.contains("MfKQ"), "{all}");
    }

    #[tokio::test]
    async fn address_that_no_post_may_go_to_is_wrong_before_anything_happens() {
        for (more, words) in [
            (
                "url = \"https://10.1.2.3/\"\n",
                "10.1.2.3 leads to 10.1.2.3, which no allowed network",
            ),
            ("url = \"http://8.8.8.8/\"\n", "without TLS nothing goes to 8.8.8.8"),
            ("url = \"https://endpoint.invalid/\"\n", "endpoint.invalid has no address"),
        ] {
            let all = found(SECRET, 0o640, more).await;
            let wrong = all.iter().find(|finding| finding.mark == Mark::Wrong);
            let wrong = wrong.unwrap_or_else(|| panic!("{more}: {}", shown(&all)));
            assert!(wrong.found.contains(words), "{wrong}");
            assert!(wrong.todo.as_ref().is_some_and(|todo| !todo.is_empty()), "{wrong}");
        }
    }

    #[tokio::test]
    async fn secret_and_authority_that_cannot_be_used_are_named_by_their_files() {
        let url = "url = \"https://127.0.0.1:9/\"\nallow_networks = [\"127.0.0.0/8\"]\n";
        for (secret, mode, words) in [
            ("whsec_c2hvcnQ=", 0o640, "must hold one line of whsec_"),
            (SECRET, 0o644, "can be read or written by everybody"),
        ] {
            let all = found(secret, mode, url).await;
            assert_eq!((all.len(), all[0].mark), (1, Mark::Wrong), "{}", shown(&all));
            assert!(all[0].found.contains(words), "{}", shown(&all));
        }
        let all = found(SECRET, 0o640, &format!("{url}ca_file = \"/etc/hostname\"\n")).await;
        let wrong = shown(&all);
        assert!(
            wrong.contains("✗ webhook      exchange: /etc/hostname: holds no certificate"),
            "{wrong}"
        );
    }
}

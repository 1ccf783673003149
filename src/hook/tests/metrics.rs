//! What a monitor reads: every line is checked as OpenMetrics 1.0 wants it, and nothing in it names anybody.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::hook::renewals::Renewable;
use crate::send::mailbox_board::MailboxBoard;

/// Name, labels and value of a sample.
struct Sample {
    name: String,
    labels: String,
    value: f64,
}

/// Reads an exposition and refuses what Prometheus would, and what its linter objects to.
fn read(text: &str) -> Vec<Sample> {
    let body = text.strip_suffix("# EOF\n").expect("it ends with # EOF");
    assert!(!body.contains("# EOF"), "one end");
    let mut types: HashMap<String, String> = HashMap::new();
    let (mut helped, mut seen, mut samples) = (HashSet::new(), HashSet::new(), Vec::new());
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let (word, rest) = rest.split_once(' ').expect("a word and more");
            let (family, what) = rest.split_once(' ').expect("a name and more");
            match word {
                "HELP" => {
                    assert!(helped.insert(family.to_owned()), "{family} is explained twice");
                    assert!(what.ends_with('.') && what.len() > 10, "{line}");
                }
                "TYPE" => {
                    assert!(types.insert(family.to_owned(), what.to_owned()).is_none(), "{line}")
                }
                "UNIT" => assert!(family.ends_with(&format!("_{what}")), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.strip_suffix('}').expect("labels end");
        assert!(seen.insert(series.to_owned()), "{series} twice");
        assert!(name.starts_with("shirase_") || name.starts_with("process_"), "{name}");
        assert!(name.bytes().all(|o| o.is_ascii_lowercase() || o == b'_'), "{name}");
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let (key, quoted) = label.split_once('=').expect("a key and a value");
            assert!(key.bytes().all(|o| o.is_ascii_lowercase() || o == b'_'), "{label}");
            assert!(
                quoted.len() >= 2 && quoted.starts_with('"') && quoted.ends_with('"'),
                "{label}"
            );
        }
        let suffixes = ["_total", "_bucket", "_sum", "_count", "_info"];
        let family = suffixes
            .iter()
            .find_map(|end| name.strip_suffix(end).filter(|family| types.contains_key(*family)));
        let family = family.unwrap_or(name);
        let sort = types.get(family).unwrap_or_else(|| panic!("{name} has no type"));
        assert!(helped.contains(family), "{family} is not explained");
        match sort.as_str() {
            "counter" => assert!(name.ends_with("_total"), "{name}"),
            "gauge" => assert_eq!(name, family),
            "histogram" => assert_ne!(name, family),
            "info" => assert!(name.ends_with("_info"), "{name}"),
            other => panic!("{name} is a {other}"),
        }
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(value.is_finite(), "{line}");
        samples.push(Sample { name: name.to_owned(), labels: labels.to_owned(), value });
    }
    let empty: Vec<_> = types
        .keys()
        .filter(|family| !samples.iter().any(|sample| sample.name.starts_with(*family)))
        .collect();
    // A family without a sample yet is no fault, but it has to be one that fills with time.
    assert!(
        empty.iter().all(|family| [
            "shirase_line_calls",
            "shirase_queue_longest_due_timestamp_seconds",
            "shirase_queue_horizon_timestamp_seconds",
            "shirase_webhook_oldest_timestamp_seconds",
            "shirase_inbox_mails",
        ]
        .contains(&family.as_str())),
        "{empty:?}"
    );
    samples
}

fn value(samples: &[Sample], name: &str, label: &str) -> f64 {
    let found: Vec<_> = samples
        .iter()
        .filter(|sample| sample.name == name && sample.labels.contains(label))
        .collect();
    assert_eq!(found.len(), 1, "{name} with {label}");
    found[0].value
}

async fn scraped(house: &House) -> (Answer, Vec<Sample>) {
    let answer = house.get("/metrics").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let kind = answer.header("content-type").expect("a type");
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
    let samples = read(&answer.text);
    (answer, samples)
}

#[tokio::test]
async fn metrics_are_openmetrics_and_count_what_was_answered_by_code() {
    let house = House::open().await;
    house.accepted().await;
    house.post("key-9", &json!({})).await.is_problem(422, "missing-field");
    house.get("/nowhere").await.is_problem(404, "no-such-route");
    let (_, samples) = scraped(&house).await;
    let answers = |label: &str| value(&samples, "shirase_http_answers_total", label);
    let handed_in = |code: &str| {
        answers(&format!("method=\"POST\",route=\"/v1/notifications\",code=\"{code}\""))
    };
    assert_eq!(handed_in("ok"), 1.0);
    assert_eq!(handed_in("missing-field"), 1.0);
    assert_eq!(answers("route=\"none\",code=\"no-such-route\""), 1.0);
    assert_eq!(value(&samples, "shirase_accept_duration_seconds_count", ""), 2.0);
    assert_eq!(value(&samples, "shirase_build_info", env!("CARGO_PKG_VERSION")), 1.0);
    assert!(value(&samples, "process_resident_memory_bytes", "") > 1e6);
    assert!(value(&samples, "process_open_fds", "") > 2.0);
    let (_, later) = scraped(&house).await;
    assert_eq!(value(&later, "shirase_http_answers_total", "route=\"/metrics\",code=\"ok\""), 1.0);
}

#[tokio::test]
async fn metrics_of_lines_have_their_state_their_calls_and_nobody_in_them() {
    let house = House::open().await;
    let board = &house.lines.boards()[0];
    board.call_ended("busy", Duration::ZERO, TUESDAY_10_00);
    board.call_ended("delivered", Duration::from_secs(41), TUESDAY_10_00);
    board.call_ended("delivered", Duration::from_secs(43), TUESDAY_10_00);
    let name = board.status().name;
    house.accepted().await;
    let (answer, samples) = scraped(&house).await;
    let calls = |code: &str| {
        value(&samples, "shirase_line_calls_total", &format!("line=\"{name}\",code=\"{code}\""))
    };
    assert!(calls("delivered") >= 2.0 && calls("busy") >= 1.0);
    assert!(value(&samples, "shirase_line_connected_seconds_total", &name) >= 84.0);
    let states: f64 = samples
        .iter()
        .filter(|sample| {
            sample.name == "shirase_line_state"
                && sample.labels.contains(&format!("line=\"{name}\""))
        })
        .map(|sample| sample.value)
        .sum();
    assert_eq!(states, 1.0, "a line is in one state");
    for private in
        CANARIES.iter().chain([&"0312345678", &"5678", &"1179900012", &"さくら", &"exchange"])
    {
        assert!(!answer.text.contains(private), "{private}");
    }
}

#[tokio::test]
async fn endpoints_are_told_apart_by_their_names_in_the_settings_and_show_no_url() {
    let hour_ago = TUESDAY_10_00.before(Duration::from_secs(3600));
    let board = |name: &str, behind, retrying, oldest| WebhookBoard {
        name: name.into(),
        cursor: 7,
        behind,
        retrying,
        oldest,
        given_up: 4,
        told_at: Some(hour_ago),
        failed: None,
        disabled_at: None,
    };
    let boards = vec![board("slow", 9, 2, Some(hour_ago)), board("of-last-year", 9, 9, None)];
    let taken = || Ok(::webhook::Answered { status: 204, address: [192, 0, 2, 1].into() });
    let tellers =
        Tellers::new(vec![webhooks::endpoint("slow", taken()), webhooks::endpoint("new", taken())]);
    let house = House::with(Setup { tellers, boards, ..Setup::default() }).await;
    let (answer, samples) = scraped(&house).await;
    let of = |name: &str, endpoint: &str| {
        let label = format!("endpoint=\"{endpoint}\"");
        value(&samples, &format!("shirase_webhook_{name}"), &label)
    };
    assert_eq!((of("behind", "slow"), of("retrying", "slow")), (9.0, 2.0));
    assert_eq!((of("given_up_total", "slow"), of("usable", "slow")), (4.0, 1.0));
    let at = hour_ago.0 as f64 / 1000.0;
    assert_eq!(of("oldest_timestamp_seconds", "slow"), at);
    assert_eq!(of("told_timestamp_seconds", "slow"), at);
    assert_eq!(of("usable", "new"), 1.0, "it was not taken on yet");
    assert!(!answer.text.contains("of-last-year"), "not of these settings");
    assert!(!answer.text.contains("example.jp") && !answer.text.contains("https"));
}

#[tokio::test]
async fn receipt_box_and_renewals_show_when_they_last_went_well_and_how_often_not() {
    let pem = tls::examples::valid_until(2026, 12, 1);
    let shown = tls::Certificates::new(&pem, Vec::new()).expect("a pair");
    let renewals = Renewals::new(Some(Arc::new(shown)));
    (0..3).for_each(|_| {
        renewals.stale(Renewable::Tokens, "x".into(), TUESDAY_10_00);
    });
    let inbox = MailboxBoard::new(TUESDAY_10_00);
    inbox.failed();
    inbox.looked(TUESDAY_10_00);
    let mail = MailBoards { inbox: Some(inbox), ..MailBoards::default() };
    let house = House::with(Setup { renewals, mail, ..Setup::default() }).await;
    let (_, samples) = scraped(&house).await;
    let of = |name: &str, label: &str| value(&samples, &format!("shirase_{name}"), label);
    assert_eq!(of("inbox_reading", ""), 0.0);
    assert_eq!(of("inbox_failed_looks_total", ""), 1.0);
    assert_eq!(of("inbox_looked_timestamp_seconds", ""), TUESDAY_10_00.0 as f64 / 1000.0);
    assert_eq!(of("renewals_failed_total", "of=\"tokens\""), 3.0);
    assert_eq!(of("renewals_failed_total", "of=\"certificates\""), 0.0);
    assert_eq!(of("certificate_end_timestamp_seconds", ""), 1_796_083_200.0);
}

#[tokio::test]
async fn metrics_need_a_token_that_may_read() {
    let house = House::with(Setup { scopes: &[Scope::Notify], ..Setup::default() }).await;
    house.get("/metrics").await.is_problem(403, "scope-missing");
}

#[test]
#[should_panic(expected = "has no type")]
fn sample_without_a_type_is_objected_to() {
    read("shirase_x 1\n# EOF\n");
}

#[test]
#[should_panic(expected = "twice")]
fn series_that_stands_twice_is_objected_to() {
    read("# HELP shirase_x What it is.\n# TYPE shirase_x gauge\nshirase_x 1\nshirase_x 2\n# EOF\n");
}

//! Lines as a technician meets them: tested from a terminal, and unplugged in the middle of anything.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{Appliance, Setup};
use crate::softline::page_carriers;

/// Plugs pulled in one run of the tests; `make interop` pulls 50.
const UNPLUGS: u32 = 12;
/// As long as a call takes here, at the speed of the line.
const A_CALL: Duration = Duration::from_secs(4);
/// A modem that is back is in use again within this.
const BACK_WITHIN: Duration = Duration::from_secs(10);
/// A modem that is gone is known within this.
const GONE_WITHIN: Duration = Duration::from_secs(2);
const LINES: [(&str, &str); 3] = [("line1", ""), ("line2", ""), ("line3", "")];

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[test]
fn line_in_order_is_tested_by_a_ring_at_the_other_line_and_a_fax_that_gets_no_page() {
    let appliance = &mut Appliance::start(&Setup {
        fars: &["0355500002=line,to=line2", "0355500009=fax,csi=0355500009,pre=0.2"],
        lines: &[
            ("line1", "test_number = \"03-5550-0009\""),
            ("line2", "number = \"03-5550-0002\""),
        ],
        ..Setup::default()
    });
    appliance.await_line("line1", "ready");
    appliance.await_line("line2", "ready");
    let test = appliance.verb(&["lines", "test", "line1"]);
    let said = text(&test.stdout);
    assert!(test.status.success(), "{said}{}", text(&test.stderr));
    let marks: Vec<&str> = said.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(marks, ["✓", "✓", "✓", "✓", "✓", "line1"], "{said}");
    assert!(said.contains("line2 rings") && said.contains("******0009"), "{said}");

    let calls = appliance.await_calls(2);
    let (ring, fax) = (&calls[0], &calls[1]);
    assert_eq!(ring["answered_s"], Value::Null, "nothing answers: {ring:#}");
    assert_eq!((&fax["pages"], page_carriers(fax)), (&Value::from(0), 0), "{fax:#}");
    let ours = fax["frames"].as_array().expect("frames").iter();
    let ours: Vec<_> = ours.filter(|frame| frame["dir"] == "to_far").map(|f| &f["name"]).collect();
    assert_eq!(ours, ["DCN"], "{fax:#}");

    let shown = text(&appliance.verb(&["lines"]).stdout);
    assert!(shown.lines().nth(1).is_some_and(|line| line.contains('✓')), "{shown}");
}

#[test]
fn page_of_a_test_comes_out_at_the_test_number_and_can_be_drawn_again_to_compare() {
    let appliance = &mut Appliance::start(&Setup {
        fars: &["0355500009=fax,csi=0355500009,pre=0.2"],
        lines: &[("line1", "test_number = \"03-5550-0009\"")],
        ..Setup::default()
    });
    appliance.await_line("line1", "ready");
    let test = appliance.verb(&["lines", "test", "line1", "--page"]);
    let said = text(&test.stdout);
    assert!(test.status.success(), "{said}{}", text(&test.stderr));
    let told = said.lines().find(|line| line.contains("test-page")).expect("the step is told");
    assert!(
        told.starts_with('✓') && told.contains("page confirmed at 14400 bit/s, ECM, "),
        "{told}"
    );
    let id = told.split_whitespace().last().expect("its id");

    let call = appliance.await_calls(1).remove(0);
    assert_eq!(call["pages"], 1, "{call:#}");
    let file = call["file"].as_str().expect("the far end kept a file");
    let settings = appliance.path("shirase.toml");
    let settings = settings.to_str().expect("a path");
    let compare = |id: &str| {
        let sheet = ["sheet", "line_test", "--config", settings, "--id", id, "--compare", file];
        appliance.verb(&sheet)
    };
    let same = compare(id);
    assert!(same.status.success(), "{}", text(&same.stderr));
    let other = compare("01KAQ00000000000000000000A");
    assert_eq!(other.status.code(), Some(6), "another reference: {}", text(&other.stderr));

    let last_test = &appliance.line("line1")["last_test"];
    assert_eq!((&last_test["wanted"], &last_test["passed"]), (&"person-page".into(), &true.into()));
    assert!(appliance.log().contains("line.test.passed"));
}

#[test]
fn dead_line_is_not_in_order_and_the_test_says_what_to_do() {
    let appliance = &mut Appliance::start(&Setup { fars: &["*=nodialtone"], ..Setup::default() });
    appliance.await_line("line1", "ready");
    let test = appliance.verb(&["lines", "test", "line1"]);
    let said = text(&test.stdout);
    assert_eq!(test.status.code(), Some(1), "{said}");
    assert!(said.contains("✗ dial-tone"), "{said}");
    assert!(said.contains("put a telephone on this socket"), "{said}");
    assert!(text(&test.stderr).contains("line1 is not in order"));
    assert!(appliance.log().contains("line.test.failed"));
    // Its modem answers all the while.
    let line = appliance.await_line("line1", "faulty");
    assert_eq!(line["fault"]["code"], "no-dial-tone");
    assert_eq!(appliance.request("GET", "/readyz", &[], b"").code(), "no-line-ready");
}

#[test]
fn unplugged_line_is_known_in_2_s_and_is_back_under_another_name() {
    let appliance = &mut Appliance::start(&Setup::default());
    appliance.await_line("line1", "ready");
    let device = std::fs::read_link(appliance.path("line1")).expect("a link");
    let watch = Watch::start();
    appliance.modem("unplug line1");
    let line = appliance.await_line("line1", "faulty");
    assert!(watch.elapsed() <= GONE_WITHIN, "{:?}", watch.elapsed());
    assert!(
        ["modem-gone", "device-missing"].contains(&line["fault"]["code"].as_str().expect("a code"))
    );
    let ready = appliance.request("GET", "/readyz", &[], b"");
    assert_eq!(ready.code(), "no-line-ready");

    // Another terminal takes its name, so that the modem comes back as another one.
    let _other = serial_pair();
    let watch = Watch::start();
    appliance.modem("plug line1");
    appliance.await_line("line1", "ready");
    assert!(watch.elapsed() <= BACK_WITHIN, "{:?}", watch.elapsed());
    let again = std::fs::read_link(appliance.path("line1")).expect("a link");
    assert_ne!(again, device, "the test was to give it another name");
}

/// A terminal of our own, while this lives.
fn serial_pair() -> std::fs::File {
    std::fs::File::options().read(true).write(true).open("/dev/ptmx").expect("a terminal")
}

#[test]
fn plugs_pulled_at_random_moments_leave_no_line_stuck_and_no_wrong_word_in_the_store() {
    let unplugs = std::env::var("UNPLUGS").map_or(UNPLUGS, |n| n.parse().expect("a number"));
    let appliance = &mut Appliance::start(&Setup {
        fars: &["*=fax,pre=0.2"],
        lines: &LINES,
        ..Setup::default()
    });
    for (name, _) in LINES {
        appliance.await_line(name, "ready");
    }
    let mut random = 0x2026_1125_u32;
    let mut below = |limit: Duration| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        limit.mul_f64(f64::from(random >> 8) / f64::from(1 << 24))
    };
    let mut submitted = Vec::new();
    for round in 0..unplugs.div_ceil(LINES.len() as u32) {
        for place in 0..LINES.len() {
            // A number of its own each, so that no rule about numbers holds a call back.
            let number = format!("03555{:05}", round as usize * LINES.len() + place);
            submitted.push((appliance.submit(&number), number));
        }
        let mut moments: Vec<(Duration, &str)> =
            LINES.iter().map(|(name, _)| (below(A_CALL), *name)).collect();
        moments.sort();
        let watch = Watch::start();
        for (moment, name) in &moments {
            std::thread::sleep(moment.saturating_sub(watch.elapsed()));
            appliance.modem(&format!("unplug {name}"));
        }
        for (_, name) in &moments {
            let watch = Watch::start();
            appliance.modem(&format!("plug {name}"));
            appliance.until(&format!("{name} is back"), |appliance| {
                let line = appliance.line(name);
                ["ready", "calling"].contains(&line["state"].as_str()?).then_some(())
            });
            assert!(watch.elapsed() <= BACK_WITHIN, "{name} after {:?}", watch.elapsed());
        }
    }
    for (name, _) in LINES {
        appliance.await_line(name, "ready");
    }
    // Shown first: a call that begins while they are shown is still on afterwards.
    let (views, calls) = appliance.until("every call is over", |appliance| {
        let views: Vec<Value> = submitted.iter().map(|(id, _)| appliance.show(id)).collect();
        let is_on = views.iter().flat_map(dialled).any(|attempt| !has_rung(&attempt, "hung_up"));
        Some((views, appliance.calls_if_idle().filter(|_| !is_on)?))
    });
    let mut states = std::collections::BTreeMap::<String, u32>::new();
    for (view, (_, number)) in views.iter().zip(&submitted) {
        let seen: Vec<&Value> =
            calls.iter().filter(|call| call["dialled"] == number.as_str()).collect();
        let attempts = heard_by_the_line(view, seen.len());
        for (attempt, call) in attempts.iter().zip(seen) {
            let state = attempt["state"].as_str().expect("a state");
            *states.entry(state.to_owned()).or_default() += 1;
            match state {
                "confirmed" => assert!(has_frame(call, "MCF"), "{attempt:#}{call:#}"),
                "not_sent" => assert!(!has_page(call), "{attempt:#}{call:#}"),
                "uncertain" => assert!(!view["due_at"].is_string(), "no second copy: {view:#}"),
                other => panic!("an attempt is {other}: {view:#}"),
            }
        }
        let confirmed = attempts.iter().any(|attempt| attempt["state"] == "confirmed");
        assert_eq!(view["state"] == "confirmed", confirmed, "{view:#}");
    }
    println!("{unplugs} plugs pulled: {states:?}");
    assert!(states.len() > 1, "the moments were to meet more than one phase: {states:?}");
}

/// The attempts behind the calls that the line saw, in their order. Those whose plug was pulled before ATD had reached the
/// modem were seen by nobody: they must be the shortest, and count as not sent.
fn heard_by_the_line(view: &Value, calls: usize) -> Vec<Value> {
    let mut attempts = dialled(view);
    while attempts.len() > calls {
        let line_ms = |attempt: &Value| {
            let mut rungs = attempt["rungs"].as_array().expect("rungs").iter();
            let hung_up = rungs.find(|rung| rung["name"] == "hung_up").expect("it has one");
            hung_up["detail"]["seen"]["line_ms"].as_u64().expect("a time")
        };
        let (shortest, _) = attempts
            .iter()
            .enumerate()
            .min_by_key(|(_, attempt)| line_ms(attempt))
            .expect("there are more than none");
        let unheard = attempts.remove(shortest);
        assert_eq!(unheard["state"], "not_sent", "the line never saw this: {unheard:#}");
        assert_eq!(unheard["code"], "modem-gone", "the line never saw this: {unheard:#}");
        assert!(u128::from(line_ms(&unheard)) < GONE_WITHIN.as_millis(), "{unheard:#}");
    }
    assert_eq!(attempts.len(), calls, "{view:#}");
    attempts
}

/// The attempts that may have reached the line.
fn dialled(view: &Value) -> Vec<Value> {
    let attempts = view["attempts"].as_array().expect("attempts").iter();
    attempts.filter(|attempt| has_rung(attempt, "dialing")).cloned().collect()
}

fn has_rung(attempt: &Value, name: &str) -> bool {
    attempt["rungs"].as_array().expect("rungs").iter().any(|rung| rung["name"] == name)
}

fn has_frame(call: &Value, name: &str) -> bool {
    call["frames"].as_array().is_some_and(|frames| frames.iter().any(|f| f["name"] == name))
}

/// A carrier with data besides the one behind each DCS, which is training.
fn has_page(call: &Value) -> bool {
    let trainings = call["frames"]
        .as_array()
        .map_or(0, |frames| frames.iter().filter(|frame| frame["name"] == "DCS").count());
    page_carriers(call) > trainings
}

/// Time as a person at the machine measures it.
struct Watch(std::time::Instant);

impl Watch {
    #[expect(
        clippy::disallowed_methods,
        reason = "what is measured is the time that passes outside"
    )]
    fn start() -> Self {
        Self(std::time::Instant::now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

//! Any far end at all: the session ends, within bounds, and never claims what was not confirmed.

use proptest::prelude::*;
use t30::{Modulation, SenderSettings};

use crate::far_end::{Story, page};

/// One word of a script: mostly replies that make sense somewhere, some that never do.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec![
            "CFR", "MCF", "CTR", "FTT", "RTN", "RTP", "PIP", "PPR 0", "PPR 0 1 2 3 200", "PPR",
            "RNR", "CRP", "ERR", "quiet", "noise", "PIN", "DCN", "DTC", "FDM",
        ])
        .prop_map(str::to_owned),
        2 => prop::sample::select(vec![
            "DIS 00 EE F8 44", "DIS 00 EE 78", "DIS 00 02 F8 04", "DIS 00 CE 08", "DIS",
        ])
        .prop_map(str::to_owned),
        1 => (0_u32..40_000, prop::sample::select(vec!["MCF", "DIS 00 EE F8 44", "CFR"]))
            .prop_map(|(wait, word)| format!("later {wait} {word}")),
        2 => prop::collection::vec(any::<u8>(), 0..300).prop_map(raw),
        2 => prop::collection::vec(any::<u8>(), 0..40)
            .prop_map(|fif| raw([vec![0xFF, 0x13, 0x80], fif].concat())),
        1 => (any::<u8>(), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(fcf, fif)| raw([vec![0xFF, 0x13, fcf], fif].concat())),
    ]
}

fn raw(octets: Vec<u8>) -> String {
    octets.iter().fold("raw".to_owned(), |text, octet| format!("{text} {octet:02X}"))
}

fn settings() -> impl Strategy<Value = SenderSettings> {
    let fastest = prop::sample::select(vec![
        Modulation::V17At14400,
        Modulation::V29At9600,
        Modulation::V27ter2400,
    ]);
    (1_u16..4, any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), fastest).prop_map(
        |(pages, fine, ecm, mr, mmr, fastest)| SenderSettings {
            tsi: None,
            pages,
            fine,
            ecm,
            mr,
            mmr,
            fastest,
        },
    )
}

/// Most scripts begin well, or they would never get past phase A.
fn script() -> impl Strategy<Value = Vec<String>> {
    let opening = prop::sample::select(vec![
        vec!["DIS 00 EE F8 44", "CFR"],
        vec!["DIS 00 EE 78", "CFR"],
        vec!["DIS 00 EE F8 44"],
        vec![],
    ]);
    (opening, prop::collection::vec(word(), 0..60))
        .prop_map(|(opening, rest)| opening.into_iter().map(str::to_owned).chain(rest).collect())
}

/// Replies that may confirm: MCF, RTP, PIP with either X, found as octets.
fn confirms(line: &str) -> bool {
    let word = line.trim_start_matches("< ");
    let raw_fcf = word.strip_prefix("raw FF ").and_then(|rest| {
        let mut octets = rest.split(' ');
        let control = octets.next()?;
        matches!(control, "03" | "13").then(|| octets.next()).flatten()
    });
    matches!(word, "MCF" | "RTP" | "PIP")
        || matches!(raw_fcf, Some("8C" | "8D" | "CC" | "CD" | "AC" | "AD"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn any_far_end_ends_and_confirms_only_what_it_said(
        script in script(),
        settings in settings(),
    ) {
        let pages = (0..settings.pages).map(|n| page(300 + usize::from(n))).collect::<Vec<_>>();
        let want = settings.pages;
        let story = Story { settings, pages, script, ..Story::new([]) };
        let call = story.play();

        // Each line on the wire is bounded by the script, then by three tries of silence.
        prop_assert!(call.end_ms < 45 * 60_000, "{} ms", call.end_ms);
        let confirmed = call.events().iter().filter(|e| e.starts_with("! confirmed")).count();
        prop_assert_eq!(confirmed, usize::from(call.pages_confirmed));
        prop_assert_eq!(call.result.is_ok(), call.pages_confirmed == want);
        if call.pages_confirmed > 0 {
            prop_assert!(call.page_started);
        }
        // The word right before each confirmation is one that confirms.
        for (at, _) in call.lines.iter().enumerate().filter(|(_, l)| l.starts_with("! confirmed")) {
            let before = call.lines[..at].iter().rev().find(|l| l.starts_with('<')).unwrap();
            prop_assert!(confirms(before), "confirmed after {before}");
        }
        // No page octet without leave, asked right before.
        for (at, _) in call.lines.iter().enumerate().filter(|(_, l)| l.starts_with("> page")) {
            prop_assert!(call.lines[at - 1].starts_with("? start"));
        }
        // DCN is the last we send if it is sent at all.
        let dcns = call.sent().iter().filter(|l| **l == "> DCN").count();
        prop_assert!(dcns <= 1);
        prop_assert!(dcns == 0 || call.sent().last() == Some(&"> DCN"));
    }
}

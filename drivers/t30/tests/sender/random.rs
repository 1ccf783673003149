//! Any far end and any caller at all: the session ends, within its bounds, and never claims what was
//! not confirmed.

use std::collections::VecDeque;

use proptest::prelude::*;
use t30::{Modulation, SenderSettings};

use crate::frames::frame;
use crate::line::{self, AbortAt, Carrier, FarEnd, GAP_MS, Heard, Host, Played, Sound};
use crate::script::page;

/// T1, and the wait for frames that are under way then.
const T1_MS: u64 = 35_000;
const T4_MS: u64 = 3_000;
const T5_MS: u64 = 60_000;
/// A frame on the line, and how many of them one wait hears at most.
const FRAME_MS: u64 = 3_450;
const FRAMES_PER_WAIT: u64 = 64;

/// A far end that says these one after the other, whatever it hears, and is quiet then.
#[derive(Debug)]
struct Chance {
    answers: VecDeque<Vec<Carrier>>,
    of_itself: Vec<(u64, Carrier)>,
}

impl FarEnd for Chance {
    fn answer(&mut self, _heard: &Heard) -> Vec<Carrier> {
        self.answers.pop_front().unwrap_or_default()
    }

    fn of_itself(&mut self) -> Vec<(u64, Carrier)> {
        std::mem::take(&mut self.of_itself)
    }
}

/// Frames that make sense somewhere.
const GOOD: [&str; 28] = [
    "CFR",
    "CFR",
    "MCF",
    "MCF",
    "CTR",
    "FTT",
    "RTN",
    "RTP",
    "PIP",
    "PPR 0",
    "PPR 0-3 200",
    "PPR",
    "RNR",
    "CRP",
    "ERR",
    "PIN",
    "DCN",
    "DTC v17",
    "FDM",
    "CSI 03 1234 5678",
    "NSF 00 00 0E",
    "DIS v17 fine mr any 0ms ecm mmr",
    "DIS v17 fine any 0ms ecm t85",
    "DIS v17 fine mr any 0ms",
    "DIS v29 20ms sub pwd",
    "DIS v27ter-2400 ecm b4",
    "DIS hex",
    "DIS hex FF FF FF FF FF FF FF FF",
];

fn sound() -> impl Strategy<Value = Sound> {
    let good = prop::sample::select(GOOD.to_vec());
    prop_oneof![
        8 => (good, any::<bool>()).prop_map(|(text, more)| Sound::Frame(frame(text, more).unwrap())),
        1 => (0_usize..200).prop_map(Sound::Noise),
        1 => Just(Sound::Echo),
        1 => prop::collection::vec(any::<u8>(), 0..256).prop_map(Sound::Frame),
        // Any control field, any FIF.
        2 => (any::<u8>(), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(fcf, fif)| Sound::Frame([vec![0xFF, 0x13, fcf], fif].concat())),
    ]
}

fn carrier() -> impl Strategy<Value = Carrier> {
    let after_ms = prop_oneof![6 => Just(GAP_MS), 1 => 0_u64..40_000, 1 => 2_500_u64..3_500];
    let sounds = prop_oneof![
        12 => prop::collection::vec(sound(), 1..3),
        1 => prop::collection::vec(sound(), 3..90),
    ];
    (after_ms, sounds).prop_map(|(after_ms, sounds)| Carrier { after_ms, sounds })
}

fn far_end() -> impl Strategy<Value = Chance> {
    let opening = prop::sample::select(vec![
        "DIS v17 fine mr any 0ms ecm mmr sub pwd",
        "DIS v17 fine mr any 0ms ecm mmr sub pwd t85",
        "DIS v17 fine mr any 20ms",
        "DIS v27ter ecm",
        "DIS hex",
    ]);
    let answer = || prop::collection::vec(carrier(), 0..3);
    // Most begin well, or they would never get past phase A; and some do it right for a while.
    let answers = prop_oneof![
        1 => prop::collection::vec(answer(), 0..40),
        6 => (opening, 0_usize..2, prop::collection::vec(answer(), 0..40)).prop_map(
            |(dis, trained, rest)| {
                let one = |text| {
                    let sounds = vec![Sound::Frame(frame(text, false).unwrap())];
                    vec![Carrier { after_ms: GAP_MS, sounds }]
                };
                let cfr = std::iter::repeat_n("CFR", trained).map(one);
                std::iter::once(one(dis)).chain(cfr).chain(rest).collect()
            }
        ),
    ];
    let of_itself = prop::collection::vec((0_u64..60_000, carrier()), 0..3);
    (answers, of_itself)
        .prop_map(|(answers, of_itself)| Chance { answers: answers.into(), of_itself })
}

fn settings() -> impl Strategy<Value = SenderSettings> {
    let fastest = prop::sample::select(vec![
        Modulation::V17At14400,
        Modulation::V29At9600,
        Modulation::V27ter2400,
    ]);
    let box_of = (any::<bool>(), any::<bool>(), prop::sample::select(vec![297_u16, 297, 364, 400]));
    (1_u16..4, any::<[bool; 5]>(), fastest, box_of).prop_map(
        |(pages, [fine, ecm, mr, mmr, t85], fastest, (sub, pwd, longest_page_mm))| SenderSettings {
            fine,
            ecm,
            mr,
            mmr,
            t85,
            fastest,
            longest_page_mm,
            sub: sub.then(|| t30::Subaddress::parse("1").unwrap()),
            pwd: pwd.then(|| t30::Password::parse("2").unwrap()),
            ..SenderSettings::new(pages)
        },
    )
}

fn host() -> impl Strategy<Value = Host> {
    let answers = || {
        prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(any::<bool>(), 0..4)]
            .prop_map(VecDeque::from)
    };
    let abort = prop_oneof![
        8 => Just(None),
        1 => (0_u64..100_000).prop_map(|at| Some(AbortAt::Time(at))),
        1 => prop::sample::select(vec!["? lengths", "> DCS", "> tcf", "> page", "> PPS", "? start", "> DCN"])
            .prop_map(|words| Some(AbortAt::Line(words.to_owned()))),
    ];
    let octets = prop_oneof![9 => 0_usize..900, 1 => Just(65_600)];
    let lengths = prop::collection::vec(any::<usize>(), 0..5);
    (answers(), answers(), abort, prop::collection::vec(octets, 3), lengths).prop_map(
        |(judges, starts, abort, octets, lengths)| Host {
            pages: octets.into_iter().map(page).collect(),
            lengths,
            judges,
            starts,
            abort,
        },
    )
}

/// Commands that a call of so many pages puts on the line at most: each page has two resends after RTN
/// and one training each; a training goes down seven rates in three tries each; a page has two blocks
/// at most, each with four PPR at each of seven rates, each of them three tries of PPS, RR, CTC or EOR in turn, and
/// RR for each T5.
fn most_commands(pages: u64) -> u64 {
    let training = 7 * 3 * 2;
    let busy = T5_MS / 1_000 * 3;
    let block = 7 * (4 * (1 + 3 + busy) + 3) + 3;
    (1 + pages * 3) * (training + 2 * block)
}

/// Everything about a call that must hold whoever was at the other end.
fn check(played: &Played, pages: u16) -> Result<(), TestCaseError> {
    let marked = |mark: &str| {
        let lines = played.lines.iter().enumerate();
        let mark = format!(" {mark}");
        lines.filter(move |(_, line)| line.get(8..).is_some_and(|rest| rest.starts_with(&mark)))
    };

    // Bounds: of one wait, and of the number of commands; so of the whole.
    let wait_ms = T1_MS + FRAMES_PER_WAIT * FRAME_MS;
    prop_assert!(played.longest_wait_ms <= wait_ms, "{} ms", played.longest_wait_ms);
    let commands = marked("> ").filter(|(_, line)| !line.contains("> listen")).count();
    let most = most_commands(u64::from(pages));
    prop_assert!(u64::try_from(commands).unwrap() <= most, "{commands} of {most} commands");
    let longest_ms = wait_ms + most * (T4_MS + FRAMES_PER_WAIT * FRAME_MS);
    prop_assert!(played.ended_ms <= longest_ms, "{} ms", played.ended_ms);

    // One ending, which is the last line.
    prop_assert_eq!(marked("= ").map(|(at, _)| at).collect::<Vec<_>>(), [played.lines.len() - 1]);

    // Nothing is confirmed but by the frame heard right before, after the command that ended the page,
    // after its last octet.
    let mut confirmed = 0;
    for (at, _) in marked("! confirmed") {
        confirmed += 1;
        let before = || played.lines[..at].iter().rev().filter(|line| !line.contains(" ~ "));
        let heard = before().next().unwrap();
        prop_assert!(
            [" < MCF", " < RTP", " < PIP"].iter().any(|word| heard.contains(word)),
            "confirmed by {}",
            heard
        );
        let sent = before().filter(|line| line.contains(" > ") && !line.contains("> listen"));
        let after_page = sent.take_while(|line| !line.contains("> page"));
        let ends = ["> EOP", "> MPS", "> PPS 2F", "> PPS 4F"];
        prop_assert!(
            after_page.clone().any(|line| ends.iter().any(|end| line.contains(end))),
            "nothing ended the page"
        );
    }
    prop_assert_eq!(confirmed, played.pages_confirmed);
    prop_assert_eq!(played.result.is_ok(), confirmed == pages);

    // No page octet without leave, asked right before; and it is known that one left.
    let mut started = false;
    for (at, _) in marked("> page") {
        started = true;
        prop_assert!(
            played.lines[at - 1].contains("? start") && played.lines[at - 1].contains("yes")
        );
    }
    prop_assert_eq!(started, played.page_started);

    // DCN is the last we send, if we send it.
    let mut after_dcn = marked("> ").skip_while(|(_, line)| !line.contains("> DCN")).skip(1);
    prop_assert!(after_dcn.next().is_none());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_far_end_ends_and_confirms_only_what_it_said(
        mut far in far_end(),
        settings in settings(),
        host in host(),
    ) {
        let played = line::play(&settings, host, &mut far);
        check(&played, settings.pages)?;
    }
}

/// The bound of a wait is checked against waits that are far from it; this one comes near.
#[test]
fn carrier_without_end_is_left_after_its_frames() {
    let sounds: Vec<Sound> = (0..100).map(|_| Sound::Noise(150)).collect();
    let carrier = Carrier { after_ms: GAP_MS, sounds };
    let mut far = Chance { answers: VecDeque::new(), of_itself: vec![(34_000, carrier)] };
    let host = Host {
        pages: vec![page(9)],
        lengths: Vec::new(),
        judges: VecDeque::new(),
        starts: VecDeque::new(),
        abort: None,
    };
    let played = line::play(&SenderSettings::new(1), host, &mut far);
    assert_eq!(played.result.unwrap_err().code(), "dis-garbled");
    assert!(played.ended_ms < 34_000 + 5_000, "{} ms", played.ended_ms);
}

//! Any frames, at any time, into a session: it ends, and claims no page that nobody confirmed.
#![no_main]

use arbitrary::Arbitrary;
use t30::{Event, Fast, Input, LineAction, Millis, Output, Question, Sender, SenderSettings};

#[derive(Arbitrary, Debug)]
struct Call {
    pages: u8,
    ecm: bool,
    /// The page is longer than a block.
    long: bool,
    heard: Vec<Heard>,
    answers: Vec<Answer>,
}

#[derive(Arbitrary, Debug)]
enum Heard {
    Octets(Vec<u8>),
    Frame {
        last: bool,
        fcf: u8,
        fif: Vec<u8>,
    },
    /// A signal that makes sense somewhere.
    Known {
        signal: u8,
        after: u16,
    },
    Bad,
    Quiet,
}

#[derive(Arbitrary, Debug, PartialEq)]
enum Answer {
    Yes,
    No,
    Abort,
    /// Something that was not asked for.
    Misplaced,
}

/// DIS with everything but T.85, DIS with T.85, CFR, MCF, FTT, RTN, RTP, PPR of frame 0, RNR, CTR, ERR, CRP, DCN.
const KNOWN: [&[u8]; 13] = [
    &[0xFF, 0x13, 0x80, 0x00, 0xEE, 0xF8, 0x44],
    &[0xFF, 0x13, 0x80, 0x00, 0xEE, 0xF8, 0xC4, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20],
    &[0xFF, 0x13, 0x84],
    &[0xFF, 0x13, 0x8C],
    &[0xFF, 0x13, 0x44],
    &[0xFF, 0x13, 0x4C],
    &[0xFF, 0x13, 0xCC],
    &[0xFF, 0x13, 0xBC, 0x01],
    &[0xFF, 0x13, 0xEC],
    &[0xFF, 0x13, 0xC4],
    &[0xFF, 0x13, 0x1C],
    &[0xFF, 0x13, 0x1A],
    &[0xFF, 0x13, 0xFA],
];
/// MCF, RTP and PIP, in line order, X as 0.
const CONFIRMING: [u8; 3] = [0x8C, 0xCC, 0xAC];
/// Commands of one page, with all its retries, stay far below; see the bound of the property test.
const MOST_TURNS: usize = 60_000;
const BLOCK_OCTETS: usize = 65_536;

libfuzzer_sys::fuzz_target!(|call: Call| {
    let pages = u16::from(call.pages % 3);
    let settings = SenderSettings { ecm: call.ecm, ..SenderSettings::new(pages) };
    let mut sender = Sender::new(settings);
    let (mut heard, mut answers) = (call.heard.into_iter(), call.answers.into_iter());
    let mut now = 0_u64;
    let (mut page_out, mut ended, mut last_heard) = (false, false, None);
    let mut confirmed = 0;
    for turn in 0.. {
        assert!(turn < MOST_TURNS, "the call never ends");
        let output = sender.poll(Millis(now));
        let yes = match &output {
            Output::Ended(result) => {
                assert_eq!(sender.pages_confirmed(), confirmed);
                assert_eq!(result.is_ok(), pages > 0 && confirmed == pages);
                assert_eq!(sender.page_started(), page_out);
                // It stays that way.
                sender.handle(Millis(now), Input::Sent);
                assert_eq!(sender.poll(Millis(now)), output);
                return;
            }
            Output::Event(Event::Confirmed(_)) => {
                confirmed += 1;
                assert!(ended && page_out, "confirmed before the page was ended");
                let by = last_heard.take().expect("nothing was heard");
                assert!(CONFIRMING.contains(&(by & !1)), "confirmed by {by:02X}");
                ended = false;
                continue;
            }
            Output::Event(_) => continue,
            Output::Line(LineAction::Receive { until }) => {
                let deadline = until.0.max(now);
                let input = match heard.next() {
                    Some(Heard::Octets(octets)) => Input::Frame(octets),
                    Some(Heard::Frame { last, fcf, fif }) => {
                        let control = if last { 0x13 } else { 0x03 };
                        Input::Frame([&[0xFF, control, fcf], fif.as_slice()].concat())
                    }
                    Some(Heard::Known { signal, after }) => {
                        now += u64::from(after);
                        Input::Frame(KNOWN[usize::from(signal) % KNOWN.len()].to_vec())
                    }
                    Some(Heard::Bad) => Input::BadFrame,
                    Some(Heard::Quiet) | None => {
                        now = deadline;
                        Input::Quiet
                    }
                };
                if let Input::Frame(octets) = &input {
                    let _ = t30::describe(octets);
                    t30::cover(&mut octets.clone());
                    last_heard = octets.get(2).copied();
                }
                now += 10;
                sender.handle(Millis(now), input);
                continue;
            }
            Output::Line(LineAction::SendControl { frames, .. }) => {
                now += 1_000;
                match frames.last().map(Vec::as_slice) {
                    Some([_, _, 0x2F | 0x4F] | [_, _, 0xBF, 0x2F | 0x4F, ..]) => ended = page_out,
                    Some(_) | None => {}
                }
                Input::Sent
            }
            Output::Line(LineAction::SendFast { what: Fast::Page { .. }, octets, .. }) => {
                assert!(!octets.is_empty());
                (page_out, ended) = (true, false);
                Input::Sent
            }
            Output::Line(LineAction::SendFast { what: Fast::Tcf, .. }) => Input::Sent,
            Output::Ask(Question::FarEnd(far_end)) => {
                assert!(far_end.csi.as_ref().is_none_or(|csi| csi.is_ascii() && csi.len() <= 20));
                Input::Judged(true)
            }
            Output::Ask(Question::Lengths { contracts, .. }) => {
                // The denser, the shorter.
                Input::Lengths((0..contracts.len()).rev().map(|place| 300 * place).collect())
            }
            Output::Ask(Question::Page { .. }) => {
                Input::Page(vec![0x5A; if call.long { BLOCK_OCTETS + 1 } else { 300 }])
            }
            Output::Ask(Question::PageStart { .. }) => Input::PageMayStart(true),
        };
        let answer = match answers.next() {
            Some(Answer::Yes) | None => yes,
            Some(Answer::Abort) => Input::Abort,
            Some(Answer::Misplaced) => Input::PageMayStart(true),
            Some(Answer::No) => match yes {
                Input::Judged(_) => Input::Judged(false),
                Input::PageMayStart(_) => Input::PageMayStart(false),
                Input::Lengths(_) => Input::Lengths(Vec::new()),
                Input::Page(_) => Input::Page(Vec::new()),
                other => other,
            },
        };
        sender.handle(Millis(now), answer);
    }
});

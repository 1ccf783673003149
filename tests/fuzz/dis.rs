//! Any DIS, and the DCS that is made from it: a contract never has what the DIS does not offer.
//!
//! Reads both by the numbers of ITU-T T.30 (09/2005) table 2, sharing nothing with `drivers/t30`.
#![no_main]

use arbitrary::Arbitrary;
use t30::{
    CallError, Coding, Event, Input, LineAction, Millis, Modulation, Output, Password, Question,
    Resolution, Sender, SenderSettings, Subaddress,
};

#[derive(Arbitrary, Debug)]
struct Call {
    fine: bool,
    ecm: bool,
    mr: bool,
    mmr: bool,
    t85: bool,
    /// Octets of the page in each coding, plainest first.
    lengths: Vec<u32>,
    sub: bool,
    pwd: bool,
    fastest: u8,
    longest_page_mm: u16,
    dis: Vec<u8>,
}

/// Bit `number` of a FIF, from 1; octets behind a clear extend bit are not there.
fn bit(fif: &[u8], number: usize) -> bool {
    let octet = (number - 1) / 8;
    let is_set = |octet: usize, bit: usize| fif.get(octet).is_some_and(|o| o >> bit & 1 == 1);
    (3..=octet).all(|o| is_set(o - 1, 7)) && is_set(octet, (number - 1) % 8)
}

/// Bits 11 to 14 as the table prints them.
fn rate_bits(fif: &[u8]) -> [bool; 4] {
    [11, 12, 13, 14].map(|number| bit(fif, number))
}

libfuzzer_sys::fuzz_target!(|call: Call| {
    if call.dis.len() > 253 {
        return;
    }
    let fastest = [Modulation::V17At14400, Modulation::V29At9600, Modulation::V27ter4800];
    let settings = SenderSettings {
        fine: call.fine,
        ecm: call.ecm,
        mr: call.mr,
        mmr: call.mmr,
        t85: call.t85,
        fastest: fastest[usize::from(call.fastest) % fastest.len()],
        longest_page_mm: call.longest_page_mm,
        sub: call.sub.then(|| Subaddress::parse("12").unwrap()),
        pwd: call.pwd.then(|| Password::parse("34").unwrap()),
        ..SenderSettings::new(1)
    };
    let mut sender = Sender::new(settings);
    let now = Millis(0);
    assert!(matches!(sender.poll(now), Output::Line(LineAction::Receive { .. })));
    let mut frame = vec![0xFF, 0x13, 0x80];
    frame.extend(&call.dis);
    sender.handle(now, Input::Frame(frame.clone()));
    let described = t30::describe(&frame);
    assert_eq!(described.name, "DIS");
    assert!(described.meaning.bytes().all(|octet| matches!(octet, b' '..=b'~')));
    let Output::Ask(Question::FarEnd(far_end)) = sender.poll(now) else { panic!("no question") };
    assert_eq!(far_end.dis, call.dis);
    sender.handle(now, Input::Judged(true));

    let dis = |number| bit(&call.dis, number);
    let mut agreed = None;
    let frames = loop {
        match sender.poll(now) {
            Output::Event(Event::Agreed(contract)) => agreed = Some(contract),
            Output::Event(_) => {}
            Output::Ask(Question::Lengths { page: 0, contracts }) => {
                let codings: Vec<Coding> = contracts.iter().map(|it| it.coding).collect();
                let ecm = call.ecm && dis(27);
                let denser = [
                    (Coding::Mr, call.mr && dis(16)),
                    (Coding::Mmr, ecm && call.mmr && dis(31)),
                    (Coding::T85, ecm && call.t85 && dis(78)),
                ];
                let denser = denser.into_iter().filter(|(_, both)| *both).map(|(coding, _)| coding);
                assert!(codings.into_iter().eq(std::iter::once(Coding::Mh).chain(denser)));
                let lengths = call.lengths.iter().map(|&octets| octets as usize).collect();
                sender.handle(now, Input::Lengths(lengths));
            }
            Output::Line(LineAction::SendControl { frames, .. }) => break frames,
            other => panic!("{other:?}"),
        }
    };
    let dcs = frames.last().expect("a carrier has a frame");
    let Some(contract) = agreed else {
        // Refused: DCN, for a reason that the DIS gives.
        assert_eq!(*dcs, [0xFF, 0x13, 0xFB]);
        sender.handle(now, Input::Sent);
        let Output::Ended(Err(error)) = sender.poll(now) else { panic!("not ended") };
        let limit_mm = match (dis(19), dis(20)) {
            (true, false) => 364,
            (false, true) => u16::MAX,
            (false, false) | (true, true) => 297,
        };
        let reason = match error {
            CallError::CannotReceive => !dis(10),
            CallError::NoSubaddress => call.sub && !dis(49),
            CallError::NoPassword => call.pwd && !dis(50),
            CallError::PageTooLong { .. } => call.longest_page_mm > limit_mm,
            CallError::Incompatible => rate_bits(&call.dis) == [true, false, false, false],
            other => panic!("{other}"),
        };
        assert!(reason);
        return;
    };

    let [0xFF, 0x13, 0x83, fif @ ..] = dcs.as_slice() else { panic!("no DCS: {dcs:02X?}") };
    let told = |number| bit(fif, number);
    assert_eq!(frames.len(), 1 + usize::from(call.sub) + usize::from(call.pwd));
    // Asked for only what is offered and wanted.
    assert!(told(10) && dis(10));
    for (number, wanted) in [(15, call.fine), (16, call.mr), (27, call.ecm), (31, call.mmr), (78, call.t85)] {
        assert!(!told(number) || (dis(number) && wanted), "bit {number}");
    }
    assert!(!told(31) || told(27), "T.6 needs error correction");
    assert!(!told(78) || told(27), "T.85 needs error correction");
    assert!([16, 31, 78].into_iter().filter(|&bit| told(bit)).count() <= 1, "one coding");
    assert!(!told(79), "stripes of 128 rows");
    assert_eq!((told(49), told(50)), (call.sub, call.pwd));
    assert!((!call.sub || dis(49)) && (!call.pwd || dis(50)));
    // Length: no more than offered, and no less than the page needs.
    match (told(19), told(20)) {
        (false, false) => assert!(call.longest_page_mm <= 297),
        (true, false) => assert!(dis(19) && !dis(20) && call.longest_page_mm <= 364),
        (false, true) => assert!(dis(20) && !dis(19)),
        (true, true) => panic!("the table calls this invalid"),
    }
    // Modulation: of a family that is offered, at a rate of it.
    let [b11, b12, b13, b14] = rate_bits(&call.dis);
    let (v17, v29) = (
        (b11, b12, b13, b14) == (true, true, false, true),
        matches!((b11, b12, b13, b14), (true, true, _, false) | (true, false, false, false)),
    );
    match contract.modulation {
        Modulation::V17At14400
        | Modulation::V17At12000
        | Modulation::V17At9600
        | Modulation::V17At7200 => assert!(v17),
        Modulation::V29At9600 | Modulation::V29At7200 => assert!(v17 || v29),
        Modulation::V27ter4800 => assert!(b12),
        Modulation::V27ter2400 => {}
    }
    // What the caller is told is what the far end is told.
    assert_eq!(contract.ecm, told(27));
    assert_eq!(contract.resolution == Resolution::Fine, told(15));
    let coding = match (told(78), told(31), told(16)) {
        (true, _, _) => Coding::T85,
        (false, true, _) => Coding::Mmr,
        (false, false, true) => Coding::Mr,
        (false, false, false) => Coding::Mh,
    };
    assert_eq!(contract.coding, coding);
    assert!(!contract.ecm || contract.min_scan_line.is_zero());
    let scan_line_ms = |bits: [bool; 3], fine| match bits {
        [false, false, false] => 20,
        [true, false, false] => 5,
        [false, true, false] => 10,
        [false, false, true] => 40,
        [false, true, true] => {
            if fine {
                5
            } else {
                10
            }
        }
        [true, true, false] => {
            if fine {
                10
            } else {
                20
            }
        }
        [true, false, true] => {
            if fine {
                20
            } else {
                40
            }
        }
        [true, true, true] => 0,
    };
    if !contract.ecm {
        let offered = scan_line_ms([dis(21), dis(22), dis(23)], told(15));
        assert_eq!(contract.min_scan_line.as_millis(), offered);
        assert_eq!(scan_line_ms([told(21), told(22), told(23)], told(15)), offered);
    }
});

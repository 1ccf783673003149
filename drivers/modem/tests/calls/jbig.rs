//! T.85 through a Class 1 modem to a far end that offers it; the one on the software line does not.
//!
//! Not here: each state of the session with it (`drivers/t30`), a receiver by others (`make interop`).

use std::io::Write as _;
use std::process::{Command, Stdio};

use t4::Page;
use t30::Coding;

use super::*;

/// `DIS` with fine, ECM, MR, MMR and T.85 (T.30 table 2, bits 27, 16, 31, 78).
const DIS_T85: [u8; 13] =
    [0xFF, 0x13, 0x80, 0x00, 0xEE, 0xF8, 0xC4, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
const RTN: [u8; 3] = [0xFF, 0x13, 0x4C];

fn far_end(answers: &[&[u8]]) -> FakeModem {
    let answers = answers.iter().map(|frame| Answer::frame(frame, "OK"));
    FakeModem::new()
        .on("ATD", [Answer::frame(&DIS_T85, "OK").after(Duration::from_secs(9))])
        .on("AT+FRH=3", answers.chain([Answer::nothing()]))
}

/// Lines of letters that are not there, in which T.85 is shorter than MMR.
fn sheet() -> Page {
    let mut page = Page::new(t4::WIDTH_A4_PELS, t4::Resolution::Fine);
    let black = |x: usize, y: usize| {
        let (letter, line) = (x / 24, y / 40);
        let ink = (letter * 7 + line * 13) % 5 > 0;
        ink && x % 24 < 18 && y % 40 < 26 && (x * (letter % 4 + 1) + y * (line % 3 + 2)) % 19 < 7
    };
    for y in 0..600 {
        let mut row = vec![0_u8; page.row_octets()];
        (0..1728).filter(|&x| black(x, y)).for_each(|x| row[x / 8] |= 0x80 >> (x % 8));
        page.push_row(&row).unwrap();
    }
    page
}

/// The page octets of each carrier of a block, as its frames brought them, with the zeros behind.
fn pages_sent(called: &mut Called) -> Vec<Vec<u8>> {
    let carriers = called.data().into_iter().map(|data| hdlc::read(&data));
    let blocks = carriers.filter(|block| block.rcps == 3).inspect(|block| assert_eq!(block.bad, 0));
    blocks.map(|block| block.frames.into_values().flatten().collect()).collect()
}

fn dcs_sent(called: &mut Called) -> Vec<Vec<u8>> {
    called.data().into_iter().filter(|data| data.starts_with(&[0xFF, 0x13, 0x83])).collect()
}

/// Pels as `jbgtopbm85` of jbigkit sees them.
fn as_jbigkit_reads(octets: &[u8], page: &Page) -> Vec<u8> {
    let mut child = Command::new("jbgtopbm85")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("jbgtopbm85 does not start ({e}); install jbigkit-bin"));
    let (mut stdin, octets) = (child.stdin.take().unwrap(), octets.to_vec());
    let writer = std::thread::spawn(move || stdin.write_all(&octets));
    let read = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(read.status.success(), "{:?}", read.status);
    let pels = page.bits().len();
    assert!(read.stdout.starts_with(b"P4"));
    read.stdout[read.stdout.len() - pels..].to_vec()
}

#[test]
fn page_in_t85_arrives_as_two_decoders_read_it() {
    let sheet = sheet();
    let host = Host { sheet: Some(sheet.clone()), ..Host::default() };
    let mut called = make(far_end(&[&CFR, &MCF]), &call(), host);
    assert_eq!(called.report.ending, Ending::Delivered);
    let contract = called.report.contract.clone().unwrap();
    assert_eq!((contract.coding, contract.ecm), (Coding::T85, true));
    assert_eq!(
        dcs_sent(&mut called),
        [[0xFF, 0x13, 0x83, 0x00, 0x62, 0xF8, 0x84, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20]]
    );
    let sent = pages_sent(&mut called);
    let [octets] = sent.as_slice() else { panic!("{} blocks", sent.len()) };

    // What a receiver has of the page: whole frames, zeros behind the last octet.
    let coded = t4::jbig::encode(&sheet, &t4::jbig::JbigSettings::basic());
    let (page, behind) = octets.split_at(coded.len());
    assert!(page == coded && behind.len() < 256 && behind.iter().all(|&octet| octet == 0));
    assert_eq!(octets[12..16], [0, 0, 0, 128], "rows of a stripe: bit 79 was not asked for");
    let ours = t4::jbig::decode(octets, t4::Resolution::Fine).unwrap();
    assert!(ours == sheet, "our decoder reads other pels");
    assert!(as_jbigkit_reads(page, &sheet) == sheet.bits(), "jbgtopbm85 reads other pels");

    let again = replay(&called.report.trace);
    assert!(matches!(again, Replay::Same { ended: true, .. }), "{again:?}");
}

#[test]
fn machine_that_offers_t85_and_rejects_the_page_gets_it_in_mmr() {
    let sheet = sheet();
    let host = Host { sheet: Some(sheet.clone()), ..Host::default() };
    let mut called = make(far_end(&[&CFR, &RTN, &CFR, &MCF]), &call(), host);
    assert_eq!(called.report.ending, Ending::Delivered);
    assert_eq!(called.report.contract.clone().unwrap().coding, Coding::Mmr);
    let sent = pages_sent(&mut called);
    let mmr = t4::Encoding::line(t4::Coding::Mmr, t4::BitOrder::LsbFirst, 0);
    let [_in_t85, octets] = sent.as_slice() else { panic!("{} blocks", sent.len()) };
    assert!(octets.starts_with(&t4::encode(&sheet, &mmr)));
}

#[test]
fn call_that_does_not_want_t85_gets_mmr_and_a_shorter_page_in_mh_goes_in_mh() {
    let plain = Call { t85: false, ..call() };
    let host = || Host { sheet: Some(sheet()), ..Host::default() };
    let called = make(far_end(&[&CFR, &MCF]), &plain, host());
    assert_eq!(called.report.contract.unwrap().coding, Coding::Mmr);

    // Every row unlike the one above it, so that MR and MMR cost more than MH.
    let mut page = Page::new(t4::WIDTH_A4_PELS, t4::Resolution::Fine);
    for row in 0..400 {
        let octets: Vec<u8> = (0..page.row_octets())
            .map(|at| if (at + row * 3) % 7 < 3 { 0xF0 } else { 0x00 })
            .collect();
        page.push_row(&octets).unwrap();
    }
    let host = Host { sheet: Some(page), ..Host::default() };
    let called = make(far_end(&[&CFR, &MCF]), &plain, host);
    assert_eq!(called.report.contract.unwrap().coding, Coding::Mh);
}

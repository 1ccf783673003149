//! Pages over the software line to a far end that nobody here wrote, libspandsp's T.30 terminal: every
//! modulation, with and without error correction, in every coding, and the received pels are the sent pels.
//! What noise does is what the reviewed table says, and another machine than the dialled one gets no page.
//! Not here: receivers by other authors (`tests/interop`), the whole table (`tests/noise/table.rs`).

#[path = "../noise/cells.rs"]
mod cells;
mod host;
mod pages;
#[path = "../support/softline.rs"]
mod softline;

use std::path::Path;
use std::sync::Mutex;

use host::{PageHost, call, line_settings};
use pages::{received, test_page};
use softline::{SoftLine, page_carriers};

/// Faster than a telephone line by this; the sender's own waits are then that much longer for the line.
const SPEED: &str = "10";
/// Calls at once, each on a line of its own.
const LINES: [&str; 4] = ["line1", "line2", "line3", "line4"];

const MODULATIONS: [(t30::Modulation, u32); 8] = [
    (t30::Modulation::V27ter2400, 2400),
    (t30::Modulation::V27ter4800, 4800),
    (t30::Modulation::V29At7200, 7200),
    (t30::Modulation::V29At9600, 9600),
    (t30::Modulation::V17At7200, 7200),
    (t30::Modulation::V17At9600, 9600),
    (t30::Modulation::V17At12000, 12_000),
    (t30::Modulation::V17At14400, 14_400),
];

/// Number, coding and error correction of the far ends; T.6 exists with error correction only.
const FARS: [(&str, t30::Coding, bool); 5] = [
    ("0355500001", t30::Coding::Mh, true),
    ("0355500002", t30::Coding::Mr, true),
    ("0355500003", t30::Coding::Mmr, true),
    ("0355500004", t30::Coding::Mh, false),
    ("0355500005", t30::Coding::Mr, false),
];

/// Runs every modulation against every far end and compares pels.
#[test]
fn spandsp_receives_every_modulation_and_coding_bit_for_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    let fars: Vec<String> = FARS
        .iter()
        .map(|(number, coding, ecm)| {
            let (coding, ecm) =
                (coding.to_string().to_lowercase(), if *ecm { "on" } else { "off" });
            format!("{number}=fax,csi={number},ecm={ecm},coding={coding}")
        })
        .collect();
    let fars: Vec<&str> = fars.iter().map(String::as_str).collect();
    let line = SoftLine::start(folder.path(), &["--speed", SPEED], &LINES, &fars);
    let work: Vec<_> =
        MODULATIONS.iter().flat_map(|rate| FARS.iter().map(move |far| (*rate, *far))).collect();
    let work = Mutex::new(work);
    std::thread::scope(|scope| {
        for name in LINES {
            let (work, folder) = (&work, folder.path());
            scope.spawn(move || {
                let mut modem =
                    modem::Line::open(line_settings(name, &folder.join(name))).expect("a modem");
                loop {
                    let Some(((modulation, _), (number, coding, _))) =
                        work.lock().expect("work").pop()
                    else {
                        break;
                    };
                    let mut host = PageHost::new(test_page()).in_coding(coding);
                    let report = modem.call(&call(number, modulation), &mut host);
                    assert_eq!(
                        report.ending,
                        modem::Ending::Delivered,
                        "{modulation:?} {number}: {report:#?}"
                    );
                    assert!(report.hang_up_verified, "{modulation:?} {number}");
                    let agreed = host.agreed.expect("a contract");
                    assert_eq!(agreed.coding, coding, "{modulation:?} {number}");
                }
            });
        }
    });
    let mut seen = Vec::new();
    for call in line.await_calls(MODULATIONS.len() * FARS.len()) {
        let file = Path::new(call["file"].as_str().expect("a file"));
        assert_eq!(received(file), test_page(), "{call:#}");
        seen.push((
            call["rate_bps"].as_u64(),
            call["dialled"].as_str().map(str::to_owned),
            call["ecm"].as_bool(),
        ));
    }
    for (_, rate) in MODULATIONS {
        for (number, _, ecm) in FARS {
            let wanted = (Some(u64::from(rate)), Some(number.to_owned()), Some(ecm));
            assert!(seen.contains(&wanted), "no call had {wanted:?}: {seen:#?}");
        }
    }
}

/// Two entries of the table, one with wrong rows in confirmed pages and one in which error correction has
/// to work; a page that is confirmed under error correction and wrong fails by itself.
#[test]
fn noise_costs_the_pages_and_rows_that_the_reviewed_table_says() {
    let cells = [
        cells::Cell { fastest: t30::Modulation::V17At14400, snr_db: 22, ecm: false },
        cells::Cell { fastest: t30::Modulation::V29At9600, snr_db: 16, ecm: true },
    ];
    let table = include_str!("../golden/noise.txt");
    let outcomes = cells::run(&cells, 20, 8, 10);
    for cell in cells {
        let sum = cell.sum(&outcomes[&cell]).to_string();
        assert_eq!(Some(sum), cell.looked_up(table), "{cell:?}: {:?}", outcomes[&cell]);
    }
}

/// The machine's own number is three off the dialled one: the line sees no carrier that could hold a page.
#[test]
fn machine_with_another_number_gets_no_page_bit_at_any_rate() {
    let folder = tempfile::tempdir().expect("a folder");
    let fars = [
        "0355500011=fax,pre=0.2,csi=0355500014,ecm=on",
        "0355500021=fax,pre=0.2,csi=0355500024,ecm=off",
    ];
    let line = SoftLine::start(folder.path(), &["--speed", SPEED], &["line1"], &fars);
    let mut modem =
        modem::Line::open(line_settings("line1", &folder.path().join("line1"))).expect("a modem");
    for (modulation, _) in MODULATIONS {
        for number in ["0355500011", "0355500021"] {
            let mut host = PageHost::new(test_page());
            host.csi_ends_with(number);
            let report = modem.call(&call(number, modulation), &mut host);
            let refused = modem::Ending::Session(t30::CallError::RefusedFarEnd);
            assert_eq!(report.ending, refused, "{modulation:?} {number}");
            assert!(!report.page_started);
        }
    }
    for call in line.await_calls(MODULATIONS.len() * fars.len()) {
        assert_eq!((page_carriers(&call), &call["pages"]), (0, &0.into()), "{call:#}");
        let sent: Vec<&str> = call["frames"]
            .as_array()
            .expect("frames")
            .iter()
            .filter(|frame| frame["dir"] == "to_far")
            .filter_map(|frame| frame["name"].as_str())
            .collect();
        assert_eq!(sent, ["DCN"], "nothing but a goodbye goes to a stranger");
    }
}

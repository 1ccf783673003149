//! `first_contact.typ`: one page, readable by a machine, in few bits, the same every time.

use std::path::{Path, PathBuf};
use std::process::Command;

use image::{GrayImage, Luma};
use serde_json::{Value, json};
use sheet::{Fineness, Worker};
use t4::{Coding, Encoding, Page, Resolution};

use crate::{request, settings};

const URL: &str = "https://renkei.example.jp/";
/// What line time allows: 15 000 octets are 8.4 s at 14 400 bit/s.
const MAX_FINE_OCTETS: usize = 15_000;

fn usual() -> Value {
    json!({
        "kind": "first_contact", "language": "ja", "words": {},
        "site": {
            "name": "ケアプラン交換センター", "url": URL, "help_name": "サポート窓口",
            "help_phone": "03-5550-0199", "help_hours": "平日 9:00〜17:00",
        },
        "sender": { "office_name": "さくら居宅介護支援事業所", "phone": "03-5550-0123" },
        "recipient": { "office_name": "ひだまり訪問介護ステーション" },
        "credentials": {
            "login_id": "HM4T9RWX", "password": "k7Qx2mO0lI1p", "first_time_key": "H4TM9RWX3KPE7FCY",
            "valid_until": "2026年12月23日",
            "check": { "login_id": "47", "password": "92", "first_time_key": "08" },
        },
        "documents": [
            { "title": "サービス提供票", "count": 3 },
            { "title": "居宅サービス計画書", "count": 1 },
        ],
        "reference": "7F3K-92QX", "version": 1, "issued": "2026年11月23日",
    })
}

/// Every field at its longest, in the widest and blackest characters.
fn widest() -> Value {
    let kanji = |count: usize| "鬱護鑑衛驚響欄".chars().cycle().take(count).collect::<String>();
    let mut fields = usual();
    fields["site"]["name"] = json!(kanji(20));
    fields["site"]["url"] =
        json!("https://renkei.example-of-a-long-name.prefecture.example.jp/login");
    fields["site"]["help_name"] = json!(kanji(20));
    fields["site"]["help_hours"] =
        json!("平日 9:00〜17:00、土曜 9:00〜12:00（祝日・年末年始を除く）");
    fields["sender"]["office_name"] = json!(kanji(40));
    fields["recipient"]["office_name"] = json!(kanji(40));
    fields["credentials"]["login_id"] = json!("WmO0lI1oWmO0lI1o");
    fields["credentials"]["password"] = json!("oOxX0O0OlI1lWmQ8");
    fields["credentials"]["first_time_key"] = json!("O0O0I1I1lololl0O0OIWMWMW");
    fields["documents"] = json!(vec![json!({ "title": kanji(20), "count": 999 }); 5]);
    fields["version"] = json!(12);
    fields
}

fn worker() -> Worker {
    Worker::new(settings(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates/fax")))
}

fn draw(worker: &mut Worker, fields: Value, fineness: Fineness) -> Page {
    worker.draw(&request("first_contact", fields)).unwrap().into_one(fineness).page
}

fn octets(page: &Page, coding: Coding) -> usize {
    t4::encode(page, &Encoding::file(coding)).len()
}

/// Writes what paper would show: rows as high as they are at the far end.
fn picture(page: &Page, name: &str) -> PathBuf {
    let stretch = match page.resolution() {
        Resolution::Standard => 2,
        Resolution::Fine => 1,
    };
    let picture = GrayImage::from_fn(1728, page.rows() * stretch, |x, y| {
        let octet = page.row(y / stretch).unwrap()[x as usize / 8];
        Luma([if octet << (x % 8) & 0x80 == 0 { 255 } else { 0 }])
    });
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    picture.save(&path).unwrap();
    path
}

#[test]
fn qr_code_reads_as_the_address_and_no_more_at_both_resolutions() {
    let mut worker = worker();
    for (fineness, name) in [(Fineness::Fine, "fine"), (Fineness::Standard, "standard")] {
        let page = draw(&mut worker, usual(), fineness);
        let path = picture(&page, &format!("first_contact-{name}.png"));
        let read = Command::new("zbarimg").args(["--quiet", "--raw"]).arg(&path).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), URL, "{}", path.display());
    }
}

#[test]
fn usual_sheet_is_within_its_octets() {
    let mut worker = worker();
    for fineness in [Fineness::Fine, Fineness::Standard] {
        let page = draw(&mut worker, usual(), fineness);
        let [mh, mr, mmr] = [Coding::Mh, Coding::Mr, Coding::Mmr].map(|c| octets(&page, c));
        println!("{fineness:?}: {} rows, MH {mh}, MR {mr}, MMR {mmr} octets", page.rows());
        if fineness == Fineness::Fine {
            assert!(mmr <= MAX_FINE_OCTETS, "{mmr} octets of MMR");
        }
    }
}

#[test]
fn widest_fields_stay_on_one_page_within_the_margins() {
    let mut worker = worker();
    for (fineness, name) in [(Fineness::Fine, "fine"), (Fineness::Standard, "standard")] {
        let page = draw(&mut worker, widest(), fineness);
        picture(&page, &format!("first_contact-widest-{name}.png"));
        println!("{fineness:?}: {} rows, MMR {} octets", page.rows(), octets(&page, Coding::Mmr));
    }
}

/// A group torn in two is typed wrong: the characters of a group stand in one line, whole groups follow below.
#[test]
fn credential_longer_than_a_line_is_broken_between_its_groups() {
    let mut fields = usual();
    fields["credentials"]["password"] = json!("ACDE".repeat(8));
    let drawn = worker().draw(&request("first_contact", fields)).unwrap();
    let cells = drawn.fine.marks.iter().filter(|mark| mark.name == "password");
    let tops: Vec<usize> = cells.map(|mark| mark.area.top).collect();
    let groups: Vec<&[usize]> = tops.chunks(4).collect();
    assert_eq!(groups.len(), 8);
    assert!(groups.iter().all(|group| group.iter().all(|top| *top == group[0])), "{tops:?}");
    assert!(groups[7][0] > groups[0][0] + 40, "{tops:?}");
}

#[test]
fn sheet_without_an_end_of_validity_is_drawn() {
    let mut fields = usual();
    fields["credentials"]["valid_until"] = Value::Null;
    let mut worker = worker();
    let with = draw(&mut worker, usual(), Fineness::Standard);
    let without = draw(&mut worker, fields, Fineness::Standard);
    assert!(without.rows() < with.rows());
}

#[test]
fn same_request_gives_the_same_bits_in_another_process_and_after_other_sheets() {
    let mut one = worker();
    let first = draw(&mut one, usual(), Fineness::Fine);
    draw(&mut one, widest(), Fineness::Standard);
    assert!(draw(&mut one, usual(), Fineness::Fine) == first, "differs after another sheet");
    assert!(draw(&mut worker(), usual(), Fineness::Fine) == first, "differs in a new process");
}

#[test]
fn one_character_of_a_secret_changes_the_bits() {
    let mut worker = worker();
    let mut fields = usual();
    fields["credentials"]["password"] = json!("k7Qx2mOOlI1p");
    let zero = draw(&mut worker, usual(), Fineness::Standard);
    assert!(zero != draw(&mut worker, fields, Fineness::Standard));
}

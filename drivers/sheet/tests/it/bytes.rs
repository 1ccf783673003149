//! What each sheet costs on the line, and what each habit of the templates saves: `tests/golden/sheet-bytes.txt`.
//!
//! Every number stands beside one by a program of others, from the same page in the same run: libtiff's `tiffcp` for MH,
//! MR and MMR, jbigkit's `pbmtojbg85` for T.85. `GOLDEN=rewrite` writes the file anew.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sheet::{Drawn, Fineness, Worker};
use t4::container::{self, FileSettings};
use t4::jbig::{self, JbigSettings};
use t4::{BitOrder, Coding, Encoding, Page};

use crate::samples::{KINDS, LANGUAGES, templates, usual, worker};
use crate::{request, settings};

const FINENESSES: [(Fineness, &str); 2] =
    [(Fineness::Fine, "204x196"), (Fineness::Standard, "204x98")];

/// Goals for the first contact, in octets of MMR; the least that counts as done.
const MOST_FINE_OCTETS: usize = 12_000;
const MOST_STANDARD_OCTETS: usize = 9_000;

#[test]
fn octets_of_every_sheet_are_as_reviewed_and_no_more_than_libtiff_s_or_jbigkit_s() {
    let mut table = String::from(
        "Octets of the usual sheets, ours / libtiff's (MH, MR, MMR) or jbigkit's (T.85); written by `make sheet-bytes`.\n\n\
         sheet                 language  resolution  rows           MH           MR          MMR         T.85\n",
    );
    let mut worker = worker();
    for kind in KINDS {
        for language in LANGUAGES {
            let drawn = worker.draw(&request(kind, usual(kind, language))).unwrap();
            for (fineness, name) in FINENESSES {
                let page = &drawn.at(fineness).page;
                let fax = [(Coding::Mh, "g3:1d"), (Coding::Mr, "g3:2d"), (Coding::Mmr, "g4")];
                let mut pairs = fax
                    .map(|(coding, option)| (octets(page, coding), libtiff(page, option)))
                    .to_vec();
                pairs.push((jbig::encode(page, &JbigSettings::basic()).len(), jbigkit(page)));
                let rows = page.rows();
                write!(table, "{kind:<22}{language:<10}{name:<12}{rows:>4}").unwrap();
                for (ours, theirs) in pairs {
                    assert!(ours <= theirs, "{kind}: {ours} octets, {theirs} by others");
                    write!(table, " {:>12}", format!("{ours}/{theirs}")).unwrap();
                }
                table.push('\n');
            }
        }
    }
    compare("sheet-bytes.txt", &table);
}

/// A habit undone: how the fields or the text of a template change.
struct Habit {
    name: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    words: &'static [(&'static str, &'static str)],
}

const HABITS: [Habit; 9] = [
    Habit {
        name: "short sentences (else those of the sheet before)",
        file: "common.typ",
        from: "",
        to: "",
        words: &[
            ("from", "送信元　{name}　電話 {phone}"),
            (
                "reference",
                "整理番号 {reference} 第1版（2枚あるときは版の数字が大きいほうだけが有効）",
            ),
            ("do_not_type", "空白と［ ］は入力しません。下の字は読み方です（"),
            ("small_letters", "小＝小文字）。"),
            ("valid_until", "{date}まで有効です。"),
            ("log_in", "パソコンでサイトを開き、ログイン"),
            ("fetch_with_key", "{menu_download}を開き、{first_time_key}を入れて保存"),
            ("answer", "返事は{menu_messages}から（FAXへの返信は読まれません）"),
            ("ask_for_mail", "{menu_office}でメールを登録すると、次回からメールでお知らせ"),
            (
                "not_for_you",
                "心当たりがないとき　ログインせず、お電話のうえ、この用紙を破棄してください。",
            ),
        ],
    },
    edit(
        "no frame round the credentials",
        "first_contact.typ",
        "#credentials()",
        "#block(stroke: 0.5mm, inset: 3mm, credentials())",
    ),
    edit(
        "no underline below what is typed",
        "credentials.typ",
        "box(width: 0.8em, {",
        "box(width: 0.8em, stroke: (bottom: 0.3mm), {",
    ),
    edit(
        "body of 10.5 pt (else 12 pt)",
        "common.typ",
        "#let text-size = 10.5pt",
        "#let text-size = 12pt",
    ),
    edit("title of 22 pt (else 36 pt)", "common.typ", "size: 22pt", "size: 36pt"),
    edit(
        "QR code of 26 mm (else 45 mm)",
        "common.typ",
        "width: 26mm, height: 26mm",
        "width: 45mm, height: 45mm",
    ),
    edit(
        "costs: a QR code at all",
        "common.typ",
        "link(\"stamp:qr:\" + site.url, box(width: 26mm, height: 26mm))",
        "box(width: 26mm, height: 26mm)",
    ),
    edit(
        "costs: readings below look-alikes",
        "credentials.typ",
        "if reading != none {",
        "if false {",
    ),
    edit(
        "costs: check digits",
        "credentials.typ",
        "box(text(size: 0.6em, weight: \"regular\", \"[\" + data.credentials.check.at(name) + \"]\"))",
        "none",
    ),
];

const fn edit(
    name: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
) -> Habit {
    Habit { name, file, from, to, words: &[] }
}

#[test]
fn octets_that_each_habit_of_the_first_contact_saves_are_as_reviewed() {
    let fields = usual("first_contact", "ja");
    let sheet = worker().draw(&request("first_contact", fields.clone())).unwrap();
    let [fine, standard] = mmr(&sheet);
    assert!(fine <= MOST_FINE_OCTETS, "{fine} octets of MMR at 204x196");
    assert!(standard <= MOST_STANDARD_OCTETS, "{standard} octets of MMR at 204x98");
    let mut table = format!(
        "What the Japanese first contact ({fine} octets of MMR at 204x196, {standard} at 204x98) would cost more without a\n\
         habit, or less without what a reader needs; written by `make sheet-bytes`.\n\n\
         {:<52}{:>10}{:>10}\n",
        "habit", "204x196", "204x98"
    );
    let mut line = |name: &str, other: [usize; 2]| {
        let more = [(other[0], fine), (other[1], standard)]
            .map(|(other, ours)| i64::try_from(other).unwrap() - i64::try_from(ours).unwrap());
        writeln!(table, "{name:<52}{:>+10}{:>+10}", more[0], more[1]).unwrap();
    };
    for habit in HABITS {
        line(habit.name, mmr(&without(&habit, fields.clone())));
    }
    let pages = [&sheet.fine.page, &sheet.standard.page];
    let each = |change: fn(&Page) -> Page| pages.map(|page| octets(&change(page), Coding::Mmr));
    line("white at the foot cut off (else 297 mm)", each(to_297_mm));
    line("no grey behind the title (else a dither of 1 in 8)", each(with_grey_title));
    compare("sheet-habits.txt", &table);
}

fn without(habit: &Habit, mut fields: Value) -> Drawn {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("words")).unwrap();
    for part in ["", "words"] {
        for entry in fs::read_dir(templates().join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, folder.path().join(part).join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    let file = folder.path().join(habit.file);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(habit.from), "{}: the template has changed", habit.name);
    if !habit.from.is_empty() {
        fs::write(&file, text.replacen(habit.from, habit.to, 1)).unwrap();
    }
    fields["words"] = habit.words.iter().map(|(name, text)| (*name, json!(text))).collect();
    Worker::new(settings(folder.path())).draw(&request("first_contact", fields)).unwrap()
}

fn mmr(drawn: &Drawn) -> [usize; 2] {
    [&drawn.fine.page, &drawn.standard.page].map(|page| octets(page, Coding::Mmr))
}

fn to_297_mm(page: &Page) -> Page {
    let mut page = page.clone();
    let white = vec![0; page.row_octets()];
    while page.length_mm() < 297 {
        page.push_row(&white).unwrap();
    }
    page
}

/// Black pels far apart between 30 and 45 mm from the top.
fn with_grey_title(page: &Page) -> Page {
    let rows_in_mm = usize::try_from(page.rows() / page.length_mm()).unwrap();
    let mut bits = page.bits().to_vec();
    let rows = bits.chunks_mut(page.row_octets()).enumerate();
    for (row, octets) in rows.skip(30 * rows_in_mm).take(15 * rows_in_mm) {
        let pel = if row % 2 == 0 { 0x80 } else { 0x08 };
        octets.iter_mut().for_each(|octet| *octet |= pel);
    }
    Page::from_bits(page.width_pels(), page.resolution(), bits).unwrap()
}

fn octets(page: &Page, coding: Coding) -> usize {
    t4::encode(page, &Encoding::file(coding)).len()
}

/// Octets of the strips that `tiffcp` writes of the page.
fn libtiff(page: &Page, option: &str) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let [ours, theirs] = ["ours.tif", "theirs.tif"].map(|name| folder.path().join(name));
    let settings = FileSettings {
        coding: Coding::Mmr,
        order: BitOrder::MsbFirst,
        software: "shirase",
        date_time: None,
    };
    container::write(fs::File::create(&ours).unwrap(), std::slice::from_ref(page), &settings)
        .unwrap();
    let run = |command: &mut Command| {
        let output = command.output().expect("tiffcp and tiffinfo (Debian: libtiff-tools)");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(Command::new("tiffcp").args(["-c", option, "-r", "3000"]).args([&ours, &theirs]));
    let listed = run(Command::new("tiffinfo").arg("-s").arg(&theirs));
    // A strip is listed as `0: [       8,    12345]`.
    let strips =
        listed.lines().filter_map(|line| line.trim().strip_prefix("0: [")?.strip_suffix(']'));
    let lengths = strips.filter_map(|strip| strip.split(',').nth(1)?.trim().parse::<usize>().ok());
    lengths.sum()
}

/// Octets that `pbmtojbg85` writes of the page, in the stripes of T.85's basic mode.
fn jbigkit(page: &Page) -> usize {
    let mut child = Command::new("pbmtojbg85")
        .args(["-p", "8", "-s", "128"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("pbmtojbg85 (Debian: jbigkit-bin)");
    let mut stdin = child.stdin.take().unwrap();
    let mut pbm = format!("P4\n{} {}\n", page.width_pels(), page.rows()).into_bytes();
    pbm.extend_from_slice(page.bits());
    let writer = std::thread::spawn(move || stdin.write_all(&pbm).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.stdout.len()
}

fn compare(name: &str, got: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name);
    println!("{got}");
    if std::env::var_os("GOLDEN").is_some_and(|word| word == "rewrite") {
        fs::write(&path, got).unwrap();
    }
    let reviewed = fs::read_to_string(&path).unwrap_or_default();
    assert!(got == reviewed, "differs from {}; look at it, then GOLDEN=rewrite", path.display());
}

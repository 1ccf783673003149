//! Templates, faces and pictures that a technician may leave behind, by accident or not.
//!
//! Each is given to the worker that draws sheets: it refuses with a reason, or is ended by its limits, and the next sheet
//! comes. What a daemon makes of it is one test: that kind is refused, the others go on.
//! Mail texts have the same limits: `src/render/letter/tests.rs`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use sheet::{Request, SheetError, Worker, WorkerSettings};

use crate::house::{House, message, utf8};
use crate::program::program;

/// Long enough for a sheet on a loaded machine, short enough to wait for.
const DEADLINE: Duration = Duration::from_secs(8);
const FACES: &str = "/usr/share/fonts/truetype/bizud-gothic";
const FACE: &str = "BIZUDGothic-Regular.ttf";

/// A folder with a good template and a bad one, and a worker for it.
struct Desk {
    folder: tempfile::TempDir,
    settings: WorkerSettings,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = WorkerSettings {
            program: program("shirase-sheet"),
            templates: folder.path().to_path_buf(),
            fonts: vec![PathBuf::from(FACES)],
            deadline: DEADLINE,
            memory_limit: 1 << 30,
        };
        let desk = Self { folder, settings };
        desk.write("good.typ", format!("{HEAD}good").as_bytes());
        desk
    }

    fn write(&self, name: &str, octets: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, octets).expect("written");
        path
    }

    /// Why `bad.typ` gives no sheet; the good one does behind it.
    fn refusal(&self, text: &str) -> SheetError {
        self.write("bad.typ", text.as_bytes());
        let mut worker = Worker::new(self.settings.clone());
        let error = worker.draw(&request("bad")).map(drop).expect_err(text);
        worker.draw(&request("good")).unwrap_or_else(|error| panic!("after {text}: {error}"));
        error
    }
}

const HEAD: &str = "#set page(width: 215mm, height: 99mm, margin: 18mm)\n\
                    #set text(font: \"BIZ UDGothic\")\n";

fn request(template: &str) -> Request {
    Request { template: template.to_owned(), fields: json!({}) }
}

/// The reason names this file and line.
#[track_caller]
fn is_at(error: &SheetError, file: &str, line: usize) {
    let SheetError::Template { file: found, line: at, .. } = error else { panic!("{error}") };
    assert_eq!((found.as_str(), *at), (file, line), "{error}");
}

#[test]
fn b16_template_that_leads_out_or_into_itself_is_refused_with_its_line() {
    let desk = Desk::new();
    desk.write("again.typ", b"#include \"bad.typ\"");
    for text in [
        "#include \"../../../../../../../etc/shadow\"",
        "#read(\"/../../../../../../etc/passwd\")",
        "#include \"/etc/shadow\"",
        "#include \"bad.typ\"",
        "#let f(n) = f(n + 1)\n#f(0)",
        "#eval(\"{{ self }\")",
    ] {
        let error = desk.refusal(&format!("{HEAD}{text}"));
        let SheetError::Template { file, line, message } = &error else {
            panic!("{text}: {error}")
        };
        assert_eq!(file, "bad.typ", "{text}: {message}");
        assert!((3..=4).contains(line), "{text}: {error}");
        assert!(!message.contains("root:"), "{message}");
    }
    let around = desk.refusal("#include \"again.typ\"");
    assert!(matches!(around, SheetError::Template { .. }), "{around}");
}

#[test]
fn b16_loops_of_10_to_the_12_end_at_the_deadline() {
    let text = "#for a in range(1000000) { for b in range(1000000) {} }";
    assert_eq!(Desk::new().refusal(text), SheetError::Deadline { deadline: DEADLINE });
}

#[test]
fn b17_sheet_of_two_pages_or_of_none_and_one_of_100_000_pels_are_refused() {
    let desk = Desk::new();
    assert_eq!(desk.refusal(&format!("{HEAD}a#pagebreak()b")), SheetError::Pages { pages: 2 });
    let empty = desk.refusal("#set page(width: 0mm, height: 0mm, margin: 0mm)\n");
    assert!(!empty.to_string().is_empty());
    for width in ["12500mm", "1000000mm"] {
        let wide = desk.refusal(&format!("#set page(width: {width}, height: 99mm)\nx"));
        let told = matches!(wide, SheetError::Layout { .. } | SheetError::Worker { .. });
        assert!(told, "{width}: {wide}");
    }
}

#[test]
fn b18_variable_that_is_not_defined_is_named_with_its_line() {
    let error = Desk::new().refusal(&format!("{HEAD}\n#recipient_name"));
    is_at(&error, "bad.typ", 4);
    assert!(error.to_string().contains("recipient_name"), "{error}");
}

#[test]
fn b18_kind_whose_template_is_broken_is_refused_and_the_others_go_on() {
    let house = House::new();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/fax");
    let own = house.path("templates");
    let copied = Command::new("cp").arg("-r").args([&shipped, &own]).status();
    assert!(copied.expect("cp").success());
    let settings = std::fs::read_to_string(house.path("shirase.toml")).expect("settings");
    let settings = settings.replace(utf8(&shipped), utf8(&own));
    std::fs::write(house.path("shirase.toml"), settings).expect("written");
    let broken = own.join("number_proof.typ");
    let text = std::fs::read_to_string(&broken).expect("a template");
    std::fs::write(&broken, format!("{text}\n#recipient_name\n")).expect("written");
    let mut daemon = house.daemon();
    let mut proof = message();
    proof["kind"] = json!("number_proof");
    house.post("proof", &proof).is_problem(503, "sheet-unavailable");
    let line = text.lines().count() + 2;
    let place = format!("number_proof.typ:{line}");
    assert!(house.log().contains(&place), "{place}: {}", house.log());
    house.goes_on(&mut daemon);
}

#[test]
fn b19_face_that_is_cut_off_web_packed_or_endless_is_refused_by_name() {
    let face = std::fs::read(Path::new(FACES).join(FACE));
    let face = face.expect("fonts-morisawa-bizud-gothic");
    let woff = [b"wOFF\x00\x01\x00\x00".as_slice(), &face[8..4096]].concat();
    for (name, octets) in [
        ("empty.ttf", &[][..]),
        ("cut.ttf", &face[..200]),
        ("woff.ttf", &woff),
        ("text.ttf", b"this is no face"),
        ("many.ttc", b"ttcf\x00\x01\x00\x00\xff\xff\xff\xff\x00\x00\x00\x0c"),
    ] {
        let desk = Desk::new();
        let path = desk.write(name, octets);
        faces_are_refused(desk, &path, "is not a font");
    }
    let desk = Desk::new();
    let huge = desk.write("huge.ttf", &face);
    let file = std::fs::OpenOptions::new().write(true).open(&huge).expect("opens");
    file.set_len(200 << 20).expect("a hole"); // no octet of it is on the disk
    faces_are_refused(desk, &huge, "longer than");
}

#[track_caller]
fn faces_are_refused(desk: Desk, path: &Path, why: &str) {
    let settings = WorkerSettings { fonts: vec![path.to_path_buf()], ..desk.settings };
    let error = Worker::new(settings).draw(&request("good")).map(drop).expect_err(why);
    let SheetError::Font { file, message } = &error else { panic!("{}: {error}", path.display()) };
    assert_eq!(Path::new(file), path);
    assert!(message.contains(why), "{error}");
}

/// 100,000 groups, each of all characters there are: reading them would take days.
#[test]
fn b19_face_with_a_bomb_for_a_table_of_characters_ends_at_a_limit() {
    let face = std::fs::read(Path::new(FACES).join(FACE));
    let mut face = face.expect("fonts-morisawa-bizud-gothic");
    let groups = 100_000_u32;
    let mut table: Vec<u8> = Vec::new();
    // cmap: version 0, one table: platform 3, encoding 10, behind these 12 octets (OpenType, "cmap", format 12).
    table.extend([0, 0, 0, 1, 0, 3, 0, 10, 0, 0, 0, 12]);
    table.extend([0, 12, 0, 0]);
    table.extend((16 + 12 * groups).to_be_bytes());
    table.extend(0_u32.to_be_bytes());
    table.extend(groups.to_be_bytes());
    for _ in 0..groups {
        for number in [0_u32, 0x0010_FFFF, 1] {
            table.extend(number.to_be_bytes());
        }
    }
    let tables = usize::from(u16::from_be_bytes([face[4], face[5]]));
    let entry = (0..tables).map(|table| 12 + 16 * table).find(|at| &face[*at..at + 4] == b"cmap");
    let entry = entry.expect("a table of characters");
    let at = u32::try_from(face.len()).expect("a short file").to_be_bytes();
    let length = u32::try_from(table.len()).expect("a short table").to_be_bytes();
    face[entry + 8..entry + 12].copy_from_slice(&at);
    face[entry + 12..entry + 16].copy_from_slice(&length);
    face.extend(table);
    let desk = Desk::new();
    let path = desk.write("bomb.ttf", &face);
    let settings = WorkerSettings { fonts: vec![path], ..desk.settings };
    let error = Worker::new(settings).draw(&request("good")).map(drop).expect_err("a bomb");
    let ended = matches!(error, SheetError::Deadline { .. } | SheetError::Worker { .. });
    assert!(ended, "{error}");
}

#[test]
fn b20_picture_that_is_a_tiff_or_as_large_as_a_house_is_refused() {
    let desk = Desk::new();
    // A directory of TIFF that is its own successor, with a width and a height of 2^32 - 1.
    let mut tiff = b"II*\x00\x08\x00\x00\x00\x02\x00".to_vec();
    for tag in [0x100_u16, 0x101] {
        tiff.extend(tag.to_le_bytes());
        tiff.extend(4_u16.to_le_bytes());
        tiff.extend(1_u32.to_le_bytes());
        tiff.extend(u32::MAX.to_le_bytes());
    }
    tiff.extend(8_u32.to_le_bytes());
    let jpeg = [&tiff[..], b"\xff\xd8\xff\xe0\x00\x10JFIF"].concat();
    for (name, octets) in [
        ("loop.tif", tiff),
        ("jpeg.tif", jpeg),
        ("cut.png", png(16, 16)[..40].to_vec()),
        ("huge.png", png(60_000, 60_000)),
        ("vast.png", png(u32::MAX >> 1, u32::MAX >> 1)),
    ] {
        desk.write(name, &octets);
        let error = desk.refusal(&format!("{HEAD}\n#image(\"{name}\", width: 10mm)"));
        match &error {
            SheetError::Template { .. } => is_at(&error, "bad.typ", 4),
            SheetError::Worker { .. } | SheetError::Deadline { .. } => {}
            other => panic!("{name}: {other}"),
        }
    }
}

/// A PNG that says so of its size, and has one row of it.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut head = width.to_be_bytes().to_vec();
    head.extend(height.to_be_bytes());
    head.extend([8, 0, 0, 0, 0]);
    // Deflate, one stored block of nothing.
    let data = [0x78, 0x01, 0x01, 0x00, 0x00, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01];
    for (name, octets) in [(b"IHDR", &head[..]), (b"IDAT", &data[..]), (b"IEND", &[][..])] {
        file.extend(u32::try_from(octets.len()).expect("short").to_be_bytes());
        let chunk = [&name[..], octets].concat();
        file.extend(&chunk);
        file.extend(crc32(&chunk).to_be_bytes());
    }
    file
}

/// ISO 3309, as PNG wants it.
fn crc32(octets: &[u8]) -> u32 {
    !octets.iter().fold(!0, |crc, octet| {
        (0..8).fold(crc ^ u32::from(*octet), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

//! `make pictures`: every sheet in both languages at both resolutions, as drawn and as received, to be looked at.
//!
//! In: the templates and their samples. Out: PNG files and `index.html` in `target/pictures`.

#[allow(dead_code, reason = "nobody reads characters here")]
mod damage;
mod random;
#[allow(dead_code, reason = "nobody changes templates here")]
#[path = "../support/templates.rs"]
mod templates;

use std::fmt::Write as _;
use std::path::Path;

use damage::{DAMAGES, Damage, receive};
use serde_json::json;
use sheet::Fineness;
use shirase::hook::body;
use shirase::job::{JobId, Kind, Language, UnixMillis};
use shirase::render::{Renderer, SiteFace, SiteWords};
use templates::{shipped, worker};

/// 2026-11-25T01:00:00Z, a Wednesday at ten in Japan.
const NOW: UnixMillis = UnixMillis(1_795_568_400_000);
const LINE_TEST: &str = "line_test";

fn main() {
    let worker = worker(&shipped());
    let folder =
        worker.program.ancestors().nth(2).expect("target/<profile>/<program>").join("pictures");
    std::fs::create_dir_all(&folder).expect("a folder for pictures");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let renderer = Renderer::new(site(), worker);
    let mut index = String::from(HEAD);
    let kinds = Kind::ALL.iter().map(|kind| kind.as_str());
    for name in kinds.chain([LINE_TEST]) {
        for language in [Language::Japanese, Language::English] {
            let drawn = draw(&renderer, root, name, language);
            let _ = writeln!(index, "<h2>{name} ({})</h2>", language.as_str());
            for fineness in [Fineness::Fine, Fineness::Standard] {
                for damage in shown() {
                    let page = &drawn.at(fineness).page;
                    let file = format!(
                        "{name}-{}-{}-{}.png",
                        language.as_str(),
                        format!("{fineness:?}").to_lowercase(),
                        damage.name.replace([' ', '%'], "")
                    );
                    let rows = page.rows() * repeat(fineness);
                    let picture = receive(page, damage, 1).picture(0.0, 0.0, 1728, rows);
                    picture.save(folder.join(&file)).expect("a picture is written");
                    let _ = writeln!(
                        index,
                        "<figure><a href='{file}'><img src='{file}'></a><figcaption>{fineness:?}, {}</figcaption></figure>",
                        damage.name
                    );
                }
            }
        }
    }
    let file = folder.join("index.html");
    std::fs::write(&file, index).expect("the index is written");
    println!("{}", file.display());
}

/// As drawn, after some bad rows, and after everything at once.
fn shown() -> impl Iterator<Item = &'static Damage> {
    DAMAGES.iter().filter(|damage| ["clean", "MH 1%", "all"].contains(&damage.name))
}

fn repeat(fineness: Fineness) -> u32 {
    match fineness {
        Fineness::Fine => 1,
        Fineness::Standard => 2,
    }
}

fn draw(renderer: &Renderer, root: &Path, name: &str, language: Language) -> sheet::Drawn {
    let id = JobId::new(NOW, 0x0123_4567_89AB_CDEF);
    let drawn = if name == LINE_TEST {
        renderer.draw_line_test(id, "line1", language)
    } else {
        let sample = root.join(format!("templates/samples/{name}.json"));
        let sample = std::fs::read(&sample).unwrap_or_else(|_| panic!("{}", sample.display()));
        let mut sample: serde_json::Value = serde_json::from_slice(&sample).expect("JSON");
        sample["language"] = json!(language.as_str());
        let Ok(job) = body::parse(sample.to_string().as_bytes(), NOW) else {
            panic!("the sample of {name} is refused");
        };
        renderer.draw(id, &job)
    };
    drawn.unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn site() -> SiteFace {
    let words = |name: &str, help_name: &str, help_hours: &str| SiteWords {
        name: name.to_owned(),
        help_name: help_name.to_owned(),
        help_hours: help_hours.to_owned(),
        ..SiteWords::default()
    };
    SiteFace {
        url: "https://renkei.example.jp/".to_owned(),
        help_phone: "03-5550-0199".to_owned(),
        ja: words("ケアプラン交換センター", "サポート窓口", "平日 9:00〜17:00"),
        en: words("Care Plan Exchange", "Help desk", "Mon-Fri 9:00-17:00"),
    }
}

const HEAD: &str = "<!doctype html><meta charset=utf-8><title>Sheets</title>
<style>body{font:14px sans-serif}figure{display:inline-block;margin:4px}img{width:300px;border:1px solid #ccc}</style>
";

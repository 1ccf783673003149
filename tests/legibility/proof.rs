//! The proof on real sheets: whatever credentials there are, and whatever somebody does to a template.

use serde_json::{Value, json};
use shirase::hook::body;
use shirase::job::{JobId, NewJob, UnixMillis};
use shirase::render::{ProofError, RenderError, Renderer, SiteFace};

use crate::random::Random;
use crate::templates::{copied, worker};

/// 2026-11-25T01:00:00Z, a Wednesday at ten in Japan.
const NOW: UnixMillis = UnixMillis(1_795_568_400_000);

fn job(login_id: &str, password: &str, first_time_key: &str) -> NewJob {
    let mut body: Value =
        serde_json::from_str(include_str!("../demo/first-contact.json")).expect("JSON");
    body["credentials"] = json!({
        "login_id": login_id, "password": password, "first_time_key": first_time_key,
    });
    body::parse(body.to_string().as_bytes(), NOW).unwrap_or_else(|_| panic!("the body is refused"))
}

fn usual() -> NewJob {
    job("HM4T9RWX", "k7Qx2mO0lI1p", "H4TM9RWX3KPE7FCY")
}

/// A renderer of shipped templates, in a folder where they can be edited.
struct Desk {
    renderer: Renderer,
    templates: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let templates = copied();
        let renderer = Renderer::new(SiteFace::default(), worker(templates.path()));
        Self { renderer, templates }
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let file = self.templates.path().join(file);
        let text = std::fs::read_to_string(&file).expect("a template");
        assert!(text.contains(from), "{}: no {from:?} to break", file.display());
        std::fs::write(&file, text.replacen(from, to, 1)).expect("a template");
    }

    fn draw(&self, job: &NewJob) -> Result<(), ProofError> {
        match self.renderer.draw(JobId::new(NOW, 0), job) {
            Ok(_) => Ok(()),
            Err(RenderError::Proof(error)) => Err(error),
            Err(other) => panic!("{other}"),
        }
    }
}

/// What an edit of `credentials.typ` comes to.
fn after(from: &str, to: &str) -> Result<(), ProofError> {
    let desk = Desk::new();
    desk.edit("credentials.typ", from, to);
    desk.draw(&usual())
}

#[test]
fn sheets_of_any_credentials_are_proven() {
    let desk = Desk::new();
    let all: Vec<char> = ('!'..='~').collect();
    let longest = |first: usize| all.iter().cycle().skip(first).take(32).collect::<String>();
    assert_eq!(desk.draw(&job(&longest(0), &longest(32), &longest(64))), Ok(()));
    let mut random = Random::new(7);
    for _ in 0..12 {
        let mut credential =
            |length| -> String { (0..length).map(|_| all[random.below(all.len())]).collect() };
        let job = job(&credential(8), &credential(13), &credential(20));
        assert_eq!(
            desk.draw(&job),
            Ok(()),
            "{:?}",
            job.content.credentials().map(|it| it.login_id.expose())
        );
    }
}

#[test]
fn template_that_prints_the_key_as_password_is_found() {
    let error = after(
        "data.credentials.at(name)",
        "data.credentials.at(if name == \"password\" { \"first_time_key\" } else { name })",
    );
    assert_eq!(error, Err(ProofError::Cells { field: "password", cells: 16, characters: 12 }));
}

#[test]
fn template_that_leaves_a_character_out_is_found() {
    let error = after("enumerate().map(c", "enumerate().filter(c => c.at(0) != 3).map(c");
    assert!(matches!(error, Err(ProofError::Alphabet)), "{error:?}");
    let error = after(
        "data.credentials.at(name).clusters()",
        "data.credentials.at(name).clusters().slice(0, calc.min(94, data.credentials.at(name).clusters().len() - if name == \"alphabet\" { 0 } else { 1 }))",
    );
    assert_eq!(error, Err(ProofError::Cells { field: "login_id", cells: 7, characters: 8 }));
}

#[test]
fn face_in_which_zero_is_the_letter_o_is_found() {
    let error =
        after("    character\n", "    if character == \"0\" { \"O\" } else { character }\n");
    assert_eq!(error, Err(ProofError::Unclear { character: '0' }));
}

#[test]
fn rule_through_a_credential_is_found() {
    let error = after(
        "  let cells =",
        "  if name == \"first_time_key\" { place(dy: 4mm, line(length: 60mm, stroke: 1mm)) }\n  let cells =",
    );
    assert!(matches!(error, Err(ProofError::Unlike { field: "first_time_key", .. })), "{error:?}");
}

#[test]
fn template_edited_into_another_size_while_the_gateway_runs_is_proven_in_that_size() {
    let desk = Desk::new();
    assert_eq!(desk.draw(&usual()), Ok(()));
    desk.edit("credentials.typ", "size: 20pt", "size: 24pt");
    assert_eq!(desk.draw(&usual()), Ok(()));
}

#[test]
fn sheet_with_one_credential_in_another_size_is_found() {
    let error = after("size: 20pt", "size: if name == \"login_id\" { 17pt } else { 20pt }");
    assert_eq!(error, Err(ProofError::Unlike { field: "login_id", place: 1 }));
}

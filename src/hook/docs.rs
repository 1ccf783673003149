//! `/v1/docs` and `/v1/docs/codes`: the interface and every code, as pages for people.
//!
//! In: the description of all routes, and the catalogue; nothing else, so a page cannot say otherwise than they do. Out: HTML
//! that is written once and needs no script, with one style sheet: no request leaves this machine, and the
//! Content-Security-Policy lets none.
//! Open to everybody: they say nothing about anybody.
//! Not here: the texts (`problem.rs` and the other tables of `app/catalogue.rs`), the look (`docs/`).

use std::sync::LazyLock;

use axum::Router;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use minijinja::value::Serde;
use minijinja::{Environment, Value};
use serde::Serialize;
use serde_json::Value as Json;

use super::Hook;
use super::problem::{Code, Problem};
use crate::app::catalogue::{self, Explained, Sort};
use crate::job::Mender;

/// Nothing but the style sheet is loaded, nothing runs, and no other page shows this one in a frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";
const STYLE: &str = include_str!("docs/style.css");

/// The pages. They are no part of the interface, so its description has none of them.
pub(super) fn routes() -> Router<Hook> {
    static API: LazyLock<Option<String>> = LazyLock::new(|| api_page().ok());
    static CODES: LazyLock<Option<String>> = LazyLock::new(|| codes_page().ok());
    Router::new()
        .route("/v1/docs", get(async || page(API.as_deref())))
        .route("/v1/docs/codes", get(async || page(CODES.as_deref())))
        .route("/v1/docs/style.css", get(async || told("text/css; charset=utf-8", STYLE)))
}

fn page(page: Option<&'static str>) -> Response {
    match page {
        Some(page) => told("text/html; charset=utf-8", page),
        None => Problem::new(Code::Internal).into_response(),
    }
}

fn told(kind: &'static str, text: &'static str) -> Response {
    let head: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (head, text).into_response()
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.add_template("page.html", include_str!("docs/page.html"))?;
    environment.add_template("api.html", include_str!("docs/api.html"))?;
    environment.add_template("codes.html", include_str!("docs/codes.html"))?;
    environment.add_filter("prose", |text: Option<String>| {
        Value::from_safe_string(prose(&text.unwrap_or_default()))
    });
    Ok(environment)
}

fn api_page() -> Result<String, minijinja::Error> {
    let api = serde_json::to_value(super::openapi()).unwrap_or_default();
    environment()?.get_template("api.html")?.render(Serde(ApiPage {
        version: env!("CARGO_PKG_VERSION"),
        description: text(&api["info"]["description"]),
        groups: groups(&api),
        types: types(&api),
    }))
}

fn codes_page() -> Result<String, minijinja::Error> {
    let sorts = Sort::ALL.iter().map(|sort| {
        let (title, title_ja) = sort.title();
        let rows = catalogue::of(*sort).into_iter().map(Row::of).collect();
        Table { name: sort.as_str(), title, title_ja, rows }
    });
    environment()?
        .get_template("codes.html")?
        .render(Serde(CodesPage { version: env!("CARGO_PKG_VERSION"), sorts: sorts.collect() }))
}

#[derive(Serialize)]
struct CodesPage {
    version: &'static str,
    sorts: Vec<Table>,
}

/// The codes of one sort.
#[derive(Serialize)]
struct Table {
    name: &'static str,
    title: &'static str,
    title_ja: &'static str,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    anchor: String,
    entry: Explained,
    acts: Option<&'static str>,
    acts_ja: Option<&'static str>,
}

impl Row {
    fn of(entry: Explained) -> Self {
        Self {
            anchor: format!("{}-{}", entry.sort, entry.code),
            entry,
            acts: entry.acts.map(Mender::english),
            acts_ja: entry.acts.map(Mender::japanese),
        }
    }
}

#[derive(Serialize)]
struct ApiPage {
    version: &'static str,
    description: String,
    groups: Vec<Group>,
    types: Vec<Type>,
}

/// Routes of one tag, in the order of the description.
#[derive(Serialize)]
struct Group {
    name: String,
    operations: Vec<Operation>,
}

#[derive(Serialize)]
struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    description: String,
    scopes: Vec<String>,
    parameters: Vec<Field>,
    body: Option<Body>,
    answers: Vec<Answer>,
}

/// A parameter, or a field of a type.
#[derive(Serialize)]
struct Field {
    name: String,
    place: String,
    required: bool,
    /// HTML.
    kind: String,
    description: String,
}

#[derive(Serialize)]
struct Body {
    /// HTML.
    kind: String,
    example: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    status: String,
    /// HTML.
    kind: String,
    description: String,
    headers: Vec<Field>,
}

#[derive(Serialize)]
struct Type {
    name: String,
    description: String,
    /// HTML.
    kind: String,
    fields: Vec<Field>,
}

fn groups(api: &Json) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (path, methods) in object(&api["paths"]) {
        for (method, operation) in object(methods) {
            let tag = text(&operation["tags"][0]);
            let operation = Operation::of(path, method, operation);
            match groups.iter_mut().find(|group| group.name == tag) {
                Some(group) => group.operations.push(operation),
                None => groups.push(Group { name: tag, operations: vec![operation] }),
            }
        }
    }
    groups
}

impl Operation {
    fn of(path: &str, method: &str, operation: &Json) -> Self {
        let whole = [text(&operation["summary"]), text(&operation["description"])].join("\n\n");
        let whole = whole.trim().to_owned();
        let scopes = list(&operation["security"]).iter().flat_map(|one| list(&one["token"]));
        let place: String = path
            .chars()
            .map(|char| if char.is_ascii_alphanumeric() { char } else { '-' })
            .collect();
        Self {
            id: format!("{method}{place}"),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: whole.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned(),
            description: whole,
            scopes: scopes.map(text).collect(),
            parameters: list(&operation["parameters"]).iter().map(Field::parameter).collect(),
            body: content(&operation["requestBody"]).map(|content| Body {
                kind: kind(&content["schema"]),
                example: content
                    .get("example")
                    .and_then(|example| serde_json::to_string_pretty(example).ok()),
            }),
            answers: object(&operation["responses"])
                .map(|(status, answer)| Answer {
                    status: status.clone(),
                    kind: content(answer)
                        .map(|content| kind(&content["schema"]))
                        .unwrap_or_default(),
                    description: text(&answer["description"]),
                    headers: object(&answer["headers"])
                        .map(|(name, header)| Field::new(name, header, &header["schema"], false))
                        .collect(),
                })
                .collect(),
        }
    }
}

impl Field {
    fn new(name: &str, of: &Json, schema: &Json, required: bool) -> Self {
        Self {
            name: name.to_owned(),
            place: text(&of["in"]),
            required,
            kind: kind(schema),
            description: text(&of["description"]),
        }
    }

    fn parameter(of: &Json) -> Self {
        Self::new(&text(&of["name"]), of, &of["schema"], of["required"] == true)
    }
}

fn types(api: &Json) -> Vec<Type> {
    object(&api["components"]["schemas"])
        .map(|(name, schema)| Type {
            name: name.clone(),
            description: text(&schema["description"]),
            kind: kind(schema),
            fields: fields(schema),
        })
        .collect()
}

/// The fields of a type, also of one that is put together of others.
fn fields(schema: &Json) -> Vec<Field> {
    let required = list(&schema["required"]);
    let own = object(&schema["properties"])
        .map(|(name, of)| Field::new(name, of, of, required.iter().any(|one| one == name)));
    own.chain(list(&schema["allOf"]).iter().flat_map(fields)).collect()
}

/// What kind of value a schema describes, with a link to a type that has a name.
fn kind(schema: &Json) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        let name = escaped(name);
        return format!("<a href=\"#type-{name}\">{name}</a>");
    }
    let joined = |parts: &[Json], word: &str| {
        parts.iter().map(kind).collect::<Vec<_>>().join(&format!(" {word} "))
    };
    for (key, word) in [("oneOf", "or"), ("anyOf", "or"), ("allOf", "and")] {
        if let Some(parts) = schema[key].as_array() {
            return joined(parts, word);
        }
    }
    if let Some(names) = schema["enum"].as_array() {
        let names = names.iter().map(|name| format!("<code>{}</code>", escaped(&text(name))));
        return names.collect::<Vec<_>>().join(" or ");
    }
    let sorts: Vec<String> = match &schema["type"] {
        Json::Array(sorts) => sorts.iter().map(text).collect(),
        sort => vec![text(sort)],
    };
    let mut words = sorts.join(" or ");
    if let Some(items) = schema.get("items") {
        words = words.replace("array", &format!("list of {}", kind(items)));
    } else {
        words = escaped(&words);
    }
    match schema["format"].as_str() {
        Some(format) => format!("{words} ({})", escaped(format)),
        None => words,
    }
}

/// The first body that is described.
fn content(of: &Json) -> Option<&Json> {
    of["content"].as_object()?.values().next()
}

fn object(of: &Json) -> impl Iterator<Item = (&String, &Json)> {
    of.as_object().into_iter().flatten()
}

fn list(of: &Json) -> &[Json] {
    of.as_array().map_or(&[], Vec::as_slice)
}

fn text(of: &Json) -> String {
    match of {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

/// A sentence with its `code` marked.
fn prose(text: &str) -> String {
    let parts = escaped(text);
    let parts: Vec<&str> = parts.split('`').collect();
    let mut html = String::new();
    for (place, part) in parts.iter().enumerate() {
        let is_code = place % 2 == 1 && place + 1 < parts.len();
        html +=
            &if is_code { format!("<code>{part}</code>") } else { part.replace("\n\n", "<br>") };
    }
    html
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_of_codes_has_an_anchor_for_every_code_and_says_it_in_both_languages() {
        let page = codes_page().expect("it is written");
        for entry in catalogue::all() {
            let anchor = format!("id=\"{}-{}\"", entry.sort, entry.code);
            assert_eq!(page.matches(&anchor).count(), 1, "{anchor}");
            for said in [entry.text, entry.text_ja, entry.next, entry.next_ja] {
                assert!(page.contains(&prose(said)), "{}: {said}", entry.code);
            }
        }
    }

    #[test]
    fn page_of_the_interface_has_every_route_and_every_link_on_it_leads_somewhere() {
        let page = api_page().expect("it is written");
        let api = serde_json::to_value(crate::hook::openapi()).expect("JSON");
        for (path, methods) in object(&api["paths"]) {
            for (method, _) in object(methods) {
                let heading = format!(
                    "<h3><b>{}</b> <code>{}</code></h3>",
                    method.to_uppercase(),
                    escaped(path)
                );
                // The slash of a path may be escaped as well.
                let page = page.replace("&#x2f;", "/");
                assert!(page.contains(&heading), "{heading}");
            }
        }
        for link in page.split("href=\"#").skip(1) {
            let anchor = link.split('"').next().expect("an end");
            assert!(page.contains(&format!("id=\"{anchor}\"")), "#{anchor} leads nowhere");
        }
        assert!(page.contains("<pre>{"), "no example is shown");
    }

    #[test]
    fn nothing_of_another_host_is_loaded_and_nothing_runs() {
        for text in [&api_page().expect("written"), &codes_page().expect("written"), STYLE] {
            for word in
                ["<script", "<img", "<iframe", "@import", "url(", "javascript:", " style=\""]
            {
                assert!(!text.contains(word), "{word}");
            }
            for attribute in ["href=\"", "src=\""] {
                for target in text.split(attribute).skip(1) {
                    assert!(target.starts_with(['/', '#']), "{}", &target[..40.min(target.len())]);
                    assert!(!target.starts_with("//"), "another host");
                }
            }
        }
        assert!(POLICY.starts_with("default-src 'none';") && !POLICY.contains("unsafe"));
    }

    #[test]
    fn words_of_a_description_are_text_and_code_is_marked() {
        assert_eq!(prose("a `b` <c> & `d"), "a <code>b</code> &lt;c&gt; &amp; d");
        assert_eq!(prose("one\n\ntwo"), "one<br>two");
    }
}

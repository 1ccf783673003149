//! The description of the interface is whole: it says what there is, each example is what it says, and every name leads
//! somewhere.

use super::*;

/// Routes that nobody needs a token for.
const OPEN: [&str; 5] =
    ["/healthz", "/readyz", "/v1/endings", "/v1/problems", "/v1/problems/{code}"];

fn api() -> Value {
    serde_json::to_value(openapi()).expect("JSON")
}

/// Method, path and description of each operation.
fn operations(api: &Value) -> Vec<(String, String, &Value)> {
    let paths = api["paths"].as_object().expect("paths");
    let all = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods");
        methods.iter().map(|(method, of)| (method.to_uppercase(), path.clone(), of))
    });
    all.collect()
}

#[test]
fn every_operation_says_what_it_does_who_may_and_what_comes_back() {
    let api = api();
    assert_eq!(api["openapi"], "3.1.0");
    for (method, path, of) in operations(&api) {
        let place = format!("{method} {path}");
        assert!(of["summary"].as_str().is_some_and(|text| text.len() > 5), "{place}: no summary");
        assert_eq!(of["tags"].as_array().map(Vec::len), Some(1), "{place}: one tag");
        let scopes = of["security"][0]["token"].as_array().map(Vec::len);
        assert_eq!(scopes, (!OPEN.contains(&path.as_str())).then_some(1), "{place}: its scope");
        let answers = of["responses"].as_object().expect("answers");
        assert!(answers.keys().any(|status| status.starts_with('2')), "{place}: no success");
        let refuses = answers.keys().any(|status| status == "4XX" || status == "404");
        assert!(refuses || OPEN.contains(&path.as_str()), "{place}: no refusal");
        for name in path.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
            let parameters = of["parameters"].as_array().expect("parameters");
            let is_it = |one: &Value| one["name"] == name && one["in"] == "path";
            assert!(parameters.iter().any(is_it), "{place}: `{name}` is not described");
        }
        for parameter in of["parameters"].as_array().into_iter().flatten() {
            let told = parameter["description"].as_str().is_some_and(|text| !text.is_empty());
            assert!(told, "{place}: {parameter}");
        }
    }
}

#[tokio::test]
async fn every_operation_that_is_described_is_there_and_asks_for_a_token_if_it_says_so() {
    let house = House::open().await;
    for (host, (method, path, _)) in (1..).zip(operations(&api())) {
        let real = path.replace("{id}", "1").replace("{name}", "x").replace("{code}", "internal");
        let real = real.replace("{office_number}", "1379900028");
        let request = format!(
            "{method} {real} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let answer = house.send_from(host, request.as_bytes()).await;
        if OPEN.contains(&path.as_str()) {
            assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
        } else {
            answer.is_problem(401, "unauthorized");
        }
    }
}

#[test]
fn every_body_has_an_example_that_fits_its_schema() {
    let api = api();
    for (method, path, of) in operations(&api) {
        let Some(body) = of["requestBody"]["content"].get("application/json") else { continue };
        let place = format!("{method} {path}");
        let example = body.get("example").unwrap_or_else(|| panic!("{place}: no example"));
        let faults = misfits(&api, &body["schema"], example, "");
        assert!(faults.is_empty(), "{place}: {faults:#?}");
        // The judge objects as well.
        let mut other = example.clone();
        put(&mut other, "/a_field_that_is_none", json!(1));
        assert_ne!(misfits(&api, &body["schema"], &other, ""), [""; 0], "{place}");
    }
}

#[tokio::test]
async fn example_of_a_notification_is_accepted() {
    let house = House::open().await;
    let api = api();
    let body = &api["paths"]["/v1/notifications"]["post"]["requestBody"]["content"];
    let example = &body["application/json"]["example"];
    assert_eq!(house.post("example", example).await.status, 202);
}

#[test]
fn every_name_of_a_type_leads_to_one() {
    let api = api();
    let text = api.to_string();
    for name in text.split("\"#/components/schemas/").skip(1) {
        let name = name.split('"').next().expect("an end");
        assert!(!api["components"]["schemas"][name].is_null(), "{name}");
    }
}

/// What of a value its schema does not allow, as far as our schemas go. A field that is not described does not fit: the hook
/// refuses unknown ones.
fn misfits(api: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return misfits(api, &api["components"]["schemas"][name], value, at);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let mut faults: Vec<_> =
            choices.iter().map(|choice| misfits(api, choice, value, at)).collect();
        faults.sort_by_key(Vec::len);
        return faults.swap_remove(0);
    }
    let mut faults = Vec::new();
    let sort = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let may_be = match &schema["type"] {
        Value::Array(sorts) => sorts.iter().any(|one| one == sort),
        one => one == sort,
    };
    if !may_be {
        faults.push(format!("{at} is {sort}"));
    }
    if let Value::Object(fields) = value {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                faults.push(format!("{at}/{name} is missing"));
            }
        }
        for (name, field) in fields {
            let at = format!("{at}/{name}");
            match schema["properties"].get(name) {
                Some(schema) => faults.extend(misfits(api, schema, field, &at)),
                None => faults.push(format!("{at} is not described")),
            }
        }
    }
    if let Value::Array(items) = value {
        for (place, item) in items.iter().enumerate() {
            faults.extend(misfits(api, &schema["items"], item, &format!("{at}/{place}")));
        }
    }
    let length = value.as_str().map(|text| text.chars().count() as u64);
    let length = length.or(value.as_array().map(|items| items.len() as u64));
    for (least, most) in [("minLength", "maxLength"), ("minItems", "maxItems")] {
        let fits = |length| {
            schema[least].as_u64().is_none_or(|least| length >= least)
                && schema[most].as_u64().is_none_or(|most| length <= most)
        };
        if !length.is_none_or(fits) {
            faults.push(format!("{at} has another length"));
        }
    }
    faults
}

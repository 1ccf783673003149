//! What technicians see of lines, and ask of them.

use super::*;

#[tokio::test]
async fn lines_show_what_is_wrong_and_what_to_do_and_no_whole_number() {
    let house = House::open().await;
    let answer = house.get("/v1/lines").await;
    assert_eq!(answer.status, 200);
    let lines = answer.json();
    assert_eq!(lines[0]["state"], "quarantined");
    assert_eq!(lines[0]["usable"], false);
    assert_eq!(lines[0]["fault"]["code"], "modem-silent");
    assert_eq!(lines[0]["last_fault"]["message"], "switch it off and on");
    assert_eq!(lines[1]["last_call"]["code"], "delivered");
    assert_eq!(lines[1]["number"], "******0100");
    assert!(!lines.to_string().contains("5550"), "{lines}");
    assert_eq!(house.get("/v1/lines/line2").await.json()["name"], "line2");
    house.get("/v1/lines/line3").await.is_problem(404, "line-not-found");
    house.get("/v1/lines/%FF").await.is_problem(404, "line-not-found");
}

#[tokio::test]
async fn test_of_a_line_is_wanted_once_and_wakes_it() {
    let house = House::open().await;
    let answer = house.post_empty("/v1/lines/line2/test").await;
    assert_eq!((answer.status, answer.json()["number"].as_u64()), (202, Some(1)));
    assert_eq!(house.lines.woken.load(Ordering::Relaxed), 1);
    house.post_empty("/v1/lines/line2/test").await.is_problem(409, "line-not-testable");
    house.post_empty("/v1/lines/line9/test").await.is_problem(404, "line-not-found");
    for path in ["/v1/lines/%FF/test", "/v1/lines/%FF/reset"] {
        house.post_empty(path).await.is_problem(404, "line-not-found");
    }
    for query in ["page=yes", "pages=true"] {
        let answer = house.post_empty(&format!("/v1/lines/line1/test?{query}")).await;
        answer.is_problem(400, "invalid-query");
    }
    assert_eq!(house.post_empty("/v1/lines/line1/test?page=true").await.status, 202);
    assert_eq!(house.post_empty("/v1/lines/line1/reset").await.status, 202);
}

#[tokio::test]
async fn who_may_read_lines_may_not_test_them() {
    let house = House::with(Setup { scopes: &[Scope::Read], ..Setup::default() }).await;
    for wish in ["test", "reset"] {
        let answer = house.post_empty(&format!("/v1/lines/line2/{wish}")).await;
        answer.is_problem(403, "scope-missing");
    }
    let house = House::with(Setup { scopes: &[Scope::Lines], ..Setup::default() }).await;
    house.get("/v1/lines").await.is_problem(403, "scope-missing");
}

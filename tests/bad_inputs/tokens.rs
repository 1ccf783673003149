//! Tokens that are none.

use crate::house::House;

#[test]
fn b15_every_wrong_token_gets_the_same_401_to_the_octet() {
    let house = House::new();
    let mut daemon = house.daemon();
    let (client, secret) = house.token.split_once('.').expect("client.secret");
    let mut answers = Vec::new();
    for field in [
        String::new(),
        String::from("Authorization:\r\n"),
        String::from("Authorization: Bearer \r\n"),
        format!("Authorization: Basic {}\r\n", house.token),
        format!("Authorization: Bearer {}\r\n", house.token.to_uppercase()),
        format!("Authorization: Bearer {client}.{}x\r\n", secret.split_at(42).0),
        format!("Authorization: Bearer nobody.{secret}\r\n"),
        format!("Authorization: Bearer {}\r\n", "a".repeat(8 << 10)),
    ] {
        let answer = house.send(
            format!("GET /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{field}\r\n")
                .as_bytes(),
        );
        answer.is_problem(401, "unauthorized");
        answers.push(answer.text);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
    house.goes_on(&mut daemon);
}

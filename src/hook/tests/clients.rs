//! Slow, many and strange clients.

use super::*;

#[tokio::test]
async fn silent_and_dripping_clients_are_closed_when_the_header_time_is_over() {
    let house = House::with(Setup { limits: short_limits(), ..Setup::default() }).await;
    let mut silent = house.connect().await;
    assert!(closed(&mut silent).await, "a silent client");

    let mut dripping = house.connect().await;
    let drip = async {
        for octet in b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        {
            if dripping.write_all(&[*octet]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the header took {} ms longer than allowed", 75 * 20 - 200);
    };
    drip.await;

    let mut idle = house.connect().await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("a request");
    assert!(closed(&mut idle).await, "an idle client after its answer");
}

#[tokio::test]
async fn body_that_drips_is_408() {
    let house = House::with(Setup { limits: short_limits(), ..Setup::default() }).await;
    let mut stream = house.connect().await;
    let head = house.head("POST /v1/notifications", "key-1");
    let head = format!("{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{");
    stream.write_all(head.as_bytes()).await.expect("head");
    Answer::read(&mut stream).await.is_problem(408, "body-timeout");
}

#[tokio::test]
async fn full_house_closes_whoever_says_nothing_and_serves_whoever_asks() {
    let limits = Limits { connections: 2, ..Limits::default() };
    let house = House::with(Setup { limits, ..Setup::default() }).await;
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(house.connect().await);
        assert_eq!(house.get("/healthz").await.status, 200);
    }
    assert!(closed(&mut silent[0]).await, "it made room");
}

#[tokio::test]
async fn answer_that_nobody_reads_is_given_up() {
    let limits = Limits { answer: Duration::from_millis(200), ..Limits::default() };
    let house = House::with(Setup { limits, ..Setup::default() }).await;
    let mut stream = house.connect().await;
    let request = "GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
    // More answers than any buffer of the kernel takes: the hook stops reading, then us.
    let flood = request.repeat(1000);
    let writing = tokio::time::timeout(Duration::from_secs(10), async {
        while stream.write_all(flood.as_bytes()).await.is_ok() {}
    });
    writing.await.expect("the connection was closed");
    assert_eq!(house.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn eleventh_wrong_token_is_429_and_the_right_one_is_let_in() {
    let house = House::open().await;
    let wrong = "GET /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer exchange.x\r\n\r\n";
    for _ in 0..10 {
        house.send(wrong.as_bytes()).await.is_problem(401, "unauthorized");
    }
    let answer = house.send(wrong.as_bytes()).await;
    answer.is_problem(429, "too-many-failures");
    let wait: u64 =
        answer.header("retry-after").and_then(|wait| wait.parse().ok()).expect("a wait");
    assert!((1..=6).contains(&wait), "{wait}");
    assert_eq!(house.get("/v1/events").await.status, 200, "whoever has the token has not to wait");
}

#[tokio::test]
async fn client_that_hands_in_too_much_waits_and_may_still_withdraw() {
    let posts_per_minute = std::num::NonZeroU32::new(2);
    let house = House::with(Setup { posts_per_minute, ..Setup::default() }).await;
    let id = house.accepted().await;
    assert_eq!(house.post("key-1", &body()).await.status, 202);
    let answer = house.post("key-2", &body()).await;
    answer.is_problem(429, "too-many-requests");
    assert_eq!(answer.header("retry-after"), Some("30"));
    assert_eq!(house.store.kept(), 2);
    let head = house.head(&format!("DELETE /v1/notifications/{id}"), "");
    assert_eq!(house.send(format!("{head}\r\n").as_bytes()).await.status, 200);
}

#[tokio::test]
async fn ambiguous_framing_is_refused_and_closed() {
    let house = House::open().await;
    for head in [
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: gzip, chunked, gzip\r\n",
    ] {
        let request = format!("{}{head}\r\n{{}}", house.head("POST /v1/notifications", "key-1"));
        let answer = house.send(request.as_bytes()).await;
        assert!((400..500).contains(&answer.status), "{head} gave {}", answer.status);
    }
    assert_eq!(house.store.kept(), 0);
}

#[tokio::test]
async fn header_without_end_is_431() {
    let house = House::open().await;
    let many = (0..1000).map(|n| format!("X-{n}: y\r\n")).collect::<String>();
    let long = format!("X-Long: {}\r\n", "y".repeat(64 << 10));
    for extra in [many, long] {
        let request = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{extra}\r\n");
        assert_eq!(house.send(request.as_bytes()).await.status, 431);
    }
}

#[tokio::test]
async fn stop_lets_a_request_end_and_takes_no_other() {
    let mut house = House::with(Setup { slow_store: true, ..Setup::default() }).await;
    let mut stream = house.connect().await;
    let octets = body().to_string();
    let head = house.head("POST /v1/notifications", "key-1");
    let request = format!(
        "{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{octets}",
        octets.len()
    );
    stream.write_all(request.as_bytes()).await.expect("a request");
    soon(house.store.asked.notified()).await;
    house.stop.take().expect("running").send(()).expect("listening");
    house.store.go_on.notify_one();
    assert_eq!(Answer::read(&mut stream).await.status, 202);
    (&mut house.server).await.expect("it ended");
    assert!(TcpStream::connect(house.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn house_full_of_bodies_that_do_not_come_serves_whoever_asks() {
    let limits = Limits { connections: 2, ..Limits::default() };
    let house = House::with(Setup { limits, ..Setup::default() }).await;
    let head = house.head("POST /v1/notifications", "key-1");
    let head = format!("{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{");
    let mut dripping = Vec::new();
    for _ in 0..6 {
        let mut stream = house.connect().await;
        stream.write_all(head.as_bytes()).await.expect("head");
        dripping.push(stream);
    }
    assert_eq!(house.get("/healthz").await.status, 200);
    assert!(closed(&mut dripping[0]).await, "it made room");
}

#[tokio::test]
async fn body_that_comes_in_pieces_over_a_slow_line_is_taken() {
    let house = House::open().await;
    let octets = body().to_string();
    let head = house.head("POST /v1/notifications", "key-1");
    let head =
        format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", octets.len());
    let mut stream = house.connect().await;
    for piece in head.as_bytes().chunks(40).chain(octets.as_bytes().chunks(40)) {
        stream.write_all(piece).await.expect("it is not cut");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(Answer::read(&mut stream).await.status, 202);
}

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
async fn connections_of_one_address_are_limited_and_free_again() {
    let limits = Limits { connections_per_address: 2, ..Limits::default() };
    let house = House::with(Setup { limits, ..Setup::default() }).await;
    let (first, _second) = (house.connect().await, house.connect().await);
    let mut third = house.connect().await;
    assert!(closed(&mut third).await, "one too many");
    drop(first);
    // The place is free once the server has seen the end of the first connection.
    let deadline = tokio::time::sleep(Duration::from_secs(5));
    tokio::pin!(deadline);
    loop {
        let again = tokio::select! {
            answer = house.try_get("/healthz") => answer,
            () = &mut deadline => panic!("the place was never free again"),
        };
        if again.is_some_and(|answer| answer.status == 200) {
            break;
        }
    }
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

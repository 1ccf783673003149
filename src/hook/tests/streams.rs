//! The feed as Server-Sent Events, over real TCP.

use http_body_util::BodyExt as _;

use super::*;

/// A stream of events as a client reads it.
struct Listener {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Listener {
    async fn open(house: &House, path: &str, more: &str) -> Self {
        let mut stream = house.connect().await;
        let head = house.head(&format!("GET {path}"), "");
        let request = format!("{head}Accept: text/event-stream\r\n{more}\r\n");
        stream.write_all(request.as_bytes()).await.expect("asked");
        Self { stream, read: Vec::new() }
    }

    /// Reads on until so much has come `count` times, and gives all of it.
    async fn until(&mut self, what: &str, count: usize) -> String {
        loop {
            let text = String::from_utf8_lossy(&self.read).into_owned();
            if text.matches(what).count() >= count {
                return text;
            }
            let mut piece = [0; 4096];
            let read = tokio::time::timeout(Duration::from_secs(10), self.stream.read(&mut piece));
            let length = read.await.unwrap_or_else(|_| panic!("no {what}: {text}")).expect("read");
            assert_ne!(length, 0, "it ended before {what}: {text}");
            self.read.extend_from_slice(&piece[..length]);
        }
    }
}

async fn posted(house: &House, key: &str) {
    assert_eq!(house.post(key, &body()).await.status, 202);
}

#[tokio::test]
async fn stream_gives_what_was_and_what_comes_and_whoever_comes_back_misses_nothing() {
    let house = House::open().await;
    posted(&house, "before").await;
    let mut listener = Listener::open(&house, "/v1/events", "").await;
    let first = listener.until("\n\n", 1).await;
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    assert!(first.to_lowercase().contains("content-type: text/event-stream"), "{first}");
    let id = house.store.ids()[0];
    for part in ["id: 1\n", "event: accepted\n", &format!("\"notification\":\"{id}\"")] {
        assert!(first.contains(part), "{part} in {first}");
    }
    posted(&house, "listening").await;
    assert!(listener.until("event: accepted", 2).await.contains("id: 2\n"));
    drop(listener);
    posted(&house, "away").await;
    posted(&house, "another").await;
    let mut back = Listener::open(&house, "/v1/events?after=0", "Last-Event-ID: 2\r\n").await;
    let rest = back.until("event: accepted", 2).await;
    assert!(rest.contains("id: 3\n") && rest.contains("id: 4\n"), "{rest}");
    assert!(!rest.contains("id: 1\n") && !rest.contains("id: 2\n"), "nothing twice: {rest}");
}

#[tokio::test]
async fn stop_ends_every_stream_and_waits_for_none() {
    let mut house = House::open().await;
    let mut listener = Listener::open(&house, "/v1/events", "").await;
    listener.until("\r\n\r\n", 1).await;
    house.stop.take().expect("still open").send(()).expect("it listens");
    assert!(closed(&mut listener.stream).await);
    soon(async { (&mut house.server).await.expect("it ended") }).await;
}

#[tokio::test]
async fn client_may_have_eight_streams_and_a_place_is_free_again_when_one_goes() {
    let house = House::open().await;
    let mut open = Vec::new();
    for _ in 0..8 {
        let mut listener = Listener::open(&house, "/v1/events", "").await;
        listener.until("\r\n\r\n", 1).await;
        open.push(listener);
    }
    let mut ninth = Listener::open(&house, "/v1/events", "").await;
    Answer::read(&mut ninth.stream).await.is_problem(429, "too-many-streams");
    drop(open.pop());
    soon(async {
        loop {
            let mut again = Listener::open(&house, "/v1/events", "").await;
            if again.until("\r\n\r\n", 1).await.starts_with("HTTP/1.1 200") {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn reader_who_has_missed_something_for_good_is_told_so_either_way() {
    let house = House::with(Setup { forgotten: 5, ..Setup::default() }).await;
    let piece = house.get("/v1/events?after=4").await;
    piece.is_problem(410, "cursor-too-old");
    assert_eq!(piece.json()["detail"], "there is no gap from after=5 on");
    let mut listener = Listener::open(&house, "/v1/events", "Last-Event-ID: 4\r\n").await;
    Answer::read(&mut listener.stream).await.is_problem(410, "cursor-too-old");
    assert_eq!(house.get("/v1/events").await.status, 200);
    let mut listener = Listener::open(&house, "/v1/events", "Last-Event-ID: x\r\n").await;
    Answer::read(&mut listener.stream).await.is_problem(400, "invalid-query");
}

/// Without a socket: time stands still, and goes on when nothing else is to be done.
#[tokio::test(start_paused = true)]
async fn silent_stream_shows_every_15_s_that_it_lives_and_ends_after_50_s() {
    let house = House::open().await;
    let client = ClientId("exchange".into());
    let began = tokio::time::Instant::now();
    let answer = super::super::streams::open(house.hook.clone(), client, 0).await;
    let mut body = answer.unwrap_or_else(|_| panic!("refused")).into_body();
    let mut seen = Vec::new();
    while let Some(frame) = body.frame().await {
        let octets = frame.expect("a frame").into_data().expect("data");
        seen.push((began.elapsed().as_secs(), String::from_utf8_lossy(&octets).into_owned()));
    }
    // A comment, which a reader of events passes by.
    let sign = |at: u64| (at, String::from(":\n\n"));
    assert_eq!(seen, [sign(15), sign(30), sign(45)]);
    assert_eq!(began.elapsed().as_secs(), 50, "whoever comes back shows a token again");
}

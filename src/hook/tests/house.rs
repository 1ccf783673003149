//! What the tests are made of: a hook that listens, a client, and a store in memory.

use super::*;
use crate::queue::{Appliance, Fingerprint, Held, HoldReason, Note, OneHeld};

/// A first contact with every field that it has.
pub(super) fn body() -> Value {
    body_of(Kind::FirstContact)
}

/// A body of this kind with every field that it has.
pub(super) fn body_of(kind: Kind) -> Value {
    let parts: &[&str] = match kind {
        Kind::FirstContact => &["credentials", "documents", "if_uncertain"],
        Kind::CredentialsReissued => &["credentials", "if_uncertain"],
        Kind::Document => &["documents"],
        Kind::ChannelChanged => &["channel"],
        Kind::Message | Kind::NumberProof => &[],
    };
    let mut body = body_of_all_kinds();
    put(&mut body, "/kind", json!(kind.as_str()));
    let object = body.as_object_mut().expect("an object");
    object.retain(|name, _| !PARTS.contains(&name.as_str()) || parts.contains(&name.as_str()));
    body
}

/// The fields that only some kinds have.
pub(super) const PARTS: [&str; 4] = ["credentials", "documents", "channel", "if_uncertain"];

/// Every field that there is; no kind has all of them.
pub(super) fn body_of_all_kinds() -> Value {
    let [login_id, password, first_time_key] = CANARIES;
    json!({
        "kind": "first_contact",
        "language": "ja",
        "sender": { "office_number": "1379900028", "office_name": "ひまわり居宅介護支援事業所", "phone": "03-9876-5432" },
        "recipient": { "office_number": "1179900012", "office_name": "さくらデイサービス", "fax": "03-1234-5678" },
        "credentials": {
            "login_id": login_id, "password": password, "first_time_key": first_time_key,
            "valid_until": "2026-12-24T00:00:00+09:00",
        },
        "documents": [{ "title": "提供票", "count": 2 }],
        "if_uncertain": "send_once_more",
        "channel": { "mail_hint": "s***@example.co.jp" },
        "urgency": "normal",
        "not_before": "2026-11-24T10:30:00+09:00",
        "not_after": "2026-11-25T10:30:00+09:00",
    })
}

/// Puts a value where a pointer leads, new or not.
pub(super) fn put(body: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = body.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    parent.insert(name.to_owned(), value);
}

pub(super) fn short_limits() -> Limits {
    Limits {
        header: Duration::from_millis(200),
        body: Duration::from_millis(200),
        ..Limits::default()
    }
}

/// What has to happen, or the test fails instead of hanging.
pub(super) async fn soon(event: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(10), event).await.expect("it never happened");
}

/// Whether the other side closes within 5 s; what it says before does not matter.
pub(super) async fn closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    // A reset is an end as well.
    tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await.is_ok()
}

/// What differs from the usual in a test.
pub(super) struct Setup {
    pub(super) scopes: &'static [Scope],
    pub(super) sheet: Result<(), SheetFault>,
    pub(super) policy: Policy,
    pub(super) windows: Windows,
    pub(super) limits: Limits,
    pub(super) failing: Option<QueueError>,
    pub(super) cancelled: Cancelled,
    pub(super) slow_store: bool,
    pub(super) line_ready: bool,
    pub(super) kept: Vec<Kept>,
    pub(super) mail: MailBoards,
    pub(super) tellers: Tellers,
    pub(super) domains: Vec<MailDomain>,
    pub(super) tally: Tally,
    pub(super) boards: Vec<WebhookBoard>,
    pub(super) forgotten: i64,
    pub(super) now: UnixMillis,
    pub(super) posts_per_minute: Option<std::num::NonZeroU32>,
    pub(super) renewals: Renewals,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            scopes: ALL_SCOPES,
            sheet: Ok(()),
            policy: Policy::default(),
            windows: Windows::Always,
            limits: Limits::default(),
            failing: None,
            cancelled: Cancelled::Done,
            slow_store: false,
            line_ready: true,
            kept: Vec::new(),
            mail: MailBoards::default(),
            tellers: Tellers::default(),
            domains: Vec::new(),
            tally: Tally::default(),
            boards: Vec::new(),
            forgotten: 0,
            now: TUESDAY_10_00,
            posts_per_minute: None,
            renewals: Renewals::default(),
        }
    }
}

/// A hook that listens.
pub(super) struct House {
    pub(super) address: SocketAddr,
    pub(super) hook: Hook,
    pub(super) token: zeroize::Zeroizing<String>,
    pub(super) store: Arc<Memory>,
    pub(super) lines: Arc<Lines>,
    pub(super) progress: ProgressBoard,
    pub(super) alarm: Alarm,
    pub(super) stop: Option<oneshot::Sender<()>>,
    pub(super) server: tokio::task::JoinHandle<()>,
}

impl House {
    pub(super) async fn open() -> Self {
        Self::with(Setup::default()).await
    }

    pub(super) async fn with(setup: Setup) -> Self {
        let new =
            auth::new_token("exchange", setup.scopes, [7; 32], jiff::civil::date(2026, 11, 24))
                .expect("a token");
        let store = Arc::new(Memory {
            failing: setup.failing,
            cancelled: setup.cancelled,
            slow: setup.slow_store,
            kept: Mutex::new(setup.kept),
            numbers: Mutex::default(),
            channels: Mutex::default(),
            offices: Mutex::default(),
            signs: Mutex::default(),
            held: Mutex::default(),
            altered: Mutex::default(),
            resolutions: Mutex::default(),
            refusal: Mutex::default(),
            state: Mutex::new(JobState::Waiting),
            domains: setup.domains,
            news: tokio::sync::watch::Sender::default(),
            tally: setup.tally,
            boards: setup.boards,
            forgotten: setup.forgotten,
            asked: Notify::new(),
            go_on: Arc::default(),
        });
        let lines = Arc::new(Lines::new(setup.line_ready, setup.now));
        let (progress, alarm) = (ProgressBoard::default(), Alarm::default());
        let streams = Streams::default();
        let hook = Hook::new(Parts {
            queue: Arc::clone(&store) as Arc<dyn Queue>,
            clock: Arc::new(Stopped(setup.now)),
            sheet: Arc::new(Drawing(setup.sheet)),
            policy: setup.policy,
            windows: setup.windows,
            tokens: LiveTokens::new(Tokens::parse(&new.line).expect("one token")),
            renewals: setup.renewals,
            rates: Rates::new(setup.posts_per_minute),
            fingerprints: Fingerprints::new(&[9; 32]),
            progress: progress.clone(),
            limits: setup.limits.clone(),
            alarm: alarm.clone(),
            lines: Arc::clone(&lines) as Arc<dyn LineDesk>,
            line_limits: vec![LineLimits {
                line: "line1".into(),
                fastest: Rate(t30::Modulation::V17At14400),
                ecm: true,
            }],
            mail: setup.mail,
            store: HeaderValue::from_str("01; generation=3").ok(),
            queued: Queued::default(),
            streams: streams.clone(),
            tellers: setup.tellers,
            meters: Meters::default(),
            pace: Pace::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let door = listener::Door { socket: listener, certificates: None };
        let (stop, stopped) = oneshot::channel();
        let until = async move {
            let _ = stopped.await;
            streams.end();
        };
        let server =
            tokio::spawn(listener::serve(vec![door], router(hook.clone()), setup.limits, until));
        Self {
            address,
            hook,
            token: new.token,
            store,
            lines,
            progress,
            alarm,
            stop: Some(stop),
            server,
        }
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    pub(super) async fn send(&self, octets: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        // The answer may come before all was read.
        let _ = stream.write_all(octets).await;
        Answer::read(&mut stream).await
    }

    /// As somebody who has an address of his own: from one address ten wrong tokens a minute are heard.
    pub(super) async fn send_from(&self, host: u8, octets: &[u8]) -> Answer {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 1, host], 0).into()).expect("an address of this machine");
        let mut stream = socket.connect(self.address).await.expect("a connection");
        stream.write_all(octets).await.expect("it listens");
        Answer::read(&mut stream).await
    }

    /// A request's head without its last empty line.
    pub(super) fn head(&self, line: &str, key: &str) -> String {
        let key =
            if key.is_empty() { String::new() } else { format!("Idempotency-Key: {key}\r\n") };
        format!(
            "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n{key}",
            *self.token
        )
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(format!("{}\r\n", self.head(&format!("GET {path}"), "")).as_bytes()).await
    }

    pub(super) async fn post(&self, key: &str, body: &Value) -> Answer {
        self.post_octets(key, "application/json", body.to_string().as_bytes()).await
    }

    pub(super) async fn post_octets(&self, key: &str, media_type: &str, octets: &[u8]) -> Answer {
        let head = format!(
            "{}Content-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
            self.head("POST /v1/notifications", key),
            octets.len()
        );
        self.send(&[head.as_bytes(), octets].concat()).await
    }

    pub(super) async fn delete(&self, path: &str) -> Answer {
        self.send(format!("{}\r\n", self.head(&format!("DELETE {path}"), "")).as_bytes()).await
    }

    pub(super) async fn post_empty(&self, path: &str) -> Answer {
        let head = self.head(&format!("POST {path}"), "");
        self.send(format!("{head}Content-Length: 0\r\n\r\n").as_bytes()).await
    }

    /// Asks something about a number.
    pub(super) async fn ask(&self, verb: &str, body: Value) -> Answer {
        self.post_json(&format!("/v1/numbers/{verb}"), &body).await
    }

    pub(super) async fn put_json(&self, path: &str, body: &Value) -> Answer {
        self.send_json("PUT", path, body).await
    }

    pub(super) async fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.send_json("POST", path, body).await
    }

    async fn send_json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let head = format!(
            "{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.head(&format!("{method} {path}"), ""),
            body.len()
        );
        self.send(&[head.as_bytes(), body.as_bytes()].concat()).await
    }

    pub(super) async fn accepted(&self) -> String {
        let answer = self.post("key-0", &body()).await;
        answer.json()["id"].as_str().expect(&answer.text).to_owned()
    }
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HashMap<String, String>,
    pub(super) text: String,
}

impl Answer {
    pub(super) async fn read(stream: &mut TcpStream) -> Self {
        let mut octets = Vec::new();
        let mut piece = [0; 4096];
        loop {
            match tokio::time::timeout(Duration::from_secs(10), stream.read(&mut piece)).await {
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(length)) => octets.extend_from_slice(&piece[..length]),
                Err(_) => panic!("no answer: {}", String::from_utf8_lossy(&octets)),
            }
        }
        Self::parse(&octets)
    }

    pub(super) fn parse(octets: &[u8]) -> Self {
        let whole = String::from_utf8_lossy(octets).into_owned();
        let (head, text) = whole.split_once("\r\n\r\n").expect("a head");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        Self { status: status.parse().expect("a number"), headers, text: text.to_owned() }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    #[track_caller]
    pub(super) fn is_problem(&self, status: u16, code: &str) {
        let said = self.json();
        assert_eq!((self.status, &said["code"]), (status, &json!(code)), "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(said["type"], format!("/v1/problems/{code}"));
    }
}

/// The time does not pass.
pub(super) struct Stopped(pub(super) UnixMillis);

impl Clock for Stopped {
    fn now(&self) -> UnixMillis {
        self.0
    }
}

pub(super) struct Drawing(Result<(), SheetFault>);

impl SheetCheck for Drawing {
    fn check(&self, _job: &NewJob) -> Result<(), SheetFault> {
        self.0.clone()
    }

    fn is_tried(&self, kind: Kind, _language: Language) -> bool {
        // Both ways to ask are gone.
        kind.has_secret()
    }

    fn is_ready(&self) -> bool {
        self.0.is_ok()
    }
}

pub(super) struct Lines {
    pub(super) boards: [LineBoard; 2],
    pub(super) woken: AtomicUsize,
}

impl Lines {
    /// A line in quarantine, and one that is ready or has not begun.
    pub(super) fn new(ready: bool, now: UnixMillis) -> Self {
        let number = FaxNumber::parse("03-5550-0100").ok();
        let boards = ["line1", "line2"]
            .map(|name| LineBoard::new(name.into(), "/dev/ttyACM0".into(), number.clone(), now));
        let fault = LineFault { code: "modem-silent", message: "switch it off and on".into() };
        boards[0].show(LineState::Quarantined(fault.clone()), now);
        boards[0].failed(fault, now);
        if ready {
            boards[1].show(LineState::Ready, now);
            boards[1].call_ended("delivered", Duration::ZERO, now);
        }
        Self { boards, woken: AtomicUsize::new(0) }
    }
}

impl LineDesk for Lines {
    fn wake(&self) {
        self.woken.fetch_add(1, Ordering::Relaxed);
    }

    fn boards(&self) -> &[LineBoard] {
        &self.boards
    }
}

/// A request that was taken on.
pub(super) type Kept = (ClientId, IdempotencyKey, [u8; 32], JobId);

/// A store in memory that can be told to fail, and to wait.
pub(super) struct Memory {
    pub(super) failing: Option<QueueError>,
    pub(super) cancelled: Cancelled,
    pub(super) slow: bool,
    pub(super) kept: Mutex<Vec<Kept>>,
    pub(super) numbers: Mutex<Vec<(FaxNumber, Result<Known, Unreadable>)>>,
    /// As what each job was accepted.
    pub(super) channels: Mutex<HashMap<JobId, Channel>>,
    pub(super) offices: Mutex<HashMap<OfficeNumber, Office>>,
    pub(super) signs: Mutex<Vec<(JobId, Sign)>>,
    pub(super) held: Mutex<Option<Held>>,
    pub(super) altered: Mutex<Option<i64>>,
    pub(super) resolutions: Mutex<Vec<(Fingerprint, Resolution)>>,
    pub(super) refusal: Mutex<Option<Refusal>>,
    /// Of whatever is looked at alone.
    pub(super) state: Mutex<JobState>,
    pub(super) domains: Vec<MailDomain>,
    pub(super) news: tokio::sync::watch::Sender<i64>,
    pub(super) tally: Tally,
    pub(super) boards: Vec<WebhookBoard>,
    /// The feed has holes as far as this.
    pub(super) forgotten: i64,
    /// A slow store was asked …
    pub(super) asked: Notify,
    /// … and may answer.
    pub(super) go_on: Arc<Notify>,
}

impl Memory {
    pub(super) fn kept(&self) -> usize {
        self.kept.lock().expect("unharmed").len()
    }

    pub(super) fn rows(&self) -> Vec<Kept> {
        self.kept.lock().expect("unharmed").clone()
    }

    pub(super) fn ids(&self) -> Vec<JobId> {
        self.kept.lock().expect("unharmed").iter().map(|(_, _, _, id)| *id).collect()
    }

    pub(super) fn known(
        &self,
        client: &ClientId,
        key: &IdempotencyKey,
        fingerprint: [u8; 32],
    ) -> Option<Accepted> {
        let kept = self.kept.lock().expect("unharmed");
        let known = kept.iter().find(|(of, known, _, _)| (of, known) == (client, key))?;
        let same = known.2 == fingerprint;
        let channel = self.channel(known.3);
        Some(if same { Accepted::Replay { id: known.3, channel } } else { Accepted::OtherBody })
    }

    fn channel(&self, id: JobId) -> Channel {
        let channels = self.channels.lock().expect("unharmed");
        channels.get(&id).copied().unwrap_or(Channel::Fax)
    }

    pub(super) fn answer<T: Send + 'static>(&self, answer: T) -> Pending<T> {
        let (give, pending) = Pending::channel();
        let answer = self.failing.clone().map_or(Ok(answer), Err);
        if self.slow {
            let go_on = Arc::clone(&self.go_on);
            self.asked.notify_one();
            tokio::spawn(async move {
                go_on.notified().await;
                let _ = give.send(answer);
            });
        } else {
            let _ = give.send(answer);
        }
        pending
    }

    pub(super) fn view(id: JobId) -> View {
        View {
            id,
            state: JobState::Waiting,
            reason: None,
            kind: "first_contact",
            channel: Channel::Fax,
            office_number: "1179900012".into(),
            fax: FaxNumber::parse("03-1234-5678").ok(),
            fax_masked: "******5678".into(),
            mail_domain: None,
            because: None,
            accepted_at: TUESDAY_10_00,
            due_at: Some(TUESDAY_10_00),
            watch: None,
            not_after: TUESDAY_10_00,
            if_uncertain: Some(crate::job::IfUncertain::Ask),
            version: 1,
            decisions: Vec::new(),
            attempts: vec![AttemptView {
                number: 1,
                channel: Channel::Fax,
                line: "line-1".into(),
                version: 1,
                state: crate::job::AttemptState::Dialing,
                code: None,
                receipt: None,
                rungs: vec![("answered".into(), TUESDAY_10_00, json!({}))],
            }],
        }
    }
}

impl Memory {
    pub(super) fn call_row() -> CallRow {
        CallRow {
            id: CallId(17),
            job: None,
            line: "line1".into(),
            number_masked: "******5678".into(),
            began_at: TUESDAY_10_00,
            line_ms: 41_300,
            code: "delivered".into(),
            rate_bps: Some(14_400),
        }
    }
}

impl Queue for Memory {
    fn accept(&self, request: Acceptance) -> Pending<Accepted> {
        let earlier = self.known(&request.client, &request.key, request.fingerprint);
        self.answer(earlier.unwrap_or_else(|| {
            let mut kept = self.kept.lock().expect("unharmed");
            let id = JobId::new(request.now, kept.len() as u128);
            kept.push((request.client, request.key, request.fingerprint, id));
            let channel = request.route.channel();
            self.channels.lock().expect("unharmed").insert(id, channel);
            self.news.send_replace(kept.len() as i64);
            Accepted::New { id, channel }
        }))
    }

    /// Reading goes on while writing fails or is slow.
    fn earlier(
        &self,
        client: ClientId,
        key: IdempotencyKey,
        fingerprint: [u8; 32],
    ) -> Pending<Option<Accepted>> {
        let (give, pending) = Pending::channel();
        let _ = give.send(Ok(self.known(&client, &key, fingerprint)));
        pending
    }

    fn dialled(&self, _number: FaxNumber, _now: UnixMillis) -> Pending<Dialled> {
        unreachable!("the hook makes no calls")
    }

    fn show(&self, _client: ClientId, id: JobId) -> Pending<Option<View>> {
        let state = *self.state.lock().expect("unharmed");
        let view = || View { state, ..Self::view(id) };
        self.answer(self.ids().contains(&id).then(view))
    }

    fn list(&self, _client: ClientId, filter: Filter) -> Pending<Option<Vec<View>>> {
        let is_found = filter.sender.as_deref() != Some("1379900044");
        self.answer(is_found.then(|| self.ids().into_iter().map(Self::view).collect()))
    }

    /// As [`Memory::office`].
    fn tally(&self) -> Pending<Tally> {
        let (give, pending) = Pending::channel();
        let _ = give.send(Ok(self.tally.clone()));
        pending
    }

    fn look_back(&self, _now: UnixMillis) -> Pending<Option<i64>> {
        unreachable!("the hook does not look back")
    }

    fn forget_old(&self, _before: UnixMillis, _most: u32) -> Pending<u32> {
        unreachable!("the hook sweeps nothing")
    }

    fn events(&self, _client: ClientId, after: i64, limit: u16) -> Pending<Feed> {
        if after > 0 && after < self.forgotten {
            return self.answer(Feed::Forgotten { through: self.forgotten });
        }
        let row = |(cursor, job)| EventRow {
            cursor,
            at: TUESDAY_10_00,
            job,
            name: "accepted".into(),
            detail: json!({}),
        };
        let rows = (1..).zip(self.ids()).map(row).filter(|row| row.cursor > after);
        self.answer(Feed::Rows(rows.take(limit.into()).collect()))
    }

    fn news(&self) -> tokio::sync::watch::Receiver<i64> {
        self.news.subscribe()
    }

    fn webhook_open(&self, _endpoint: WebhookEndpoint, _now: UnixMillis) -> Pending<WebhookOpened> {
        unreachable!("the hook tells nobody")
    }

    fn webhook_work(&self, _name: String, _now: UnixMillis, _most: u16) -> Pending<WebhookWork> {
        unreachable!("the hook tells nobody")
    }

    fn webhook_done(
        &self,
        _name: String,
        _outcomes: Vec<WebhookOutcome>,
        _now: UnixMillis,
    ) -> Pending<()> {
        unreachable!("the hook tells nobody")
    }

    fn webhook_retry(&self, _endpoint: String, _now: UnixMillis) -> Pending<Option<u32>> {
        self.answer(Some(3))
    }

    fn webhook_back(
        &self,
        _endpoint: String,
        _told_at: Option<UnixMillis>,
        _now: UnixMillis,
    ) -> Pending<u32> {
        unreachable!("the hook tells nobody")
    }

    fn webhook_boards(&self) -> Pending<Vec<WebhookBoard>> {
        self.answer(self.boards.clone())
    }

    fn calls(&self, _client: ClientId, filter: CallFilter) -> Pending<Vec<CallRow>> {
        let row = Self::call_row();
        let is_asked = filter.line.is_none_or(|line| line == row.line)
            && filter.before.is_none_or(|before| row.id < before);
        self.answer(is_asked.then_some(row).into_iter().collect())
    }

    fn call(&self, _client: ClientId, id: CallId) -> Pending<Option<(CallRow, Value)>> {
        let row = Self::call_row();
        self.answer((row.id == id).then(|| (row, json!({ "entries": [] }))))
    }

    fn record_call(&self, _call: CallRecord) -> Pending<CallId> {
        unreachable!("the hook makes no calls")
    }

    fn forget_calls(&self, _before: UnixMillis) -> Pending<u32> {
        unreachable!("the hook sweeps nothing")
    }

    fn cancel(&self, _client: ClientId, _id: JobId, _now: UnixMillis) -> Pending<Cancelled> {
        self.answer(self.cancelled)
    }

    fn claim(&self, _now: UnixMillis, _ask: LineAsk) -> Pending<Option<Claim>> {
        unreachable!("the hook claims nothing")
    }

    fn claim_mail(&self, _now: UnixMillis, _ask: MailAsk) -> Pending<Option<MailClaim>> {
        unreachable!("the hook claims nothing")
    }

    fn give_up_mails(&self, _now: UnixMillis, _overdue: Overdue) -> Pending<u32> {
        unreachable!("the hook gives nothing up")
    }

    fn receive(&self, _mail: ReceivedMail) -> Pending<Received> {
        unreachable!("the hook reads no mail")
    }

    fn inbox_place(&self) -> Pending<Option<Place>> {
        unreachable!("the hook reads no mail")
    }

    fn unsure_mails(&self) -> Pending<Vec<mail::Subject>> {
        unreachable!("the hook reads no mail")
    }

    fn resolve(
        &self,
        _client: ClientId,
        id: JobId,
        resolution: Resolution,
        fingerprint: Fingerprint,
        _now: UnixMillis,
    ) -> Pending<Resolved> {
        let mut resolutions = self.resolutions.lock().expect("unharmed");
        let is_known = resolutions.iter().any(|(before, _)| *before == fingerprint);
        let refusal = *self.refusal.lock().expect("unharmed");
        let decided = Decided { state: JobState::Waiting, version: 2 };
        self.answer(match (self.ids().contains(&id), is_known, refusal) {
            (false, _, _) => Resolved::NotFound,
            (true, true, _) => Resolved::Replay(decided),
            (true, false, Some(refusal)) => Resolved::Refused(refusal),
            (true, false, None) => {
                resolutions.push((fingerprint, resolution));
                Resolved::Done(decided)
            }
        })
    }

    fn sign(&self, _client: ClientId, id: JobId, sign: Sign, _now: UnixMillis) -> Pending<Signed> {
        let mut signs = self.signs.lock().expect("unharmed");
        let state = JobState::Confirmed;
        self.answer(match self.ids().contains(&id) {
            false => Signed::NotFound,
            true if signs.contains(&(id, sign)) => Signed::Known { state },
            true => {
                signs.push((id, sign));
                Signed::Taken { state }
            }
        })
    }

    /// Reading goes on while writing fails or is slow.
    fn office(&self, _client: ClientId, number: OfficeNumber) -> Pending<Option<Office>> {
        let (give, pending) = Pending::channel();
        let _ = give.send(Ok(self.offices.lock().expect("unharmed").get(&number).cloned()));
        pending
    }

    fn offices(
        &self,
        _client: ClientId,
        after: Option<OfficeNumber>,
        limit: u16,
    ) -> Pending<Vec<Office>> {
        let offices = self.offices.lock().expect("unharmed");
        let text = |office: &Office| office.number.to_string();
        let after = after.map(|number| number.to_string()).unwrap_or_default();
        let mut listed: Vec<_> = offices.values().filter(|o| text(o) > after).cloned().collect();
        listed.sort_by_key(text);
        listed.truncate(limit.into());
        self.answer(listed)
    }

    fn change_office(
        &self,
        _client: ClientId,
        number: OfficeNumber,
        change: OfficeChange,
        now: UnixMillis,
    ) -> Pending<Office> {
        let mut offices = self.offices.lock().expect("unharmed");
        let before = offices.remove(&number).unwrap_or_else(|| Office::new(number.clone(), now));
        let after = before.after(change, now);
        offices.insert(number, after.clone());
        self.answer(after)
    }

    fn mail_domains(&self, client: ClientId, since: UnixMillis) -> Pending<Vec<MailDomain>> {
        let is_asked = client.0 == "exchange"
            && since == TUESDAY_10_00.before(Duration::from_secs(7 * 86_400));
        self.answer(if is_asked { self.domains.clone() } else { Vec::new() })
    }

    fn step(&self, _attempt: AttemptId, _step: Step) -> Pending<()> {
        unreachable!("the hook sends nothing")
    }

    fn settle(&self, _attempt: AttemptId, _settlement: Settlement) -> Pending<()> {
        unreachable!("the hook settles nothing")
    }

    fn numbers(&self, _after: Option<NumberId>, _limit: u16) -> Pending<Vec<NumberRow>> {
        let numbers = self.numbers.lock().expect("unharmed").clone();
        let row = |(id, (number, known))| NumberRow { id: NumberId(id), number, known };
        self.answer((1..).zip(numbers).map(row).collect())
    }

    fn known(&self, number: FaxNumber) -> Pending<Option<Result<Known, Unreadable>>> {
        let numbers = self.numbers.lock().expect("unharmed");
        let found = numbers.iter().find(|(known, _)| *known == number);
        self.answer(found.map(|(_, known)| known.clone()))
    }

    fn lock(&self, number: FaxNumber, lock: Option<Lock>, _now: UnixMillis) -> Pending<bool> {
        let mut numbers = self.numbers.lock().expect("unharmed");
        let before = numbers.iter().position(|(known, _)| *known == number);
        let known = before.and_then(|place| numbers.remove(place).1.ok()).unwrap_or_default();
        let changed = known.lock.is_some() || lock.is_some();
        numbers.push((number, Ok(Known { lock, ..known })));
        self.answer(changed)
    }

    fn forget(&self, number: FaxNumber, _now: UnixMillis) -> Pending<bool> {
        let mut numbers = self.numbers.lock().expect("unharmed");
        let before = numbers.len();
        numbers.retain(|(known, _)| *known != number);
        self.answer(numbers.len() < before)
    }

    fn sweep(&self, _now: UnixMillis) -> Pending<Swept> {
        unreachable!("the hook sweeps nothing")
    }

    fn appliance(&self) -> Pending<Appliance> {
        let held = self.held.lock().expect("unharmed").clone();
        self.answer(Appliance {
            store_id: [1; 16],
            generation: 3,
            events_head: 9,
            events_altered_at: *self.altered.lock().expect("unharmed"),
            held,
            takes_new_work: true,
            free_octets: Some(5 << 30),
        })
    }

    fn hold_all(&self, reason: HoldReason, note: Option<Note>, now: UnixMillis) -> Pending<bool> {
        let note = note.map(|note| note.as_str().to_owned());
        let mut held = self.held.lock().expect("unharmed");
        let is_new = held.is_none();
        held.get_or_insert(Held { reason, since: now, note });
        self.answer(is_new)
    }

    fn release_all(&self) -> Pending<Option<Held>> {
        self.answer(self.held.lock().expect("unharmed").take())
    }

    fn hold(
        &self,
        _client: ClientId,
        id: JobId,
        _note: Option<Note>,
        _now: UnixMillis,
    ) -> Pending<OneHeld> {
        self.answer(if self.ids().contains(&id) { OneHeld::Done } else { OneHeld::NotFound })
    }

    fn release(&self, _client: ClientId, id: JobId, _now: UnixMillis) -> Pending<OneHeld> {
        let state = JobState::Sending;
        self.answer(match self.ids().contains(&id) {
            true => OneHeld::NotNow(state),
            false => OneHeld::NotFound,
        })
    }

    fn stop_wanted(&self, _attempt: AttemptId) -> bool {
        unreachable!("the hook sends nothing")
    }
}

/// Everything that is logged on this thread, at every level.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(super) fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("unharmed")).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("unharmed").extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

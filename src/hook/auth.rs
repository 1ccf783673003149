//! Who calls: bearer tokens `client.secret`, kept only as hashes, each with what it may do; or a certificate.
//!
//! In: the tokens file, the `Authorization` header, what the connection showed. Out: the [`ClientId`], or one and the same
//! 401 whatever was wrong, and after many of them 429.
//! A certificate of a client stands for its token. If both are shown, they must be of one client, and the token decides
//! what may be done: so a stolen token opens nothing without the certificate of its owner.
//! Source: RFC 6750 2.1. A secret has 256 random bits, so SHA-256 without salt is enough to keep it.
//! Not here: the file on disk (`app/token.rs`), when it is read again (`app/renewal.rs`).

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request::Parts};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::Date;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use tokio::sync::watch;

use super::Hook;
use super::caller::Caller;
use super::problem::{Code, Problem};
use crate::job::{ClientId, hex};

/// What a token may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    /// Send notifications and withdraw them.
    Notify,
    /// Read notifications, the feed and the state of the lines.
    Read,
    /// Test telephone lines and say that one is mended.
    Lines,
    /// See what is remembered of fax numbers, lock it and forget it.
    Numbers,
    /// Hold and release the appliance or a notification, and decide as a technician.
    Operate,
}

impl Scope {
    /// As in the tokens file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Read => "read",
            Self::Lines => "lines",
            Self::Numbers => "numbers",
            Self::Operate => "operate",
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "notify" => Ok(Self::Notify),
            "read" => Ok(Self::Read),
            "lines" => Ok(Self::Lines),
            "numbers" => Ok(Self::Numbers),
            "operate" => Ok(Self::Operate),
            _ => Err(String::from("a scope is `notify`, `read`, `lines`, `numbers` or `operate`")),
        }
    }
}

/// A token as its owner holds it.
pub struct NewToken {
    /// `client.secret`, to be shown once.
    pub token: zeroize::Zeroizing<String>,
    /// The line for the tokens file.
    pub line: String,
}

/// Makes a token for a client from 32 random octets; `day` is when.
///
/// # Errors
/// A sentence if the name is not 1 to 32 of `a-z 0-9 -`, or no scope is given.
pub fn new_token(
    client: &str,
    scopes: &[Scope],
    random: [u8; 32],
    day: Date,
) -> Result<NewToken, String> {
    if !is_client_name(client) {
        return Err(String::from("a client's name is 1 to 32 of a-z, 0-9 and -"));
    }
    if scopes.is_empty() {
        return Err(String::from("a token without a scope may do nothing"));
    }
    let secret = zeroize::Zeroizing::new(URL_SAFE_NO_PAD.encode(random));
    let known = Known {
        client: ClientId(client.to_owned()),
        hash: Sha256::digest(secret.as_bytes()).into(),
        scopes: scopes.to_vec(),
        since: Some(day),
    };
    Ok(NewToken {
        token: zeroize::Zeroizing::new(format!("{client}.{}", *secret)),
        line: known.to_string(),
    })
}

/// The tokens that this gateway knows. Two lines of one client are two tokens: that is how one is replaced.
#[derive(Debug, Default)]
pub struct Tokens(Vec<Known>);

/// One line of the tokens file.
#[derive(Debug)]
pub struct Known {
    pub client: ClientId,
    hash: [u8; 32],
    pub scopes: Vec<Scope>,
    /// The day on which it was made, if its line says so.
    pub since: Option<Date>,
}

impl Tokens {
    /// Reads the tokens file: `client sha256:<64 hex digits> scope,scope day` on each line; `#` begins a comment, and the
    /// day may be missing.
    ///
    /// # Errors
    /// The number of the first line that is not like that (from 1), and why. Never what is on it.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let lines = (1..).zip(text.lines());
        let known = lines.filter_map(|(number, line)| {
            Known::parse(line).map_err(|why| (number, why)).transpose()
        });
        known.collect::<Result<_, _>>().map(Self)
    }

    /// Nobody can call.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who holds this token and what it may do. The same work is done whatever is wrong with it, so that the time says
    /// nothing.
    fn find(&self, token: &str) -> Option<&Known> {
        let token = if token.len() > MOST_TOKEN_OCTETS { "" } else { token };
        let (client, secret) = token.split_once('.').unwrap_or(("", token));
        let hash = Sha256::digest(secret.as_bytes());
        let mut found = None;
        for known in &self.0 {
            let same_client = Choice::from(u8::from(known.client.0 == client));
            if bool::from(same_client & known.hash.as_slice().ct_eq(&hash)) {
                found = Some(known);
            }
        }
        found
    }
}

/// Longest token that is looked at: a name of 32, a dot, 256 bits in base64url, and room for doubt.
const MOST_TOKEN_OCTETS: usize = 128;

impl Known {
    /// Reads a line; `None` if there is only a comment on it.
    ///
    /// # Errors
    /// A sentence that does not say what is on the line.
    pub fn parse(line: &str) -> Result<Option<Self>, String> {
        let words: Vec<&str> = line.split('#').next().unwrap_or("").split_whitespace().collect();
        let (client, hash, scopes, since) = match words.as_slice() {
            [] => return Ok(None),
            [client, hash, scopes] => (client, hash, scopes, None),
            [client, hash, scopes, since] => (client, hash, scopes, Some(since)),
            [_] | [_, _] | [_, _, _, _, _, ..] => {
                return Err(String::from("must be: client sha256:<hash> scope,scope day"));
            }
        };
        if !is_client_name(client) {
            return Err(String::from("a client's name is 1 to 32 of a-z, 0-9 and -"));
        }
        let hash = hash
            .strip_prefix("sha256:")
            .and_then(unhex)
            .ok_or_else(|| String::from("the hash must be sha256: and 64 hex digits"))?;
        let scopes = scopes.split(',').map(str::parse).collect::<Result<_, _>>()?;
        let since = since
            .map(|day| day.parse().map_err(|_| String::from("the day must be like 2026-11-24")))
            .transpose()?;
        Ok(Some(Self { client: ClientId((*client).to_owned()), hash, scopes, since }))
    }

    /// Whether it is the very token that a line for the other one lets in.
    pub fn is_same_token(&self, other: &Self) -> bool {
        self.hash == other.hash
    }

    /// Tells the tokens of one client apart. It follows from the hash, so it says nothing of the secret.
    pub fn id(&self) -> String {
        hex(&self.hash).chars().take(ID_DIGITS).collect()
    }
}

/// Enough to tell a handful of lines apart, and short enough to type.
const ID_DIGITS: usize = 8;

/// As it stands in the tokens file.
impl std::fmt::Display for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scopes = self.scopes.iter().map(|scope| scope.word()).collect::<Vec<_>>().join(",");
        write!(f, "{} sha256:{} {scopes}", self.client.0, hex(&self.hash))?;
        self.since.map_or(Ok(()), |day| write!(f, " {day}"))
    }
}

/// The tokens as they are now: the file may change while the gateway runs. Clones share them.
#[derive(Clone, Debug)]
pub struct LiveTokens(Arc<watch::Sender<Tokens>>);

impl LiveTokens {
    pub fn new(tokens: Tokens) -> Self {
        Self(Arc::new(watch::Sender::new(tokens)))
    }

    /// From now on these hold.
    pub fn replace(&self, tokens: Tokens) {
        self.0.send_replace(tokens);
    }
}

/// A caller who may send and withdraw.
pub struct MayNotify(pub ClientId);

/// A caller who may read.
pub struct MayRead(pub ClientId);

/// A caller who tends what is remembered of fax numbers, of all clients.
pub struct MayTendNumbers(pub ClientId);

/// A caller who holds and releases.
pub struct MayOperate(pub ClientId);

/// A caller who decides about uncertain notifications: the exchange; or a technician, who has no credentials to send.
pub struct MayDecide {
    pub client: ClientId,
    pub may_rotate: bool,
}

impl FromRequestParts<Hook> for MayNotify {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hook: &Hook) -> Result<Self, Problem> {
        authorize(parts, hook, Scope::Notify).map(Self)
    }
}

impl FromRequestParts<Hook> for MayRead {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hook: &Hook) -> Result<Self, Problem> {
        authorize(parts, hook, Scope::Read).map(Self)
    }
}

/// A caller who may test lines and reset them.
pub struct MayTendLines(pub ClientId);

impl FromRequestParts<Hook> for MayTendLines {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hook: &Hook) -> Result<Self, Problem> {
        authorize(parts, hook, Scope::Lines).map(Self)
    }
}

impl FromRequestParts<Hook> for MayTendNumbers {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hook: &Hook) -> Result<Self, Problem> {
        authorize(parts, hook, Scope::Numbers).map(Self)
    }
}

impl FromRequestParts<Hook> for MayOperate {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hook: &Hook) -> Result<Self, Problem> {
        authorize(parts, hook, Scope::Operate).map(Self)
    }
}

impl FromRequestParts<Hook> for MayDecide {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hook: &Hook) -> Result<Self, Problem> {
        let may_rotate = |scope: Scope| match scope {
            Scope::Notify => Some(true),
            Scope::Operate => Some(false),
            Scope::Read | Scope::Lines | Scope::Numbers => None,
        };
        let (client, scopes) = known(parts, hook)?;
        let may_rotate = scopes.iter().filter_map(|scope| may_rotate(*scope)).max();
        match may_rotate {
            Some(may_rotate) => Ok(Self { client, may_rotate }),
            None => {
                let why = "scope `notify` or `operate` is needed";
                Err(Problem::because(Code::ScopeMissing, why))
            }
        }
    }
}

fn authorize(parts: &Parts, hook: &Hook, scope: Scope) -> Result<ClientId, Problem> {
    let (client, scopes) = known(parts, hook)?;
    if scopes.contains(&scope) {
        Ok(client)
    } else {
        Err(Problem::because(Code::ScopeMissing, format!("scope `{}` is needed", scope.word())))
    }
}

/// Who it is, by token or certificate, and what it may do.
fn known(parts: &Parts, hook: &Hook) -> Result<(ClientId, Vec<Scope>), Problem> {
    let caller = parts.extensions.get::<Caller>();
    let certified = caller.and_then(|caller| caller.certified.as_deref());
    let token = bearer(&parts.headers);
    let tokens = hook.tokens.0.borrow();
    match (tokens.find(token.unwrap_or("")), certified) {
        (Some(known), None) => Ok((known.client.clone(), known.scopes.clone())),
        (Some(known), Some(certified)) if known.client == certified.client => {
            Ok((known.client.clone(), known.scopes.clone()))
        }
        (None, Some(certified)) if !parts.headers.contains_key(header::AUTHORIZATION) => {
            Ok((certified.client.clone(), certified.scopes.clone()))
        }
        (None, None | Some(_)) | (Some(_), Some(_)) => Err(refused(hook, caller, token)),
    }
}

/// One answer for all who are not let in, until they are too many.
fn refused(hook: &Hook, caller: Option<&Caller>, token: Option<&str>) -> Problem {
    let claimed = token.and_then(|token| token.split_once('.')).map(|(client, _)| client);
    // Every request comes through a listener, which says from where; without it nothing is to be counted.
    let counted = caller.map_or(Ok(()), |caller| hook.rates.failed(caller.network, claimed));
    match counted {
        Ok(()) => {
            tracing::warn!("hook.token.refused");
            Problem::new(Code::Unauthorized)
        }
        Err(wait) => Problem::new(Code::TooManyFailures).retry_after(wait),
    }
}

/// The token, if there is exactly one `Authorization` header and it is a bearer's.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// Whether a client can have this name: 1 to 32 of a-z, 0-9 and -.
pub fn is_client_name(id: &str) -> bool {
    let allowed = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
    (1..=32).contains(&id.len()) && id.bytes().all(allowed)
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut octets = [0; 32];
    if text.len() != 64 || !text.bytes().all(|octet| octet.is_ascii_hexdigit()) {
        return None;
    }
    for (octet, place) in octets.iter_mut().zip((0..64).step_by(2)) {
        *octet = u8::from_str_radix(text.get(place..place + 2)?, 16).ok()?;
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(id: &str, fill: u8, scopes: &[Scope]) -> NewToken {
        new_token(id, scopes, [fill; 32], Date::constant(2026, 11, 24)).expect("a token")
    }

    #[test]
    fn both_tokens_of_a_client_are_known_while_one_is_replaced() {
        let old = token("exchange", 1, &[Scope::Notify, Scope::Read]);
        let new = token("exchange", 2, &[Scope::Read]);
        let file = format!("# exchange\n{}\n\n{} # since May\n", old.line, new.line);
        let tokens = Tokens::parse(&file).expect("two tokens");
        let scopes = |token: &str| tokens.find(token).map(|known| known.scopes.clone());
        assert_eq!(scopes(&old.token), Some(vec![Scope::Notify, Scope::Read]));
        assert_eq!(scopes(&new.token), Some(vec![Scope::Read]));
    }

    #[test]
    fn token_of_another_client_other_case_or_other_secret_is_unknown() {
        let mine = token("exchange", 1, &[Scope::Read]);
        let other = token("other", 2, &[Scope::Read]);
        let tokens = Tokens::parse(&format!("{}\n{}", mine.line, other.line)).expect("two tokens");
        let secret = mine.token.split_once('.').expect("a dot").1;
        for wrong in [
            format!("other.{secret}"),
            mine.token.to_uppercase(),
            format!("{}x", *mine.token),
            secret.to_owned(),
            String::from("exchange."),
            String::from("."),
        ] {
            assert!(tokens.find(&wrong).is_none(), "{wrong}");
        }
        assert!(tokens.find(&mine.token).is_some());
    }

    #[test]
    fn line_of_the_file_that_is_wrong_is_named_and_not_shown() {
        let good = token("exchange", 1, &[Scope::Read]).line;
        for (bad, why) in [
            ("exchange", "must be: client"),
            ("Exchange sha256:00 read", "a client's name"),
            ("exchange sha256:00 read", "the hash must be"),
            ("exchange sha256:00 read 2026-11-24 extra", "must be: client"),
        ] {
            let (line, message) = Tokens::parse(&format!("{good}\n{bad}\n")).expect_err(bad);
            assert_eq!(line, 2);
            assert!(message.starts_with(why), "{message}");
        }
        let (_, message) = Tokens::parse(&good.replace("read", "all")).expect_err("scope");
        assert!(message.starts_with("a scope is"));
    }

    #[test]
    fn tokens_of_one_client_have_ids_and_days_of_their_own_and_an_older_line_has_none() {
        let lines =
            [token("exchange", 1, &[Scope::Read]).line, token("exchange", 2, &[Scope::Read]).line];
        let [first, second] =
            lines.map(|line| Known::parse(&line).expect("reads").expect("a token"));
        assert_ne!(first.id(), second.id());
        assert_eq!((first.id().len(), first.since), (8, Some(Date::constant(2026, 11, 24))));
        let line = first.to_string();
        let older = line.strip_suffix(" 2026-11-24").expect("the day is last");
        let older = Known::parse(older).expect("reads").expect("a token");
        assert_eq!((older.id(), older.since), (first.id(), None));
        assert!(Known::parse(&format!("{} 24.11.2026", older)).is_err());
    }

    #[test]
    fn token_stops_and_another_begins_when_the_file_is_read_again() {
        let (old, new) =
            (token("exchange", 1, &[Scope::Read]), token("exchange", 2, &[Scope::Read]));
        let live = LiveTokens::new(Tokens::parse(&old.line).expect("one token"));
        let knows = |token: &NewToken| live.0.borrow().find(&token.token).is_some();
        assert!(knows(&old) && !knows(&new));
        live.replace(Tokens::parse(&new.line).expect("one token"));
        assert!(!knows(&old) && knows(&new));
        live.replace(Tokens::parse("# nobody any more").expect("reads"));
        assert!(!knows(&old) && !knows(&new));
    }
}

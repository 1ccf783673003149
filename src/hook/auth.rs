//! Who calls: bearer tokens `id.secret`, kept only as hashes, each with what it may do.
//!
//! In: the tokens file and the `Authorization` header. Out: the [`ClientId`], or one and the same 401
//! whatever was wrong.
//! Source: RFC 6750 2.1. A secret has 256 random bits, so SHA-256 without salt is enough to keep it.
//! Not here: making tokens (`app/token.rs`).

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request::Parts};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::Hook;
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
    /// `id.secret`, to be shown once.
    pub token: zeroize::Zeroizing<String>,
    /// The line for the tokens file.
    pub line: String,
}

/// Makes a token for a client from 32 random octets.
///
/// # Errors
/// A sentence if the name is not 1 to 32 of `a-z 0-9 -`, or no scope is given.
pub fn new_token(id: &str, scopes: &[Scope], random: [u8; 32]) -> Result<NewToken, String> {
    if !is_client_name(id) {
        return Err(String::from("a client's name is 1 to 32 of a-z, 0-9 and -"));
    }
    if scopes.is_empty() {
        return Err(String::from("a token without a scope may do nothing"));
    }
    let secret = zeroize::Zeroizing::new(URL_SAFE_NO_PAD.encode(random));
    let scopes = scopes.iter().map(|scope| scope.word()).collect::<Vec<_>>().join(",");
    Ok(NewToken {
        token: zeroize::Zeroizing::new(format!("{id}.{}", *secret)),
        line: format!("{id} sha256:{} {scopes}", hex(&Sha256::digest(secret.as_bytes()))),
    })
}

/// The tokens that this gateway knows. Two lines of one client are two tokens: that is how one is replaced.
#[derive(Debug, Default)]
pub struct Tokens(Vec<Known>);

#[derive(Debug)]
struct Known {
    client: ClientId,
    hash: [u8; 32],
    scopes: Vec<Scope>,
}

impl Tokens {
    /// Reads the tokens file: `client sha256:<64 hex digits> scope,scope` on each line; `#` begins a comment.
    ///
    /// # Errors
    /// The number of the first line that is not like that (from 1), and why. Never what is on it.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut tokens = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or("").trim();
            if line.is_empty() {
                continue;
            }
            tokens.push(Known::parse(line).map_err(|why| (number, why))?);
        }
        if tokens.is_empty() {
            return Err((1, String::from("no token in it: `shirase token new` makes one")));
        }
        Ok(Self(tokens))
    }

    /// Who holds this token and what it may do. Every known token is compared, found or not, so that
    /// the time says nothing.
    fn find(&self, token: &str) -> Option<(&ClientId, &[Scope])> {
        let (id, secret) = token.split_once('.')?;
        let hash = Sha256::digest(secret.as_bytes());
        let mut found = None;
        for known in &self.0 {
            let same_client = Choice::from(u8::from(known.client.0 == id));
            if bool::from(same_client & known.hash.as_slice().ct_eq(&hash)) {
                found = Some((&known.client, known.scopes.as_slice()));
            }
        }
        found
    }
}

impl Known {
    fn parse(line: &str) -> Result<Self, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [id, hash, scopes] = words.as_slice() else {
            return Err(String::from("must be: client sha256:<hash> scope,scope"));
        };
        if !is_client_name(id) {
            return Err(String::from("a client's name is 1 to 32 of a-z, 0-9 and -"));
        }
        let hash = hash
            .strip_prefix("sha256:")
            .and_then(unhex)
            .ok_or_else(|| String::from("the hash must be sha256: and 64 hex digits"))?;
        let scopes = scopes.split(',').map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { client: ClientId((*id).to_owned()), hash, scopes })
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
        authorize(&parts.headers, hook, Scope::Notify).map(Self)
    }
}

impl FromRequestParts<Hook> for MayRead {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hook: &Hook) -> Result<Self, Problem> {
        authorize(&parts.headers, hook, Scope::Read).map(Self)
    }
}

/// A caller who may test lines and reset them.
pub struct MayTendLines(pub ClientId);

impl FromRequestParts<Hook> for MayTendLines {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hook: &Hook) -> Result<Self, Problem> {
        authorize(&parts.headers, hook, Scope::Lines).map(Self)
    }
}

impl FromRequestParts<Hook> for MayTendNumbers {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hook: &Hook) -> Result<Self, Problem> {
        authorize(&parts.headers, hook, Scope::Numbers).map(Self)
    }
}

impl FromRequestParts<Hook> for MayOperate {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hook: &Hook) -> Result<Self, Problem> {
        authorize(&parts.headers, hook, Scope::Operate).map(Self)
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
        let (client, scopes) = known(&parts.headers, hook)?;
        let may_rotate = scopes.iter().filter_map(|scope| may_rotate(*scope)).max();
        match may_rotate {
            Some(may_rotate) => Ok(Self { client: client.clone(), may_rotate }),
            None => {
                let why = "scope `notify` or `operate` is needed";
                Err(Problem::because(Code::ScopeMissing, why))
            }
        }
    }
}

fn authorize(headers: &HeaderMap, hook: &Hook, scope: Scope) -> Result<ClientId, Problem> {
    let (client, scopes) = known(headers, hook)?;
    if scopes.contains(&scope) {
        Ok(client.clone())
    } else {
        Err(Problem::because(Code::ScopeMissing, format!("scope `{}` is needed", scope.word())))
    }
}

/// Whose token it is, and what it may do.
fn known<'a>(headers: &HeaderMap, hook: &'a Hook) -> Result<(&'a ClientId, &'a [Scope]), Problem> {
    bearer(headers).and_then(|token| hook.tokens.find(token)).ok_or_else(|| {
        tracing::warn!("hook.token.refused");
        Problem::new(Code::Unauthorized)
    })
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
        new_token(id, scopes, [fill; 32]).expect("a token")
    }

    #[test]
    fn both_tokens_of_a_client_are_known_while_one_is_replaced() {
        let old = token("exchange", 1, &[Scope::Notify, Scope::Read]);
        let new = token("exchange", 2, &[Scope::Read]);
        let file = format!("# exchange\n{}\n\n{} # since May\n", old.line, new.line);
        let tokens = Tokens::parse(&file).expect("two tokens");
        let scopes = |token: &str| tokens.find(token).map(|(_, scopes)| scopes.to_vec());
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
            ("exchange sha256:00 read extra", "must be: client"),
        ] {
            let (line, message) = Tokens::parse(&format!("{good}\n{bad}\n")).expect_err(bad);
            assert_eq!(line, 2);
            assert!(message.starts_with(why), "{message}");
        }
        let (_, message) = Tokens::parse(&good.replace("read", "all")).expect_err("scope");
        assert!(message.starts_with("a scope is"));
    }

    #[test]
    fn empty_file_is_refused_because_nobody_could_call() {
        assert!(Tokens::parse("# nobody yet\n").is_err());
    }
}

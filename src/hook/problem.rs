//! Every way in which the hook says no: one code, one status, one sentence in each language, one who mends it.
//!
//! In: a [`Code`] and what is special about this case. Out: `application/problem+json`.
//! Source: RFC 9457. `type` is `/v1/problems/{code}`, which this hook answers with the entry below.
//! A code never changes its meaning. Nothing here ever holds a value that the caller sent, but for the
//! names of fields that do not exist and single characters that cannot be printed.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::next_steps::next_step;
use crate::job::{Mender, UnixMillis};
use crate::office::Refusal;
use crate::queue::QueueError;
use crate::schedule::horizon::Projection;

/// What can be wrong with a request, or with us.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Code {
    Unauthorized,
    ScopeMissing,
    TooManyFailures,
    TooManyRequests,
    NoSuchRoute,
    MethodNotAllowed,
    NotificationNotFound,
    CallNotFound,
    LineNotFound,
    LineNotTestable,
    WebhookNotFound,
    ProblemNotFound,
    InvalidQuery,
    CursorTooOld,
    TooManyStreams,
    InvalidJson,
    UnsupportedMediaType,
    BodyTooLarge,
    BodyTimeout,
    BodyBroken,
    IdempotencyKeyMissing,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    UnknownField,
    MissingField,
    DuplicateField,
    WrongType,
    InvalidText,
    InvalidNumber,
    InvalidOfficeNumber,
    InvalidMailAddress,
    InvalidCredential,
    InvalidTime,
    InvalidValue,
    DestinationDenied,
    ServiceNotSupported,
    OfficeClosed,
    OfficeFaxMismatch,
    NoLineForKeys,
    NumberNotProven,
    CredentialsRequired,
    FieldNotOfKind,
    OutsideCallingHours,
    QueueHorizon,
    Unrenderable,
    CancelTooLate,
    AlreadyFinal,
    NotWaiting,
    NotUncertain,
    KeyGone,
    SheetUnavailable,
    NoLineReady,
    ClockNotSet,
    StoreFull,
    StoreUnavailable,
    OutcomeUnknown,
    Internal,
}

/// The catalogue entry of a code.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Entry {
    /// Stable name, as in `type`.
    pub code: &'static str,
    /// HTTP status with which it comes.
    #[serde(serialize_with = "status_number")]
    #[schema(value_type = u16)]
    pub status: StatusCode,
    /// One English sentence.
    pub title: &'static str,
    /// The same sentence in Japanese.
    pub title_ja: &'static str,
    /// Who can mend it.
    pub mender: Mender,
    /// What to do about it.
    pub next: &'static str,
    /// The same in Japanese.
    pub next_ja: &'static str,
}

impl Code {
    /// Every code, for the catalogue.
    pub const ALL: &'static [Self] = &[
        Self::Unauthorized,
        Self::ScopeMissing,
        Self::TooManyFailures,
        Self::TooManyRequests,
        Self::NoSuchRoute,
        Self::MethodNotAllowed,
        Self::NotificationNotFound,
        Self::CallNotFound,
        Self::LineNotFound,
        Self::LineNotTestable,
        Self::WebhookNotFound,
        Self::ProblemNotFound,
        Self::InvalidQuery,
        Self::CursorTooOld,
        Self::TooManyStreams,
        Self::InvalidJson,
        Self::UnsupportedMediaType,
        Self::BodyTooLarge,
        Self::BodyTimeout,
        Self::BodyBroken,
        Self::IdempotencyKeyMissing,
        Self::IdempotencyKeyInvalid,
        Self::IdempotencyKeyReused,
        Self::UnknownField,
        Self::MissingField,
        Self::DuplicateField,
        Self::WrongType,
        Self::InvalidText,
        Self::InvalidNumber,
        Self::InvalidOfficeNumber,
        Self::InvalidMailAddress,
        Self::InvalidCredential,
        Self::InvalidTime,
        Self::InvalidValue,
        Self::DestinationDenied,
        Self::ServiceNotSupported,
        Self::OfficeClosed,
        Self::OfficeFaxMismatch,
        Self::NoLineForKeys,
        Self::NumberNotProven,
        Self::CredentialsRequired,
        Self::FieldNotOfKind,
        Self::OutsideCallingHours,
        Self::QueueHorizon,
        Self::Unrenderable,
        Self::CancelTooLate,
        Self::AlreadyFinal,
        Self::NotWaiting,
        Self::NotUncertain,
        Self::KeyGone,
        Self::SheetUnavailable,
        Self::NoLineReady,
        Self::ClockNotSet,
        Self::StoreFull,
        Self::StoreUnavailable,
        Self::OutcomeUnknown,
        Self::Internal,
    ];

    /// The catalogue.
    pub const fn entry(self) -> Entry {
        let (next, next_ja) = next_step(self);
        Entry { next, next_ja, ..self.told() }
    }

    /// What it says, without what to do.
    #[rustfmt::skip]
    const fn told(self) -> Entry {
        use Mender::{CareManager, Line, Technician};
        const fn entry(
            code: &'static str, status: StatusCode, mender: Mender, title: &'static str, title_ja: &'static str,
        ) -> Entry {
            Entry { code, status, title, title_ja, mender, next: "", next_ja: "" }
        }
        match self {
            Self::Unauthorized => entry("unauthorized", StatusCode::UNAUTHORIZED, Technician,
                "A valid bearer token is needed.", "有効なアクセストークンが必要です。"),
            Self::ScopeMissing => entry("scope-missing", StatusCode::FORBIDDEN, Technician,
                "This token may not do that.", "このトークンにはその操作の権限がありません。"),
            Self::TooManyFailures => entry("too-many-failures", StatusCode::TOO_MANY_REQUESTS, Technician,
                "Too many wrong tokens came from there; see Retry-After.", "誤ったアクセストークンが続いています。Retry-After の時間だけお待ちください。"),
            Self::TooManyRequests => entry("too-many-requests", StatusCode::TOO_MANY_REQUESTS, Technician,
                "This client hands in more than it may in a minute; see Retry-After.", "1 分間に受け付ける件数を超えました。Retry-After の時間だけお待ちください。"),
            Self::NoSuchRoute => entry("no-such-route", StatusCode::NOT_FOUND, Technician,
                "There is nothing at this path.", "このパスには何もありません。"),
            Self::MethodNotAllowed => entry("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, Technician,
                "This path does not take this method; see Allow.", "このパスではそのメソッドを使えません。Allow ヘッダーをご覧ください。"),
            Self::NotificationNotFound => entry("notification-not-found", StatusCode::NOT_FOUND, Technician,
                "There is no notification of yours with this id.", "この ID の通知は見つかりません。"),
            Self::CallNotFound => entry("call-not-found", StatusCode::NOT_FOUND, Technician,
                "There is no call with this id, or it is no longer remembered.", "この ID の通話記録はありません（保存期間を過ぎた可能性があります）。"),
            Self::LineNotFound => entry("line-not-found", StatusCode::NOT_FOUND, Technician,
                "The settings have no line of this name.", "この名前の回線は設定にありません。"),
            Self::LineNotTestable => entry("line-not-testable", StatusCode::CONFLICT, Technician,
                "This line cannot be tested now.", "この回線は現在テストできません。"),
            Self::WebhookNotFound => entry("webhook-not-found", StatusCode::NOT_FOUND, Technician,
                "The settings have no webhook of this name.", "この名前の Webhook は設定にありません。"),
            Self::ProblemNotFound => entry("problem-not-found", StatusCode::NOT_FOUND, Technician,
                "The catalogue has no such code.", "このコードはカタログにありません。"),
            Self::InvalidQuery => entry("invalid-query", StatusCode::BAD_REQUEST, Technician,
                "A query parameter is unknown or has a value that is not allowed.", "クエリーパラメーターに誤りがあります。"),
            Self::CursorTooOld => entry("cursor-too-old", StatusCode::GONE, Technician,
                "What comes after this cursor is partly forgotten; ask for each notification that matters by its id.", "このカーソル以降の記録は一部が保存期間を過ぎています。必要な通知は ID で確認してください。"),
            Self::TooManyStreams => entry("too-many-streams", StatusCode::TOO_MANY_REQUESTS, Technician,
                "This client has as many streams of events open as it may.", "このクライアントのイベント接続数が上限に達しています。"),
            Self::InvalidJson => entry("invalid-json", StatusCode::BAD_REQUEST, Technician,
                "The body is not JSON.", "本文が JSON として読めません。"),
            Self::UnsupportedMediaType => entry("unsupported-media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE, Technician,
                "The body must be application/json without Content-Encoding.", "本文は application/json（圧縮なし）で送ってください。"),
            Self::BodyTooLarge => entry("body-too-large", StatusCode::PAYLOAD_TOO_LARGE, Technician,
                "The body is larger than a notification can be.", "本文が大きすぎます。"),
            Self::BodyTimeout => entry("body-timeout", StatusCode::REQUEST_TIMEOUT, Technician,
                "The body did not arrive in time.", "本文が時間内に届きませんでした。"),
            Self::BodyBroken => entry("body-broken", StatusCode::BAD_REQUEST, Technician,
                "The body broke off.", "本文が途中で途切れました。"),
            Self::IdempotencyKeyMissing => entry("idempotency-key-missing", StatusCode::BAD_REQUEST, Technician,
                "The header Idempotency-Key is needed.", "Idempotency-Key ヘッダーが必要です。"),
            Self::IdempotencyKeyInvalid => entry("idempotency-key-invalid", StatusCode::BAD_REQUEST, Technician,
                "Idempotency-Key must be given once, with 1 to 255 visible ASCII characters.", "Idempotency-Key は 1 つだけ、1～255 文字の ASCII で指定してください。"),
            Self::IdempotencyKeyReused => entry("idempotency-key-reused", StatusCode::UNPROCESSABLE_ENTITY, Technician,
                "This Idempotency-Key came before with another body.", "この Idempotency-Key は別の内容で使用済みです。"),
            Self::UnknownField => entry("unknown-field", StatusCode::UNPROCESSABLE_ENTITY, Technician,
                "The body has a field that does not exist.", "存在しない項目が含まれています。"),
            Self::MissingField => entry("missing-field", StatusCode::UNPROCESSABLE_ENTITY, Technician,
                "A required field is missing.", "必須の項目がありません。"),
            Self::DuplicateField => entry("duplicate-field", StatusCode::BAD_REQUEST, Technician,
                "A field is given twice in one object.", "同じ項目が二重に指定されています。"),
            Self::WrongType => entry("wrong-type", StatusCode::UNPROCESSABLE_ENTITY, Technician,
                "A field has the wrong JSON type.", "項目の型が違います。"),
            Self::InvalidText => entry("invalid-text", StatusCode::UNPROCESSABLE_ENTITY, CareManager,
                "A text is empty.", "空の文字列があります。"),
            Self::InvalidNumber => entry("invalid-number", StatusCode::UNPROCESSABLE_ENTITY, CareManager,
                "This is not a fax number in Japan.", "FAX 番号の形式が正しくありません。"),
            Self::InvalidOfficeNumber => entry("invalid-office-number", StatusCode::UNPROCESSABLE_ENTITY, CareManager,
                "This is not an office number.", "事業所番号の形式が正しくありません。"),
            Self::InvalidMailAddress => entry("invalid-mail-address", StatusCode::UNPROCESSABLE_ENTITY, CareManager,
                "This is not a mail address that notices can be sent to.", "メールアドレスの形式が正しくありません。"),
            Self::InvalidCredential => entry("invalid-credential", StatusCode::UNPROCESSABLE_ENTITY, Technician,
                "A credential cannot be copied from paper: wrong characters or length.", "ログイン情報に紙面で書き写せない文字があるか、長さが範囲外です。"),
            Self::InvalidTime => entry("invalid-time", StatusCode::UNPROCESSABLE_ENTITY, Technician,
                "A time is not RFC 3339 with a zone, or not in its range.", "日時の形式または範囲が正しくありません。"),
            Self::InvalidValue => entry("invalid-value", StatusCode::UNPROCESSABLE_ENTITY, Technician,
                "A field has a value that is not allowed.", "項目の値が許される範囲にありません。"),
            Self::DestinationDenied => entry("destination-denied", StatusCode::FORBIDDEN, CareManager,
                "This number may not be called.", "この番号には送信できません。"),
            Self::ServiceNotSupported => entry("service-not-supported", StatusCode::UNPROCESSABLE_ENTITY, CareManager,
                "The services of this kind of office are not linked.", "この種別の事業所は連携の対象外です。"),
            Self::OfficeClosed => entry("office-closed", StatusCode::UNPROCESSABLE_ENTITY, CareManager,
                "This office is closed.", "この事業所は閉鎖または休止しています。"),
            Self::OfficeFaxMismatch => entry("office-fax-mismatch", StatusCode::UNPROCESSABLE_ENTITY, CareManager,
                "This office is registered with another fax number.", "事業所番号と FAX 番号の組み合わせが登録と一致しません。"),
            Self::NoLineForKeys => entry("no-line-for-keys", StatusCode::UNPROCESSABLE_ENTITY, Technician,
                "No line of this appliance may carry a login ID, a password and a key.", "ログイン ID・パスワード・KEY を送ってよい回線がありません。"),
            Self::NumberNotProven => entry("number-not-proven", StatusCode::UNPROCESSABLE_ENTITY, CareManager,
                "No sheet was confirmed at this number within 180 days, or something has changed since.", "この番号への到達が 180 日以内に確認されていないか、確認後に変更がありました。"),
            Self::CredentialsRequired => entry("credentials-required", StatusCode::UNPROCESSABLE_ENTITY, Technician,
                "This kind of notification needs a login ID, a password and a first-time key.", "この種類の通知にはログイン ID・パスワード・初回ダウンロード KEY が必要です。"),
            Self::FieldNotOfKind => entry("field-not-of-kind", StatusCode::UNPROCESSABLE_ENTITY, Technician,
                "This kind of notification does not have this field.", "この種類の通知にはない項目が含まれています。"),
            Self::OutsideCallingHours => entry("outside-calling-hours", StatusCode::UNPROCESSABLE_ENTITY, CareManager,
                "No calling hours lie between not_before and not_after.", "指定された期間に配信時間帯がありません。"),
            Self::QueueHorizon => entry("queue-horizon", StatusCode::TOO_MANY_REQUESTS, CareManager,
                "Too much waits before it: its turn would not come before not_after.", "待ち件数が多く、期限（not_after）までに順番が回りません。"),
            Self::Unrenderable => entry("unrenderable", StatusCode::UNPROCESSABLE_ENTITY, CareManager,
                "A text cannot be printed: a character of it, or its length.", "印刷できない文字を含むか、長すぎる文字列があります。"),
            Self::CancelTooLate => entry("cancel-too-late", StatusCode::CONFLICT, CareManager,
                "Page data or a mail has left; it can no longer be withdrawn.", "送信が始まっているため取り消せません。"),
            Self::AlreadyFinal => entry("already-final", StatusCode::CONFLICT, CareManager,
                "The notification has ended in another way.", "この通知はすでに終了しています。"),
            Self::NotWaiting => entry("not-waiting", StatusCode::CONFLICT, Technician,
                "Only a notification that waits can be held, and only one that is held can go on.", "保留できるのは待機中の通知、再開できるのは保留中の通知だけです。"),
            Self::NotUncertain => entry("not-uncertain", StatusCode::CONFLICT, Technician,
                "There is nothing to decide about this notification now.", "この通知は、現在、判断を必要とする状態ではありません。"),
            Self::KeyGone => entry("key-gone", StatusCode::CONFLICT, Technician,
                "Its credentials ran out and were destroyed: only new ones can be sent.", "ログイン情報は期限切れのため破棄されました。新しいものに限り送信できます。"),
            Self::SheetUnavailable => entry("sheet-unavailable", StatusCode::SERVICE_UNAVAILABLE, Technician,
                "Sheets cannot be drawn now; nothing was stored.", "現在、用紙を作成できません。受け付けていません。"),
            Self::NoLineReady => entry("no-line-ready", StatusCode::SERVICE_UNAVAILABLE, Line,
                "No telephone line is ready; notifications are accepted and wait.", "使用できる電話回線がありません。受け付けた通知は待機します。"),
            Self::ClockNotSet => entry("clock-not-set", StatusCode::SERVICE_UNAVAILABLE, Technician,
                "The gateway's clock is not set; nothing was stored.", "ゲートウェイの時計が合っていません。受け付けていません。"),
            Self::StoreFull => entry("store-full", StatusCode::INSUFFICIENT_STORAGE, Technician,
                "The gateway's disk is full; nothing was stored.", "ディスクに空きがありません。受け付けていません。"),
            Self::StoreUnavailable => entry("store-unavailable", StatusCode::SERVICE_UNAVAILABLE, Technician,
                "The gateway's store does not answer; nothing was stored.", "記録装置が応答しません。受け付けていません。"),
            Self::OutcomeUnknown => entry("outcome-unknown", StatusCode::SERVICE_UNAVAILABLE, Technician,
                "It is not known whether this was stored; ask again with the same Idempotency-Key.", "受け付けたか確定できません。同じ Idempotency-Key でもう一度送ってください。"),
            Self::Internal => entry("internal", StatusCode::INTERNAL_SERVER_ERROR, Technician,
                "The gateway made a mistake; nothing is known to be stored.", "ゲートウェイの内部で誤りが起きました。"),
        }
    }
}

/// One field and what is wrong with it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the field.
    pub pointer: String,
    /// Code of this field's fault.
    pub code: &'static str,
    /// What is wrong, in English; never the value, at most a character of a text that is no secret.
    pub message: String,
}

/// A refusal on its way to the caller.
#[derive(Debug)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
    errors: Vec<FieldError>,
    projection: Option<ProjectionView>,
    retry_after: Option<Duration>,
}

/// Stands in the response of a refusal, for those who count them.
#[derive(Clone, Copy, Debug)]
pub(super) struct SaidNo(pub Code);

/// The body of a refusal (RFC 9457).
#[derive(Serialize, ToSchema)]
pub struct ProblemBody<'a> {
    /// `/v1/problems/{code}`: stable, and answered by this gateway.
    r#type: String,
    #[serde(flatten)]
    entry: Entry,
    /// What is special about this case.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    /// The fields that are wrong, all of them.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    /// When its turn would come, if that is too late.
    #[serde(skip_serializing_if = "Option::is_none")]
    projection: Option<&'a ProjectionView>,
}

/// When a notification's turn would come.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProjectionView {
    /// RFC 3339; null if that is more than a year away.
    pub start: Option<String>,
    /// How many have their turn before it.
    pub ahead: u64,
    /// How many lines, or lanes of a mail, work.
    pub usable: usize,
}

impl ProjectionView {
    pub fn new(projection: &Projection) -> Self {
        let Projection { ahead, usable, start } = *projection;
        Self { start: start.map(UnixMillis::rfc3339), ahead, usable }
    }
}

/// To be asked again within an hour at the latest: by then a line may be mended, and others may have been withdrawn.
const LONGEST_RETRY: Duration = Duration::from_secs(60 * 60);
/// And not before a minute has passed: no sheet takes less.
const SHORTEST_RETRY: Duration = Duration::from_secs(60);

impl Problem {
    /// A refusal without more to say.
    pub fn new(code: Code) -> Self {
        Self { code, detail: None, errors: Vec::new(), projection: None, retry_after: None }
    }

    /// A refusal with a sentence about this case; never a value that the caller sent.
    pub fn because(code: Code, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..Self::new(code) }
    }

    /// A refusal of fields. `code` is the first fault's, so that a body with one fault has one code.
    pub fn fields(code: Code, errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(code) }
    }

    /// Says when to ask again.
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// A refusal of what would have its turn `excess` too late.
    pub fn horizon(projection: ProjectionView, excess: Duration) -> Self {
        let detail = match projection.usable {
            0 => "nothing that could carry it works now; see /v1/status",
            _ => "the projection says when its turn would come",
        };
        Self {
            retry_after: Some(excess.clamp(SHORTEST_RETRY, LONGEST_RETRY)),
            projection: Some(projection),
            ..Self::because(Code::QueueHorizon, detail)
        }
    }

    /// The body as it is sent.
    pub fn body(&self) -> ProblemBody<'_> {
        let entry = self.code.entry();
        ProblemBody {
            r#type: format!("/v1/problems/{}", entry.code),
            entry,
            detail: self.detail.as_deref(),
            errors: &self.errors,
            projection: self.projection.as_ref(),
        }
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(match refusal {
            Refusal::DestinationDenied => Code::DestinationDenied,
            Refusal::ServiceNotSupported => Code::ServiceNotSupported,
            Refusal::OfficeClosed => Code::OfficeClosed,
            Refusal::OfficeFaxMismatch => Code::OfficeFaxMismatch,
            Refusal::NoLineForKeys => Code::NoLineForKeys,
            Refusal::NumberNotProven => Code::NumberNotProven,
        })
    }
}

impl From<QueueError> for Problem {
    fn from(error: QueueError) -> Self {
        Self::new(match error {
            QueueError::Full => Code::StoreFull,
            QueueError::Failing { .. } | QueueError::Broken { .. } | QueueError::InUse => {
                Code::StoreUnavailable
            }
            QueueError::Stopped | QueueError::Ambiguous => Code::OutcomeUnknown,
            QueueError::NotAllowed { .. } | QueueError::Held => Code::Internal,
        })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.entry().status;
        let mut response = (status, axum::Json(self.body())).into_response();
        response.extensions_mut().insert(SaidNo(self.code));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            // What is left of the body is not worth reading.
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        if let Some(retry_after) = self.retry_after {
            // Whole seconds, and never too early.
            let seconds = retry_after.as_millis().div_ceil(1000).max(1);
            headers.insert(header::RETRY_AFTER, u64::try_from(seconds).unwrap_or(u64::MAX).into());
        }
        response
    }
}

fn status_number<S: serde::Serializer>(status: &StatusCode, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_has_its_own_slug_and_speaks_both_languages() {
        let mut seen = HashSet::new();
        for code in Code::ALL {
            let entry = code.entry();
            assert!(seen.insert(entry.code), "{} twice", entry.code);
            assert!(entry.code.bytes().all(|o| o.is_ascii_lowercase() || o == b'-'));
            assert!(entry.title.is_ascii() && entry.title.ends_with('.'), "{}", entry.title);
            assert!(entry.title_ja.ends_with('。'), "{}", entry.title_ja);
            assert!(entry.next.is_ascii() && entry.next.ends_with('.'), "{}", entry.next);
            assert!(entry.next_ja.ends_with('。'), "{}", entry.next_ja);
            assert!(entry.status.is_client_error() || entry.status.is_server_error());
        }
    }
}

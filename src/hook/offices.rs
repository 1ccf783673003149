//! `/v1/offices/{office_number}`: what the exchange reports of an office, and how its notices go because of it.
//!
//! In: reports, one after the other; each is on disk before it is answered. Out: the office as it stands then, its
//! address masked. The next notification finds it so; what was accepted before goes where it was to go.
//! A report is an event, not a state: "the manager has changed" says more than "no address", and a report that comes
//! twice changes nothing.
//! Not here: what a report changes (`office/directory.rs`), which notice goes by mail (`office`).

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Hook;
use super::auth::{MayNotify, MayRead};
use super::body;
use super::json::{self, Fault, Faults, Fields};
use super::problem::{Code, Problem, ProblemBody};
use crate::app::crash::{self, Point};
use crate::job::names::stable_names;
use crate::job::{Channel, OfficeNumber, UnixMillis};
use crate::office::{Office, OfficeChange};

/// An office, as the caller has reported it.
#[derive(Serialize, ToSchema)]
pub struct OfficeView {
    pub office_number: String,
    /// Its registered address, such as `s***@example.co.jp`.
    pub mail: Option<String>,
    /// It is closed: notifications to it are refused.
    pub closed: bool,
    /// How a `document` or a `message` to it goes from now on, `fax` or `mail`; null if it is closed. Every other kind
    /// goes by FAX.
    pub channel: Option<&'static str>,
    /// When something was last reported of it, RFC 3339; null if nothing ever was.
    pub changed_at: Option<String>,
}

impl OfficeView {
    fn new(office: &Office, by_mail: bool, known: bool) -> Self {
        let channel = match (&office.mail, by_mail) {
            (Some(_), true) => Channel::Mail,
            (Some(_), false) | (None, _) => Channel::Fax,
        };
        Self {
            office_number: office.number.as_str().to_owned(),
            mail: office.mail.as_ref().map(mail::Address::hint),
            closed: office.closed,
            channel: (!office.closed).then_some(channel.as_str()),
            changed_at: known.then(|| office.changed_at.rfc3339()),
        }
    }
}

/// An office. One of which nothing was reported is open and gets everything by FAX.
#[utoipa::path(get, path = "/v1/offices/{office_number}", tag = "offices", security(("token" = ["read"])),
    params(("office_number" = String, Path, description = "10 characters with a check digit")),
    responses(
        (status = 200, body = OfficeView),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn show(
    State(hook): State<Hook>,
    MayRead(client): MayRead,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<OfficeView>, Problem> {
    let number = office_number(path)?;
    let office = hook.queue.office(client, number.clone()).await;
    let office = office.map_err(|error| hook.queue_problem(error))?;
    let known = office.is_some();
    // Of no time: it is not shown.
    let office = office.unwrap_or_else(|| Office::new(number, UnixMillis(0)));
    Ok(Json(OfficeView::new(&office, hook.policy.mail, known)))
}

/// Reports something about an office. 200 means that it is on disk and holds from the next notification on.
#[utoipa::path(post, path = "/v1/offices/{office_number}/events", tag = "offices", security(("token" = ["notify"])),
    params(("office_number" = String, Path, description = "10 characters with a check digit")),
    request_body = schema::OfficeEvent,
    responses(
        (status = 200, body = OfficeView),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn report(
    State(hook): State<Hook>,
    MayNotify(client): MayNotify,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<OfficeView>, Problem> {
    let number = office_number(path)?;
    let (head, octets) = request.into_parts();
    let octets = body::read(&head.headers, octets, &hook.limits).await?;
    let (event, change) = parse(&octets)?;
    let now = hook.clock.now();
    let office = hook.queue.change_office(client.clone(), number, change, now).await;
    crash::here(Point::OfficeCommitted);
    let office = office.map_err(|error| hook.queue_problem(error))?;
    let (client, office_number) = (client.0, office.number.as_str());
    tracing::info!(client, office_number, event = event.as_str(), "hook.office.changed");
    Ok(Json(OfficeView::new(&office, hook.policy.mail, true)))
}

/// What is reported, by its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Event {
    MailRegistered,
    MailWithdrawn,
    ManagerChanged,
    Closed,
    Reopened,
}

stable_names!(Event {
    MailRegistered => "mail_registered",
    MailWithdrawn => "mail_withdrawn",
    ManagerChanged => "manager_changed",
    Closed => "closed",
    Reopened => "reopened",
});

fn parse(octets: &[u8]) -> Result<(Event, OfficeChange), Problem> {
    let mut faults = Faults::default();
    let mut fields = Fields::new(String::new(), json::object(octets)?, &mut faults);
    let change = change(&mut fields);
    fields.close();
    faults.verdict(change)
}

fn change(fields: &mut Fields<'_>) -> Option<(Event, OfficeChange)> {
    // Both are read before the first `?`, so that all faults are told at once.
    let event = fields.required("event", body::name::<Event>);
    let to = fields.optional("mail", address);
    let event = event?;
    let change = match (event, to?) {
        (Event::MailRegistered, Some(to)) => OfficeChange::MailRegistered { to },
        (Event::MailRegistered, None) => {
            let message = "is required for mail_registered";
            fields.note("mail", Fault::new(Code::MissingField, message));
            return None;
        }
        (other, Some(_)) => {
            let message = format!("an event {} does not have it", other.as_str());
            fields.note("mail", Fault::new(Code::FieldNotOfKind, message));
            return None;
        }
        (Event::MailWithdrawn, None) => OfficeChange::MailWithdrawn,
        (Event::ManagerChanged, None) => OfficeChange::ManagerChanged,
        (Event::Closed, None) => OfficeChange::Closed,
        (Event::Reopened, None) => OfficeChange::Reopened,
    };
    Some((event, change))
}

fn address(value: Value) -> Result<mail::Address, Fault> {
    mail::Address::parse(&json::text(value)?)
        .map_err(|error| Fault::new(Code::InvalidMailAddress, error))
}

fn office_number(path: Result<Path<String>, PathRejection>) -> Result<OfficeNumber, Problem> {
    let Path(text) = path.map_err(|_| Problem::new(Code::InvalidOfficeNumber))?;
    OfficeNumber::parse(&text)
        .map_err(|error| Problem::because(Code::InvalidOfficeNumber, error.to_string()))
}

/// The body of a report, as `/v1/openapi.json` describes it; it is read by hand above.
pub mod schema {
    use utoipa::ToSchema;

    /// Something that happened to an office.
    #[derive(ToSchema)]
    #[expect(dead_code, reason = "describes JSON; bodies are read by hand")]
    pub struct OfficeEvent {
        /// `mail_registered`: notices may go to that address. `mail_withdrawn`: no more. `manager_changed`: neither,
        /// until the address is registered anew. `closed`: nothing goes there. `reopened`: by FAX,
        /// until an address is registered anew.
        event: String,
        /// One ASCII address, for `mail_registered`; refused for every other event.
        #[schema(max_length = 254)]
        mail: Option<String>,
    }
}

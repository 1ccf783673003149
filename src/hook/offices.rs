//! `/v1/offices/{office_number}`: what the exchange reports of an office, and how its notices go because of it.
//!
//! In: reports, one after the other; each is on disk before it is answered. Out: the office as it stands then, its
//! address masked. The next notification finds it so; what was accepted before goes where it was to go.
//! A report is an event, not a state: "the manager has changed" says more than "no address", and a report that comes
//! twice changes nothing. The number alone is a state, too: whoever registers offices puts each of them as it is.
//! Not here: what a report changes (`office/directory.rs`), which notice goes by mail (`office`).

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Hook;
use super::auth::{MayNotify, MayRead};
use super::body;
use super::json::{self, Fault, Fields};
use super::problem::{Code, Problem, ProblemBody};
use crate::app::crash::{self, Point};
use crate::job::names::stable_names;
use crate::job::{Channel, ClientId, FaxNumber, OfficeNumber, UnixMillis};
use crate::office::{Office, OfficeChange};

/// Most offices in one answer.
const MOST_LISTED: u16 = 200;

/// An office, as the caller has reported it.
#[derive(Serialize, ToSchema)]
pub struct OfficeView {
    pub office_number: String,
    /// The one fax number under which it is told, masked but for the last four digits; null if none was registered: then the
    /// number of each notification counts.
    pub fax: Option<String>,
    /// Since when nothing counts that was known of its number before, RFC 3339.
    pub anew_since: Option<String>,
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
            fax: office.fax.as_ref().map(FaxNumber::to_string),
            anew_since: office.anew_since.map(UnixMillis::rfc3339),
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

/// Which offices to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only those behind this number: the last of the previous answer.
    after: Option<String>,
    /// Most to answer, 1 to 200; 50.
    #[serde(default = "usual_limit")]
    limit: u16,
}

fn usual_limit() -> u16 {
    50
}

/// The offices of which the caller has reported something, by their numbers.
#[utoipa::path(get, path = "/v1/offices", tag = "offices", security(("token" = ["read"])),
    params(ListQuery),
    responses(
        (status = 200, body = [OfficeView]),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn list(
    State(hook): State<Hook>,
    MayRead(client): MayRead,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Vec<OfficeView>>, Problem> {
    let invalid = |why: &str| Problem::because(Code::InvalidQuery, why);
    let Query(query) = query.map_err(|_| Problem::new(Code::InvalidQuery))?;
    if !(1..=MOST_LISTED).contains(&query.limit) {
        return Err(invalid("limit is 1 to 200"));
    }
    let after = query.after.map(|text| OfficeNumber::parse(&text)).transpose();
    let after = after.map_err(|_| invalid("after is no office number"))?;
    let offices = hook.queue.offices(client, after, query.limit).await;
    let offices = offices.map_err(|error| hook.queue_problem(error))?;
    let view = |office| OfficeView::new(office, hook.policy.mail, true);
    Ok(Json(offices.iter().map(view).collect()))
}

/// Registers the fax number of an office: from the next notification on it is told under that number and no other. To
/// register it again changes nothing; another number is a change of it, as `fax_changed`.
#[utoipa::path(put, path = "/v1/offices/{office_number}", tag = "offices", security(("token" = ["notify"])),
    params(("office_number" = String, Path, description = "10 characters with a check digit")),
    request_body = schema::OfficeEntry,
    responses(
        (status = 200, body = OfficeView),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
        (status = "5XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn register(
    State(hook): State<Hook>,
    MayNotify(client): MayNotify,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<OfficeView>, Problem> {
    let number = office_number(path)?;
    let fax = |fields: &mut Fields<'_>| fields.required("fax", body::fax_number);
    let to = body::fields(request, &hook.limits, fax).await?;
    change_office(&hook, client, number, "fax_registered", OfficeChange::FaxRegistered { to }).await
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
    let (event, change) = body::fields(request, &hook.limits, change).await?;
    change_office(&hook, client, number, event.as_str(), change).await
}

async fn change_office(
    hook: &Hook,
    client: ClientId,
    number: OfficeNumber,
    event: &str,
    change: OfficeChange,
) -> Result<Json<OfficeView>, Problem> {
    let now = hook.clock.now();
    let office = hook.queue.change_office(client.clone(), number, change, now).await;
    crash::here(Point::OfficeCommitted);
    let office = office.map_err(|error| hook.queue_problem(error))?;
    let (client, office_number) = (client.0, office.number.as_str());
    tracing::info!(client, office_number, event, "hook.office.changed");
    Ok(Json(OfficeView::new(&office, hook.policy.mail, true)))
}

/// What is reported, by its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Event {
    MailRegistered,
    MailWithdrawn,
    FaxChanged,
    ManagerChanged,
    Closed,
    Reopened,
}

stable_names!(Event {
    MailRegistered => "mail_registered",
    MailWithdrawn => "mail_withdrawn",
    FaxChanged => "fax_changed",
    ManagerChanged => "manager_changed",
    Closed => "closed",
    Reopened => "reopened",
});

impl Event {
    /// The one field that it has besides its name.
    fn needs(self) -> Option<&'static str> {
        match self {
            Self::MailRegistered => Some("mail"),
            Self::FaxChanged => Some("fax"),
            Self::MailWithdrawn | Self::ManagerChanged | Self::Closed | Self::Reopened => None,
        }
    }
}

fn change(fields: &mut Fields<'_>) -> Option<(Event, OfficeChange)> {
    // All are read before the first `?`, so that all faults are told at once.
    let event = fields.required("event", body::name::<Event>);
    let mail = fields.optional("mail", address);
    let fax = fields.optional("fax", body::fax_number);
    let (event, mail, fax) = (event?, mail?, fax?);
    for (name, is_given) in [("mail", mail.is_some()), ("fax", fax.is_some())] {
        let fault = match (event.needs() == Some(name), is_given) {
            (true, false) => Fault::new(Code::MissingField, format!("is required for {event}")),
            (false, true) => {
                Fault::new(Code::FieldNotOfKind, format!("an event {event} does not have it"))
            }
            (true, true) | (false, false) => continue,
        };
        fields.note(name, fault);
    }
    let change = match event {
        Event::MailRegistered => OfficeChange::MailRegistered { to: mail? },
        Event::MailWithdrawn => OfficeChange::MailWithdrawn,
        Event::FaxChanged => OfficeChange::FaxChanged { to: fax? },
        Event::ManagerChanged => OfficeChange::ManagerChanged,
        Event::Closed => OfficeChange::Closed,
        Event::Reopened => OfficeChange::Reopened,
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
        /// until an address is registered anew. `fax_changed`: it is told under that number from now on. After
        /// `manager_changed`, `reopened` and `fax_changed` its number has to be proven anew.
        event: String,
        /// One ASCII address, for `mail_registered`; refused for every other event.
        #[schema(max_length = 254)]
        mail: Option<String>,
        /// 0AB-J or 050, for `fax_changed`; refused for every other event.
        fax: Option<String>,
    }

    /// An office as it is registered.
    #[derive(ToSchema)]
    #[expect(dead_code, reason = "describes JSON; bodies are read by hand")]
    pub struct OfficeEntry {
        /// 0AB-J or 050, with or without hyphens.
        fax: String,
    }
}

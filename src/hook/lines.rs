//! `/v1/lines`: the telephone lines as a technician asks for them, and what he may do with one.
//!
//! In: the board of each line. Out: JSON, numbers masked. A test and a lift are asked for here and done by the
//! line's own thread, between two calls.
//! Not here: what a test does (`send/line_test.rs`), when a line is in quarantine (`schedule/line_health.rs`).

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Hook;
use super::auth::{MayRead, MayTendLines};
use super::problem::{Code, Problem, ProblemBody};
use crate::job::UnixMillis;
use crate::schedule::line_board::{LineBoard, LineState, LineStatus, TestRefused, TestRun, Wanted};
use crate::send::line_test::{Outcome, Step};
use crate::send::{LineFault, ModemFacts};

/// One telephone line.
#[derive(Serialize, ToSchema)]
pub struct LineView {
    pub name: String,
    /// The serial device as in the settings, or the service that is reached by mail.
    pub device: String,
    /// Its own number, masked but for the last four digits.
    pub number: Option<String>,
    /// The modem as it was last found.
    pub modem: Option<ModemView>,
    /// `starting`, `ready`, `calling`, `testing`, `ringing`, `faulty`, `quarantined`, `stopped`.
    pub state: &'static str,
    /// Since when it is in this state, RFC 3339, as all times.
    pub since: String,
    /// Whether it carries calls.
    pub usable: bool,
    /// What is wrong now.
    pub fault: Option<FaultView>,
    /// The last thing that was wrong since the start, with its time.
    pub last_fault: Option<PastFault>,
    pub last_call: Option<PastCall>,
    /// The test that runs, or the last one since the start.
    pub last_test: Option<TestView>,
}

/// A modem.
#[derive(Serialize, ToSchema)]
pub struct ModemView {
    /// Name of the profile that it is driven by; `generic` drives any.
    pub model: String,
    /// Its fax class: `1`, `1.0`, `2`, `2.0` or `2.1`.
    pub class: String,
}

/// What is wrong with a line.
#[derive(Serialize, ToSchema)]
pub struct FaultView {
    /// Stable code.
    pub code: &'static str,
    /// What happened, and what to do.
    pub message: String,
}

/// What was wrong.
#[derive(Serialize, ToSchema)]
pub struct PastFault {
    pub at: String,
    #[serde(flatten)]
    pub fault: FaultView,
}

/// A call that is over.
#[derive(Serialize, ToSchema)]
pub struct PastCall {
    pub ended_at: String,
    /// Stable code of the ending.
    pub code: &'static str,
}

/// A test of a line.
#[derive(Serialize, ToSchema)]
pub struct TestView {
    /// Counted from 1 since the start.
    pub number: u64,
    /// Who wanted it: `person`, `person-page` (with a page), or `daily`.
    pub wanted: &'static str,
    pub started_at: String,
    pub ended_at: Option<String>,
    /// No step failed; null while it runs.
    pub passed: Option<bool>,
    /// The step that is on.
    pub doing: Option<&'static str>,
    /// The steps that were made, in order.
    pub steps: Vec<StepView>,
}

/// A step of a test.
#[derive(Serialize, ToSchema)]
pub struct StepView {
    /// `modem`, `country`, `dial-tone`, `loop-call`, and `test-call` or `test-page`; of a service that is reached by mail,
    /// `relay` and `service`.
    pub name: &'static str,
    /// `passed`, `skipped`, `failed`.
    pub outcome: &'static str,
    /// Stable code of a failure.
    pub code: Option<&'static str>,
    /// What was found, why it was skipped, or what to do.
    pub detail: String,
    pub took_ms: u64,
}

/// A test that was taken on.
#[derive(Serialize, ToSchema)]
pub struct TestAccepted {
    /// `last_test.number` of the line once this test runs.
    pub number: u64,
    /// Where its steps can be read.
    pub line: String,
}

/// What a test is to do.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TestQuery {
    /// Send the sheet of a line test to the line's test number, instead of hanging up once a fax machine has
    /// answered there.
    #[serde(default)]
    #[param(default = false)]
    page: bool,
}

/// Every line, in the order of the settings.
#[utoipa::path(get, path = "/v1/lines", tag = "lines", security(("token" = ["read"])),
    responses(
        (status = 200, body = Vec<LineView>),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn list(
    State(hook): State<Hook>,
    MayRead(_client): MayRead,
) -> Json<Vec<LineView>> {
    Json(hook.lines.boards().iter().map(|board| LineView::new(board.status())).collect())
}

/// One line.
#[utoipa::path(get, path = "/v1/lines/{name}", tag = "lines", security(("token" = ["read"])),
    params(("name" = String, Path, description = "its name in the settings")),
    responses(
        (status = 200, body = LineView),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn show(
    State(hook): State<Hook>,
    MayRead(_client): MayRead,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<LineView>, Problem> {
    Ok(Json(LineView::new(board(&hook, &named(path)?)?.status())))
}

/// Test a line: modem, country, dial tone, and the calls that its settings allow. It takes half a minute or
/// two, between two calls; the line's `last_test` shows how far it is.
#[utoipa::path(post, path = "/v1/lines/{name}/test", tag = "lines", security(("token" = ["lines"])),
    params(("name" = String, Path, description = "its name in the settings"), TestQuery),
    responses(
        (status = 202, body = TestAccepted),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn test(
    State(hook): State<Hook>,
    MayTendLines(client): MayTendLines,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<TestQuery>, QueryRejection>,
) -> Result<(StatusCode, Json<TestAccepted>), Problem> {
    let name = named(path)?;
    let Query(TestQuery { page }) = query.map_err(|_| Problem::new(Code::InvalidQuery))?;
    let wanted = if page { Wanted::PageByPerson } else { Wanted::ByPerson };
    let number = board(&hook, &name)?.want_test(wanted).map_err(|refused| {
        Problem::because(
            Code::LineNotTestable,
            match refused {
                TestRefused::AlreadyWanted => "a test of this line is on already",
                TestRefused::Stopped => "the gateway stops",
            },
        )
    })?;
    tracing::info!(line = name, client = client.0, page, "line.test.wanted");
    hook.lines.wake();
    let line = format!("/v1/lines/{name}");
    Ok((StatusCode::ACCEPTED, Json(TestAccepted { number, line })))
}

/// Say that a line was mended: it is asked at once, and used at its first answer.
#[utoipa::path(post, path = "/v1/lines/{name}/reset", tag = "lines", security(("token" = ["lines"])),
    params(("name" = String, Path, description = "its name in the settings")),
    responses(
        (status = 202, body = LineView, description = "as it was before"),
        (status = "4XX", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
pub(super) async fn reset(
    State(hook): State<Hook>,
    MayTendLines(client): MayTendLines,
    path: Result<Path<String>, PathRejection>,
) -> Result<(StatusCode, Json<LineView>), Problem> {
    let name = named(path)?;
    let board = board(&hook, &name)?;
    let before = LineView::new(board.status());
    board.want_lift();
    tracing::info!(line = name, client = client.0, "line.reset.wanted");
    hook.lines.wake();
    Ok((StatusCode::ACCEPTED, Json(before)))
}

/// A name that is no text is that of no line.
fn named(path: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    path.map(|Path(name)| name).map_err(|_| Code::LineNotFound.into())
}

fn board<'a>(hook: &'a Hook, name: &str) -> Result<&'a LineBoard, Problem> {
    let mut boards = hook.lines.boards().iter();
    boards.find(|board| board.status().name == name).ok_or_else(|| Code::LineNotFound.into())
}

impl LineView {
    fn new(status: LineStatus) -> Self {
        let fault = match &status.state {
            LineState::Faulty(fault) | LineState::Quarantined(fault) => Some(fault.clone().into()),
            LineState::Starting
            | LineState::Ready
            | LineState::Calling
            | LineState::Testing
            | LineState::Ringing
            | LineState::Stopped => None,
        };
        Self {
            name: status.name,
            device: status.device,
            number: status.number.map(|number| number.to_string()),
            modem: status.modem.map(|ModemFacts { model, class }| ModemView { model, class }),
            state: status.state.as_str(),
            since: status.since.rfc3339(),
            usable: status.state.is_usable(),
            fault,
            last_fault: status
                .last_fault
                .map(|(at, fault)| PastFault { at: at.rfc3339(), fault: fault.into() }),
            last_call: status.last_call.map(|(at, code)| PastCall { ended_at: at.rfc3339(), code }),
            last_test: status.last_test.map(TestView::new),
        }
    }
}

impl From<LineFault> for FaultView {
    fn from(LineFault { code, message }: LineFault) -> Self {
        Self { code, message }
    }
}

impl TestView {
    fn new(test: TestRun) -> Self {
        Self {
            number: test.number,
            wanted: test.wanted.as_str(),
            passed: test.passed(),
            started_at: test.started.rfc3339(),
            ended_at: test.ended.map(UnixMillis::rfc3339),
            doing: test.doing.map(|(step, _)| step.as_str()),
            steps: test.steps.into_iter().map(StepView::new).collect(),
        }
    }
}

impl StepView {
    fn new(step: Step) -> Self {
        let (outcome, code, detail) = match step.outcome {
            Outcome::Passed(found) => ("passed", None, found),
            Outcome::Skipped(why) => ("skipped", None, why),
            Outcome::Failed { code, what_to_do } => ("failed", Some(code), what_to_do),
        };
        Self { name: step.name.as_str(), outcome, code, detail, took_ms: step.took_ms }
    }
}

//! What the verbs share that show a sheet or a mail before anybody gets it: the data, and looking for edits.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::clock::{Clock, SystemClock};
use super::exit::{Exit, Failure};
use super::print;
use super::settings::Settings;
use super::submit;
use crate::hook::body;
use crate::hook::problem::Problem;
use crate::job::{Kind, Language, NewJob, UnixMillis};
use crate::render::Look;

/// Between a save and its picture, as an eye sees it. Chosen.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The example that lies beside the templates.
pub(super) fn sample(settings: &Settings, name: &str) -> PathBuf {
    let beside = settings.sheet.templates.parent().unwrap_or(Path::new("/"));
    beside.join("samples").join(format!("{name}.json"))
}

/// The notification in this file, as the gateway would take it now, in this language if one is given.
///
/// # Errors
/// [`Failure`]: the file cannot be read, the gateway would refuse what it says, or it is of another kind.
pub(super) fn job(
    path: &Path,
    kind: Kind,
    language: Option<Language>,
    at: UnixMillis,
) -> Result<NewJob, Failure> {
    let wrong = |why: String| Failure::new(Exit::Refused, format!("{}: {why}", path.display()));
    let octets = submit::read(path)?;
    let job = body::parse(&octets, at).map_err(|problem| wrong(refusal(&problem)))?;
    if job.kind() != kind {
        return Err(wrong(format!("/kind: is {}, not {kind}", job.kind())));
    }
    Ok(NewJob { language: language.unwrap_or(job.language), ..job })
}

/// As the gateway would have said it.
fn refusal(problem: &Problem) -> String {
    serde_json::to_value(problem.body())
        .map_or_else(|error| error.to_string(), |body| print::problem(&body))
}

/// What is looked at, whatever the settings say.
pub(super) struct Watch<'a> {
    pub config: &'a Path,
    pub out: Option<&'a Path>,
}

/// What is looked at because the settings say so.
pub(super) struct MadeFrom {
    /// Templates.
    pub folders: Vec<PathBuf>,
    pub data: PathBuf,
}

/// Makes it once and again whenever templates, data or settings are saved. Says each time when, and what came of it.
///
/// # Errors
/// [`Failure`] of wrong usage; whatever else is wrong is said, and made again once it was mended.
pub(super) fn again_at_every_change(
    watch: &Watch<'_>,
    made_from: impl Fn(&Settings) -> MadeFrom,
    make: impl Fn(&Settings) -> Result<String, Failure>,
) -> Result<(), Failure> {
    let mut last = None;
    loop {
        let settings = Settings::load(watch.config);
        let mut files = vec![watch.config.to_owned()];
        if let Ok(settings) = &settings {
            let MadeFrom { folders, data } = made_from(settings);
            if data == Path::new("-") {
                let why = "--watch reads the data again and again: give a file";
                return Err(Failure::new(Exit::Usage, why));
            }
            writes_beside(watch.out, &folders)?;
            files.extend(folders.into_iter().chain([data]));
        }
        let look = Look::at(files);
        if last.as_ref() != Some(&look) {
            let made = settings.map_err(Failure::from).and_then(|settings| make(&settings));
            let said = made.unwrap_or_else(|failure| {
                failure.message.lines().map(str::trim).collect::<Vec<_>>().join("; ")
            });
            // Whoever read it has gone: nobody is left to make it for.
            if writeln!(std::io::stdout(), "{}  {}", time_of_day(), said.trim_end()).is_err() {
                return Ok(());
            }
            last = Some(look);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// What is written among the templates would be a change of them, and be written for ever.
fn writes_beside(out: Option<&Path>, templates: &[PathBuf]) -> Result<(), Failure> {
    let folder = out
        .and_then(Path::parent)
        .map(|folder| if folder == Path::new("") { Path::new(".") } else { folder })
        .and_then(|folder| folder.canonicalize().ok());
    let mut templates = templates.iter().filter_map(|templates| templates.canonicalize().ok());
    if folder.is_some_and(|folder| templates.any(|templates| folder.starts_with(templates))) {
        let why =
            "--watch with --out among the templates would go on for ever: name another folder";
        return Err(Failure::new(Exit::Usage, why));
    }
    Ok(())
}

fn time_of_day() -> String {
    let now = jiff::Timestamp::from_millisecond(SystemClock.now().0).unwrap_or_default();
    now.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string()
}

//! `shirase sheet`: draws a sheet to a file, the very bits that a line would send just now, again at every change
//! of what it is drawn from, or compares them with a page that a fax machine received.

mod picture;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::clock::{Clock, SystemClock};
use super::exit::{Exit, Failure};
use super::print;
use super::settings::Settings;
use crate::hook::body;
use crate::hook::problem::Problem;
use crate::job::{JobId, Kind, Language, NewJob};
use crate::render::{Look, Renderer};
use crate::send::tag_line::TagLine;
use crate::settle::most_copies;

/// Between a save and its picture, as an eye sees it. Chosen.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The speed at which most fax machines take a page.
const USUAL_BPS: u32 = 14_400;

/// Draw a sheet to a PNG or TIFF file, or compare it with a received page. The file holds the secrets of the
/// data: look at it, then delete it.
#[derive(clap::Args)]
pub struct Sheet {
    /// A kind of notification, or line_test.
    #[arg(value_name = "KIND")]
    which: Which,
    /// The body as JSON, as POST /v1/notifications takes it; - reads it from standard input. Without it an example
    /// that lies beside the templates.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// ja or en, whatever the data say.
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<Language>,
    /// Where to: `.png`, or `.tiff` as a fax file.
    #[arg(long, value_name = "FILE", required_unless_present = "compare")]
    out: Option<PathBuf>,
    /// Draw again whenever templates, data or settings are saved, until Ctrl-C.
    #[arg(long, requires = "out", conflicts_with = "compare")]
    watch: bool,
    /// A fax file as it was received: is every pel as drawn? Give the notification's --id. Exit status 0 or 6.
    #[arg(long, value_name = "FILE", requires = "id")]
    compare: Option<PathBuf>,
    /// The settings file.
    #[arg(
        long,
        env = "SHIRASE_CONFIG",
        default_value = "/etc/shirase/shirase.toml",
        value_name = "FILE"
    )]
    config: PathBuf,
    /// 204 × 98 dpi instead of 204 × 196.
    #[arg(long)]
    standard: bool,
    /// Reference and date are the id's; without one the date is today's and the reference 0000-0000.
    #[arg(long)]
    id: Option<JobId>,
    /// The sheet as it goes again after so many that nobody confirmed: 2 or 3 of a notice; a key goes once.
    #[arg(long, value_name = "N", default_value_t = 1)]
    copy: u32,
}

/// A sheet that there is.
#[derive(Clone, Copy)]
enum Which {
    Notification(Kind),
    LineTest,
}

impl std::str::FromStr for Which {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let kinds = Kind::ALL.iter().copied().map(Self::Notification);
        let sheets: Vec<Self> = kinds.chain([Self::LineTest]).collect();
        sheets.iter().copied().find(|sheet| sheet.as_str() == name).ok_or_else(|| {
            let names: Vec<&str> = sheets.iter().map(|sheet| sheet.as_str()).collect();
            format!("the sheets are {}", names.join(", "))
        })
    }
}

impl Which {
    fn as_str(self) -> &'static str {
        match self {
            Self::Notification(kind) => kind.as_str(),
            Self::LineTest => "line_test",
        }
    }

    fn most_copies(self) -> u32 {
        match self {
            Self::Notification(kind) => most_copies(kind),
            Self::LineTest => 1,
        }
    }
}

/// The data of a `line_test`; a notification's are its body.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct LineTestData {
    language: Option<String>,
    line: LineName,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct LineName {
    name: String,
}

impl Sheet {
    /// # Errors
    /// [`Failure`]: the data are refused, the sheet cannot be drawn, or the file not written.
    pub fn run(self) -> Result<(), Failure> {
        if !(1..=self.which.most_copies()).contains(&self.copy) {
            let (which, most) = (self.which.as_str(), self.which.most_copies());
            let why = format!("--copy {}: of {which} no more than {most} are sent", self.copy);
            return Err(Failure::new(Exit::Usage, why));
        }
        let write = self.out.as_deref().map(picture::writer).transpose()?;
        let out = self.out.as_deref().zip(write);
        let draw = |settings: &Settings| {
            let page = self.draw(settings)?;
            if let Some((path, write)) = out {
                write(path, &page).map_err(|error| {
                    Failure::new(Exit::Internal, format!("{}: {error}", path.display()))
                })?;
            }
            Ok(page)
        };
        if self.watch {
            return self.draw_at_every_change(draw);
        }
        let page = draw(&Settings::load(&self.config)?)?;
        match &self.compare {
            Some(received) => picture::compare(received, &page),
            None => print::out(&cost(&page)),
        }
    }

    /// The page with the tag line of a call that begins now on the first line of the settings.
    fn draw(&self, settings: &Settings) -> Result<t4::Page, Failure> {
        let path = self.data_path(settings);
        let octets = super::submit::read(&path)?;
        let refused = |why: String| Failure::new(Exit::Refused, why);
        let wrong = |why: String| refused(format!("{}: {why}", path.display()));
        let at = SystemClock.now();
        let id = self.id.unwrap_or_else(|| JobId::new(at, 0));
        let fineness =
            if self.standard { sheet::Fineness::Standard } else { sheet::Fineness::Fine };
        let tsi = settings.lines.first().and_then(|line| line.tsi.as_deref());
        let renderer = Renderer::new(settings.site.face(), settings.sheet.worker());
        let stamped = match self.which {
            Which::Notification(kind) => {
                let job = body::parse(&octets, at).map_err(|problem| wrong(refusal(&problem)))?;
                if job.kind() != kind {
                    return Err(wrong(format!("/kind: is {}, not {kind}", job.kind())));
                }
                let job = NewJob { language: self.language.unwrap_or(job.language), ..job };
                let drawn = renderer.draw_to_send(id, &job, self.copy);
                let (drawn, _) = drawn.map_err(|error| refused(error.to_string()))?;
                let page = drawn.into_one(fineness).page;
                TagLine::of(&job, renderer.site(), tsi, at).stamp(&page, 1, 1)
            }
            Which::LineTest => {
                let data: LineTestData =
                    serde_json::from_slice(&octets).map_err(|error| wrong(error.to_string()))?;
                let said = data.language.as_deref().map(str::parse::<Language>).transpose();
                let said = said.map_err(|error| wrong(format!("/language: {error}")))?;
                let language = self.language.or(said).unwrap_or_default();
                let line = data.line.name.as_str();
                let drawn = renderer.draw_line_test(id, line, language);
                let page =
                    drawn.map_err(|error| refused(error.to_string()))?.into_one(fineness).page;
                let sender = &renderer.site().in_language(language).name;
                TagLine { at, sender, tsi, receiver: line }.stamp(&page, 1, 1)
            }
        };
        stamped.map_err(|error| refused(error.to_string()))
    }

    /// The caller's data, or the example beside the templates.
    fn data_path(&self, settings: &Settings) -> PathBuf {
        self.data.clone().unwrap_or_else(|| {
            let beside = settings.sheet.templates.parent().unwrap_or(Path::new("/"));
            beside.join("samples").join(format!("{}.json", self.which.as_str()))
        })
    }

    /// One line for each drawing: when, what it costs, or why there is none; then on.
    fn draw_at_every_change(
        &self,
        draw: impl Fn(&Settings) -> Result<t4::Page, Failure>,
    ) -> Result<(), Failure> {
        if self.data.as_deref() == Some(Path::new("-")) {
            let why = "--watch reads the data again and again: give a file";
            return Err(Failure::new(Exit::Usage, why));
        }
        let mut last = None;
        loop {
            let settings = Settings::load(&self.config);
            let mut drawn_from = vec![self.config.clone()];
            if let Ok(settings) = &settings {
                self.draws_beside(&settings.sheet.templates)?;
                drawn_from.extend([settings.sheet.templates.clone(), self.data_path(settings)]);
            }
            let look = Look::at(drawn_from);
            if last.as_ref() != Some(&look) {
                let drawn = settings.map_err(Failure::from).and_then(|settings| draw(&settings));
                let said = drawn.map_or_else(|failure| failure.message, |page| cost(&page));
                let line = said.lines().map(str::trim).collect::<Vec<_>>().join("; ");
                let at = time_of_day();
                // Whoever read it has gone: nobody is left to draw for.
                if writeln!(std::io::stdout(), "{at}  {line}").is_err() {
                    return Ok(());
                }
                last = Some(look);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// A picture among the templates would be a change of them, and be drawn for ever.
    fn draws_beside(&self, templates: &Path) -> Result<(), Failure> {
        let folder = self
            .out
            .as_deref()
            .and_then(Path::parent)
            .map(|folder| if folder == Path::new("") { Path::new(".") } else { folder });
        let is_among = folder
            .and_then(|folder| folder.canonicalize().ok())
            .zip(templates.canonicalize().ok())
            .is_some_and(|(folder, templates)| folder.starts_with(templates));
        if is_among {
            let why =
                "--watch with --out among the templates would draw for ever: name another folder";
            return Err(Failure::new(Exit::Usage, why));
        }
        Ok(())
    }
}

/// What a page costs on the line in the coding that most fax machines take.
fn cost(page: &t4::Page) -> String {
    let encoding = t4::Encoding::line(t4::Coding::Mmr, t4::BitOrder::LsbFirst, 0);
    let octets = t4::encode(page, &encoding).len();
    let seconds = octets as f64 * 8.0 / f64::from(USUAL_BPS);
    let (width, rows) = (page.width_pels(), page.rows());
    format!("{width} × {rows} pels, {octets} octets (MMR), {seconds:.1} s at {USUAL_BPS} bit/s")
}

fn time_of_day() -> String {
    let now = jiff::Timestamp::from_millisecond(SystemClock.now().0).unwrap_or_default();
    now.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string()
}

/// As the gateway would have said it.
fn refusal(problem: &Problem) -> String {
    serde_json::to_value(problem.body())
        .map_or_else(|error| error.to_string(), |body| print::problem(&body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::examples::TUESDAY_10_00;

    /// What is installed beside the templates, and what the README shows.
    #[test]
    fn every_kind_has_an_example_that_the_gateway_would_take() {
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/samples");
        for kind in Kind::ALL {
            let path = samples.join(format!("{kind}.json"));
            let octets = std::fs::read(&path).expect("an example");
            let job = body::parse(&octets, TUESDAY_10_00);
            let job = job.unwrap_or_else(|problem| panic!("{kind}: {}", refusal(&problem)));
            assert_eq!((job.kind(), job.language), (*kind, Language::Japanese));
        }
        let octets = std::fs::read(samples.join("line_test.json")).expect("an example");
        let data: LineTestData = serde_json::from_slice(&octets).expect("reads");
        assert_eq!(data.line.name, "line1");
    }
}

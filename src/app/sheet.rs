//! `shirase sheet`: draws a sheet to a file, the very bits that a line would send just now, again at every change
//! of what it is drawn from, or compares them with a page that a fax machine received.

mod picture;

use std::path::PathBuf;

use super::clock::{Clock, SystemClock};
use super::exit::{Exit, Failure};
use super::settings::Settings;
use super::{preview, print};
use crate::job::{FaxBecause, JobId, Kind, Language};
use crate::render::{Issue, LETTER_KINDS, Renderer};
use crate::send::tag_line::TagLine;

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
    /// The sheet as it goes again after others that nobody confirmed: from the second on it says so.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=99))]
    copy: u32,
    /// The sheet with renewed credentials: from the second version on it says that those before are void.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=99))]
    credentials_version: u32,
    /// The sheet of a notice that a mail was to tell: mail-bounced, mail-unread, mail-not-sent or mail-unsure.
    #[arg(long, value_name = "REASON")]
    because: Option<FaxBecause>,
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

    fn has_letter(self) -> bool {
        match self {
            Self::Notification(kind) => LETTER_KINDS.contains(&kind),
            Self::LineTest => false,
        }
    }

    fn has_versions(self) -> bool {
        match self {
            Self::Notification(kind) => kind.has_secret(),
            Self::LineTest => false,
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
        if self.credentials_version > 1 && !self.which.has_versions() {
            let why = format!("--credentials-version: {} has no credentials", self.which.as_str());
            return Err(Failure::new(Exit::Usage, why));
        }
        if self.because.is_some() && !self.which.has_letter() {
            let why = format!("--because: {} goes by FAX in any case", self.which.as_str());
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
            return preview::again_at_every_change(
                &preview::Watch { config: &self.config, out: self.out.as_deref() },
                |settings| preview::MadeFrom {
                    folders: vec![settings.sheet.templates.clone()],
                    data: self.data_path(settings),
                },
                |settings| draw(settings).map(|page| cost(&page)),
            );
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
        let refused = |why: String| Failure::new(Exit::Refused, why);
        let at = SystemClock.now();
        let id = self.id.unwrap_or_else(|| JobId::new(at, 0));
        let fineness =
            if self.standard { sheet::Fineness::Standard } else { sheet::Fineness::Fine };
        let tsi = settings.lines.first().and_then(|line| line.tsi.as_deref());
        let renderer = Renderer::new(settings.site.face(), settings.sheet.worker());
        let stamped = match self.which {
            Which::Notification(kind) => {
                let job = preview::job(&path, kind, self.language, at)?;
                let (version, copy) = (self.credentials_version, self.copy);
                let issue = Issue { version, copy, because: self.because };
                let drawn = renderer.draw_to_send(id, &job, issue);
                let (drawn, _) = drawn.map_err(|error| refused(error.to_string()))?;
                let page = drawn.into_one(fineness).page;
                TagLine::of(&job, renderer.site(), tsi, at).stamp(&page, 1, 1)
            }
            Which::LineTest => {
                let wrong = |why: String| refused(format!("{}: {why}", path.display()));
                let data: LineTestData = serde_json::from_slice(&super::submit::read(&path)?)
                    .map_err(|error| wrong(error.to_string()))?;
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

    fn data_path(&self, settings: &Settings) -> PathBuf {
        self.data.clone().unwrap_or_else(|| preview::sample(settings, self.which.as_str()))
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::job::examples::TUESDAY_10_00;

    /// What is installed beside the templates, and what the README shows.
    #[test]
    fn every_kind_has_an_example_that_the_gateway_would_take() {
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/samples");
        for kind in Kind::ALL {
            let path = samples.join(format!("{kind}.json"));
            let job = preview::job(&path, *kind, None, TUESDAY_10_00);
            let job = job.unwrap_or_else(|failure| panic!("{}", failure.message));
            assert_eq!((job.kind(), job.language), (*kind, Language::Japanese));
        }
        let octets = std::fs::read(samples.join("line_test.json")).expect("an example");
        let data: LineTestData = serde_json::from_slice(&octets).expect("reads");
        assert_eq!(data.line.name, "line1");
    }
}

//! `shirase sheet`: draws a notification's sheet to a file, the very bits that a line would send just now, or
//! compares them with a page that a fax machine received.

use std::path::{Path, PathBuf};

use super::clock::{Clock, SystemClock};
use super::exit::{Exit, Failure};
use super::print;
use super::settings::Settings;
use crate::hook::body;
use crate::hook::problem::Problem;
use crate::job::JobId;
use crate::render::Renderer;
use crate::send::tag_line::TagLine;

/// Draw the sheet of a notification to a PNG or TIFF file, or compare it with a received page. The file holds
/// the secrets: look at it, then delete it.
#[derive(clap::Args)]
pub struct Sheet {
    /// The body as JSON.
    #[arg(value_name = "FILE")]
    body: PathBuf,
    /// Where to: `.png`, or `.tiff` as a fax file.
    #[arg(long, value_name = "FILE", required_unless_present = "compare")]
    out: Option<PathBuf>,
    /// A fax file as it was received: is every pel below the tag line as drawn? Give the notification's --id.
    /// Exit status 0 or 6.
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
}

impl Sheet {
    /// # Errors
    /// [`Failure`]: the body is refused, the sheet cannot be drawn, or the file not written.
    pub fn run(self) -> Result<(), Failure> {
        let write = self.out.as_deref().map(writer).transpose()?;
        let settings = Settings::load(&self.config)?;
        let now = SystemClock.now();
        let octets = super::submit::read(&self.body)?;
        let job = body::parse(&octets, now)
            .map_err(|problem| Failure::new(Exit::Refused, refusal(&problem)))?;
        let fineness =
            if self.standard { sheet::Fineness::Standard } else { sheet::Fineness::Fine };
        let renderer = Renderer::new(settings.site.face(), settings.sheet.worker());
        let drawn = renderer
            .draw(self.id.unwrap_or_else(|| JobId::new(now, 0)), &job)
            .map_err(|error| Failure::new(Exit::Refused, error.to_string()))?;
        let page = drawn.into_one(fineness).page;
        if let (Some(write), Some(out)) = (write, &self.out) {
            // As the first line of the settings would send it now.
            let tsi = settings.lines.first().and_then(|line| line.tsi.as_deref());
            let page = TagLine::of(&job, renderer.site(), tsi, now)
                .stamp(&page, 1, 1)
                .map_err(|error| Failure::new(Exit::Refused, error.to_string()))?;
            write(out, &page).map_err(|error| {
                Failure::new(Exit::Internal, format!("{}: {error}", out.display()))
            })?;
        }
        self.compare.as_deref().map_or(Ok(()), |received| compare(received, &page))
    }
}

type Writer = fn(&Path, &t4::Page) -> Result<(), String>;

fn writer(out: &Path) -> Result<Writer, Failure> {
    match out.extension().and_then(|extension| extension.to_str()) {
        Some("png") => Ok(png),
        Some("tif" | "tiff") => Ok(tiff),
        Some(_) | None => Err(Failure::new(Exit::Usage, "--out must end in .png, .tif or .tiff")),
    }
}

/// Compares a received file with what was drawn, pel by pel, and says where they part. The tag line is the call's:
/// the receipt's `sheet_sha256` names the pels with it.
fn compare(path: &Path, drawn: &t4::Page) -> Result<(), Failure> {
    let differs = |how: String| Failure::new(Exit::Differs, format!("{}: {how}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| differs(error.to_string()))?;
    let pages = t4::container::read(std::io::BufReader::new(file))
        .map_err(|error| differs(error.to_string()))?;
    let [received] = pages.as_slice() else {
        return Err(differs(format!("{} pages, not one", pages.len())));
    };
    let (width, rows) = (received.page.width_pels(), received.page.rows());
    if (width, rows) != (drawn.width_pels(), drawn.rows()) {
        let (drawn_width, drawn_rows) = (drawn.width_pels(), drawn.rows());
        return Err(differs(format!("{width} × {rows} pels, {drawn_width} × {drawn_rows} drawn")));
    }
    match (tagline::rows(drawn.resolution())..rows)
        .find(|row| received.page.row(*row) != drawn.row(*row))
    {
        None => print::out(&format!(
            "{width} × {rows} pels received, every one below the tag line as drawn"
        )),
        Some(row) => Err(differs(format!("row {row} of {rows} is the first that differs"))),
    }
}

/// As the gateway would have said it.
fn refusal(problem: &Problem) -> String {
    serde_json::to_value(problem.body())
        .map_or_else(|error| error.to_string(), |body| print::problem(&body))
}

/// Rows at standard resolution are doubled, so that the picture has the paper's shape.
fn png(path: &Path, page: &t4::Page) -> Result<(), String> {
    let repeat = match page.resolution() {
        t4::Resolution::Standard => 2,
        t4::Resolution::Fine => 1,
    };
    let (width, height) = (u32::from(page.width_pels()), page.rows() * repeat);
    let picture = image::GrayImage::from_fn(width, height, |x, y| {
        let octet = page.row(y / repeat).and_then(|row| row.get(x as usize / 8)).copied();
        let black = octet.unwrap_or(0) >> (7 - x % 8) & 1 == 1;
        image::Luma([if black { 0 } else { 255 }])
    });
    picture.save(path).map_err(|error| error.to_string())
}

fn tiff(path: &Path, page: &t4::Page) -> Result<(), String> {
    let settings = t4::container::FileSettings {
        coding: t4::Coding::Mmr,
        order: t4::BitOrder::MsbFirst,
        software: concat!("shirase ", env!("CARGO_PKG_VERSION")),
        date_time: None,
    };
    let file = std::fs::File::create(path).map_err(|error| error.to_string())?;
    t4::container::write(std::io::BufWriter::new(file), std::slice::from_ref(page), &settings)
        .map_err(|error| error.to_string())
}

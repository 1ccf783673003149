//! `shirase-sheet TEMPLATES FONT...`: draws sheets for its keeper, one request after the other.
//!
//! In: requests on stdin. Out: answers on stdout; on stderr the place of a panic, never its text.
//! It reads the template folder and the fonts and nothing else: no network, no clock, no packages.
//! Source: prctl(2) for `PR_SET_DUMPABLE`, core(5).
//! Not here: limits and deadline, which the keeper sets (`src/worker.rs`); the messages (`src/wire.rs`).

mod bitmap;
mod draw;
mod glyphs;
mod ink;
mod letters;
mod links;
mod qr;
mod raster;
mod world;

use std::io::{self, BufReader, BufWriter};
use std::path::PathBuf;
use std::process::ExitCode;

use sheet::wire;

fn main() -> ExitCode {
    if let Err(error) = keep_out_of_dumps() {
        eprintln!("cannot keep secrets out of core dumps: {error}");
        return ExitCode::FAILURE;
    }
    std::panic::set_hook(Box::new(|panic| {
        // The text of a panic may quote a field; the place cannot.
        match panic.location() {
            Some(place) => eprintln!("panicked at {place}"),
            None => eprintln!("panicked"),
        }
    }));
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let Some(templates) = arguments.next() else {
        eprintln!("usage: shirase-sheet TEMPLATES FONT...  (started by shirase, speaks on stdin)");
        return ExitCode::from(2);
    };
    let fonts: Vec<PathBuf> = arguments.collect();
    match serve(templates, &fonts) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// No core is written of this process, which holds secrets, and only root may look into it. The keeper's limit
/// for cores does not bind where `core_pattern` names a program, and what the keeper sets here ends with exec.
#[expect(unsafe_code, reason = "the standard library has no prctl")]
fn keep_out_of_dumps() -> io::Result<()> {
    // SAFETY: plain numbers in, no memory touched.
    match unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Answers until stdin ends. A font that cannot be used is the answer to every request, so that the
/// keeper learns of it in the same words as of any other error.
fn serve(templates: PathBuf, fonts: &[PathBuf]) -> io::Result<()> {
    let mut from = BufReader::new(io::stdin().lock());
    let mut to = BufWriter::new(io::stdout().lock());
    let mut desk = world::Fonts::load(fonts).map(|fonts| draw::Desk::new(templates, fonts));
    while let Some(ask) = wire::read_ask(&mut from)? {
        let answer = match &mut desk {
            Ok(desk) => desk.answer(&ask),
            Err(error) => Err(error.clone()),
        };
        wire::write_answer(&mut to, &answer)?;
    }
    Ok(())
}

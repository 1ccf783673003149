//! Can every sheet be drawn, and every mail be written? Each is tried as the daemon tries it.

use std::sync::Arc;

use super::{Finding, Mark, Thing};
use crate::app::mail_channel;
use crate::app::settings::Settings;
use crate::render::{Gate, Trials};

pub(super) fn look(settings: &Settings) -> Vec<Finding> {
    let (face, worker) = (settings.site.face(), settings.sheet.worker());
    let gate = Arc::new(Gate::new(face.clone(), worker.deadline));
    let templates = worker.templates.display().to_string();
    Trials::new(Arc::clone(&gate), face, worker).round();
    let mut findings = match gate.found() {
        Err(why) => {
            let todo = "no sheet can be drawn: install what is named, or correct [sheet]";
            return vec![Finding::new(Mark::Wrong, Thing::Faces, why, todo)];
        }
        Ok(sheets) => judge(Thing::Sheets, &templates, sheets, "sheets"),
    };
    findings.push(Finding::good(Thing::Faces, "every character of the sheets has a face"));
    if let Some(letters) = mail_channel::letters(settings) {
        findings.extend(judge(Thing::Letters, "texts", letters.found(), "mails"));
    }
    findings
}

/// One finding for each that fails, or one for all.
fn judge(
    of: Thing,
    place: &str,
    tried: Vec<(String, Result<(), String>)>,
    what: &str,
) -> Vec<Finding> {
    let count = tried.len();
    let failed = tried.into_iter().filter_map(|(name, outcome)| Some((name, outcome.err()?)));
    let findings: Vec<Finding> = failed
        .map(|(name, why)| {
            let todo = "notifications of this kind are refused until it is mended";
            Finding::new(Mark::Wrong, of, format!("{name}: {why}"), todo)
        })
        .collect();
    if !findings.is_empty() {
        return findings;
    }
    vec![Finding::good(of, format!("{place}: {count} {what} tried"))]
}

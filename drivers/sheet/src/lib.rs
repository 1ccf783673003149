//! Sheets: a template and fields as JSON in; 1-bit fax pages out, one for each resolution.
//!
//! In: a [`Request`]. Out: a [`Drawn`] sheet, 1728 pels wide, with the places that the template
//! marked; or a [`SheetError`] that names file, line or character. Beside that the characters that
//! sheets can hold ([`Coverage`]).
//! The drawing is done by a worker process (`shirase-sheet`) with a deadline and a memory limit;
//! [`Worker`] starts it, asks it, ends it and starts it anew. A template is a program, so it may
//! loop, eat memory or break the typesetter: that then costs one process, never the daemon.
//! Source: T.4 2.2 for the raster.
//! Not here: what the fields mean (`src/render`), coding (`drivers/t4`).

mod aside;
mod coverage;
mod error;
pub mod wire;
mod worker;

pub use aside::is_aside;
pub use coverage::Coverage;
pub use error::SheetError;
pub use worker::{Worker, WorkerSettings};

use std::fmt;

use serde::{Deserialize, Serialize};

/// What to draw. `Debug` shows the template only: fields may be secret.
pub struct Request {
    /// File name in the template folder without `.typ`, e.g. `first_contact`.
    pub template: String,
    /// Seen by the template as `/data.json`.
    pub fields: serde_json::Value,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("template", &self.template).finish_non_exhaustive()
    }
}

/// How close the scan lines of a sheet lie (T.4 2.2). The two that sheets are drawn in; a machine that
/// takes more gets the fine one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Fineness {
    /// 204 × 196 dpi, 7.7 line/mm.
    Fine,
    /// 204 × 98 dpi, 3.85 line/mm.
    Standard,
}

impl From<Fineness> for t4::Resolution {
    fn from(fineness: Fineness) -> Self {
        match fineness {
            Fineness::Fine => Self::Fine,
            Fineness::Standard => Self::Standard,
        }
    }
}

/// A sheet set once and painted for either kind of far machine: neither is scaled from the other.
#[derive(Debug, Eq, PartialEq)]
pub struct Drawn {
    pub fine: Sheet,
    pub standard: Sheet,
}

impl Drawn {
    /// The sheet at one resolution.
    #[must_use]
    pub fn at(&self, fineness: Fineness) -> &Sheet {
        match fineness {
            Fineness::Fine => &self.fine,
            Fineness::Standard => &self.standard,
        }
    }

    /// The sheet at one resolution; the other is dropped.
    #[must_use]
    pub fn into_one(self, fineness: Fineness) -> Sheet {
        match fineness {
            Fineness::Fine => self.fine,
            Fineness::Standard => self.standard,
        }
    }
}

/// One page, and where on it the template's marks are.
#[derive(Debug, Eq, PartialEq)]
pub struct Sheet {
    pub page: t4::Page,
    /// In the order of setting.
    pub marks: Vec<Mark>,
}

/// A place that a template marks by `link("mark:NAME:INDEX", box)`: where one character of a
/// credential stands, for example. It holds no character itself.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Lower-case letters and `_`.
    pub name: String,
    /// Which of the marks of that name; a template counts from 0.
    pub index: u16,
    /// On the page, at least one pel.
    pub area: PelBox,
}

/// A box of whole pels; `right` and `bottom` are the first ones outside.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PelBox {
    pub left: usize,
    pub top: usize,
    pub right: usize,
    pub bottom: usize,
}

impl PelBox {
    /// Whether it has an area, all of which lies on a page of so many pels and rows.
    #[must_use]
    pub fn is_on(self, width_pels: usize, rows: usize) -> bool {
        self.left < self.right
            && self.right <= width_pels
            && self.top < self.bottom
            && self.bottom <= rows
    }
}

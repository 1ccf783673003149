//! The ways on which a notification can go.
//!
//! Not here: which one it takes (`office`).

use super::names::stable_names;

/// How it goes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Channel {
    Fax,
    Mail,
}

stable_names!(Channel { Fax => "fax", Mail => "mail" });

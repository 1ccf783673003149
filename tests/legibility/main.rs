//! The proof that a sheet shows its credentials, on real sheets.
//!
//! Needs `shirase-sheet` of this build and BIZ UDGothic.

#[path = "../support/program.rs"]
mod program;
mod proof;
mod random;
mod templates;

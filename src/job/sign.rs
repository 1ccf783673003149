//! What the exchange has seen of an office: the best proof that a notification was read.
//!
//! Not here: what follows from it (`settle`).

use super::names::stable_names;

/// What somebody of the office did on the site, with what the notification told.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Sign {
    FirstLogin,
    TermsAccepted,
    FirstDownload,
}

stable_names!(Sign {
    FirstLogin => "first_login",
    TermsAccepted => "terms_accepted",
    FirstDownload => "first_download",
});

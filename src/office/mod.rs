//! May this notification go to this office, and by which channel?

use crate::job::FaxNumber;

/// The way that was decided on.
#[derive(Clone, Debug)]
pub enum Route {
    Fax { number: FaxNumber },
}

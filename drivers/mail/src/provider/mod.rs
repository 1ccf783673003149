//! Services that send a fax for a mail.
//!
//! In: a [`Provider`], a page for a number; later, mails that anybody wrote. Out: a mail for a relay; what
//! the service says became of the fax.
//! Not here: drawing the page, whether it may go this way, what follows from an answer (all `src/`).
//!
//! | file | holds |
//! |---|---|
//! | `profile.rs` | what differs between services, as data |
//! | `template.rs` | text with fields, for what is sent |
//! | `pattern.rs` | text with fields, for what comes back |
//! | `letter.rs` | the mail with the page |
//! | `pdf.rs` | the page as a PDF file |
//! | `answer.rs` | what the service answers |

mod answer;
mod letter;
mod pattern;
pub mod pdf;
mod profile;
mod template;

pub use answer::{Answer, Said, read_answer};
pub use letter::{Account, Fax, FaxLetterError, Provider};
pub use profile::{Attachment, Profile, ProfileError, names};
pub use template::Field;

#[cfg(test)]
mod tests;

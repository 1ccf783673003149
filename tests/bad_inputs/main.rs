//! Bad inputs by number: each gets its own clear error or end, nothing panics, no secret is told, other work goes on.
//!
//! A test's name begins with the number. Those that need the real daemon are here; where a unit shows more, the test is
//! beside it, or in the program named.
//!
//! | number | what is bad | where |
//! |---|---|---|
//! | B1, B2, B4 to B9 | HTTP messages, JSON, keys, framing | `http` |
//! | B3, B11 to B14 | texts, numbers, times, fields that do not exist | `fields` |
//! | B10 | slow clients of every kind | `slow`, `src/hook/tests/clients.rs`, `src/hook/pace.rs`, `src/hook/guests.rs` |
//! | B15 | tokens | `tokens` |
//! | B16 to B20 | templates, faces, pictures | `templates`; of mails `src/render/letter/tests.rs` |
//! | B21 to B23 | settings, secret files, SIGHUP | `settings` |
//! | B24 to B28 | octets of a modem, frames, identities | `drivers/modem` (`session`, `init`, `tests`), `drivers/t30` (`tests`), `tests/fuzz` |
//! | B29 | far ends that do not answer as they should | `drivers/t30/tests/golden/calls`, `src/settle/verdict.rs` |
//! | B30 | a modem that goes away | `drivers/modem/tests`, `tests/appliance/lines.rs`, `make interop` |
//! | B31 to B34 | replies of relays | `drivers/mail/tests`, `tests/mail/hostile.rs` |
//! | B35 | replies of mailboxes | `drivers/mail/tests`, `tests/mail/hostile_box.rs` |
//! | B36 | mails that come back | `drivers/mail` (`report`), `tests/mail/flooded.rs`, `tests/fuzz` |
//! | B37, B38 | receivers of webhooks | `drivers/webhook/tests`, `src/tell/tests.rs` |
//! | B39 to B42 | what stands where the store should be | `store`, `src/queue/sqlite/restored_tests.rs` |
//! | B43, B44 | a disk without room, a disk that fails, no descriptors | `disk` |
//! | B45 | ciphertexts that changed their places | `src/queue/sqlite/tests/claims.rs` |
//! | B46, B47 | clock and signals | `time` |
//! | B48 | all at once | `at_once`; for minutes and with a million that wait, `make chaos` |

#[path = "../support/program.rs"]
mod program;

mod at_once;
mod disk;
mod fields;
mod house;
mod http;
mod settings;
mod slow;
mod store;
mod templates;
mod time;
mod tokens;

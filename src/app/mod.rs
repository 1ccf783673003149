//! The program around the way of a notification.

pub mod clock;
pub mod exit;
pub mod redact;
pub mod secrets;
pub mod settings;
pub mod systemd;
pub mod telemetry;

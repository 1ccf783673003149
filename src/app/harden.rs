//! What the process gives up before it reads a secret.
//!
//! Source: prctl(2), `PR_SET_DUMPABLE`.

use super::exit::{Exit, Failure};

/// No core dump with secrets in it, and no other process of this user that reads our memory.
///
/// # Errors
/// [`Failure`] if the system refuses, which it never should.
#[expect(unsafe_code, reason = "there is no safe call for it")]
pub fn no_core_and_no_tracer() -> Result<(), Failure> {
    // SAFETY: PR_SET_DUMPABLE takes one number and touches no memory of ours.
    let refused = unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) } != 0;
    if refused {
        let error = std::io::Error::last_os_error();
        return Err(Failure::new(Exit::Internal, format!("PR_SET_DUMPABLE: {error}")));
    }
    Ok(())
}

/// From now on a panic in any thread ends the process: what it left half done is told by the disk at
/// the next start, and a line thread that is gone would take calls no more without anybody knowing. The
/// message is not logged, since it could hold a field.
pub fn end_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let thread = std::thread::current().name().map(ToOwned::to_owned);
        tracing::error!(place, thread, "app.panicked");
        std::process::abort();
    }));
}

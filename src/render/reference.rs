//! The eight characters by which a person on the telephone names a sheet.
//!
//! In: the id of a job. Out: its end, in two groups.
//! Not here: finding the job again (`app/list.rs`).

use crate::job::JobId;

/// The last eight characters of the id, as `7F3K-92QX`: random, without I, L, O and U. `shirase list`
/// shows them beside the id.
pub fn reference(id: JobId) -> String {
    let text = id.to_string();
    let tail = text.get(text.len().saturating_sub(8)..).unwrap_or_default();
    let (left, right) = tail.split_at_checked(4).unwrap_or((tail, ""));
    format!("{left}-{right}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_is_the_end_of_the_id_in_two_groups() {
        let id: JobId = "01JD3Z9Q6M4W1V8X2C5T7R0BNE".parse().expect("an id");
        assert_eq!(reference(id), "5T7R-0BNE");
    }
}

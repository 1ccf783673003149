//! What there is, as the schema's triggers have counted it.
//!
//! In: nothing. Out: a [`Tally`]; some hundred rows are read, however many notifications there are.

use rusqlite::Connection;

use super::claim;
use super::fault::Fault;
use super::record;
use crate::job::Channel;
use crate::queue::{Counted, Tally};

pub(super) fn tally(conn: &Connection) -> Result<Tally, Fault> {
    // One transaction: all of it is of the same moment.
    let moment = conn.unchecked_transaction()?;
    let counted = moment
        .prepare_cached("SELECT state, channel, urgency, due_hour, jobs FROM tally WHERE jobs > 0")?
        .query_map([], |row| {
            let names: (String, String) = (row.get(0)?, row.get(1)?);
            Ok((names, row.get(2)?, row.get(3)?, row.get(4)?))
        })?
        .map(|row| {
            let ((state, channel), urgency, due_hour, jobs): (_, i64, i64, i64) = row?;
            Ok(Counted {
                state: record::named(&state, "tally.state")?,
                channel: record::named(&channel, "tally.channel")?,
                urgency: record::urgency(urgency),
                due_hour: (due_hour >= 0).then_some(due_hour),
                // The table lets no less than 0 in.
                jobs: u64::try_from(jobs).unwrap_or(0),
            })
        })
        .collect::<Result<_, Fault>>()?;
    let (fax_due, mail_due) =
        (claim::next(&moment, Channel::Fax)?, claim::next(&moment, Channel::Mail)?);
    Ok(Tally { counted, fax_due, mail_due })
}

/// Hours that are over leave rows behind that count nothing.
pub(super) fn tidy(conn: &Connection) -> Result<(), Fault> {
    conn.prepare_cached("DELETE FROM tally WHERE jobs = 0")?.execute([])?;
    Ok(())
}

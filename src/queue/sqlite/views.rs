//! What clients may see of their jobs: read from a connection of its own, never a secret.
//!
//! In: a client and what it asks for. Out: [`View`]s and the [`Feed`].

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::Fault;
use super::record::RawEvent;
use super::{record, resolution};
use crate::job::{ClientId, JobId, Kind, UnixMillis, number};
use crate::queue::{AttemptView, Feed, Filter, View};

/// Most rows in one answer, whatever was asked for; the hook's own limits are not above it.
const MOST_ROWS: u16 = 1000;

const VIEW_COLUMNS: &str = "id, state, reason, kind, office_number, fax_digits, accepted_at, due_at, \
     not_after, channel, mail_domain, fax_because, watch_until, watch_then, sealed_version, \
     json_extract(fields, '$.if_uncertain') AS if_uncertain";

struct ViewRow {
    id: String,
    state: String,
    reason: Option<String>,
    kind: String,
    office_number: String,
    fax_digits: String,
    accepted_at: i64,
    due_at: Option<i64>,
    not_after: i64,
    channel: String,
    mail_domain: Option<String>,
    fax_because: Option<String>,
    watch_until: Option<i64>,
    watch_then: Option<String>,
    version: u32,
    if_uncertain: Option<String>,
}

impl ViewRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            state: row.get("state")?,
            reason: row.get("reason")?,
            kind: row.get("kind")?,
            office_number: row.get("office_number")?,
            fax_digits: row.get("fax_digits")?,
            accepted_at: row.get("accepted_at")?,
            due_at: row.get("due_at")?,
            not_after: row.get("not_after")?,
            channel: row.get("channel")?,
            mail_domain: row.get("mail_domain")?,
            fax_because: row.get("fax_because")?,
            watch_until: row.get("watch_until")?,
            watch_then: row.get("watch_then")?,
            version: row.get("sealed_version")?,
            if_uncertain: row.get("if_uncertain")?,
        })
    }
}

pub(super) fn show(conn: &Connection, client: &ClientId, id: JobId) -> Result<Option<View>, Fault> {
    // One transaction: the job and its attempts are of the same moment.
    let moment = conn.unchecked_transaction()?;
    let row = moment
        .prepare_cached(&format!("SELECT {VIEW_COLUMNS} FROM job WHERE id = ?1 AND client = ?2"))?
        .query_row(params![id.to_string(), client.0], ViewRow::read)
        .optional()?;
    row.map(|row| view(&moment, row)).transpose()
}

/// An id is 26 of `0-9 A-Z`.
const BEHIND_ALL_IDS: &str = "~";

/// So many are looked through for a sender, who has no index. Chosen: a tenth of a second, in which nobody else can read.
const MOST_LOOKED_THROUGH: u32 = 20_000;

/// Which rows are asked for, but for their sender. What is not asked for does not stand in the statement: only so an index
/// leads straight to the first row.
fn narrowed(filter: &Filter) -> String {
    let of = |is_asked: bool, column: &str, number: u8| {
        if is_asked { format!("{column} = ?{number}") } else { format!("?{number} IS NULL") }
    };
    let state = of(filter.state.is_some(), "state", 2);
    let office = of(filter.office_number.is_some(), "office_number", 3);
    format!("client = ?1 AND {state} AND {office} AND id < ?4")
}

/// `None` if the end was not reached and not enough was found on the way.
pub(super) fn list(
    conn: &Connection,
    client: &ClientId,
    filter: &Filter,
) -> Result<Option<Vec<View>>, Fault> {
    list_among(conn, client, filter, MOST_LOOKED_THROUGH)
}

fn list_among(
    conn: &Connection,
    client: &ClientId,
    filter: &Filter,
    most: u32,
) -> Result<Option<Vec<View>>, Fault> {
    let moment = conn.unchecked_transaction()?;
    let (narrowed, limit) = (narrowed(filter), filter.limit.min(MOST_ROWS));
    let state = filter.state.map(|state| state.as_str());
    let before = filter.after.map_or_else(|| BEHIND_ALL_IDS.to_owned(), |id| id.to_string());
    let office = filter.office_number.as_deref();
    let (rows, is_all): (Vec<ViewRow>, bool) = match &filter.sender {
        None => {
            let rows = moment
                .prepare_cached(&format!(
                    "SELECT {VIEW_COLUMNS} FROM job WHERE {narrowed} ORDER BY id DESC LIMIT ?5"
                ))?
                .query_map(params![client.0, state, office, before, limit], ViewRow::read)?
                .collect::<rusqlite::Result<_>>()?;
            (rows, true)
        }
        Some(sender) => {
            // The first that is not looked at any more.
            let end: Option<String> = moment
                .prepare_cached(&format!(
                    "SELECT id FROM job WHERE {narrowed} ORDER BY id DESC LIMIT 1 OFFSET ?5"
                ))?
                .query_row(params![client.0, state, office, before, most], |row| row.get(0))
                .optional()?;
            let rows = moment
                .prepare_cached(&format!(
                    "SELECT {VIEW_COLUMNS} FROM job WHERE {narrowed} AND id > ?7
                        AND fields ->> 'sender_office_number' = ?6 ORDER BY id DESC LIMIT ?5"
                ))?
                .query_map(
                    params![
                        client.0,
                        state,
                        office,
                        before,
                        limit,
                        sender,
                        end.as_deref().unwrap_or_default(),
                    ],
                    ViewRow::read,
                )?
                .collect::<rusqlite::Result<_>>()?;
            (rows, end.is_none())
        }
    };
    if !is_all && rows.len() < usize::from(limit) {
        return Ok(None);
    }
    rows.into_iter().map(|row| view(&moment, row)).collect::<Result<_, _>>().map(Some)
}

pub(super) fn events(
    conn: &Connection,
    client: &ClientId,
    after: i64,
    limit: u16,
) -> Result<Feed, Fault> {
    let moment = conn.unchecked_transaction()?;
    let through: Option<i64> = moment
        .prepare_cached("SELECT cursor FROM forgotten WHERE client = ?1")?
        .query_row([&client.0], |row| row.get(0))
        .optional()?;
    if let Some(through) = through.filter(|through| after > 0 && after < *through) {
        return Ok(Feed::Forgotten { through });
    }
    let rows = moment
        .prepare_cached(
            "SELECT cursor, at, job, name, detail FROM event
             WHERE client = ?1 AND cursor > ?2 ORDER BY cursor LIMIT ?3",
        )?
        .query_map(params![client.0, after, limit.min(MOST_ROWS)], RawEvent::told)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Feed::Rows(rows))
}

fn view(conn: &Connection, row: ViewRow) -> Result<View, Fault> {
    let attempts: Vec<(i64, AttemptColumns)> = conn
        .prepare_cached(
            "SELECT id, number, line, state, code, receipt, channel, version FROM attempt
             WHERE job = ?1 ORDER BY number",
        )?
        .query_map([&row.id], |row| {
            let columns = AttemptColumns {
                number: row.get(1)?,
                line: row.get(2)?,
                state: row.get(3)?,
                code: row.get(4)?,
                receipt: row.get(5)?,
                channel: row.get(6)?,
                version: row.get(7)?,
            };
            Ok((row.get(0)?, columns))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let kind: Kind = record::kind(&row.kind)?;
    Ok(View {
        id: record::parse_id(&row.id)?,
        state: record::named(&row.state, "state")?,
        reason: row.reason,
        kind: kind.as_str(),
        channel: record::named(&row.channel, "channel")?,
        office_number: row.office_number,
        fax: record::fax_number(&row.fax_digits).ok(),
        fax_masked: number::mask(&row.fax_digits),
        mail_domain: row.mail_domain,
        because: row
            .fax_because
            .as_deref()
            .map(|name| record::named(name, "fax_because"))
            .transpose()?,
        accepted_at: UnixMillis(row.accepted_at),
        due_at: row.due_at.map(UnixMillis),
        watch: record::watch(row.watch_until, row.watch_then.as_deref())?,
        not_after: UnixMillis(row.not_after),
        if_uncertain: kind
            .has_secret()
            .then(|| record::if_uncertain(row.if_uncertain.as_deref()))
            .transpose()?,
        version: row.version,
        decisions: resolution::decisions(conn, &row.id)?,
        attempts: attempts
            .into_iter()
            .map(|(id, columns)| attempt_view(conn, id, columns))
            .collect::<Result<_, _>>()?,
    })
}

struct AttemptColumns {
    number: u32,
    line: String,
    state: String,
    code: Option<String>,
    receipt: Option<String>,
    channel: String,
    version: u32,
}

fn attempt_view(conn: &Connection, id: i64, columns: AttemptColumns) -> Result<AttemptView, Fault> {
    let rungs: Vec<(String, i64, String)> = conn
        .prepare_cached("SELECT name, at, detail FROM event WHERE attempt = ?1 ORDER BY cursor")?
        .query_map([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(AttemptView {
        number: columns.number,
        channel: record::named(&columns.channel, "attempt.channel")?,
        line: columns.line,
        version: columns.version,
        state: record::named(&columns.state, "attempt.state")?,
        code: columns.code,
        receipt: columns.receipt.map(|text| record::json(&text, "receipt")).transpose()?,
        rungs: rungs
            .into_iter()
            .map(|(name, at, detail)| {
                Ok((name, UnixMillis(at), record::json(&detail, "event.detail")?))
            })
            .collect::<Result<_, Fault>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{open, outside, place};
    use super::*;
    use crate::queue::contract::{accept, after_min, client, request};

    /// What was not looked through is not taken for nothing.
    #[test]
    fn sender_who_is_not_found_among_the_newest_is_said_not_to_be_known_to_the_end() {
        let (_folder, path) = place();
        let (store, _) = open(&path);
        let ids: Vec<JobId> = (0..4)
            .map(|minute| {
                let mut request = request(&minute.to_string(), |_| {});
                request.now = after_min(minute);
                accept(&store, request)
            })
            .collect();
        let conn = outside(&path);
        let listed = |sender: &str, limit: u16, after: Option<JobId>, most: u32| {
            let filter = Filter { sender: Some(sender.into()), limit, after, ..Filter::default() };
            let views = list_among(&conn, &client(), &filter, most).expect("answers");
            views.map(|views| views.into_iter().map(|view| view.id).collect::<Vec<_>>())
        };
        let newest = vec![ids[3], ids[2], ids[1]];
        assert_eq!(listed("1379900028", 3, None, 3), Some(newest), "as many as were asked for");
        assert_eq!(listed("1379900028", 4, None, 3), None);
        assert_eq!(listed("1379900028", 9, Some(ids[3]), 3).map(|found| found.len()), Some(3));
        assert_eq!(listed("1379900028", 9, None, 4).map(|found| found.len()), Some(4));
        assert_eq!(listed("1179900012", 9, None, 3), None);
        assert_eq!(listed("1179900012", 9, None, 4), Some(vec![]));
    }
}

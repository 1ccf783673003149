//! Stores that programs of other times wrote, and what the schema itself keeps in order.

use super::*;

/// How many, and the highest id: one that was used is never used again.
fn rows(path: &Path, table: &str) -> (i64, i64) {
    outside(path)
        .query_row(
            "SELECT (SELECT count(*) FROM attempt), seq FROM sqlite_sequence WHERE name = ?1",
            [table],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .expect("counts")
}

/// Every table, index and trigger, as SQL.
fn schema(path: &Path) -> Vec<(String, Option<String>)> {
    let conn = outside(path);
    let mut rows = conn.prepare("SELECT name, sql FROM sqlite_master ORDER BY name").expect("SQL");
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// One that is not would keep everything from being forgotten.
#[test]
fn whatever_refers_to_a_notification_goes_with_it_when_it_is_forgotten() {
    let (_folder, path) = place();
    drop(open(&path));
    let conn = outside(&path);
    let mut statement = conn
        .prepare(
            "SELECT child.name, refers.\"table\", refers.on_delete
             FROM sqlite_master AS child, pragma_foreign_key_list(child.name) AS refers
             WHERE child.type = 'table'",
        )
        .expect("SQL");
    let refers: Vec<(String, String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .and_then(Iterator::collect)
        .expect("rows");
    assert!(refers.len() >= 5, "{refers:?}");
    for (table, to, on_delete) in refers {
        let part = format!("DELETE FROM {table} ");
        let goes = forget::PARTS.iter().any(|sql| sql.starts_with(&part)) || on_delete == "CASCADE";
        assert!(goes || !["job", "attempt", "event"].contains(&to.as_str()), "{table} keeps {to}");
    }
}

/// Whether the schema has counted as many of each as there are.
fn is_tallied(path: &Path) -> bool {
    outside(path)
        .query_row(
            "WITH truth AS (
                SELECT state, channel, urgency, coalesce(due_at / 3600000, -1), count(*) FROM job GROUP BY 1, 2, 3, 4)
             SELECT (SELECT count(*) FROM (SELECT * FROM tally WHERE jobs > 0 EXCEPT SELECT * FROM truth))
                + (SELECT count(*) FROM (SELECT * FROM truth EXCEPT SELECT * FROM tally)) = 0",
            [],
            |row| row.get(0),
        )
        .expect("counts")
}

#[test]
fn store_of_each_version_is_brought_up_to_date_with_its_jobs_in_every_state() {
    let (_of_the_new, new) = place();
    drop(open(&new));
    // Later ones have the columns of mails, and their jobs are left as they are.
    for version in 1..5 {
        let (_folder, path) = place();
        file::create_version(&path, &Sealer::new(&key()), version).expect("makes it");
        let jobs = jobs_of_an_older_store(&path);
        let attempts = rows(&path, "attempt");
        let (store, recovered) = open(&path);
        assert_eq!(recovered, Recovered { in_call: 1, ..Recovered::default() });
        assert_eq!(rows(&path, "attempt"), attempts, "from version {version}");
        let feed = feed(&store, 0, 100);
        let accepted = feed.iter().filter(|event| event.name == "accepted").map(|event| event.job);
        assert!(accepted.eq(jobs.iter().map(|(id, _)| *id)), "from version {version}");
        assert_eq!(schema(&path), schema(&new), "from version {version}");
        for (id, state) in &jobs {
            let is_now = if *state == JobState::Sending { JobState::Waiting } else { *state };
            assert_eq!(show(&store, *id).state, is_now, "from version {version}, {state}");
        }
        assert!(is_tallied(&path), "from version {version}");
        let got = claim(&store, NOW, "line1").expect("due");
        assert!(is_tallied(&path), "from version {version}");
        assert_eq!(Some(&(got.id, JobState::Waiting)), jobs.first());
        assert_eq!((got.job.language, got.job.kind()), (Language::Japanese, Kind::FirstContact));
        assert_eq!(got.job.content.documents().len(), 1);
        let name = got.job.recipient.office_name.as_str();
        assert_eq!(name, "さくらデイサービス☺\u{FE0F}", "as the rules of its day let it through");
        let credentials = got.job.content.credentials().expect("has some");
        assert_eq!(credentials.first_time_key.expose(), CANARIES[2]);
        dial(&store, got.attempt, NOW);
        start_page(&store, got.attempt);
        assert_eq!(store.settle(got.attempt, confirmed(NOW)).wait(), Ok(()));
        // Its interrupted neighbour goes on, too.
        let next = claim(&store, after_min(5), "line1").map(|got| (got.id, JobState::Sending));
        assert!(next.is_some_and(|next| jobs.contains(&next)), "from version {version}");
    }
}

-- The store of one appliance, version 1. Times are milliseconds since 1970-01-01 UTC.
-- Every rule that a table can keep is kept here, so that no later mistake in the program breaks it.
-- A CHECK is written so that it is never NULL: Debian 12's sqlite3 reports that as damage.

-- Facts about the file itself; `key_check` is a known text sealed with the store's key.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE job (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    client TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'uncertain', 'hold', 'confirmed',
        'failed', 'expired', 'cancelled', 'resolved_delivered', 'resolved_not_delivered')),
    reason TEXT,
    kind TEXT NOT NULL,
    urgency INTEGER NOT NULL CHECK (urgency IN (0, 1)),
    office_number TEXT NOT NULL,
    fax_digits TEXT NOT NULL CHECK (length(fax_digits) IN (10, 11)),
    -- What else the sheet says, as JSON; no secret.
    fields TEXT NOT NULL CHECK (json_valid(fields)),
    -- The credentials, sealed; gone with the final state.
    sealed BLOB,
    sealed_version INTEGER NOT NULL DEFAULT 1,
    accepted_at INTEGER NOT NULL,
    not_before INTEGER,
    not_after INTEGER NOT NULL,
    due_at INTEGER,
    -- Somebody cancelled it during a call, before page data.
    stop_wanted_at INTEGER,
    CHECK ((state = 'waiting') = (due_at IS NOT NULL)),
    CHECK (sealed IS NULL OR state IN ('waiting', 'sending', 'uncertain', 'hold'))
) STRICT;

-- One notification for each key of each client.
CREATE UNIQUE INDEX job_request ON job (client, idempotency_key);
CREATE INDEX job_of_client ON job (client, id);
CREATE INDEX job_turn ON job (urgency, due_at) WHERE state = 'waiting';
CREATE INDEX job_end ON job (not_after) WHERE state IN ('waiting', 'hold', 'uncertain');

CREATE TRIGGER job_final_state_stays BEFORE UPDATE OF state ON job
WHEN OLD.state IN ('confirmed', 'failed', 'expired', 'cancelled', 'resolved_delivered',
    'resolved_not_delivered') AND NEW.state IS NOT OLD.state
BEGIN
    SELECT RAISE(ABORT, 'a final state is never left');
END;

-- What was accepted is sent there and as such, or not at all.
CREATE TRIGGER job_destination_stays BEFORE UPDATE OF id, client, idempotency_key, fingerprint, kind,
    office_number, fax_digits, fields, accepted_at, not_after ON job
BEGIN
    SELECT RAISE(ABORT, 'an accepted notification does not change');
END;

CREATE TABLE attempt (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL REFERENCES job (id),
    number INTEGER NOT NULL CHECK (number > 0),
    line TEXT NOT NULL,
    fax_digits TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('claimed', 'dialing', 'page_started', 'page_acked',
        'confirmed', 'not_sent', 'uncertain')),
    code TEXT,
    reach TEXT CHECK (reach IS NULL OR reach IN ('no_call', 'no_answer', 'answered')),
    sheet_sha256 BLOB CHECK (sheet_sha256 IS NULL OR length(sheet_sha256) = 32),
    pages_acked INTEGER NOT NULL DEFAULT 0,
    receipt TEXT CHECK (receipt IS NULL OR json_valid(receipt)),
    claimed_at INTEGER NOT NULL,
    dialled_at INTEGER,
    page_started_at INTEGER,
    ended_at INTEGER,
    UNIQUE (job, number),
    CHECK ((ended_at IS NOT NULL) = (state IN ('confirmed', 'not_sent', 'uncertain'))),
    CHECK ((ended_at IS NULL) = (reach IS NULL)),
    CHECK ((ended_at IS NULL) = (code IS NULL)),
    CHECK (dialled_at IS NOT NULL OR state IN ('claimed', 'not_sent')),
    CHECK ((dialled_at IS NULL) = (sheet_sha256 IS NULL)),
    CHECK (page_started_at IS NOT NULL OR state IN ('claimed', 'dialing', 'not_sent', 'uncertain'))
) STRICT;

-- One call at a time: for a job, on a line, to a number.
CREATE UNIQUE INDEX attempt_open_of_job ON attempt (job) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX attempt_open_on_line ON attempt (line) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX attempt_open_to_number ON attempt (fax_digits) WHERE ended_at IS NULL;
-- The ledger of the redial rule: every call to a number, over all jobs and lines.
CREATE INDEX attempt_redial_ledger ON attempt (fax_digits, dialled_at) WHERE dialled_at IS NOT NULL;

CREATE TRIGGER attempt_final_state_stays BEFORE UPDATE OF state ON attempt
WHEN OLD.ended_at IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'an ended attempt does not change');
END;

-- The feed: one row for every change, in the order of COMMIT. Cursors are never used twice.
CREATE TABLE event (
    cursor INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    client TEXT NOT NULL,
    job TEXT NOT NULL REFERENCES job (id),
    attempt INTEGER REFERENCES attempt (id),
    name TEXT NOT NULL,
    detail TEXT NOT NULL CHECK (json_valid(detail))
) STRICT;

CREATE INDEX event_of_client ON event (client, cursor);
CREATE INDEX event_of_attempt ON event (attempt, cursor) WHERE attempt IS NOT NULL;

CREATE TRIGGER event_stays BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'an event does not change');
END;

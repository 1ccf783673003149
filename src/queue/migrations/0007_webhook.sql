-- Version 7: how far each endpoint has been told. The events themselves are what is told: an endpoint has a place in the
-- feed, and rows only for what it owes an answer to.

CREATE TABLE webhook (
    -- Its name in the settings. One that is taken out keeps its place, and goes on from there when it is put back.
    endpoint TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    carries TEXT NOT NULL CHECK (carries IN ('usual', 'all')),
    -- Every event of the client up to here was told, given up, is none that it is told, or stands in webhook_due.
    cursor INTEGER NOT NULL,
    -- When it first stood in the settings.
    since INTEGER NOT NULL,
    told_at INTEGER,
    failed_at INTEGER,
    failed_code TEXT,
    failed_detail TEXT,
    -- It said that nobody wants posts there any more.
    disabled_at INTEGER,
    given_up INTEGER NOT NULL DEFAULT 0,
    CHECK ((failed_at IS NULL) = (failed_code IS NULL)),
    CHECK ((failed_at IS NULL) = (failed_detail IS NULL))
) STRICT, WITHOUT ROWID;

-- What an endpoint has not taken yet.
CREATE TABLE webhook_due (
    endpoint TEXT NOT NULL REFERENCES webhook (endpoint) ON DELETE CASCADE,
    event INTEGER NOT NULL REFERENCES event (cursor) ON DELETE CASCADE,
    job TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    -- When its turn came; none as long as an earlier event of its notification stands here.
    turn_at INTEGER,
    due_at INTEGER,
    PRIMARY KEY (endpoint, event),
    CHECK ((turn_at IS NULL) = (due_at IS NULL)),
    CHECK (tries = 0 OR turn_at IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- Of a notification one event at a time: what came first is told first.
CREATE UNIQUE INDEX webhook_due_turn ON webhook_due (endpoint, job) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_due_of_job ON webhook_due (endpoint, job, event);
CREATE INDEX webhook_due_at ON webhook_due (endpoint, due_at) WHERE due_at IS NOT NULL;
-- For events that are forgotten.
CREATE INDEX webhook_due_event ON webhook_due (event);

-- Version 6: what somebody decides about an uncertain notification, versions of credentials, and reminders. What came
-- before was sent in its first version, and nobody had decided anything.

-- How many decisions to send it once more there were.
ALTER TABLE job ADD COLUMN decisions INTEGER NOT NULL DEFAULT 0;
-- Since when somebody has to decide, and when those who have to are reminded next.
ALTER TABLE job ADD COLUMN undecided_since INTEGER;
ALTER TABLE job ADD COLUMN remind_at INTEGER;
CREATE INDEX job_reminder ON job (remind_at) WHERE remind_at IS NOT NULL;

UPDATE job SET
    undecided_since = coalesce((SELECT max(ended_at) FROM attempt WHERE attempt.job = job.id), accepted_at),
    remind_at = coalesce((SELECT max(ended_at) FROM attempt WHERE attempt.job = job.id), accepted_at) + 3600000
WHERE state = 'uncertain' AND watch_until IS NULL;

-- Which credentials it showed, and how many decisions there were when it began.
ALTER TABLE attempt ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE attempt ADD COLUMN decision INTEGER NOT NULL DEFAULT 0;

CREATE TABLE resolution (
    job TEXT NOT NULL REFERENCES job (id),
    -- Counted from 1.
    number INTEGER NOT NULL CHECK (number > 0),
    -- Of the request, by which it is known again.
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    choice TEXT NOT NULL CHECK (choice IN ('rotate', 'resend', 'close_delivered', 'close_not_delivered')),
    -- Where it went, and the version of its credentials from then on.
    state TEXT NOT NULL CHECK (state IN ('waiting', 'resolved_delivered', 'resolved_not_delivered')),
    version INTEGER NOT NULL CHECK (version > 0),
    -- Who decided and why, in their own words.
    decided_by TEXT,
    reason TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER resolution_stays BEFORE UPDATE ON resolution
BEGIN
    SELECT RAISE(ABORT, 'a decision does not change');
END;

CREATE TRIGGER resolution_is_of_an_uncertain_one BEFORE INSERT ON resolution
WHEN (SELECT state FROM job WHERE id = NEW.job) IS NOT 'uncertain'
BEGIN
    SELECT RAISE(ABORT, 'there is nothing to decide');
END;

-- What was accepted is sent there and as such, or not at all.
DROP TRIGGER job_destination_stays;
CREATE TRIGGER job_destination_stays BEFORE UPDATE OF id, client, idempotency_key, fingerprint, kind,
    office_number, fax_digits, accepted_at, mail_to, mail_domain ON job
BEGIN
    SELECT RAISE(ABORT, 'an accepted notification does not change');
END;

-- Its time and its credentials change by a decision that is kept, one at a time, and with them nothing else that the
-- sheet says.
CREATE TRIGGER job_changes_by_decision BEFORE UPDATE OF fields, not_after, sealed_version, decisions ON job
WHEN OLD.state <> 'uncertain' OR NEW.decisions <> OLD.decisions + 1
    OR NOT EXISTS (SELECT 1 FROM resolution WHERE resolution.job = NEW.id AND resolution.number = NEW.decisions
        AND resolution.state = 'waiting' AND resolution.version = NEW.sealed_version)
    OR NEW.sealed_version NOT IN (OLD.sealed_version, OLD.sealed_version + 1)
    OR json_remove(NEW.fields, '$.valid_until') <> json_remove(OLD.fields, '$.valid_until')
BEGIN
    SELECT RAISE(ABORT, 'an accepted notification does not change but by a decision');
END;

-- Other credentials are a higher version, and a higher version are other credentials.
CREATE TRIGGER job_key_has_its_version BEFORE UPDATE OF sealed, sealed_version ON job
WHEN (NEW.sealed IS NOT NULL AND NEW.sealed IS NOT OLD.sealed) <> (NEW.sealed_version <> OLD.sealed_version)
BEGIN
    SELECT RAISE(ABORT, 'other credentials are another version');
END;

-- A key that may be on paper goes there again by a decision only, as a higher version or as it was; or once, before any
-- decision, if it was accepted so.
DROP TRIGGER job_with_a_secret_is_sent_once;
CREATE TRIGGER job_with_a_secret_is_sent_once BEFORE UPDATE OF state ON job
WHEN NEW.state = 'waiting' AND NEW.sealed IS NOT NULL
    AND (SELECT count(*) FROM attempt WHERE attempt.job = NEW.id AND attempt.decision = NEW.decisions
        AND attempt.state IN ('uncertain', 'handed_off') AND attempt.refuted_at IS NULL)
    > (NEW.decisions = 0 AND json_extract(NEW.fields, '$.if_uncertain') IS 'send_once_more')
BEGIN
    SELECT RAISE(ABORT, 'a key that may be on paper is not sent again');
END;

-- An attempt shows what its notification had when it began.
CREATE TRIGGER attempt_has_the_version_of_its_job BEFORE INSERT ON attempt
WHEN NOT EXISTS (SELECT 1 FROM job WHERE job.id = NEW.job AND job.sealed_version = NEW.version
    AND job.decisions = NEW.decision)
BEGIN
    SELECT RAISE(ABORT, 'an attempt has the version of its notification');
END;

CREATE TRIGGER attempt_version_stays BEFORE UPDATE OF version, decision ON attempt
BEGIN
    SELECT RAISE(ABORT, 'an attempt keeps its version');
END;

-- A sheet is named by a keyed hash from here on: with a plain one whoever has the store could try keys until a sheet
-- has the same. Those of sheets with a key are struck out, wherever they stand.
ALTER TABLE attempt RENAME COLUMN sheet_sha256 TO sheet_mark;

UPDATE attempt SET sheet_mark = zeroblob(32), receipt = json_remove(receipt, '$.sheet_sha256')
WHERE dialled_at IS NOT NULL
    AND (SELECT kind FROM job WHERE job.id = attempt.job) IN ('first_contact', 'credentials_reissued');

DROP TRIGGER event_stays;
UPDATE event SET detail = json_remove(detail, '$.receipt.sheet_sha256')
WHERE json_extract(detail, '$.receipt.sheet_sha256') IS NOT NULL
    AND (SELECT kind FROM job WHERE job.id = event.job) IN ('first_contact', 'credentials_reissued');
CREATE TRIGGER event_stays BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'an event does not change');
END;

-- Version 5: notices by mail, sheets by way of a provider, and what comes back about both.
-- Checks of a table cannot be changed, so both tables are written anew; what is in them stays as it is. Run without
-- foreign keys, which are checked before COMMIT.

DROP TRIGGER job_final_state_stays;
DROP TRIGGER job_destination_stays;
DROP TRIGGER job_has_the_secret_of_its_kind;
DROP TRIGGER job_with_a_secret_is_sent_once;
DROP TRIGGER attempt_final_state_stays;

CREATE TABLE job_5 (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    client TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'handed_off', 'uncertain', 'hold',
        'confirmed', 'failed', 'expired', 'cancelled', 'resolved_delivered',
        'resolved_not_delivered')),
    reason TEXT,
    kind TEXT NOT NULL,
    urgency INTEGER NOT NULL CHECK (urgency IN (0, 1)),
    office_number TEXT NOT NULL,
    fax_digits TEXT NOT NULL CHECK (length(fax_digits) IN (10, 11)),
    -- What else the sheet or the mail says, as JSON; no secret.
    fields TEXT NOT NULL CHECK (json_valid(fields)),
    -- The credentials, sealed; gone with the final state.
    sealed BLOB,
    sealed_version INTEGER NOT NULL DEFAULT 1,
    accepted_at INTEGER NOT NULL,
    not_before INTEGER,
    not_after INTEGER NOT NULL,
    due_at INTEGER,
    -- Somebody cancelled it when it could not be taken back any more, or during a call: nothing else is to follow.
    stop_wanted_at INTEGER,
    -- The way that it takes now.
    channel TEXT NOT NULL CHECK (channel IN ('fax', 'mail')),
    -- Of those that were accepted to go by mail, whatever came of it.
    mail_to TEXT,
    mail_domain TEXT,
    -- Why it goes by FAX all the same.
    fax_because TEXT CHECK (fax_because IS NULL
        OR fax_because IN ('mail-bounced', 'mail-unread', 'mail-not-sent', 'mail-unsure')),
    -- How long a receipt is waited for, and what then.
    watch_until INTEGER,
    watch_then TEXT CHECK (watch_then IS NULL OR watch_then IN ('fax', 'decide')),
    -- What the exchange has seen.
    first_login_at INTEGER,
    terms_accepted_at INTEGER,
    first_download_at INTEGER,
    CHECK ((state = 'waiting') = (due_at IS NOT NULL)),
    CHECK (sealed IS NULL OR state IN ('waiting', 'sending', 'handed_off', 'uncertain', 'hold')),
    -- No key goes by mail, and nothing else that is told by FAX.
    CHECK (mail_to IS NULL OR (sealed IS NULL AND kind IN ('document', 'message'))),
    CHECK ((mail_to IS NULL) = (mail_domain IS NULL)),
    CHECK (channel = 'fax' OR mail_to IS NOT NULL),
    CHECK ((fax_because IS NOT NULL) = (channel = 'fax' AND mail_to IS NOT NULL)),
    CHECK ((watch_until IS NULL) = (watch_then IS NULL)),
    CHECK (watch_until IS NULL OR state IN ('handed_off', 'uncertain')),
    -- What somebody else answers for does not wait for ever.
    CHECK (state <> 'handed_off' OR watch_until IS NOT NULL)
) STRICT;

INSERT INTO job_5
SELECT id, client, idempotency_key, fingerprint, state, reason, kind, urgency, office_number, fax_digits,
    fields, sealed, sealed_version, accepted_at, not_before, not_after, due_at, stop_wanted_at,
    'fax', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM job ORDER BY rowid;

DROP TABLE job;
ALTER TABLE job_5 RENAME TO job;

-- One notification for each key of each client.
CREATE UNIQUE INDEX job_request ON job (client, idempotency_key);
CREATE INDEX job_of_client ON job (client, id);
-- Turns: of all lines, of lines that carry no keys, of mails; and of mails by domain, since some are held.
CREATE INDEX job_turn ON job (urgency, due_at) WHERE state = 'waiting' AND channel = 'fax';
CREATE INDEX job_turn_without_key ON job (urgency, due_at)
    WHERE state = 'waiting' AND channel = 'fax' AND sealed IS NULL;
CREATE INDEX job_mail_turn ON job (urgency, due_at) WHERE state = 'waiting' AND channel = 'mail';
CREATE INDEX job_mail_turn_of_domain ON job (urgency, mail_domain, due_at)
    WHERE state = 'waiting' AND channel = 'mail';
-- Mails that wait too long.
CREATE INDEX job_mail_wait ON job (accepted_at) WHERE state = 'waiting' AND channel = 'mail';
CREATE INDEX job_end ON job (not_after) WHERE state IN ('waiting', 'hold', 'uncertain');
CREATE INDEX job_key_end ON job (not_after) WHERE state = 'handed_off' AND sealed IS NOT NULL;
CREATE INDEX job_watch_end ON job (watch_until) WHERE watch_until IS NOT NULL;
-- Numbers that a provider may be calling.
CREATE INDEX job_awaited ON job (fax_digits) WHERE watch_until IS NOT NULL AND channel = 'fax';

CREATE TRIGGER job_final_state_stays BEFORE UPDATE OF state ON job
WHEN OLD.state IN ('confirmed', 'failed', 'expired', 'cancelled', 'resolved_delivered',
    'resolved_not_delivered') AND NEW.state IS NOT OLD.state
BEGIN
    SELECT RAISE(ABORT, 'a final state is never left');
END;

-- What was accepted is sent there and as such, or not at all.
CREATE TRIGGER job_destination_stays BEFORE UPDATE OF id, client, idempotency_key, fingerprint, kind,
    office_number, fax_digits, fields, accepted_at, not_after, mail_to, mail_domain ON job
BEGIN
    SELECT RAISE(ABORT, 'an accepted notification does not change');
END;

-- From mail to FAX and never back, for one reason.
CREATE TRIGGER job_channel_changes_once BEFORE UPDATE OF channel, fax_because ON job
WHEN (NEW.channel IS NOT OLD.channel AND NOT (OLD.channel = 'mail' AND NEW.channel = 'fax'))
    OR (OLD.fax_because IS NOT NULL AND NEW.fax_because IS NOT OLD.fax_because)
BEGIN
    SELECT RAISE(ABORT, 'a notification goes from mail to FAX once');
END;

-- A secret stands in the rows of the kinds that carry one and in no other: no later mistake keeps a key where
-- nobody destroys it, or takes on a sheet that cannot be drawn.
CREATE TRIGGER job_has_the_secret_of_its_kind BEFORE INSERT ON job
WHEN (NEW.sealed IS NOT NULL) <> (NEW.kind IN ('first_contact', 'credentials_reissued'))
BEGIN
    SELECT RAISE(ABORT, 'a secret belongs to the kinds that carry one');
END;

CREATE TABLE attempt_5 (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL REFERENCES job (id),
    number INTEGER NOT NULL CHECK (number > 0),
    -- Of a mail its lane.
    line TEXT NOT NULL,
    -- Of a sheet, a provider's included.
    fax_digits TEXT,
    state TEXT NOT NULL CHECK (state IN ('claimed', 'dialing', 'page_started', 'page_acked',
        'dot_sent', 'handed_off', 'confirmed', 'not_sent', 'uncertain')),
    code TEXT,
    reach TEXT CHECK (reach IS NULL OR reach IN ('no_call', 'no_answer', 'answered')),
    sheet_sha256 BLOB CHECK (sheet_sha256 IS NULL OR length(sheet_sha256) = 32),
    pages_acked INTEGER NOT NULL DEFAULT 0,
    receipt TEXT CHECK (receipt IS NULL OR json_valid(receipt)),
    claimed_at INTEGER NOT NULL,
    dialled_at INTEGER,
    page_started_at INTEGER,
    ended_at INTEGER,
    channel TEXT NOT NULL CHECK (channel IN ('fax', 'mail')),
    mail_domain TEXT,
    dot_sent_at INTEGER,
    -- Names it in what comes back, and how long that was to be waited for.
    token BLOB CHECK (token IS NULL OR length(token) = 16),
    watch_until INTEGER,
    watch_then TEXT CHECK (watch_then IS NULL OR watch_then IN ('fax', 'decide')),
    -- What came back: it lies in the mailbox; nothing of it arrived. And what came of it: a FAX, since nobody was seen to
    -- read it; somebody followed it.
    delivered_at INTEGER,
    refuted_at INTEGER,
    unread_at INTEGER,
    opened_at INTEGER,
    UNIQUE (job, number),
    CHECK ((ended_at IS NOT NULL) = (state IN ('handed_off', 'confirmed', 'not_sent', 'uncertain'))),
    CHECK ((ended_at IS NULL) = (reach IS NULL)),
    CHECK ((ended_at IS NULL) = (code IS NULL)),
    CHECK ((channel = 'fax') = (fax_digits IS NOT NULL)),
    CHECK ((channel = 'mail') = (mail_domain IS NOT NULL)),
    CHECK (channel = 'fax' OR token IS NOT NULL),
    CHECK ((token IS NULL) = (watch_until IS NULL)),
    CHECK ((watch_until IS NULL) = (watch_then IS NULL)),
    CHECK (state <> 'handed_off' OR token IS NOT NULL),
    CHECK (channel = 'fax' OR state IN ('claimed', 'dot_sent', 'handed_off', 'not_sent', 'uncertain')),
    CHECK (channel = 'mail' OR state <> 'dot_sent'),
    CHECK (channel = 'fax' OR (dialled_at IS NULL AND page_started_at IS NULL)),
    CHECK (channel = 'mail' OR dot_sent_at IS NULL),
    CHECK (channel = 'mail' OR dialled_at IS NOT NULL OR state IN ('claimed', 'not_sent')),
    CHECK ((dialled_at IS NULL) = (sheet_sha256 IS NULL)),
    CHECK (channel = 'mail' OR page_started_at IS NOT NULL
        OR state IN ('claimed', 'dialing', 'not_sent', 'uncertain')),
    CHECK (channel = 'fax' OR dot_sent_at IS NOT NULL OR state IN ('claimed', 'not_sent'))
) STRICT;

INSERT INTO attempt_5
SELECT id, job, number, line, fax_digits, state, code, reach, sheet_sha256, pages_acked, receipt,
    claimed_at, dialled_at, page_started_at, ended_at, 'fax', NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL
FROM attempt ORDER BY id;

DROP TABLE attempt;
ALTER TABLE attempt_5 RENAME TO attempt;

-- One at a time: for a job, on a line or lane, to a number.
CREATE UNIQUE INDEX attempt_open_of_job ON attempt (job) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX attempt_open_on_line ON attempt (line) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX attempt_open_to_number ON attempt (fax_digits)
    WHERE ended_at IS NULL AND fax_digits IS NOT NULL;
-- The ledger of the redial rule: every call to a number, over all jobs and lines.
CREATE INDEX attempt_redial_ledger ON attempt (fax_digits, dialled_at) WHERE dialled_at IS NOT NULL;
CREATE UNIQUE INDEX attempt_token ON attempt (token) WHERE token IS NOT NULL;
CREATE INDEX attempt_by_mail ON attempt (claimed_at) WHERE channel = 'mail';

CREATE TRIGGER attempt_final_state_stays BEFORE UPDATE OF state ON attempt
WHEN OLD.ended_at IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'an ended attempt does not change');
END;

-- A report that is about this attempt is about no other one.
CREATE TRIGGER attempt_token_stays BEFORE UPDATE OF token, channel ON attempt
BEGIN
    SELECT RAISE(ABORT, 'an attempt keeps its token');
END;

-- What may be on paper is sent once more by itself only if it gives nothing away.
CREATE TRIGGER job_with_a_secret_is_sent_once BEFORE UPDATE OF state ON job
WHEN NEW.state = 'waiting' AND NEW.sealed IS NOT NULL
    AND EXISTS (SELECT 1 FROM attempt WHERE attempt.job = NEW.id
        AND attempt.state IN ('uncertain', 'handed_off') AND attempt.refuted_at IS NULL)
BEGIN
    SELECT RAISE(ABORT, 'a key that may be on paper is not sent again');
END;

-- What may be in a mailbox is not mailed once more.
CREATE TRIGGER job_is_mailed_once BEFORE UPDATE OF state ON job
WHEN NEW.state = 'waiting' AND NEW.channel = 'mail'
    AND EXISTS (SELECT 1 FROM attempt WHERE attempt.job = NEW.id
        AND attempt.state IN ('uncertain', 'handed_off'))
BEGIN
    SELECT RAISE(ABORT, 'a mail that may have arrived is not sent again');
END;

-- What each client has reported of an office.
CREATE TABLE office (
    client TEXT NOT NULL,
    office_number TEXT NOT NULL,
    mail_to TEXT,
    closed INTEGER NOT NULL CHECK (closed IN (0, 1)),
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (client, office_number)
) STRICT, WITHOUT ROWID;

-- How far the receipt box was read; one row or none.
CREATE TABLE inbox (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    uid_validity INTEGER NOT NULL CHECK (uid_validity BETWEEN 0 AND 4294967295),
    uid INTEGER NOT NULL CHECK (uid BETWEEN 0 AND 4294967295)
) STRICT;

-- Receipts that were taken in. Rows go when no box can bring the mail again.
CREATE TABLE received (
    sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
    -- What it was about.
    attempt INTEGER NOT NULL REFERENCES attempt (id),
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX received_age ON received (at);

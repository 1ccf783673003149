-- Version 9: what there is, counted; what was forgotten; marks of events; and the fax number of an office.

-- How many notifications there are of each state, channel and urgency; of those that wait also in which hour their turn
-- comes (hours since 1970, -1 of all others). Kept by the triggers below, so that nobody has to count a million rows to say
-- when the next one would go out.
CREATE TABLE tally (
    state TEXT NOT NULL,
    channel TEXT NOT NULL,
    urgency INTEGER NOT NULL,
    due_hour INTEGER NOT NULL,
    jobs INTEGER NOT NULL CHECK (jobs >= 0),
    PRIMARY KEY (state, channel, urgency, due_hour)
) STRICT, WITHOUT ROWID;

INSERT INTO tally
SELECT state, channel, urgency, coalesce(due_at / 3600000, -1), count(*) FROM job GROUP BY 1, 2, 3, 4;

CREATE TRIGGER tally_of_a_new_job AFTER INSERT ON job
BEGIN
    INSERT INTO tally VALUES (NEW.state, NEW.channel, NEW.urgency, coalesce(NEW.due_at / 3600000, -1), 1)
    ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;

CREATE TRIGGER tally_of_a_job_that_moves AFTER UPDATE OF state, channel, due_at ON job
WHEN OLD.state IS NOT NEW.state OR OLD.channel IS NOT NEW.channel
    OR OLD.due_at / 3600000 IS NOT NEW.due_at / 3600000
BEGIN
    UPDATE tally SET jobs = jobs - 1
    WHERE state = OLD.state AND channel = OLD.channel AND urgency = OLD.urgency
        AND due_hour = coalesce(OLD.due_at / 3600000, -1);
    INSERT INTO tally VALUES (NEW.state, NEW.channel, NEW.urgency, coalesce(NEW.due_at / 3600000, -1), 1)
    ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;

CREATE TRIGGER tally_of_a_job_that_goes AFTER DELETE ON job
BEGIN
    UPDATE tally SET jobs = jobs - 1
    WHERE state = OLD.state AND channel = OLD.channel AND urgency = OLD.urgency
        AND due_hour = coalesce(OLD.due_at / 3600000, -1);
END;

-- Of an event, over all that it says: nobody changes it unseen. Those up to this cursor are of programs that did not mark.
ALTER TABLE event ADD COLUMN mark BLOB CHECK (mark IS NULL OR length(mark) = 16);
ALTER TABLE appliance ADD COLUMN unmarked INTEGER NOT NULL DEFAULT 0;
UPDATE appliance SET unmarked = coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0);

-- How far each client's feed has holes: a reader behind this cursor has missed something for good.
CREATE TABLE forgotten (
    client TEXT PRIMARY KEY,
    cursor INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What belongs to a notification goes with it.
CREATE INDEX event_of_job ON event (job, at);
CREATE INDEX received_of_attempt ON received (attempt);

-- The number that the office was registered with, and since when nothing counts that was known of it before.
ALTER TABLE office ADD COLUMN fax_digits TEXT CHECK (fax_digits IS NULL OR length(fax_digits) IN (10, 11));
ALTER TABLE office ADD COLUMN anew_since INTEGER;

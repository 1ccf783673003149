-- Version 4: notifications without a secret, and sheets in English. What came before was a first contact in
-- Japanese, and reads as that.

-- A secret stands in the rows of the kinds that carry one and in no other: no later mistake keeps a key where
-- nobody destroys it, or takes on a sheet that cannot be drawn.
CREATE TRIGGER job_has_the_secret_of_its_kind BEFORE INSERT ON job
WHEN (NEW.sealed IS NOT NULL) <> (NEW.kind IN ('first_contact', 'credentials_reissued'))
BEGIN
    SELECT RAISE(ABORT, 'a secret belongs to the kinds that carry one');
END;

-- What may be on paper is sent once more by itself only if it gives nothing away.
CREATE TRIGGER job_with_a_secret_is_sent_once BEFORE UPDATE OF state ON job
WHEN NEW.state = 'waiting' AND NEW.sealed IS NOT NULL
    AND EXISTS (SELECT 1 FROM attempt WHERE attempt.job = NEW.id AND attempt.state = 'uncertain')
BEGIN
    SELECT RAISE(ABORT, 'a key that may be on paper is not sent again');
END;

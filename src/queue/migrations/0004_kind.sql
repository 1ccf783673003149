-- Version 4: notifications without a secret, and sheets in English. What came before was a first contact in
-- Japanese, and reads as that.

-- A secret stands in the rows of the kinds that carry one and in no other: no later mistake keeps a key where
-- nobody destroys it, or takes on a sheet that cannot be drawn.
CREATE TRIGGER job_has_the_secret_of_its_kind BEFORE INSERT ON job
WHEN (NEW.sealed IS NOT NULL) <> (NEW.kind IN ('first_contact', 'credentials_reissued'))
BEGIN
    SELECT RAISE(ABORT, 'a secret belongs to the kinds that carry one');
END;

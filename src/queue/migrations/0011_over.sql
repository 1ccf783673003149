-- Version 11: what is looked for every few seconds is looked for among its like, and not in the whole of a long queue.

-- What may be forgotten one day.
CREATE INDEX job_over ON job (id)
    WHERE state IN ('confirmed', 'failed', 'expired', 'cancelled', 'resolved_delivered', 'resolved_not_delivered');
-- Mails that end soon.
CREATE INDEX job_mail_end ON job (not_after) WHERE state = 'waiting' AND channel = 'mail';

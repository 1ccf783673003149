-- Version 10: nothing that is asked for walks over all that there is.

-- A client's notifications by state or by office, newest first.
CREATE INDEX job_of_client_in_state ON job (client, state, id);
CREATE INDEX job_of_client_for_office ON job (client, office_number, id);
-- Those that rest because no fax tone was heard: due again once somebody has seen to the number.
CREATE INDEX job_rests ON job (fax_digits) WHERE state = 'waiting' AND channel = 'fax' AND reason = 'no-fax-tone';

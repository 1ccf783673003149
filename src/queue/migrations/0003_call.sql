-- Version 3: what passed on each call, for technicians. Rows go when they are too old or too many.

CREATE TABLE call (
    -- Never used twice: a technician may have written it down.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Whose call it was; none for one that only tried the line.
    attempt INTEGER UNIQUE REFERENCES attempt (id),
    line TEXT NOT NULL,
    -- A whole number stands nowhere here, whatever the program believes.
    number_masked TEXT NOT NULL CHECK (number_masked NOT GLOB '*[0-9][0-9][0-9][0-9][0-9]*'),
    began_at INTEGER NOT NULL,
    -- From ATD to on-hook.
    line_ms INTEGER NOT NULL CHECK (line_ms >= 0),
    code TEXT NOT NULL,
    rate_bps INTEGER CHECK (rate_bps IS NULL OR rate_bps > 0),
    octets INTEGER NOT NULL CHECK (octets = length(CAST(trace AS BLOB))),
    trace TEXT NOT NULL CHECK (json_valid(trace))
) STRICT;

-- Age and size of all of them without reading a trace.
CREATE INDEX call_age_and_size ON call (began_at, octets);
CREATE INDEX call_of_line ON call (line, id);

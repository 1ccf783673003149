-- Version 2: what is remembered of a number, from one call to the next.

CREATE TABLE number (
    -- For people's lists: says nothing about the number itself.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    fax_digits TEXT NOT NULL UNIQUE CHECK (length(fax_digits) IN (10, 11)),
    -- Who answers and how calls went, as JSON, sealed: an identity is mostly somebody's number.
    remembered BLOB NOT NULL,
    -- A technician's settings do not run out.
    locked INTEGER NOT NULL CHECK (locked IN (0, 1)),
    changed_at INTEGER NOT NULL
) STRICT;

CREATE INDEX number_end ON number (changed_at) WHERE locked = 0;

-- Version 8: the appliance itself: which store it is, how often it started, and whether it holds back.

CREATE TABLE appliance (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    -- Drawn anew when an older copy of the store came back.
    store_id BLOB NOT NULL CHECK (length(store_id) = 16),
    starts INTEGER NOT NULL CHECK (starts >= 0),
    -- A file outside the store says how far it has come. Without one, and with this, somebody took it away.
    has_high_water INTEGER NOT NULL CHECK (has_high_water IN (0, 1)),
    held_because TEXT CHECK (held_because IS NULL
        OR held_because IN ('person', 'restored', 'trouble')),
    held_since INTEGER,
    held_note TEXT,
    CHECK ((held_because IS NULL) = (held_since IS NULL)),
    CHECK (held_note IS NULL OR held_because IS NOT NULL)
) STRICT;

INSERT INTO appliance VALUES (1, randomblob(16), 0, 0, NULL, NULL, NULL);

-- When the process ended because the disk did not say whether a change was kept; as the next start saw it.
CREATE TABLE ambiguous_end (at INTEGER NOT NULL) STRICT;

-- Of a notification that somebody holds: its turn, and what it waited for.
ALTER TABLE job ADD COLUMN held_due_at INTEGER;
ALTER TABLE job ADD COLUMN held_reason TEXT;

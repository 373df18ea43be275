-- Outboxes that may hold rows: marked before a transaction that may append, cleared some time after the last look
-- that found them empty. After a crash the sweep starts here instead of opening every tenant's database.
CREATE TABLE IF NOT EXISTS outbox_mark (
    outbox    text        PRIMARY KEY,
    marked_at timestamptz NOT NULL
);

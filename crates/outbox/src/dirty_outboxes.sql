-- Outboxes that may hold unpublished rows: marked before a transaction that may append, cleared at least a minute later
-- when a drain pass finds the outbox empty. After a crash the relay sweeps these instead of every tenant's database.
CREATE TABLE IF NOT EXISTS outbox_mark (
    outbox    text        PRIMARY KEY,
    marked_at timestamptz NOT NULL
);

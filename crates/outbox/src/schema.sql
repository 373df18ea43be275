-- Committed events that are not published yet.
-- Ids ascend in commit order within an aggregate, because the aggregate's row is locked before the id is drawn.
CREATE TABLE IF NOT EXISTS outbox (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic    text  NOT NULL,
    envelope json  NOT NULL, -- json, not jsonb: written and read once, never queried
    datum    bytea NOT NULL
);

-- Events whose effect is committed in this database, per consumer.
CREATE TABLE IF NOT EXISTS inbox (
    consumer   text        NOT NULL,
    event_id   uuid        NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);

-- Events that can never be published, moved here with the reason so that they do not block later events. They stay until
-- an operator requeues or discards them, and afterwards as an audit record.
CREATE TABLE IF NOT EXISTS outbox_refused (
    id             bigint      PRIMARY KEY,
    topic          text        NOT NULL,
    envelope       jsonb       NOT NULL,
    datum          bytea       NOT NULL,
    reason         text        NOT NULL,
    refused_at     timestamptz NOT NULL DEFAULT now(),
    attempts       integer     NOT NULL DEFAULT 1,
    settled_at     timestamptz,
    settled        text        CHECK (settled IN ('requeued', 'discarded')),
    settled_reason text
);
CREATE INDEX IF NOT EXISTS outbox_refused_open ON outbox_refused (id) WHERE settled_at IS NULL;

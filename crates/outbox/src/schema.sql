-- Events that were committed with their change of state and wait to be published.
-- A row's id orders it among the rows of its aggregate, whose row was locked before the id was drawn.
CREATE TABLE IF NOT EXISTS outbox (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic    text  NOT NULL,
    envelope json  NOT NULL, -- goes in and out once, as the text it is
    datum    bytea NOT NULL
);

-- Events whose effect this database already holds, per consumer.
CREATE TABLE IF NOT EXISTS inbox (
    consumer   text        NOT NULL,
    event_id   uuid        NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);

-- Events that Kafka will never take as they are, set aside with the reason so that the ones behind them go on. They stay
-- until somebody puts them back or discards them, and then as a record of that.
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

-- Events that were committed with their change of state and wait to be published.
-- A row's id orders it among the rows of its aggregate, whose row was locked before the id was drawn.
CREATE TABLE IF NOT EXISTS outbox (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic    text  NOT NULL,
    envelope jsonb NOT NULL,
    datum    bytea NOT NULL
);

-- Events whose effect this database already holds, per consumer.
CREATE TABLE IF NOT EXISTS inbox (
    consumer   text        NOT NULL,
    event_id   uuid        NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);

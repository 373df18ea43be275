-- The event store: all events of the log, kept permanently, and functions that rebuild aggregates from them.
--
-- Idempotent. `crates/event-store` executes it; with psql:
--   psql "$EVENT_STORE_URL" -f kafka/event-sourcing/event-store-schema.sql
--   SELECT * FROM get_aggregate_events('order', '0190…');
--   SELECT jsonb_pretty(rebuild_aggregate_state('order', '0190…', as_of => now() - interval '1 hour'));

-- One row per event, written by the projector and never changed.
CREATE TABLE IF NOT EXISTS event_store (
    position       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- order of arrival, with possible gaps
    event_id       uuid        NOT NULL,
    event_type     text        NOT NULL,
    aggregate_type text        NOT NULL,
    aggregate_id   text        NOT NULL,
    version        bigint      NOT NULL CHECK (version >= 0), -- of the aggregate after the event; 0 if unversioned
    tenant_id      uuid,
    correlation_id uuid        NOT NULL,
    occurred_at    timestamptz NOT NULL,                      -- the time of the envelope
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    topic          text        NOT NULL,
    partition      integer     NOT NULL,
    log_offset     bigint      NOT NULL,
    payload        jsonb       NOT NULL CHECK (jsonb_typeof(payload) = 'object'),
    metadata       jsonb       NOT NULL                       -- the CloudEvents envelope
);

CREATE UNIQUE INDEX IF NOT EXISTS event_store_event_id ON event_store (event_id);
-- Two events of an aggregate cannot have the same version.
CREATE UNIQUE INDEX IF NOT EXISTS event_store_aggregate_version
    ON event_store (aggregate_type, aggregate_id, version) WHERE version > 0;
CREATE INDEX IF NOT EXISTS event_store_aggregate ON event_store (aggregate_type, aggregate_id, position);
CREATE INDEX IF NOT EXISTS event_store_tenant ON event_store (tenant_id, position);
CREATE INDEX IF NOT EXISTS event_store_type ON event_store (event_type, position);
CREATE INDEX IF NOT EXISTS event_store_correlation ON event_store (correlation_id, position);
CREATE INDEX IF NOT EXISTS event_store_time ON event_store (occurred_at);

CREATE OR REPLACE FUNCTION refuse_to_change_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'event_store is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;

CREATE OR REPLACE TRIGGER event_store_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON event_store
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_history();

-- The next offset to read of each partition, written in the transaction of the preceding events.
CREATE TABLE IF NOT EXISTS projection_offset (
    topic       text        NOT NULL,
    partition   integer     NOT NULL,
    next_offset bigint      NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition)
);

-- Snapshots of aggregates: a cache that may be deleted at any time.
CREATE TABLE IF NOT EXISTS event_snapshots (
    aggregate_type text        NOT NULL,
    aggregate_id   text        NOT NULL,
    fold           text        NOT NULL, -- the fold that produced the state; 'merge' is that of the functions below
    version        bigint      NOT NULL,
    occurred_at    timestamptz NOT NULL, -- of the latest event in the state
    state          jsonb       NOT NULL,
    taken_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (aggregate_type, aggregate_id, fold, version)
);

-- Returns the events of an aggregate from a version on, in order. Unversioned events come first.
CREATE OR REPLACE FUNCTION get_aggregate_events(
    aggregate_type text, aggregate_id text, from_version bigint DEFAULT 0
) RETURNS SETOF event_store LANGUAGE sql STABLE AS $$
    SELECT e.* FROM event_store e
    WHERE e.aggregate_type = $1 AND e.aggregate_id = $2 AND e.version >= $3
    ORDER BY e.version, e.position
$$;

-- Returns the events of a tenant after a position, in order of arrival.
CREATE OR REPLACE FUNCTION get_tenant_events(
    tenant_id uuid, after_position bigint DEFAULT 0, max_events bigint DEFAULT 1000
) RETURNS SETOF event_store LANGUAGE sql STABLE AS $$
    SELECT e.* FROM event_store e
    WHERE e.tenant_id = $1 AND e.position > $2
    ORDER BY e.position
    LIMIT $3
$$;

-- Returns the newest snapshot of an aggregate, up to a version.
CREATE OR REPLACE FUNCTION get_latest_snapshot(
    aggregate_type text, aggregate_id text, fold text DEFAULT 'merge', up_to_version bigint DEFAULT NULL
) RETURNS SETOF event_snapshots LANGUAGE sql STABLE AS $$
    SELECT s.* FROM event_snapshots s
    WHERE s.aggregate_type = $1 AND s.aggregate_id = $2 AND s.fold = $3
      AND ($4 IS NULL OR s.version <= $4)
    ORDER BY s.version DESC
    LIMIT 1
$$;

-- Merges objects: the last value of each field wins.
CREATE OR REPLACE AGGREGATE jsonb_merge(jsonb) (sfunc = jsonb_concat, stype = jsonb, initcond = '{}');

-- Returns the state of an aggregate: its payloads merged in order of version, now, at a version, or as of a time (up to
-- the first event after it). Unversioned events are ignored. NULL if there are no events. `complete` is false if a
-- version is missing.
CREATE OR REPLACE FUNCTION rebuild_aggregate_state(
    aggregate_type text, aggregate_id text, up_to_version bigint DEFAULT NULL, as_of timestamptz DEFAULT NULL
) RETURNS jsonb LANGUAGE sql STABLE AS $$
    WITH history AS (
        SELECT e.version, e.event_type, e.occurred_at, e.payload FROM event_store e
        WHERE e.aggregate_type = $1 AND e.aggregate_id = $2 AND e.version > 0
          AND ($3 IS NULL OR e.version <= $3)
    ), chosen AS (
        SELECT h.* FROM history h
        WHERE $4 IS NULL
           OR h.version < coalesce((SELECT min(l.version) FROM history l WHERE l.occurred_at > $4), h.version + 1)
    )
    SELECT jsonb_build_object(
        'aggregateType', $1,
        'aggregateId', $2,
        'version', max(c.version),
        'lastEventType', (array_agg(c.event_type ORDER BY c.version DESC))[1],
        'complete', count(*) = max(c.version),
        'state', jsonb_merge(c.payload ORDER BY c.version))
    FROM chosen c
    HAVING count(*) > 0
$$;

-- As rebuild_aggregate_state, from the newest snapshot and the events after it, or from the beginning without one.
CREATE OR REPLACE FUNCTION rebuild_from_snapshot(
    aggregate_type text, aggregate_id text, up_to_version bigint DEFAULT NULL
) RETURNS jsonb LANGUAGE sql STABLE AS $$
    WITH snapshot AS (
        SELECT s.version, s.state FROM get_latest_snapshot($1, $2, 'merge', $3) s
    ), later AS (
        SELECT e.version, e.event_type, e.payload FROM event_store e
        WHERE e.aggregate_type = $1 AND e.aggregate_id = $2
          AND e.version > coalesce((SELECT version FROM snapshot), 0)
          AND ($3 IS NULL OR e.version <= $3)
    ), whole AS (
        SELECT count(*) AS events, max(l.version) AS version, jsonb_merge(l.payload ORDER BY l.version) AS state
        FROM later l
    )
    SELECT jsonb_build_object(
        'aggregateType', $1,
        'aggregateId', $2,
        'version', coalesce(w.version, s.version),
        'lastEventType', (SELECT e.event_type FROM event_store e WHERE e.aggregate_type = $1
            AND e.aggregate_id = $2 AND e.version = coalesce(w.version, s.version) AND e.version > 0),
        'complete', coalesce(s.version, 0) + w.events = coalesce(w.version, s.version),
        'state', coalesce(s.state, '{}') || w.state)
    FROM whole w LEFT JOIN snapshot s ON true
    WHERE w.events > 0 OR s.version IS NOT NULL
$$;

-- The merged events of each order of all tenants; the same table as in each tenant's database.
CREATE TABLE order_fact (
    order_id     uuid        PRIMARY KEY,
    buyer_id     uuid        NOT NULL,
    total        bigint      NOT NULL CHECK (total >= 0),
    currency     text        NOT NULL,
    status       text        NOT NULL,
    -- The version of the order at which it had `status`.
    version      bigint      NOT NULL,
    placed_at    timestamptz NOT NULL,
    paid_at      timestamptz,
    completed_at timestamptz
);
CREATE INDEX order_fact_by_buyer ON order_fact (buyer_id);

-- When each tenant was created and first activated.
CREATE TABLE tenant_fact (
    tenant_id    uuid PRIMARY KEY,
    created_at   timestamptz,
    activated_at timestamptz
);

-- When each user registered or was created.
CREATE TABLE user_fact (
    user_id uuid        PRIMARY KEY,
    came_at timestamptz NOT NULL
);

-- Successful and failed logins, keyed by event id: a login has no other identity.
CREATE TABLE login_fact (
    event_id  uuid        PRIMARY KEY,
    user_id   uuid,
    succeeded boolean     NOT NULL,
    at        timestamptz NOT NULL
);
CREATE INDEX login_fact_by_user ON login_fact (user_id) WHERE succeeded;

-- The audit trail, keyed by the event that the action caused.
CREATE TABLE audit_entry (
    event_id       uuid        PRIMARY KEY,
    actor_id       uuid        NOT NULL,
    -- The event's type.
    action         text        NOT NULL,
    -- The type and id of the affected aggregate.
    resource       text        NOT NULL,
    resource_id    text        NOT NULL,
    tenant_id      uuid,
    correlation_id uuid        NOT NULL,
    at             timestamptz NOT NULL
);
CREATE INDEX audit_entry_by_actor ON audit_entry (actor_id, at);
CREATE INDEX audit_entry_by_tenant ON audit_entry (tenant_id, at) WHERE tenant_id IS NOT NULL;
CREATE INDEX audit_entry_by_resource ON audit_entry (resource, resource_id, at);

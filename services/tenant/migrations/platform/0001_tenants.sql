-- The tenants. An onboarding step is done once its timestamp is set.
CREATE TABLE tenant (
    id                uuid        PRIMARY KEY,
    code              text        NOT NULL UNIQUE,
    name              text        NOT NULL,
    region            text        NOT NULL,
    cluster           text        NOT NULL,
    package           text        NOT NULL,
    billing_email     text        NOT NULL,
    status            text        NOT NULL,
    version           bigint      NOT NULL,
    failure           text,
    settings          jsonb       NOT NULL DEFAULT '{}',
    database_ready_at timestamptz,
    admin_asked_at    timestamptz,
    admin_ready_at    timestamptz,
    admin_user_id     uuid,
    admin_email       text,
    settings_at       timestamptz,
    guide_asked_at    timestamptz,
    guide_sent_at     timestamptz,
    guide_failure     text,
    completed_at      timestamptz,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL
);
CREATE INDEX tenant_by_cluster ON tenant (cluster) WHERE status <> 'DELETED';
CREATE INDEX tenant_by_status ON tenant (status, id);

-- Databases to create. A lease moves next_attempt_at ahead, which hides the row from other replicas until then.
CREATE TABLE provisioning (
    tenant_id       uuid        PRIMARY KEY REFERENCES tenant (id) ON DELETE CASCADE,
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    last_error      text,
    -- Correlation id of the request that created the tenant.
    correlation_id  uuid        NOT NULL
);
CREATE INDEX provisioning_due ON provisioning (next_attempt_at);

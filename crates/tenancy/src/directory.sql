-- A service's copy of the tenants, fed by tenant.events. In its platform database.
CREATE TABLE IF NOT EXISTS tenant_directory (
    id            uuid        PRIMARY KEY,
    code          text        NOT NULL,
    name          text        NOT NULL,
    region        text        NOT NULL,
    cluster       text,
    package       text        NOT NULL,
    billing_email text        NOT NULL,
    status        text        NOT NULL,
    version       bigint      NOT NULL,
    updated_at    timestamptz NOT NULL DEFAULT now()
);
-- Not unique: events of two tenants are in no order, so one may take a code before the other is seen to leave it.
CREATE INDEX IF NOT EXISTS tenant_directory_code ON tenant_directory (code);
CREATE INDEX IF NOT EXISTS tenant_directory_active ON tenant_directory (id) WHERE status = 'ACTIVE';

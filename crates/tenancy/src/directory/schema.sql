-- A service's copy of the tenants, maintained from tenant.events; in the platform database.
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
-- Not unique: events of different tenants are not ordered, so a tenant may take over a code before the event that
-- releases it is read.
CREATE INDEX IF NOT EXISTS tenant_directory_code ON tenant_directory (code);
CREATE INDEX IF NOT EXISTS tenant_directory_active ON tenant_directory (id) WHERE status = 'ACTIVE';

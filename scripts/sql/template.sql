-- Creates the template database from which tenant databases are cloned. The provisioning role owns it, so it may clone it.
-- A clone inherits schemas and their grants, but not grants on the database, which provisioning repeats.
-- Variables: role (provisioning), template.
ALTER ROLE :"role" WITH CREATEDB;
-- Cloning and dropping require a database without sessions: the provisioning role may terminate those of other services.
GRANT pg_signal_backend TO :"role";

SELECT format('CREATE DATABASE %I OWNER %I', :'template', :'role')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'template') \gexec

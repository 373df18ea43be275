-- The database from which tenants' databases are cloned. The role that provisions owns it, and so may clone it; a
-- clone takes over schemas and their grants, but not the grants on the database itself: those are given again on each.
-- Variables: role (who provisions), template.
ALTER ROLE :"role" WITH CREATEDB;
-- Cloning and dropping need a database without sessions: who provisions may end those of other services.
GRANT pg_signal_backend TO :"role";

SELECT format('CREATE DATABASE %I OWNER %I', :'template', :'role')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'template') \gexec

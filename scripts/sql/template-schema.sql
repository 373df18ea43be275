-- Creates the schema of a service in the template database; the service migrates it. Run in the template.
-- Variables: role (the service's), schema.
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), :'role') \gexec

CREATE SCHEMA IF NOT EXISTS :"schema" AUTHORIZATION :"role";

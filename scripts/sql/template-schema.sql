-- One service's room in the template database, which it migrates itself. Run in the template.
-- Variables: role (the service's), schema.
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), :'role') \gexec

CREATE SCHEMA IF NOT EXISTS :"schema" AUTHORIZATION :"role";

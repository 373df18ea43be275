-- Revokes PostgreSQL's default grants to PUBLIC on the current database and its schema public, so that only the owner and
-- explicitly granted roles have access.
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
REVOKE ALL ON SCHEMA public FROM PUBLIC;

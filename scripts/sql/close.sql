-- PostgreSQL lets every role connect to every database, and look around in its schema public. Here nobody may but the
-- owner and who is granted it by name.
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
REVOKE ALL ON SCHEMA public FROM PUBLIC;

-- no-transaction
CREATE INDEX CONCURRENTLY i ON t (a);
VACUUM t;
DO $a$ BEGIN PERFORM $$;$$; END $a$;

CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (connect = false, slot_name = 's');
CREATE USER MAPPING FOR mapped SERVER far OPTIONS (
    password 'x'
);
ALTER TABLE ONLY public.root ATTACH PARTITION public.part FOR VALUES WITH (modulus 2, remainder 0);
GRANT SELECT(a),INSERT(b) ON TABLE public.t TO "on" WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE giver IN SCHEMA public GRANT SELECT ON TABLES TO taker;
SECURITY LABEL FOR dummy ON COLUMN public.t.a IS 'x';
BEGIN;
SELECT pg_catalog.lowrite(0, '\x00');
COMMIT;
SELECT * FROM pg_catalog.pg_restore_relation_stats(
	'version', '180000'::integer,
	'relpages', '1'::integer
);

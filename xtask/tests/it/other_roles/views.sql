-- Views named as OpenFGA's tables.
DO $$
DECLARE relation pg_catalog.text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['store', 'authorization_model', 'tuple', 'changelog', 'goose_db_version'] LOOP
    EXECUTE pg_catalog.format('ALTER TABLE public.%I RENAME TO %I', relation, relation OPERATOR(pg_catalog.||) '_kept');
    EXECUTE pg_catalog.format('CREATE VIEW public.%I AS SELECT * FROM public.%I WHERE public.fire()', relation, relation OPERATOR(pg_catalog.||) '_kept');
  END LOOP;
END $$;

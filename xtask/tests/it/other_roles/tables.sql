-- Ordinary tables that run their owner's code when a query is planned for them or reads them.
DO $$
DECLARE relation pg_catalog.text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['store', 'authorization_model', 'tuple', 'changelog', 'goose_db_version'] LOOP
    EXECUTE pg_catalog.format('CREATE INDEX ON public.%I ((public.fire(1)))', relation);
    EXECUTE pg_catalog.format('CREATE INDEX ON public.%I ((1)) WHERE public.fire(1) OPERATOR(pg_catalog.=) 1', relation);
    EXECUTE pg_catalog.format('CREATE STATISTICS public.%I ON (public.fire(1)) FROM public.%I', relation OPERATOR(pg_catalog.||) '_s', relation);
    EXECUTE pg_catalog.format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', relation);
    EXECUTE pg_catalog.format('CREATE POLICY p ON public.%I USING (public.fire())', relation);
    EXECUTE pg_catalog.format('ALTER TABLE public.%I ADD made pg_catalog.int4 GENERATED ALWAYS AS (public.fire(1)) STORED', relation);
  END LOOP;
END $$;
CREATE TYPE public.mood AS ENUM ('sad', 'glad');
CREATE TYPE public.pair AS (a pg_catalog.int4, b public.text);
CREATE TYPE public.span AS RANGE (subtype = pg_catalog.int4);
CREATE TABLE public.typed (mood public.mood, pair public.pair, span public.span, domain public.text);
INSERT INTO public.typed VALUES ('sad', ROW (1, 'b'), '[1,2]', 'd'), (NULL, NULL, NULL, NULL);
CREATE INDEX ON public.typed ((public.fire(1)));
CREATE TABLE public.parent (a pg_catalog.int4);
CREATE TABLE public.child (b pg_catalog.int4) INHERITS (public.parent);
INSERT INTO public.parent VALUES (1);
INSERT INTO public.child VALUES (1, 2), (2, 3);
CREATE INDEX ON public.child ((public.fire(1)));
CREATE TABLE public.parts (a pg_catalog.int4) PARTITION BY LIST ((public.fire(a)));
CREATE TABLE public.part PARTITION OF public.parts DEFAULT;
INSERT INTO public.parts VALUES (1), (2), (3);
CREATE INDEX ON public.parts ((public.fire(1)));
CREATE TABLE public.none ();
CREATE RULE notes AS ON INSERT TO public.parent DO ALSO SELECT public.fire();
CREATE MATERIALIZED VIEW public.kept AS SELECT 1 AS a;
CREATE UNIQUE INDEX ON public.kept ((public.fire(1)));

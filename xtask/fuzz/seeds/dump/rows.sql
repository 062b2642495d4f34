SET client_encoding = 'LATIN1';
CREATE TABLE public.t (
    a integer DEFAULT nextval('public.s'::regclass) NOT NULL,
    "b c" text
);
COPY public.t (a, "b c") FROM stdin;
1	it's \\
2	\N
\.

INSERT INTO public.t VALUES (1, 'it''s', NULL, true, -1.5e-20, B'101', E'\\') ON CONFLICT DO NOTHING;
SELECT pg_catalog.setval('public.s', 12, true);

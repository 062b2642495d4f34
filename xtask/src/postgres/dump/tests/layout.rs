//! Where the statements of a dump lie, for a load through several sessions.

use super::{RICH, dump, scan, scan_pieces};
use crate::postgres::dump::{Contents, PartKind};

const INDEXES: &str = "CREATE TABLE public.a (i integer);
SET default_tablespace = fast;
SET default_table_access_method = heap;
CREATE TABLE public.b (i integer)
PARTITION BY LIST (i);
COPY public.a (i) FROM stdin;
1
\\.


--
-- Name: b; Type: TABLE DATA
--

COPY public.b (i) FROM stdin;
\\.

SELECT pg_catalog.setval('public.s', 1, false);
BEGIN;
SELECT pg_catalog.lo_open('5', 131072);
COPY public.a (i) FROM stdin;
2
\\.
SET row_security = off;
COMMIT;
ALTER TABLE ONLY public.a
    ADD CONSTRAINT k PRIMARY KEY (i) INCLUDE (i) DEFERRABLE INITIALLY DEFERRED;
COMMENT ON CONSTRAINT k ON public.a IS ';';
ALTER TABLE ONLY public.a ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (i);
ALTER TABLE ONLY public.b ADD CONSTRAINT v UNIQUE (i);
ALTER TABLE ONLY public.a ADD CONSTRAINT w PRIMARY KEY USING INDEX x;
CREATE UNIQUE INDEX x ON public.a USING btree (i);
ALTER TABLE public.a CLUSTER ON x;
COMMENT ON INDEX public.x IS 'x';
CREATE INDEX y ON ONLY public.\"B\" USING btree (i) WHERE (i > 1);
ALTER TABLE ONLY public.a ADD CONSTRAINT f FOREIGN KEY (i) REFERENCES public.a(i);
REFRESH MATERIALIZED VIEW public.m;
";

fn parts(text: &str) -> Contents {
    let whole = scan(text).unwrap();
    for size in 1..30 {
        assert_eq!(scan_pieces(text.as_bytes(), size).as_ref(), Ok(&whole), "pieces of {size} bytes");
    }
    whole
}

/// The parts follow one another without a gap, and each knows its line and its blocks.
fn check(text: &str, contents: &Contents) {
    let (mut at, mut blocks) = (0, 0);
    for part in &contents.parts {
        assert_eq!((part.bytes.start, part.blocks.start), (at, blocks));
        let before = &text.as_bytes()[..usize::try_from(at).unwrap()];
        assert_eq!(part.line, 1 + before.iter().filter(|byte| **byte == b'\n').count() as u64);
        (at, blocks) = (part.bytes.end, part.blocks.end);
        assert!(!matches!(part.kind, PartKind::Rows(_)) || part.blocks.len() == 1);
    }
    assert_eq!((at, blocks), (text.len() as u64, contents.copied.len()));
}

#[test]
fn every_statement_is_of_the_kind_that_it_is() {
    use PartKind::{Behind, Index, Key, Other, Rows, SequenceValues, Setting};
    let text = dump(INDEXES);
    let contents = parts(&text);
    check(&text, &contents);
    let kinds: Vec<PartKind> = contents.parts.iter().map(|part| part.kind).collect();
    let data = [Setting, Other, Setting, Other, Rows(0), Rows(1), SequenceValues, Other, Setting, Other];
    let after = [Key(0), Behind, Key(0), Other, Index(0), Behind, Behind, Index(2), Other];
    assert_eq!(kinds, [&data[..], &after[..]].concat());
    let of = |place: usize| &text[contents.parts[place].bytes.start as usize..contents.parts[place].bytes.end as usize];
    assert_eq!(of(4), "\nCOPY public.a (i) FROM stdin;\n1\n\\.\n");
    assert!(of(5).starts_with("\n\n--\n-- Name: b;") && of(5).ends_with("stdin;\n\\.\n"), "{}", of(5));
    assert_eq!(of(6), "\nSELECT pg_catalog.setval('public.s', 1, false);");
    // Rows within a transaction belong to it.
    assert!(of(7).starts_with("\nBEGIN;") && of(7).ends_with("2\n\\.\n"), "{}", of(7));
    assert_eq!(of(10).trim_start().lines().next(), Some("ALTER TABLE ONLY public.a"));
}

#[test]
fn the_parts_of_a_rich_dump_cover_it() {
    let text = dump(RICH);
    check(&text, &parts(&text));
}

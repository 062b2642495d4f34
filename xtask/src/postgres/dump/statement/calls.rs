//! Whether a statement may run more than the functions that change nothing outside of their database.
//!
//! A default, a check, a view or an index of the file calls functions while the file is loaded, also PostgreSQL's own, such as
//! `lo_export` and `pg_reload_conf`. The list is one of what may be called: any other word before a parenthesis counts as
//! the name of a function. Where a statement names functions without one, its form says so (`Meaning::makes_code`).

use crate::sql::Token;

/// What PostgreSQL's grammar has before a parenthesis: keywords, types with a length, access methods of indexes.
const GRAMMAR: &str = "all and any array as bit bloom bpchar brin btree by case cast char character check coalesce decimal default \
     distinct else enum except exclude exists extract filter float from gin gist greatest group hash having identity in include \
     inherits insert intersect interval is join key lateral least like limit list materialized not nullif numeric offset on only \
     options or over overlay partition position precision range references reset returning row select set some spgist \
     substring then time timestamp to trim union unique update using values varbit varchar varying when where with within";

/// PostgreSQL's own functions, and those of its harmless extensions, that change at most their own database.
const HARMLESS: &str = "abs age array_agg array_append array_cat array_length array_position array_remove array_to_string avg \
     bit_length bool_and bool_or btrim cardinality cbrt ceil ceiling char_length character_length chr clock_timestamp concat concat_ws \
     convert_from convert_to count crypt current_date current_setting currval date_bin date_part date_trunc daterange decode \
     dense_rank digest div encode every exp first_value floor format gen_random_uuid gen_salt generate_series hmac initcap \
     int4range int8range isempty isfinite json_agg json_array_length json_build_array json_build_object json_object_agg jsonb_agg \
     jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each \
     jsonb_each_text jsonb_object_agg jsonb_object_keys jsonb_path_exists jsonb_path_query jsonb_set jsonb_strip_nulls \
     jsonb_typeof json_typeof justify_interval lag last_value lead left length ln lo_close lo_create lo_open log lower lowrite lpad \
     ltrim make_date make_interval make_timestamp make_timestamptz max md5 min mod nextval now ntile num_nonnulls num_nulls \
     numrange octet_length pg_restore_attribute_stats pg_restore_extended_stats pg_restore_relation_stats pg_sleep phraseto_tsquery plainto_tsquery power \
     quote_ident quote_literal random rank regexp_match regexp_matches regexp_replace regexp_split_to_array repeat replace \
     reverse right round row_number row_to_json rpad rtrim setval setweight sha256 sha512 sign similarity split_part \
     sqrt starts_with statement_timestamp strict_word_similarity string_agg string_to_array strip strpos substr sum to_char \
     to_date to_hex to_json to_jsonb to_number to_timestamp to_tsquery to_tsvector transaction_timestamp translate trunc \
     ts_headline ts_rank tsrange tstzrange unaccent unnest upper uuid_generate_v1 uuid_generate_v4 uuidv4 uuidv7 \
     websearch_to_tsquery word_similarity";

/// Follows one statement.
#[derive(Debug, Default)]
pub(super) struct Calls {
    first: First,
    words: usize,
    /// How much of a name is read whose parenthesis lists columns, or constants that the statement's form has.
    listed: Listed,
    /// The last token may be the name of a function.
    may_be_name: bool,
    /// The last token was a dot: an attribute may be a function that is called without a parenthesis.
    is_behind_dot: bool,
    /// The last token closed a parenthesis or a bracket; with a dot behind it any function of one argument may be called.
    is_behind_value: bool,
    is_behind_dot_of_value: bool,
    found: bool,
    makes_event_trigger: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum First {
    #[default]
    Other,
    Create,
    /// `CREATE UNLOGGED` or `CREATE FOREIGN`.
    CreateKind,
    Select,
    /// It holds constants alone.
    Insert,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Listed {
    #[default]
    No,
    /// The name comes next, or its part after a dot.
    Name,
    /// A dot or the parenthesis comes next.
    Named,
}

impl Calls {
    /// Whether it calls such a function.
    pub(super) fn found(&self) -> bool {
        self.found
    }

    /// Whether it is `CREATE EVENT TRIGGER`.
    pub(super) fn makes_event_trigger(&self) -> bool {
        self.makes_event_trigger
    }

    /// Takes the next token.
    pub(super) fn follow(&mut self, token: Token<'_>) {
        // Its grammar has constants alone, and a file may hold a billion of them.
        if self.first == First::Insert {
            return;
        }
        let was_name = std::mem::take(&mut self.may_be_name);
        let is_attribute = std::mem::take(&mut self.is_behind_dot);
        let is_behind_value = std::mem::take(&mut self.is_behind_value);
        let is_of_value = std::mem::take(&mut self.is_behind_dot_of_value);
        let listed = std::mem::take(&mut self.listed);
        match token {
            Token::Word(word) => {
                let is_known = is_in(HARMLESS, word);
                self.may_be_name = !is_known && !is_in(GRAMMAR, word);
                let is_called = is_of_value || is_attribute && listed != Listed::Name && acts_alone(word);
                self.found |= is_called && !is_known;
                self.take_word(word);
                self.go_on(listed);
            }
            Token::Name(name) => {
                self.may_be_name = true;
                self.found |= is_of_value || is_attribute && listed != Listed::Name && acts_alone(name);
                self.go_on(listed);
            }
            Token::Symbol(b'.') => {
                self.is_behind_dot = true;
                self.is_behind_dot_of_value = is_behind_value;
                self.listed = if listed == Listed::Named { Listed::Name } else { Listed::No };
            }
            Token::Symbol(b'(') => self.found |= was_name && listed != Listed::Named,
            Token::Symbol(b')' | b']') => self.is_behind_value = true,
            _ => {}
        }
    }

    /// A word or a name came, which may be the one that was expected.
    fn go_on(&mut self, listed: Listed) {
        if listed == Listed::Name {
            self.listed = Listed::Named;
        }
    }

    fn take_word(&mut self, word: &[u8]) {
        let is = |words: &str| is_in(words, word);
        match (self.words, &self.first) {
            (0, _) if is("create") => self.first = First::Create,
            (0, _) if is("insert") => self.first = First::Insert,
            (0, _) if is("select") => self.first = First::Select,
            (0, _) if is("copy") => self.listed = Listed::Name,
            (1, First::Create) if is("event") => self.makes_event_trigger = true,
            (1, First::Create) if is("unlogged foreign") => self.first = First::CreateKind,
            (1, First::Create) if is("table statistics") => self.listed = Listed::Name,
            (2, First::CreateKind) if is("table") => self.listed = Listed::Name,
            // Of set_config a dump has this statement alone, about search_path.
            (2, First::Select) if is("set_config") => self.listed = Listed::Named,
            _ if is("references") => self.listed = Listed::Name,
            _ => {}
        }
        self.words = self.words.saturating_add(1);
    }
}

fn is_in(words: &str, word: &[u8]) -> bool {
    words.split_ascii_whitespace().any(|known| known.as_bytes().eq_ignore_ascii_case(word))
}

/// Whether functions of such names act outside of their database, or run text, and take one argument.
fn acts_alone(name: &[u8]) -> bool {
    let begins = |with: &[u8]| name.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    begins(b"pg_") || begins(b"lo_") || name.eq_ignore_ascii_case(b"ts_stat")
}

#[cfg(test)]
mod tests {
    use crate::postgres::dump::tests::{dump, scan};

    const BODIES: &[(&str, bool)] = &[
        (
            "CREATE TABLE public.lo_export (id bigint NOT NULL, w character varying(9) DEFAULT lower('A'::text), CHECK ((id > 0)));",
            false,
        ),
        (
            "CREATE TABLE public.t (a int, at timestamp(3) without time zone DEFAULT now(), CONSTRAINT c CHECK ((length(w) < 9)));",
            false,
        ),
        ("CREATE TABLE public.t (a int) PARTITION BY RANGE (a);", false),
        (
            "ALTER TABLE ONLY public.t ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES public.\"Other one\"(id) ON DELETE CASCADE;",
            false,
        ),
        ("CREATE INDEX i ON public.t USING btree (lower(w), a DESC) INCLUDE (b) WHERE (a IS NOT NULL);", false),
        ("CREATE VIEW public.v AS\n SELECT count(*) FILTER (WHERE (t.a > 1)) AS n FROM public.t;", false),
        ("CREATE STATISTICS public.s (dependencies) ON a, b FROM public.t;", false),
        ("CREATE STATISTICS public.s ON a, lo_export(1, 'x') FROM public.t;", true),
        ("SELECT pg_catalog.setval('public.s', 7, true);", false),
        ("INSERT INTO public.t (a, b) VALUES (1, 'lo_export(1)');", false),
        ("COMMENT ON TABLE public.t IS 'lo_export(1)';", false),
        ("CREATE TABLE public.t (a int, CHECK (pg_catalog.lo_export(1, 'x') = 1));", true),
        ("CREATE TABLE public.t (a int, CHECK (\"lo_export\" (1, 'x') = 1));", true),
        ("CREATE TABLE public.t (a int, CHECK (LO_EXPORT/* x */(1, 'x') = 1));", true),
        ("CREATE TABLE public.t (a int REFERENCES public.u(a), b int DEFAULT pg_reload_conf());", true),
        ("ALTER TABLE ONLY public.t ALTER COLUMN a SET DEFAULT pg_reload_conf();", true),
        ("CREATE MATERIALIZED VIEW public.m AS SELECT query_to_xml('SELECT 1', true, true, '') AS x;", true),
        ("CREATE INDEX i ON public.t USING btree (a) WHERE lo_export(1, 'x') = 1;", true),
        ("CREATE TABLE public.t (a int REFERENCES public.u, b int DEFAULT pg_reload_conf());", true),
        ("CREATE TABLE public.t (a int REFERENCES public.u DEFAULT lo_export(1, 'x'));", true),
        ("CREATE STATISTICS public.s ON lo_export(a, 'x'), b FROM public.t;", true),
        ("CREATE AGGREGATE public.sum(text) (SFUNC = pg_catalog.lo_export, STYPE = integer, INITCOND = '1');", true),
        ("CREATE MATERIALIZED VIEW public.m AS SELECT (('SELECT 1')::text).ts_stat AS x;", true),
        ("CREATE MATERIALIZED VIEW public.m AS SELECT ('SELECT 1'::text).crosstab2;", true),
        ("CREATE MATERIALIZED VIEW public.m AS SELECT (ARRAY['SELECT 1'::text])[1].\"any\";", true),
        ("CREATE MATERIALIZED VIEW public.m AS SELECT (a.b).upper FROM public.a;", false),
        ("CREATE RULE r AS ON INSERT TO public.t DO INSTEAD NOTHING;", true),
        ("CREATE OR REPLACE RULE r AS ON UPDATE TO public.t DO INSTEAD NOTHING;", true),
        ("CREATE TABLE public.t (rule integer, create_rule integer);", false),
        ("CREATE MATERIALIZED VIEW public.m AS SELECT t.lo_import FROM unnest(ARRAY['f'::text]) AS t;", true),
        ("CREATE TABLE public.t (a int, CHECK (set_config('client_encoding', 'SJIS', false) <> ''));", true),
        ("SELECT pg_catalog.set_config('search_path', '', false);", false),
        ("CREATE OPERATOR public.=== (FUNCTION = pg_catalog.lo_export, LEFTARG = oid, RIGHTARG = text);", true),
        ("CREATE DOMAIN public.d AS text CONSTRAINT c CHECK ((pg_catalog.lo_import(VALUE) > 0));", true),
        ("CREATE CAST (text AS oid) WITH FUNCTION pg_catalog.lo_import(text);", true),
        ("CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1';", true),
        ("CREATE OR REPLACE PROCEDURE public.f() LANGUAGE sql AS 'SELECT 1';", true),
        ("CREATE TYPE public.e AS ENUM ('a');", false),
        ("CREATE TYPE public.p AS (input integer);", false),
        ("CREATE TYPE public.b;", false),
        ("CREATE TYPE public.b (INPUT = public.i, OUTPUT = public.o);", true),
        ("CREATE TYPE public.r AS RANGE (subtype = double precision, multirange_type_name = public.mr);", false),
        ("CREATE TYPE public.r AS RANGE (subtype = double precision, subtype_diff = float8mi);", true),
        ("CREATE TYPE public.r AS RANGE (subtype = integer, \"canonical\" = f);", true),
        ("CREATE ACCESS METHOD m TYPE TABLE HANDLER heap_tableam_handler;", true),
        ("CREATE TRUSTED PROCEDURAL LANGUAGE l HANDLER public.h;", true),
        ("CREATE FOREIGN DATA WRAPPER w OPTIONS (a 'b');", false),
        ("CREATE FOREIGN DATA WRAPPER w VALIDATOR postgresql_fdw_validator;", true),
        ("CREATE CONVERSION public.c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;", true),
        ("CREATE CAST (bytea AS jsonb) WITHOUT FUNCTION;", true),
        ("CREATE CAST (text AS jsonb) WITH INOUT;", false),
        ("CREATE OPERATOR CLASS public.c FOR TYPE integer USING btree AS OPERATOR 1 <(integer,integer);", true),
        ("CREATE TEXT SEARCH TEMPLATE public.t (INIT = dsimple_init, LEXIZE = dsimple_lexize);", true),
    ];

    #[test]
    fn what_may_run_more_than_harmless_functions_is_known() {
        for &(body, runs) in BODIES {
            let table = if body.contains("INSERT") { "CREATE TABLE public.t (a int, b text);\n" } else { "" };
            let contents = scan(&dump(&format!("{table}{body}\n"))).unwrap();
            assert_eq!(contents.runs_code, runs, "{body}");
        }
    }
}

CREATE FUNCTION public.f(a integer) RETURNS text LANGUAGE plpgsql AS $_$BEGIN RETURN $a$;$a$; END$_$;
CREATE PROCEDURE public.p()
    LANGUAGE sql
    BEGIN ATOMIC
 INSERT INTO public.t (a) SELECT CASE WHEN true THEN 1 END;
END;
CREATE RULE r AS
    ON INSERT TO public.t DO ( UPDATE public.u SET b = ';'::text;
 SELECT 1;
);
CREATE VIEW public.v AS SELECT a$b$c, $1;

--
-- PostgreSQL database dump
--

\restrict k3Y

-- Dumped from database version 15.18
-- Dumped by pg_dump version 15.18

SET standard_conforming_strings = on;
CREATE TABLE public.empty (
);
COPY public.empty  FROM stdin;


\.
--
-- PostgreSQL database dump complete
--

\unrestrict k3Y


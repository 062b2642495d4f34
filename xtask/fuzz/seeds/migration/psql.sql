COPY t (a) FROM stdin;
1
\.
SELECT :'x', :y, E'\'', U&"x", $1;
\! id
SET standard_conforming_strings = off;

CREATE TABLE program.t (
    program integer
);
COPY program.t (program) FROM stdin;
1
\.
CREATE INDEX "on" ON program.t USING btree (program);
CREATE RULE "to" AS
    ON INSERT TO program.t DO NOTHING;

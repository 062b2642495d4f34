-- The role of postgres_exporter, for a server that you set up yourself. Then give it a password: \password xtask_monitor
CREATE ROLE xtask_monitor LOGIN CONNECTION LIMIT 10 IN ROLE pg_monitor;

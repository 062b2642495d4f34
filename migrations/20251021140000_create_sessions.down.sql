DROP TABLE app.session;
DROP SCHEMA app;

DROP TABLE app.state;

-- What the service knows of a login. A schema of its own keeps it apart from OpenFGA's tables in `public`.
CREATE SCHEMA app;

CREATE TABLE app.session (
    id text PRIMARY KEY,
    user_id text NOT NULL,
    data jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CHECK (expires_at > created_at)
);

COMMENT ON TABLE app.session IS 'Logins; a row is of no use after expires_at.';

-- A user's sessions are listed and ended together; what has expired is swept by time.
CREATE INDEX session_user_id_idx ON app.session (user_id);
CREATE INDEX session_expires_at_idx ON app.session (expires_at);

-- What the application keeps between requests, by namespace and key: conversation checkpoints, settings, cursors.
CREATE TABLE app.state (
    namespace text NOT NULL,
    key text NOT NULL,
    value jsonb NOT NULL,
    -- Raised by every write: an update that names the revision it read cannot overwrite another one's.
    revision bigint NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace, key)
);

COMMENT ON TABLE app.state IS 'Application state; see revision before you write.';

CREATE INDEX state_updated_at_idx ON app.state (updated_at);

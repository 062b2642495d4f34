//! The settings that there are.

/// Every setting with its default, as `docs/configuration.md` and `--verbose` have them; empty: none.
pub const KNOWN: &[(&str, &str)] = &[
    ("XTASK_TARGET", "compose"),
    ("XTASK_DIRECT", "auto"),
    ("DATABASE_URL", ""),
    ("POSTGRES_USER", "postgres"),
    ("POSTGRES_PASSWORD", "postgres"),
    ("POSTGRES_DB", "openfga"),
    ("POSTGRES_PORT", "5432"),
    ("POSTGRES_IMAGE", "postgres:16-alpine"),
    ("OPENFGA_IMAGE", "openfga/openfga:v1.18.1"),
    ("OPENFGA_HTTP_PORT", "8080"),
    ("OPENFGA_GRPC_PORT", "8081"),
    ("OPENFGA_METRICS_PORT", "2112"),
    ("OPENFGA_AUTHN_METHOD", "none"),
    ("OPENFGA_AUTHN_PRESHARED_KEYS", ""),
    ("OPENFGA_API_URL", ""),
    ("XTASK_OPENFGA_METRICS_URL", ""),
    ("OPENFGA_API_TOKEN", ""),
    ("OPENFGA_STORE_ID", ""),
    ("OPENFGA_MODEL_ID", ""),
    ("XTASK_COMPRESS", "no"),
    ("XTASK_ZSTD", ""),
    ("XTASK_LOCK_TIMEOUT", "30"),
    ("XTASK_WAIT_FOR_RUN", "60"),
    ("XTASK_MIGRATIONS", ""),
    ("XTASK_BACKUP_MAX_AGE", "24h"),
    ("XTASK_DATABASES", ""),
    ("XTASK_BACKUP_EXCLUDE", ""),
    ("XTASK_TRANSACTION_MAX_AGE", "5m"),
    ("XTASK_PING_URL", ""),
    ("XTASK_ON_FAILURE", ""),
    ("XTASK_COMPOSE", ""),
    ("XTASK_POSTGRES_SERVICE", ""),
    ("XTASK_OPENFGA_SERVICE", ""),
    ("XTASK_LOCAL_DIR", ".xtask/local"),
    ("XTASK_PG_BIN", ""),
    ("XTASK_OPENFGA_BIN", ""),
    ("PROMETHEUS_IMAGE", "prom/prometheus:v2.53.3"),
    ("PROMETHEUS_PORT", "9090"),
    ("GRAFANA_IMAGE", "grafana/grafana:11.4.0"),
    ("GRAFANA_PORT", "3000"),
    ("GRAFANA_ADMIN_PASSWORD", ""),
    ("POSTGRES_EXPORTER_IMAGE", "prometheuscommunity/postgres-exporter:v0.16.0"),
    ("POSTGRES_EXPORTER_PORT", "9187"),
    ("POSTGRES_EXPORTER_PASSWORD", ""),
    ("POSTGRES_EXPORTER_FLAGS", "--no-collector.stat_user_tables --no-collector.statio_user_tables"),
    ("NODE_EXPORTER_IMAGE", "prom/node-exporter:v1.8.2"),
    ("NODE_EXPORTER_PORT", "9100"),
];

/// A setting's default; empty where it has none.
pub fn default_of(setting: &str) -> &'static str {
    KNOWN.iter().find(|(name, _)| *name == setting).map_or("", |(_, default)| default)
}

/// Settings that name programs, which then run as this user.
pub const PROGRAMS: [&str; 4] = ["XTASK_COMPOSE", "XTASK_PG_BIN", "XTASK_OPENFGA_BIN", "XTASK_ZSTD"];

/// Settings that `.env` does not set: a checkout must not choose a program that runs as its user.
pub(super) const ENVIRONMENT_ONLY: [&str; 1] = ["XTASK_ON_FAILURE"];

/// What the names of settings begin with that decide which database is meant.
pub(super) const DECISIVE: [&str; 4] = ["POSTGRES_", "XTASK_", "COMPOSE_", "DATABASE_URL"];

/// A variable whose value must not be shown.
pub fn is_secret(name: &str) -> bool {
    ["PASSWORD", "TOKEN", "SECRET", "KEY", "DATABASE_URL", "PING_URL"].iter().any(|word| name.contains(word))
}

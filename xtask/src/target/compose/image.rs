//! What an image is, by its name alone: PostgreSQL, OpenFGA, or something that is known to be neither.

/// What runs in a container of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ImageKind {
    Postgres,
    Openfga,
    /// Another database, or a tool that speaks to PostgreSQL.
    Other,
    /// The name does not say it: a team's own build.
    Unknown,
}

/// PostgreSQL's official image, and those that are made from it or behave as it.
const POSTGRES: [&str; 15] = [
    "postgres",
    "postgresql",
    "postgresql-repmgr",
    "postgis",
    "pgvector",
    "pgvecto-rs",
    "timescaledb",
    "timescaledb-ha",
    "timescaledb-postgis",
    "citus",
    "paradedb",
    "pgautoupgrade",
    "pgduckdb",
    "spilo",
    "supabase-postgres",
];

/// Images that a project has beside PostgreSQL, and that must never be taken for it.
const OTHER: [&str; 34] = [
    "mysql",
    "mysql-server",
    "mariadb",
    "percona",
    "percona-server",
    "mongo",
    "mongodb",
    "redis",
    "redis-stack",
    "valkey",
    "keydb",
    "memcached",
    "cassandra",
    "scylla",
    "cockroach",
    "clickhouse-server",
    "elasticsearch",
    "opensearch",
    "influxdb",
    "neo4j",
    "couchdb",
    "rabbitmq",
    "kafka",
    "minio",
    "nginx",
    "traefik",
    "adminer",
    "pgadmin4",
    "pgbouncer",
    "pgpool",
    "postgrest",
    "postgres-exporter",
    "postgres_exporter",
    "postgres-meta",
];

/// What this image is. `image` is written as Compose files write it: `[REGISTRY[:PORT]/][PATH/]NAME[:TAG][@DIGEST]`.
pub(super) fn product(image: &str) -> ImageKind {
    let without_digest = image.split('@').next().unwrap_or_default();
    let last = without_digest.rsplit('/').next().unwrap_or_default();
    let name = last.split(':').next().unwrap_or_default().to_ascii_lowercase();
    if name == "openfga" {
        ImageKind::Openfga
    } else if OTHER.contains(&name.as_str()) {
        ImageKind::Other
    } else if POSTGRES.contains(&name.as_str()) || is_named_after_postgres(&name) {
        ImageKind::Postgres
    } else {
        ImageKind::Unknown
    }
}

/// `zulip-postgresql`, `vchord-postgres`; and with its major version `postgresql-15`, `postgres16`.
fn is_named_after_postgres(name: &str) -> bool {
    let without_version = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let without_version = without_version.strip_suffix('-').unwrap_or(without_version);
    ["postgres", "postgresql"].iter().any(|suffix| {
        let before = without_version.strip_suffix(suffix);
        before.is_some_and(|before| before.is_empty() || before.ends_with(['-', '_']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_is_known_by_its_image_name_wherever_that_comes_from() {
        for image in [
            "postgres",
            "postgres:16-alpine",
            "postgres:15.4@sha256:0d1f",
            "postgres@sha256:0d1f",
            "docker.io/library/postgres:16",
            "registry.example.com:5000/mirror/postgres",
            "localhost:5000/postgres:16",
            "Registry.Example.com/Postgres:16",
            "postgis/postgis:16-3.4-alpine",
            "pgvector/pgvector:pg16",
            "ankane/pgvector",
            "timescale/timescaledb:latest-pg16",
            "timescale/timescaledb-ha:pg16",
            "supabase/postgres:15.1.0.117",
            "bitnami/postgresql:16",
            "bitnamilegacy/postgresql-repmgr:16",
            "zulip/zulip-postgresql:14",
            "ghcr.io/immich-app/postgres:16-vectorchord0.3.0",
            "ghcr.io/cloudnative-pg/postgresql:16.2",
            "registry.redhat.io/rhel9/postgresql-15",
        ] {
            assert_eq!(product(image), ImageKind::Postgres, "{image}");
        }
    }

    #[test]
    fn what_only_speaks_to_postgres_is_not_taken_for_it() {
        for image in [
            "mysql:8",
            "mariadb:11@sha256:0d1f",
            "registry.example.com:5000/mysql",
            "quay.io/prometheuscommunity/postgres-exporter:v0.15.0",
            "wrouesnel/postgres_exporter",
            "postgrest/postgrest",
            "edoburu/pgbouncer:1.22",
            "dpage/pgadmin4",
            "supabase/postgres-meta:v0.80",
            "cockroachdb/cockroach:latest",
        ] {
            assert_eq!(product(image), ImageKind::Other, "{image}");
        }
        for image in [
            "",
            "/",
            ":",
            "@",
            "sha256:4f",
            "prodrigestivill/postgres-backup-local:16",
            "app:postgres",
            "postgres/app:16",
            "notpostgres:1",
            "app/web:latest",
            "0d1f2a3b4c5d",
        ] {
            assert_eq!(product(image), ImageKind::Unknown, "{image}");
        }
    }

    #[test]
    fn openfga_is_known_by_its_image_name() {
        for image in ["openfga/openfga:v1.18.1", "openfga/openfga@sha256:0d1f", "localhost:5000/openfga"] {
            assert_eq!(product(image), ImageKind::Openfga, "{image}");
        }
        assert_eq!(product("openfga/cli:v0.7"), ImageKind::Unknown);
    }
}

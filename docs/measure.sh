#!/usr/bin/env bash
# Takes the figures of measurements.md again, on a stack of its own: a scratch clone of this checkout, a Compose project of its own,
# free ports. All of it is removed at the end.
#   docs/measure.sh [MODE]...       (without one: build backup)
#     build     the first `cargo xtask help` of a clean clone
#     backup    the recipe, pg_dump's own archives, and db-backup on every way, for each number of ROWS
#     cargo     a backup by cargo, and by the program itself, for the first number of ROWS
#     rows      the same against rows: BASE times 1, 10 and 100
#     tables    the same against small tables: each number of TABLES
#     mixed     the same for 50 tables of different sizes and large objects
#     jobs      a load into an empty database: the recipe, pg_restore, db-verify --restore with each number of JOBS
#     restore   db-restore over the live database, and --undo, against the recipe into an empty one
# Every round runs all of them in turn (A B A B). It prints medians, quartiles, and the ratios of each round to its first.
# Settings: PAIRS (rounds, 7), ROWS (5000 200000 2900000), BASE (29000), TABLES (10 1000 10000), JOBS (1 2 4), SIZE (20, of mixed), OUT (a file for JSON),
# XTASK (a program that is built already), POSTGRES_IMAGE and OPENFGA_IMAGE.
set -euo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
pairs=${PAIRS:-7}
rows=${ROWS:-5000 200000 2900000}
base=${BASE:-29000}
tables=${TABLES:-10 1000 10000}
jobs=${JOBS:-1 2 4}
out=${OUT:-}
database=openfga
user=postgres
modes=("${@:-build backup}")
scratch=$(mktemp -d)
results=$scratch/results.json
up=no
export COMPOSE_PROJECT_NAME=xtask-measure-$$
export XTASK_ROOT="$scratch/clone"
unset XTASK_DIRECT XTASK_COMPRESS POSTGRES_DB POSTGRES_USER POSTGRES_PASSWORD COMPOSE_FILE

usage() { sed -n '2,15p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' >&2; exit 2; }
die() { echo "measure: $*" >&2; [ ! -s "$scratch/err" ] || tail -n 20 "$scratch/err" >&2; exit 1; }
clear_up() {
  [ "$up" = no ] || (cd "$XTASK_ROOT" && docker compose --profile '*' down --volumes --timeout 5 >"$scratch/down" 2>&1) || true
  rm -rf "$scratch"
}
trap clear_up EXIT
trap 'exit 130' INT TERM HUP

# --- The stack.

free_port() { # a port at which no program listens
  local port
  while port=$((20000 + RANDOM)); (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}

start() { # a stack of our own, once
  [ "$up" = no ] || return 0
  program=${XTASK:-}
  if [ -z "$program" ]; then
    (cd "$here" && cargo build --quiet --package xtask)
    program=${CARGO_TARGET_DIR:-$here/target}/debug/xtask
  fi
  [ -x "$program" ] || die "$program is not there"
  git clone --quiet "$here" "$XTASK_ROOT"
  cat >"$XTASK_ROOT/.env" <<ENV
COMPOSE_PROJECT_NAME=$COMPOSE_PROJECT_NAME
POSTGRES_DB=$database
POSTGRES_USER=$user
POSTGRES_PASSWORD=measure
POSTGRES_PORT=$(free_port)
OPENFGA_HTTP_PORT=$(free_port)
OPENFGA_GRPC_PORT=$(free_port)
OPENFGA_METRICS_PORT=$(free_port)
ENV
  up=yes
  ours up >"$scratch/out" 2>"$scratch/err" || die "the stack does not start"
  container=$(cd "$XTASK_ROOT" && docker compose ps --quiet postgres)
  [ -n "$container" ] || die "the stack has no container of the service postgres"
}

# A session that reads 10,000 tables, or drops them, holds a lock on each, and on its indexes.
more_locks() {
  sql <<<'ALTER SYSTEM SET max_locks_per_transaction TO 1024'
  docker restart "$container" >/dev/null
  for _ in $(seq 60); do
    if inside psql -qXAt -h 127.0.0.1 -U "$user" -d "$database" -c '' >/dev/null 2>&1; then return 0; fi
    sleep 1
  done
  die "the server does not answer after its restart"
}

ours() { "$program" --root "$XTASK_ROOT" "$@"; }
inside() { docker exec "$container" "$@"; }
sql() { docker exec -i "$container" psql -qXAt -v ON_ERROR_STOP=1 -U "$user" -d "${1:-$database}"; }

# --- One measurement.

server_cpu() { # seconds of CPU of the server's container so far; nothing where the container does not show it
  { inside cat /sys/fs/cgroup/cpu.stat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null || true; } |
    awk '/^usage_usec/ { printf "%.3f", $2 / 1e6; exit } NF == 1 { printf "%.3f", $1 / 1e9; exit }'
}

take() { # take FIGURES FUNCTION [WORD]...: appends "wall, CPU of the program and its children, CPU of the server"
  local figures=$1 before after wall of_user of_system
  shift
  before=$(server_cpu)
  { TIMEFORMAT='%R %U %S'; time "$@" >"$scratch/out" 2>"$scratch/err"; } 2>"$scratch/time" || die "$* failed"
  after=$(server_cpu)
  read -r wall of_user of_system <"$scratch/time"
  awk -v w="$wall" -v u="$of_user" -v s="$of_system" -v a="${before:-0}" -v b="${after:-0}" \
    'BEGIN { printf "%.3f %.3f %.3f\n", w, u + s, b - a }' >>"$figures"
}

quartiles() { # of the numbers on stdin: the median and both quartiles, as JSON
  sort -n | awk '{ v[NR] = $1 }
    function at(q,  p, i) { p = 1 + q * (NR - 1); i = int(p); return i < NR ? v[i] + (p - i) * (v[i + 1] - v[i]) : v[NR] }
    END { printf "{\"median\":%.3f,\"q1\":%.3f,\"q3\":%.3f}", at(0.5), at(0.25), at(0.75) }'
}

column() { awk -v n="$2" '{ print $n }' "$1"; }

tell() { # tell TABLE FILL FIRST WHAT BYTES: one row of the results, for people and as JSON
  local table=$1 fill=$2 first=$scratch/$3.figures figures=$scratch/$4.figures bytes=$5 seconds cpu of_server ratio
  seconds=$(column "$figures" 1 | quartiles)
  cpu=$(column "$figures" 2 | quartiles)
  of_server=$(column "$figures" 3 | quartiles)
  ratio=$(paste "$first" "$figures" | awk '{ print $4 / ($1 > 0 ? $1 : 0.001) }' | quartiles)
  printf '{"table":"%s","fill":"%s","what":"%s","rounds":%d,"bytes":%s,"seconds":%s,"cpu":%s,"server_cpu":%s,"ratio":%s}\n' \
    "$table" "$fill" "$4" "$pairs" "${bytes:-null}" "$seconds" "$cpu" "$of_server" "$ratio" >>"$results"
  awk -v t="$table $fill" -v n="$4" -v b="${bytes:-0}" -v s="$seconds" -v c="$cpu" -v o="$of_server" -v r="$ratio" '
    function of(json,  p) { split(json, p, /[:,}]/); return sprintf("%8.3f (%.3f-%.3f)", p[2], p[4], p[6]) }
    function first(json,  p) { split(json, p, /[:,}]/); return p[2] }
    BEGIN { printf "%-18s %-22s %9.1f MB  s %-24s cpu %7.3f  server %7.3f  ratio %s\n",
      t, n, b / 1e6, of(s), first(c), first(o), of(r) }'
}

rounds() { # rounds TABLE FILL FUNCTION...: all of them in turn, the first is what the others are compared with
  local table=$1 fill=$2 what
  shift 2
  rm -f "$scratch"/*.figures
  for _ in $(seq "$pairs"); do
    for what in "$@"; do
      "before_${what%%-*}"
      take "$scratch/$what.figures" "run_${what%%-*}" "$what"
    done
  done
  for what in "$@"; do tell "$table" "$fill" "$1" "$what" "$("bytes_${what%%-*}" "$what")"; done
}

# --- What is compared. NAME-WORD: the function run_NAME gets the whole of it.

before_recipe() { :; }
run_recipe() { inside pg_dump -U "$user" "$database" >"$scratch/recipe.sql"; }
bytes_recipe() { wc -c <"$scratch/recipe.sql"; }

before_custom() { :; }
run_custom() { inside pg_dump -U "$user" -Fc "$database" >"$scratch/custom.dump"; }
bytes_custom() { wc -c <"$scratch/custom.dump"; }

before_directory() { inside rm -rf /tmp/measure.dir; }
run_directory() { inside pg_dump -U "$user" -Fd -j2 -f /tmp/measure.dir "$database"; }
bytes_directory() { inside du -sk /tmp/measure.dir | awk '{ print $1 * 1024 }'; }

# In the usual folder, where the newest backup says how large the next one will be; one of each kind is kept.
before_backup() {
  local file
  for file in "$XTASK_ROOT"/backups/*.sql "$XTASK_ROOT"/backups/*.zst; do
    [ ! -e "$file" ] || grep -qsF "${file##*/}" "$scratch"/*.name || rm -f "$file"
  done
}
run_backup() {
  local words=(--direct "$(cut -d- -f2 <<<"$1")" db-backup --quiet)
  [[ $1 != *-compress ]] || words+=(--compress)
  ours "${words[@]}" >"$scratch/$1.name"
}
bytes_backup() { wc -c <"$XTASK_ROOT/backups/$(basename "$(cat "$scratch/$1.name")")"; }

before_cargo() { before_backup; }
run_cargo() { (cd "$here" && cargo xtask --root "$XTASK_ROOT" db-backup --quiet) >"$scratch/cargo.name"; }
bytes_cargo() { bytes_backup cargo; }

before_load() { inside dropdb -U "$user" --if-exists measure_load 2>"$scratch/err"; inside createdb -U "$user" measure_load; }
run_load() { docker exec -i "$container" psql -qX -U "$user" -d measure_load <"$scratch/load.sql"; }
bytes_load() { wc -c <"$scratch/load.sql"; }

before_archive() { before_load; }
run_archive() {
  case $1 in
    archive-custom) inside pg_restore -U "$user" -j2 -d measure_load /tmp/measure.dump ;;
    *) inside pg_restore -U "$user" -j2 -d measure_load /tmp/measure.dir ;;
  esac
}
bytes_archive() { bytes_load; }

before_drill() { :; }
run_drill() { ours --direct "$(cut -d- -f2 <<<"$1")" db-verify --quiet --restore --jobs "$(cut -d- -f3 <<<"$1")" "$scratch/load.sql"; }
bytes_drill() { bytes_load; }

before_restore() { :; }
run_restore() { ours db-restore --yes --quiet --json "$scratch/load.sql" && cp "$scratch/out" "$scratch/restore.said"; }
bytes_restore() { bytes_load; }
before_undo() { :; }
run_undo() { ours db-restore --undo --yes --quiet --json && cp "$scratch/out" "$scratch/undo.said"; }
bytes_undo() { echo null; }

# --- What they work on.

empty() { # none of our tables, tuples and backups
  rm -f "$XTASK_ROOT"/backups/*.sql "$XTASK_ROOT"/backups/*.zst "$scratch"/*.name
  sql <<'SQL'
SET client_min_messages TO warning;
TRUNCATE tuple, changelog, store;
SELECT lo_unlink(oid) FROM pg_largeobject_metadata \g /dev/null
SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace WHERE nspname LIKE 'measure%' ORDER BY nspname \gexec
SQL
}

fill() { # a store of so many tuples, with their changelog
  empty
  sql <<SQL
INSERT INTO store (id, name, created_at, updated_at) VALUES ('measure', 'measure', now(), now());
INSERT INTO tuple (store, object_type, object_id, relation, _user, user_type, ulid, inserted_at)
SELECT 'measure', 'document', 'd' || g % 100000 || '-' || md5(g::text), 'viewer', 'user:u' || md5((g * 7)::text) || g,
       'user', upper(substr(md5(g::text), 1, 26)), now() FROM generate_series(1, $1) AS g;
INSERT INTO changelog (store, object_type, object_id, relation, _user, operation, ulid, inserted_at)
SELECT store, object_type, object_id, relation, _user, 0, ulid, inserted_at FROM tuple;
ANALYZE tuple, changelog;
CHECKPOINT;
SQL
}

# 500 tables fit into one transaction's locks; each has a key, an index and ten rows.
fill_tables() {
  local first
  empty
  for first in $(seq 1 500 "$1"); do
    sql <<SQL
CREATE SCHEMA IF NOT EXISTS measure;
SELECT format('CREATE TABLE measure.t%s AS SELECT g AS id, md5(g::text) AS word FROM generate_series(1, 10) AS g', n),
       format('ALTER TABLE measure.t%s ADD PRIMARY KEY (id)', n), format('CREATE INDEX ON measure.t%s (word)', n)
FROM generate_series($first, least($first + 499, $1)) AS n \gexec
SQL
  done
  sql <<<CHECKPOINT
}

# The table of number n has n * n * SIZE rows; 200 large objects of 100 KB.
fill_mixed() {
  empty
  sql <<SQL
CREATE SCHEMA measure;
SELECT format('CREATE TABLE measure.t%s AS SELECT g AS id, md5(g::text) AS word, now() AS at, repeat(md5((g * 3)::text), 1 + g %% 9) AS text
               FROM generate_series(1, %s) AS g', n, n * n * $1), format('ALTER TABLE measure.t%s ADD PRIMARY KEY (id)', n),
       format('CREATE INDEX ON measure.t%s (word)', n) FROM generate_series(1, 50) AS n \gexec
SELECT format('ALTER TABLE measure.t%s ADD FOREIGN KEY (id) REFERENCES measure.t%s (id)', n, n + 1) FROM generate_series(1, 49) AS n \gexec
SELECT lo_from_bytea(0, convert_to(repeat(md5(g::text), 3125), 'UTF8')) FROM generate_series(1, 200) AS g \g /dev/null
ANALYZE;
CHECKPOINT;
SQL
}

archives() { # the files that loads read
  run_recipe
  mv "$scratch/recipe.sql" "$scratch/load.sql"
  inside rm -rf /tmp/measure.dir
  inside pg_dump -U "$user" -Fc -f /tmp/measure.dump "$database"
  inside pg_dump -U "$user" -Fd -j2 -f /tmp/measure.dir "$database"
}

drills() { # every way and number of sessions
  local count way
  for way in never auto; do for count in $jobs; do echo "drill-$way-$count"; done; done
}

backups() { rounds "$1" "$2" recipe backup-never backup-auto backup-never-compress backup-auto-compress custom directory; }

loads() {
  local drills
  mapfile -t drills < <(drills)
  archives
  rounds "$1" "$2" load archive-custom archive-directory "${drills[@]}"
}

# --- The modes.

mode_build() {
  local crates
  git clone --quiet "$here" "$scratch/build"
  first_build() { rm -rf "$scratch/build/target"; (cd "$scratch/build" && CARGO_TARGET_DIR='' cargo xtask help); }
  container=''
  rm -f "$scratch/build.figures"
  for _ in 1 2 3; do
    { TIMEFORMAT='%R %U %S'; time first_build >"$scratch/out" 2>"$scratch/err"; } 2>"$scratch/time" || die "the build failed"
    awk '{ printf "%.3f %.3f 0\n", $1, $2 + $3 }' "$scratch/time" >>"$scratch/build.figures"
  done
  crates=$(cd "$scratch/build" && cargo tree -p xtask -e normal,build --prefix none | sed 's/ (.*//' | sort -u | wc -l)
  pairs=3 tell build "$crates crates" build build ''
}

mode_backup() { local count; for count in $rows; do fill "$count"; backups backup "$count"; done; }
mode_rows() {
  local times
  for times in 1 10 100; do fill $((base * times)); backups rows "$((base * times))"; loads rows "$((base * times))"; done
}
mode_cargo() { fill "${rows%% *}"; rounds cargo "${rows%% *}" recipe backup-auto cargo; }
mode_tables() { local count; more_locks; for count in $tables; do fill_tables "$count"; backups tables "$count"; loads tables "$count"; done; }
mode_mixed() { fill_mixed "${SIZE:-20}"; backups mixed "${SIZE:-20}"; loads mixed "${SIZE:-20}"; }
mode_jobs() { local count; for count in $rows; do fill "$count"; loads jobs "$count"; done; }

mode_restore() {
  local count said
  for count in $rows; do
    fill "$count"
    archives
    rounds restore "$count" load restore undo
    for said in restore undo; do
      echo "restore $count $said: $(grep -o '"[a-z]*_outage_seconds": *[0-9.]*' "$scratch/$said.said" | tr -d '"' | paste -sd' ')"
    done
  done
}

machine() { # where it was measured, as JSON
  local text=() line
  text+=("$(uname -srm)" "$(nproc) cores" "$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo 2>/dev/null || true)")
  text+=("$(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo 2>/dev/null || true)")
  text+=("Docker $(docker version --format '{{.Server.Version}}')" "Compose $(docker compose version --short)")
  [ "$up" = no ] || text+=("PostgreSQL $(sql <<<'SHOW server_version')")
  text+=("load average $(cut -d' ' -f1-3 /proc/loadavg 2>/dev/null || echo unknown)" "commit $(git -C "$here" rev-parse --short HEAD)")
  for line in "${text[@]}"; do [ -z "$line" ] || echo "$line"; done | sed 's/[\\"]/\\&/g; s/.*/"&"/' | paste -sd,
}

for what in "${modes[@]}"; do
  for mode in $what; do declare -F "mode_$mode" >/dev/null || usage; done
done
: >"$results"
for what in "${modes[@]}"; do
  for mode in $what; do
    [ "$mode" = build ] || start
    "mode_$mode"
  done
done
described=$(machine)
echo "measured on: $described"
[ -z "$out" ] || printf '{"machine":[%s],"results":[%s]}\n' "$described" "$(paste -sd, "$results")" >"$out"

#!/usr/bin/env bash
# Takes the figures of measurements.md again: pairs in one run, medians and ratios.
#   docs/measure.sh [build] [small] [large] [restore] [jobs]      (the first three without an argument)
# "small", "large", "restore" and "jobs" need a running stack of this checkout (cargo xtask up) and write to its database; do it on a
# stack that holds nothing of value. PAIRS sets how often, TUPLES how large (2,900,000 are about 500 MB).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
pairs=${PAIRS:-15}
tuples=${TUPLES:-2900000}
database=${POSTGRES_DB:-openfga}
user=${POSTGRES_USER:-postgres}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

seconds() { local start=$EPOCHREALTIME; "$@" >"$scratch/out" 2>"$scratch/err"; local end=$EPOCHREALTIME
  awk -v a="${start/,/.}" -v b="${end/,/.}" 'BEGIN { printf "%.3f\n", b - a }'; }
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { printf "%.3f", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
sql() { docker compose exec -T postgres psql -qX -v ON_ERROR_STOP=1 -U "$user" -d "$database"; }

recipe() { docker compose exec -T postgres pg_dump -U "$user" "$database" >"$scratch/recipe.sql"; }
ours() { cargo xtask db-backup --quiet --output "$scratch/ours.sql"; }
program() { target/debug/xtask db-backup --quiet --output "$scratch/ours.sql"; }

compare() {
  local name=$1 count=$2
  : >"$scratch/recipe"; : >"$scratch/ours"; : >"$scratch/program"
  for _ in $(seq "$count"); do
    for what in recipe ours program; do
      rm -f "$scratch/ours.sql"
      seconds "$what" >>"$scratch/$what"
    done
  done
  local bytes r o p
  bytes=$(wc -c <"$scratch/recipe.sql")
  r=$(median "$scratch/recipe"); o=$(median "$scratch/ours"); p=$(median "$scratch/program")
  awk -v n="$name" -v c="$count" -v b="$bytes" -v r="$r" -v o="$o" -v p="$p" 'BEGIN {
    printf "%s: %.1f MB, %d rounds: recipe %.3f s; cargo xtask db-backup %.3f s (%+.3f s, ratio %.3f); the program %.3f s (%+.3f s, ratio %.3f)\n",
      n, b / 1e6, c, r, o, o - r, o / r, p, p - r, p / r }'
}

fill() { # a store and so many tuples, through SQL
  sql <<SQL
DELETE FROM tuple WHERE store = 'measure';
DELETE FROM store WHERE id = 'measure';
INSERT INTO store (id, name, created_at, updated_at) VALUES ('measure', 'measure', now(), now());
INSERT INTO tuple (store, object_type, object_id, relation, _user, user_type, ulid, inserted_at)
SELECT 'measure', 'document', 'd' || g % 100000 || '-' || md5(g::text), 'viewer', 'user:u' || md5((g * 7)::text) || g,
       'user', upper(substr(md5(g::text), 1, 26)), now() FROM generate_series(1, $1) AS g;
ANALYZE tuple;
SQL
}

load() { docker compose exec -T postgres psql -U "$user" measured_by_recipe <"$scratch/restore.sql"; }
told() { grep -o "\"$1\": *[0-9.]*" "$scratch/out" | grep -o '[0-9.]*$'; }

restore() { # the recipe into an empty database of its own; ours over the live one, and back
  local recipe ours undo
  cargo xtask db-backup --quiet --output "$scratch/restore.sql" >"$scratch/out"
  docker compose exec -T postgres createdb -U "$user" measured_by_recipe
  recipe=$(seconds load)
  docker compose exec -T postgres dropdb -U "$user" measured_by_recipe
  ours=$(seconds target/debug/xtask db-restore --yes --json "$scratch/restore.sql")
  echo "restore: $(wc -c <"$scratch/restore.sql") bytes: recipe $recipe s, and all that time without the database; ours $ours s," \
    "of which the database was away for $(told database_outage_seconds) s and the services for $(told services_outage_seconds) s"
  undo=$(seconds target/debug/xtask db-restore --undo --yes --json)
  echo "undo: $undo s, the database $(told database_outage_seconds) s, the services $(told services_outage_seconds) s"
}

drill() { target/debug/xtask --direct "$1" db-verify --restore --jobs "$2" "$scratch/restore.sql"; }
by_recipe() { docker compose exec -T postgres createdb -U "$user" measured_by_recipe; load
  docker compose exec -T postgres dropdb -U "$user" measured_by_recipe; }

jobs() { # the recipe into an empty database; ours proven, loaded, compared and dropped, on both ways
  local way count name
  cargo xtask db-backup --quiet --output "$scratch/restore.sql" >"$scratch/out"
  for _ in $(seq "$pairs"); do
    seconds by_recipe >>"$scratch/recipe.jobs"
    for way in never auto; do for count in 1 2; do seconds drill "$way" "$count" >>"$scratch/$way.$count.jobs"; done; done
  done
  for name in "$scratch"/*.jobs; do
    paste "$scratch/recipe.jobs" "$name" | awk '{ print $2 / $1 }' >"$scratch/ratios"
    echo "jobs: $(basename "$name" .jobs): median $(median "$name") s, of the ratios to the recipe $(median "$scratch/ratios")"
  done
}

for what in "${@:-build small large}"; do
  for step in $what; do
    case $step in
      build)
        git clone --quiet . "$scratch/clone"
        for _ in 1 2 3; do
          rm -rf "$scratch/clone/target"
          (cd "$scratch/clone" && seconds cargo xtask help) >>"$scratch/build"
        done
        crates=$(cargo tree -p xtask -e normal,build --prefix none | sed 's/ (.*//' | sort -u | wc -l)
        echo "build: cold cargo xtask help $(median "$scratch/build") s on $(nproc) cores, $crates crates" ;;
      small) cargo build --quiet; fill 8000; compare small "$pairs" ;;
      large) cargo build --quiet; fill "$tuples"; compare large $(((pairs + 2) / 3)) ;;
      restore) cargo build --quiet; fill "$tuples"; restore ;;
      jobs) cargo build --quiet; fill "$tuples"; jobs ;;
      *) echo "usage: $0 [build] [small] [large] [restore] [jobs]" >&2; exit 2 ;;
    esac
  done
done

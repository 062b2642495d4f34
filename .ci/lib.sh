# Shared by the scripts beside it: where things are kept, and how a step says what it did.
# shellcheck shell=bash

CI_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
CACHE="${XTASK_CI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/xtask-ci}"
ENV_FILE="$CACHE/env"
OPENFGA_VERSION=v1.18.1
OPENFGA_BIN="$CACHE/openfga/$OPENFGA_VERSION/openfga"
SQLX_VERSION=0.9.0
SQLX_FEATURES=rustls,postgres,sqlx-toml
SQLX_BIN="$CACHE/sqlx/$SQLX_VERSION/bin/sqlx"
POSTGRES_MAJOR=15
# PostgreSQL's German messages. Slim images of Debian install packages without translations.
GERMAN=/usr/share/locale/de/LC_MESSAGES/postgres-$POSTGRES_MAJOR.mo
export CI_DIR CACHE ENV_FILE GERMAN OPENFGA_VERSION OPENFGA_BIN SQLX_VERSION SQLX_FEATURES SQLX_BIN POSTGRES_MAJOR
export DEBIAN_FRONTEND=noninteractive

mkdir -p "$CACHE"

say() { printf '[ci] %s\n' "$*"; }
fail() { printf '[ci] FAILED: %s\n' "$*" >&2; exit 1; }

# done_in START WORDS...: one line that says what was done since $SECONDS was START.
done_in() { local start=$1; shift; say "$* ($((SECONDS - start)) s)"; }

# quietly LOG COMMAND...: run with all output in LOG; show its end if the command fails.
quietly() {
    local log=$1; shift
    "$@" >"$log" 2>&1 </dev/null && return
    local code=$?
    printf '[ci] FAILED (exit %s): %s\n--- end of %s\n' "$code" "$*" "$log" >&2
    tail -n 40 "$log" >&2
    return "$code"
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -E "$@"; fi; }

# The Debian mirror and release that this machine's own apt sources name.
debian_release() { (. /etc/os-release && printf '%s\n' "${VERSION_CODENAME:?}"); }
debian_mirror() {
    local mirror
    # shellcheck disable=SC2016 # apt's own placeholders
    mirror="$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v release="$(debian_release)" '$2 == release && $3 == "main" && !found { print $1; found = 1 }')"
    [ -n "$mirror" ] || fail "no apt source for $(debian_release) main: a Debian machine is needed"
    printf '%s\n' "$mirror"
}

image_exists() { docker image inspect "$1" >/dev/null 2>&1; }

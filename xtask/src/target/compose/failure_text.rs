//! What Compose says when it fails.

use crate::error::Fault;
use crate::process::Captured;
use std::net::SocketAddr;

const NEXT_LOOK: &str =
    "see the services with: docker compose ps --all, and their logs with: docker compose logs --tail 20";
const IMAGE_HINT: &str = "name images that exist here or can be pulled: POSTGRES_IMAGE, OPENFGA_IMAGE";
/// The engine's words about an image, of several versions.
const IMAGE_WORDS: [&str; 9] = [
    "no such image",
    "pull access denied",
    "manifest unknown",
    "manifest for ",
    "no matching manifest",
    "failed to resolve reference",
    "failed to pull",
    "invalid reference format",
    "/v2/",
];

/// Compose's own words, where nothing around it explains them.
pub(super) fn explained(captured: &Captured) -> anyhow::Error {
    explained_with(captured, IMAGE_HINT, NEXT_LOOK)
}

/// Compose's own words, with one hint for an image that is missing, and one for anything else.
pub(super) fn explained_with(captured: &Captured, image_hint: &str, hint: &str) -> anyhow::Error {
    let words = errors_of(&captured.stderr);
    let lower = words.to_ascii_lowercase();
    let of_an_image = IMAGE_WORDS.iter().any(|part| lower.contains(part));
    let fault = Fault::failed(format!("docker compose failed ({})", captured.ending));
    anyhow::Error::msg(words).context(fault.hint(if of_an_image { image_hint } else { hint }))
}

/// Compose's own words: its progress lines are indented, its errors are not.
pub(super) fn errors_of(stderr: &str) -> String {
    let errors: Vec<&str> = stderr.lines().filter(|line| !line.starts_with(' ') && !line.is_empty()).collect();
    if errors.is_empty() { last_lines(stderr, 1) } else { errors.join("\n") }
}

/// The last lines of a text.
pub(super) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Whether Compose's own words name this service or a container of it, `app-db-1`; what we say above them does not count.
pub(super) fn names(error: &anyhow::Error, service: &str) -> bool {
    let said = error.root_cause().to_string();
    let is_apart = |letter: char| !(letter.is_ascii_alphanumeric() || "_.-".contains(letter));
    let words: Vec<&str> =
        said.split(is_apart).map(|word| word.trim_end_matches('.')).filter(|word| !word.is_empty()).collect();
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let container = |word: &str| {
        let named = word.rsplit_once(['-', '_']).filter(|(_, number)| is_number(number)).map(|(named, _)| named);
        named.and_then(|named| named.strip_suffix(service)).is_some_and(|project| project.ends_with(['-', '_']))
    };
    // `exit 1` is no service.
    let is_code = |place: usize| words.get(place + 1).is_some_and(|next| is_number(next));
    words.iter().enumerate().any(|(place, word)| (*word == service && !is_code(place)) || container(word))
}

/// Docker's words for a port that it could not publish, of Linux, Docker Desktop and older engines.
pub(super) fn is_port_conflict(error: &anyhow::Error) -> bool {
    let said = error.root_cause().to_string();
    let known = ["address already in use", "port is already allocated", "ports are not available"];
    known.iter().any(|part| said.contains(part))
}

/// Docker's words for a container whose name another one has.
pub(super) fn is_name_conflict(error: &anyhow::Error) -> bool {
    error.root_cause().to_string().contains("is already in use by container")
}

/// The first port of an address in Docker's words.
pub(super) fn port(error: &anyhow::Error) -> Option<u16> {
    let said = error.root_cause().to_string();
    let address = |word: &str| word.trim_matches(|letter: char| !letter.is_ascii_digit()).parse::<SocketAddr>().ok();
    said.split_whitespace().find_map(address).map(|address| address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_name_in_composes_own_words_is_a_service() {
        let said = |words: &str| {
            let fault = Fault::failed("docker compose failed (exit code 1) for db");
            anyhow::Error::msg(words.to_owned()).context(fault)
        };
        let exited = said("service \"openfga-migrate\" didn't complete successfully: exit 1");
        assert!(names(&exited, "openfga-migrate"));
        for other in ["openfga", "migrate", "db", "compose", "docker", "exit", "code"] {
            assert!(!names(&exited, other), "{other}");
        }
        let unhealthy = said("dependency failed to start: container my-app-db-1 is unhealthy.");
        assert!(names(&unhealthy, "db") && names(&unhealthy, "app-db"));
        assert!(!names(&unhealthy, "app") && !names(&unhealthy, "b"));
        assert!(names(&said("container app_db_12 exited (1)"), "db"));
    }
}

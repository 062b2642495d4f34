//! What Compose says when it fails.

use crate::error::Fault;
use crate::process::Captured;

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

/// The same with what to do about an image, and about anything else.
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

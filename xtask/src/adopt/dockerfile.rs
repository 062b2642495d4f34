//! Dockerfiles that build with cargo after they copied its manifest alone: the manifest names the copy as a member, and
//! without it cargo refuses to build anything.

use super::name::PackageName;
use super::repository::Repository;
use anyhow::Result;

/// What is to be added to them by hand.
pub fn by_hand(repository: &Repository, name: &PackageName) -> Result<Vec<String>> {
    let mut said = Vec::new();
    for path in repository.files(&["*Dockerfile*", "*Containerfile*"])? {
        // A Dockerfile beside another Cargo.toml builds that one, which is not changed.
        let is_elsewhere =
            path.rsplit_once('/').is_some_and(|(folder, _)| repository.has(&format!("{folder}/Cargo.toml")));
        let text = if is_elsewhere { None } else { repository.text(&path).ok().flatten() };
        if let Some(line) = text.and_then(|text| builds_without(&text, name.as_str())) {
            said.push(format!(
                "{path}:{line}: cargo builds there with Cargo.toml, but without its member {name}, and will refuse to; \
                 add below\n  + COPY {name} {name}"
            ));
        }
    }
    Ok(said)
}

/// The line that copies the manifest, where cargo is started before the member is there.
fn builds_without(text: &str, name: &str) -> Option<usize> {
    let (mut manifest, mut is_whole) = (None, false);
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let mut line = line.trim().to_owned();
        while line.ends_with('\\') {
            line.pop();
            line.push_str(lines.next().map_or("", |(_, next)| next.trim()));
        }
        let Some((instruction, rest)) = line.split_once(char::is_whitespace) else { continue };
        match instruction.to_ascii_uppercase().as_str() {
            "FROM" => (manifest, is_whole) = (None, false),
            "COPY" | "ADD" => {
                let sources = sources(rest);
                is_whole |= sources.iter().any(|source| ["", ".", "*", name].contains(&source.as_str()));
                if manifest.is_none() && sources.iter().any(|source| is_manifest(source)) {
                    manifest = Some(number + 1);
                }
            }
            "RUN" if rest.contains("cargo") && !is_whole && manifest.is_some() => return manifest,
            _ => {}
        }
    }
    None
}

/// What an instruction copies from the build's folder; paths as they begin there.
fn sources(words: &str) -> Vec<String> {
    if words.split_whitespace().any(|word| word.starts_with("--from=")) {
        return Vec::new();
    }
    let words = words.replace(['[', ']', '"', ','], " ");
    let mut paths: Vec<String> = words
        .split_whitespace()
        .filter(|word| !word.starts_with("--"))
        .map(|path| path.trim_start_matches("./").trim_matches('/').to_owned())
        .collect();
    paths.pop();
    paths
}

fn is_manifest(source: &str) -> bool {
    source == "Cargo.toml" || (source.starts_with("Cargo") && source.contains('*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_lacks_the_member_is_distinguished_from_one_that_has_it() {
        for (text, expected) in [
            ("FROM rust\nCOPY Cargo.toml Cargo.lock ./\nCOPY src src\nRUN cargo build\n", Some(2)),
            ("FROM rust\ncopy [\"./Cargo.toml\", \"/app/\"]\nRUN cd /app \\\n  && cargo build\nCOPY . .\n", Some(2)),
            ("FROM rust\nCOPY --chown=1 Cargo.* \\\n  .\nRUN cargo fetch\n", Some(2)),
            ("FROM rust\nCOPY . .\nRUN cargo build\n", None),
            ("FROM rust\nCOPY ./ /app\nRUN cargo build\n", None),
            ("FROM rust\nCOPY Cargo.toml .\nCOPY xtask/ xtask\nRUN cargo build\n", None),
            ("FROM rust AS a\nCOPY Cargo.toml .\nFROM debian\nCOPY --from=a Cargo.toml .\nRUN cargo build\n", None),
            ("FROM rust\nCOPY Cargo.toml .\nRUN make\n", None),
            ("COPY\nRUN\n\\", None),
        ] {
            assert_eq!(builds_without(text, "xtask"), expected, "{text}");
        }
    }
}

//! The lock of a workspace that has only the copy as its member: ours, without what the copy does not need.

use super::name::PackageName;
use std::collections::{BTreeMap, BTreeSet};

/// One `[[package]]` of a lock.
struct Locked<'a> {
    text: &'a str,
    version: &'a str,
    dependencies: Vec<&'a str>,
}

/// The lock for the copy; `None` where ours is not as cargo writes it: then cargo makes one.
pub fn of_copy(lock: &str, name: &PackageName, manifest: &str) -> Option<String> {
    let mut parts = lock.split("[[package]]\n");
    let head = parts.next()?;
    let mut packages: BTreeMap<&str, Vec<Locked>> = BTreeMap::new();
    for text in parts {
        let value =
            |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'));
        let dependencies = text.lines().filter_map(|line| line.strip_prefix(" \"")?.strip_suffix("\",")).collect();
        packages.entry(value("name")?).or_default().push(Locked { text, version: value("version")?, dependencies });
    }
    let is_ours = |locked: &&Locked| !locked.text.contains("\nsource = ");
    let own = packages.values().find_map(|all| all.iter().find(is_ours))?;
    let is_wanted = |dependency: &&&str| {
        let name = dependency.split(' ').next().unwrap_or_default();
        manifest.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(" = ")))
    };
    let direct: Vec<&str> = own.dependencies.iter().filter(is_wanted).copied().collect();
    let mut kept: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut open = direct.clone();
    while let Some(dependency) = open.pop() {
        let mut words = dependency.split(' ');
        let (name, version) = (words.next()?, words.next());
        let fits = |locked: &&Locked| version.is_none_or(|version| version == locked.version);
        let locked = packages.get(name)?.iter().find(fits)?;
        if kept.insert((name, locked.version)) {
            open.extend(&locked.dependencies);
        }
    }
    let is_kept = |name: &str, locked: &&Locked| kept.contains(&(name, locked.version));
    let listed = packages.iter().flat_map(|(name, all)| all.iter().map(move |locked| (*name, locked)));
    let mut listed: Vec<(&str, String)> = listed
        .filter(|(name, locked)| is_kept(name, locked))
        .map(|(name, locked)| (name, locked.text.trim_end().to_owned()))
        .collect();
    let lines: Vec<String> = direct.iter().map(|name| format!(" \"{name}\",\n")).collect();
    let own = format!("name = \"{name}\"\nversion = \"{}\"\ndependencies = [\n{}]", own.version, lines.concat());
    listed.insert(listed.partition_point(|(other, _)| *other < name.as_str()), (name.as_str(), own));
    let blocks: Vec<String> = listed.iter().map(|(_, text)| format!("[[package]]\n{text}\n")).collect();
    Some(without_needless_versions(&format!("{head}{}", blocks.join("\n")), &kept))
}

/// Cargo names a dependency's version only where there are several.
fn without_needless_versions(lock: &str, kept: &BTreeSet<(&str, &str)>) -> String {
    let is_alone = |name: &str| kept.iter().filter(|(other, _)| *other == name).count() == 1;
    let shortened = |line: &str| {
        let dependency = line.strip_prefix(" \"")?.strip_suffix("\",\n")?;
        let (name, _) = dependency.split_once(' ')?;
        is_alone(name).then(|| format!(" \"{name}\",\n"))
    };
    lock.split_inclusive('\n').map(|line| shortened(line).unwrap_or_else(|| line.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_copy_needs_is_locked() {
        let package = |name: &str, source: &str, dependencies: &str| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\n{source}{dependencies}")
        };
        let of_registry = "source = \"registry\"\n";
        let lock = [
            "version = 4\n".to_owned(),
            package("a", of_registry, "dependencies = [\n \"b\",\n]\n"),
            package("b", of_registry, ""),
            package("of-tests", of_registry, "dependencies = [\n \"b\",\n]\n"),
            package("xtask", "", "dependencies = [\n \"a\",\n \"of-tests\",\n]\n"),
        ];
        let copy = of_copy(&lock.join("\n"), &"db".parse().unwrap(), "[dependencies]\na = \"1\" # c\n").unwrap();
        let expected =
            [lock[0].clone(), lock[1].clone(), lock[2].clone(), package("db", "", "dependencies = [\n \"a\",\n]\n")];
        assert_eq!(copy, expected.join("\n"));
        assert_eq!(of_copy("", &"db".parse().unwrap(), ""), None);
    }
}

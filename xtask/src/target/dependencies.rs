//! What services of a project need: what they depend on, directly or through others.

/// These services and all that they depend on.
pub fn needed_by<'a>(services: &[&'a str], depends_on: impl Fn(&str) -> Vec<&'a str>) -> Vec<&'a str> {
    let mut needed = services.to_vec();
    let mut next = 0;
    while let Some(service) = needed.get(next) {
        for name in depends_on(service) {
            if !needed.contains(&name) {
                needed.push(name);
            }
        }
        next += 1;
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_end_and_nothing_is_named_twice() {
        let depends_on = |name: &str| match name {
            "web" => vec!["api", "db"],
            "api" => vec!["db", "web"],
            _ => Vec::new(),
        };
        assert_eq!(needed_by(&["web"], depends_on), ["web", "api", "db"]);
        assert_eq!(needed_by(&["db", "other"], depends_on), ["db", "other"]);
    }
}

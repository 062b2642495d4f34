//! Which service of a project is PostgreSQL, and which OpenFGA: by setting, by name, else the only one by its image.

use super::image::ImageKind;
use crate::error::Fault;
use crate::words::shell_word;

/// What a service is looked for as.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) product: ImageKind,
    /// For people.
    what: &'static str,
    /// The setting that names the service.
    pub(super) setting: &'static str,
    /// The name that is taken where no setting names another.
    pub(super) usual: &'static str,
    /// What this program wants it for.
    purpose: &'static str,
    /// How one that is no service of the project is named.
    outside: &'static str,
}

pub(super) const POSTGRES: Role = Role {
    product: ImageKind::Postgres,
    what: "PostgreSQL",
    setting: "XTASK_POSTGRES_SERVICE",
    usual: "postgres",
    purpose: "this program looks after PostgreSQL, and no other database;",
    outside: "--target url, with DATABASE_URL=postgres://USER@HOST/DATABASE in .env or in the environment",
};
pub(super) const OPENFGA: Role = Role {
    product: ImageKind::Openfga,
    what: "OpenFGA",
    setting: "XTASK_OPENFGA_SERVICE",
    usual: "openfga",
    purpose: "this command needs OpenFGA;",
    outside: "OPENFGA_API_URL=http://HOST:PORT in .env or in the environment",
};

/// A service of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) name: String,
    /// Empty where it is not known: a service that is built.
    pub(super) image: String,
    pub(super) product: ImageKind,
    /// Profiles that it belongs to, where none of them is active.
    pub(super) inactive: Vec<String>,
    /// It runs another program of the image than its server: OpenFGA's migration, a nightly `pg_dump`.
    pub(super) runs_other_program: bool,
}

/// How the service was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    /// By a setting, or by the usual name.
    ByName,
    /// By this image alone.
    ByImage(String),
    /// Its port answers.
    ByAnswer,
    /// It has this image but runs another program than the server; these services are built, and may be it.
    Supposed { image: String, others: Vec<String> },
}

/// The service that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServiceFound {
    pub(super) name: String,
    told: Told,
    /// Profiles that it belongs to, where none of them is active.
    pub(super) inactive: Vec<String>,
}

impl ServiceFound {
    /// What a person types to start it.
    pub(super) fn start_command(&self) -> String {
        match self.inactive.first() {
            Some(profile) => {
                let word = shell_word(profile);
                format!("COMPOSE_PROFILES={word} cargo xtask up (the profile {profile} is not active)")
            }
            None => "cargo xtask up".to_owned(),
        }
    }

    /// Whether it is the database, and another look might not find that out.
    pub(super) fn is_known_here(&self) -> bool {
        matches!(self.told, Told::ByImage(_) | Told::ByAnswer)
    }

    /// What a person should know of a service that was not recognised by its name.
    pub(super) fn note(&self) -> Option<String> {
        let (name, setting) = (&self.name, POSTGRES.setting);
        let says_so = format!("{setting}={name} says so, too");
        match &self.told {
            Told::ByName => None,
            Told::ByImage(image) => Some(format!("PostgreSQL is the service {name} (image {image}); {says_so}")),
            Told::ByAnswer => Some(format!("PostgreSQL is the service {name} (its port answers); {says_so}")),
            Told::Supposed { image, others } => Some(format!(
                "The service {name} is taken for PostgreSQL: it has the image {image}, but runs another program than \
                 its server, and no other service answers\nif another one is it, name it in {setting}: {}",
                others.join(", ")
            )),
        }
    }

    /// The service of this name, of which nothing more is known.
    pub(super) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), told: Told::ByName, inactive: Vec::new() }
    }
}

/// Whether this is a service's name: of Compose's letters, and no option of a command line.
pub(super) fn is_name(name: &str) -> bool {
    let is_letter = |letter: u8| letter.is_ascii_alphanumeric() || b"._-".contains(&letter);
    (1..=255).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(is_letter)
}

/// The service of this role; `None` where no service is it by setting, name or image.
///
/// # Errors
/// Exit 2: the setting names no service, or one that is something else; several are it.
pub(super) fn choose(
    role: &Role,
    named: Option<&str>,
    candidates: &[Candidate],
) -> Result<Option<ServiceFound>, Fault> {
    match told(role, named, candidates)? {
        Some(found) => Ok(Some(found)),
        None => supposed(role, candidates),
    }
}

/// The service that setting, name or image tell: an active one that runs the product's server.
///
/// # Errors
/// As [`choose`].
pub(super) fn told(role: &Role, named: Option<&str>, candidates: &[Candidate]) -> Result<Option<ServiceFound>, Fault> {
    if let Some(name) = named {
        return by_setting(role, name, candidates).map(Some);
    }
    if let Some(usual) = usual(role, candidates).filter(|usual| usual.inactive.is_empty()) {
        return Ok(Some(ServiceFound::named(&usual.name)));
    }
    let servers = candidates.iter().filter(|one| one.product == role.product && one.inactive.is_empty());
    let servers: Vec<&Candidate> = servers.filter(|one| !one.runs_other_program).collect();
    match servers.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(found(only))),
        _ => Err(several(role, &servers)),
    }
}

/// The service that has the product's image, where none is known: it is not active, or its program is not known.
///
/// # Errors
/// Exit 2: several are it.
pub(super) fn supposed(role: &Role, candidates: &[Candidate]) -> Result<Option<ServiceFound>, Fault> {
    let usual = usual(role, candidates);
    let (active, inactive): (Vec<&Candidate>, Vec<&Candidate>) =
        servers(role, candidates).into_iter().partition(|candidate| candidate.inactive.is_empty());
    match (active.as_slice(), inactive.as_slice()) {
        ([only], _) => Ok(Some(beside_others(only, candidates))),
        ([_, _, ..], _) => Err(several(role, &active)),
        // An inactive OpenFGA service counts as none. An inactive database service is still the project's database.
        ([], _) if role.product == ImageKind::Openfga => Ok(None),
        ([], _) if usual.is_some() => Ok(usual.map(found)),
        ([], [only]) => Ok(Some(found(only))),
        ([], []) => Ok(None),
        ([], _) => Err(several(role, &inactive)),
    }
}

/// The only one of those whose port answers.
///
/// # Errors
/// Exit 2: several are it.
pub(super) fn answering(role: &Role, candidates: &[&Candidate]) -> Result<Option<ServiceFound>, Fault> {
    match candidates {
        [] => Ok(None),
        [only] => Ok(Some(ServiceFound { told: Told::ByAnswer, ..found(only) })),
        _ => Err(several(role, candidates)),
    }
}

/// The service of the usual name, where it may be it.
fn usual<'a>(role: &Role, candidates: &'a [Candidate]) -> Option<&'a Candidate> {
    let may_be = |candidate: &&Candidate| [role.product, ImageKind::Unknown].contains(&candidate.product);
    candidates.iter().find(|candidate| candidate.name == role.usual).filter(may_be)
}

/// A service, with those that may be it instead where it runs another program.
fn beside_others(candidate: &Candidate, candidates: &[Candidate]) -> ServiceFound {
    let unknown = candidates.iter().filter(|other| other.product == ImageKind::Unknown && other.inactive.is_empty());
    let others: Vec<String> = unknown.map(|other| other.name.clone()).collect();
    if !candidate.runs_other_program || others.is_empty() {
        return found(candidate);
    }
    ServiceFound { told: Told::Supposed { image: candidate.image.clone(), others }, ..found(candidate) }
}

/// The services that run this product's server. A PostgreSQL whose program is not known (a script of the team's own)
/// counts where no other does.
fn servers<'a>(role: &Role, candidates: &'a [Candidate]) -> Vec<&'a Candidate> {
    let (other, servers): (Vec<_>, Vec<_>) = candidates
        .iter()
        .filter(|candidate| candidate.product == role.product)
        .partition(|candidate| candidate.runs_other_program);
    if servers.is_empty() && role.product == ImageKind::Postgres { other } else { servers }
}

fn found(candidate: &Candidate) -> ServiceFound {
    let image = Some(candidate.image.clone()).filter(|image| !image.is_empty());
    let told = image.map_or(Told::ByName, Told::ByImage);
    ServiceFound { name: candidate.name.clone(), told, inactive: candidate.inactive.clone() }
}

fn by_setting(role: &Role, name: &str, candidates: &[Candidate]) -> Result<ServiceFound, Fault> {
    let Role { setting, what, .. } = role;
    let Some(candidate) = candidates.iter().find(|candidate| candidate.name == name) else {
        let fault = Fault::usage(format!("{setting} is {name:?}, which is no service of this project"));
        return Err(fault.hint(those_that_are(role, candidates)));
    };
    if candidate.product != ImageKind::Unknown && candidate.product != role.product {
        let fault =
            Fault::usage(format!("{setting} is {name}, which is not {what} (its image is {})", candidate.image));
        return Err(fault.hint(those_that_are(role, candidates)));
    }
    Ok(ServiceFound { told: Told::ByName, ..found(candidate) })
}

fn several(role: &Role, candidates: &[&Candidate]) -> Fault {
    let names: Vec<String> = candidates.iter().map(|candidate| shown(candidate)).collect();
    let Role { setting, what, .. } = role;
    let first = candidates.first().map_or("NAME", |candidate| candidate.name.as_str());
    Fault::usage(format!("Several services of this project are {what}: {}", names.join(", ")))
        .hint(format!("name one of them: {setting}={first}, in .env or in the environment"))
}

/// No service of the project is it.
pub(super) fn none(role: &Role, candidates: &[Candidate]) -> Fault {
    let Role { setting, what, usual, .. } = role;
    let other = candidates.iter().find(|candidate| candidate.name == *usual && candidate.product == ImageKind::Other);
    let message = match other {
        Some(other) => format!("The service {usual} is not {what} (its image is {})", other.image),
        None => format!("No service of this project is {what}, by name or image"),
    };
    // A service that is known to be something else would be refused under that setting, too.
    let may_be = candidates.iter().filter(|candidate| [role.product, ImageKind::Unknown].contains(&candidate.product));
    let names: Vec<&str> = may_be.map(|candidate| candidate.name.as_str()).collect();
    Fault::usage(message).hint(match names.as_slice() {
        [] => format!("{} if there is one outside of this project: {}", role.purpose, role.outside),
        names => {
            format!("name it: {setting}=SERVICE, in .env or in the environment; it may be: {}", names.join(", "))
        }
    })
}

/// What could be named instead.
fn those_that_are(role: &Role, candidates: &[Candidate]) -> String {
    let Role { setting, what, .. } = role;
    let are: Vec<String> = servers(role, candidates).into_iter().map(shown).collect();
    if are.is_empty() {
        let names: Vec<&str> = candidates.iter().map(|candidate| candidate.name.as_str()).collect();
        return format!("the services of this project are: {}", names.join(", "));
    }
    format!("the services that are {what}: {}; name one of them in {setting}, or leave it unset", are.join(", "))
}

fn shown(candidate: &Candidate) -> String {
    let Candidate { name, image, inactive, .. } = candidate;
    match inactive.as_slice() {
        [] => format!("{name} ({image})"),
        profiles => format!("{name} ({image}, profile {} is not active)", profiles.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::image;
    use super::*;

    fn service(name: &str, image: &str) -> Candidate {
        let product = image::product(image);
        Candidate { name: name.into(), image: image.into(), product, inactive: Vec::new(), runs_other_program: false }
    }

    fn of_profile(name: &str, image: &str) -> Candidate {
        Candidate { inactive: vec!["extra".to_owned()], ..service(name, image) }
    }

    fn name(role: &Role, named: Option<&str>, candidates: &[Candidate]) -> Option<String> {
        choose(role, named, candidates).unwrap().map(|found| found.name)
    }

    #[track_caller]
    fn refused(named: Option<&str>, candidates: &[Candidate]) -> String {
        let fault = choose(&POSTGRES, named, candidates).unwrap_err();
        assert_eq!(fault.exit.code(), 2);
        format!("{fault} {}", fault.hint_text().unwrap_or_default())
    }

    #[test]
    fn a_setting_wins_then_the_usual_name_then_the_only_image() {
        let both = [service("db", "postgres:16"), service("postgres", "postgres:16"), service("web", "app")];
        assert_eq!(name(&POSTGRES, Some("db"), &both).as_deref(), Some("db"));
        assert_eq!(name(&POSTGRES, Some("web"), &both).as_deref(), Some("web"), "a build may be anything");
        assert_eq!(name(&POSTGRES, None, &both).as_deref(), Some("postgres"));
        let one = [service("mysql", "mysql:8"), service("db", "postgis/postgis:16"), service("web", "app")];
        let found = choose(&POSTGRES, None, &one).unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.told), ("db", Told::ByImage("postgis/postgis:16".to_owned())));
        assert_eq!(name(&POSTGRES, None, &[service("postgres", "")]).as_deref(), Some("postgres"), "it is built");
        assert_eq!(name(&POSTGRES, None, &[service("web", "app")]), None);
    }

    #[test]
    fn several_a_wrong_name_and_another_product_are_refused_with_those_that_are() {
        let two = [service("db", "postgres:16"), service("other", "pgvector/pgvector:pg16"), service("my", "mysql")];
        let said = refused(None, &two);
        assert!(said.contains("db (postgres:16), other (pgvector/pgvector:pg16)"), "{said}");
        assert!(said.contains("XTASK_POSTGRES_SERVICE=db"), "{said}");
        let said = refused(Some("databse"), &two);
        assert!(said.contains("\"databse\"") && said.contains("db (postgres:16), other"), "{said}");
        let said = refused(Some("my"), &two);
        assert!(said.contains("my, which is not PostgreSQL (its image is mysql)"), "{said}");
        let said = refused(Some("a\u{1b}[31m"), &[service("web", "app")]);
        assert!(said.contains("\\u{1b}") && said.contains("web"), "{said}");
    }

    #[test]
    fn another_product_under_the_usual_name_is_not_taken() {
        let beside = [service("postgres", "mysql:8"), service("db", "postgres:16")];
        assert_eq!(name(&POSTGRES, None, &beside).as_deref(), Some("db"));
        let alone = [service("postgres", "mysql:8"), service("web", "app")];
        assert_eq!(name(&POSTGRES, None, &alone), None);
        let said = none(&POSTGRES, &alone);
        assert_eq!(said.to_string(), "The service postgres is not PostgreSQL (its image is mysql:8)");
        let hint = said.hint_text().unwrap();
        assert!(hint.ends_with("; it may be: web"), "{hint}");
    }

    #[test]
    fn an_inactive_profile_counts_only_where_nothing_else_does() {
        let found = choose(&POSTGRES, None, &[of_profile("db", "postgres:16")]).unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.inactive), ("db", vec!["extra".to_owned()]));
        let beside = [of_profile("postgres", "postgres:16"), service("db", "postgres:16")];
        assert_eq!(name(&POSTGRES, None, &beside).as_deref(), Some("db"));
        let said = refused(None, &[of_profile("a", "postgres:16"), of_profile("b", "postgres:16")]);
        assert!(said.contains("a (postgres:16, profile extra is not active)"), "{said}");
        assert_eq!(name(&OPENFGA, None, &[of_profile("openfga", "openfga/openfga")]), None);
    }

    #[test]
    fn a_migration_is_not_the_server() {
        let migrate = Candidate { runs_other_program: true, ..service("openfga-migrate", "openfga/openfga") };
        let candidates = [migrate.clone(), service("fga", "openfga/openfga")];
        assert_eq!(name(&OPENFGA, None, &candidates).as_deref(), Some("fga"));
        assert_eq!(name(&OPENFGA, None, &[migrate]), None);
    }

    #[test]
    fn a_backup_job_of_postgres_image_is_not_the_server() {
        let job = Candidate { runs_other_program: true, ..service("backup", "postgres:16") };
        let beside = [job.clone(), service("db", "postgres:16")];
        assert_eq!(name(&POSTGRES, None, &beside).as_deref(), Some("db"));
        let alone = [Candidate { name: "db".into(), ..job.clone() }];
        assert_eq!(name(&POSTGRES, None, &alone).as_deref(), Some("db"), "a script of the team's own may start it");
        assert!(refused(None, &[job.clone(), Candidate { name: "web".into(), ..job }]).contains("backup"));
    }

    #[test]
    fn what_runs_another_program_or_is_not_active_is_no_more_than_supposed() {
        let job = Candidate { runs_other_program: true, ..service("job", "postgres:16") };
        let built = service("database", "team/database");
        for beside in [vec![job.clone(), built.clone()], vec![of_profile("test", "postgres:16"), built.clone()]] {
            assert_eq!(told(&POSTGRES, None, &beside).unwrap(), None);
        }
        let answering = answering(&POSTGRES, &[&built]).unwrap().unwrap();
        assert_eq!((answering.name.as_str(), &answering.told), ("database", &Told::ByAnswer));
        let found = supposed(&POSTGRES, &[job.clone(), built]).unwrap().unwrap();
        let note = found.note().unwrap();
        assert!(note.contains("service job") && note.ends_with("XTASK_POSTGRES_SERVICE: database"), "{note}");
        let alone = supposed(&POSTGRES, &[job]).unwrap().unwrap();
        assert_eq!(alone.told, Told::ByImage("postgres:16".to_owned()));
    }

    #[test]
    fn a_name_is_no_option_and_has_composes_letters() {
        for good in ["db", "plausible_db", "a.b-c", "1"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "-f", "--all", "a b", "a/b", "a\nb", "ä"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}

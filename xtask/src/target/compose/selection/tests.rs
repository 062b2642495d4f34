use super::refusal::none;
use super::*;
use crate::target::compose::image;

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
    assert_eq!((found.name.as_str(), found.recognised), ("db", Recognised::ByImage("postgis/postgis:16".to_owned())));
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
        assert_eq!(recognised(&POSTGRES, None, &beside).unwrap(), None);
    }
    let answering = answering(&POSTGRES, &[&built]).unwrap().unwrap();
    assert_eq!((answering.name.as_str(), &answering.recognised), ("database", &Recognised::ByAnswer));
    let found = supposed(&POSTGRES, &[job.clone(), built]).unwrap().unwrap();
    let note = found.note().unwrap();
    assert!(
        note.contains("service job")
            && note.contains("XTASK_POSTGRES_SERVICE=database, in .env")
            && note.ends_with("(it may be: database)"),
        "{note}"
    );
    let alone = supposed(&POSTGRES, &[job]).unwrap().unwrap();
    assert_eq!(alone.recognised, Recognised::ByImage("postgres:16".to_owned()));
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

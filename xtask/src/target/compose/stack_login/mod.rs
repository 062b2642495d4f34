//! How to log in, as the service itself says: its container's variables, the files that they name, the image's defaults.

mod declared;
mod part;

pub(super) use declared::Declared;
pub(in crate::target) use part::SETTINGS;
pub(super) use part::{DATABASE, Part, PartOrigin, given};

use super::server_options;
use crate::error::Fault;
use crate::settings::Settings;
use crate::target::backend::Login;
use declared::SUPERUSER;
use part::{PASSWORD, USER};

/// The login of a stack's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StackLogin {
    pub(super) login: Login,
    user: PartOrigin,
    database: PartOrigin,
    /// `None`: neither the service nor a setting has one, or it is in a file that cannot be read.
    pub(super) password: Option<Part>,
    is_password_unread: bool,
    /// Programs inside find this password by themselves: it is `PGPASSWORD` there.
    pub(super) is_inside: bool,
    /// Where programs inside reach the server, where that is not the usual socket and port.
    pub(super) inside: Vec<(&'static str, String)>,
    /// What a person should know.
    pub(super) warnings: Vec<String>,
}

impl StackLogin {
    /// Command line > process environment > the service > the image's default; the database of OpenFGA's datastore
    /// stands before the service's own.
    ///
    /// # Errors
    /// A file that should name user or database cannot be read, and the server runs.
    pub(super) fn read(settings: &Settings, declared: &Declared) -> Result<Self, Fault> {
        let mut warnings = Vec::new();
        let mut part = |name: &str| match declared.part(name) {
            Err(fault) if !declared.runs => {
                warnings.push(format!("{fault}; until it runs, the image's default is shown"));
                Ok(None)
            }
            read => read,
        };
        let own_user = part(USER)?;
        let default_database = match (&own_user, declared.is_bitnami()) {
            (Some(user), false) => user.value.clone(),
            _ => SUPERUSER.to_owned(),
        };
        let of_image = |value: &str| Part { value: value.to_owned(), origin: PartOrigin::Image };
        let user = given(settings, USER).or(own_user).unwrap_or_else(|| of_image(SUPERUSER));
        let database = match given(settings, DATABASE).or_else(|| declared.of_openfga.clone()) {
            Some(database) => database,
            None => part(DATABASE)?.unwrap_or_else(|| of_image(&default_database)),
        };
        let mut is_password_unread = false;
        let password = given(settings, PASSWORD).or_else(|| {
            // Programs inside try the socket first, where most images ask for none.
            declared.password(&user.value).unwrap_or_else(|why| {
                warnings.push(why);
                is_password_unread = true;
                None
            })
        });
        let is_inside =
            password.as_ref().is_some_and(|part| declared.environment.get("PGPASSWORD") == Some(&part.value));
        Ok(Self {
            login: Login { database: database.value, user: user.value },
            user: user.origin,
            database: database.origin,
            password,
            is_password_unread,
            is_inside,
            inside: server_options::inside(declared.environment, declared.command),
            warnings,
        })
    }

    /// What the settings say, where no stack can be read. No program is started with it.
    pub(super) fn assumed(settings: &Settings) -> Self {
        Self {
            login: Login::of(settings),
            user: PartOrigin::Image,
            database: PartOrigin::Image,
            password: None,
            is_password_unread: false,
            is_inside: false,
            inside: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Variables by which programs inside the container log in, but for those that the caller gives.
    pub(super) fn inside_variables<'a>(
        &'a self,
        given: &'a [(&str, &str)],
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let password = self.password.as_ref().filter(|_| !self.is_inside);
        let password = password.map(|part| ("PGPASSWORD", part.value.as_str()));
        let all = self.inside.iter().map(|(name, value)| (*name, value.as_str())).chain(password);
        all.filter(|(name, _)| given.iter().all(|(given, _)| given != name))
    }

    /// Where each part came from, the password masked.
    pub(super) fn origins(&self) -> Vec<String> {
        let password = match &self.password {
            Some(part) => format!("{PASSWORD}=*** ({})", part.origin.shown(PASSWORD)),
            None if self.is_password_unread => format!("{PASSWORD}=(not known) (its file cannot be read)"),
            None => format!("{PASSWORD}=(not set) (the service has none)"),
        };
        let line = |name: &str, value: &str, origin: &PartOrigin| format!("{name}={value} ({})", origin.shown(name));
        vec![line(USER, &self.login.user, &self.user), password, line(DATABASE, &self.login.database, &self.database)]
    }

    /// Where the value of a setting comes from, as a person changes it: `POSTGRES_USER in the environment`.
    pub(super) fn source_of(&self, setting: &str) -> String {
        let origin = match setting {
            USER => Some(&self.user),
            DATABASE => Some(&self.database),
            _ => self.password.as_ref().map(|part| &part.origin),
        };
        match origin {
            Some(PartOrigin::CommandLine) if setting == DATABASE => "--database".to_owned(),
            Some(PartOrigin::CommandLine) => format!("{setting} on the command line"),
            Some(PartOrigin::Environment) => format!("{setting} in the environment"),
            Some(PartOrigin::Variable { service, name }) => format!("{name} of the service {service}"),
            Some(PartOrigin::Image) => format!("the image's default (no {setting} is set)"),
            None => format!("not set ({setting})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)], settings: &Settings) -> StackLogin {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let file = |path: &str| match path {
            "/run/secrets/pw" => Ok("from a file\n\n".to_owned()),
            "/run/secrets/user" => Ok("filed".to_owned()),
            _ => Err("Permission denied".to_owned()),
        };
        let environment = &environment;
        let declared = Declared { service: "db", environment, command: &[], file: &file, of_openfga: None, runs: true };
        StackLogin::read(settings, &declared).unwrap()
    }

    fn login(variables: &[(&str, &str)]) -> (String, String, Option<String>) {
        let read = read(variables, &Settings::default());
        (read.login.user, read.login.database, read.password.map(|part| part.value))
    }

    fn parts(user: &str, database: &str, password: Option<&str>) -> (String, String, Option<String>) {
        (user.to_owned(), database.to_owned(), password.map(str::to_owned))
    }

    #[test]
    fn the_official_images_defaults_are_its_entry_points() {
        assert_eq!(login(&[]), parts("postgres", "postgres", None));
        let official = ("PG_MAJOR", "16");
        assert_eq!(login(&[official, ("POSTGRES_USER", "app")]), parts("app", "app", None));
        assert_eq!(login(&[official, ("POSTGRES_USER", ""), ("POSTGRES_DB", "x")]), parts("postgres", "x", None));
        let stray = [official, ("POSTGRESQL_USERNAME", "another's"), ("POSTGRES_PASSWORD", "a")];
        assert_eq!(
            login(&stray),
            parts("postgres", "postgres", Some("a")),
            "the official image does not know that name"
        );
    }

    #[test]
    fn bitnamis_names_count_with_its_own_defaults() {
        let variables = [("POSTGRESQL_USERNAME", "app"), ("POSTGRESQL_PASSWORD", "a"), ("POSTGRES_PASSWORD", "b")];
        assert_eq!(login(&variables), parts("app", "postgres", Some("a")));
        let file = [("POSTGRESQL_PASSWORD_FILE", "/run/secrets/pw"), ("POSTGRESQL_DATABASE", "d")];
        assert_eq!(login(&file), parts("postgres", "d", Some("from a file")));
        let mut settings = Settings::default();
        settings.set_flag("POSTGRES_USER", "postgres");
        let both =
            [("POSTGRESQL_USERNAME", "app"), ("POSTGRESQL_PASSWORD", "a"), ("POSTGRESQL_POSTGRES_PASSWORD", "s")];
        assert_eq!(read(&both, &settings).password.unwrap().value, "s");
    }

    #[test]
    fn a_file_is_read_as_the_entry_point_reads_it() {
        let files = [("POSTGRES_USER_FILE", "/run/secrets/user"), ("POSTGRES_PASSWORD_FILE", "/run/secrets/pw")];
        assert_eq!(login(&files), parts("filed", "filed", Some("from a file")));
        let unreadable = read(&[("POSTGRES_PASSWORD_FILE", "/root/x")], &Settings::default());
        let origins = unreadable.origins();
        assert!(origins[1].ends_with("(not known) (its file cannot be read)"), "{origins:?}");
        assert_eq!(unreadable.password, None);
        let expected =
            "POSTGRES_PASSWORD_FILE of the service db names /root/x, which cannot be read: Permission denied";
        assert_eq!(unreadable.warnings, [expected]);
        let environment = [("POSTGRES_DB_FILE".to_owned(), "/root/x".to_owned())].into();
        let file = |_: &str| Err("Permission denied".to_owned());
        let environment = &environment;
        let mut declared =
            Declared { service: "db", environment, command: &[], file: &file, of_openfga: None, runs: true };
        assert!(StackLogin::read(&Settings::default(), &declared).is_err(), "a database is never guessed");
        declared.runs = false;
        let shown = StackLogin::read(&Settings::default(), &declared).unwrap();
        assert_eq!((shown.login.database.as_str(), shown.warnings.len()), ("postgres", 1), "nothing logs in yet");
        assert!(shown.warnings[0].starts_with("POSTGRES_DB_FILE of the service db names /root/x, which cannot be"));
    }

    #[test]
    fn command_line_and_environment_win_and_every_part_says_where_it_is_from() {
        let mut settings = Settings::default();
        settings.set_flag("POSTGRES_DB", "other");
        let found =
            read(&[("POSTGRES_USER", "app"), ("POSTGRES_PASSWORD", "hunter2"), ("PGPASSWORD", "hunter2")], &settings);
        let expected = [
            "POSTGRES_USER=app (service db)",
            "POSTGRES_PASSWORD=*** (service db: PGPASSWORD)",
            "POSTGRES_DB=other (command line)",
        ];
        assert_eq!(found.origins(), expected);
        assert!(found.is_inside);
        assert_eq!(found.source_of("POSTGRES_USER"), "POSTGRES_USER of the service db");
    }
}

//! Statements by the synopses of PostgreSQL's manual (`manual.txt`), in all the ways that they can be spelled, each with
//! what is true of it. The suite's tests on a real server use it, too.

/// What is true of a statement, whatever a reader makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// It touches what all databases share.
    Shared,
    /// It runs something, or reaches out.
    Runs,
    /// It changes how the rest is read or run.
    Session,
    /// It is about an object of its own database.
    Local,
}

/// One synopsis.
#[derive(Debug, Clone, Copy)]
pub struct Synopsis {
    pub truth: Truth,
    pub text: &'static str,
}

/// All synopses of the manual's commands.
pub fn synopses() -> Vec<Synopsis> {
    let mut truth = Truth::Local;
    let mut found = Vec::new();
    for line in include_str!("manual.txt").lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        match line.strip_prefix("## ") {
            Some("shared") => truth = Truth::Shared,
            Some("runs") => truth = Truth::Runs,
            Some("session") => truth = Truth::Session,
            Some(_) => truth = Truth::Local,
            None => found.push(Synopsis { truth, text: line }),
        }
    }
    found
}

/// Writes statements by chance; the same seed writes the same.
#[derive(Debug)]
pub struct Generator {
    state: u64,
    /// The plainest spelling alone, with names that a server can be prepared for.
    plain: bool,
}

/// Strings in each way of quoting, with what could end a statement in them.
const STRINGS: &[&str] =
    &["'x'", "'it''s; '", "E'it\\'s;'", "$$;'$$", "$q$ $$ ; $q$", "'\\'", "U&'x'", "'host=x'", "'' "];

const SHARED: &[&str] = &[
    "pg_authid",
    "pg_auth_members",
    "pg_database",
    "pg_db_role_setting",
    "pg_tablespace",
    "pg_parameter_acl",
    "pg_shdescription",
    "pg_shseclabel",
    "pg_subscription",
    "pg_replication_origin",
];
const SETTINGS: &[&str] = &[
    "session_replication_role",
    "allow_system_table_mods",
    "dynamic_library_path",
    "session_preload_libraries",
    "search_path",
    "work_mem",
    "\"row_security\"",
    "app.key",
];
const BETWEEN: &[&str] =
    &[" ", " ", " ", "\n", "\t", "  \n ", " /* ; */ ", "/**/", " -- ;'\"$$\n", "/* /* ' */ \\! */"];

impl Generator {
    pub fn new(seed: u64, plain: bool) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, plain }
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % (end.max(1) as u64)).unwrap_or_default()
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    /// A statement of this synopsis, without its semicolon.
    pub fn statement(&mut self, synopsis: Synopsis) -> String {
        let parts: Vec<&str> = synopsis.text.split(' ').collect();
        let mut tokens = Vec::new();
        self.sequence(&parts, &mut 0, true, &mut tokens);
        let mut text = String::new();
        for token in tokens {
            if !text.is_empty() {
                text.push_str(if self.plain { " " } else { self.one_of(BETWEEN) });
            }
            text.push_str(&token);
        }
        text
    }

    /// Up to the part that ends a sequence, on which `at` is left. Not `taken`: it is only passed over.
    fn sequence(&mut self, parts: &[&str], at: &mut usize, taken: bool, tokens: &mut Vec<String>) {
        while let Some(part) = parts.get(*at) {
            match *part {
                "]" | "}" | "|" => return,
                "[" | "{" => self.choice(parts, at, taken, tokens),
                part if taken => {
                    let token = self.token(part);
                    tokens.push(token);
                }
                _ => {}
            }
            *at += 1;
        }
    }

    fn choice(&mut self, parts: &[&str], at: &mut usize, taken: bool, tokens: &mut Vec<String>) {
        let optional = parts[*at] == "[";
        let count = alternatives(&parts[*at..]);
        let chosen = self.below(if optional { count * 2 } else { count });
        for number in 0..count {
            *at += 1;
            self.sequence(parts, at, taken && number == chosen, tokens);
        }
    }

    fn token(&mut self, part: &str) -> String {
        match part {
            "<name>" => self.identifier(&["a", "t", "villain", "public", "role", "mapping"]),
            "<role>" => self.identifier(&["villain", "postgres", "owner", "database"]),
            "<column>" => self.identifier(&["a", "b", "copy", "rolname"]),
            "<schema>" => self.identifier(&["public", "app"]),
            "<table>" => self.qualified(&["public", "app"], &["t", "u", "copy", "we ird"]),
            "<function>" => self.qualified(&["public", "app"], &["f", "g", "setval"]),
            "<shared>" => match self.below(3) {
                0 => self.identifier(SHARED),
                1 => self.qualified(&["pg_catalog"], SHARED),
                _ => self
                    .qualified(&["pg_catalog", "information_schema", "pg_toast", "pg_temp"], &["t", "pg_toast_1260"]),
            },
            "<setting>" => self.one_of(SETTINGS).to_owned(),
            "<value>" => self.one_of(&["on", "'/tmp'", "replica", "0", "'a', 'b'"]).to_owned(),
            "<number>" => self.one_of(&["1", "16384", "0"]).to_owned(),
            "<constant>" => {
                self.one_of(&["1", "'x'", "NULL", "-1.5e-20", "true", "E'\\\\'", "B'101'", "DEFAULT"]).to_owned()
            }
            "<string>" if self.plain => "'x'".to_owned(),
            "<string>" => self.one_of(STRINGS).to_owned(),
            "<never>" => "DROP DATABASE villain".to_owned(),
            word if self.plain => word.to_owned(),
            word => match self.below(3) {
                0 => word.to_ascii_lowercase(),
                1 => word.chars().map(|c| if self.below(2) == 0 { c } else { c.to_ascii_lowercase() }).collect(),
                _ => word.to_owned(),
            },
        }
    }

    fn qualified(&mut self, schemas: &[&str], names: &[&str]) -> String {
        let dot = if self.plain { "." } else { self.one_of(&[".", ".", ".", " . ", "./**/"]) };
        [&self.identifier(schemas), dot, &self.identifier(names)].concat()
    }

    fn identifier(&mut self, names: &[&str]) -> String {
        let name = self.one_of(names);
        let simple = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        match self.below(if self.plain { 1 } else { 6 }) {
            _ if !simple => format!("\"{name}\""),
            0..=2 => name.to_owned(),
            3 => name.to_ascii_uppercase(),
            4 => format!("\"{name}\""),
            _ => {
                let first = name.bytes().next().unwrap_or(b'a');
                format!("U&\"\\00{first:02x}{}\"", &name[1..])
            }
        }
    }
}

/// How many alternatives the bracket holds with which these parts begin.
fn alternatives(parts: &[&str]) -> usize {
    let mut depth = 0usize;
    let mut count = 1;
    for part in parts {
        match *part {
            "[" | "{" => depth += 1,
            "]" | "}" if depth == 1 => return count,
            "]" | "}" => depth -= 1,
            "|" if depth == 1 => count += 1,
            _ => {}
        }
    }
    count
}

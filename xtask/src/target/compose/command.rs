//! `docker compose …` for this project: how it is started, with which database, and what its failures mean.

use super::engine::DEADLINE;
use super::{Compose, failure_text, generation};
use crate::process::{Captured, Program};
use crate::settings::{Origin, compose_files};
use crate::target::database_name::SETTING;
use anyhow::Result;
use std::time::{Duration, Instant};

impl Compose {
    /// The words that start Compose: `XTASK_COMPOSE`, else Docker's plugin, else the first that is new enough.
    pub(super) fn command(&self) -> Result<&[String]> {
        if let Some(command) = self.command.get() {
            return Ok(command);
        }
        let found = if self.plugin { generation::plugin() } else { generation::detected()? };
        Ok(self.command.get_or_init(|| found))
    }

    /// The version of the Compose in use; refused when it is too old.
    pub(super) fn check_version(&self) -> Result<String> {
        generation::checked_version(self.command()?)
    }

    /// `docker compose …` for this project, all profiles included: without, Compose refuses a project in which a service
    /// depends on one of an inactive profile. The arguments name the services; those of `down` do not, see
    /// [`Compose::program_of_profiles`].
    pub(super) fn program<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Result<Program> {
        self.program_of_profiles(["--profile", "*"].into_iter().chain(args))
    }

    /// `docker compose …` with the profiles that the arguments name, and those that are active.
    ///
    /// No `-f`: a team's docker-compose.override.yml keeps its effect. No `--project-directory` where `COMPOSE_FILE` names
    /// the files: the project's folder is that of the first file then, and its name and relative paths come from there.
    pub(super) fn program_of_profiles<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Result<Program> {
        Ok(self.for_project(generation::started(self.command()?)).args(args))
    }

    /// A question about the project's files, put to Docker's plugin itself: `docker` would start it twice, the first time to
    /// hear what it is, and no engine is asked. `None` where it is not certain which file the plugin is.
    pub(super) fn question<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Option<Program> {
        let program = self.for_project(Program::new(self.asked_plugin.as_ref()?));
        Some(program.args(["--profile", "*"]).args(args))
    }

    /// What Compose says of the project's files. `None` where that has to be heard from `docker compose`: a failure is
    /// explained by its words.
    ///
    /// # Errors
    /// There was no answer in time.
    pub(super) fn told<'a>(
        &self,
        args: impl IntoIterator<Item = &'a str>,
        deadline: Duration,
    ) -> Result<Option<String>> {
        let Some(question) = self.question(args) else { return Ok(None) };
        let end = Instant::now() + deadline;
        match question.capture(deadline) {
            Ok(captured) => Ok(captured.ending.success().then(|| captured.text())),
            Err(error) if Instant::now() >= end => Err(error),
            // It cannot be started.
            Err(_) => Ok(None),
        }
    }

    fn for_project(&self, program: Program) -> Program {
        let mut program = self.with_selection(program).folder(&self.root);
        if let Some(confined) = &self.confined {
            program = confined.around(program);
        }
        if !compose_files::are_listed(&self.settings) {
            program = program.arg("--project-directory").arg(&self.root);
        }
        program
    }

    /// What is typed, or set for this process, says which database a command works on, not what the services are made
    /// of: only `up` gives it to Compose. Elsewhere it would turn the URI of each service into that database's.
    pub(super) fn with_selection(&self, program: Program) -> Program {
        match self.selection() {
            Some(database) => program.env(SETTING, database),
            None => program.unset(SETTING),
        }
    }

    /// The database that Compose is given: in `up`, where one is selected; elsewhere that of the process environment,
    /// where the files cannot be read without it.
    pub(super) fn selection(&self) -> Option<&str> {
        if self.starts.get().is_none() {
            return self.settings.in_environment(SETTING).filter(|_| self.needs_database.get() == Some(&true));
        }
        let selected = self.settings.find(SETTING).filter(|(_, origin)| *origin != Origin::File);
        selected.map(|(database, _)| database)
    }

    /// Whether Compose reads the project only with the database of the process environment, as files with
    /// `${POSTGRES_DB:?…}` want it. Asked after a failure, and once: true means that the same call is worth another try.
    pub(super) fn has_learnt_to_give_database(&self) -> bool {
        if self.starts.get().is_some() || self.needs_database.get().is_some() {
            return false;
        }
        let Some(database) = self.settings.in_environment(SETTING) else { return false };
        let reads = |database: Option<&str>| {
            let asked = self.program(["config", "--quiet"]).ok()?;
            let asked = database.into_iter().fold(asked, |asked, database| asked.env(SETTING, database));
            Some(asked.capture(DEADLINE).ok()?.ending.success())
        };
        let needs = reads(None) == Some(false) && reads(Some(database)) == Some(true);
        *self.needs_database.get_or_init(|| needs)
    }

    /// Runs a Compose command and takes what it says; a failure is explained.
    pub(super) fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>, deadline: Duration) -> Result<Captured> {
        let words: Vec<&str> = ["--profile", "*"].into_iter().chain(args).collect();
        self.run_with_profiles(&words, deadline)
    }

    /// Runs a Compose command with the profiles that the words name, and those that are active.
    pub(super) fn run_with_profiles(&self, words: &[&str], deadline: Duration) -> Result<Captured> {
        let captured =
            || self.captured(&self.program_of_profiles(words.iter().copied())?, deadline, failure_text::explained);
        match captured() {
            Err(_) if self.has_learnt_to_give_database() => captured(),
            first => first,
        }
    }

    /// What a Compose program says; `explain` explains a failure for which nothing around Compose is the cause.
    pub(super) fn captured(
        &self,
        program: &Program,
        deadline: Duration,
        explain: impl FnOnce(&Captured) -> anyhow::Error,
    ) -> Result<Captured> {
        let captured = match program.capture(deadline) {
            Ok(captured) if captured.ending.success() => return Ok(captured),
            Ok(captured) => captured,
            Err(error) => return Err(self.outer_cause().unwrap_or(error)),
        };
        Err(self.outer_cause().or_else(|| self.project_cause()).unwrap_or_else(|| explain(&captured)))
    }
}

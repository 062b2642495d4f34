//! The tests of a store file: who may do what, what a user sees, which users see an object.

use super::fields::{self, Fields, text, truth};
use super::findings::{Place, Report};
use super::rules::{UserFilter, why_never_found, why_never_listed, why_no_user};
use super::sources::Folder;
use super::tuple_list::{tuples_of, without_repetitions};
use super::yaml::Node;
use crate::openfga::model::{Model, form_of_object, is_wildcard, type_of};
use crate::openfga::tuples::Tuple;
use serde_json::{Map, Value};

const TEST: &[&str] =
    &["name", "description", "tuples", "tuple_file", "tuple_files", "check", "list_objects", "list_users"];

type Context = Option<Map<String, Value>>;

/// One test.
#[derive(Debug)]
pub struct Test {
    /// Its name, else its number.
    pub name: String,
    /// What it adds to the store's tuples, for its own questions alone.
    pub tuples: Vec<Tuple>,
    pub checks: Vec<Check>,
    pub list_objects: Vec<ListObjects>,
    pub list_users: Vec<ListUsers>,
}

/// Has this user these relations to this object?
#[derive(Debug)]
pub struct Check {
    pub user: String,
    pub object: String,
    pub context: Context,
    pub assertions: Vec<(String, bool)>,
    pub place: Place,
}

/// To which objects of a type has this user a relation?
#[derive(Debug)]
pub struct ListObjects {
    pub user: String,
    pub object_type: String,
    pub context: Context,
    pub assertions: Vec<(String, Vec<String>)>,
    pub place: Place,
}

/// Which users of some types have a relation to this object?
#[derive(Debug)]
pub struct ListUsers {
    pub object: String,
    pub filters: Vec<UserFilter>,
    pub context: Context,
    pub assertions: Vec<(String, Vec<String>)>,
    pub place: Place,
}

/// At most so many questions are asked of a test: each user of an entry with each of its objects.
const MOST_CHECKS: usize = 100_000;

/// What a test's parts are checked against, and where findings go.
struct Reading<'r, 't, 'm> {
    model: Option<&'m Model>,
    report: &'r mut Report<'t>,
    checks_left: usize,
}

/// One test of the file; `number` counts from 1.
pub fn read(
    node: &Node,
    number: usize,
    folder: &Folder,
    model: Option<&Model>,
    report: &mut Report<'_>,
) -> Option<Test> {
    let fields = Fields::of(node, "a test", TEST, report)?;
    let name = fields.text("name", report).map_or_else(|| format!("test {number}"), str::to_owned);
    let tuples = tuples_of(fields, folder, model, report);
    let tuples = without_repetitions(tuples, report);
    let questions = ["check", "list_objects", "list_users"].map(|kind| fields.list(kind, report));
    if questions.iter().all(Vec::is_empty) {
        report.warning(node.place, "this test asks nothing");
    }
    let [checks, list_objects, list_users] = questions;
    let mut reading = Reading { model, report, checks_left: MOST_CHECKS };
    let checks = checks.into_iter().flat_map(|node| reading.checks(node)).collect();
    let list_objects = list_objects.into_iter().filter_map(|node| reading.list_objects(node)).collect();
    let list_users = list_users.into_iter().filter_map(|node| reading.list_users(node)).collect();
    Some(Test { name, tuples, checks, list_objects, list_users })
}

impl Reading<'_, '_, '_> {
    /// One entry: every user with every object.
    fn checks(&mut self, node: &Node) -> Vec<Check> {
        const KEYS: &[&str] = &["user", "users", "object", "objects", "context", "assertions"];
        let Some(fields) = Fields::of(node, "a check", KEYS, self.report) else { return Vec::new() };
        let users = fields.one_or_many("user", "users", "this check", self.report);
        let objects = fields.one_or_many("object", "objects", "this check", self.report);
        users.iter().for_each(|(user, place)| self.refuse(*place, why_no_user(self.model, user)));
        objects.iter().for_each(|(object, place)| self.refuse(*place, form_of_object(object)));
        let context = fields.context(self.report);
        let assertions: Vec<(String, bool)> = fields
            .named("assertions", "this check", self.report)
            .iter()
            .filter_map(|(key, node)| {
                objects.iter().for_each(|(object, _)| self.relation_of(object, &key.name, key.place));
                Some((key.name.to_string(), truth(node, &key.name, self.report)?))
            })
            .collect();
        let number = users.len().saturating_mul(objects.len());
        if number > self.checks_left {
            let message = format!("{number} users with objects: a test has at most {MOST_CHECKS}");
            self.report.error(fields.place, message);
            return Vec::new();
        }
        self.checks_left = self.checks_left.saturating_sub(number);
        let pairs = users.iter().flat_map(|user| objects.iter().map(move |object| (user, object)));
        let check = |((user, _), (object, _)): (&(&str, Place), &(&str, Place))| Check {
            user: (*user).to_owned(),
            object: (*object).to_owned(),
            context: context.clone(),
            assertions: assertions.clone(),
            place: fields.place,
        };
        pairs.map(check).collect()
    }

    fn list_objects(&mut self, node: &Node) -> Option<ListObjects> {
        let fields = Fields::of(node, "a list_objects", &["user", "type", "context", "assertions"], self.report)?;
        let user = fields.required("user", "this list_objects", self.report)?.to_owned();
        let object_type = fields.required("type", "this list_objects", self.report)?.to_owned();
        self.refuse(fields.place_of("user"), why_no_user(self.model, &user));
        let context = fields.context(self.report);
        let entries = fields.named("assertions", "this list_objects", self.report);
        let assertions = entries.iter().map(|(key, node)| {
            self.relation_exists(&object_type, &key.name, key.place);
            (key.name.to_string(), self.names(node, &key.name, &|object| why_never_listed(object, &object_type)))
        });
        let assertions = assertions.collect();
        Some(ListObjects { user, object_type, context, assertions, place: fields.place })
    }

    fn list_users(&mut self, node: &Node) -> Option<ListUsers> {
        let fields =
            Fields::of(node, "a list_users", &["object", "user_filter", "context", "assertions"], self.report)?;
        let object = fields.required("object", "this list_users", self.report)?.to_owned();
        let wrong_object = form_of_object(&object).filter(|_| !is_wildcard(&object));
        self.refuse(fields.place_of("object"), wrong_object);
        let filters = self.filters(fields);
        let context = fields.context(self.report);
        let entries = fields.named("assertions", "this list_users", self.report);
        let mut assertions = Vec::new();
        for (key, node) in entries {
            self.relation_of(&object, &key.name, key.place);
            if node.is_null() {
                assertions.push((key.name.to_string(), Vec::new()));
                continue;
            }
            let Some(expected) = Fields::of(node, &key.name, &["users"], self.report) else { continue };
            let why = |user: &str| why_never_found(user, &filters);
            let users = expected.get("users").map(|node| self.names(node, "users", &why)).unwrap_or_default();
            assertions.push((key.name.to_string(), users));
        }
        Some(ListUsers { object, filters, context, assertions, place: fields.place })
    }

    /// Which users are asked for.
    fn filters(&mut self, fields: Fields<'_>) -> Vec<UserFilter> {
        let nodes = fields.list("user_filter", self.report);
        let mut filters = Vec::new();
        for node in &nodes {
            let Some(fields) = Fields::of(node, "a user_filter", &["type", "relation"], self.report) else { continue };
            let Some(user_type) = fields.required("type", "this user_filter", self.report) else { continue };
            let relation = fields.text("relation", self.report).map(str::to_owned);
            let filter = UserFilter { user_type: user_type.to_owned(), relation };
            self.refuse(node.place, filter.why_not(self.model));
            filters.push(filter);
        }
        if nodes.is_empty() {
            self.report.error(fields.place, "this list_users has no user_filter");
        }
        if let Some(second) = nodes.get(1) {
            let what =
                "a server and fga take one user_filter: here each is asked by itself, and their users are one list";
            self.report.warning(second.place, what);
        }
        filters
    }

    /// The names of a list, each of which can be there; nothing is an empty one.
    fn names(&mut self, node: &Node, what: &str, why_not: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
        let nodes = fields::list(node, what, self.report);
        let mut names = Vec::new();
        for node in nodes {
            let Some(name) = text(node, what, self.report) else { continue };
            self.refuse(node.place, why_not(name));
            names.push(name.to_owned());
        }
        names
    }

    fn refuse(&mut self, place: Place, why: Option<String>) {
        if let Some(why) = why {
            self.report.error(place, why);
        }
    }

    /// The relation of an object; where its form is wrong, that is said already.
    fn relation_of(&mut self, object: &str, relation: &str, place: Place) {
        if object.contains(':') {
            self.relation_exists(type_of(object), relation, place);
        }
    }

    fn relation_exists(&mut self, object_type: &str, relation: &str, place: Place) {
        if let Some(why) = self.model.and_then(|model| model.why_no_relation(object_type, relation)) {
            self.report.error(place, why);
        }
    }
}

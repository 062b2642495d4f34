//! JSON to model, with the API's rules: field names in both of its styles, null for "not given".

use super::super::definition::Model;
use super::super::finding::Note;
use super::super::parts::{
    Condition, Name, Origin, ParameterType, Relation, Rewrite, TypeDefinition, UserForm, UserType,
};
use super::super::types;
use super::fields::Fields;
use super::node::{Content, Node};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Reads a model, or the answer that holds one as `authorization_model`. Fields that the API does not know are
/// warnings.
pub fn read(root: &Node) -> (Model, Vec<Note>) {
    let mut reader = Reader { notes: Vec::new() };
    let outer = Fields::new(
        &mut reader.notes,
        root,
        "an authorization model",
        &["id", "schema_version", "type_definitions", "conditions", "authorization_model", "store_id"],
    );
    let model = match outer.get("authorization_model") {
        Some(inner) => reader.model(inner),
        None => reader.model(root),
    };
    (model, reader.notes)
}

struct Reader {
    notes: Vec<Note>,
}

impl Reader {
    fn model(&mut self, node: &Node) -> Model {
        // Unknown fields of the outermost object have been noted.
        let fields = Fields::new(&mut Vec::new(), node, "an authorization model", &[]);
        let schema = self.required_name(&fields, "schema_version");
        let types =
            self.items(fields.get("type_definitions")).into_iter().map(|item| self.type_definition(item)).collect();
        let conditions = self.entries(fields.get("conditions"));
        let conditions = conditions.into_iter().map(|(name, item)| self.condition(name, item)).collect();
        Model { schema, types, conditions }
    }

    fn type_definition(&mut self, node: &Node) -> TypeDefinition {
        let fields = self.fields(node, "a type definition", &["type", "relations", "metadata"]);
        let name = self.required_name(&fields, "type");
        let metadata =
            fields.get("metadata").map(|node| self.fields(node, "metadata", &["relations", "module", "source_info"]));
        let origin = metadata.as_ref().map(|metadata| self.origin(metadata)).unwrap_or_default();
        let details = self.entries(metadata.as_ref().and_then(|metadata| metadata.get("relations")));
        let defined = self.entries(fields.get("relations"));
        let names: HashSet<&str> = defined.iter().map(|(relation, _)| relation.text.as_str()).collect();
        for (detail, node) in &details {
            if !names.contains(detail.text.as_str()) {
                let message = format!("`{name}` has no relation `{detail}`: a server ignores its metadata");
                self.notes.push(Note::warning(detail.place, message));
                self.relation_detail(node);
            }
        }
        let details: HashMap<&str, &Node> = details.iter().map(|(name, node)| (name.text.as_str(), *node)).collect();
        let mut relations = Vec::new();
        for (relation, rewrite) in defined {
            let detail = details.get(relation.text.as_str());
            let (user_types, origin) = detail.map(|node| self.relation_detail(node)).unwrap_or_default();
            let rewrite = self.rewrite(rewrite);
            relations.push(Relation { name: relation, rewrite, user_types, origin });
        }
        TypeDefinition { name, relations, origin }
    }

    fn relation_detail(&mut self, node: &Node) -> (Vec<UserType>, Origin) {
        let known = ["directly_related_user_types", "module", "source_info"];
        let fields = self.fields(node, "a relation's metadata", &known);
        let items = self.items(fields.get("directly_related_user_types"));
        let user_types = items.into_iter().map(|item| self.user_type(item)).collect();
        (user_types, self.origin(&fields))
    }

    fn user_type(&mut self, node: &Node) -> UserType {
        let fields = self.fields(node, "a user type", &["type", "relation", "wildcard", "condition"]);
        let type_name = self.required_name(&fields, "type");
        let condition = fields.get("condition").map(|node| self.name(node)).filter(|name| !name.text.is_empty());
        let relation = fields.get("relation").map(|node| self.name(node));
        let form = match (relation, fields.get("wildcard")) {
            (Some(relation), Some(_)) => {
                self.notes.push(Note::error(relation.place, "expected `relation` or `wildcard`, found both"));
                UserForm::Userset(relation)
            }
            (Some(relation), None) => UserForm::Userset(relation),
            (None, Some(wildcard)) => {
                self.fields(wildcard, "a wildcard", &[]);
                UserForm::Wildcard
            }
            (None, None) => UserForm::Object,
        };
        UserType { type_name, form, condition }
    }

    fn rewrite(&mut self, node: &Node) -> Rewrite {
        let kinds = ["this", "computed_userset", "tuple_to_userset", "union", "intersection", "difference"];
        let fields = self.fields(node, "a relation's rewrite", &kinds);
        let mut given = kinds.iter().filter_map(|kind| fields.get(kind).map(|value| (*kind, value)));
        let Some((kind, value)) = given.next() else {
            self.notes.push(Note::error(node.place, format!("expected one of {}", kinds.join(", "))));
            return Rewrite::Direct;
        };
        if let Some((other, value)) = given.next() {
            self.notes.push(Note::error(value.place, format!("expected one rewrite, found `{kind}` and `{other}`")));
        }
        match kind {
            "computed_userset" => Rewrite::Computed(self.object_relation(value)),
            "tuple_to_userset" => {
                let fields = self.fields(value, "a tuple_to_userset", &["tupleset", "computed_userset"]);
                let [tupleset, computed] = ["tupleset", "computed_userset"].map(|field| {
                    let node = self.required(&fields, field);
                    node.map_or_else(Name::default, |node| self.object_relation(node))
                });
                Rewrite::From { computed, tupleset }
            }
            "union" => Rewrite::Union(self.children(value)),
            "intersection" => Rewrite::Intersection(self.children(value)),
            "difference" => {
                let fields = self.fields(value, "a difference", &["base", "subtract"]);
                let [base, subtract] = ["base", "subtract"].map(|field| {
                    let node = self.required(&fields, field);
                    Box::new(node.map_or(Rewrite::Direct, |node| self.rewrite(node)))
                });
                Rewrite::Difference(base, subtract)
            }
            _ => {
                self.fields(value, "this", &[]);
                Rewrite::Direct
            }
        }
    }

    fn children(&mut self, node: &Node) -> Vec<Rewrite> {
        let fields = self.fields(node, "a union or intersection", &["child"]);
        let children: Vec<Rewrite> =
            self.items(fields.get("child")).into_iter().map(|child| self.rewrite(child)).collect();
        children
    }

    fn object_relation(&mut self, node: &Node) -> Name {
        let fields = self.fields(node, "an object's relation", &["object", "relation"]);
        if let Some(object) = fields.get("object").map(|node| self.name(node)).filter(|object| !object.text.is_empty())
        {
            self.notes.push(Note::warning(
                object.place,
                "a server ignores `object`: the relation is always that of the same object",
            ));
        }
        self.required_name(&fields, "relation")
    }

    fn condition(&mut self, key: Name, node: &Node) -> Condition {
        let fields = self.fields(node, "a condition", &["name", "expression", "parameters", "metadata"]);
        let name = self.required_name(&fields, "name");
        if name != key && !name.text.is_empty() {
            self.notes.push(Note::error(
                name.place,
                format!("expected the name `{key}`, as in `conditions`, found `{name}`"),
            ));
        }
        let expression = self.required(&fields, "expression").map(|node| self.name(node).text).unwrap_or_default();
        let parameters = self.entries(fields.get("parameters"));
        let parameters = parameters.into_iter().map(|(name, node)| (name, self.parameter_type(node))).collect();
        let metadata = fields.get("metadata").map(|node| self.fields(node, "metadata", &["module", "source_info"]));
        let origin = metadata.map(|metadata| self.origin(&metadata)).unwrap_or_default();
        Condition { name: key, parameters, expression, origin }
    }

    fn parameter_type(&mut self, node: &Node) -> ParameterType {
        let fields = self.fields(node, "a parameter's type", &["type_name", "generic_types"]);
        let generic =
            self.items(fields.get("generic_types")).into_iter().map(|item| self.parameter_type(item)).collect();
        let name = match fields.get("type_name").map(|node| (node, &node.content)) {
            Some((_, Content::Scalar(Value::String(name)))) => name.strip_prefix(types::PREFIX).map(str::to_lowercase),
            // The API also takes the number of an enumeration's value.
            Some((_, Content::Scalar(Value::Number(number)))) => {
                let index = number
                    .as_u64()
                    .and_then(|number| usize::try_from(number).ok())
                    .and_then(|number| number.checked_sub(1));
                index.and_then(|index| types::NAMES.get(index)).map(|name| (*name).to_owned())
            }
            _ => None,
        };
        let known = name.filter(|name| types::NAMES.contains(&name.as_str()));
        if known.is_none() {
            let place = fields.get("type_name").map_or(node.place, |node| node.place);
            let all = types::NAMES.map(|name| format!("{}{}", types::PREFIX, name.to_uppercase()));
            self.notes.push(Note::error(place, format!("expected one of {}", all.join(", "))));
        }
        ParameterType { name: known.unwrap_or_else(|| "any".to_owned()), generic }
    }

    fn origin(&mut self, fields: &Fields<'_>) -> Origin {
        let module = fields.get("module").map(|node| self.name(node).text).filter(|module| !module.is_empty());
        let source = fields.get("source_info").map(|node| self.fields(node, "source_info", &["file"]));
        let file = source.and_then(|source| source.get("file").map(|node| self.name(node).text));
        Origin { module, file: file.filter(|file| !file.is_empty()) }
    }

    fn fields<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> Fields<'n> {
        Fields::new(&mut self.notes, node, what, known)
    }

    fn required<'n>(&mut self, fields: &Fields<'n>, name: &str) -> Option<&'n Node> {
        let found = fields.get(name);
        if found.is_none() && fields.is_object {
            self.notes.push(Note::error(fields.place, format!("expected a field `{name}`")));
        }
        found
    }

    fn required_name(&mut self, fields: &Fields<'_>, name: &str) -> Name {
        self.required(fields, name).map(|node| self.name(node)).unwrap_or_default()
    }

    fn name(&mut self, node: &Node) -> Name {
        if let Content::Scalar(Value::String(text)) = &node.content {
            return Name::new(text.clone(), node.place);
        }
        self.notes.push(Note::error(node.place, format!("expected a string, found {}", node.kind())));
        Name::new(String::new(), node.place)
    }

    /// The members of a list; none if it is not given.
    fn items<'n>(&mut self, node: Option<&'n Node>) -> Vec<&'n Node> {
        match node.map(|node| (node, &node.content)) {
            Some((_, Content::Array(items))) => items.iter().collect(),
            Some((node, _)) => {
                self.notes.push(Note::error(node.place, format!("expected a list, found {}", node.kind())));
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// The entries of an object whose field names are names of the model.
    fn entries<'n>(&mut self, node: Option<&'n Node>) -> Vec<(Name, &'n Node)> {
        match node.map(|node| (node, &node.content)) {
            Some((_, Content::Object(fields))) => {
                let mut seen = HashSet::new();
                let mut entries: Vec<(Name, &Node)> = Vec::new();
                for (name, place, value) in fields {
                    if seen.insert(name) {
                        entries.push((Name::new(name.clone(), *place), value));
                    } else {
                        self.notes.push(Note::error(*place, format!("`{name}` is defined twice")));
                    }
                }
                entries
            }
            Some((node, _)) => {
                self.notes.push(Note::error(node.place, format!("expected an object, found {}", node.kind())));
                Vec::new()
            }
            None => Vec::new(),
        }
    }
}

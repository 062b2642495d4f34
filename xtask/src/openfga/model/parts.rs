//! What a model is made of. Each name knows the place it was read from, which counts for nothing in comparisons.

use super::finding::Place;
use std::cmp::Ordering;
use std::fmt;

/// A name in a model, or a word in that role.
#[derive(Debug, Clone, Default)]
pub struct Name {
    pub text: String,
    pub place: Place,
}

impl Name {
    pub fn new(text: impl Into<String>, place: Place) -> Self {
        Self { text: text.into(), place }
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Which module and which of its files defined a thing (schema 1.2).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    pub module: Option<String>,
    pub file: Option<String>,
}

/// `type NAME` with its relations, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TypeDefinition {
    pub name: Name,
    pub relations: Vec<Relation>,
    pub origin: Origin,
}

/// `define NAME: …`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relation {
    pub name: Name,
    pub rewrite: Rewrite,
    /// What stands in `[…]`; empty where nothing is directly assignable.
    pub user_types: Vec<UserType>,
    /// Set only where `extend type` brought the relation.
    pub origin: Origin,
}

/// Who has a relation: OpenFGA's userset rewrite.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rewrite {
    /// `[…]`: who a tuple names.
    Direct,
    /// `editor`: who has another relation to the same object.
    Computed(Name),
    /// `member from organization`: who has a relation to an object that a tuple of this one names.
    From { computed: Name, tupleset: Name },
    /// `a or b or …`
    Union(Vec<Rewrite>),
    /// `a and b and …`
    Intersection(Vec<Rewrite>),
    /// `a but not b`
    Difference(Box<Rewrite>, Box<Rewrite>),
}

impl Rewrite {
    /// Calls `visit` with the rewrite and everything in it.
    pub fn visit<'r>(&'r self, visit: &mut dyn FnMut(&'r Self)) {
        visit(self);
        match self {
            Self::Direct | Self::Computed(_) | Self::From { .. } => {}
            Self::Union(operands) | Self::Intersection(operands) => {
                operands.iter().for_each(|operand| operand.visit(visit));
            }
            Self::Difference(base, subtract) => {
                base.visit(visit);
                subtract.visit(visit);
            }
        }
    }
}

/// One entry of `[…]`: whom a tuple may name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserType {
    pub type_name: Name,
    pub form: UserForm,
    /// `with NAME`: the condition that the tuple must carry.
    pub condition: Option<Name>,
}

/// The three forms of a user in a tuple.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserForm {
    /// `user`: single objects of the type.
    Object,
    /// `user:*`: everyone of the type.
    Wildcard,
    /// `team#member`: who has the relation to an object of the type.
    Userset(Name),
}

impl fmt::Display for UserType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.type_name)?;
        match &self.form {
            UserForm::Object => {}
            UserForm::Wildcard => f.write_str(":*")?,
            UserForm::Userset(relation) => write!(f, "#{relation}")?,
        }
        self.condition.as_ref().map_or(Ok(()), |condition| write!(f, " with {condition}"))
    }
}

/// `condition NAME(PARAMETERS) { EXPRESSION }`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    pub name: Name,
    pub parameters: Vec<(Name, ParameterType)>,
    /// CEL, as it was written, without comments.
    pub expression: String,
    pub origin: Origin,
}

/// A parameter's type: `string`, `list<int>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParameterType {
    /// Lower case, as in the DSL: `bool`, `ipaddress`, `map`.
    pub name: String,
    /// What stands in `<…>` of a `map` or `list`.
    pub generic: Vec<ParameterType>,
}

impl ParameterType {
    pub fn plain(name: impl Into<String>) -> Self {
        Self { name: name.into(), generic: Vec::new() }
    }
}

impl fmt::Display for ParameterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for inner in &self.generic {
            write!(f, "<{inner}>")?;
        }
        Ok(())
    }
}

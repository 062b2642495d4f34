//! `define NAME: …`: who has a relation.

use super::super::lexer::Kind;
use super::super::names;
use super::super::parts::{Origin, Relation, Rewrite, UserForm, UserType};
use super::{Parsed, Parser, Skip};

/// How deep parentheses may stand in each other: beyond it a server's answer could not be read back as JSON.
const DEEPEST: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    ButNot,
}

/// What is read of one definition: its `[…]`, if it came, and how deep the parentheses are.
#[derive(Default)]
struct Definition {
    user_types: Option<Vec<UserType>>,
    depth: usize,
}

impl Parser<'_> {
    pub(super) fn define(&mut self) -> Parsed<()> {
        let start = self.current.start;
        self.advance();
        match self.document.types.last_mut() {
            Some(statement) => {
                statement.empty_relations = None;
                if !std::mem::replace(&mut statement.relations_announced, true) {
                    self.error_at(start, "expected `relations` before the first `define` of a type");
                }
            }
            None => self.error_at(start, "expected `type NAME` and `relations` before `define`"),
        }
        self.check_order(start);
        let name = self.name("the relation's name", names::is_plain)?;
        self.take_sign(":", "`:` after the relation's name")?;
        let mut definition = Definition::default();
        let rewrite = self.expression(&mut definition, true)?;
        let user_types = definition.user_types.unwrap_or_default();
        if let Some(statement) = self.document.types.last_mut() {
            statement.definition.relations.push(Relation { name, rewrite, user_types, origin: Origin::default() });
        }
        Ok(())
    }

    /// Operands with one kind of operator between them; `first` where `[…]` may stand.
    fn expression(&mut self, definition: &mut Definition, first: bool) -> Parsed<Rewrite> {
        let mut operands = vec![self.operand(definition, first)?];
        let Some(operator) = self.operator() else { return Ok(operands.remove(0)) };
        while let Some(next) = self.operator() {
            if next != operator {
                return Err(self.expected("parentheses: `or`, `and` and `but not` do not mix without them"));
            }
            if operator == Operator::ButNot && operands.len() == 2 {
                return Err(self.expected("parentheses: `but not` stands between two"));
            }
            self.want_blank("a space before `or`, `and` and `but not`");
            self.advance();
            if operator == Operator::ButNot {
                if self.current.gap != " " {
                    self.odd(self.current.start, "one space in `but not`");
                }
                self.advance();
            }
            if self.current.kind == Kind::Sign {
                self.want_blank("a space behind `or`, `and` and `but not`");
            }
            operands.push(self.operand(definition, false)?);
        }
        Ok(match operator {
            Operator::Or => Rewrite::Union(operands),
            Operator::And => Rewrite::Intersection(operands),
            Operator::ButNot => {
                let subtract = operands.pop().map(Box::new).ok_or(Skip)?;
                Rewrite::Difference(operands.pop().map(Box::new).ok_or(Skip)?, subtract)
            }
        })
    }

    fn operand(&mut self, definition: &mut Definition, first: bool) -> Parsed<Rewrite> {
        if self.is_sign("(") {
            return self.group(definition, first);
        }
        if self.is_sign("[") {
            if definition.user_types.is_some() {
                self.error_at(self.current.start, "expected a relation: a definition has one `[…]`, for all its types");
            } else if !first {
                self.error_at(self.current.start, "expected a relation: `[…]` comes first in a definition");
            }
            let user_types = self.user_types()?;
            definition.user_types.get_or_insert(user_types);
            return Ok(Rewrite::Direct);
        }
        let what = if first { "`[…]`, `(` or a relation" } else { "`(` or a relation" };
        if self.operator().is_some() || self.is_word("from") {
            return Err(self.expected(what));
        }
        let computed = self.name(what, names::is_plain)?;
        if !self.is_word("from") {
            return Ok(Rewrite::Computed(computed));
        }
        self.advance();
        let tupleset = self.name("the relation that leads to the other object, after `from`", names::is_plain)?;
        Ok(Rewrite::From { computed, tupleset })
    }

    fn group(&mut self, definition: &mut Definition, first: bool) -> Parsed<Rewrite> {
        if definition.depth == DEEPEST {
            return Err(self.expected("at most 32 parentheses in each other"));
        }
        definition.depth += 1;
        self.advance();
        self.skip_odd_line_ends("what is in parentheses on one line");
        let inside = self.expression(definition, first)?;
        self.skip_odd_line_ends("what is in parentheses on one line");
        self.take_sign(")", "`)` or an operator")?;
        definition.depth -= 1;
        Ok(inside)
    }

    /// The operator that stands here, if one does.
    fn operator(&self) -> Option<Operator> {
        if self.current.kind != Kind::Word {
            return None;
        }
        match self.current.text {
            "or" => Some(Operator::Or),
            "and" => Some(Operator::And),
            "but" => {
                let next = self.lexer.clone().next();
                (next.kind == Kind::Word && next.text == "not").then_some(Operator::ButNot)
            }
            _ => None,
        }
    }

    /// `[user, team#member, user:* with condition]`, over as many lines as it likes.
    fn user_types(&mut self) -> Parsed<Vec<UserType>> {
        let mut user_types = Vec::new();
        self.advance();
        self.skip_line_ends();
        if self.is_sign("]") {
            self.expected("at least one type");
            self.advance();
            return Ok(user_types);
        }
        loop {
            user_types.push(self.user_type()?);
            self.skip_line_ends();
            if self.is_sign("]") {
                self.advance();
                return Ok(user_types);
            }
            self.take_sign(",", "`,` or `]`")?;
            self.skip_line_ends();
        }
    }

    fn user_type(&mut self) -> Parsed<UserType> {
        let type_name = self.name("a type", names::is_plain)?;
        let form = if self.is_sign(":") {
            self.want_glued("no blank before `:*`");
            self.advance();
            if self.is_sign("*") {
                self.want_glued("no blank in `:*`");
            }
            self.take_sign("*", "`*`: single users are named by tuples, a model names types")?;
            UserForm::Wildcard
        } else if self.is_sign("#") {
            self.advance();
            self.want_glued("no blank behind `#`");
            UserForm::Userset(self.name("a relation after `#`", names::is_plain)?)
        } else {
            UserForm::Object
        };
        let condition = if self.is_word("with") {
            self.want_blank("a space before `with`");
            self.advance();
            Some(self.name("the condition's name after `with`", names::is_plain_use)?)
        } else {
            None
        };
        Ok(UserType { type_name, form, condition })
    }
}

//! `condition NAME(PARAMETERS) { EXPRESSION }`.

use super::super::expression::{self, Odd};
use super::super::finding::Note;
use super::super::lexer::{self, Kind};
use super::super::names;
use super::super::parts::{Condition, Name, Origin, ParameterType};
use super::super::types;
use super::{Parsed, Parser, Skip};

impl Parser<'_> {
    pub(super) fn condition(&mut self) -> Parsed<()> {
        self.advance();
        let name = self.name("the condition's name", names::is_plain_condition)?;
        self.take_sign("(", "`(` after the condition's name")?;
        let parameters = self.parameters(&name)?;
        self.skip_odd_line_ends("the `{` of a condition on the line of its `)`");
        let expression = self.body()?;
        self.document.conditions.push(Condition { name, parameters, expression, origin: Origin::default() });
        Ok(())
    }

    fn parameters(&mut self, condition: &Name) -> Parsed<Vec<(Name, ParameterType)>> {
        let mut parameters = Vec::new();
        let start = self.current.start;
        self.skip_line_ends();
        if self.is_sign(")") {
            let place = self.place(self.current.start);
            let message = format!("`{condition}` has no parameter: OpenFGA's own tools want at least one");
            self.notes.push(Note::warning(place, message));
            self.advance();
            return Ok(parameters);
        }
        loop {
            let name = self.name("a parameter's name", names::is_plain_parameter)?;
            self.skip_line_ends();
            self.take_sign(":", "`:` and a type after the parameter's name")?;
            self.skip_line_ends();
            let parameter_type = self.parameter_type(0)?;
            parameters.push((name, parameter_type));
            self.skip_line_ends();
            if self.is_sign(")") {
                self.want_one_line(start);
                self.advance();
                return Ok(parameters);
            }
            self.take_sign(",", "`,` or `)`")?;
            self.skip_line_ends();
        }
    }

    /// The parameters, which start at `start` and end before the current token, should stand on one line.
    fn want_one_line(&mut self, start: usize) {
        if let Some(at) = self.text[start..self.current.start].find(lexer::ends_line) {
            self.odd(start + at, "a condition's parameters on one line");
        }
    }

    fn parameter_type(&mut self, depth: usize) -> Parsed<ParameterType> {
        let token = self.current;
        if token.kind != Kind::Word || !types::NAMES.contains(&token.text) || depth > 8 {
            return Err(self.expected(&format!("a parameter's type ({})", types::listed())));
        }
        if !types::is_plain(token.text, depth) {
            self.odd(token.start, types::PLAIN);
        }
        self.advance();
        let mut parameter_type = ParameterType::plain(token.text);
        if types::is_container(token.text) {
            self.want_glued("no blank before `<`");
            self.take_sign("<", &format!("`<` and a type after `{}`", token.text))?;
            self.want_glued("no blank behind `<`");
            parameter_type.generic.push(self.parameter_type(depth + 1)?);
            self.want_glued("no blank before `>`");
            self.take_sign(">", "`>`")?;
        }
        Ok(parameter_type)
    }

    /// `{ … }`: the expression, as it was written.
    fn body(&mut self) -> Parsed<String> {
        let start = self.current.start;
        if !self.is_sign("{") {
            return Err(self.expected("`{` and the condition's expression"));
        }
        let Some(body) = expression::body(self.text, start + 1) else {
            self.error_at(start, "expected a `}` that closes this `{`, found the end of the file");
            self.advance();
            return Err(Skip);
        };
        for &quote in &body.open_quotes {
            self.error_at(quote, "expected the quote to be closed on its line");
        }
        for (offset, odd) in expression::odd(self.text, start + 1, body.end) {
            match odd {
                Odd::NoCel(why) => self.error_at(offset, why),
                Odd::Unread(wanted) => self.odd(offset, wanted),
            }
        }
        self.lexer.at = body.end + 1;
        self.advance();
        Ok(body.expression)
    }
}

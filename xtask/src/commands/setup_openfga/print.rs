//! A model, whatever form its file has, in the DSL or as the API takes it.

use crate::context::Context;
use crate::error::Fault;
use crate::openfga::model::Model;
use anyhow::Result;

/// The forms of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Form {
    /// OpenFGA's language, one file
    Dsl,
    /// What `POST /stores/{id}/authorization-models` takes
    Json,
}

/// Prints it on stdout.
///
/// # Errors
/// The DSL has no words for what the JSON says.
pub(super) fn print(model: &Model, form: Form, context: &Context) -> Result<()> {
    match form {
        Form::Json => context.terminal.json(&model.to_json()),
        Form::Dsl => {
            let dsl = model.to_dsl().map_err(|error| {
                let fault = Fault::failed("The DSL cannot express this model");
                anyhow::anyhow!(error.reasons.join("\n")).context(fault.hint("see it as JSON: --print-model json"))
            })?;
            context.terminal.result_piece(dsl.as_bytes())
        }
    }
}

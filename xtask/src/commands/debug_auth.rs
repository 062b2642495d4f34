//! `debug-auth`: why a user has a relation to an object, or has it not.

mod report;
mod tree;

use super::absent_tuples;
use super::other_ids;
use super::store_file::connected;
use super::which_store::the_store;
use crate::context::Context;
use crate::error::Fault;
use crate::openfga::debug::grounds::open_questions;
use crate::openfga::debug::live::{Asked, Live};
use crate::openfga::debug::node::Verdict;
use crate::openfga::debug::verified::remedies;
use crate::openfga::debug::walk::Walk;
use crate::openfga::model::{Model, why_no_question};
use crate::openfga::server::OpenfgaServer;
use crate::openfga::store::{MODEL_ID, STORE_ID, model_to_ask};
use crate::terminal::clean_line;
use anyhow::{Context as _, Result};
use report::Report;
use serde_json::{Map, Value};

/// At most this many names are shown for one that is unknown.
const MOST_NAMES: usize = 20;

const TOO_DEEP: &str = "the server follows at most OPENFGA_RESOLVE_NODE_LIMIT steps (25): shorten the chain of tuples, or \
                        raise that limit";

/// Say why a user has a relation to an object, or has it not: every way through the model, and what would change it
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Who: user:alice, user:* or team:staff#member
    user: String,
    /// The relation that is asked for
    relation: String,
    /// To what: document:plan
    object: String,
    /// Values for conditions, as a JSON object
    #[arg(long, value_name = "JSON")]
    context: Option<String>,
    /// The store's name or id [setting: OPENFGA_STORE_ID, default: the only store]
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// Write the answer and the tree as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let values = args.context.as_deref().map(values).transpose()?;
    check_form(args)?;
    let target = context.target()?;
    let mut server = OpenfgaServer::of(&target, &context.settings)?;
    let api = connected(&mut server, &target, context)?;
    let store = the_store(args.store.as_deref(), &api, context)?;
    let model_id = model_to_ask(&api, &store.id, &context.settings)?.ok_or_else(|| {
        Fault::failed(format!("The store {} has no model", clean_line(&store.name)))
            .hint("write one: cargo xtask setup-openfga")
    })?;
    let model = Model::from_value(&api.model(&store.id, &model_id)?)
        .with_context(|| Fault::failed(format!("The model {} cannot be read", clean_line(&model_id))))?;
    known(&model, args)?;
    say_which_model(&store.id, &model_id, context);
    other_ids::warn(&store.id, &model_id, &target, context);
    absent_tuples::warn(&api, &store.id, context)?;
    let live =
        Live::new(Asked { api: &api, store: &store.id, model_id: &model_id, model: &model, context: values.as_ref() });
    let waiting = context.terminal.waiting("asking");
    let question = (args.user.as_str(), args.relation.as_str(), args.object.as_str());
    let answer = live.check(question, &[])?;
    let tree = Walk::new(&model, &args.user, &live).relation(&args.object, &args.relation)?;
    let remedies = if answer.verdict == Verdict::No && tree.verdict.agrees_with(answer.verdict) {
        remedies(&model, &live, question, &tree)?
    } else {
        Vec::new()
    };
    drop(waiting);
    let report =
        Report { question, server: api.url(), store: &store, model: &model_id, answer: &answer, tree: &tree, remedies };
    report.show(args.json, context)?;
    verdict(&report).map_err(Into::into)
}

/// What the exit code tells.
fn verdict(report: &Report<'_>) -> Result<(), Fault> {
    let Report { question: (user, relation, object), answer, tree, .. } = report;
    let question = clean_line(&format!("{user} {relation} {object}"));
    if !report.agrees() {
        let words = |verdict| match verdict {
            Verdict::Yes => "allowed",
            Verdict::No | Verdict::Cycle => "denied",
            Verdict::Undecided => "not decided",
        };
        let (server, tree) = (words(answer.verdict), words(tree.verdict));
        let fault = Fault::failed(format!("{question}: the server says {server}, but by the tree it is {tree}"));
        return Err(fault.hint("the server's answer counts. Tuples may have changed meanwhile: run it again; if both still differ, report it as a bug of this program"));
    }
    match answer.verdict {
        Verdict::Yes => Ok(()),
        Verdict::No | Verdict::Cycle => Err(Fault::failed(format!("{question} is denied"))),
        Verdict::Undecided => {
            let fault = Fault::failed(format!("{question} cannot be decided: {}", report.why_undecided()));
            if answer.is_too_deep {
                return Err(fault.hint(TOO_DEEP));
            }
            let hint = "give the values: --context '{\"NAME\": VALUE}'";
            Err(if open_questions(tree).is_empty() { fault } else { fault.hint(hint) })
        }
    }
}

/// `--context`, a JSON object.
fn values(text: &str) -> Result<Map<String, Value>, Fault> {
    let hint = "write a JSON object: --context '{\"ip\": \"192.168.0.1\"}'";
    match serde_json::from_str(text) {
        Ok(Value::Object(values)) => Ok(values),
        Ok(_) => Err(Fault::usage("--context is not a JSON object").hint(hint)),
        Err(why) => Err(Fault::usage(format!("--context is not JSON: {why}")).hint(hint)),
    }
}

/// That it is a question, whatever the model.
fn check_form(args: &Args) -> Result<(), Fault> {
    let Some(why) = why_no_question(&args.user, &args.relation, &args.object) else { return Ok(()) };
    let hint = "write it so: cargo xtask debug-auth user:alice viewer document:plan";
    Err(Fault::usage(clean_line(&format!("This is no question: {why}"))).hint(hint))
}

/// That the model knows what is asked for.
fn known(model: &Model, args: &Args) -> Result<(), Fault> {
    let Some((why, names)) = model.why_no_question(&args.user, &args.relation, &args.object) else { return Ok(()) };
    let shown = names.iter().take(MOST_NAMES).copied().collect::<Vec<_>>().join(", ");
    let more = if names.len() > MOST_NAMES { ", …" } else { "" };
    let hint = if names.is_empty() { "it has none".to_owned() } else { format!("there are: {shown}{more}") };
    let message = format!("The question does not fit the model: {why}");
    Err(Fault::usage(clean_line(&message)).hint(clean_line(&hint)))
}

/// Where another model than that of the settings is asked.
fn say_which_model(store: &str, model: &str, context: &Context) {
    let named = context.settings.get(MODEL_ID).filter(|_| context.settings.get(STORE_ID) == Some(store));
    if let Some(named) = named.filter(|named| *named != model) {
        let text = format!("{MODEL_ID}={named} names no model of the store: its newest is asked, {model}");
        context.terminal.warn(&clean_line(&text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_an_object() {
        assert_eq!(values("{\"a\": 1}").unwrap().len(), 1);
        for text in ["", "1", "[]", "{a: 1}", "{\"a\": 1} x", "null"] {
            assert_eq!(values(text).unwrap_err().exit.code(), 2, "{text}");
        }
    }
}

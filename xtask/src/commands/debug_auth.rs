//! `debug-auth`: why a user has a relation to an object, or has it not.

mod question;
mod remedies;
mod report;
mod tree;
mod values;

use super::absent_tuples;
use super::other_ids;
use super::store_file::connected;
use super::which_store::{the_store, without_model};
use crate::context::Context;
use crate::error::Fault;
use crate::openfga::api::Api;
use crate::openfga::debug::live::{Asked, Live};
use crate::openfga::debug::node::Verdict;
use crate::openfga::debug::refused;
use crate::openfga::debug::verified::{self, Remedies};
use crate::openfga::debug::walk::Walk;
use crate::openfga::model::Model;
use crate::openfga::server::OpenfgaServer;
use crate::openfga::store::{MODEL_ID, STORE_ID, model_to_ask};
use crate::terminal::{clean_line, shell_word};
use anyhow::{Context as _, Result};
use report::Report;

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

impl Args {
    /// The options that were typed, as one types them again.
    fn options(&self) -> String {
        let context = self.context.iter().map(|values| format!(" --context {}", shell_word(values)));
        let store = self.store.iter().map(|store| format!(" --store={}", shell_word(store)));
        let json = self.json.then(|| " --json".to_owned());
        context.chain(store).chain(json).collect()
    }
}

/// The model that a question would be asked of, where a server answers now.
fn model_of_server(args: &Args, context: &Context) -> Result<Model> {
    let target = context.target()?;
    let mut server = OpenfgaServer::of(&target, &context.settings)?;
    server.answers(&target)?;
    let api = Api::new(server.endpoint.clone());
    let store = the_store(args.store.as_deref(), &api, context)?;
    let model_id = model_to_ask(&api, &store.id, &context.settings)?.context("no model")?;
    Model::from_value(&api.model(&store.id, &model_id)?)
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let values = args.context.as_deref().map(values::read).transpose()?;
    let question = (args.user.as_str(), args.relation.as_str(), args.object.as_str());
    let options = args.options();
    question::check_form(question, &options, || model_of_server(args, context).ok())?;
    let target = context.target()?;
    let mut server = OpenfgaServer::of(&target, &context.settings)?;
    let api = connected(&mut server, &target, context)?;
    let store = the_store(args.store.as_deref(), &api, context)?;
    let model_id = model_to_ask(&api, &store.id, &context.settings)?.ok_or_else(|| without_model(&store, context))?;
    let model = Model::from_value(&api.model(&store.id, &model_id)?)
        .with_context(|| Fault::failed(format!("The model {} cannot be read", clean_line(&model_id))))?;
    question::check_known(question, &options, &model, &format!("model {model_id} of the store {}", store.name))?;
    values::warn_of_unknown(values.as_ref(), &model, context);
    say_which_model(&store.id, &model_id, context);
    other_ids::warn(&store.id, &model_id, &target, context);
    absent_tuples::warn(&api, &store.id, context)?;
    let live =
        Live::new(Asked { api: &api, store: &store.id, model_id: &model_id, model: &model, context: values.as_ref() });
    let waiting = context.terminal.waiting("asking");
    let answer = live.answer(question)?;
    let tree = Walk::new(&model, &args.user, &live).relation(&args.object, &args.relation)?;
    let tree = refused::explained(tree, &answer, question, &live, &model)?;
    let remedies = if answer.verdict == Verdict::No && tree.verdict.agrees_with(answer.verdict) {
        verified::remedies(&model, &live, question, &tree)?
    } else {
        Remedies::default()
    };
    drop(waiting);
    let (server, model_id) = (api.url(), model_id.as_str());
    let report =
        Report { question, server, store: &store, model_id, model: &model, answer: &answer, tree: &tree, remedies };
    report.show(args.json, context)?;
    verdict(&report, &|| values::hint(&tree, values.as_ref(), &model)).map_err(Into::into)
}

/// What the exit code tells; what values to give where some decide it.
fn verdict(report: &Report<'_>, hint: &dyn Fn() -> Option<String>) -> Result<(), Fault> {
    let Report { question: (user, relation, object), answer, .. } = report;
    let question = clean_line(&format!("{user} {relation} {object}"));
    if !report.agrees() {
        return Err(disagreement(report, &question));
    }
    match answer.verdict {
        Verdict::Yes => Ok(()),
        Verdict::No | Verdict::Cycle => Err(Fault::failed(format!("{question} is denied"))),
        Verdict::Undecided => {
            let fault = Fault::failed(format!("{question} cannot be decided: {}", report.why_undecided()));
            if answer.is_too_deep {
                return Err(fault.hint(TOO_DEEP));
            }
            Err(match hint() {
                Some(hint) => fault.hint(clean_line(&hint)),
                None => fault,
            })
        }
    }
}

/// The server says one thing, and the tree another.
fn disagreement(report: &Report<'_>, question: &str) -> Fault {
    let Report { answer, tree, .. } = report;
    let words = |verdict| match verdict {
        Verdict::Yes => "allowed",
        Verdict::No | Verdict::Cycle => "denied",
        Verdict::Undecided => "not decided",
    };
    let tree = words(tree.verdict);
    if let Some(refusal) = &answer.refusal {
        let refusal = clean_line(refusal);
        let what = format!("{question}: by the tree it is {tree}, but the server refuses the question: {refusal}");
        return Fault::failed(what).hint(
            "the server's answer counts. The store or its model may have changed meanwhile: run it again; if the server still refuses, its words say why",
        );
    }
    let server = words(answer.verdict);
    Fault::failed(format!("{question}: the server says {server}, but by the tree it is {tree}")).hint(
        "the server's answer counts. Tuples may have changed meanwhile: run it again; if both still differ, report it as a bug of this program",
    )
}

/// Where another model than that of the settings is asked.
fn say_which_model(store: &str, model: &str, context: &Context) {
    let named = context.settings.get(MODEL_ID).filter(|_| context.settings.get(STORE_ID) == Some(store));
    if let Some(named) = named.filter(|named| *named != model) {
        let text = format!("{MODEL_ID}={named} names no model of the store: its newest is asked, {model}");
        context.terminal.warn(&clean_line(&text));
    }
}

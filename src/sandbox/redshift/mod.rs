//! Amazon Redshift's actions on integrations, tags and clusters, as its published model (2012-12-01) has them.
//! Knows the store and the form; knows no socket and no trouble.

mod check;
mod clusters;
mod integrations;
mod page;
mod shapes;
mod tags;
mod write;

use super::caller::Caller;
use super::state::Store;
use super::wire::{self, Form, Refusal, Xml};

const VERSION: &str = "2012-12-01";

/// What an action has at hand.
struct Request<'a> {
    store: &'a Store,
    caller: &'a Caller,
    form: &'a Form,
}

/// Does what the form asks, and writes the whole answer.
pub fn answer(store: &Store, caller: &Caller, form: &Form, request_id: &str) -> Result<String, Refusal> {
    let Some(action) = form.get("Action").filter(|action| !action.is_empty()) else {
        return Err(Refusal::new(400, "MissingAction", "The request must contain the parameter Action."));
    };
    let version = form.get("Version").unwrap_or_default();
    let request = Request { store, caller, form };
    let unknown = || {
        let message = format!("Could not find operation {action} for version {version}");
        Refusal::new(400, "InvalidAction", message)
    };
    if version != VERSION {
        return Err(unknown());
    }
    check::printable(form)?;
    let result: Option<Xml> = match action {
        "CreateIntegration" => Some(write::create(&request)?),
        "DescribeIntegrations" => Some(integrations::describe(&request)?),
        "ModifyIntegration" => Some(write::modify(&request)?),
        "DeleteIntegration" => Some(write::delete(&request)?),
        "DescribeInboundIntegrations" => Some(integrations::describe_inbound(&request)?),
        "CreateTags" => tags::create(&request)?,
        "DeleteTags" => tags::delete(&request)?,
        "DescribeTags" => Some(tags::describe(&request)?),
        "DescribeClusters" => Some(clusters::describe(&request)?),
        _ => return Err(unknown()),
    };
    Ok(wire::answer(action, result, request_id))
}

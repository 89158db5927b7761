//! `iql permissions`: the smallest IAM policy with which some scripts can run, from the calls that they would make.

use std::collections::BTreeSet;

use futures::FutureExt;
use serde::Serialize;

use crate::cli::args::Check;
use crate::cli::{offline, output};
use crate::engine::{Permission, Session};
use crate::error::{Error, Kind, Result};
use crate::sql::{Body, Own, Statement};

/// # Errors
/// `Statement` when there are mistakes, all of which were told of.
pub async fn run(wanted: &Check) -> Result<()> {
    let seen = offline::each(wanted, |session, statement| needed(session, statement).boxed()).await?;
    let needed: BTreeSet<Permission> = seen.statements.into_iter().flatten().collect();
    let (actions, others): (Vec<&Permission>, Vec<&Permission>) = needed.iter().partition(|needed| is_action(needed));
    let policy = serde_json::to_string_pretty(&policy(&actions))
        .map_err(|e| Error::new(Kind::Internal, "the policy cannot be written").with_source(e))?;
    output::say(&policy)?;
    if !wanted.common.quiet && !others.is_empty() {
        let lines = others.iter().map(|other| format!("  {}: {}", other.provider, other.name));
        output::note(&format!("needed as well, and not given by a policy:\n{}", lines.collect::<Vec<_>>().join("\n")));
    }
    Ok(())
}

async fn needed(session: &Session, statement: Statement) -> Result<BTreeSet<Permission>> {
    match &statement.body {
        // Nothing is read to find out, whatever a script sets.
        Body::Set { name, .. } | Body::Reset { name } if name == "iql.max_calls" => Ok(BTreeSet::new()),
        Body::Set { .. } | Body::Reset { .. } => session.run(statement).await.map(|_| BTreeSet::new()),
        // What follows may name it.
        Body::Own(Own::Table(_) | Own::View(_) | Own::File(_) | Own::Drop { .. } | Own::Copy(_)) => {
            let needed = session.permissions(&statement).await?;
            session.run(statement).await.map(|_| needed)
        }
        _ => session.permissions(&statement).await,
    }
}

/// IAM's actions are `service:Action`.
fn is_action(permission: &Permission) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    permission.name.split_once(':').is_some_and(|(service, action)| is_word(service) && is_word(action))
}

/// IAM's own form, its members in the order in which people write them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy<'a> {
    version: &'static str,
    statement: Vec<Allowed<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Allowed<'a> {
    sid: &'static str,
    effect: &'static str,
    action: BTreeSet<&'a str>,
    resource: &'static str,
}

/// Every action is on `*`: those that describe and create take no other resource, and a name in a WHERE is no promise
/// about which resources a statement reads.
fn policy<'a>(actions: &[&'a Permission]) -> Policy<'a> {
    let names = |on_behalf: bool| -> BTreeSet<&'a str> {
        actions.iter().filter(|action| action.on_behalf == on_behalf).map(|action| action.name.as_str()).collect()
    };
    let calls = names(false);
    // What a call of ours needs besides is in already.
    let own = names(true).difference(&calls).copied().collect();
    let statement = [("Calls", calls), ("CheckedByTheService", own)]
        .into_iter()
        .filter(|(_, action)| !action.is_empty())
        .map(|(sid, action)| Allowed { sid, effect: "Allow", action, resource: "*" });
    Policy { version: "2012-10-17", statement: statement.collect() }
}

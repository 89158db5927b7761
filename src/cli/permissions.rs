//! `iql permissions`: the smallest IAM policy with which some scripts can run, from the calls that they would make.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cli::args::Check;
use crate::cli::{output, sandbox, sources};
use crate::engine::{Engine, Permission};
use crate::error::Result;
use crate::script::{Reader, Whole};
use crate::sql::Body;

/// # Errors
/// What is wrong with a script.
pub async fn run(wanted: &Check) -> Result<()> {
    let variables = sources::variables(&wanted.templates)?;
    let anchor = wanted.templates.anchor.as_deref();
    let reader = Reader { variables: &variables, anchor, whole: Whole::Read, load: &sources::load };
    let mut settings = wanted.common.settings()?;
    // Serves until the end of this function.
    let _sandbox = match &wanted.common.sandbox {
        Some(dir) => Some(sandbox::point_at(&mut settings, dir.as_deref()).await?),
        None => None,
    };
    // Nothing is read to find out.
    settings.limits.max_calls = Some(0);
    let engine = Engine::open(settings)?;
    let mut needed = BTreeSet::new();
    for path in sources::scripts(&wanted.files)? {
        let session = engine.session();
        let script = sources::file(&path, &reader).await?;
        for statement in output::told(script.statements())? {
            if let Body::Set { name, .. } | Body::Reset { name } = &statement.body {
                if name != "iql.max_calls" {
                    session.run(statement).await?;
                }
                continue;
            }
            needed.extend(session.permissions(&statement).await.map_err(|error| error.at(statement.place()))?);
        }
    }
    let (actions, others): (Vec<&Permission>, Vec<&Permission>) = needed.iter().partition(|needed| is_action(needed));
    output::say(&format!("{:#}", policy(&actions)))?;
    if !wanted.common.quiet && !others.is_empty() {
        let lines = others.iter().map(|other| format!("  {}: {}", other.provider, other.name));
        output::note(&format!("needed as well, and not given by a policy:\n{}", lines.collect::<Vec<_>>().join("\n")));
    }
    Ok(())
}

/// IAM's actions are `service:Action`.
fn is_action(permission: &Permission) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    permission.name.split_once(':').is_some_and(|(service, action)| is_word(service) && is_word(action))
}

/// Every action is on `*`: those that describe and create take no other resource, and a name in a WHERE is no promise
/// about which resources a statement reads.
fn policy(actions: &[&Permission]) -> Value {
    let names = |on_behalf: bool| {
        let chosen = actions.iter().filter(|action| action.on_behalf == on_behalf);
        chosen.map(|action| action.name.as_str()).collect::<BTreeSet<_>>()
    };
    let calls = names(false);
    // What a call of ours needs besides is in already.
    let own: BTreeSet<&str> = names(true).difference(&calls).copied().collect();
    let statements: Vec<Value> = [("Calls", calls), ("CheckedByTheService", own)]
        .into_iter()
        .filter(|(_, actions)| !actions.is_empty())
        .map(|(sid, actions)| json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": "*"}))
        .collect();
    json!({"Version": "2012-10-17", "Statement": statements})
}

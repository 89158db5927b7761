//! `iql check`: every mistake of some scripts that can be found without a call, each with its place.

use futures::FutureExt;

use crate::cli::args::Check;
use crate::cli::offline::{self, Seen, count};
use crate::cli::{batch, output};
use crate::engine::Session;
use crate::error::{Kind, Result};
use crate::settings::Settings;
use crate::sql::{Body, Own, Statement};

/// # Errors
/// `Statement` when there are mistakes, all of which were told of; `Usage` when the check cannot begin.
pub async fn run(check: &Check) -> Result<()> {
    let Seen { statements, files } =
        offline::each(check, |session, statement| mistake(session, statement).boxed()).await?;
    if !check.common.quiet {
        output::note(&format!(
            "{} in {}: no mistake found",
            count(statements.len(), "statement"),
            count(files, "file")
        ));
    }
    Ok(())
}

/// # Errors
/// What is wrong with a statement, as far as that can be known without a call.
async fn mistake(session: &Session, statement: Statement) -> Result<()> {
    let result = match &statement.body {
        // It would open the door, or not be able to.
        Body::Set { name, values, .. } if name == "iql.max_calls" => Settings::default().set(name, &values.join(",")),
        Body::Reset { name } if name == "iql.max_calls" => Ok(()),
        // What follows may name it.
        Body::Own(Own::View(_) | Own::Refresh { .. } | Own::Drop { .. } | Own::Copy(_)) => {
            session.run(statement.clone()).await.map(drop)
        }
        _ => session.run(batch::dry(statement.clone())).await.map(drop),
    };
    match result {
        // Something would have to be read to go on.
        Err(error) if error.kind == Kind::Limit => Ok(()),
        result => result.map_err(|error| session.told(&statement, error)),
    }
}

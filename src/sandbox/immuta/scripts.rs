//! The six scripts: who may ask for which, and their texts, which only look like Immuta's: its own are not public.
//! They carry no password in clear. That an answer is plain text is inferred.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::check::{self, Purpose};
use super::rows::Type;
use super::{Refusal, integrations, store};
use crate::sandbox::state::Store;
use crate::sandbox::trouble::Reply;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    InitialCreate,
    Create,
    Edit,
    Delete,
    Cleanup,
    PostCleanup,
}

impl Script {
    /// The wire names of the types that have this script.
    pub fn types(self) -> &'static [&'static str] {
        match self {
            Script::InitialCreate => &["Redshift", "Azure Synapse Analytics"],
            Script::PostCleanup => &["Azure Synapse Analytics"],
            Script::Create | Script::Edit | Script::Delete | Script::Cleanup => {
                &["Redshift", "Snowflake", "Databricks", "Azure Synapse Analytics", "Google BigQuery"]
            }
        }
    }

    fn title(self) -> &'static str {
        match self {
            Script::InitialCreate => "first script to set up",
            Script::Create => "script to set up",
            Script::Edit => "script to edit",
            Script::Delete => "script to remove",
            Script::Cleanup => "script to clean up after",
            Script::PostCleanup => "second script to clean up after",
        }
    }
}

/// `id` is empty for the scripts that belong to no integration yet.
pub fn answer(store: &Store, script: Script, id: &str, body: Option<Value>) -> Result<Reply, Refusal> {
    let row = match script {
        Script::Edit | Script::Delete => Some(integrations::find(store::read(&store.read()?)?, id)?),
        Script::InitialCreate | Script::Create | Script::Cleanup | Script::PostCleanup => None,
    };
    let (kind, config) = match (script, row) {
        // What it is for is known by its id: no body is needed.
        (Script::Delete, Some(row)) => {
            if row.auto_bootstrap || !script.types().contains(&row.kind.wire()) {
                let message = "Scripts are only for integrations that were configured manually.";
                return Err(Refusal::new(400, message));
            }
            (row.kind, row.config)
        }
        (_, row) => {
            let payload = check::payload(body, Purpose::Script(script))?;
            row.map_or(Ok(()), |row| integrations::check_same(&row, &payload))?;
            (payload.kind, payload.config)
        }
    };
    let text = match kind {
        Type::Redshift => redshift(script, &Names::new(&config)),
        _ => other(script, kind, &Names::new(&config)),
    };
    Ok(Reply { content_type: "text/plain; charset=utf-8", ..Reply::xml(200, text) })
}

/// What of a configuration a script needs.
struct Names<'a> {
    config: &'a Map<String, Value>,
}

impl<'a> Names<'a> {
    fn new(config: &'a Map<String, Value>) -> Names<'a> {
        Names { config }
    }

    fn text(&self, path: &[&str]) -> Option<&'a str> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.config.get(*first)?, |value, name| value.get(name))?.as_str()
    }

    fn database(&self) -> String {
        quoted(self.text(&["database"]).or(self.text(&["catalog"])).unwrap_or("immuta"))
    }

    fn place(&self) -> &'a str {
        self.text(&["host"]).or(self.text(&["workspaceUrl"])).unwrap_or("the platform")
    }

    fn initial_database(&self) -> String {
        quoted(self.text(&["initialDatabase"]).unwrap_or("dev"))
    }

    fn user(&self) -> String {
        quoted(self.text(&["username"]).or(self.text(&["okta", "username"])).unwrap_or("immuta_system"))
    }

    /// As Redshift takes a password that is not to be read: `sha256|digest|salt`. An okta user has none.
    fn password(&self) -> String {
        let Some(password) = self.text(&["password"]) else { return "DISABLE".into() };
        const SALT: &str = "1213a0b1c2d3e4f5";
        let digest = Sha256::digest(format!("{password}{SALT}"));
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("'sha256|{hex}|{SALT}'")
    }

    /// The role of impersonation, when that is on.
    fn role(&self) -> Option<String> {
        let impersonation = self.config.get("impersonation")?;
        let is_on = impersonation.get("enabled")? == &Value::Bool(true);
        is_on.then(|| self.text(&["impersonation", "role"]).map(quoted)).flatten()
    }
}

/// For psql.
fn redshift(script: Script, names: &Names) -> String {
    let (database, user, password) = (names.database(), names.user(), names.password());
    let first = script == Script::InitialCreate;
    let run_in = if first { names.initial_database() } else { database.clone() };
    let mut text = format!(
        "-- Immuta: {} the Redshift integration on {}.\n-- Run it in the database {run_in}.\n\\set ON_ERROR_STOP on\n\n",
        script.title(),
        one_line(names.place()),
    );
    let role = names.role();
    text += &match script {
        Script::InitialCreate => format!(
            "CREATE DATABASE {database};\nCREATE USER {user} PASSWORD {password};\n\
             REVOKE ALL PRIVILEGES ON DATABASE {database} FROM PUBLIC;\n\
             GRANT ALL PRIVILEGES ON DATABASE {database} TO {user};\nGRANT TEMP ON DATABASE {database} TO PUBLIC;\n"
        ),
        Script::Create => {
            let schemas = SCHEMAS.map(|schema| {
                format!("CREATE SCHEMA {schema} AUTHORIZATION {user};\nREVOKE ALL ON SCHEMA {schema} FROM PUBLIC;\n")
            });
            format!(
                "BEGIN;\n\n{}\n{}\n{}COMMIT;\n",
                schemas.concat(),
                procedure(&user),
                impersonation(role.as_deref(), &user)
            )
        }
        Script::Edit => format!(
            "ALTER USER {user} PASSWORD {password};\n\nBEGIN;\n\n{}\n{}COMMIT;\n",
            procedure(&user),
            impersonation(role.as_deref(), &user)
        ),
        Script::Delete | Script::Cleanup | Script::PostCleanup => {
            let schemas = SCHEMAS.map(|schema| format!("DROP SCHEMA IF EXISTS {schema} CASCADE;\n"));
            let role = role.map_or(String::new(), |role| format!("DROP GROUP {role};\n"));
            format!(
                "BEGIN;\n\n{}{role}REVOKE ALL PRIVILEGES ON DATABASE {database} FROM {user};\n\nCOMMIT;\n\n\
                 -- Afterwards, in the database {}:\n-- DROP DATABASE {database};\n-- DROP USER IF EXISTS {user};\n",
                schemas.concat(),
                names.initial_database()
            )
        }
    };
    text
}

/// What Immuta is known to make in its database.
const SCHEMAS: [&str; 3] = ["immuta_system", "immuta_functions", "immuta_procedures"];

fn procedure(user: &str) -> String {
    format!(
        "CREATE OR REPLACE PROCEDURE immuta_procedures.refresh_profile(profile VARCHAR(256))\nAS $$\nBEGIN\n  \
         DELETE FROM immuta_system.profile WHERE name = profile;\n  INSERT INTO immuta_system.profile (name, refreshed) \
         VALUES (profile, GETDATE());\nEND;\n$$ LANGUAGE plpgsql SECURITY DEFINER;\n\n\
         GRANT EXECUTE ON PROCEDURE immuta_procedures.refresh_profile(VARCHAR) TO {user};\n"
    )
}

fn impersonation(role: Option<&str>, user: &str) -> String {
    let Some(role) = role else { return String::new() };
    format!("CREATE GROUP {role};\nALTER GROUP {role} ADD USER {user};\n\n")
}

/// For the other platforms a few lines that tell the scripts apart.
fn other(script: Script, kind: Type, names: &Names) -> String {
    let (kind, place, database) = (kind.wire(), one_line(names.place()), names.database());
    let head = format!("-- Immuta: {} the {kind} integration on {place}.\n\n", script.title());
    let text = match script {
        Script::InitialCreate => format!("CREATE LOGIN immuta_system;\nCREATE USER {};\n", names.user()),
        Script::Create => format!("CREATE SCHEMA {database};\nGRANT USAGE ON SCHEMA {database} TO {};\n", names.user()),
        Script::Edit => format!("GRANT USAGE ON SCHEMA {database} TO {};\n", names.user()),
        Script::Delete | Script::Cleanup => format!("DROP SCHEMA {database};\n"),
        Script::PostCleanup => format!("DROP USER {};\nDROP LOGIN immuta_system;\n", names.user()),
    };
    head + &text
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_script_is_made_of_its_payload() {
        let config = json!({"host": "organization.aws.amazon.com", "database": "im\"muta", "initialDatabase": "SAMPLE",
            "username": "taylor@redshift.com", "password": "abc1234",
            "impersonation": {"enabled": true, "role": "immuta_impersonation"}});
        let config = config.as_object().cloned().unwrap_or_default();
        let check = |script: Script, parts: &[&str]| {
            let text = redshift(script, &Names::new(&config));
            assert!(parts.iter().all(|part| text.contains(part)), "{text}");
            assert!(!text.contains("abc1234"), "{text}");
        };
        let create = "CREATE DATABASE \"im\"\"muta\";\nCREATE USER \"taylor@redshift.com\" PASSWORD 'sha256|";
        check(Script::InitialCreate, &["-- Run it in the database \"SAMPLE\".", create]);
        check(Script::Create, &["database \"im\"\"muta\".", "CREATE OR REPLACE PROCEDURE immuta_procedures."]);
        check(Script::Create, &["CREATE SCHEMA immuta_system", "CREATE GROUP \"immuta_impersonation\";"]);
        check(Script::Edit, &["ALTER USER \"taylor@redshift.com\" PASSWORD 'sha256|"]);
        check(Script::Delete, &["DROP SCHEMA IF EXISTS immuta_system CASCADE;", "-- DROP DATABASE \"im\"\"muta\";"]);
    }
}

//! What the sandbox keeps of Immuta: integrations, as values, secrets and all. Knows neither the store nor the wire's
//! shapes.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::sandbox::rows::Course;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Type {
    Redshift,
    Snowflake,
    Databricks,
    Synapse,
    BigQuery,
    S3,
    Trino,
}

impl Type {
    pub const ALL: &[Type] =
        &[Type::Redshift, Type::Snowflake, Type::Databricks, Type::Synapse, Type::BigQuery, Type::S3, Type::Trino];

    pub fn wire(self) -> &'static str {
        match self {
            Type::Redshift => "Redshift",
            Type::Snowflake => "Snowflake",
            Type::Databricks => "Databricks",
            Type::Synapse => "Azure Synapse Analytics",
            Type::BigQuery => "Google BigQuery",
            Type::S3 => "Native S3",
            Type::Trino => "Trino",
        }
    }
}

/// Those of the documented statuses that something here comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    Creating,
    CreateError,
    Enabled,
    Editing,
    EditError,
    Deleting,
}

impl Status {
    pub fn wire(self) -> &'static str {
        match self {
            Status::Creating => "creating",
            Status::CreateError => "createError",
            Status::Enabled => "enabled",
            Status::Editing => "editing",
            Status::EditError => "editError",
            Status::Deleting => "deleting",
        }
    }

    /// An operation is under way.
    pub fn is_moving(self) -> bool {
        matches!(self, Status::Creating | Status::Editing | Status::Deleting)
    }

    pub fn is_error(self) -> bool {
        matches!(self, Status::CreateError | Status::EditError)
    }
}

/// What a request gives to configure an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    pub kind: Type,
    /// False for Trino, whose payload does not have it.
    pub auto_bootstrap: bool,
    /// Empty for Trino.
    pub config: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub id: u64,
    pub kind: Type,
    pub auto_bootstrap: bool,
    pub config: Map<String, Value>,
    pub course: Course<Status>,
    /// The key with which a Trino cluster calls Immuta.
    pub api_key: Option<String>,
}

/// What no two integrations of a type may share.
pub fn place(kind: Type, config: &Map<String, Value>) -> Option<&str> {
    let name = match kind {
        Type::Redshift | Type::Snowflake | Type::Synapse => "host",
        Type::Databricks => "workspaceUrl",
        Type::S3 => "name",
        Type::BigQuery | Type::Trino => return None,
    };
    config.get(name).and_then(Value::as_str)
}

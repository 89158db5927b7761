//! What exists and what may be done to it: the typed form of the provider documents, sound once it is a catalog.
//! Knows neither YAML nor SQL nor Arrow, and never calls anything.

use std::path::PathBuf;

use regex::Regex;
use serde_json::Value;

/// Every provider that was loaded, in the order of their names.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    pub providers: Vec<Provider>,
}

#[derive(Debug, Clone)]
pub struct Provider {
    pub name: String,
    pub services: Vec<Service>,
}

/// One document: `providers/<provider>/<service>.yaml`.
#[derive(Debug, Clone)]
pub struct Service {
    pub provider: String,
    pub name: String,
    pub title: String,
    pub description: String,
    pub version: String,
    /// Which driver carries the calls (`aws.redshift`).
    pub driver: String,
    /// Where the document came from.
    pub origin: Origin,
    pub resources: Vec<Resource>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Embedded,
    File(PathBuf),
}

/// Something that SQL sees as a table.
#[derive(Debug, Clone)]
pub struct Resource {
    pub provider: String,
    pub service: String,
    pub name: String,
    /// The provider's own name of the type (`AWS::Redshift::Integration`), if it has one.
    pub type_name: Option<String>,
    pub description: String,
    /// The field that `Identifier` means, by its name: none, or one.
    pub identity: Vec<String>,
    /// In the document's order, which is the order of `SELECT *`. A resource without any has methods alone.
    pub fields: Vec<Field>,
    /// What a call needs or takes besides fields: the document's own and the resource's.
    pub params: Vec<Param>,
    /// In the document's order, which is the order of SHOW METHODS.
    pub methods: Vec<Method>,
    pub verbs: Verbs,
    pub settles: Option<Settles>,
    /// What has to hold of what is created, and of what a change leaves.
    pub rules: Vec<Rule>,
    /// Where no field is unique: the places whose values, taken together, no two resources have.
    pub known_by: Vec<String>,
    /// Statements that work in the sandbox.
    pub examples: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Field {
    /// snake_case: the column's name.
    pub name: String,
    /// The service's own name.
    pub wire: String,
    pub kind: Type,
    pub access: Access,
    /// Needed at creation.
    pub required: bool,
    pub description: String,
    /// At least so many characters of a string, entries of a list or map, or so great a number; `max` likewise.
    pub min: Option<usize>,
    pub max: Option<usize>,
    /// Found anywhere in the value, unless it is anchored by `^` and `$`.
    pub pattern: Option<Regex>,
    /// `pattern` is checked before a call; otherwise it is a notice, and the service decides.
    pub strict: bool,
    /// The values known today; services add more.
    pub values: Vec<String>,
    /// The value is an ARN; on the identity field its fourth part is the `region` of the row.
    pub arn: bool,
    /// This field is the echo of the param of the same name, and no part of the service's answer.
    pub echoes: bool,
    /// No two resources have the same value, where their params are the same: by it a resource is found again whose
    /// identity nobody knows yet.
    pub unique: bool,
    /// What an INSERT sends that does not give the field.
    pub generated: Option<Generated>,
    /// The field that has to be given with this one, by its name.
    pub with: Option<String>,
    /// Of a list of objects: the member, by its name, that each entry has a value of its own in. The list's order means
    /// nothing then.
    pub keyed: Option<String>,
    /// Entries of a keyed list whose key begins so, in any case, are the service's: never sent, and never a difference.
    pub reserved: Option<String>,
    pub alike: Alike,
    /// Of a document without a fixed shape: where in it secrets stand, as JSON pointers. They are never shown.
    pub secrets: Vec<String>,
    /// What the service shows where a secret stands. It is never sent back.
    pub redacted: Vec<String>,
}

/// Something that has to hold before anything is sent. Places are as in `Condition`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rule {
    /// Only where all of these hold.
    pub when: Vec<Condition>,
    /// The places that have to be there.
    pub needs: Vec<String>,
    /// The places that must not be there.
    pub refuses: Vec<String>,
    /// What has to be so.
    pub is: Vec<Condition>,
    /// Worth saying, and no mistake.
    pub only_warns: bool,
    /// Why, as a sentence that follows the complaint.
    pub because: Option<String>,
}

/// A place of a document and the values that it may have. A place is a wire name, and a dot steps into JSON:
/// `config.okta.role`. What is absent is `Null`.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub place: String,
    pub values: Vec<Value>,
}

/// A value made of others, so that a repeat of the same INSERT meets its own resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    pub prefix: String,
    /// The fields and params that it is made of, by name, in order.
    pub of: Vec<String>,
}

/// When two values of a field are the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Alike {
    #[default]
    Equal,
    /// A KMS key by its ARN or its id; an alias by its ARN or its name.
    KmsKey,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Type {
    #[default]
    String,
    Boolean,
    Integer,
    Number,
    /// A time; in SQL a timestamp of milliseconds in UTC. Drivers give RFC 3339 text.
    Timestamp,
    /// A list of objects, each with these members.
    List(Vec<Member>),
    /// A list of strings.
    Strings,
    /// String to string.
    Map,
    /// A document without a fixed shape: JSON text.
    Json,
}

/// A member of the objects in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub name: String,
    pub wire: String,
    pub kind: Type,
    pub description: String,
    pub min: Option<usize>,
    pub max: Option<usize>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// Never sent.
    #[default]
    Read,
    /// Sent at creation only.
    Create,
    /// Sent at any time.
    Write,
    /// Sent, and never returned, shown or logged.
    Secret,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    pub name: String,
    pub kind: Type,
    pub required: bool,
    /// The environment variable whose value it has where a statement and its session bind none.
    pub env: Option<String>,
    pub description: String,
}

#[derive(Debug, Clone, Default)]
pub struct Method {
    pub name: String,
    /// The contract with the driver, which alone reads it.
    pub call: String,
    /// What has to be bound before the method can be used, besides required params: `Identifier`, field or wire names;
    /// `PatchDocument` is the change itself, however an UPDATE writes it, and only what changes a target needs it.
    pub needs: Vec<String>,
    pub sends: Sends,
    /// Fields that calls of their own change, before `call`; what is left is `call`'s.
    pub parts: Vec<Part>,
    /// As published for the method, which may make several calls.
    pub permissions: Vec<String>,
    /// Those of `permissions` that the service checks on its own behalf.
    pub on_behalf: Vec<String>,
    pub description: String,
    /// What the method takes besides fields and params, in its body, or in its path where the call is about it. Bound in
    /// WHERE, or by EXEC. Sent, and so never of the access `read`.
    pub arguments: Vec<Field>,
    /// The columns of the method's own answer, where that is no row of the resource. Those whose access is `secret` are
    /// shown only to who names them.
    pub gives: Vec<Field>,
    /// Which resources the method is for, where several methods answer one verb.
    pub when: Vec<Condition>,
    /// What has to hold of fields and arguments together. Of a method that answers no verb the fields are those of the
    /// row that it is about, which is read first where a rule speaks of them.
    pub rules: Vec<Rule>,
    /// What to do next, with places in braces: `run it in the database {config.database}`.
    pub notice: Option<String>,
    /// What somebody else has to be allowed to do elsewhere (the rights of a database user), for people.
    pub privileges: Vec<String>,
    pub remembers: Option<Memory>,
    pub expects: Option<Memory>,
}

/// A payload that is remembered, as a keyed hash, or held against one that was.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// What both sides call it.
    pub name: String,
    /// The params and places that tell one payload from another.
    pub by: Vec<String>,
    /// Only where all of these hold.
    pub when: Vec<Condition>,
}

/// A keyed list that is changed entry by entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The field, by its name.
    pub field: String,
    /// The call that adds entries, and replaces those of the same key.
    pub set: String,
    /// The call that takes entries away by their keys.
    pub remove: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sends {
    /// The difference between before and after.
    #[default]
    Changed,
    /// The whole document as it should be.
    Whole,
}

/// Which methods answer which SQL verb.
#[derive(Debug, Clone, Default)]
pub struct Verbs {
    /// Ordered: the first method whose needs are bound wins.
    pub select: Vec<String>,
    pub insert: Option<String>,
    pub update: Option<String>,
    /// Ordered: of each target the first that is meant for it (`when`).
    pub delete: Vec<String>,
}

/// What waiting for a change looks at.
#[derive(Debug, Clone, Default)]
pub struct Settles {
    /// The wire name of what a look-up tells of it; need not be a field.
    pub wire: String,
    pub done: Vec<String>,
    pub failed: Vec<String>,
    /// The values of a resource that is being deleted.
    pub going: Vec<String>,
    /// The values of a resource that is not there any more, though it is still shown.
    pub gone: Vec<String>,
    /// The wire name of what went wrong: a list of objects.
    pub errors: Option<String>,
    /// Which of those objects say what went wrong; places begin in the object.
    pub errors_when: Vec<Condition>,
}

impl Origin {
    /// What messages call the document of `provider.service`.
    pub fn path(&self, provider: &str, service: &str) -> String {
        match self {
            Origin::Embedded => format!("providers/{provider}/{service}.yaml"),
            Origin::File(path) => path.display().to_string(),
        }
    }
}

/// What a place may begin with, the longest first: `a.b.c`, `a.b`, `a`.
pub fn starts(place: &str) -> impl Iterator<Item = &str> {
    std::iter::once(place).chain(place.rmatch_indices('.').map(|(dot, _)| &place[..dot]))
}

impl Resource {
    /// `provider.service.resource`
    pub fn full_name(&self) -> String {
        format!("{}.{}.{}", self.provider, self.service, self.name)
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The field that a place begins in: the one of the longest wire name.
    pub fn field_at(&self, place: &str) -> Option<&Field> {
        starts(place).find_map(|wire| self.fields.iter().find(|field| field.wire == wire && !field.echoes))
    }

    pub fn method(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.name == name)
    }

    pub fn param(&self, name: &str) -> Option<&Param> {
        self.params.iter().find(|param| param.name == name)
    }

    /// Whether a method answers a verb of SQL; any other is reached by EXEC alone.
    pub fn is_bound(&self, method: &str) -> bool {
        let Verbs { select, insert, update, delete } = &self.verbs;
        select.iter().chain(insert).chain(update).chain(delete).any(|name| name == method)
    }

    /// The params that are columns without being fields: addressable, but not in `*`.
    pub fn hidden_params(&self) -> impl Iterator<Item = &Param> {
        self.params.iter().filter(|param| self.field(&param.name).is_none())
    }
}

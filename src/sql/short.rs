//! Names that SHOW, DESCRIBE and EXEC leave short: what is in use (`USE awscc`, `USE awscc.redshift`) stands before them.
//! Knows how many parts each wants, and no provider.

use super::parse::Reader;
use super::statement::{Body, Describe, Exec, Name, Part, Show, Source, Statement};
use crate::error::{Error, Kind, Result};

/// What a name has in full: the statement that wants it, its parts, and how they are written.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub verb: &'static str,
    pub parts: usize,
}

pub(super) const SERVICES: Wanted = Wanted { verb: "SHOW SERVICES", parts: 1 };
pub(super) const RESOURCES: Wanted = Wanted { verb: "SHOW RESOURCES", parts: 2 };
pub(super) const METHODS: Wanted = Wanted { verb: "SHOW METHODS", parts: 3 };
pub(super) const COLUMNS: Wanted = Wanted { verb: "SHOW COLUMNS", parts: 3 };
pub(super) const INSERT: Wanted = Wanted { verb: "SHOW INSERT INTO", parts: 3 };
pub(super) const DESCRIBE: Wanted = Wanted { verb: "DESCRIBE", parts: 3 };
pub(super) const METHOD: Wanted = Wanted { verb: "DESCRIBE METHOD", parts: 4 };
pub(super) const EXEC: Wanted = Wanted { verb: "EXEC", parts: 4 };

impl Statement {
    /// Completes the names of SHOW, DESCRIBE and EXEC. `is_own` says whether a name of one part is one of the user's
    /// own, which goes first.
    ///
    /// # Errors
    /// `Syntax`, with its place: a name that is short, and nothing that is in use makes it whole.
    pub fn in_full(&mut self, in_use: Option<&str>, is_own: &dyn Fn(&str) -> bool) -> Result<()> {
        let Statement { body, execs, source, .. } = self;
        let before: Vec<&str> = in_use.map(|name| name.split('.').collect()).unwrap_or_default();
        execs.iter_mut().try_for_each(|exec| of_exec(exec, &before, source))?;
        of_body(body, &before, source, is_own).map_err(|error| error.at(source.place(self.span)))
    }
}

/// What is wrong with the names of a script as it will be run: with what is in use at its begin, and what its own USE
/// sets.
pub fn left_short(statements: &[Statement], in_use: Option<&str>) -> Vec<Error> {
    let (mut mistakes, mut now) = (Vec::new(), in_use.map(String::from));
    for statement in statements {
        mistakes.extend(statement.clone().in_full(now.as_deref(), &|_| true).err());
        match &statement.body {
            Body::Set { name, values, .. } if name == "iql.provider" => now = values.first().cloned(),
            Body::Reset { name } if name == "iql.provider" || name == "all" => now = in_use.map(String::from),
            _ => {}
        }
    }
    mistakes
}

fn of_body(body: &mut Body, before: &[&str], source: &Source, is_own: &dyn Fn(&str) -> bool) -> Result<()> {
    match body {
        Body::Explain { inner, .. } => of_body(inner, before, source, is_own),
        Body::Exec(exec) => of_exec(exec, before, source),
        Body::Show(Show::Services { name, .. }) => complete(name, SERVICES, before, source),
        Body::Show(Show::Resources { name, .. }) => complete(name, RESOURCES, before, source),
        Body::Show(Show::Methods { name, .. }) => complete(name, METHODS, before, source),
        Body::Show(Show::Insert { name, .. }) => complete(name, INSERT, before, source),
        Body::Describe(Describe::Method { name, .. }) => complete(name, METHOD, before, source),
        // Without anything in use one part is the user's own, whether it is there or not.
        Body::Describe(Describe::Resource { name, .. })
            if name.parts.len() == 1 && (before.len() != 2 || is_own(&name.to_string())) =>
        {
            Ok(())
        }
        Body::Describe(Describe::Resource { name, .. }) => complete(name, DESCRIBE, before, source),
        _ => Ok(()),
    }
}

fn of_exec(exec: &mut Exec, before: &[&str], source: &Source) -> Result<()> {
    complete(&mut exec.name, EXEC, before, source)
}

fn complete(name: &mut Name, wanted: Wanted, before: &[&str], source: &Source) -> Result<()> {
    let missing = wanted.parts.saturating_sub(name.parts.len());
    // What is in use may be more than the name lacks: `redshift` with `awscc.redshift` in use.
    if missing > before.len() {
        return Err(lacking(name, wanted, source));
    }
    let span = name.span();
    name.parts.splice(0..0, before[..missing].iter().map(|text| Part { text: text.to_string(), span }));
    Ok(())
}

/// Holds that a name is not longer than what is wanted.
pub(super) fn at_most(name: Name, wanted: Wanted, reader: Reader<'_>) -> Result<Name> {
    if name.parts.len() > wanted.parts { Err(lacking(&name, wanted, reader.source)) } else { Ok(name) }
}

/// The error of a name that has not the parts that are wanted.
fn lacking(name: &Name, wanted: Wanted, source: &Source) -> Error {
    let Wanted { verb, parts } = wanted;
    let form = form(wanted);
    if name.parts.is_empty() {
        return Error::new(Kind::Syntax, format!("{verb} needs `IN {form}`")).with_hint(example(wanted));
    }
    let error = Error::new(Kind::Syntax, format!("{verb} needs `{form}`, found `{name}`"));
    let error = error.at(source.place(name.span()));
    match (verb, parts - 1 == name.parts.len()) {
        ("EXEC", true) => error.with_hint(format!("`SHOW METHODS IN {name}` lists its methods")),
        ("EXEC", false) => {
            error.with_hint("for example `EXEC awscc.redshift.integrations.list_resources @region = 'us-east-1'`")
        }
        _ => error.with_hint(example(wanted)),
    }
}

/// How a name is written in full.
pub(super) fn form(wanted: Wanted) -> String {
    ["provider", "service", "resource", "method"][..wanted.parts].join(".")
}

pub(super) fn example(wanted: Wanted) -> String {
    let Wanted { verb, parts } = wanted;
    let names = ["awscc", "redshift", "integrations", "create_resource"];
    let within = if verb.starts_with("SHOW") && !verb.ends_with("INTO") { " IN" } else { "" };
    format!("for example `{verb}{within} {}`", names[..parts].join("."))
}

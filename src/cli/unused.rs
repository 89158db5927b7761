//! `--var` and `--param` that nothing names: most often a name that was mistyped.

use std::collections::BTreeSet;

use crate::cli::args::{Common, Templates};
use crate::error::nearest;
use crate::script::Script;
use crate::sql::Statement;

/// What was given, and is not named so far.
pub struct Unused {
    /// With the variable that a template names instead.
    variables: Vec<(String, Option<String>)>,
    /// All of them, those that are named among them.
    given: Vec<String>,
    params: Vec<String>,
    /// What is named, for which a mistyped one may have been meant.
    wanted: BTreeSet<String>,
    /// Something could not be read, and may name anything.
    is_unsure: bool,
}

impl Unused {
    pub fn new(templates: &Templates, common: &Common) -> Self {
        let names = |pairs: &mut dyn Iterator<Item = &String>| pairs.cloned().collect();
        Unused {
            variables: templates.var.iter().map(|(name, _)| (name.clone(), None)).collect(),
            given: names(&mut templates.var.iter().map(|(name, _)| name)),
            params: names(&mut common.params.iter().map(|(name, _)| name)),
            wanted: BTreeSet::new(),
            is_unsure: false,
        }
    }

    pub fn saw(&mut self, script: &Script) {
        self.variables.retain(|(name, _)| !script.names(name));
        for (name, near) in &mut self.variables {
            let is_given = |near: &&str| self.given.iter().any(|given| given == near);
            *near = near.take().or(script.nearest(name).filter(|near| !is_given(near)).map(String::from));
        }
    }

    pub fn saw_statement(&mut self, statement: &Statement) {
        let named = statement.params();
        self.params.retain(|name| !named.contains(name));
        self.wanted.extend(named);
    }

    /// A script could not be read.
    pub fn miss(&mut self) {
        self.is_unsure = true;
    }

    /// A line for each.
    pub fn notices(&self) -> Vec<String> {
        if self.is_unsure {
            return Vec::new();
        }
        let variables = self.variables.iter().map(|(name, near)| {
            let meant = match near {
                _ if self.wanted.contains(name) => format!("; `${name}` takes its value from `--param {name}=…`"),
                Some(near) => format!("; is `{near}` meant?"),
                None => String::new(),
            };
            format!("`--var {name}=…` is not used: no template has `{{{{ {name} }}}}`{meant}")
        });
        let params = self.params.iter().map(|name| {
            let near = nearest(name, self.wanted.iter().map(String::as_str)).filter(|near| near != name);
            let meant = near.map(|near| format!("; is `${near}` meant?")).unwrap_or_default();
            format!("`--param {name}=…` is not used: no statement has `${name}`{meant}")
        });
        variables.chain(params).collect()
    }
}

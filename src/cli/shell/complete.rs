//! What may follow what was typed: names by what stands before them, read from pieces of the text, finished or not.
//! Pure: knows the catalog and the names that it is given, and never fails.

use crate::catalog::model::{Access, Catalog, Resource};
use crate::catalog::required_params;
use crate::cli::args::Format;
use crate::cli::shell::commands::{self, Takes};
use crate::cli::shell::lex::{Kind, is_word, pieces};
use crate::cli::shell::scope::{self, Clause, Context, Table, context};
use crate::cli::shell::words;
use clap::ValueEnum;

/// What the names are taken from.
#[derive(Debug, Default, Clone)]
pub struct Names {
    pub functions: Vec<String>,
    /// What SET can set.
    pub settings: Vec<String>,
    /// What `\set` has set.
    pub variables: Vec<String>,
    /// Tables of the session's own, with their columns.
    pub tables: Vec<(String, Vec<String>)>,
    /// Views of the user's own, with their columns.
    pub views: Vec<(String, Vec<String>)>,
    /// What the views were when their columns were looked at.
    pub definitions: Vec<Vec<String>>,
}

impl Names {
    /// The tables and the views of the user's own.
    fn own(&self) -> impl Iterator<Item = &String> {
        self.relations().map(|(name, _)| name)
    }

    fn relations(&self) -> impl Iterator<Item = &(String, Vec<String>)> {
        self.tables.iter().chain(&self.views)
    }

    /// The columns of a table or a view of the user's own.
    fn columns(&self, table: &Table) -> &[String] {
        let [name] = table.path.as_slice() else { return &[] };
        self.relations().find(|(known, _)| known == name).map(|(_, columns)| columns.as_slice()).unwrap_or_default()
    }
}

/// What fits: the place where the word to be completed begins, and what may stand there instead.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Completions {
    pub start: usize,
    pub words: Vec<String>,
    /// What is wanted is a file's name, which only the disk knows.
    pub files: bool,
}

/// `text` up to the cursor, and what stands behind it.
pub fn complete(text: &str, behind: &str, catalog: &Catalog, names: &Names) -> Completions {
    let line_start = text.rfind('\n').map_or(0, |at| at + 1);
    let line = &text[line_start..];
    let found = pieces(text);
    if let Some(slash) = found.iter().rev().find(|piece| piece.kind == Kind::Backslash && piece.start >= line_start) {
        return command(text, slash.start, '\\', catalog, names);
    }
    if line.starts_with('.') && text[..line_start].trim().is_empty() {
        return command(text, line_start, '.', catalog, names);
    }
    if let Some((last, before)) = found.split_last()
        && last.kind == Kind::Text
        && !last.closed
        && scope::wants_file(before)
    {
        return Completions { start: last.start + 1, words: Vec::new(), files: true };
    }
    if found.last().is_some_and(|last| {
        matches!(last.kind, Kind::Text | Kind::Comment) && (!last.closed || last.kind == Kind::Comment)
    }) {
        return Completions { start: text.len(), ..Completions::default() };
    }
    let (start, path, prefix) = dotted(text);
    if text[..start].ends_with(':') && !text[..start].ends_with("::") {
        return Completions { start, words: fitting(names.variables.clone(), &prefix), files: false };
    }
    let context = context(text, start, behind);
    let words = match &context.clause {
        Clause::Table if path.is_empty() => {
            tables(catalog, &path, &prefix).into_iter().chain(names.own().cloned()).collect()
        }
        Clause::Table => tables(catalog, &path, &prefix),
        Clause::Method => methods(catalog, &path, &prefix),
        Clause::Service => services(catalog, &path),
        Clause::Arguments(name) => arguments(catalog, name),
        Clause::Setting => names.settings.clone(),
        Clause::Begin => words::VERBS.map(String::from).to_vec(),
        Clause::Words(words) => words.iter().map(|word| word.to_string()).collect(),
        Clause::Columns => columns(catalog, &context, &prefix),
        Clause::Changes => changes(catalog, &context, &prefix),
        Clause::Fields => fields(catalog, &context, &path, &prefix, names),
        Clause::Nothing => Vec::new(),
    };
    // A dotted setting is one word.
    let start = if context.clause == Clause::Setting { start } else { text.len() - prefix.len() };
    let typed = &text[start..];
    Completions { start, words: fitting(words, typed), files: false }
}

/// Those that begin with what is typed, in its case where they are SQL's own words, each once.
fn fitting(words: Vec<String>, typed: &str) -> Vec<String> {
    let lower = typed.starts_with(char::is_lowercase);
    let mut fitting: Vec<String> = Vec::new();
    for word in words {
        let is_keyword = word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c == ' ');
        let word = if is_keyword && lower { word.to_lowercase() } else { word };
        let begins = word.get(..typed.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(typed));
        let by_last = !typed.is_empty() && word.rsplit('.').next().is_some_and(|last| last.starts_with(typed));
        if (begins || by_last) && !fitting.contains(&word) {
            fitting.push(word);
        }
    }
    fitting
}

/// The dotted name that the cursor stands behind: where it begins, its finished parts, and the one being typed.
fn dotted(text: &str) -> (usize, Vec<String>, String) {
    let start =
        text.char_indices().rev().take_while(|(_, c)| is_word(*c) || *c == '.').last().map_or(text.len(), |(at, _)| at);
    let mut parts: Vec<String> = text[start..].split('.').map(String::from).collect();
    let prefix = parts.pop().unwrap_or_default();
    (start, parts, prefix)
}

fn resources(catalog: &Catalog) -> impl Iterator<Item = &Resource> {
    catalog.providers.iter().flat_map(|provider| &provider.services).flat_map(|service| &service.resources)
}

/// By segment; a word without a dot is also looked for among the tables' last names.
fn tables(catalog: &Catalog, path: &[String], prefix: &str) -> Vec<String> {
    match path {
        [] => {
            let providers = catalog.providers.iter().map(|provider| format!("{}.", provider.name));
            let by_name = resources(catalog).filter(|resource| !prefix.is_empty() && resource.name.starts_with(prefix));
            providers.chain(by_name.map(Resource::full_name)).collect()
        }
        [provider] => {
            let services = catalog.provider(provider).map(|provider| provider.services.as_slice()).unwrap_or_default();
            services.iter().map(|service| format!("{}.", service.name)).collect()
        }
        [provider, service] => names_in(catalog, provider, service),
        _ => Vec::new(),
    }
}

fn services(catalog: &Catalog, path: &[String]) -> Vec<String> {
    match path {
        [] => catalog.providers.iter().map(|provider| provider.name.clone()).collect(),
        [provider] => {
            let services = catalog.provider(provider).map(|provider| provider.services.as_slice()).unwrap_or_default();
            services.iter().map(|service| service.name.clone()).collect()
        }
        _ => Vec::new(),
    }
}

fn names_in(catalog: &Catalog, provider: &str, service: &str) -> Vec<String> {
    let resources = catalog.service(provider, service).map(|service| service.resources.as_slice()).unwrap_or_default();
    resources.iter().map(|resource| resource.name.clone()).collect()
}

fn methods(catalog: &Catalog, path: &[String], prefix: &str) -> Vec<String> {
    match path {
        [provider, service] => {
            names_in(catalog, provider, service).into_iter().map(|name| format!("{name}.")).collect()
        }
        [provider, service, resource] => {
            let resource = catalog.resource(provider, service, resource).map(|resource| resource.methods.as_slice());
            resource.unwrap_or_default().iter().map(|method| method.name.clone()).collect()
        }
        _ => tables(catalog, path, prefix),
    }
}

/// `@region`, `@Identifier`…: what is required first.
fn arguments(catalog: &Catalog, name: &[String]) -> Vec<String> {
    let [provider, service, resource, method] = name else { return Vec::new() };
    let (Ok(resource), Ok(method)) =
        (catalog.resource(provider, service, resource), catalog.method(provider, service, resource, method))
    else {
        return Vec::new();
    };
    let required = required_params(resource, method).into_iter().filter(|name| name != "PatchDocument");
    let more = method.arguments.iter().map(|argument| argument.wire.clone());
    let params = resource.params.iter().map(|param| param.name.clone());
    required.chain(more).chain(params).map(|name| format!("@{name}")).chain(["@@json".to_string()]).collect()
}

/// What an INSERT may give: required ones first.
fn columns(catalog: &Catalog, context: &Context, prefix: &str) -> Vec<String> {
    let Some(resource) = context.tables.first().and_then(|table| table.resource(catalog)) else { return Vec::new() };
    let sent = resource.fields.iter().filter(|field| !matches!(field.access, Access::Read) || field.echoes);
    let (required, optional): (Vec<_>, Vec<_>) =
        sent.partition(|field| field.required || resource.param(&field.name).is_some_and(|param| param.required));
    let named = required.into_iter().chain(optional).map(|field| spelled(&field.name, &field.wire, prefix));
    named.chain(resource.hidden_params().map(|param| param.name.clone())).collect()
}

/// What an UPDATE may set.
fn changes(catalog: &Catalog, context: &Context, prefix: &str) -> Vec<String> {
    let resource = context.tables.first().and_then(|table| table.resource(catalog));
    let Some(resource) = resource.filter(|resource| resource.verbs.update.is_some()) else { return Vec::new() };
    let changed = resource.fields.iter().filter(|field| matches!(field.access, Access::Write | Access::Secret));
    let named = changed.filter(|field| !field.echoes).map(|field| spelled(&field.name, &field.wire, prefix));
    named.chain(["PatchDocument".to_string()]).collect()
}

/// A wire name where one is typed: they begin with a capital.
fn spelled(name: &str, wire: &str, prefix: &str) -> String {
    let is_wire = prefix.starts_with(char::is_uppercase) && wire.starts_with(prefix) && !wire.contains('.');
    if is_wire { wire.to_string() } else { name.to_string() }
}

/// Required params, fields and aliases of the tables in scope, then functions and words.
fn fields(catalog: &Catalog, context: &Context, path: &[String], prefix: &str, names: &Names) -> Vec<String> {
    let of_one = |resource: &Resource| {
        let required = resource.params.iter().filter(|param| param.required).map(|param| param.name.clone());
        let identifier = resource.identity.first().map(|_| "Identifier".to_string());
        let named = resource.fields.iter().map(|field| spelled(&field.name, &field.wire, prefix));
        let params = resource.params.iter().map(|param| param.name.clone());
        required.chain(named).chain(params).chain(identifier).collect::<Vec<_>>()
    };
    if let [qualifier] = path {
        let meant = context.tables.iter().find(|table| table.is_called(qualifier));
        return match meant.and_then(|table| table.resource(catalog)) {
            Some(resource) => of_one(resource),
            None => meant.map(|table| names.columns(table).to_vec()).unwrap_or_default(),
        };
    }
    if !path.is_empty() {
        return Vec::new();
    }
    let known: Vec<&Resource> = context.tables.iter().filter_map(|table| table.resource(catalog)).collect();
    let mut words: Vec<String> = known.iter().flat_map(|resource| of_one(resource)).collect();
    words.extend(context.tables.iter().flat_map(|table| names.columns(table)).cloned());
    words.extend(context.tables.iter().filter_map(|table| table.alias.clone()));
    // Nothing of it fits what is not begun: the list would be endless.
    if !prefix.is_empty() {
        words.extend(names.functions.iter().map(|name| format!("{name}(")));
        words.extend(words::OPERATORS.map(String::from));
        words.extend(words::CLAUSES.map(String::from));
        words.extend(["FROM", "DISTINCT", "NULL", "TRUE", "FALSE"].map(String::from));
    }
    words
}

/// `\…` and `.…`: their names, and what they take.
fn command(text: &str, start: usize, sign: char, catalog: &Catalog, names: &Names) -> Completions {
    let typed = &text[start..];
    let Some(blank) = typed.rfind(char::is_whitespace) else {
        let spelled = commands::all().flat_map(|command| if sign == '.' { command.dots } else { command.names });
        let words = spelled.map(|name| format!("{sign}{name}")).filter(|name| name.starts_with(typed)).collect();
        return Completions { start, words, files: false };
    };
    let word = &typed[blank + 1..];
    let begin = start + blank + 1;
    let with = |words: Vec<String>| {
        let words = words.into_iter().filter(|known| known.starts_with(word)).collect();
        Completions { start: begin, words, files: false }
    };
    if word.starts_with(':') {
        return with(names.variables.iter().map(|name| format!(":{name}")).collect());
    }
    let Ok((command, rest)) = commands::found(typed) else { return with(Vec::new()) };
    match command.takes {
        Takes::Nothing => with(Vec::new()),
        // The words of `\pset` have words of their own.
        Takes::Words(_) if rest.starts_with("pager ") || typed.trim_end().ends_with("pset pager") => {
            with(vec!["on".into(), "off".into()])
        }
        Takes::Words(_) if rest.starts_with("keys ") || typed.trim_end().ends_with("pset keys") => {
            with(vec!["emacs".into(), "vi".into()])
        }
        Takes::Words(words) => with(words.iter().map(|word| word.to_string()).collect()),
        Takes::Format => {
            let formats = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
            with(formats.map(|format| format.get_name().to_string()).collect())
        }
        Takes::File => Completions { start: begin, words: Vec::new(), files: true },
        Takes::Variable => with(names.variables.clone()),
        Takes::Name => {
            let (_, path, prefix) = dotted(text);
            let words = match path.as_slice() {
                [provider, service] => names_in(catalog, provider, service),
                [] => methods(catalog, &path, &prefix).into_iter().chain(names.own().cloned()).collect(),
                path => methods(catalog, path, &prefix),
            };
            Completions { start: text.len() - prefix.len(), words: fitting(words, &prefix), files: false }
        }
    }
}

#[cfg(test)]
mod tests;

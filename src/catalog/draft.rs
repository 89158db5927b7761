//! Documents as they were read, sound or not: who knows more of them than this room adds to their mistakes,
//! and then all are reported at once. Knows where things stand, and not what they mean.

use super::document::read;
use super::model::{Catalog, Origin, Provider, Service};
use super::yaml::{Key, Mistake, Node, Value, mistake};
use crate::error::{Error, Kind, Result};

/// Every document that could be read, in the order of their names, and what is wrong so far.
#[derive(Debug, Default)]
pub struct Drafts {
    pub drafts: Vec<Draft>,
    /// About files that hold no document that could be read.
    pub(super) complaints: Vec<Complaint>,
}

/// One document: as much of its model as could be read, and what it was read from.
#[derive(Debug)]
pub struct Draft {
    /// What is missing or could not be read is empty here: ask [`Written::is_sound`] before judging it.
    pub service: Service,
    pub written: Written,
}

/// A document's text and its mistakes.
#[derive(Debug)]
pub struct Written {
    pub(super) tree: Node,
    pub(super) mistakes: Vec<Mistake>,
}

/// A line of the report.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Complaint {
    /// What the file is called.
    pub path: String,
    /// None: the file itself is at fault.
    pub line: Option<usize>,
    pub message: String,
}

impl Written {
    /// Adds a mistake of the part that `path` leads to (keys of tables, texts of lists),
    /// or of the nearest part on the way.
    pub fn complain(&mut self, path: &[&str], message: impl Into<String>) {
        self.mistakes.push(mistake(self.tree.mark_of(path), message));
    }

    /// Whether the model can be trusted with this part: it stands in the document and nothing in it is wrong,
    /// or it does not, and no key beside the place is wrong, which may have been meant for it.
    pub fn is_sound(&self, path: &[&str]) -> bool {
        let marks = self.tree.marks_of(path);
        !self.mistakes.iter().any(|mistake| marks.contains(&mistake.at))
    }

    /// What stands at a key of the document, which only its driver reads.
    pub fn section(&self, name: &str) -> Option<(Key, Node)> {
        let Value::Table(entries) = &self.tree.value else { return None };
        entries.iter().find(|(key, _)| key.name == name).cloned()
    }

    /// Adds what the reader of a section found.
    pub fn add(&mut self, mistakes: Vec<Mistake>) {
        self.mistakes.extend(mistakes);
    }

    pub fn has(&self, path: &[&str]) -> bool {
        self.tree.has(path)
    }
}

impl Drafts {
    /// One more document, by its text.
    pub fn add(&mut self, provider: &str, service: &str, origin: Origin, text: &str) {
        let path = origin.path(provider, service);
        match read(provider, service, origin, text) {
            Ok(draft) => self.drafts.push(draft),
            Err(mistake) => self.complaints.push(Complaint::new(&path, mistake)),
        }
    }

    /// The documents, if all are sound.
    ///
    /// # Errors
    /// `Document` with every mistake of every document, a context line each.
    pub fn catalog(self) -> Result<Catalog> {
        let mut complaints = self.complaints;
        let mut catalog = Catalog::default();
        for Draft { service, written } in self.drafts {
            let path = service.origin.path(&service.provider, &service.name);
            complaints.extend(written.mistakes.into_iter().map(|mistake| Complaint::new(&path, mistake)));
            match catalog.providers.last_mut() {
                Some(last) if last.name == service.provider => last.services.push(service),
                _ => catalog.providers.push(Provider { name: service.provider.clone(), services: vec![service] }),
            }
        }
        if complaints.is_empty() { Ok(catalog) } else { Err(report(complaints)) }
    }
}

impl Complaint {
    pub fn new(path: &str, Mistake { at, message }: Mistake) -> Self {
        Complaint { path: path.into(), line: Some(at.line), message }
    }
}

fn report(mut complaints: Vec<Complaint>) -> Error {
    complaints.sort();
    // An alias repeats the mistakes of what it names.
    complaints.dedup();
    let count = complaints.len();
    let mistakes = if count == 1 { "mistake" } else { "mistakes" };
    let error = Error::new(Kind::Document, format!("{count} {mistakes} in the provider documents"));
    complaints.into_iter().fold(error, |error, Complaint { path, line, message }| match line {
        Some(line) => error.with_context(format!("{path}:{line}: {message}")),
        None => error.with_context(format!("{path}: {message}")),
    })
}

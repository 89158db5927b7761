//! `.iql` text → statements: variables and templates, lifecycle anchors, files within files; each statement knows the file
//! and line that it came from. Pure: whoever wants a script hands over a way to load files.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Place, Result, nearest};
use crate::sql::{Origin, Parsed, Run, Source, Statement, parse_each};
use marks::Among;
use quotes::Quotes;
use unrendered::{Unrendered, is_template};

mod anchors;
mod marks;
mod quotes;
mod template;
mod unrendered;
mod variables;

pub use anchors::{Anchor, anchors, refuse_together, refuse_whole};
pub use variables::Variables;

/// What begins a line that stands for another file's statements.
const INCLUDES: [&str; 3] = ["\\i", "\\ir", ".read"];
/// How deep files may be within files.
const MOST_FILES: usize = 32;

/// A file that a script asks for.
pub struct File {
    /// As it is shown.
    pub path: PathBuf,
    /// By which it is known to be the same file.
    pub identity: PathBuf,
    pub text: String,
}

/// What becomes of a file that makes and unmakes a resource, where no anchor is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// To run all of it would create, change and delete.
    Refused,
    /// It is only looked at.
    Read,
}

/// How a script is read.
pub struct Reader<'a> {
    pub variables: &'a Variables,
    /// Only what stands under this anchor.
    pub anchor: Option<&'a str>,
    pub whole: Whole,
    /// Loads a file by its path.
    pub load: &'a (dyn Fn(&Path) -> Result<File> + Sync),
}

/// A script as it is run: variables have their values, and files are where they are named.
#[derive(Debug, Default)]
pub struct Script {
    /// In order; a file within another parts it.
    pub pieces: Vec<Piece>,
    is_rendered: bool,
    /// Whether the text has what templates have, and nothing was rendered.
    pub is_unrendered: bool,
    /// What that would want.
    unrendered: Option<Unrendered>,
    /// The variables that its templates name, under every anchor and in comments too.
    named: BTreeSet<String>,
    /// The anchors that there are, each once, with the place of the first.
    anchors: Vec<(String, Place)>,
    /// What is wrong with files that it asks for. Invariant: while there is something, no statement is given to be run.
    unread: Vec<Error>,
    /// What is wrong with its anchors; the same holds.
    faults: Vec<Error>,
    /// What would not be run, since it stands before all anchors; the same holds.
    loose: Vec<Error>,
}

/// A stretch of text of one file, under one anchor at most.
#[derive(Debug, Clone)]
pub struct Piece {
    pub source: Source,
    pub anchor: Option<Anchor>,
}

impl Script {
    /// Every statement, or every mistake.
    pub fn statements(&self) -> Result<Vec<Statement>, Vec<Error>> {
        let (mut statements, mut mistakes) = (Vec::new(), Vec::new());
        for Parsed { text, statement } in self.each() {
            match statement {
                Ok(statement) => statements.push(statement),
                Err(error) => mistakes.push((text, error)),
            }
        }
        if mistakes.is_empty() && self.is_whole() { Ok(statements) } else { Err(self.told(mistakes)) }
    }

    /// Whether every file that it asks for could be read, and it is clear what stands under which anchor.
    pub fn is_whole(&self) -> bool {
        self.unread.is_empty() && self.faults.is_empty() && self.loose.is_empty()
    }

    /// Every statement for itself, those that cannot be read among them.
    pub fn each(&self) -> impl Iterator<Item = Parsed> + '_ {
        self.pieces.iter().flat_map(|piece| parse_each(&piece.source))
    }

    /// The mistakes of some statements, by their texts, as they are told of, behind those of files that cannot be read and
    /// of anchors: what is wrong with a template that nothing was given for is that.
    pub fn told(&self, mistakes: Vec<(String, Error)>) -> Vec<Error> {
        let unread = [&self.unread, &self.faults, &self.loose].into_iter().flatten().cloned();
        let Some(unrendered) = &self.unrendered else {
            return unread.chain(mistakes.into_iter().map(|(_, error)| error)).collect();
        };
        let (of_template, others): (Vec<_>, Vec<_>) = mistakes.into_iter().partition(|(text, _)| is_template(text));
        let template = (!of_template.is_empty()).then(|| unrendered.error());
        unread.chain(template).chain(others.into_iter().map(|(_, error)| error)).collect()
    }

    /// Whether a variable is named by its templates.
    pub fn names(&self, variable: &str) -> bool {
        self.named.iter().any(|name| name.split('.').next() == Some(variable))
    }

    /// The variable that its templates name and that is nearest to one that they do not.
    pub fn nearest(&self, variable: &str) -> Option<&str> {
        nearest(variable, self.named.iter().filter_map(|name| name.split('.').next()))
    }

    /// The whole text as it is run.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.source.text()).collect()
    }

    /// Whether variables were put into any of it.
    pub fn is_rendered(&self) -> bool {
        self.is_rendered
    }

    /// Another script's statements after these.
    pub fn and(mut self, other: Script) -> Script {
        self.pieces.extend(other.pieces);
        self.is_unrendered |= other.is_unrendered;
        self.unrendered = unrendered::both(self.unrendered, other.unrendered);
        self.named.extend(other.named);
        self.is_rendered |= other.is_rendered;
        self.anchors.extend(other.anchors);
        self.unread.extend(other.unread);
        self.faults.extend(other.faults);
        self.loose.extend(other.loose);
        self
    }

    /// That something stands under the anchor that was asked for; and if none was, that the files together are no
    /// resource's.
    ///
    /// # Errors
    /// `Usage`: nothing does, or they are.
    pub fn check_anchor(&self, wanted: Option<&str>) -> Result<()> {
        let names = || self.anchors.iter().map(|(name, _)| name.as_str());
        let is_clear = self.unread.is_empty() && self.faults.is_empty();
        match (wanted, self.anchors.iter().find(|(name, _)| Some(name.as_str()) != names().next())) {
            (Some(wanted), _) if is_clear && !self.pieces.iter().any(|piece| piece.anchor.is_some()) => {
                anchors::missing(wanted, &names().map(String::from).collect::<Vec<_>>())
            }
            (None, Some((_, place))) => Err(anchors::refused(names()).at(place.clone())),
            _ => Ok(()),
        }
    }
}

impl Reader<'_> {
    /// A script's text; `file` is where it is from. What is wrong with a file that it asks for is kept, to be told of with
    /// whatever else is wrong.
    ///
    /// # Errors
    /// What is wrong with its own template or its variables.
    pub fn read(&self, text: &str, file: Option<&File>) -> Result<Script> {
        let mut script = Script::default();
        let outer: Vec<PathBuf> = file.map(|file| file.identity.clone()).into_iter().collect();
        self.add(text, file.map(|file| file.path.as_path()), &outer, (self.variables, None), &mut script)?;
        Ok(script)
    }

    fn add(
        &self,
        text: &str,
        file: Option<&Path>,
        outer: &[PathBuf],
        (given, under): (&Variables, Option<&Anchor>),
        script: &mut Script,
    ) -> Result<()> {
        let (text, own) = block(text, file)?;
        let variables = own.unwrap_or_default().under(given);
        let masked = if variables.is_given() { template::scan::masked(&text) } else { None };
        let anchored = anchors(masked.as_deref().unwrap_or(&text));
        if variables.is_given() {
            script.named.extend(template::names(&text, template::Where::Everywhere).unwrap_or_default());
        }
        for anchor in &anchored {
            if !script.anchors.iter().any(|(name, _)| *name == anchor.name) {
                let place = crate::sql::place(&text, file, anchor.place.clone());
                script.anchors.push((anchor.name.clone(), place));
            }
        }
        let is_among = !anchored.is_empty() || under.is_some() || self.anchor.is_some();
        let among = if is_among { Among::Anchors } else { Among::Statements };
        script.faults.extend(marks::faults(&text, masked.as_deref(), file, among));
        let text = match self.anchor {
            Some(wanted) => anchors::only(&text, &anchored, wanted, |stretch| match variables.is_given() {
                true => template::scan::unpaired(&text, stretch),
                false => Vec::new(),
            }),
            None if self.whole == Whole::Refused && anchors::is_resource(&anchored) => {
                let names = anchored.iter().map(|anchor| anchor.name.as_str());
                let second = anchored.iter().find(|anchor| anchor.name != anchored[0].name).unwrap_or(&anchored[0]);
                return Err(anchors::refused(names).at(crate::sql::place(&text, file, second.place.clone())));
            }
            None => text,
        };
        let whole = if !variables.is_given() {
            if is_template(&text) {
                script.is_unrendered = true;
                script.unrendered = unrendered::both(script.unrendered.take(), Unrendered::of(&text, file));
            }
            let runs = vec![Run { at: 0, from: 0..text.len(), verbatim: true }];
            (text.clone(), Origin::new(text, runs))
        } else {
            script.is_rendered = true;
            template::render(&text, file, &variables)?
        };
        let (text, origin) = whole;
        let part = |range: Range<usize>| Source::made(&text[range.clone()], file, origin.part(range));
        let loose = |source: &Source, anchor: Option<&Anchor>| match (self.anchor, anchor) {
            (Some(wanted), None) => anchors::loose(source, wanted),
            _ => None,
        };
        let mut anchor = under.cloned();
        let mut begin = 0;
        for cut in cuts(&text) {
            let source = part(begin..cut.at.start);
            script.loose.extend(loose(&source, anchor.as_ref()));
            script.pieces.push(Piece { source, anchor: anchor.clone() });
            begin = cut.at.end;
            match cut.what {
                What::Anchor(next) => anchor = Some(next),
                What::Include(path) => {
                    let place = part(cut.at.clone()).place_of(0..cut.at.len());
                    if let Err(error) = self.include(&path, file, outer, (&variables, anchor.as_ref()), script) {
                        script.unread.push(error.at(place));
                    }
                }
            }
        }
        let source = part(begin..text.len());
        script.loose.extend(loose(&source, anchor.as_ref()));
        script.pieces.push(Piece { source, anchor });
        Ok(())
    }

    fn include(
        &self,
        path: &str,
        file: Option<&Path>,
        outer: &[PathBuf],
        within: (&Variables, Option<&Anchor>),
        script: &mut Script,
    ) -> Result<()> {
        let folder = file.and_then(Path::parent).unwrap_or(Path::new(""));
        let found = (self.load)(&folder.join(path))?;
        if outer.contains(&found.identity) {
            return Err(Error::new(Kind::Usage, format!("`{path}` is within itself")).with_context("nothing was sent"));
        }
        if outer.len() >= MOST_FILES {
            return Err(Error::new(Kind::Usage, format!("more than {MOST_FILES} files are within each other")));
        }
        let outer: Vec<PathBuf> = outer.iter().cloned().chain([found.identity]).collect();
        self.add(&found.text, Some(&found.path), &outer, within, script)
    }
}

struct Cut {
    /// What is no part of the pieces beside it; of an anchor nothing, since it is the begin of the next.
    at: Range<usize>,
    what: What,
}

enum What {
    Anchor(Anchor),
    Include(String),
}

/// Where one piece ends and another begins, in order.
fn cuts(text: &str) -> Vec<Cut> {
    let mut cuts = Vec::new();
    let mut quotes = Quotes::default();
    let mut anchored = anchors(text).into_iter().peekable();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let range = at..at + line.trim_end_matches(['\n', '\r']).len();
        at += line.len();
        let mut is_anchored = false;
        while let Some(anchor) = anchored.next_if(|anchor| anchor.place.start < at) {
            let begin = anchor.place.start;
            cuts.push(Cut { at: begin..begin, what: What::Anchor(anchor) });
            is_anchored = true;
        }
        if !is_anchored
            && quotes.is_among_words()
            && let Some(path) = included(line)
        {
            cuts.push(Cut { at: range, what: What::Include(path) });
            quotes = Quotes::default();
            continue;
        }
        quotes.follow(line);
    }
    cuts
}

/// The file that a line stands for.
fn included(line: &str) -> Option<String> {
    let (word, rest) = line.trim().split_once(char::is_whitespace)?;
    let path = rest.trim().trim_end_matches(';').trim();
    let inner = ['\'', '"'].iter().find_map(|quote| path.strip_prefix(*quote)?.strip_suffix(*quote));
    let path = inner.unwrap_or(path);
    (INCLUDES.contains(&word) && !path.is_empty()).then(|| path.to_string())
}

/// StackQL's `<<<json … >>>`: its variables, and the text with blanks for it.
fn block(text: &str, file: Option<&Path>) -> Result<(String, Option<Variables>)> {
    let begins = |at: usize| text[..at].rsplit('\n').next().is_none_or(|before| before.trim().is_empty());
    let Some(open) = text.match_indices("<<<json").map(|(at, _)| at).find(|at| begins(*at)) else {
        return Ok((text.to_string(), None));
    };
    let wrong = |message: &str| {
        let error = Error::new(Kind::Syntax, message).with_context("nothing was sent");
        error.at(crate::sql::place(text, file, open..open + "<<<json".len()))
    };
    let start = open + "<<<json".len();
    let start = start + if text[start..].starts_with("net") { "net".len() } else { 0 };
    // `>>>` may stand within a text of it: the end is the first that makes it whole.
    let ends = text[start..].match_indices(">>>").map(|(at, _)| start + at);
    let ends: Vec<usize> = ends.collect();
    let Some(first) = ends.first() else {
        return Err(wrong("this block is not closed").with_hint("close it with `>>>`"));
    };
    let is_whole = |end: &&usize| serde_json::from_str::<serde::de::IgnoredAny>(&text[start..**end]).is_ok();
    let end = *ends.iter().find(is_whole).unwrap_or(first);
    let before = text[..start].matches('\n').count();
    let path = file.unwrap_or(Path::new("(the script)"));
    let variables = variables::json(&text[start..end], path, before).map_err(|error| {
        match text[start - 3..].starts_with("net") {
            true => error.with_hint("Jsonnet is not evaluated: write the block as JSON, or give values by `--var`"),
            false => error,
        }
    })?;
    let end = end + ">>>".len();
    let blank = text[open..end].chars().map(|c| if c == '\n' { "\n".into() } else { " ".repeat(c.len_utf8()) });
    let blanked = [&text[..open], &blank.collect::<String>(), &text[end..]].concat();
    Ok((blanked, Some(variables)))
}

#[cfg(test)]
mod tests;

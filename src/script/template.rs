//! Templates: `{{ name }}`, filters, `if` and `for`. The engine never sees the SQL around its expressions, nor does what
//! it puts out hold any: text and values go by number, so that no value is ever taken for template or for SQL, and each
//! stretch of the result knows where it came from.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::{Environment, ErrorKind, UndefinedBehavior};

use crate::error::{Error, Kind, Result, nearest};
use crate::script::quotes::{Misplaced, Quotes, State, Written};
use crate::script::variables::Variables;
use crate::sql::split::{Within, within};
use crate::sql::{Origin, Run, place};
use scan::Part;

mod comments;
mod filters;
pub mod scan;

/// What is offered for a filter that there is not: ours first.
const FILTERS: [&str; 23] = [
    "sql_escape",
    "sql_list",
    "sql_name",
    "tojson",
    "json_encode",
    "from_json",
    "generate_patch_document",
    "base64_encode",
    "merge_lists",
    "merge_objects",
    "default",
    "join",
    "length",
    "lower",
    "upper",
    "replace",
    "trim",
    "first",
    "last",
    "sort",
    "unique",
    "map",
    "items",
];
/// The most words and signs of one expression. The engine goes through them one within the other, and a chain that is
/// too long overflows the stack.
const MOST_STEPS: usize = 2000;
/// What may begin a `{% … %}`, without what catches its output.
const TAGS: [&str; 8] = ["if", "elif", "else", "endif", "for", "endfor", "set", "with"];

/// The template with its values, and what each stretch of it was made of. What a comment names and nobody gave stays as it
/// is written.
///
/// # Errors
/// `Syntax`, `Name` or `Param`, at its place in the template.
pub fn render(text: &str, file: Option<&Path>, variables: &Variables) -> Result<(String, Origin)> {
    let template = Template { text, file };
    let mut parts = template.parts()?;
    loop {
        match template.rendered(&parts, variables) {
            Ok(done) => return Ok(done),
            Err(Wrong { part: Some(part), .. }) if comments::leave(text, &mut parts, part) => {}
            Err(Wrong { error, .. }) => return Err(*error),
        }
    }
}

/// Whether comments count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    Everywhere,
    OutsideOfComments,
}

/// What a template asks for, a member of another with a dot between them; `None` for what is no template.
pub fn names(text: &str, place: Where) -> Option<BTreeSet<String>> {
    let template = Template { text, file: None };
    let mut parts = template.parts().ok()?;
    let in_comments = match place {
        Where::Everywhere => Vec::new(),
        Where::OutsideOfComments => comments::within(text, &parts),
    };
    for (number, _) in in_comments.iter().enumerate().filter(|(_, is_within)| **is_within) {
        comments::leave(text, &mut parts, number);
    }
    let code = template.code(&parts).ok()?;
    let mut environment = Environment::new();
    filters::add_to(&mut environment);
    let names = environment.template_from_str(&code.text).ok()?.undeclared_variables(true);
    Some(names.into_iter().collect())
}

fn write_number(out: &mut minijinja::Output<'_>, sign: char, number: usize) -> std::fmt::Result {
    out.write_fmt(format_args!("{sign}{number} "))
}

struct Template<'a> {
    text: &'a str,
    file: Option<&'a Path>,
}

/// What the engine sees of a template: its expressions, and numbers for the rest.
struct Code {
    text: String,
    expressions: Vec<Expression>,
}

struct Expression {
    /// Where it begins in the code.
    begin: usize,
    /// What it is in the template.
    inside: Range<usize>,
    /// The number of its part.
    part: usize,
}

/// What is wrong, and with which part, if with one.
struct Wrong {
    error: Box<Error>,
    part: Option<usize>,
}

impl Template<'_> {
    fn error(&self, kind: Kind, message: impl Into<String>, at: Range<usize>) -> Error {
        Error::new(kind, message).at(place(self.text, self.file, at)).with_context("nothing was sent")
    }

    fn parts(&self) -> Result<Vec<Part>> {
        let mut parts = scan::parts(self.text).map_err(|at| {
            let sign = &self.text[at.start..at.start + 2];
            self.error(Kind::Syntax, format!("`{sign}` is not closed"), at)
        })?;
        comments::leave_lone(self.text, &mut parts);
        Ok(parts)
    }

    fn rendered(&self, parts: &[Part], variables: &Variables) -> Result<(String, Origin), Wrong> {
        let code = self.code(parts)?;
        let values: Arc<Mutex<Vec<Written>>> = Arc::default();
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_debug(true);
        filters::add_to(&mut environment);
        let kept = values.clone();
        environment.set_formatter(move |out, _, value| {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push(filters::written(value));
            Ok(write_number(out, 'v', kept.len() - 1)?)
        });
        let rendered = environment
            .template_from_str(&code.text)
            .and_then(|compiled| compiled.render(variables.values()))
            .map_err(|error| self.wrong(&error, &code, &environment, variables))?;
        let values = values.lock().unwrap_or_else(PoisonError::into_inner);
        self.put_together(&rendered, parts, &values).map_err(|error| Wrong { error: Box::new(error), part: None })
    }

    fn code(&self, parts: &[Part]) -> Result<Code, Wrong> {
        let mut code = Code { text: String::new(), expressions: Vec::new() };
        for (number, part) in parts.iter().enumerate() {
            let wrong = |error| Wrong { error: Box::new(error), part: Some(number) };
            let (inside, close) = match part {
                Part::Text(_) => {
                    code.text += &format!("t{number} ");
                    continue;
                }
                Part::Value { inside, .. } => {
                    self.check_length(inside.clone()).map_err(wrong)?;
                    self.check_value(inside.clone()).map_err(wrong)?;
                    code.text += &format!("t{number} {{{{");
                    (inside, " }}")
                }
                Part::Tag { inside, whole } => {
                    self.check_length(inside.clone()).map_err(wrong)?;
                    self.check_tag(inside.clone(), whole.clone()).map_err(wrong)?;
                    code.text += "{%";
                    (inside, " %}")
                }
            };
            code.expressions.push(Expression { begin: code.text.len(), inside: inside.clone(), part: number });
            code.text += &without_leading_dots(&self.text[inside.clone()]);
            code.text += close;
        }
        Ok(code)
    }

    fn check_length(&self, inside: Range<usize>) -> Result<()> {
        if scan::longest_chain(&self.text[inside.clone()]) <= MOST_STEPS {
            return Ok(());
        }
        let message = format!("this expression has more than {MOST_STEPS} words and signs");
        Err(self.error(Kind::Syntax, message, inside.start..inside.start + 1))
    }

    /// Blocks as Go's templates write them have another spelling here.
    fn check_value(&self, inside: Range<usize>) -> Result<()> {
        let mut words = self.text[inside.clone()].split_whitespace();
        let (first, second) = (words.next().unwrap_or_default(), words.next());
        let goes_on = second.is_some_and(|second| second.starts_with(['.', '$']) || second.starts_with("eq"));
        let hint = match first {
            "range" if goes_on => "`{% for item in items %} … {% endfor %}` is how a list is gone through",
            "if" | "with" if goes_on => "`{% if condition %} … {% endif %}` is how a condition is written",
            "end" if second.is_none() => "a block ends with `{% endif %}` or `{% endfor %}`",
            _ => return Ok(()),
        };
        Err(self.error(Kind::Syntax, format!("`{first}` is no value"), inside).with_hint(hint))
    }

    fn check_tag(&self, inside: Range<usize>, whole: Range<usize>) -> Result<()> {
        let tag = &self.text[inside];
        let word = tag.split_whitespace().next().unwrap_or_default();
        let is_block = word == "set" && !tag.contains('=');
        let is_recursive = word == "for" && tag.split_whitespace().next_back() == Some("recursive");
        if (TAGS.contains(&word) || word == "endwith") && !is_block && !is_recursive {
            return Ok(());
        }
        let shown = if is_recursive { "for … recursive" } else { word };
        let error = self.error(Kind::Syntax, format!("`{{% {shown} %}}` is not possible in a script"), whole);
        Err(match nearest(word, TAGS).filter(|near| *near != word) {
            Some(near) => error.with_hint(format!("did you mean `{near}`?")),
            None => error.with_hint("`if`, `for`, `set name = value`, `with` and `raw` are"),
        })
    }

    /// What the engine found wrong.
    fn wrong(
        &self,
        error: &minijinja::Error,
        code: &Code,
        environment: &Environment<'_>,
        variables: &Variables,
    ) -> Wrong {
        // A filter's own mistake has the reason within.
        let at = error.range().map_or(0, |range| range.start);
        let index = code.expressions.partition_point(|expression| expression.begin <= at).saturating_sub(1);
        match code.expressions.get(index) {
            None => {
                let error = self.error(Kind::Syntax, format!("the template cannot be read: {error}"), 0..0);
                Wrong { error: Box::new(error), part: None }
            }
            Some(found) => {
                let missing = self.missing(&self.text[found.inside.clone()], code, environment, variables);
                Wrong { error: Box::new(self.wrong_in(error, found, missing, variables)), part: Some(found.part) }
            }
        }
    }

    /// The same, of the expression that it is about, with a name in it that stands for nothing.
    fn wrong_in(
        &self,
        error: &minijinja::Error,
        Expression { begin, inside, .. }: &Expression,
        missing: Option<String>,
        variables: &Variables,
    ) -> Error {
        let at = error.range().map_or(0, |range| range.start);
        let expression = &self.text[inside.clone()];
        let trimmed = match expression.trim() {
            "" => inside.clone(),
            words => {
                let begin = inside.start + (expression.len() - expression.trim_start().len());
                begin..begin + words.len()
            }
        };
        if let Some(name) = missing {
            let found =
                word_at(expression, &name).map_or(trimmed, |at| inside.start + at..inside.start + at + name.len());
            return self.undefined(&name, found, variables);
        }
        let from = (inside.start + at.saturating_sub(*begin)).clamp(trimmed.start, trimmed.end);
        let to = error.range().map_or(from, |range| (inside.start + range.end.saturating_sub(*begin)).min(trimmed.end));
        let exact = if to > from && self.text.is_char_boundary(from) && self.text.is_char_boundary(to) {
            from..to
        } else {
            trimmed
        };
        let shown = self.text[exact.clone()].trim();
        match error.kind() {
            ErrorKind::UndefinedError => self.error(Kind::Name, format!("`{shown}` has no value"), exact),
            ErrorKind::UnknownFilter => {
                // The engine's words: `filter x is unknown`.
                let filter = error.detail().and_then(|detail| detail.strip_prefix("filter ")?.split(' ').next());
                let error = self.error(Kind::Name, format!("there is no filter `{}`", filter.unwrap_or(shown)), exact);
                match filter.and_then(|filter| nearest(filter, FILTERS)) {
                    Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                    None => error.with_hint(format!("there are {}", FILTERS[..10].join(", "))),
                }
            }
            ErrorKind::SyntaxError => {
                let detail = error.detail().unwrap_or("it cannot be read");
                self.error(Kind::Syntax, format!("this is no expression: {detail}"), exact)
            }
            _ => {
                let detail = error.detail().map_or_else(|| error.to_string(), String::from);
                self.error(Kind::Param, detail, exact)
            }
        }
    }

    /// A name in the expression that stands for nothing, where something has to stand for it.
    fn missing(
        &self,
        expression: &str,
        code: &Code,
        environment: &Environment<'_>,
        variables: &Variables,
    ) -> Option<String> {
        let open = environment.template_from_str(&code.text).ok()?.undeclared_variables(true);
        let mut names: Vec<String> = open.into_iter().filter(|name| variables.get(name).is_none()).collect();
        // The longest first: `a.b.c` says more than `a`.
        names.sort_by_key(|name| (std::cmp::Reverse(name.len()), name.clone()));
        names.into_iter().find(|name| word_at(expression, name).is_some())
    }

    fn undefined(&self, name: &str, at: Range<usize>, variables: &Variables) -> Error {
        let (parent, member) = name.rsplit_once('.').map_or((None, name), |(parent, member)| (Some(parent), member));
        if let Some(parent) = parent.filter(|parent| variables.get(parent).is_none()) {
            return self.undefined(parent, at, variables);
        }
        let known = variables.names(parent);
        let error = self.error(Kind::Name, format!("there is no variable `{name}`"), at);
        match nearest(member, known.iter().map(String::as_str)) {
            Some(near) => {
                let near = parent.map_or(near.to_string(), |parent| format!("{parent}.{near}"));
                error.with_hint(format!("did you mean `{near}`?"))
            }
            None if parent.is_none() => {
                error.with_hint(format!("give it: `--var {name}=…`, or a line in a file of `-q`"))
            }
            None if known.is_empty() => error,
            None => error.with_hint(format!("it has {}", known.join(", "))),
        }
    }

    /// Text and values by their numbers, each value as it is written where it stands.
    fn put_together(&self, rendered: &str, parts: &[Part], values: &[Written]) -> Result<(String, Origin)> {
        let internal = || Error::new(Kind::Internal, "the template's result cannot be read");
        let mut quotes = Quotes::default();
        let (mut made, mut runs, mut written) = (String::new(), Vec::new(), Vec::new());
        let mut current = 0..0;
        for item in rendered.split_terminator(' ') {
            let number = item.get(1..).and_then(|number| number.parse::<usize>().ok()).ok_or_else(internal)?;
            if item.starts_with('v') {
                let value = values.get(number).ok_or_else(internal)?;
                let state = quotes.now();
                let text = quotes.write(value).map_err(|why| self.misplaced(why, value, current.clone()))?;
                runs.push(Run { at: made.len(), from: current.clone(), verbatim: false });
                written.push((made.len()..made.len() + text.len(), state, current.clone()));
                made += &text;
                continue;
            }
            match parts.get(number).ok_or_else(internal)? {
                Part::Text(range) => {
                    runs.push(Run { at: made.len(), from: range.clone(), verbatim: true });
                    made += &self.text[range.clone()];
                    quotes.follow(&self.text[range.clone()]);
                }
                Part::Value { whole, .. } | Part::Tag { whole, .. } => current = whole.clone(),
            }
        }
        let stretches: Vec<Range<usize>> = written.iter().map(|(range, ..)| range.clone()).collect();
        // A text that the parser cannot cut into words is refused by it.
        for ((_, state, from), seen) in written.iter().zip(within(&made, &stretches).unwrap_or_default()) {
            let expected = match state {
                State::Words => Within::Words,
                State::Text => Within::Text,
                State::Name(_) => Within::Name,
                _ => Within::Comment,
            };
            if seen != expected {
                return Err(self.error(Kind::Syntax, "no value can stand here", from.clone()));
            }
        }
        Ok((made, Origin::new(self.text, runs)))
    }

    fn misplaced(&self, why: Misplaced, value: &Written, at: Range<usize>) -> Error {
        let expression = self.text[at.clone()].trim_matches(['{', '}', '-', ' ']);
        match why {
            Misplaced::Odd => self
                .error(Kind::Syntax, "no value can stand within this kind of quotes", at)
                .with_hint("`'{{ … }}'` takes any value"),
            Misplaced::Text => {
                let error = self.error(Kind::Param, "a text that is written outside of quotes could be any SQL", at);
                let error = error.with_hint(format!("as a value: `'{{{{ {expression} }}}}'`"));
                let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
                match value {
                    Written::Text(text) if text.chars().all(is_name) => {
                        error.with_hint(format!("as a name: `{{{{ {expression} | sql_name }}}}`"))
                    }
                    Written::Text(text) if text.starts_with('[') => {
                        error.with_hint(format!("as several values: `IN {{{{ {expression} | sql_list }}}}`"))
                    }
                    _ => error,
                }
            }
        }
    }
}

/// Where a dotted name stands in an expression as one, outside of quotes.
fn word_at(expression: &str, name: &str) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut quote = None;
    for (at, letter) in expression.char_indices() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None if letter == '\'' || letter == '"' => quote = Some(letter),
            None => {
                let before = expression[..at].chars().next_back();
                let after = expression[at..].strip_prefix(name).map(|rest| rest.chars().next());
                let begins = !before.is_some_and(is_part);
                if begins && after.is_some_and(|after| !after.is_some_and(is_part)) {
                    return Some(at);
                }
            }
        }
    }
    None
}

/// StackQL's `.a.b` is `a.b`: the dot goes where an expression begins, and a blank stands for it.
fn without_leading_dots(expression: &str) -> String {
    const BEFORE: [&str; 9] = ["if", "elif", "in", "and", "or", "not", "else", "is", "with"];
    let mut result = String::with_capacity(expression.len());
    let mut quote = None;
    let mut letters = expression.chars().peekable();
    while let Some(letter) = letters.next() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None if letter == '\'' || letter == '"' => quote = Some(letter),
            None if letter == '.' && letters.peek().is_some_and(|next| next.is_alphabetic() || *next == '_') => {
                let before = result.trim_end();
                let word = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                let last = before.chars().next_back();
                let begins = match last {
                    None => true,
                    Some(last) if last.is_alphanumeric() || last == '_' => {
                        before.len() < result.len() && BEFORE.contains(&word)
                    }
                    Some(last) => !matches!(last, ')' | ']' | '}' | '\'' | '"' | '.'),
                };
                result.push(if begins { ' ' } else { '.' });
                continue;
            }
            None => {}
        }
        result.push(letter);
    }
    result
}

#[cfg(test)]
mod tests;

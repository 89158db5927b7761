//! The words within `/*+ … */` comments: where one ends and the next begins, and which of them mean something.

use sqlparser::tokenizer::TokenWithSpan;

use super::split;
use super::statement::Statement;

/// What a statement does otherwise for it.
const OF_STATEMENTS: [&str; 4] = ["AWAIT", "SHOWRESULTS", "REQUIRED", "NOSTATUS"];
/// What a statement is for in the file of a resource that is deployed; `:` and a step may follow.
pub const ANCHORS: [&str; 14] = [
    "exists",
    "preflight",
    "create",
    "update",
    "createorupdate",
    "statecheck",
    "postdeploy",
    "exports",
    "delete",
    "command",
    "query",
    "test",
    "callback",
    "troubleshoot",
];
/// What goes with an anchor, as `name=value`.
const OPTIONS: [&str; 6] = [
    "retries",
    "retry_delay",
    "postdelete_retries",
    "postdelete_retry_delay",
    "short_circuit_field",
    "short_circuit_value",
];

impl Statement {
    /// Whether a hint says this word, in any case.
    pub fn has_hint(&self, word: &str) -> bool {
        self.hints.iter().any(|hint| hint.eq_ignore_ascii_case(word))
    }

    /// What is said of the words of its hints that mean nothing to anyone.
    pub fn hint_notices(&self) -> impl Iterator<Item = String> + '_ {
        let unknown = self.hints.iter().filter(|hint| !is_known(hint));
        unknown.map(|hint| format!("the hint `{hint}` is not known, and does nothing"))
    }
}

/// Whether a word of a hint means something.
pub fn is_known(hint: &str) -> bool {
    let among = |known: &[&str], word: &str| known.iter().any(|known| known.eq_ignore_ascii_case(word));
    let anchor = hint.split(':').next().unwrap_or_default();
    among(&OF_STATEMENTS, hint)
        || among(&ANCHORS, anchor)
        || hint.split_once('=').is_some_and(|(name, _)| among(&OPTIONS, name))
}

/// The words of every hint, in order.
pub(super) fn of(tokens: &[TokenWithSpan]) -> Vec<String> {
    tokens.iter().filter_map(|token| split::hint(&token.token)).flat_map(words).collect()
}

/// The words of one hint: blanks and commas part them, but not within brackets, and not around a `=`.
pub fn words(hint: &str) -> Vec<String> {
    let (mut words, mut word, mut depth) = (Vec::new(), String::new(), 0_usize);
    let mut letters = hint.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > 0 || !(letter.is_whitespace() || letter == ',') {
            word.push(letter);
            continue;
        }
        while letters.next_if(|next| next.is_whitespace()).is_some() {}
        let goes_on = letter != ',' && (word.ends_with('=') || letters.peek() == Some(&'='));
        if !goes_on && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_hint_is_words() {
        let check = |hint: &str, expected: &[&str]| assert_eq!(words(hint), expected, "{hint}");
        check("AWAIT", &["AWAIT"]);
        check("AWAIT, SHOWRESULTS", &["AWAIT", "SHOWRESULTS"]);
        check("AWAIT,SHOWRESULTS ,x", &["AWAIT", "SHOWRESULTS", "x"]);
        check("AWAIT\n\tPARALLEL", &["AWAIT", "PARALLEL"]);
        check("create, retries=3, retry_delay = 5", &["create", "retries=3", "retry_delay=5"]);
        check("LEADING(a, b (c)) x", &["LEADING(a, b (c))", "x"]);
        check("LEADING(a, b", &["LEADING(a, b"]);
        check(" , ", &[]);
    }
}

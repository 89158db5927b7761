//! What a document says of credentials: which way they go, and by which environment variables they are named.
//! Reads no variable.

use super::place;
use crate::catalog::table::Table;
use crate::catalog::yaml::{Key, Mistake, Node, Value, mistake};
use crate::drivers::rest::address::is_secure_or_local;
use crate::drivers::rest::wiring::{Auth, Way, When};

const COMMON: &[&str] = &["by", "env", "when"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Header,
    Query,
    Basic,
    Login,
    OAuth2,
}

/// Each way with the keys that it has besides `by` and `env`.
const WAYS: &[(&str, Word, &[&str])] = &[
    ("header", Word::Header, &["name", "scheme"]),
    ("query", Word::Query, &["name"]),
    ("basic", Word::Basic, &["user"]),
    ("login", Word::Login, &["post", "body", "token", "name", "scheme"]),
    ("oauth2", Word::OAuth2, &["post", "client", "scope", "in_body"]),
];

/// One way, or a list of them.
pub fn ways((key, node): &(Key, Node), mistakes: &mut Vec<Mistake>) -> Vec<Auth> {
    let Value::List(items) = &node.value else {
        return auth(key, node, mistakes).into_iter().collect();
    };
    if items.is_empty() {
        mistakes.push(mistake(node.at, "`auth` is an empty list: leave it out where nobody is asked who asks"));
    }
    let mut ways: Vec<Auth> = Vec::new();
    for item in items {
        let Some(way) = auth(key, item, mistakes) else { continue };
        if let Some(at) = ways.iter().position(|earlier| earlier.when.holds_with(&way.when)) {
            let message = format!("this way of `auth` is never taken: the one at place {} always is before it", at + 1);
            mistakes.push(mistake(item.at, message));
        }
        ways.push(way);
    }
    ways
}

fn auth(key: &Key, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Auth> {
    let words: Vec<(&str, Word)> = WAYS.iter().map(|(name, word, _)| (*name, *word)).collect();
    // Which keys there may be, the way says: it is looked at first, and complained of only once.
    let every: Vec<&str> = WAYS.iter().flat_map(|(_, _, keys)| keys.iter()).chain(COMMON).copied().collect();
    let by = Table::open(node, key.at, "`auth`", &every, &mut Vec::new()).word("by", &words, &mut Vec::new());
    let own = WAYS.iter().filter(|(_, word, _)| by.is_none_or(|by| by == *word));
    let keys: Vec<&str> = COMMON.iter().chain(own.flat_map(|(_, _, keys)| keys.iter())).copied().collect();
    let table = Table::open(node, key.at, "`auth`", &keys, mistakes);
    table.need("by", mistakes);
    let by = table.word("by", &words, mistakes)?;
    let env = table.needed_text("env", mistakes);
    let name = table.text("name", mistakes);
    let scheme = table.text("scheme", mistakes);
    let header = || name.clone().unwrap_or_else(|| "Authorization".into());
    let way = match by {
        Word::Header => Way::Header { name: header(), scheme },
        Word::Query => {
            table.need("name", mistakes);
            Way::Query { name: name.unwrap_or_default() }
        }
        Word::Basic => Way::Basic { user: table.needed_text("user", mistakes) },
        Word::Login => {
            table.need("token", mistakes);
            table.need("body", mistakes);
            let body = table.get("body").map(|(_, node)| node.value.json()).unwrap_or_default();
            let bearer = name.is_none().then(|| "Bearer".to_string());
            let token = place(&table, "token", mistakes).unwrap_or_default();
            Way::Login { path: post(&table, mistakes), body, token, name: header(), scheme: scheme.or(bearer) }
        }
        Word::OAuth2 => Way::OAuth2 {
            path: post(&table, mistakes),
            client: table.needed_text("client", mistakes),
            scope: table.text("scope", mistakes),
            in_body: table.flag("in_body", mistakes),
        },
    };
    Some(Auth { when: when(&table, mistakes), way, env })
}

/// `when: VARIABLE`, or `when: {VARIABLE: value}`.
fn when(table: &Table<'_>, mistakes: &mut Vec<Mistake>) -> When {
    let Some((_, node)) = table.get("when") else { return When::Always };
    match &node.value {
        Value::Text(variable) if !variable.is_empty() => return When::Set(variable.clone()),
        Value::Table(entries) => {
            if let [(variable, Node { value: Value::Text(value), .. })] = entries.as_slice()
                && !value.is_empty()
            {
                return When::Is(variable.name.clone(), value.clone());
            }
        }
        _ => {}
    }
    let message = "`when` is the name of a variable, or a table of one variable and the text that is its value";
    mistakes.push(mistake(node.at, message));
    When::Always
}

/// A path below the base, or an address of its own.
fn post(table: &Table<'_>, mistakes: &mut Vec<Mistake>) -> String {
    let path = table.needed_text("post", mistakes);
    let at = table.get("post").map_or(table.at, |(_, node)| node.at);
    if !path.is_empty() && !path.starts_with('/') && !is_secure_or_local(&path) {
        mistakes.push(mistake(at, format!("`post` is `{path}`, and must be a path (`/…`) or begin with `https://`")));
    }
    path
}

//! SQLite's JSON paths: `$.a.b[0]`, `$[#-1]`, `$."a b"`. Pure. A member is found by its name, else without regard to
//! case and underscores, so that a path in a service's spelling (`$[0].Key`, `$.ErrorCode`) finds snake_case as well.

use super::json::Json;

/// The default is `$`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Member(String),
    /// From the front.
    Item(usize),
    /// From the end: 1 is the last, 0 the place behind it.
    FromEnd(usize),
}

impl Path {
    /// # Errors
    /// The rest of the text that is no path.
    pub fn read(text: &str) -> Result<Path, &str> {
        let mut rest = text.strip_prefix('$').ok_or(text)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, behind) = step(rest).ok_or(rest)?;
            steps.push(step);
            rest = behind;
        }
        Ok(Path { steps })
    }

    /// What the path leads to.
    pub fn find<'j>(&self, json: &'j Json) -> Option<&'j Json> {
        self.steps.iter().try_fold(json, |json, step| step.find(json))
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

impl Step {
    pub fn find<'j>(&self, json: &'j Json) -> Option<&'j Json> {
        match json {
            Json::Object(members) => self.position(json).and_then(|at| members.get(at)).map(|(_, value)| value),
            Json::Array(items) => self.position(json).and_then(|at| items.get(at)),
            _ => None,
        }
    }

    /// The position of what this step leads to among the members or the items.
    pub fn position(&self, json: &Json) -> Option<usize> {
        match (self, json) {
            (Step::Member(name), Json::Object(members)) => {
                member(members.iter().map(|(known, _)| known.as_str()), name)
            }
            (Step::Item(at), Json::Array(items)) => Some(*at).filter(|at| *at < items.len()),
            (Step::FromEnd(back), Json::Array(items)) => items.len().checked_sub(*back).filter(|at| *at < items.len()),
            _ => None,
        }
    }
}

/// The position of the name that is meant: the same, else the same without regard to case, else to underscores either.
pub fn member<'n>(names: impl Iterator<Item = &'n str> + Clone, wanted: &str) -> Option<usize> {
    let plain =
        |name: &str| name.chars().filter(|letter| *letter != '_').flat_map(char::to_lowercase).collect::<String>();
    let exact = names.clone().position(|name| name == wanted);
    let in_other_case = || names.clone().position(|name| name.eq_ignore_ascii_case(wanted));
    exact.or_else(in_other_case).or_else(|| names.clone().position(|name| plain(name) == plain(wanted)))
}

fn step(text: &str) -> Option<(Step, &str)> {
    if let Some(rest) = text.strip_prefix('.') {
        if let Some(rest) = rest.strip_prefix('"') {
            let end = rest.find('"')?;
            return Some((Step::Member(rest[..end].to_string()), &rest[end + 1..]));
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        return (end > 0).then(|| (Step::Member(rest[..end].to_string()), &rest[end..]));
    }
    let (inner, rest) = text.strip_prefix('[')?.split_once(']')?;
    let number = |digits: &str| digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let step = match inner.strip_prefix('#') {
        Some("") => Step::FromEnd(0),
        Some(back) => Step::FromEnd(number(back.strip_prefix('-')?)?),
        None => Step::Item(number(inner)?),
    };
    Some((step, rest))
}

#[cfg(test)]
mod tests {
    use super::{Json, Path};

    fn check(path: &str, expected: &str) {
        let json = r#"{"a":{"b c":[1,2,{"Key":"x","error_code":5}],"B C":7},"A":8,"":9}"#;
        let json = Json::read(json).expect("JSON");
        let found = match Path::read(path) {
            Ok(path) => path.find(&json).map_or("nothing".to_string(), Json::to_string),
            Err(rest) => format!("no path from `{rest}` on"),
        };
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn paths_lead_to_values() {
        check("$.A", "8");
        check("$.a.\"b c\"[0]", "1");
        check("$.a.\"b c\"[#-1].key", "\"x\"");
        check("$.a.\"b c\"[2].ErrorCode", "5");
        check("$.a.B C", "7");
        check("$.a.\"B c\"[1]", "2");
        check("$.a.\"b c\"[#]", "nothing");
        check("$.a.\"b c\"[#-9]", "nothing");
        check("$.a[0]", "nothing");
        check("$.\"\"", "9");
        check("$.nothing.at.all", "nothing");
    }

    #[test]
    fn what_is_no_path_is_told() {
        check("a.b", "no path from `a.b` on");
        check("$a", "no path from `a` on");
        check("$.", "no path from `.` on");
        check("$.a[x]", "no path from `[x]` on");
        check("$.a[1", "no path from `[1` on");
        check("$.a[#-]", "no path from `[#-]` on");
        check("$.\"a", "no path from `.\"a` on");
    }
}

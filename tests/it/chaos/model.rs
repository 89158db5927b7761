//! What the sandbox must hold after a run, and what a report may say of it: every row is as it was or as it was wanted,
//! or, of a change in several calls, where the calls that were made have brought it. Knows neither SQL nor iql.

use std::collections::BTreeMap;

/// What is compared of a resource.
pub type State = BTreeMap<String, String>;
/// What is there, by source or host. More than one: a row became two resources.
pub type Estate = BTreeMap<String, Vec<State>>;

/// A row that a statement is about.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its source or its host, which never changes.
    pub id: String,
    /// What reports call it.
    pub name: String,
    pub before: Option<State>,
    pub after: Option<State>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Well,
    /// With an error that was told.
    Badly,
    /// Nobody was there to tell.
    Killed,
}

/// Whether others have written the same rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    Alone,
    Others,
}

const DONE: &[&str] = &[
    "inserted",
    "changed",
    "deleted",
    "done",
    "already there",
    "already there, and different",
    "unchanged",
    "already gone",
    "already being deleted",
];
const OPEN: &[&str] = &["failed", "unknown", "not sent"];

/// What a report says of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub label: String,
    /// What stands in brackets behind the name.
    pub calls: Vec<String>,
}

/// What a report says, by the names of its rows.
pub fn told(report: &str) -> BTreeMap<String, Vec<Told>> {
    let mut found: BTreeMap<String, Vec<Told>> = BTreeMap::new();
    for (label, names) in report.lines().filter_map(|line| line.trim().split_once(':')) {
        let Some(label) = DONE.iter().chain(OPEN).find(|known| **known == label) else { continue };
        for name in parts(names) {
            let (name, calls) = name.trim().split_once(" (").unwrap_or((name.trim(), ""));
            let calls = calls.trim_end_matches(')').trim_end_matches(" done").split(", ").map(String::from);
            let told = Told { label: (*label).to_string(), calls: calls.collect() };
            let of_name = found.entry(name.to_string()).or_default();
            // An error and the script's end may both tell of a statement.
            if !of_name.contains(&told) {
                of_name.push(told);
            }
        }
    }
    found
}

/// The names of a line: commas part them, but for those in brackets.
fn parts(line: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for letter in line.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("one").push(letter);
    }
    parts
}

impl Row {
    fn changes(&self) -> Option<(&State, &State)> {
        Some((self.before.as_ref()?, self.after.as_ref()?))
    }

    /// The row when some of its calls were made.
    fn reached(&self, calls: &[String]) -> Option<State> {
        let Some((before, after)) = self.changes() else { return self.before.clone() };
        let has = |call: &str| calls.iter().any(|made| made == call);
        let mut state = before.clone();
        for (key, value) in after {
            let is_tag = key.starts_with("tag ");
            if (is_tag && has("CreateTags")) || (!is_tag && has("ModifyIntegration")) {
                state.insert(key.clone(), value.clone());
            }
        }
        if has("DeleteTags") {
            state.retain(|key, _| !key.starts_with("tag ") || after.contains_key(key));
        }
        Some(state)
    }

    /// Everything that an end in the midst may leave.
    fn possible(&self) -> Vec<Option<State>> {
        let calls = ["CreateTags", "DeleteTags", "ModifyIntegration"];
        let some = |bits: usize| -> Vec<String> {
            let picked = calls.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
            picked.map(|(_, call)| call.to_string()).collect()
        };
        let between = (0..8).map(|bits| self.reached(&some(bits)));
        between.chain([self.before.clone(), self.after.clone()]).collect()
    }
}

/// What is wrong with what a run left, and said.
pub fn complaints(rows: &[Row], report: &str, ended: Ended, company: Company, estate: &Estate) -> Vec<String> {
    let told = told(report);
    let mut wrong = Vec::new();
    let twice = estate.iter().filter(|(_, states)| states.len() > 1);
    wrong.extend(twice.map(|(id, states)| format!("{id} is there {} times", states.len())));
    let known = |id: &String| rows.iter().any(|row| row.id == *id);
    wrong.extend(estate.keys().filter(|id| !known(id)).map(|id| format!("{id} was never wanted")));
    for row in rows {
        let now = estate.get(&row.id).and_then(|states| states.first()).cloned();
        let said = told.get(&row.name).cloned().unwrap_or_default();
        if !row.possible().contains(&now) {
            wrong.push(format!("{} is neither as it was nor as it was wanted: {now:?}", row.name));
        }
        if said.len() > 1 {
            wrong.push(format!("{} is told of twice: {said:?}", row.name));
        }
        match said.first() {
            None if ended == Ended::Killed => {}
            // The other one may have left nothing to find, or another name.
            None if company == Company::Others && ended == Ended::Well && now == row.after => {}
            None if ended == Ended::Well => wrong.push(format!("{} is not told of", row.name)),
            None if company == Company::Others => {}
            None if now != row.before => wrong.push(format!("{} has changed, and is not told of", row.name)),
            None => {}
            Some(told) if DONE.contains(&told.label.as_str()) && now == row.after => {}
            Some(told) if DONE.contains(&told.label.as_str()) => {
                wrong.push(format!("{} is said to be done ({}), and is {now:?}", row.name, told.label));
            }
            Some(told) if ended == Ended::Well => {
                wrong.push(format!("{} is said to be {}, and all went well", row.name, told.label));
            }
            // What was tried may be done.
            Some(told) if told.label == "unknown" => {}
            Some(_) if company == Company::Others => {}
            Some(told) if now == row.reached(&told.calls) => {}
            Some(told) => {
                let calls = told.calls.join(", ");
                wrong.push(format!("{} is said to be {} ({calls}), and is {now:?}", row.name, told.label));
            }
        }
    }
    wrong
}

/// Of rows that are sent one after the other, none is made behind one that is not.
pub fn disorder(rows: &[Row], estate: &Estate) -> Vec<String> {
    let mut open = None;
    let mut wrong = Vec::new();
    for row in rows.iter().filter(|row| row.before.is_none() && row.after.is_some()) {
        match (estate.contains_key(&row.id), open) {
            (true, Some(first)) => wrong.push(format!("{} is there, and {first} before it is not", row.name)),
            (true, None) => {}
            (false, _) => open = open.or(Some(&row.name)),
        }
    }
    wrong
}

/// Rows that have changed without a line in the log of what writes.
pub fn unlogged(rows: &[Row], logs: &[&str], estate: &Estate) -> Vec<String> {
    let changed = rows.iter().filter(|row| {
        let now = estate.get(&row.id).and_then(|states| states.first());
        now != row.before.as_ref()
    });
    let is_logged = |row: &&Row| {
        let name = format!("\"{}\"", row.name);
        logs.iter().flat_map(|log| log.lines()).any(|line| line.contains("\"sending\"") && line.contains(&name))
    };
    changed.filter(|row| !is_logged(row)).map(|row| format!("{} is in no line of the log", row.name)).collect()
}

/// What a repeat without trouble has not mended.
pub fn unfinished(rows: &[Row], estate: &Estate) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in rows {
        let now = estate.get(&row.id).cloned().unwrap_or_default();
        if now != row.after.iter().cloned().collect::<Vec<_>>() {
            wrong.push(format!("after a repeat {} is {now:?}", row.name));
        }
    }
    wrong
}

#[test]
fn a_report_is_read() {
    let report = "error: UPDATE stopped\n  changed:  a (CreateTags, ModifyIntegration), b\n  failed:   c (CreateTags done)\n  \
                  not sent: d, e\n\nalready there, and different: Redshift h immuta (config.a, config.b)";
    let told = told(report);
    let labels: Vec<(&str, &str)> = told.iter().map(|(name, told)| (name.as_str(), told[0].label.as_str())).collect();
    let expected = [
        ("Redshift h immuta", "already there, and different"),
        ("a", "changed"),
        ("b", "changed"),
        ("c", "failed"),
        ("d", "not sent"),
        ("e", "not sent"),
    ];
    assert_eq!(labels, expected);
    assert_eq!(told["c"][0].calls, ["CreateTags"]);
    assert_eq!(told["a"][0].calls, ["CreateTags", "ModifyIntegration"]);
}

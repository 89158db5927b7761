//! With any trouble at any call of a write, what is said is true, and the same statement again ends with exactly the
//! wanted resources.

use std::collections::BTreeMap;
use std::time::Duration;

use iql::error::Error;
use iql::sandbox::{At, Controls, ErrorBody, Fault, Length, ThrottleCode, Trouble};

use crate::lab::Lab;

const TABLE: &str = "awscc.redshift.integrations";
const TARGET: &str =
    "arn:aws:redshift-serverless:eu-north-1:111122223333:namespace/4dfbc7ae-0001-4002-8003-100000000001";
const RUNS: u64 = 300;

/// What an integration is: its tags.
type State = BTreeMap<String, String>;
/// The integrations of a run, by name.
type Estate = BTreeMap<String, State>;

/// Trouble of every kind that a call can meet.
fn trouble(rng: &mut fastrand::Rng) -> Trouble {
    match rng.u8(0..15) {
        0 => Trouble::Throttle { rate: 0.0, burst: 0.0, code: ThrottleCode::default(), retry_after_seconds: None },
        1 => Trouble::ServerError { status: 500, body: ErrorBody::Xml },
        2 => Trouble::ServerError { status: 503, body: ErrorBody::None },
        3 => Trouble::Reset,
        4 | 5 => Trouble::Lost,
        6 => Trouble::Cut { at: At::Fraction(rng.f64()), length: Length::Right },
        7 => Trouble::Cut { at: At::Fraction(rng.f64()), length: Length::Whole },
        8 => Trouble::Hang,
        9 => Trouble::Denied,
        10 => Trouble::WrongShape,
        11 => Trouble::Latency { milliseconds: 800 },
        12 => Trouble::RepeatMarker,
        13 => Trouble::RefuseArnFilter,
        _ => Trouble::Expired,
    }
}

/// A statement and what it is to leave, of what it finds.
struct Case {
    before: Estate,
    statement: String,
    again: String,
    after: Estate,
    verb: &'static str,
    /// The calls that trouble may meet.
    actions: &'static [&'static str],
}

fn tags(state: &State) -> String {
    let tags: Vec<_> = state.iter().map(|(key, value)| serde_json::json!({"Key": key, "Value": value})).collect();
    serde_json::Value::Array(tags).to_string()
}

fn insert(estate: &Estate) -> String {
    let rows = estate.iter().map(|(name, state)| {
        let source = format!("arn:aws:dynamodb:eu-north-1:111122223333:table/{name}");
        format!("('{name}', '{source}', '{TARGET}', '{}', 'eu-north-1')", tags(state))
    });
    let rows: Vec<String> = rows.collect();
    format!("INSERT INTO {TABLE} (IntegrationName, SourceArn, TargetArn, Tags, region) VALUES {}", rows.join(", "))
}

fn case(run: u64, rng: &mut fastrand::Rng) -> Case {
    let some = |rng: &mut fastrand::Rng| -> State {
        ["a", "b", "c"]
            .iter()
            .filter_map(|key| {
                let value = rng.u8(0..6);
                (value < 3).then(|| (key.to_string(), value.to_string()))
            })
            .collect()
    };
    let estate: Estate = (0..rng.u64(1..4)).map(|at| (format!("c-{run}-{at}"), some(rng))).collect();
    let filter = format!("region = 'eu-north-1' AND integration_name LIKE 'c-{run}-%'");
    match rng.u8(0..3) {
        0 => {
            let statement = insert(&estate);
            let again = format!("{statement} ON CONFLICT DO NOTHING");
            Case {
                before: Estate::new(),
                statement,
                again,
                after: estate,
                verb: "inserted",
                actions: &["CreateIntegration", "CreateIntegration", "DescribeIntegrations"],
            }
        }
        1 => {
            let state = some(rng);
            let renames = rng.bool();
            let name = if renames { ", integration_name = replace(integration_name, '-x', '') || '-x'" } else { "" };
            let statement = format!("UPDATE {TABLE} SET tags = '{}'{name} WHERE {filter}", tags(&state));
            let renamed = |name: &String| if renames { format!("{name}-x") } else { name.clone() };
            let after = estate.keys().map(|name| (renamed(name), state.clone())).collect();
            Case {
                before: estate,
                again: statement.clone(),
                statement,
                after,
                verb: "changed",
                actions: &["CreateTags", "DeleteTags", "ModifyIntegration", "DescribeIntegrations"],
            }
        }
        _ => {
            let statement = format!("DELETE FROM {TABLE} WHERE {filter}");
            Case {
                before: estate,
                again: statement.clone(),
                statement,
                after: Estate::new(),
                verb: "deleted",
                actions: &["DeleteIntegration", "DeleteIntegration", "DescribeIntegrations"],
            }
        }
    }
}

async fn estate(lab: &Lab, run: u64) -> Vec<(String, State)> {
    let sql = format!(
        "SELECT integration_name, tags FROM {TABLE} WHERE region = 'eu-north-1' AND integration_name LIKE 'c-{run}-%' ORDER BY 1"
    );
    let rows = lab.rows(&sql).await.expect("rows");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_string();
    let state = |tags: &serde_json::Value| {
        tags.as_array().into_iter().flatten().map(|tag| (text(&tag["key"]), text(&tag["value"]))).collect()
    };
    rows.iter().map(|row| (text(&row["integration_name"]), state(&row["tags"]))).collect()
}

/// The names that a report has on the line of a label.
fn told(error: &Error, label: &str) -> Vec<String> {
    let lines = error.context.iter().filter_map(|line| line.strip_prefix(label)?.strip_prefix(':'));
    let names = lines
        .flat_map(|line| line.split(", ").map(|name| name.trim().split(' ').next().unwrap_or_default().to_string()));
    names.filter(|name| name.starts_with("c-")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_ends_with_what_was_wanted() {
    let lab = Lab::with(|settings| {
        settings.limits.call = Duration::from_millis(600);
        settings.limits.tries = 3;
        settings.limits.backoff = Duration::from_millis(1);
    })
    .await;
    let controls =
        Controls { creating_seconds: 0.0, modifying_seconds: 0.0, deleting_seconds: 0.0, ..Controls::default() };
    lab.sandbox.set_controls(&controls).expect("controls");
    lab.session.control().set_consent(iql::Consent::Given);
    let mut failed = 0;
    for run in 0..RUNS {
        let mut rng = fastrand::Rng::with_seed(run);
        let case = case(run, &mut rng);
        if !case.before.is_empty() {
            lab.notices(&insert(&case.before)).await.expect("what is there before");
        }
        lab.notices(&format!("SET iql.writes_in_flight = {}", rng.u8(1..3))).await.expect("a setting");
        let mut faults = Vec::new();
        for _ in 0..rng.u8(1..3) {
            let mut fault =
                Fault::new(trouble(&mut rng)).on(case.actions[rng.usize(0..case.actions.len())]).after(rng.u64(0..3));
            if rng.u8(0..4) > 0 {
                fault = fault.times(rng.u64(1..3));
            }
            faults.push(fault.clone());
            lab.sandbox.add_fault(fault);
        }
        let said = lab.notices(&case.statement).await;
        lab.sandbox.clear_faults();
        let found = estate(&lab, run).await;
        let story = format!("run {run}: {}\n{faults:?}\n{said:?}\nfound {found:?}", case.statement);
        let names: Vec<&String> = found.iter().map(|(name, _)| name).collect();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "one twice\n{story}");
        let after: Vec<(String, State)> = case.after.clone().into_iter().collect();
        match &said {
            Ok(_) => assert_eq!(found, after, "done, and it is not\n{story}"),
            Err(error) => {
                failed += 1;
                let is_there = |name: &String| names.contains(&name);
                match case.verb {
                    "inserted" => {
                        assert!(told(error, "inserted").iter().all(is_there), "{story}");
                        assert!(
                            !["failed", "not sent"]
                                .iter()
                                .flat_map(|label| told(error, label))
                                .any(|name| is_there(&name)),
                            "{story}"
                        );
                    }
                    "deleted" => {
                        assert!(!told(error, "deleted").iter().any(is_there), "{story}");
                        assert!(
                            ["failed", "not sent"]
                                .iter()
                                .flat_map(|label| told(error, label))
                                .all(|name| is_there(&name)),
                            "{story}"
                        );
                    }
                    _ => {
                        for name in told(error, "changed") {
                            let fits = |(there, state): &&(String, State)| {
                                there.starts_with(&name) && case.after.get(there) == Some(state)
                            };
                            assert_eq!(found.iter().filter(fits).count(), 1, "{name}\n{story}");
                        }
                        for name in told(error, "not sent") {
                            let state = found.iter().find(|(there, _)| *there == name).map(|(_, state)| state);
                            assert_eq!(state, case.before.get(&name), "{name}\n{story}");
                        }
                    }
                }
            }
        }
        let again = lab.notices(&case.again).await;
        assert!(again.is_ok(), "{again:?}\n{story}");
        assert_eq!(estate(&lab, run).await, after, "after the repeat {again:?}\n{story}");
        if !after.is_empty() {
            let all = format!("DELETE FROM {TABLE} WHERE region = 'eu-north-1' AND integration_name LIKE 'c-{run}-%'");
            lab.notices(&all).await.expect("cleared away");
        }
        lab.asked();
    }
    assert!(failed > RUNS / 6, "too little trouble: {failed} of {RUNS}");
}

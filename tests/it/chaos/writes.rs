//! Writes on Redshift, at random: INSERT with and without names, UPDATE in every way, DELETE, EXEC.

use fastrand::Rng;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::model::{Row, State};
use super::plan::Plan;
use super::raw::{Place, Raw, tags};

const TABLE: &str = "awscc.redshift.integrations";
/// Nothing of the seed is in them.
const REGIONS: &[&str] = &["eu-north-1", "us-west-1", "sa-east-1"];
/// Each creates what an integration's account has.
const ACCOUNTS: &[(&str, &str)] = &[("prod", "111122223333"), ("dev", "444455556666")];

fn pick<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    *rng.choice(of).expect("one")
}

struct Site {
    place: Place,
    account: &'static str,
}

impl Site {
    fn some(rng: &mut Rng) -> Site {
        let (profile, account) = if rng.u8(0..4) == 0 { ACCOUNTS[1] } else { ACCOUNTS[0] };
        Site { place: (profile, pick(rng, REGIONS)), account }
    }

    fn source(&self, id: &str) -> String {
        format!("arn:aws:dynamodb:{}:{}:table/{id}", self.place.1, self.account)
    }

    fn target(&self) -> String {
        let (region, account) = (self.place.1, self.account);
        format!("arn:aws:redshift-serverless:{region}:{account}:namespace/4dfbc7ae-0001-4002-8003-100000000001")
    }

    /// The conditions that a statement needs besides its own.
    fn condition(&self) -> String {
        let profile = if self.place.0 == "prod" { "" } else { " AND profile = 'dev'" };
        format!("region = '{}'{profile}", self.place.1)
    }
}

fn state(rng: &mut Rng, name: &str) -> State {
    let mut state = State::from([("name".into(), name.into())]);
    for key in ["a", "b c", "é"] {
        let value = rng.u8(0..6);
        if value < 3 {
            state.insert(format!("tag {key}"), value.to_string());
        }
    }
    state
}

fn listed(state: &State) -> String {
    json!(tags(state).map(|(key, value)| json!({"Key": key, "Value": value})).collect::<Vec<_>>()).to_string()
}

/// The name that an integration gets which has none: README, "Writing".
fn generated(site: &Site, source: &str) -> String {
    let mut hash = Sha256::new();
    for part in [site.place.1, source, &site.target()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digits: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("iql-{digits}")
}

pub async fn some(raw: &Raw, rng: &mut Rng, tag: &str) -> Plan {
    match rng.u8(0..10) {
        0..=3 => insert(raw, rng, tag).await,
        4..=6 => update(raw, rng, tag).await,
        7 | 8 => delete(raw, rng, tag).await,
        _ => exec(raw, rng, tag).await,
    }
}

async fn insert(raw: &Raw, rng: &mut Rng, tag: &str) -> Plan {
    let site = Site::some(rng);
    let (named, skips, returns, awaits) = (rng.u8(0..4) > 0, rng.bool(), rng.u8(0..3) == 0, rng.u8(0..4) == 0);
    let mut plan = Plan { kinds: vec!["INSERT"], places: vec![site.place], returns, ..Plan::default() };
    let mut values = Vec::new();
    let count = rng.u64(1..5);
    for at in 0..count {
        let id = format!("{tag}-{at}");
        // A source that the service does not know.
        let is_wrong = rng.u8(0..30) == 0;
        let source = site.source(&if is_wrong { format!("no-such-/{id}") } else { id.clone() });
        let name = if named { id.clone() } else { generated(&site, &source) };
        let wanted = state(rng, &name);
        let mut row = Row { id: source.clone(), name: name.clone(), before: None, after: Some(wanted.clone()) };
        if is_wrong {
            (row.after, plan.fails, plan.fails_again) = (None, true, true);
        } else if rng.u8(0..8) == 0 {
            // It is there already: as it is wanted, or otherwise.
            let is = if rng.bool() { wanted.clone() } else { state(rng, &name) };
            raw.create(site.place, &source, &site.target(), &is).await;
            (row.before, row.after) = (Some(is.clone()), Some(is));
            plan.fails |= !skips;
        }
        let mut value = vec![format!("'{source}'"), format!("'{}'", site.target()), format!("'{}'", listed(&wanted))];
        value.push(format!("'{}'", site.place.1));
        value.extend(named.then(|| format!("'{name}'")));
        value.extend((site.place.0 != "prod").then(|| "'dev'".to_string()));
        values.push(format!("({})", value.join(", ")));
        plan.rows.push(row);
    }
    let columns = format!(
        "SourceArn, TargetArn, Tags, region{}{}",
        if named { ", IntegrationName" } else { "" },
        if site.place.0 == "prod" { "" } else { ", profile" }
    );
    let await_it = if awaits { "/*+ AWAIT */ " } else { "" };
    let head = format!("INSERT {await_it}INTO {TABLE} ({columns})");
    let head = if rng.bool() {
        format!("{head} VALUES {}", values.join(", "))
    } else {
        format!("{head} SELECT * FROM (VALUES {})", values.join(", "))
    };
    let skipping = format!("{head} ON CONFLICT DO NOTHING");
    let returning = if returns { " RETURNING Identifier, integration_name" } else { "" };
    plan.statements = vec![format!("{}{returning}", if skips { &skipping } else { &head })];
    plan.again = vec![skipping];
    plan.actions = vec!["CreateIntegration", "CreateIntegration", "CreateIntegration", "DescribeIntegrations"];
    plan
}

/// What an UPDATE or a DELETE is about: rows of one region or of two, the conditions that say which, and where they are.
async fn target(raw: &Raw, rng: &mut Rng, tag: &str, count: usize) -> (Vec<(Row, String)>, String, Vec<Place>) {
    let site = Site::some(rng);
    let mut rows = there(raw, rng, tag, &site, count).await;
    let region = pick(rng, REGIONS);
    if count == 1 || region == site.place.1 || rng.bool() {
        return (rows, site.condition(), vec![site.place]);
    }
    let other = Site { place: (site.place.0, region), ..site };
    let count = rng.usize(1..3);
    rows.extend(there(raw, rng, &format!("{tag}-o"), &other, count).await);
    let condition = site.condition().replace("region = ", &format!("region IN ('{region}', "));
    let condition = match condition.split_once(" AND ") {
        Some((regions, rest)) => format!("{regions}) AND {rest}"),
        None => format!("{condition})"),
    };
    (rows, condition, vec![site.place, other.place])
}

/// Rows that are there, and their ARNs.
async fn there(raw: &Raw, rng: &mut Rng, tag: &str, site: &Site, count: usize) -> Vec<(Row, String)> {
    let mut rows = Vec::new();
    for at in 0..count {
        let name = format!("{tag}-{at}");
        let (source, before) = (site.source(&name), state(rng, &name));
        let arn = raw.create(site.place, &source, &site.target(), &before).await;
        rows.push((Row { id: source, name, before: Some(before), after: None }, arn));
    }
    rows
}

fn named(rows: &[(Row, String)]) -> String {
    let arns: Vec<String> = rows.iter().map(|(_, arn)| format!("'{arn}'")).collect();
    format!("Identifier IN ({})", arns.join(", "))
}

async fn update(raw: &Raw, rng: &mut Rng, tag: &str) -> Plan {
    // By columns, or by operations on the document, which give one name.
    let (renames, sets_tags) = pick(rng, &[(true, true), (true, false), (false, true), (false, true)]);
    let patches = rng.u8(0..3) == 0;
    let count = if patches && renames { 1 } else { rng.usize(1..5) };
    let (mut rows, place, places) = target(raw, rng, tag, count).await;
    let new = state(rng, "");
    let mut sets = Vec::new();
    if patches {
        let mut operations = Vec::new();
        if renames {
            operations.push(json!({"op": "replace", "path": "/IntegrationName", "value": format!("{tag}-0-x")}));
        }
        if sets_tags {
            let tags: Vec<_> = tags(&new).map(|(key, value)| json!({"Key": key, "Value": value})).collect();
            operations.push(json!({"op": "add", "path": "/Tags", "value": tags}));
        }
        sets.push(format!("PatchDocument = string('{}')", json!(operations)));
    } else {
        if renames {
            sets.push("integration_name = replace(integration_name, '-x', '') || '-x'".into());
        }
        if sets_tags {
            sets.push(format!("tags = '{}'", listed(&new)));
        }
    }
    for (row, _) in &mut rows {
        let mut after = row.before.clone().unwrap_or_default();
        if renames {
            after.insert("name".into(), format!("{}-x", row.name));
        }
        if sets_tags {
            after.retain(|key, _| !key.starts_with("tag "));
            after.extend(new.clone().into_iter().filter(|(key, _)| key.starts_with("tag ")));
        }
        row.after = Some(after);
    }
    let is_one = rows.len() == 1 && patches && renames;
    let condition = match rng.u8(0..3) {
        _ if is_one => format!("Identifier = '{}'", rows[0].1),
        0 => named(&rows),
        _ => format!("integration_name LIKE '{tag}-%'"),
    };
    let statement = format!("UPDATE {TABLE} SET {} WHERE {place} AND {condition}", sets.join(", "));
    Plan {
        kinds: vec![if patches { "UPDATE PatchDocument" } else { "UPDATE" }],
        again: vec![statement.clone()],
        statements: vec![statement],
        rows: rows.into_iter().map(|(row, _)| row).collect(),
        places,
        actions: vec!["CreateTags", "DeleteTags", "ModifyIntegration", "DescribeIntegrations"],
        ..Plan::default()
    }
}

async fn delete(raw: &Raw, rng: &mut Rng, tag: &str) -> Plan {
    let count = rng.usize(1..5);
    let (rows, place, places) = target(raw, rng, tag, count).await;
    let await_it = if rng.u8(0..4) == 0 { "/*+ AWAIT */ " } else { "" };
    let condition = if rng.bool() { named(&rows) } else { format!("integration_name LIKE '{tag}-%'") };
    let statement = format!("DELETE {await_it}FROM {TABLE} WHERE {place} AND {condition}");
    Plan {
        kinds: vec!["DELETE"],
        again: vec![statement.clone()],
        statements: vec![statement],
        rows: rows.into_iter().map(|(row, _)| row).collect(),
        places,
        actions: vec!["DeleteIntegration", "DeleteIntegration", "DescribeIntegrations"],
        ..Plan::default()
    }
}

async fn exec(raw: &Raw, rng: &mut Rng, tag: &str) -> Plan {
    let site = Site::some(rng);
    let profile = if site.place.0 == "prod" { "" } else { ", @profile = 'dev'" };
    let region = format!("@region = '{}'{profile}", site.place.1);
    let which = rng.u8(0..3);
    let (row, statement, actions) = if which == 0 {
        let name = format!("{tag}-new");
        let source = site.source(&name);
        let wanted = state(rng, &name);
        let body = json!({
            "IntegrationName": name, "SourceArn": source, "TargetArn": site.target(),
            "Tags": tags(&wanted).map(|(key, value)| json!({"Key": key, "Value": value})).collect::<Vec<_>>(),
        });
        let row = Row { id: source, name, before: None, after: Some(wanted) };
        (row, format!("create_resource {region} @@json = '{body}'"), vec!["CreateIntegration", "DescribeIntegrations"])
    } else {
        let (mut row, arn) = there(raw, rng, tag, &site, 1).await.remove(0);
        if which == 1 {
            let mut after = row.before.clone().unwrap_or_default();
            after.insert("name".into(), format!("{tag}-x"));
            row.after = Some(after);
            let patch = json!([{"op": "replace", "path": "/IntegrationName", "value": format!("{tag}-x")}]);
            let statement = format!("update_resource {region}, @Identifier = '{arn}', @PatchDocument = '{patch}'");
            (row, statement, vec!["ModifyIntegration", "DescribeIntegrations"])
        } else {
            let statement = format!("delete_resource {region}, @Identifier = '{arn}'");
            (row, statement, vec!["DeleteIntegration", "DescribeIntegrations"])
        }
    };
    let statement = format!("EXEC {TABLE}.{statement}");
    // An EXEC that creates has no way to pass over what is there.
    let fails_again = row.before.is_none();
    let again = vec![statement.clone()];
    Plan {
        kinds: vec!["EXEC"],
        fails_again,
        again,
        statements: vec![statement],
        rows: vec![row],
        places: vec![site.place],
        actions,
        ..Plan::default()
    }
}

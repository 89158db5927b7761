//! Writes on Immuta, at random, whose secrets are canaries: as literals and by their names.

use fastrand::Rng;
use serde_json::{Value, json};

use super::model::{Row, State};
use super::plan::Plan;
use super::raw::Raw;

const TABLE: &str = "immuta.integrations.integrations";
/// Known to every run's environment.
pub const SECRET: &str = "CHAOS_SECRET";
pub const VALUE: &str = "canary-of-chaos";

fn config(host: &str, port: u16, secret: &Value) -> Value {
    json!({
        "host": host, "port": port, "database": "immuta", "initialDatabase": "dev",
        "authenticationType": "userPassword", "username": "canary-user", "password": secret,
    })
}

fn state(port: u16) -> State {
    State::from([("type".into(), "Redshift".into()), ("port".into(), port.to_string())])
}

/// A secret as it is, or by its name.
fn secret(rng: &mut Rng) -> Value {
    if rng.bool() { VALUE.into() } else { json!({"$secret": SECRET}) }
}

pub async fn some(raw: &Raw, rng: &mut Rng, tag: &str) -> Plan {
    let actions = ["POST /integrations", "PUT /integrations/{id}", "DELETE /integrations/{id}"];
    let mut plan = match rng.u8(0..8) {
        0..=2 => insert(raw, rng, tag).await,
        3 | 4 => update(raw, rng, tag).await,
        5 | 6 => delete(raw, rng, tag).await,
        _ => exec(rng, tag),
    };
    plan.actions = actions.to_vec();
    plan.actions.extend(["GET /integrations", "GET /integrations/{id}", "POST /bim/apikey/authenticate"]);
    plan
}

/// Trino integrations, which nothing tells from one another.
pub fn nameless(rng: &mut Rng) -> Plan {
    let count = rng.usize(1..4);
    Plan {
        kinds: vec!["INSERT without marks"],
        statements: vec![format!("INSERT INTO {TABLE} (type) VALUES {}", vec!["('Trino')"; count].join(", "))],
        nameless: count,
        actions: vec!["POST /integrations", "POST /integrations", "GET /integrations"],
        ..Plan::default()
    }
}

async fn insert(raw: &Raw, rng: &mut Rng, tag: &str) -> Plan {
    let (skips, returns) = (rng.bool(), rng.u8(0..3) == 0);
    let mut plan = Plan { kinds: vec!["INSERT on Immuta"], returns, ..Plan::default() };
    let mut values = Vec::new();
    for at in 0..rng.u16(1..4) {
        let host = format!("{tag}-{at}.example");
        let port = 5439 + rng.u16(0..3);
        let name = format!("Redshift {host} immuta");
        let mut row = Row { id: host.clone(), name, before: None, after: Some(state(port)) };
        if rng.u8(0..8) == 0 {
            let is = 5439 + rng.u16(0..3);
            raw.govern(&config(&host, is, &"canary-before".into())).await;
            (row.before, row.after) = (Some(state(is)), Some(state(is)));
            plan.fails |= !skips;
        }
        values.push(format!("('Redshift', true, '{}')", config(&host, port, &secret(rng))));
        plan.rows.push(row);
    }
    let await_it = if rng.u8(0..4) == 0 { "/*+ AWAIT */ " } else { "" };
    let head = format!("INSERT {await_it}INTO {TABLE} (type, auto_bootstrap, config) VALUES {}", values.join(", "));
    let skipping = format!("{head} ON CONFLICT DO NOTHING");
    let returning = if returns { " RETURNING id, config" } else { "" };
    plan.statements = vec![format!("{}{returning}", if skips { &skipping } else { &head })];
    plan.again = vec![skipping];
    plan
}

async fn update(raw: &Raw, rng: &mut Rng, tag: &str) -> Plan {
    let host = format!("{tag}-0.example");
    let id = raw.govern(&config(&host, 5439, &"canary-before".into())).await;
    let port = 5439 + rng.u16(0..3);
    let returning = if rng.u8(0..3) == 0 { " RETURNING *" } else { "" };
    let config = config(&host, port, &secret(rng));
    let statement = if rng.u8(0..3) > 0 {
        format!("UPDATE {TABLE} SET config = '{config}' WHERE id = '{id}'{returning}")
    } else {
        let patch = json!([{"op": "replace", "path": "/config", "value": config}]);
        format!("UPDATE {TABLE} SET PatchDocument = '{patch}' WHERE id = '{id}'{returning}")
    };
    Plan {
        kinds: vec!["UPDATE on Immuta"],
        again: vec![statement.clone()],
        statements: vec![statement],
        rows: vec![Row { id: host, name: id, before: Some(state(5439)), after: Some(state(port)) }],
        ..Plan::default()
    }
}

async fn delete(raw: &Raw, rng: &mut Rng, tag: &str) -> Plan {
    let mut rows = Vec::new();
    for at in 0..rng.u16(1..4) {
        let host = format!("{tag}-{at}.example");
        let id = raw.govern(&config(&host, 5439, &"canary-before".into())).await;
        rows.push(Row { id: host, name: id, before: Some(state(5439)), after: None });
    }
    let ids: Vec<String> = rows.iter().map(|row| format!("'{}'", row.name)).collect();
    let password = if rng.bool() { format!("'{VALUE}'") } else { format!("secret('{SECRET}')") };
    let statement = format!(
        "DELETE FROM {TABLE} WHERE id IN ({}) AND authentication_type = 'userPassword' AND username = 'canary-user' AND password = {password}",
        ids.join(", ")
    );
    Plan {
        kinds: vec!["DELETE on Immuta"],
        again: vec![statement.clone()],
        statements: vec![statement],
        rows,
        ..Plan::default()
    }
}

fn exec(rng: &mut Rng, tag: &str) -> Plan {
    let host = format!("{tag}-0.example");
    let body = json!({"type": "Redshift", "autoBootstrap": true, "config": config(&host, 5440, &secret(rng))});
    let name = format!("Redshift {host} immuta");
    let statement = format!("EXEC {TABLE}.create @@json = '{body}'");
    Plan {
        kinds: vec!["EXEC on Immuta"],
        again: vec![statement.clone()],
        statements: vec![statement],
        rows: vec![Row { id: host, name, before: None, after: Some(state(5440)) }],
        fails_again: true,
        ..Plan::default()
    }
}

//! The flows of Immuta's documentation, as they stand in `examples/immuta`: each runs on a fresh sandbox, and asks for what
//! the documentation prints.

use std::path::Path;

use futures::TryStreamExt;
use serde_json::{Value, json};

use crate::lab::Lab;

/// What a flow sends that is no GET, and everything that it says.
async fn ran(name: &str) -> (Vec<(String, Value)>, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/immuta").join(name);
    let text = std::fs::read_to_string(&path).expect("the flow");
    let lab = Lab::new().await;
    let mut said = String::new();
    for statement in iql::sql::parse(&text, Some(&path)).unwrap_or_else(|error| panic!("{error}")) {
        let text = statement.text.clone();
        let outcome = lab.session.run(statement).await.unwrap_or_else(|error| panic!("{text}\n{error}"));
        outcome.notices.iter().for_each(|notice| said += &format!("{notice}\n"));
        outcome.rows.try_collect::<Vec<_>>().await.unwrap_or_else(|error| panic!("{text}\n{error}"));
    }
    let served = lab.sandbox.requests().into_iter();
    let writes = served.filter(|request| request.method.as_deref().is_some_and(|method| method != "GET"));
    let line = |request: &iql::sandbox::Served| {
        format!("{} {}", request.method.as_deref().unwrap_or(""), request.path.as_deref().unwrap_or(""))
    };
    (writes.map(|request| (line(&request), request.body.clone().unwrap_or_default())).collect(), said)
}

fn redshift(automatic: bool, config: Value) -> Value {
    let mut whole = json!({
        "host": "organization.aws.amazon.com", "database": "immuta", "initialDatabase": "REDSHIFT_SAMPLE_DATA",
    });
    for (name, value) in config.as_object().into_iter().flatten() {
        whole[name] = value.clone();
    }
    json!({"type": "Redshift", "autoBootstrap": automatic, "config": whole})
}

fn user() -> Value {
    json!({"authenticationType": "userPassword", "username": "taylor@redshift.com", "password": "abc1234"})
}

fn okta() -> Value {
    json!({"username": "taylor@redshift.com", "password": "abc1234", "appId": "Okta", "idpHost": "organization.okta.com", "role": "admin"})
}

fn with_okta(impersonation: Option<Value>) -> Value {
    let mut config = json!({"authenticationType": "okta", "okta": okta()});
    if let Some(impersonation) = impersonation {
        config["impersonation"] = impersonation;
    }
    config
}

fn by_hand() -> Value {
    let mut config = user();
    config["impersonation"] = json!({"enabled": false});
    redshift(false, config)
}

#[tokio::test]
async fn every_flow_asks_for_what_the_documentation_prints() {
    let on = || Some(json!({"enabled": true, "role": "immuta_impersonation"}));
    let scripts =
        ["POST /integrations/scripts/initial-create", "POST /integrations/scripts/create", "POST /integrations"];
    let thrice = |body: Value| scripts.map(|line| (line, body.clone())).to_vec();
    let edit = redshift(false, with_okta(Some(json!({"enabled": false}))));
    let expected: Vec<(&str, Vec<(&str, Value)>)> = vec![
        ("create_automatic_password.iql", vec![("POST /integrations", redshift(true, user()))]),
        ("create_automatic_okta.iql", vec![("POST /integrations", redshift(true, with_okta(on())))]),
        ("create_manual_password.iql", thrice(by_hand())),
        ("create_manual_okta.iql", thrice(redshift(false, with_okta(on())))),
        ("update_automatic.iql", vec![("PUT /integrations/3", redshift(true, with_okta(None)))]),
        ("update_manual.iql", vec![("POST /integrations/7/scripts/edit", edit.clone()), ("PUT /integrations/7", edit)]),
        (
            "delete_automatic.iql",
            vec![
                ("DELETE /integrations/3", user()),
                ("DELETE /integrations/5", json!({"authenticationType": "okta", "okta": okta()})),
            ],
        ),
        (
            "delete_manual.iql",
            vec![
                ("POST /integrations/7/scripts/delete", Value::Null),
                ("DELETE /integrations/7", Value::Null),
                ("POST /integrations/scripts/cleanup", by_hand()),
                ("DELETE /integrations/6", Value::Null),
            ],
        ),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/immuta");
    assert_eq!(std::fs::read_dir(folder).expect("a folder").count(), expected.len());
    for (name, requests) in expected {
        let (sent, said) = ran(name).await;
        let requests: Vec<(String, Value)> = requests.into_iter().map(|(line, body)| (line.into(), body)).collect();
        assert_eq!(sent, requests, "{name}\n{said}");
        // The payloads of a flow are the same, as they have to be.
        assert!(!said.contains("made of"), "{name}\n{said}");
        assert!(!said.contains("abc1234"), "{name}\n{said}");
    }
}

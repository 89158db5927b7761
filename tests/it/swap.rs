//! The swap test: the document of `awscc.redshift`, pointed at another driver. Its `driver:` and `call:` lines change, and
//! what that driver has to know is added; resources, fields, methods and verbs stay as they are, and so does every row,
//! every report and every refusal.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::TryStreamExt;
use iql::Session;
use iql::error::Error;
use serde_json::{Map, Value, json};

use crate::invented::opened;
use crate::lab::{Lab, rows};
use crate::service::{Asked, Reply, Service, json as answer, plain};

const DOCUMENT: &str = include_str!("../../providers/awscc/redshift.yaml");
const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];

/// How a service would have to be spoken to that has Redshift's integrations and another protocol.
const WIRING: &str = "driver: rest
rest:
  base: http://{host}/{region}
  headers: {X-Profile: '{profile}'}
  errors: {message: message}
  calls:
    ListIntegrations:
      get: /integrations
      rows: integrations[]
      fields: &integration
        - IntegrationArn
        - IntegrationName
        - SourceArn
        - TargetArn
        - Tags
        - CreateTime
        - KMSKeyId
        - AdditionalEncryptionContext
        - Status
        - Errors
      page: {by: token, at: next, query: after, size: limit, most: 100}
    GetIntegration:
      get: /integrations/{IntegrationArn}
      key: IntegrationArn
      fields: *integration
    PostIntegration:
      post: /integrations
      body: [IntegrationName, SourceArn, TargetArn, Tags, KMSKeyId, AdditionalEncryptionContext]
      required: [SourceArn, TargetArn]
      fields: *integration
    PatchIntegration:
      patch: /integrations/{IntegrationArn}
      key: IntegrationArn
      body: [IntegrationName]
      fields: *integration
    DropIntegration:
      delete: /integrations/{IntegrationArn}
      key: IntegrationArn
      fields: *integration
    PutTags:
      put: /integrations/{IntegrationArn}/tags
      key: IntegrationArn
      body: [Tags]
    DropTags:
      post: /integrations/{IntegrationArn}/untag
      key: IntegrationArn
      body: [Tags]";

/// The document with another driver.
fn swapped(host: &str) -> String {
    let calls = [
        ("CreateIntegration", "PostIntegration"),
        ("DeleteIntegration", "DropIntegration"),
        ("ModifyIntegration", "PatchIntegration"),
        ("DescribeIntegrations", "ListIntegrations"),
    ];
    let lines = DOCUMENT.lines().map(|line| match line.trim_start() {
        "driver: aws.redshift" => WIRING.replace("{host}", host),
        "parts: {tags: {set: CreateTags, remove: DeleteTags}}" => {
            line.replace("CreateTags", "PutTags").replace("DeleteTags", "DropTags")
        }
        call if call.starts_with("call: ") => calls.iter().fold(line.to_string(), |line, (a, b)| line.replace(a, b)),
        _ => line.to_string(),
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    // The one call of the SDK lists and gets; here they are two.
    text.replace("call: ListIntegrations\n        needs", "call: GetIntegration\n        needs")
}

/// The rows of a region, by ARN.
type Rows = BTreeMap<String, Map<String, Value>>;

#[derive(Default)]
struct Other {
    rows: Mutex<BTreeMap<String, Rows>>,
}

impl Other {
    fn answer(&self, asked: &Asked) -> Reply {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let path: Vec<String> = path.split('/').skip(1).map(decoded).collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let mut all = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = all.entry(path.first().copied().unwrap_or_default().into()).or_default();
        let body = asked.json();
        match (asked.method.as_str(), path.get(1..).unwrap_or_default()) {
            ("GET", ["integrations"]) => {
                let given = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name));
                let after = given("after=").map(decoded).unwrap_or_default();
                let limit: usize = given("limit=").and_then(|limit| limit.parse().ok()).unwrap_or(100);
                let found: Vec<_> = rows.iter().filter(|(arn, _)| **arn > after).collect();
                let next = found.get(limit).map(|_| found[limit - 1].0);
                let shown: Vec<_> = found.iter().take(limit).map(|(_, row)| row).collect();
                answer(200, &json!({"integrations": shown, "next": next}))
            }
            ("POST", ["integrations"]) => {
                let name = |row: &Map<String, Value>| row["IntegrationName"].clone();
                if rows.values().any(|row| name(row) == body["IntegrationName"]) {
                    return answer(409, &json!({"message": "the name is taken"}));
                }
                let arn = format!("arn:aws:redshift:{}:111122223333:integration:0a0a-{}", path[0], rows.len());
                let mut row = body.as_object().cloned().unwrap_or_default();
                row.insert("IntegrationArn".into(), arn.clone().into());
                row.insert("Status".into(), "active".into());
                row.insert("CreateTime".into(), "2026-11-22T10:00:00.000Z".into());
                rows.insert(arn, row.clone());
                answer(201, &row.into())
            }
            (method, ["integrations", arn, rest @ ..]) => {
                let Some(row) = rows.get_mut(*arn) else { return plain(404, "") };
                let tags = |row: &Map<String, Value>| row.get("Tags").and_then(Value::as_array).cloned();
                match (method, rest) {
                    ("GET", []) => answer(200, &row.clone().into()),
                    ("PATCH", []) => {
                        row.extend(body.as_object().cloned().unwrap_or_default());
                        answer(200, &row.clone().into())
                    }
                    ("DELETE", []) => {
                        let mut row = rows.remove(*arn).unwrap_or_default();
                        row.insert("Status".into(), "deleting".into());
                        answer(200, &row.into())
                    }
                    ("PUT", ["tags"]) => {
                        let new = body["Tags"].as_array().cloned().unwrap_or_default();
                        let mut kept = tags(row).unwrap_or_default();
                        kept.retain(|tag| new.iter().all(|new| new["Key"] != tag["Key"]));
                        let mut all = [kept, new].concat();
                        // Redshift shows them so, too.
                        all.sort_by_key(|tag| tag["Key"].to_string());
                        row.insert("Tags".into(), all.into());
                        plain(204, "")
                    }
                    ("POST", ["untag"]) => {
                        let gone = body["Tags"].as_array().cloned().unwrap_or_default();
                        let mut kept = tags(row).unwrap_or_default();
                        kept.retain(|tag| !gone.contains(&tag["Key"]));
                        row.insert("Tags".into(), kept.into());
                        plain(204, "")
                    }
                    _ => plain(400, "what?"),
                }
            }
            _ => plain(400, "what?"),
        }
    }
}

fn decoded(text: &str) -> String {
    form_urlencoded::parse(text.replace('+', "%2B").as_bytes()).map(|(name, _)| name.into_owned()).collect()
}

/// The sandbox's integrations, in the other service as well.
async fn copied(lab: &Lab) -> Other {
    let other = Other::default();
    for region in REGIONS {
        let sql = format!(
            "SELECT IntegrationArn, IntegrationName, SourceArn, TargetArn, Tags, CreateTime, KMSKeyId, \
             AdditionalEncryptionContext FROM awscc.redshift.integrations WHERE region = '{region}'"
        );
        let mut own = Rows::new();
        for row in lab.rows(&sql).await.expect("rows") {
            let Value::Object(mut row) = row else { continue };
            let tags = row.get("Tags").and_then(Value::as_array).into_iter().flatten();
            let tags = tags.map(|tag| json!({"Key": tag["key"], "Value": tag["value"]})).collect::<Vec<_>>();
            row.insert("Tags".into(), tags.into());
            row.insert("Status".into(), "active".into());
            own.insert(row["IntegrationArn"].as_str().unwrap_or_default().into(), row);
        }
        other.rows.lock().unwrap_or_else(PoisonError::into_inner).insert(region.into(), own);
    }
    other
}

/// What a statement comes to: its rows, its report, or what is wrong with it.
async fn told(session: &Session, sql: &str) -> String {
    let run = async {
        let outcome = session.run(sql).await?;
        let notices = outcome.notices.clone();
        outcome.rows.try_collect::<Vec<_>>().await?;
        Ok::<_, Error>(notices.join("\n"))
    };
    run.await.unwrap_or_else(|error: Error| {
        let lines = error.context.iter().chain(&error.hints).map(String::as_str);
        std::iter::once(error.message.as_str()).chain(lines).collect::<Vec<_>>().join("\n")
    })
}

#[tokio::test]
async fn a_resource_pointed_at_another_driver_stays_what_it_is() {
    let lab = Lab::new().await;
    let other = Arc::new(copied(&lab).await);
    let own = other.clone();
    let service = Service::start(move |asked| own.answer(asked)).await;
    let host = service.url.trim_start_matches("http://").to_string();
    let swapped = opened(&[("awscc/redshift.yaml", &swapped(&host))], &[]).expect("a sound document");

    let table = "awscc.redshift.integrations";
    let reads = [
        format!("SELECT * FROM {table} WHERE region IN ('us-east-1', 'eu-west-1') ORDER BY Identifier"),
        format!(
            "SELECT region, count(*) AS n FROM {table} WHERE region IN ('us-east-1', 'eu-west-1') GROUP BY region ORDER BY 1"
        ),
        format!(
            "SELECT data__SourceArn, tags FROM {table} WHERE region = 'eu-west-1' AND kms_key_id IS NOT NULL ORDER BY 1"
        ),
        format!(
            "SELECT count(DISTINCT l.integration_arn) AS n FROM {table}_list_only l JOIN {table} i USING (integration_arn) \
                 WHERE l.region = 'us-east-1' AND i.region = 'us-east-1'"
        ),
        format!("DESCRIBE {table}"),
        format!("SHOW METHODS IN {table}"),
    ];
    let compare = async |sql: &str| {
        let (left, right) = (rows(&lab.session, sql).await.expect(sql), rows(&swapped, sql).await.expect(sql));
        assert!(!left.is_empty(), "{sql}");
        assert_eq!(left, right, "{sql}");
    };
    for sql in &reads {
        compare(sql).await;
    }
    let mut writes = vec![
        format!("SELECT 1 FROM {table}"),
        format!("INSERT INTO {table} (SourceArn, colour) VALUES ('x', 'y')"),
        format!(
            "UPDATE {table} SET SourceArn = 'arn:aws:s3:::other' WHERE region = 'eu-west-1' AND IntegrationName = 'swap-1'"
        ),
    ];
    let insert = format!(
        "INSERT INTO {table} (IntegrationName, SourceArn, TargetArn, Tags, region) VALUES ('swap-1', \
         'arn:aws:dynamodb:eu-west-1:111122223333:table/swap', \
         'arn:aws:redshift-serverless:eu-west-1:111122223333:namespace/5e7a1c52-0b7e-4c55-9d0a-4f6f3f1b2a04', \
         '[{{\"Key\": \"team\", \"Value\": \"sales\"}}]', 'eu-west-1')"
    );
    writes.insert(2, insert.clone());
    let update =
        |set: &str| format!("UPDATE {table} SET {set} WHERE region = 'eu-west-1' AND IntegrationName = 'swap-1'");
    writes.push(format!("{insert} ON CONFLICT DO NOTHING"));
    writes.push(update("tags = '[{\"key\": \"env\", \"value\": \"prod\"}]'"));
    writes.push(update("tags = '[{\"key\": \"env\", \"value\": \"prod\"}]'"));
    writes.push(update(
        "PatchDocument = '[{\"op\": \"add\", \"path\": \"/Tags/-\", \"value\": {\"Key\": \"a\", \"Value\": \"b\"}}]'",
    ));
    // An ARN is the service's to give, and each gives its own. The calls have other names.
    let alike = |text: String| {
        let calls = [("PostIntegration", "CreateIntegration"), ("PutTags", "CreateTags"), ("DropTags", "DeleteTags")];
        let text = calls.iter().fold(text, |text, (a, b)| text.replace(a, b));
        let words = text.split_inclusive([' ', '\n', '`', ',']);
        words.map(|word| if word.contains(":integration:") { "an ARN " } else { word }).collect::<String>()
    };
    for sql in &writes {
        let (left, right) = (told(&lab.session, sql).await, told(&swapped, sql).await);
        assert_eq!(alike(left), alike(right), "{sql}");
        let shown = format!(
            "SELECT IntegrationName, SourceArn, TargetArn, tags FROM {table} WHERE region = 'eu-west-1' ORDER BY 1"
        );
        compare(&shown).await;
    }
    let delete = format!("DELETE FROM {table} WHERE region = 'eu-west-1' AND IntegrationName = 'billing-to-dwh-001'");
    for sql in [&format!("EXPLAIN {delete}"), &delete] {
        let (left, right) = (told(&lab.session, sql).await, told(&swapped, sql).await);
        assert_eq!(alike(left), alike(right).replace("DropIntegration", "DeleteIntegration"), "{sql}");
    }
}

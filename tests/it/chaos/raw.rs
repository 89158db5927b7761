//! The sandbox as a client sees it that has nothing of iql's: requests written by hand, answers read by hand. What iql
//! says is held against this.

use std::collections::BTreeMap;

use iql::sandbox::IMMUTA_API_KEY;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::model::{Estate, State};

/// Where an integration of AWS's is: profile and region.
pub type Place = (&'static str, &'static str);

pub struct Raw {
    /// Host and port.
    pub address: String,
}

/// What is needed to delete it again, and its state.
pub struct Found {
    pub key: String,
    pub state: State,
    pub is_going: bool,
}

impl Raw {
    async fn http(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).await.expect("a sandbox");
        let (host, length) = (&self.address, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        (head[9..12].parse().expect("a status"), body.to_string())
    }

    async fn aws(&self, (profile, region): Place, action: &str, parameters: &[(&str, &str)]) -> (u16, String) {
        let scope = format!("Credential={profile}/20260115/{region}/redshift/aws4_request");
        let headers = format!(
            "authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0\r\ncontent-type: application/x-www-form-urlencoded\r\n"
        );
        let named = [("Action", action), ("Version", "2012-12-01")];
        let form =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(named.iter().chain(parameters)).finish();
        self.http("POST", "/", &headers, &form).await
    }

    /// All of a place's integrations, by their sources.
    pub async fn integrations(&self, place: Place) -> Vec<(String, Found)> {
        let (mut found, mut marker) = (Vec::new(), String::new());
        loop {
            let asked = [("Marker", marker.as_str())];
            let asked = if marker.is_empty() { &[][..] } else { &asked };
            let (status, xml) = self.aws(place, "DescribeIntegrations", asked).await;
            assert_eq!(status, 200, "{xml}");
            for row in xml.split("<Integration>").skip(1) {
                let source = text(row, "SourceArn").to_string();
                let mut state = State::from([("name".into(), text(row, "IntegrationName").into())]);
                for tag in row.split("<Tag>").skip(1) {
                    state.insert(format!("tag {}", text(tag, "Key")), text(tag, "Value").into());
                }
                let is_going = text(row, "Status") == "deleting";
                found.push((source, Found { key: text(row, "IntegrationArn").into(), state, is_going }));
            }
            marker = text(&xml, "Marker").into();
            if marker.is_empty() {
                return found;
            }
        }
    }

    /// Makes an integration; its ARN.
    pub async fn create(&self, place: Place, source: &str, target: &str, state: &State) -> String {
        let mut parameters: Vec<(String, String)> = vec![
            ("IntegrationName".into(), state["name"].clone()),
            ("SourceArn".into(), source.into()),
            ("TargetArn".into(), target.into()),
        ];
        for (at, (key, value)) in tags(state).enumerate() {
            parameters.push((format!("TagList.Tag.{}.Key", at + 1), key.into()));
            parameters.push((format!("TagList.Tag.{}.Value", at + 1), value.into()));
        }
        let parameters: Vec<(&str, &str)> = parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let (status, xml) = self.aws(place, "CreateIntegration", &parameters).await;
        assert_eq!(status, 200, "{xml}");
        text(&xml, "IntegrationArn").into()
    }

    async fn immuta(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
        let headers = format!("authorization: {IMMUTA_API_KEY}\r\ncontent-type: application/json\r\n");
        let body = body.map(Value::to_string).unwrap_or_default();
        self.http(method, path, &headers, &body).await
    }

    /// Immuta's integrations: by their hosts, or their types where they have none.
    pub async fn governed(&self) -> Vec<(String, Found)> {
        let (status, body) = self.immuta("GET", "/integrations", None).await;
        assert_eq!(status, 200, "{body}");
        let rows: Vec<Value> = serde_json::from_str(&body).expect("JSON");
        let text = |value: &Value| value.as_str().map_or(value.to_string(), String::from);
        let of = |row: Value| {
            let host = row["config"]["host"].as_str().unwrap_or_else(|| row["type"].as_str().unwrap_or_default());
            let mut state = State::from([("type".to_string(), text(&row["type"]))]);
            // What is there by default is as good as not given.
            state.insert("port".into(), row["config"].get("port").map_or("5439".into(), text));
            (host.to_string(), Found { key: text(&row["id"]), state, is_going: row["status"] == "deleting" })
        };
        rows.into_iter().map(of).collect()
    }

    /// The last id that Immuta has given to one that is there.
    pub async fn last_id(&self) -> u64 {
        self.governed().await.iter().filter_map(|(_, found)| found.key.parse().ok()).max().unwrap_or_default()
    }

    /// Makes an integration of Immuta's; its id.
    pub async fn govern(&self, config: &Value) -> String {
        let body = json!({"type": "Redshift", "autoBootstrap": true, "config": config});
        let (status, body) = self.immuta("POST", "/integrations", Some(&body)).await;
        assert!(status < 300, "{body}");
        let made: Value = serde_json::from_str(&body).expect("JSON");
        made["id"].as_str().expect("an id").to_string()
    }

    /// Takes away what is there, as soon as that can be done.
    pub async fn clear(&self, places: &[Place], tag: &str, last_id: u64) {
        for place in places {
            for (_, found) in
                self.integrations(*place).await.into_iter().filter(|(source, _)| source.contains(&format!("/{tag}-")))
            {
                for _ in 0..500 {
                    let (status, _) = self.aws(*place, "DeleteIntegration", &[("IntegrationArn", &found.key)]).await;
                    if status != 400 {
                        break;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            }
        }
        for (host, found) in self.governed().await {
            if found.key.parse::<u64>().is_ok_and(|id| id <= last_id) {
                continue;
            }
            let credentials = json!({"authenticationType": "userPassword", "username": "u", "password": "p"});
            let body = (host != "Trino").then_some(&credentials);
            for _ in 0..500 {
                let (status, _) = self.immuta("DELETE", &format!("/integrations/{}", found.key), body).await;
                if status != 409 {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
    }

    /// What there is of a run and is not on its way out: everything by its source or its host.
    pub async fn estate(&self, places: &[Place], tag: &str) -> Estate {
        let mut estate: Estate = BTreeMap::new();
        let mut rows = Vec::new();
        for place in places {
            let is_ours = |source: &str| source.contains(&format!("/{tag}-"));
            rows.extend(self.integrations(*place).await.into_iter().filter(|(source, _)| is_ours(source)));
        }
        rows.extend(self.governed().await.into_iter().filter(|(host, _)| host.starts_with(&format!("{tag}-"))));
        for (id, found) in rows.into_iter().filter(|(_, found)| !found.is_going) {
            estate.entry(id).or_default().push(found.state);
        }
        estate
    }
}

/// The tags of a state.
pub fn tags(state: &State) -> impl Iterator<Item = (&str, &str)> {
    state.iter().filter_map(|(key, value)| Some((key.strip_prefix("tag ")?, value.as_str())))
}

/// What stands in the first element of a name.
fn text<'a>(xml: &'a str, name: &str) -> &'a str {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let Some(start) = xml.find(&open).map(|at| at + open.len()) else { return "" };
    xml[start..].split(&close).next().unwrap_or_default()
}

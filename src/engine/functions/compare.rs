//! When two documents mean the same: any JSON but for the order of members, and IAM policies by what they allow. Pure.

use super::json::Json;

/// Members whose items are a set, of which one may stand without its list.
const SETS: [&str; 4] = ["Resource", "NotResource", "Action", "NotAction"];

/// Do two policies say the same? The order of statements, actions, resources, principals and values does not matter,
/// one item is a list of one, actions are compared without regard to case, `"*"` as a principal is `{"AWS": "*"}`, and
/// an account's root is its number.
/// Source: IAM's JSON policy reference, "Principal", "Action" and "Grammar of the IAM JSON policy language".
pub fn same_policy(one: &Json, other: &Json) -> bool {
    policy(one).is_like(&policy(other))
}

fn policy(json: &Json) -> Json {
    match json {
        Json::Object(members) => {
            Json::Object(members.iter().map(|(name, value)| (name.clone(), of_member(name, value))).collect())
        }
        Json::Array(items) => Json::Array(items.iter().map(policy).collect()),
        plain => plain.clone(),
    }
}

fn of_member(name: &str, value: &Json) -> Json {
    match name {
        "Statement" | "Tags" => set(value, policy),
        "Action" | "NotAction" => set(value, |item| match item {
            Json::String(action) => Json::String(action.to_ascii_lowercase()),
            other => other.clone(),
        }),
        _ if SETS.contains(&name) => set(value, Json::clone),
        "Principal" | "NotPrincipal" => match value {
            Json::String(everyone) if everyone == "*" => {
                Json::Object(vec![("AWS".to_string(), Json::Array(vec![value.clone()]))])
            }
            _ => of_each(value, |kinds| set(kinds, account)),
        },
        "Condition" => of_each(value, |operator| of_each(operator, |values| set(values, text))),
        _ => policy(value),
    }
}

fn of_each(value: &Json, of: impl Fn(&Json) -> Json) -> Json {
    match value {
        Json::Object(members) => Json::Object(members.iter().map(|(name, value)| (name.clone(), of(value))).collect()),
        other => other.clone(),
    }
}

/// The items in an order of their own, each once.
fn set(value: &Json, of: impl Fn(&Json) -> Json) -> Json {
    let mut items: Vec<Json> = match value {
        Json::Array(items) => items.iter().map(of).collect(),
        one => vec![of(one)],
    };
    items.sort_by_cached_key(ordered);
    items.dedup_by(|one, other| one.is_like(other));
    Json::Array(items)
}

/// The text of a value with its members in order.
fn ordered(json: &Json) -> String {
    fn sorted(json: &Json) -> Json {
        match json {
            Json::Object(members) => {
                let mut members: Vec<_> = members.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
                members.sort_by(|(one, _), (other, _)| one.cmp(other));
                Json::Object(members)
            }
            Json::Array(items) => Json::Array(items.iter().map(sorted).collect()),
            plain => plain.clone(),
        }
    }
    sorted(json).to_string()
}

/// `arn:aws:iam::123456789012:root` is the account `123456789012`.
fn account(principal: &Json) -> Json {
    let Json::String(arn) = principal else { return principal.clone() };
    match arn.split(':').collect::<Vec<_>>()[..] {
        ["arn", _, "iam", "", account, "root"] => Json::String(account.to_string()),
        _ => principal.clone(),
    }
}

/// The values of a condition are texts, however they are written.
fn text(value: &Json) -> Json {
    match value {
        Json::Bool(_) | Json::Number(_) => Json::String(value.to_string()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Json, same_policy};

    fn check(one: &str, other: &str, expected: bool) {
        let read = |text: &str| Json::read(text).expect("JSON");
        assert_eq!(same_policy(&read(one), &read(other)), expected, "{one} {other}");
        assert_eq!(same_policy(&read(other), &read(one)), expected, "{other} {one}");
    }

    #[test]
    fn policies_that_say_the_same() {
        check(
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#,
            r#"{"Statement":[{"Resource":["*"],"Action":["S3:getobject"],"Effect":"Allow"}],"Version":"2012-10-17"}"#,
            true,
        );
        check(
            r#"{"Statement":[{"Sid":"a","Action":["a:B","c:D"]},{"Sid":"b"}]}"#,
            r#"{"Statement":[{"Sid":"b"},{"Sid":"a","Action":["c:D","a:B","a:b"]}]}"#,
            true,
        );
        check(
            r#"{"Statement":[{"Principal":"*","Condition":{"Bool":{"aws:SecureTransport":true}}}]}"#,
            r#"{"Statement":[{"Principal":{"AWS":["*"]},"Condition":{"Bool":{"aws:SecureTransport":["true"]}}}]}"#,
            true,
        );
        check(
            r#"{"Statement":[{"Principal":{"AWS":["arn:aws:iam::123456789012:root","x"]}}]}"#,
            r#"{"Statement":[{"Principal":{"AWS":["x","123456789012"]}}]}"#,
            true,
        );
        check(
            r#"{"Tags":[{"Key":"a","Value":"1"},{"Key":"b"}]}"#,
            r#"{"Tags":[{"Key":"b"},{"Value":"1","Key":"a"}]}"#,
            true,
        );
    }

    #[test]
    fn policies_that_do_not() {
        check(r#"{"Statement":[{"Effect":"Allow"}]}"#, r#"{"Statement":[{"Effect":"Deny"}]}"#, false);
        check(r#"{"Statement":[{"Resource":"arn:A"}]}"#, r#"{"Statement":[{"Resource":"arn:a"}]}"#, false);
        check(r#"{"Statement":[{"Action":"a:B"}]}"#, r#"{"Statement":[{"NotAction":"a:B"}]}"#, false);
        check(r#"{"Statement":[{"Action":["a:B","a:C"]}]}"#, r#"{"Statement":[{"Action":"a:B"}]}"#, false);
        check(r#"{"Other":["a","b"]}"#, r#"{"Other":["b","a"]}"#, false);
    }
}

//! The seed: two accounts' integrations and clusters as they stood at the clock's epoch, from a fixed seed.
//! Decides what a new sandbox holds; stores nothing.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::caller::ACCOUNTS;
use super::clock::EPOCH;
use super::rows::{Cluster, Course, Integration, Status, Tag, add_tags};

pub struct Estate {
    pub clusters: Vec<Cluster>,
    pub integrations: Vec<Integration>,
}

/// The serverless namespaces that are live. No call of Redshift's own API lists them (they belong to `redshift-serverless`),
/// so an inventory has to be told: any other serverless target in the estate is an orphan.
pub const SERVERLESS_NAMESPACES: &[&str] = &[
    "arn:aws:redshift-serverless:us-east-1:111122223333:namespace/5e7a1c52-0b7e-4c55-9d0a-4f6f3f1b2a01",
    "arn:aws:redshift-serverless:us-east-1:111122223333:namespace/5e7a1c52-0b7e-4c55-9d0a-4f6f3f1b2a02",
    "arn:aws:redshift-serverless:us-west-2:111122223333:namespace/5e7a1c52-0b7e-4c55-9d0a-4f6f3f1b2a03",
    "arn:aws:redshift-serverless:eu-west-1:111122223333:namespace/5e7a1c52-0b7e-4c55-9d0a-4f6f3f1b2a04",
    "arn:aws:redshift-serverless:us-east-1:444455556666:namespace/5e7a1c52-0b7e-4c55-9d0a-4f6f3f1b2a05",
];

/// Account (by its place in ACCOUNTS), region, integrations, warehouses.
const PLAN: &[(usize, &str, usize, &[&str])] = &[
    (0, "us-east-1", 263, &["analytics", "finance", "clickstream", "ml-features", "marketing", "risk", "supply", "hr"]),
    (0, "us-west-2", 48, &["analytics", "ml-features"]),
    (0, "eu-west-1", 37, &["analytics", "finance"]),
    (0, "eu-central-1", 24, &["finance"]),
    (0, "ap-northeast-1", 16, &["analytics"]),
    (0, "ap-southeast-2", 5, &["clickstream"]),
    (1, "us-east-1", 14, &["playground"]),
    (1, "eu-west-1", 6, &["playground"]),
];
const STAGES: &[&str] = &["prod", "reporting", "stage"];
const TOPICS: &[&str] = &[
    "orders",
    "billing",
    "clicks",
    "returns",
    "stock",
    "carts",
    "ledger",
    "payouts",
    "sessions",
    "events",
    "devices",
    "invoices",
    "ratings",
    "coupons",
    "shipments",
    "customers",
];
const OWNERS: &[&str] = &["ana", "bo", "équipe-données", "データ基盤", "søren", "Zoë 🚀", "platform", "r&d <core>"];
const DESCRIPTIONS: &[&str] = &[
    "Nightly copy for the board's report",
    "Orders & returns, <90 days>",
    "Owner says \"do not touch\"; it's load-bearing",
    "données brutes → entrepôt",
    "",
];
/// What goes wrong: status, code, message.
const TROUBLE: &[(Status, &str, &str)] = &[
    (
        Status::Failed,
        "SourcePermissionDenied",
        "The resource policy of the source doesn't allow redshift.amazonaws.com to export it.",
    ),
    (
        Status::Failed,
        "TargetAuthorizationMissing",
        "The integration source isn't in the authorized sources of the target's resource policy.",
    ),
    (
        Status::NeedsAttention,
        "PointInTimeRecoveryDisabled",
        "Point-in-time recovery is off for the source table. Turn it on & resynchronize.",
    ),
    (Status::NeedsAttention, "KmsKeyAccessDenied", "The key can't be used: it's disabled or \"pending deletion\"."),
    (Status::NeedsAttention, "TargetClusterPaused", "The target cluster is paused. Resume it to continue."),
];

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

pub fn estate() -> Estate {
    let mut random = Rng::with_seed(0x1715);
    let mut estate = Estate { clusters: Vec::new(), integrations: Vec::new() };
    for &(account, region, count, warehouses) in PLAN {
        let place = Place { account: ACCOUNTS[account].id, stage: ACCOUNTS[account].profile, region };
        let clusters: Vec<Cluster> = warehouses
            .iter()
            .flat_map(|warehouse| STAGES.iter().map(move |stage| format!("{warehouse}-{stage}")))
            .map(|identifier| cluster(&place, identifier, &mut random))
            .collect();
        for number in 0..count {
            estate.integrations.push(integration(&place, number, &clusters, &mut random));
        }
        if account == 0 {
            estate.integrations.push(inbound(&place, &clusters[0], &mut random));
        }
        estate.clusters.extend(clusters);
    }
    estate
}

struct Place {
    account: &'static str,
    stage: &'static str,
    region: &'static str,
}

fn cluster(place: &Place, identifier: String, random: &mut Rng) -> Cluster {
    let Place { account, region, .. } = place;
    let status = match identifier.as_str() {
        "hr-stage" => "paused",
        "risk-stage" => "creating",
        "marketing-reporting" => "resizing",
        _ => "available",
    };
    let mut tags = vec![tag("env", identifier.rsplit('-').next().unwrap_or_default())];
    add_tags(&mut tags, vec![tag("team", identifier.split('-').next().unwrap_or_default())]);
    Cluster {
        arn: format!("arn:aws:redshift:{region}:{account}:cluster:{identifier}"),
        namespace_arn: format!("arn:aws:redshift:{region}:{account}:namespace:{}", uuid(random)),
        node_type: if identifier.ends_with("prod") { "ra3.4xlarge" } else { "ra3.xlplus" }.into(),
        nodes: random.u32(2..=8),
        database: "dev".into(),
        address: (status != "creating")
            .then(|| format!("{identifier}.c{:011x}.{region}.redshift.amazonaws.com", random.u64(..1 << 44))),
        port: if identifier.starts_with("finance") { 5440 } else { 5439 },
        created: EPOCH - random.i64(400..900) * DAY - random.i64(0..DAY),
        encrypted: true,
        status: status.into(),
        tags,
        identifier,
    }
}

fn integration(place: &Place, number: usize, clusters: &[Cluster], random: &mut Rng) -> Integration {
    let Place { account, stage, region } = place;
    let topic = TOPICS[number % TOPICS.len()];
    let name = format!("{topic}-{}-{number:03}", ["zero-etl", "to-dwh", "feed"][number % 3]);
    let source_arn = if number % 4 == 3 {
        format!("arn:aws:s3:::{stage}-{topic}-{region}-{number:03}")
    } else {
        format!("arn:aws:dynamodb:{region}:{account}:table/{topic}-{number:03}")
    };
    // Pairs share their time of creation, so that an order by time alone is not an order.
    let created = EPOCH - DAY - ((number / 2) as i64) * 3 * DAY - 1 - (number as i64 / 2) * 7_919;
    let (course, errors) = course(number, random);
    let has_key = number % 5 == 1;
    let context = [("team", topic), ("purpose", "zero-etl & <audit>")];
    Integration {
        arn: format!("arn:aws:redshift:{region}:{account}:integration:{}", uuid(random)),
        name,
        source_arn,
        target_arn: target(place, number, clusters, random),
        // What is being created was begun a minute ago.
        created: if matches!(course.until, Some((Status::Creating, _))) { EPOCH - MINUTE } else { created },
        course,
        errors,
        description: Some(DESCRIPTIONS[number % DESCRIPTIONS.len()].to_string()).filter(|text| !text.is_empty()),
        kms_key_id: has_key.then(|| format!("arn:aws:kms:{region}:{account}:key/{}", uuid(random))),
        context: if has_key && number % 2 == 1 {
            context.map(|(key, value)| (key.into(), value.into())).into()
        } else {
            BTreeMap::new()
        },
        tags: tags(stage, topic, number, random),
    }
}

fn target(place: &Place, number: usize, clusters: &[Cluster], random: &mut Rng) -> String {
    let Place { account, region, .. } = place;
    let middle = format!(":{region}:{account}:");
    let serverless: Vec<&&str> = SERVERLESS_NAMESPACES.iter().filter(|arn| arn.contains(&middle)).collect();
    match number % 50 {
        // Orphans: a cluster that was deleted, a serverless namespace that was deleted.
        17 => format!("arn:aws:redshift:{region}:{account}:namespace:0dead000-0000-4000-8000-{number:012}"),
        42 => format!("arn:aws:redshift-serverless:{region}:{account}:namespace/0dead000-0000-4000-8000-{number:012}"),
        n if n % 6 == 5 && !serverless.is_empty() => serverless[random.usize(..serverless.len())].to_string(),
        _ => clusters[random.usize(..clusters.len())].namespace_arn.clone(),
    }
}

/// Mostly active; every status once in twenty or so, so that a dozen rows show most of them.
fn course(number: usize, random: &mut Rng) -> (Course, Vec<(String, String)>) {
    let moving = |status, minutes: i64, then| Course { until: Some((status, EPOCH + minutes * MINUTE)), then };
    let active = Some(Status::Active);
    match number % 23 {
        4 => trouble(&TROUBLE[random.usize(..2)]),
        9 => trouble(&TROUBLE[2 + random.usize(..3)]),
        7 => (moving(Status::Syncing, 90, active), Vec::new()),
        11 if number % 2 == 1 => (moving(Status::Creating, 20, active), Vec::new()),
        13 if number % 3 == 1 => (moving(Status::Modifying, 10, active), Vec::new()),
        21 if number.is_multiple_of(2) => (moving(Status::Deleting, 15, None), Vec::new()),
        _ => (Course::settled(Status::Active), Vec::new()),
    }
}

fn trouble(&(status, code, message): &(Status, &str, &str)) -> (Course, Vec<(String, String)>) {
    (Course::settled(status), vec![(code.into(), message.into())])
}

fn tags(stage: &str, topic: &str, number: usize, random: &mut Rng) -> Vec<Tag> {
    let mut tags = Vec::new();
    if number % 7 == 6 {
        return tags;
    }
    add_tags(&mut tags, vec![tag("env", if stage == "dev" { "dev" } else { STAGES[number % STAGES.len()] })]);
    add_tags(&mut tags, vec![tag("team", topic), tag("owner", OWNERS[random.usize(..OWNERS.len())])]);
    if number.is_multiple_of(3) {
        add_tags(&mut tags, vec![tag("cost-center", &format!("{}", 4000 + random.u32(..40) * 10))]);
    }
    if number % 29 == 2 {
        // What a service put there; nobody else may.
        add_tags(&mut tags, vec![tag("aws:cloudformation:stack-name", &format!("zero-etl-{topic}"))]);
    }
    if number % 31 == 5 {
        add_tags(&mut tags, vec![tag("note", "")]);
    }
    tags
}

/// What another service replicates into the same warehouse: only DescribeInboundIntegrations shows it.
fn inbound(place: &Place, cluster: &Cluster, random: &mut Rng) -> Integration {
    let Place { account, region, .. } = place;
    Integration {
        arn: format!("arn:aws:rds:{region}:{account}:integration:{}", uuid(random)),
        name: format!("aurora-{region}"),
        source_arn: format!("arn:aws:rds:{region}:{account}:cluster:shop-aurora"),
        target_arn: cluster.namespace_arn.clone(),
        created: EPOCH - 30 * DAY,
        course: Course::settled(Status::Active),
        errors: Vec::new(),
        description: None,
        kms_key_id: None,
        context: BTreeMap::new(),
        tags: Vec::new(),
    }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.into(), value: value.into() }
}

/// A version 4 UUID of a generator's next numbers.
pub fn uuid(random: &mut Rng) -> String {
    let bits = random.u128(..) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_estate_is_always_the_same_and_has_everything() {
        let (estate, again) = (estate(), super::estate());
        assert_eq!(estate.integrations, again.integrations);
        assert_eq!(estate.clusters, again.clusters);
        // A change of the generator would change every ARN: it is noticed here.
        let last = "arn:aws:redshift:eu-west-1:444455556666:integration:462c6692-5dfb-4967-aac1-e3a3fc5a01a3";
        assert_eq!(estate.integrations.last().map(|row| row.arn.as_str()), Some(last));
        let here = |row: &&Integration| row.arn.starts_with("arn:aws:redshift:us-east-1:111122223333:");
        let rows: Vec<&Integration> = estate.integrations.iter().filter(here).collect();
        assert_eq!(rows.len(), 263);
        let statuses: BTreeSet<&str> = rows.iter().filter_map(|row| row.course.at(EPOCH)).map(Status::wire).collect();
        assert_eq!(statuses.len(), 7, "{statuses:?}");
        for row in &estate.integrations {
            let troubled = row.course.at(EPOCH).is_some_and(Status::has_errors);
            assert_eq!(troubled, !row.errors.is_empty(), "{}", row.name);
        }
        let distinct: BTreeSet<&str> = estate.integrations.iter().map(|row| row.arn.as_str()).collect();
        assert_eq!(distinct.len(), estate.integrations.len());
        let namespaces: BTreeSet<&str> = estate.clusters.iter().map(|cluster| cluster.namespace_arn.as_str()).collect();
        let orphans = rows.iter().filter(|row| {
            !namespaces.contains(row.target_arn.as_str()) && !SERVERLESS_NAMESPACES.contains(&row.target_arn.as_str())
        });
        assert_eq!(orphans.count(), 10);
    }
}

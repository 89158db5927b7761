//! SELECTs at random, over regions, accounts, pages and joins, and the rows that they must bring: all, or those that an
//! error or a warning does not name.

use std::collections::BTreeSet;

use fastrand::Rng;
use serde_json::Value;

use super::model::Ended;
use super::plan::Plan;
use super::raw::{Place, Raw};

const TABLE: &str = "awscc.redshift.integrations";
/// Places of the seed, in which nothing is written.
pub const PLACES: &[Place] = &[
    ("prod", "us-east-1"),
    ("prod", "us-west-2"),
    ("prod", "eu-west-1"),
    ("prod", "eu-central-1"),
    ("prod", "ap-southeast-2"),
    ("prod", "ap-northeast-2"),
    ("dev", "us-east-1"),
    ("dev", "eu-west-1"),
];

/// What is there to read, place by place: ARNs.
pub type Known = Vec<(Place, Vec<String>)>;

pub async fn known(raw: &Raw) -> Known {
    let mut known = Known::new();
    for place in PLACES {
        known.push((*place, raw.integrations(*place).await.into_iter().map(|(_, found)| found.key).collect()));
    }
    known
}

#[derive(Debug)]
pub struct Read {
    /// The rows that there are, each with what a warning about it names.
    rows: Vec<(String, Vec<&'static str>)>,
    limit: Option<usize>,
    counts: bool,
}

fn regions(rng: &mut Rng, count: usize) -> Vec<&'static str> {
    let mut regions: Vec<&str> = PLACES[..6].iter().map(|(_, region)| *region).collect();
    rng.shuffle(&mut regions);
    regions.truncate(count);
    regions
}

fn quoted(texts: &[&str]) -> String {
    texts.iter().map(|text| format!("'{text}'")).collect::<Vec<_>>().join(", ")
}

pub fn some(known: &Known, rng: &mut Rng) -> Plan {
    let within = |profiles: &[&str], regions: &[&str]| -> Vec<(String, Vec<&'static str>)> {
        let here = known.iter().filter(|((profile, region), _)| profiles.contains(profile) && regions.contains(region));
        let marks = |(profile, region): Place| if profiles.len() > 1 { vec![region, profile] } else { vec![region] };
        here.flat_map(|(place, arns)| arns.iter().map(|arn| (arn.clone(), marks(*place)))).collect()
    };
    let mut read = Read { rows: Vec::new(), limit: None, counts: false };
    let some = {
        let count = rng.usize(1..5);
        regions(rng, count)
    };
    let few = [*rng.choice(&["ap-southeast-2", "eu-central-1", "ap-northeast-2"]).expect("one")];
    let (kind, sql) = match rng.u8(0..8) {
        0 | 1 => {
            read.rows = within(&["prod"], &some);
            let columns = if rng.bool() { "*" } else { "integration_arn" };
            ("SELECT", format!("SELECT {columns} FROM {TABLE} WHERE region IN ({})", quoted(&some)))
        }
        2 => {
            read.rows = within(&["prod", "dev"], &some);
            let regions = quoted(&some);
            (
                "SELECT of accounts",
                format!(
                    "SELECT integration_arn FROM aws.redshift.integrations WHERE region IN ({regions}) AND profile IN ('prod', 'dev')"
                ),
            )
        }
        3 => {
            (read.rows, read.counts) = (within(&["prod"], &some), true);
            ("SELECT count", format!("SELECT count(*) AS n FROM {TABLE} WHERE region IN ({})", quoted(&some)))
        }
        4 => {
            let limit = rng.usize(1..150);
            (read.rows, read.limit) = (within(&["prod"], &some), Some(limit));
            (
                "SELECT LIMIT",
                format!("SELECT integration_arn FROM {TABLE} WHERE region IN ({}) LIMIT {limit}", quoted(&some)),
            )
        }
        5 => {
            read.rows = within(&["prod"], &few);
            let sql = format!(
                "SELECT i.integration_arn FROM awscc.redshift.integrations_list_only l JOIN aws.redshift.integrations i \
                 ON i.Identifier = l.integration_arn AND i.region = split_part(l.integration_arn, ':', 4) WHERE l.region = '{}'",
                few[0]
            );
            ("SELECT by keys of a join", sql)
        }
        6 => {
            read.rows = within(&["prod"], &some);
            let values: Vec<String> = some.iter().map(|region| format!("('{region}')")).collect();
            let values = values.join(", ");
            (
                "SELECT by regions of a join",
                format!(
                    "SELECT i.integration_arn FROM (VALUES {values}) AS v (region) JOIN {TABLE} i ON i.region = v.region"
                ),
            )
        }
        _ => {
            read.rows = (1..10).map(|id| (id.to_string(), vec!["immuta"])).collect();
            let sql = "SELECT id AS integration_arn FROM immuta.integrations.integrations WHERE CAST(id AS INT) < 10";
            ("SELECT on Immuta", sql.to_string())
        }
    };
    let actions = match kind {
        "SELECT on Immuta" => vec!["GET /integrations", "GET /integrations", "POST /bim/apikey/authenticate"],
        _ => vec!["DescribeIntegrations"],
    };
    Plan { kinds: vec![kind], statements: vec![sql], read: Some(read), actions, ..Plan::default() }
}

impl Read {
    /// What is wrong with the rows that came.
    pub fn complaints(&self, rows: &[Value], warnings: &str, ended: Ended) -> Vec<String> {
        let mut wrong = Vec::new();
        let is_whole = ended == Ended::Well && warnings.is_empty();
        if self.counts {
            let count = rows.first().and_then(|row| row["n"].as_u64()).map(|n| n as usize);
            if (is_whole && count != Some(self.rows.len())) || count.is_some_and(|count| count > self.rows.len()) {
                wrong.push(format!("counted {count:?} of {}", self.rows.len()));
            }
            return wrong;
        }
        let found: Vec<&str> = rows.iter().map(|row| row["integration_arn"].as_str().unwrap_or_default()).collect();
        let distinct: BTreeSet<&str> = found.iter().copied().collect();
        if distinct.len() != found.len() {
            wrong.push(format!("{} rows, {} of them distinct", found.len(), distinct.len()));
        }
        let wanted: BTreeSet<&str> = self.rows.iter().map(|(id, _)| id.as_str()).collect();
        wrong.extend(distinct.difference(&wanted).map(|id| format!("{id} was not asked for")));
        let enough = self.limit.unwrap_or(usize::MAX).min(wanted.len());
        if found.len() > enough {
            wrong.push(format!("{} rows instead of {enough}", found.len()));
        }
        if ended != Ended::Well || found.len() >= enough {
            return wrong;
        }
        let missing = self.rows.iter().filter(|(id, _)| !distinct.contains(id.as_str()));
        let is_named = |marks: &Vec<&str>| warnings.lines().any(|line| marks.iter().all(|mark| line.contains(mark)));
        let unnamed: BTreeSet<&Vec<&str>> = missing.map(|(_, marks)| marks).filter(|marks| !is_named(marks)).collect();
        if is_whole || (self.limit.is_none() && !unnamed.is_empty()) {
            wrong.push(format!("{} rows of {enough}, and nothing is told of {unnamed:?}: {warnings}", found.len()));
        }
        wrong
    }
}

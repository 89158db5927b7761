//! What the sandbox keeps: integrations and clusters, as values. A status is never stored as such: it is computed
//! from the times at which it changes. Knows neither the store nor the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Creating,
    Active,
    Modifying,
    Failed,
    Deleting,
    Syncing,
    NeedsAttention,
}

impl Status {
    pub fn wire(self) -> &'static str {
        match self {
            Status::Creating => "creating",
            Status::Active => "active",
            Status::Modifying => "modifying",
            Status::Failed => "failed",
            Status::Deleting => "deleting",
            Status::Syncing => "syncing",
            Status::NeedsAttention => "needs_attention",
        }
    }

    /// An operation is under way, and AWS takes no other until it is done.
    pub fn is_moving(self) -> bool {
        matches!(self, Status::Creating | Status::Modifying | Status::Deleting)
    }

    pub fn has_errors(self) -> bool {
        matches!(self, Status::Failed | Status::NeedsAttention)
    }
}

/// A status, or being gone, over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course<S = Status> {
    /// A status that holds before a time (milliseconds).
    pub until: Option<(S, i64)>,
    /// What follows for good; `None` is gone.
    pub then: Option<S>,
}

impl<S: Copy> Course<S> {
    pub fn settled(status: S) -> Course<S> {
        Course { until: None, then: Some(status) }
    }

    pub fn at(&self, now: i64) -> Option<S> {
        match self.until {
            Some((status, end)) if now < end => Some(status),
            _ => self.then,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    pub arn: String,
    pub name: String,
    pub source_arn: String,
    pub target_arn: String,
    pub created: i64,
    pub course: Course,
    /// Code and message, shown while the status has errors.
    pub errors: Vec<(String, String)>,
    pub description: Option<String>,
    pub kms_key_id: Option<String>,
    pub context: BTreeMap<String, String>,
    pub tags: Vec<Tag>,
}

impl Integration {
    /// An integration of Redshift's own (DynamoDB and S3 sources). Those of RDS and Glue are seen only as inbound ones.
    pub fn is_native(&self) -> bool {
        arn_part(&self.arn, 2) == "redshift"
    }

    /// Its place in every list: by creation time, then ARN.
    pub fn position(&self) -> String {
        format!("{:016}|{}", self.created, self.arn)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    pub identifier: String,
    pub arn: String,
    pub namespace_arn: String,
    pub status: String,
    pub node_type: String,
    pub nodes: u32,
    pub database: String,
    /// Absent while there is none (a cluster that is being created).
    pub address: Option<String>,
    pub port: u16,
    pub created: i64,
    pub encrypted: bool,
    pub tags: Vec<Tag>,
}

/// A part of an ARN by its number: `arn:partition:service:region:account:rest`.
pub fn arn_part(arn: &str, number: usize) -> &str {
    arn.splitn(6, ':').nth(number).unwrap_or_default()
}

/// Adds tags, the new value winning, and keeps them sorted by key.
pub fn add_tags(tags: &mut Vec<Tag>, new: Vec<Tag>) {
    tags.retain(|tag| new.iter().all(|other| other.key != tag.key));
    tags.extend(new);
    tags.sort_by(|a, b| a.key.cmp(&b.key));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_is_a_matter_of_time() {
        let course = Course { until: Some((Status::Deleting, 10)), then: None };
        assert_eq!((course.at(9), course.at(10)), (Some(Status::Deleting), None));
        assert_eq!(Course::settled(Status::Active).at(i64::MAX), Some(Status::Active));
    }

    #[test]
    fn a_new_value_wins() {
        let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
        let mut tags = vec![tag("b", "1"), tag("c", "1")];
        add_tags(&mut tags, vec![tag("c", "2"), tag("a", "2")]);
        assert_eq!(tags, [tag("a", "2"), tag("b", "1"), tag("c", "2")]);
    }
}

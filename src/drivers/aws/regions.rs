//! The regions of AWS as far as they are known, and what a region's name looks like.
//! Knows no service: whether a service is in a region is the service's to say.

/// The partitions' regions, as the SDK of autumn 2026 lists them.
pub const REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "cn-north-1",
    "cn-northwest-1",
    "eusc-de-east-1",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-isob-west-1",
    "eu-isoe-west-1",
    "us-isof-east-1",
    "us-isof-south-1",
];

/// Where a region's name starts, by partition.
const AREAS: &[&str] = &[
    "us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx", "cn", "us-gov", "us-iso", "us-isob", "eu-isoe", "us-isof",
    "eusc-de",
];

/// Whether the name fits a partition's pattern: an area, a direction, a number (`us-east-1`).
/// What does is tried, since AWS opens regions faster than lists of them are published.
pub fn is_plausible(name: &str) -> bool {
    let Some((rest, number)) = name.rsplit_once('-') else { return false };
    let Some((area, direction)) = rest.rsplit_once('-') else { return false };
    AREAS.contains(&area)
        && !direction.is_empty()
        && direction.bytes().all(|byte| byte.is_ascii_lowercase())
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The partition that a region is in, as ARNs have it.
pub fn partition(region: &str) -> &'static str {
    let partitions = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-iso-", "aws-iso"),
        ("eusc-", "aws-eusc"),
    ];
    partitions.iter().find(|(area, _)| region.starts_with(area)).map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_in_one_partition() {
        let partitions = ["us-east-1", "cn-north-1", "us-gov-west-1", "us-isob-east-1", "us-iso-east-1"].map(partition);
        assert_eq!(partitions, ["aws", "aws-cn", "aws-us-gov", "aws-iso-b", "aws-iso"]);
        assert_eq!(REGIONS.iter().filter(|region| partition(region) == "aws").count(), 34);
    }

    #[test]
    fn every_known_region_is_plausible() {
        assert_eq!(REGIONS.iter().copied().find(|region| !is_plausible(region)), None);
    }

    #[test]
    fn what_is_no_region_is_not_plausible() {
        for name in
            ["", "us-east", "useast1", "us-east-", "us--1", "US-EAST-1", "us-east-1a", "xx-east-1", "aws-global"]
        {
            assert!(!is_plausible(name), "{name}");
        }
        assert!(is_plausible("sa-west-9"), "a region that may open tomorrow");
    }
}

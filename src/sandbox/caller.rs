//! Who asks, and where: read from the credential scope of a SigV4 request.
//! The signature itself is not verified: any secret will do. Knows no action.

use super::wire::Refusal;

/// A pretended AWS account. The access key id is the profile's own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    pub profile: &'static str,
    pub id: &'static str,
}

pub const ACCOUNTS: &[Account] =
    &[Account { profile: "prod", id: "111122223333" }, Account { profile: "dev", id: "444455556666" }];

/// The regions that every account has.
pub const REGIONS: &[&str] = &[
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
];

/// The regions that an account must enable first. These accounts have not: AWS then says that it does not know the token.
pub const REGIONS_NOT_ENABLED: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
];

/// The access key id and the secret of a profile (`prod` when none is named). A profile that the sandbox does not know
/// gets a key that it refuses, as AWS would.
pub fn credentials(profile: Option<&str>) -> (String, String) {
    (profile.unwrap_or(ACCOUNTS[0].profile).to_string(), "sandbox".to_string())
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub account: String,
    pub profile: String,
    pub region: String,
}

impl Caller {
    /// Where this caller's rows are kept.
    pub fn scope(&self) -> String {
        format!("{}/{}", self.account, self.region)
    }

    pub fn user_arn(&self) -> String {
        format!("arn:aws:iam::{}:user/{}", self.account, self.profile)
    }
}

/// The caller by the Authorization header
/// `AWS4-HMAC-SHA256 Credential=prod/20260115/us-east-1/redshift/aws4_request, …`.
pub fn caller(authorization: Option<&str>) -> Result<Caller, Refusal> {
    let Some(header) = authorization else {
        return Err(Refusal::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token"));
    };
    let Some([key, region, service]) = scope(header) else {
        let message = "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' \
                       parameter. Authorization header requires 'SignedHeaders' parameter.";
        return Err(Refusal::new(400, "IncompleteSignature", message));
    };
    if key == "expired" {
        return Err(expired());
    }
    let unknown =
        || Refusal::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.");
    let account = ACCOUNTS.iter().find(|account| account.profile == key).ok_or_else(unknown)?;
    if REGIONS_NOT_ENABLED.contains(&region) {
        return Err(unknown());
    }
    if !REGIONS.contains(&region) {
        let message = "Credential should be scoped to a valid region.";
        return Err(Refusal::new(403, "SignatureDoesNotMatch", message));
    }
    if service != "redshift" {
        let message = "Credential should be scoped to correct service: 'redshift'.";
        return Err(Refusal::new(403, "SignatureDoesNotMatch", message));
    }
    Ok(Caller { account: account.id.into(), profile: account.profile.into(), region: region.into() })
}

/// The region that a header names, whether or not it is one.
pub fn region(authorization: Option<&str>) -> Option<&str> {
    authorization.and_then(scope).map(|[_, region, _]| region)
}

/// Access key id, region and service of a header.
fn scope(header: &str) -> Option<[&str; 3]> {
    let fields = header.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let field = |name: &str| fields.split(',').find_map(|part| part.trim().strip_prefix(name));
    let (credential, _, _) = (field("Credential=")?, field("SignedHeaders=")?, field("Signature=")?);
    let parts: Vec<&str> = credential.split('/').collect();
    match parts.as_slice() {
        &[key, _date, region, service, "aws4_request"] => Some([key, region, service]),
        _ => None,
    }
}

pub fn expired() -> Refusal {
    Refusal::new(403, "ExpiredToken", "The security token included in the request is expired")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_says_who_asks() {
        let check = |scope: &str, expected: Result<&str, &str>| {
            let header = format!(
                "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature=0123456789abcdef"
            );
            let caller = caller(Some(&header)).map(|caller| caller.scope());
            assert_eq!(caller.as_deref().map_err(|refusal| refusal.code), expected, "{scope}");
        };
        check("prod/20260115/us-east-1/redshift/aws4_request", Ok("111122223333/us-east-1"));
        check("dev/20260115/eu-west-1/redshift/aws4_request", Ok("444455556666/eu-west-1"));
        check("other/20260115/eu-west-1/redshift/aws4_request", Err("InvalidClientTokenId"));
        check("prod/20260115/me-south-1/redshift/aws4_request", Err("InvalidClientTokenId"));
        check("expired/20260115/eu-west-1/redshift/aws4_request", Err("ExpiredToken"));
        check("prod/20260115/us-esat-1/redshift/aws4_request", Err("SignatureDoesNotMatch"));
        check("prod/20260115/us-east-1/s3/aws4_request", Err("SignatureDoesNotMatch"));
        check("prod/us-east-1", Err("IncompleteSignature"));
        assert_eq!(caller(None).map_err(|refusal| refusal.status), Err(403));
    }
}

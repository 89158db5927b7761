//! Whose credentials a call is made with, and where it goes. What aws-config reads from the environment is tested in a
//! process of its own, since a process's environment is everybody's.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::double::{Double, Reply, answer, credentials, fault, ok, request, send};
use super::*;
use crate::drivers::Request;

/// The name of the test below that plays the other process, and the profile that tells it to.
const CHILD: &str = "drivers::aws::tests::a_process_with_its_own_environment";
const CHILD_PROFILE: &str = "iql-child";

fn page() -> Reply {
    ok(answer("DescribeIntegrations", "<Integrations/>"))
}

fn at(profile: Option<&str>, region: &str) -> Request {
    let mut request = request("DescribeIntegrations");
    request.params.insert("region".into(), region.into());
    request.params.extend(profile.map(|profile| ("profile".to_string(), profile.to_string())));
    request
}

/// Whose key a request was signed with, and for which region.
fn signed(double: &Double) -> Vec<String> {
    let scope = |header: &String| Some(header.split_once("Credential=")?.1.split_once("/redshift/")?.0.to_string());
    let scopes =
        double.received().iter().map(|request| scope(&request.headers["authorization"])).collect::<Option<Vec<_>>>();
    scopes
        .expect("every request is signed")
        .iter()
        .map(|scope| {
            let mut parts = scope.split('/');
            format!("{} {}", parts.next().unwrap_or_default(), parts.next_back().unwrap_or_default())
        })
        .collect()
}

#[tokio::test]
async fn each_profile_and_region_has_its_client() {
    let double = Double::start(|_, _| page()).await;
    let mut settings = double.settings();
    settings.aws.credentials.insert(Some("prod".into()), credentials("AKIDPROD"));
    settings.aws.credentials.insert(Some("dev".into()), credentials("AKIDDEV"));
    for request in [at(None, "us-east-1"), at(Some("prod"), "eu-west-1"), at(Some("dev"), "eu-west-1")] {
        send(&settings, &request).await.expect("a page");
    }
    settings.aws.profile = Some("prod".into());
    send(&settings, &at(None, "us-east-1")).await.expect("a page");
    let expected = ["AKIDNOBODY us-east-1", "AKIDPROD eu-west-1", "AKIDDEV eu-west-1", "AKIDPROD us-east-1"];
    assert_eq!(signed(&double), expected);

    let error = send(&settings, &at(Some("prdo"), "us-east-1")).await.expect_err("no such profile");
    assert_eq!((error.kind, error.message.as_str()), (Kind::Credentials, "there is no profile `prdo`"));
    assert_eq!(error.hints, ["did you mean `prod`?"]);
}

#[tokio::test]
async fn a_client_is_made_once_and_its_connection_is_used_again() {
    let double = Double::start(|_, _| page()).await;
    let redshift = redshift::Redshift::new(&double.settings());
    for _ in 0..3 {
        crate::drivers::Driver::send(&redshift, &at(None, "us-east-1")).await.expect("a page");
    }
    crate::drivers::Driver::send(&redshift, &at(None, "eu-west-1")).await.expect("a page");
    assert_eq!((double.received().len(), double.connections()), (4, 1));
}

/// Runs the calls of `a_process_with_its_own_environment` with just these variables, and gives its report.
fn child(home: &Path, variables: &[(&str, &str)]) -> String {
    let program = std::env::current_exe().expect("this program");
    Command::new(program)
        .args([CHILD, "--exact"])
        .env_clear()
        .env("HOME", home)
        .env("AWS_PROFILE", CHILD_PROFILE)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .output()
        .expect("it runs");
    std::fs::read_to_string(home.join(".local/state/iql/report")).expect("it reported")
}

/// Does nothing in a test run of its own. In a process that `child` started, it calls once with the environment's
/// profile in two regions, once with the profile `other` and once with one that is not there, and writes what came of it.
#[tokio::test]
async fn a_process_with_its_own_environment() {
    let settings = Settings::from_environment(None).expect("settings");
    if settings.aws.environment_profile.as_deref() != Some(CHILD_PROFILE) {
        return;
    }
    let (mut report, folder) = (String::new(), settings.state.clone());
    let redshift = redshift::Redshift::new(&Settings { limits: Limits { tries: 1, ..Limits::default() }, ..settings });
    for request in
        [at(None, "us-east-1"), at(None, "eu-west-1"), at(Some("other"), "us-east-1"), at(Some("othre"), "us-east-1")]
    {
        let started = Instant::now();
        let result = crate::drivers::Driver::send(&redshift, &request).await;
        let result = result.map_or_else(|error| format!("{:?} {error}", error.kind), |_| "a page".into());
        let time = if started.elapsed().as_secs() == 0 { "within a second" } else { "late" };
        report.push_str(&format!("[{time}: {}]", result.replace('\n', " ")));
    }
    std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(folder.join("report"), report)).expect("written");
}

fn home(config: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(home.path().join(".aws")).expect("made");
    std::fs::write(home.path().join(".aws/config"), config).expect("written");
    home
}

const PROFILES: &str = "[profile iql-child]\naws_access_key_id = AKIDCHILD\naws_secret_access_key = s\n\
    [profile other]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = s\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_names_the_endpoint_and_the_profile() {
    let wrong = "http://127.0.0.1:1";
    for (endpoint, other) in
        [("AWS_ENDPOINT_URL_REDSHIFT", Some(("AWS_ENDPOINT_URL", wrong))), ("AWS_ENDPOINT_URL", None)]
    {
        let double = Double::start(|_, _| page()).await;
        let url = format!("http://127.0.0.1:{}", double.port);
        let variables: Vec<_> = [(endpoint, url.as_str())].into_iter().chain(other).collect();
        let output = child(home(PROFILES).path(), &variables);
        assert_eq!(signed(&double), ["AKIDCHILD us-east-1", "AKIDCHILD eu-west-1", "AKIDOTHER us-east-1"], "{output}");
        assert!(output.contains("[within a second: Credentials there is no AWS profile `othre`"), "{output}");
        assert!(output.contains("hint: did you mean `other`?"), "{output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_no_use_is_named_with_who_set_it() {
    let by = "hint: the endpoint is set by `AWS_ENDPOINT_URL` or `AWS_ENDPOINT_URL_REDSHIFT`";
    for (endpoint, expected) in [
        ("127.0.0.1:1", "Usage the endpoint `127.0.0.1:1` needs `http://` or `https://` in front  "),
        (
            "http://127.0.0.1:1",
            "Unreachable nothing listens at `http://127.0.0.1:1`   DescribeIntegrations region=us-east-1  ",
        ),
    ] {
        let output = child(home(PROFILES).path(), &[("AWS_ENDPOINT_URL", endpoint)]);
        assert!(output.contains(&format!("[within a second: {expected}{by}")), "{output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_the_environment_go_before_its_profile_and_not_before_one_that_was_named() {
    let double = Double::start(|_, _| page()).await;
    let url = format!("http://127.0.0.1:{}", double.port);
    let variables =
        [("AWS_ENDPOINT_URL", url.as_str()), ("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let output = child(home(PROFILES).path(), &variables);
    assert_eq!(signed(&double), ["AKIDENV us-east-1", "AKIDENV eu-west-1", "AKIDOTHER us-east-1"], "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_fetched_once_for_all_regions() {
    let double = Double::start(|_, received| {
        if received.line.starts_with("GET /keys") {
            return ok(
                r#"{"AccessKeyId":"AKIDTASK","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#,
            );
        }
        page()
    })
    .await;
    let url = format!("http://127.0.0.1:{}", double.port);
    let keys = format!("{url}/keys");
    // A proxy that does not answer: what hands out credentials on this machine is not asked through it.
    let proxy = ("HTTP_PROXY", "http://127.0.0.1:1");
    let output = child(
        home("[profile iql-child]\n").path(),
        &[("AWS_ENDPOINT_URL", &url), ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &keys), proxy],
    );
    let lines: Vec<_> = double.received().into_iter().map(|received| received.line).collect();
    assert_eq!(lines, ["GET /keys HTTP/1.1", "POST / HTTP/1.1", "POST / HTTP/1.1"], "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_credentials_are_reported_at_once() {
    let output = child(home("[profile iql-child]\nregion = us-east-1\n").path(), &[]);
    let expected = "[within a second: Credentials there are no AWS credentials   \
        DescribeIntegrations region=us-east-1   profile iql-child  \
        hint: the profile has no credentials: `aws configure --profile iql-child` gives it some]";
    assert!(output.contains(expected), "{output}");

    let sso = "[profile iql-child]\nsource_profile = hub\nrole_arn = arn:aws:iam::1:role/r\n\
        [profile hub]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = r\n\
        [sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.example.test/start\n";
    let output = child(home(sso).path(), &[]);
    assert!(output.contains("[within a second: Credentials the AWS credentials cannot be had"), "{output}");
    assert!(output.contains("hint: `aws sso login --profile hub` signs in again]"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_refused_are_renewed_where_they_come_from() {
    let double = Double::start(|_, _| fault(403, "ExpiredToken", "expired")).await;
    let url = format!("http://127.0.0.1:{}", double.port);
    let output = child(home(PROFILES).path(), &[("AWS_ENDPOINT_URL", &url)]);
    let hints: Vec<_> = output.split("hint: ").skip(1).filter_map(|rest| rest.split(']').next()).collect();
    let own =
        "renew what `AWS_ACCESS_KEY_ID` holds or, where it is not set, the credentials of the profile `iql-child`";
    let other = "renew the credentials of the profile `other`, then run the statement again";
    assert_eq!(hints, [own, own, other, "did you mean `other`?"], "{output}");
    assert_eq!(double.received().len(), 3, "none is sent twice");
}

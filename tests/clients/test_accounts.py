"""Whose credentials `iql exec` asks with, and whom: environment, profiles and endpoints, as AWS clients have them."""

import http.server
import threading

import pytest

COUNT = "SELECT count(*) AS n FROM aws.redshift.integrations WHERE region = 'us-east-1'"
PROD, DEV = [{"n": 263}], [{"n": 14}]
NOWHERE = "http://127.0.0.1:1"
# Credentials come from the profile, not from the environment.
NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
CREDENTIALS = """\
[default]
aws_access_key_id = prod
aws_secret_access_key = sandbox
[development]
aws_access_key_id = dev
aws_secret_access_key = sandbox
aws_session_token = a-token
[old]
aws_access_key_id = expired
aws_secret_access_key = sandbox
"""


@pytest.fixture
def write(iql):
    """Writes a file into the home's `.aws`."""

    def write(name, text):
        path = iql.home / ".aws" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.fixture
def listener():
    """An endpoint that remembers the headers it was sent, and has no integrations."""
    heard = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(dict(self.headers))
            self.rfile.read(int(self.headers["content-length"]))
            body = (
                b"<DescribeIntegrationsResponse>"
                b"<DescribeIntegrationsResult><Integrations/></DescribeIntegrationsResult>"
                b"<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>"
                b"</DescribeIntegrationsResponse>"
            )
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    server.endpoint, server.heard = f"http://127.0.0.1:{server.server_port}", heard
    yield server
    server.shutdown()
    server.server_close()


def refused(iql, *words, **variables):
    code, out, err = iql.run("-o", "json", *variables.pop("arguments", ()), COUNT, **variables)
    assert (code, out) == (1, "")
    for word in words:
        assert word in err
    return err


def test_the_keys_of_the_environment(sandbox, iql):
    assert iql.rows(COUNT) == PROD
    assert iql.rows(COUNT, AWS_ACCESS_KEY_ID="dev") == DEV
    sandbox.control("DELETE", "requests")
    renew = "hint: renew them where they come from: the environment"
    refused(iql, "InvalidClientTokenId", renew, AWS_ACCESS_KEY_ID="stranger")
    refused(iql, "ExpiredToken", renew, AWS_ACCESS_KEY_ID="expired")
    assert len(sandbox.control("GET", "requests")) == 2
    refused(iql, "there are no AWS credentials", "hint: ", **NO_KEYS)


def test_profiles_of_the_credentials_file(iql, write):
    path = write("credentials", CREDENTIALS)
    assert iql.rows(COUNT, **NO_KEYS) == PROD
    assert iql.rows(COUNT, "--profile", "development", **NO_KEYS) == DEV
    assert iql.rows(COUNT, AWS_PROFILE="development", **NO_KEYS) == DEV
    # A profile that was asked for by a flag goes before the environment's keys; one of AWS_PROFILE does not.
    assert iql.rows(COUNT, "--profile", "development") == DEV
    assert iql.rows(COUNT, AWS_PROFILE="development") == PROD
    assert iql.rows(COUNT, "--profile", "development", AWS_PROFILE="development") == DEV
    elsewhere = path.rename(iql.home / "elsewhere")
    refused(iql, "there are no AWS credentials", **NO_KEYS)
    assert iql.rows(COUNT, "--profile", "development", AWS_SHARED_CREDENTIALS_FILE=str(elsewhere), **NO_KEYS) == DEV


def test_profiles_in_one_statement(iql, write):
    write("credentials", CREDENTIALS)
    both = "FROM aws.redshift.integrations WHERE profile IN ('default', 'development') AND region = 'us-east-1'"
    rows = iql.rows(f"SELECT profile, count(*) AS n {both} GROUP BY profile ORDER BY n", **NO_KEYS)
    assert rows == [{"profile": "development", "n": 14}, {"profile": "default", "n": 263}]
    rows = iql.rows(f"SELECT * {both}", **NO_KEYS)
    assert len(rows) == 277 and list(rows[0])[-2:] == ["region", "profile"]
    accounts = {(row["profile"], row["integration_arn"].split(":")[4]) for row in rows}
    assert accounts == {("default", "111122223333"), ("development", "444455556666")}


def test_a_profile_that_is_not_there(sandbox, iql, write):
    write("credentials", CREDENTIALS)
    near = "there is no AWS profile `developmnt`"
    for variables in ({"arguments": ("--profile", "developmnt")}, {"AWS_PROFILE": "developmnt"} | NO_KEYS):
        refused(iql, f"error: {near}", "did you mean `development`?", **variables)
    refused(iql, "`default`, `development`, `old`", arguments=("--profile", "xyz"))
    refused(iql, "ExpiredToken", "the profile `old`", arguments=("--profile", "old"))
    assert len(sandbox.control("GET", "requests")) == 1


def test_a_session_token_is_sent(iql, write, listener):
    write("credentials", CREDENTIALS)
    assert iql.rows(COUNT, "--profile", "development", AWS_ENDPOINT_URL=listener.endpoint) == [{"n": 0}]
    assert iql.rows(COUNT, AWS_ENDPOINT_URL=listener.endpoint, AWS_SESSION_TOKEN="another") == [{"n": 0}]
    assert iql.rows(COUNT, AWS_ENDPOINT_URL=listener.endpoint) == [{"n": 0}]
    tokens = [headers.get("x-amz-security-token") for headers in listener.heard]
    assert tokens == ["a-token", "another", None]
    keys = [headers["authorization"].split("Credential=")[1].split("/")[0] for headers in listener.heard]
    assert keys == ["dev", "prod", "prod"]


def test_a_process_that_hands_out_credentials(iql, write, listener):
    keys = write("keys", '{"Version": 1, "AccessKeyId": "dev", "SecretAccessKey": "s", "SessionToken": "of a process"}')
    write(
        "config",
        f"[profile outside]\ncredential_process = /bin/cat {keys}\n"
        "[profile broken]\ncredential_process = /bin/false\n",
    )
    assert iql.rows(COUNT, "--profile", "outside") == DEV
    assert iql.rows(COUNT, "--profile", "outside", AWS_ENDPOINT_URL=listener.endpoint) == [{"n": 0}]
    assert [headers["x-amz-security-token"] for headers in listener.heard] == ["of a process"]
    refused(iql, "credentials", "broken", arguments=("--profile", "broken"))


def test_where_calls_go(sandbox, iql, write):
    here = sandbox.endpoint
    assert iql.rows(COUNT, AWS_ENDPOINT_URL=NOWHERE, AWS_ENDPOINT_URL_REDSHIFT=here) == PROD
    write("credentials", CREDENTIALS)
    write(
        "config",
        f"[default]\nendpoint_url = {NOWHERE}\n"
        f"[profile development]\nendpoint_url = {here}\n"
        f"[profile services]\nsource_profile = default\nservices = ours\nendpoint_url = {NOWHERE}\n"
        f"aws_access_key_id = dev\naws_secret_access_key = sandbox\n"
        f"[services ours]\nredshift =\n  endpoint_url = {here}\n",
    )
    assert iql.rows(COUNT, "--profile", "development", AWS_ENDPOINT_URL=None) == DEV
    assert iql.rows(COUNT, "--profile", "services", AWS_ENDPOINT_URL=None) == DEV
    # The environment goes before the file.
    assert iql.rows(COUNT, "--profile", "default", AWS_ENDPOINT_URL=here) == PROD
    own = {"arguments": ("--profile", "default"), "AWS_ENDPOINT_URL": None}
    refused(iql, f"nothing listens at `{NOWHERE}`", "a profile's `endpoint_url`", IQL_TRIES="2", **own)

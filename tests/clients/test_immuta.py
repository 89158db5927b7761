"""The curl commands of Immuta's documentation on Redshift, as printed there, against the sandbox: it answers as printed.

Only the host is another, and `{id}` is an integration of the test's own. The documentation has lost its DELETE command,
so that one is made of the text around it.
"""

import json
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

KEY = "846e9e43c86a4ct1be14290d95127d13f"
HEADERS = {"accept": "application/json", "Content-Type": "application/json", "Authorization": KEY}

PLACE = {"host": "organization.aws.amazon.com", "database": "immuta", "initialDatabase": "REDSHIFT_SAMPLE_DATA"}
USER = {"authenticationType": "userPassword", "username": "taylor@redshift.com", "password": "abc1234"}
OKTA = {
    "authenticationType": "okta",
    "okta": {
        "username": "taylor@redshift.com",
        "password": "abc1234",
        "appId": "Okta",
        "idpHost": "organization.okta.com",
        "role": "admin",
    },
}
ON = {"impersonation": {"enabled": True, "role": "immuta_impersonation"}}
OFF = {"impersonation": {"enabled": False}}


def redshift(automatic, *parts):
    config = {name: value for part in (PLACE, *parts) for name, value in part.items()}
    return {"type": "Redshift", "autoBootstrap": automatic, "config": config}


AUTOMATIC_USER = redshift(True, USER)
AUTOMATIC_OKTA = redshift(True, ON, OKTA)
MANUAL_USER = redshift(False, OFF, USER)
MANUAL_OKTA = redshift(False, ON, OKTA)
UPDATE_AUTOMATIC = redshift(True, OKTA)
UPDATE_MANUAL = redshift(False, OFF, OKTA)

PASSED = {
    "status": "passed",
    "validationTests": [
        {"name": "Initial Validation: Basic Connection Test", "result": [None], "status": "passed"},
        {
            "name": "Validate Automatic Bootstrap: Immuta Database Does Not Exist",
            "result": [],
            "status": "passed",
        },
    ],
}


def brief(id, status):
    return {"id": id, "status": status, "validationResults": PASSED}


def by_curl(method, url, data):
    command = ["curl", "--silent", "--noproxy", "*", "-X", method, url, "--write-out", "\n%{http_code} %{content_type}"]
    for header in HEADERS.items():
        command += ["-H", ": ".join(header)]
    if data is not None:
        command += ["-d", data]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    text, _, last = done.stdout.rpartition("\n")
    status, _, content_type = last.partition(" ")
    return int(status), content_type, text


def by_urllib(method, url, data):
    request = urllib.request.Request(url, None if data is None else data.encode(), HEADERS, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers["Content-Type"], answer.read().decode()


def ask(sandbox, method, path, body=None):
    """Status, and the answer: as JSON, unless it is a text."""
    data = None if body is None else json.dumps(body, indent=2)
    send = by_curl if shutil.which("curl") else by_urllib
    status, content_type, text = send(method, sandbox.endpoint + path, data)
    return status, text if content_type.startswith("text/plain") else json.loads(text)


def made(sandbox, payload):
    """The id of an integration that is set up."""
    status, answer = ask(sandbox, "POST", "/integrations", payload)
    assert status == 200, answer
    sandbox.advance(30)
    return answer["id"]


def log(sandbox):
    """The last request, as the sandbox saw it: method, path, the headers that were printed, and body."""
    last = sandbox.control("GET", "requests")[-1]
    headers = {name: last["headers"][name.lower()] for name in HEADERS}
    return last["method"], last["path"], headers, last.get("body")


@pytest.mark.parametrize(
    "payload",
    [AUTOMATIC_USER, AUTOMATIC_OKTA, MANUAL_USER, MANUAL_OKTA],
    ids=["automatic-user", "automatic-okta", "manual-user", "manual-okta"],
)
def test_configure(sandbox, payload):
    status, answer = ask(sandbox, "POST", "/integrations", payload)
    assert (status, answer) == (200, brief(answer["id"], "creating"))
    assert isinstance(answer["id"], str)
    assert log(sandbox) == ("POST", "/integrations", HEADERS, payload)


@pytest.mark.parametrize("payload", [MANUAL_USER, MANUAL_OKTA], ids=["user", "okta"])
@pytest.mark.parametrize("script, database", [("initial-create", "REDSHIFT_SAMPLE_DATA"), ("create", "immuta")])
def test_script_to_set_up(sandbox, script, database, payload):
    path = f"/integrations/scripts/{script}"
    status, text = ask(sandbox, "POST", path, payload)
    assert status == 200 and f'-- Run it in the database "{database}".' in text and "CREATE " in text
    assert text.endswith(";\n") and "abc1234" not in text
    assert log(sandbox) == ("POST", path, HEADERS, payload)


def test_get_one(sandbox):
    id = made(sandbox, AUTOMATIC_USER)
    status, answer = ask(sandbox, "GET", f"/integrations/{id}")
    config = {
        "host": "organization.aws.amazon.com",
        "database": "immuta",
        "initialDatabase": "REDSHIFT_SAMPLE_DATA",
        "port": 5439,
        "impersonation": {"enabled": False},
        "authenticationType": "userPassword",
        "username": "<REDACTED>",
        "password": "<REDACTED>",
    }
    printed = brief(id, "enabled") | {"type": "Redshift", "autoBootstrap": True, "config": config}
    assert (status, answer) == (200, printed)
    assert log(sandbox) == ("GET", f"/integrations/{id}", HEADERS, None)


def test_get_all(sandbox):
    """As printed, but for a bracket that the documentation forgot."""
    status, answer = ask(sandbox, "GET", "/integrations")
    assert status == 200 and len(answer) == 9
    assert answer[:2] == PRINTED_LIST
    assert log(sandbox) == ("GET", "/integrations", HEADERS, None)


@pytest.mark.parametrize(
    "before, payload",
    [(AUTOMATIC_USER, UPDATE_AUTOMATIC), (MANUAL_USER, UPDATE_MANUAL)],
    ids=["automatic", "manual"],
)
def test_update(sandbox, before, payload):
    id = made(sandbox, before)
    assert ask(sandbox, "PUT", f"/integrations/{id}", payload) == (200, brief(id, "editing"))
    assert log(sandbox) == ("PUT", f"/integrations/{id}", HEADERS, payload)
    sandbox.advance(5)
    _, answer = ask(sandbox, "GET", f"/integrations/{id}")
    assert answer["status"] == "enabled" and answer["config"]["authenticationType"] == "okta"
    hidden = {"username": "<REDACTED>", "password": "<REDACTED>"}
    assert answer["config"]["okta"] == OKTA["okta"] | hidden and "username" not in answer["config"]


def test_script_to_edit(sandbox):
    id = made(sandbox, MANUAL_USER)
    status, text = ask(sandbox, "POST", f"/integrations/{id}/scripts/edit", UPDATE_MANUAL)
    assert status == 200 and "ALTER USER" in text
    assert log(sandbox) == ("POST", f"/integrations/{id}/scripts/edit", HEADERS, UPDATE_MANUAL)


@pytest.mark.parametrize(
    "payload, credentials",
    [(AUTOMATIC_USER, USER), (AUTOMATIC_OKTA, OKTA), (MANUAL_USER, None), (MANUAL_OKTA, None)],
    ids=["automatic-user", "automatic-okta", "manual-user", "manual-okta"],
)
def test_delete(sandbox, payload, credentials):
    id = made(sandbox, payload)
    path = f"/integrations/{id}"
    status, answer = ask(sandbox, "DELETE", path, USER if credentials is None else None)
    assert (status, answer["error"]) == (400, "Bad request")
    assert ask(sandbox, "DELETE", path, credentials) == (200, brief(id, "deleting"))
    assert log(sandbox) == ("DELETE", path, HEADERS, credentials)
    sandbox.advance(10)
    gone = {"statusCode": 404, "error": "Not found", "message": f"No Integration found with ID {id}."}
    assert ask(sandbox, "GET", path) == (404, gone)


def test_governed_and_ungoverned_warehouses(sandbox):
    """Both services' rows join on the warehouse's endpoint."""
    _, rows = ask(sandbox, "GET", "/integrations")
    hosts = {row["config"]["host"] for row in rows if row["type"] == "Redshift"}
    addresses = set()
    for region in ("us-east-1", "us-west-2", "eu-west-1"):
        clusters = sandbox.client(region=region).describe_clusters()["Clusters"]
        addresses |= {cluster["Endpoint"]["Address"] for cluster in clusters if "Endpoint" in cluster}
    assert len(hosts & addresses) == 4 and len(hosts - addresses) == 1 and addresses - hosts


PRINTED_LIST = [
    {
        "id": "1",
        "status": "enabled",
        "validationResults": {
            "status": "passed",
            "validationTests": [
                {"name": "Initial Validation: Basic Connection Test", "status": "passed"},
                {"name": "Initial Validation: Default Warehouse Access Test", "status": "passed", "result": []},
                {"name": "Initial Validation: Validate access to Privileged Role", "status": "passed", "result": []},
                {"name": "Validate Automatic: Database Does Not Exist", "status": "passed"},
                {"name": "Validate Automatic: Impersonation Role Does Not Exist", "status": "skipped"},
                {"name": "Validate Automatic Bootstrap User Grants", "status": "passed"},
            ],
        },
        "type": "Snowflake",
        "autoBootstrap": True,
        "config": {
            "host": "organization.us-east-1.snowflakecomputing.com",
            "warehouse": "SAMPLE_WAREHOUSE",
            "database": "SNOWFLAKE_SAMPLE_DATA",
            "port": 443,
            "audit": {"enabled": False},
            "workspaces": {"enabled": False},
            "impersonation": {"enabled": False},
            "lineage": {"enabled": False},
            "authenticationType": "userPassword",
            "username": "<REDACTED>",
            "password": "<REDACTED>",
            "role": "ACCOUNTADMIN",
        },
    },
    {
        "id": "2",
        "status": "enabled",
        "type": "Databricks",
        "validationResults": {
            "status": "passed",
            "validationTests": [
                {"name": "Metastore validation", "status": "passed"},
                {"name": "Basic Connection Test", "result": [{"1": 1}], "status": "passed"},
            ],
        },
        "autoBootstrap": True,
        "config": {
            "workspaceUrl": "www.example-workspace.cloud.databricks.com",
            "httpPath": "sql/protocolv1/o/0/0000-00000-abc123",
            "token": "REDACTED",
            "audit": {"enabled": False},
            "catalog": "immuta",
        },
    },
]

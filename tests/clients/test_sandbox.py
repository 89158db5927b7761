"""boto3 and the AWS CLI hold the sandbox to AWS's own model of the service."""

import datetime
import http.client
import os
import subprocess
import threading
import urllib.request

import botocore.exceptions
import pytest
from botocore.exceptions import ClientError

SERVERLESS = "arn:aws:redshift-serverless:us-east-1:111122223333:namespace/5e7a1c52-0b7e-4c55-9d0a-4f6f3f1b2a01"
ABSENT = "arn:aws:redshift:us-east-1:111122223333:integration:00000000-0000-0000-0000-000000000000"
FRESH = {
    "IntegrationName": "fresh",
    "SourceArn": "arn:aws:dynamodb:us-east-1:111122223333:table/fresh",
    "TargetArn": SERVERLESS,
}


def refused(code, status, call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert response["ResponseMetadata"]["RequestId"]
    return response["Error"]["Message"]


def everything(client):
    pages = client.get_paginator("describe_integrations").paginate()
    return [row for page in pages for row in page["Integrations"]]


def test_the_estate_is_whole_and_typed(sandbox):
    rows = everything(sandbox.client())
    assert len(rows) == len({row["IntegrationArn"] for row in rows}) == 263
    statuses = {row["Status"] for row in rows}
    assert statuses == {"creating", "active", "modifying", "failed", "deleting", "syncing", "needs_attention"}
    for row in rows:
        assert isinstance(row["CreateTime"], datetime.datetime) and row["CreateTime"].tzinfo
        assert bool(row["Errors"]) == (row["Status"] in ("failed", "needs_attention"))
        assert all(error["ErrorCode"] and error["ErrorMessage"] for error in row["Errors"])
        assert "AdditionalEncryptionContext" not in row or row["KMSKeyId"]
    assert rows == sorted(rows, key=lambda row: (row["CreateTime"], row["IntegrationArn"]))
    tags = [tag for row in rows for tag in row["Tags"]]
    assert {"équipe-données", "データ基盤", "Zoë 🚀", "r&d <core>"} <= {tag["Value"] for tag in tags}
    assert any(tag["Key"].startswith("aws:") for tag in tags)
    assert any(not row["Tags"] for row in rows)
    assert 'Owner says "do not touch"; it\'s load-bearing' in {row.get("Description") for row in rows}
    assert {"team", "purpose"} in [set(row.get("AdditionalEncryptionContext", {})) for row in rows]
    assert everything(sandbox.client()) == rows
    assert sandbox.control("GET", "clock") == {"mode": "untouched", "now": "2026-01-15T12:00:00.000Z", "factor": 1.0}


def test_pages(sandbox):
    client = sandbox.client()
    first = client.describe_integrations()
    assert len(first["Integrations"]) == 100
    sizes = [len(page["Integrations"]) for page in client.get_paginator("describe_integrations").paginate(MaxRecords=20)]
    assert sizes == [20] * 13 + [3]
    for size in (19, 101, 0, -1):
        refused("InvalidParameterValue", 400, client.describe_integrations, MaxRecords=size)
    marker = first["Marker"]
    refused("InvalidParameterValue", 400, client.describe_integrations, Marker="nonsense")
    refused("InvalidParameterValue", 400, client.describe_inbound_integrations, Marker=marker)
    other = sandbox.client(region="us-west-2")
    refused("InvalidParameterValue", 400, other.describe_integrations, Marker=marker)
    active = [{"Name": "status", "Values": ["active"]}]
    refused("InvalidParameterValue", 400, client.describe_integrations, Marker=marker, Filters=active)
    # A row that goes and one that comes between two pages move none of the others.
    sandbox.advance(0)
    gone = next(row for row in first["Integrations"] if row["Status"] == "active")
    client.delete_integration(IntegrationArn=gone["IntegrationArn"])
    client.create_integration(**FRESH)
    sandbox.advance(60)
    rest = client.describe_integrations(Marker=marker)
    second = {row["IntegrationArn"] for row in rest["Integrations"]}
    assert len(second) == 100 and not second & {row["IntegrationArn"] for row in first["Integrations"]}


def test_describe_by_arn_and_by_filter(sandbox):
    client = sandbox.client()
    rows = everything(client)
    arns = [row["IntegrationArn"] for row in rows]

    def filtered(**filters):
        filters = [{"Name": name.replace("_", "-"), "Values": values} for name, values in filters.items()]
        pages = client.get_paginator("describe_integrations").paginate(Filters=filters)
        return [row["IntegrationArn"] for page in pages for row in page["Integrations"]]

    def where(condition):
        return [row["IntegrationArn"] for row in rows if condition(row)]

    assert client.describe_integrations(IntegrationArn=arns[7])["Integrations"] == [rows[7]]
    refused("IntegrationNotFoundFault", 404, client.describe_integrations, IntegrationArn=ABSENT)
    refused("ValidationError", 400, client.describe_integrations, IntegrationArn="arn:nonsense")
    elsewhere = sandbox.client(region="eu-west-1")
    refused("IntegrationNotFoundFault", 404, elsewhere.describe_integrations, IntegrationArn=arns[0])
    stranger = sandbox.client(key="dev")
    refused("IntegrationNotFoundFault", 404, stranger.describe_integrations, IntegrationArn=arns[0])
    assert filtered(integration_arn=[arns[9], ABSENT, arns[3], arns[3]]) == [arns[3], arns[9]]
    assert filtered(integration_arn=arns[:150]) == arns[:150]
    assert filtered(integration_arn=[ABSENT]) == []
    assert filtered(status=["failed", "syncing"]) == where(lambda row: row["Status"] in ("failed", "syncing"))
    assert filtered(source_types=["s3"]) == where(lambda row: row["SourceArn"].startswith("arn:aws:s3:"))
    assert filtered(source_arn=[rows[5]["SourceArn"]]) == [arns[5]]
    assert filtered(source_types=["dynamodb"], status=["failed"]) == where(
        lambda row: row["Status"] == "failed" and ":dynamodb:" in row["SourceArn"]
    )
    other = [{"Name": "status", "Values": ["failed" if rows[7]["Status"] != "failed" else "active"]}]
    assert client.describe_integrations(IntegrationArn=arns[7], Filters=other)["Integrations"] == []
    message = refused(
        "InvalidParameterValue", 400, client.describe_integrations, Filters=[{"Name": "colour", "Values": ["red"]}]
    )
    assert "integration-arn" in message
    refused("ValidationError", 400, client.describe_integrations, Filters=[{"Name": "status", "Values": []}])


def test_create_modify_delete(sandbox):
    client = sandbox.client()
    sandbox.advance(0)
    tags = [{"Key": "owner", "Value": "équipe <&>\"' 🚀"}, {"Key": "empty", "Value": ""}]
    asked = FRESH | {
        "Description": "a <b> & \"c\" 'd'",
        "KMSKeyId": "alias/data",
        "AdditionalEncryptionContext": {"team": "x&y", "clé": "données"},
    }
    made = client.create_integration(**asked, TagList=tags)
    arn = made["IntegrationArn"]
    assert {name: made[name] for name in asked} == asked
    assert made["Status"] == "creating" and sorted(map(str, made["Tags"])) == sorted(map(str, tags))
    refused("IntegrationAlreadyExistsFault", 400, client.create_integration, **FRESH)
    refused("IntegrationConflictOperationFault", 400, client.modify_integration, IntegrationArn=arn, Description="x")
    sandbox.advance(30)
    [row] = client.describe_integrations(IntegrationArn=arn)["Integrations"]
    assert row["Status"] == "active" and row["CreateTime"] == made["CreateTime"]
    changed = client.modify_integration(IntegrationArn=arn, IntegrationName="renamed", Description="")
    assert (changed["IntegrationName"], changed["Status"]) == ("renamed", "modifying") and "Description" not in changed
    refused("IntegrationConflictOperationFault", 400, client.delete_integration, IntegrationArn=arn)
    sandbox.advance(5)
    taken = everything(client)[0]["IntegrationName"]
    refused("IntegrationAlreadyExistsFault", 400, client.modify_integration, IntegrationArn=arn, IntegrationName=taken)
    refused("InvalidParameterCombination", 400, client.modify_integration, IntegrationArn=arn)
    assert client.delete_integration(IntegrationArn=arn)["Status"] == "deleting"
    refused("IntegrationConflictOperationFault", 400, client.delete_integration, IntegrationArn=arn)
    sandbox.advance(10)
    refused("IntegrationNotFoundFault", 404, client.describe_integrations, IntegrationArn=arn)
    refused("IntegrationNotFoundFault", 404, client.delete_integration, IntegrationArn=arn)
    assert client.create_integration(**FRESH)["IntegrationArn"] != arn


def test_create_is_refused(sandbox):
    client = sandbox.client()
    create = client.create_integration
    assert "3 validation errors" in refused(
        "ValidationError", 400, create, IntegrationName="a--b", SourceArn="arn:aws:rds:::x", TargetArn="a" * 30
    )
    refused("ValidationError", 400, create, **FRESH | {"IntegrationName": "a" * 64})
    refused("ValidationError", 400, create, **FRESH, Description="x" * 1001)
    refused("InvalidParameterCombination", 400, create, **FRESH, AdditionalEncryptionContext={"a": "b"})
    refused("InvalidTagFault", 400, create, **FRESH, TagList=[{"Key": "aws:x", "Value": ""}])
    many = [{"Key": f"k{number}", "Value": ""} for number in range(51)]
    refused("TagLimitExceededFault", 400, create, **FRESH, TagList=many)
    no_such = "arn:aws:s3:::no-such-bucket"
    refused("IntegrationSourceNotFoundFault", 404, create, **FRESH | {"SourceArn": no_such})
    no_such = "arn:aws:redshift:us-east-1:111122223333:namespace:0dead000-0000-4000-8000-000000000017"
    refused("IntegrationTargetNotFoundFault", 404, create, **FRESH | {"TargetArn": no_such})
    sandbox.control("POST", "controls", {"quota": 3})
    refused("IntegrationQuotaExceededFault", 400, create, **FRESH)
    sandbox.control("POST", "controls", {})
    sandbox.advance(0)
    arn = create(**FRESH | {"SourceArn": "arn:aws:s3:::denied-bucket"})["IntegrationArn"]
    sandbox.advance(30)
    [row] = client.describe_integrations(IntegrationArn=arn)["Integrations"]
    assert row["Status"] == "failed" and row["Errors"][0]["ErrorCode"] == "SourcePermissionDenied"
    refused("IntegrationConflictStateFault", 400, client.modify_integration, IntegrationArn=arn, Description="x")
    assert client.delete_integration(IntegrationArn=arn)["Status"] == "deleting"


def test_tags(sandbox):
    client = sandbox.client()
    arn = client.create_integration(**FRESH)["IntegrationArn"]
    cluster = client.describe_clusters(ClusterIdentifier="finance-prod")["Clusters"][0]
    cluster = f"arn:aws:redshift:us-east-1:111122223333:cluster:{cluster['ClusterIdentifier']}"
    for name, kind in ((arn, "integration"), (cluster, "cluster")):
        client.create_tags(ResourceName=name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "é"}])
        client.create_tags(ResourceName=name, Tags=[{"Key": "a", "Value": "2"}])
        client.delete_tags(ResourceName=name, TagKeys=["b", "absent"])
        rows = client.describe_tags(ResourceName=name, TagKeys=["a", "b"])["TaggedResources"]
        assert rows == [{"Tag": {"Key": "a", "Value": "2"}, "ResourceName": name, "ResourceType": kind}]
    assert client.describe_integrations(IntegrationArn=arn)["Integrations"][0]["Tags"] == [{"Key": "a", "Value": "2"}]
    tag = [{"Key": "a", "Value": "1"}]
    refused("ResourceNotFoundFault", 404, client.create_tags, ResourceName=ABSENT, Tags=tag)
    refused("ResourceNotFoundFault", 404, client.describe_tags, ResourceName=ABSENT)
    refused("InvalidTagFault", 400, client.create_tags, ResourceName=arn, Tags=[{"Key": "AWS:x", "Value": "1"}])
    refused("InvalidTagFault", 400, client.create_tags, ResourceName=arn, Tags=tag + tag)
    refused("InvalidTagFault", 400, client.create_tags, ResourceName=arn, Tags=[{"Key": "k", "Value": "v" * 257}])
    refused("InvalidTagFault", 400, client.delete_tags, ResourceName=arn, TagKeys=["aws:x"])
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    refused("TagLimitExceededFault", 400, client.create_tags, ResourceName=arn, Tags=many)

    def described(**arguments):
        pages = client.get_paginator("describe_tags").paginate(**arguments)
        return [(row["ResourceName"], row["Tag"]["Key"], row["Tag"]["Value"]) for p in pages for row in p["TaggedResources"]]

    expected = {(row["IntegrationArn"], t["Key"], t["Value"]) for row in everything(client) for t in row["Tags"]}
    assert len(described(ResourceType="Integration")) == len(expected)
    assert set(described(ResourceType="Integration", MaxRecords=20)) == expected
    some = {row for row in expected if row[1] == "owner" and row[2] in ("データ基盤", "ana")}
    assert set(described(ResourceType="integration", TagKeys=["owner"], TagValues=["データ基盤", "ana"])) == some
    assert described(ResourceType="Snapshot") == []
    refused("InvalidParameterValue", 400, client.describe_tags, ResourceType="Colour")


def test_clusters_and_inbound(sandbox):
    client = sandbox.client()
    pages = list(client.get_paginator("describe_clusters").paginate(MaxRecords=20))
    clusters = [cluster for page in pages for cluster in page["Clusters"]]
    assert [len(page["Clusters"]) for page in pages] == [20, 4]
    assert {cluster["ClusterStatus"] for cluster in clusters} == {"available", "paused", "creating", "resizing"}
    endpoint = next(cluster for cluster in clusters if cluster["ClusterIdentifier"] == "finance-prod")["Endpoint"]
    assert endpoint["Address"].endswith(".us-east-1.redshift.amazonaws.com") and endpoint["Port"] == 5440
    assert [c for c in clusters if "Endpoint" not in c] == [c for c in clusters if c["ClusterStatus"] == "creating"]
    refused("ClusterNotFound", 404, client.describe_clusters, ClusterIdentifier="none")
    found = client.describe_clusters(TagKeys=["team"], TagValues=["finance"])["Clusters"]
    assert [cluster["ClusterIdentifier"] for cluster in found] == ["finance-prod", "finance-reporting", "finance-stage"]

    rows = everything(client)
    target = clusters[0]["ClusterNamespaceArn"]
    pages = client.get_paginator("describe_inbound_integrations").paginate(TargetArn=target)
    inbound = {row["IntegrationArn"] for page in pages for row in page["InboundIntegrations"]}
    assert {row["IntegrationArn"] for row in rows if row["TargetArn"] == target} < inbound
    [foreign] = [arn for arn in inbound if ":rds:" in arn]
    [row] = client.describe_inbound_integrations(IntegrationArn=foreign)["InboundIntegrations"]
    assert row["Status"] == "active" and ":rds:" in row["SourceArn"]
    namespaces = {cluster["ClusterNamespaceArn"] for cluster in clusters}
    orphan = next(r for r in rows if r["TargetArn"] not in namespaces and "-serverless" not in r["TargetArn"])
    refused("InvalidNamespaceFault", 400, client.describe_inbound_integrations, TargetArn=orphan["TargetArn"])
    refused("IntegrationNotFoundFault", 404, client.describe_inbound_integrations, IntegrationArn=ABSENT)


def test_who_may_ask(sandbox):
    refused("InvalidClientTokenId", 403, sandbox.client(key="other").describe_integrations)
    refused("ExpiredToken", 403, sandbox.client(key="expired").describe_integrations)
    refused("SignatureDoesNotMatch", 403, sandbox.client(region="us-esat-1").describe_integrations)
    refused("InvalidClientTokenId", 403, sandbox.client(region="me-south-1").describe_integrations)
    refused("SignatureDoesNotMatch", 403, sandbox.client(service="rds").describe_integrations)
    refused("InvalidAction", 400, sandbox.client().describe_cluster_versions)
    regions = [request["region"] for request in sandbox.control("GET", "requests")]
    assert regions[2:4] == ["us-esat-1", "me-south-1"]
    assert sandbox.client(region="sa-east-1").describe_integrations()["Integrations"] == []
    assert len(sandbox.client(key="dev").describe_integrations()["Integrations"]) == 14


THROTTLE = {"rate": 0, "burst": 0}
TROUBLES = [
    ({"throttle": THROTTLE}, "Throttling", 400),
    ({"throttle": THROTTLE | {"code": "ThrottlingException"}}, "ThrottlingException", 400),
    ({"throttle": THROTTLE | {"code": "RequestLimitExceeded"}}, "RequestLimitExceeded", 400),
    ({"server_error": {"status": 500}}, "InternalFailure", 500),
    ({"server_error": {"status": 503}}, "ServiceUnavailable", 503),
    ("denied", "AccessDenied", 403),
    ("expired", "ExpiredToken", 403),
]


@pytest.mark.parametrize("trouble, code, status", TROUBLES, ids=lambda value: str(value))
def test_a_refusal_on_request(sandbox, trouble, code, status):
    sandbox.fault(trouble, action="DescribeIntegrations", region="us-east-1", after=1, times=1)
    client = sandbox.client()
    client.describe_integrations()
    message = refused(code, status, client.describe_integrations)
    if trouble == "denied":
        assert message.startswith("User: arn:aws:iam::111122223333:user/prod is not authorized to perform: redshift:")
    client.describe_integrations()
    assert [request["status"] for request in sandbox.control("GET", "requests")] == [200, status, 200]


def test_retries_see_the_end_of_trouble(sandbox):
    sandbox.fault({"throttle": THROTTLE | {"retry_after_seconds": 1}}, times=1)
    assert sandbox.client(attempts=3).describe_integrations()["Integrations"]
    sandbox.fault({"server_error": {"status": 500, "body": "none"}}, times=1)
    assert sandbox.client(attempts=3).describe_integrations()["Integrations"]
    sandbox.fault("reset", times=1)
    assert sandbox.client(attempts=3).describe_integrations()["Integrations"]
    assert [request["status"] for request in sandbox.control("GET", "requests")] == [400, 200, 500, 200, None, 200]


def test_a_bucket_of_tokens(sandbox):
    sandbox.fault({"throttle": {"rate": 0.001, "burst": 2, "retry_after_seconds": 7}})
    client = sandbox.client()
    client.describe_integrations()
    client.describe_tags()
    with pytest.raises(ClientError) as caught:
        client.describe_clusters()
    assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"


def test_connections_that_break(sandbox):
    client = sandbox.client(read_timeout=1)
    sandbox.fault("reset", times=1)
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        client.describe_integrations()
    sandbox.fault({"cut": {"at": {"fraction": 0.5}, "length": "whole"}}, times=1)
    # botocore does not hold an answer against its Content-Length: it meets the cut in the XML.
    with pytest.raises(botocore.parsers.ResponseParserError) as caught:
        client.describe_integrations()
    assert "no element found" in str(caught.value) or "unclosed token" in str(caught.value)
    sandbox.fault({"cut": {"at": {"byte": 999}, "length": "whole"}}, times=1)
    scope = "Credential=prod/20260115/us-east-1/redshift/aws4_request, SignedHeaders=host, Signature=0"
    plain = urllib.request.Request(
        sandbox.endpoint,
        data=b"Action=DescribeIntegrations&Version=2012-12-01",
        headers={"Authorization": f"AWS4-HMAC-SHA256 {scope}"},
    )
    with urllib.request.urlopen(plain) as answer, pytest.raises(http.client.IncompleteRead) as caught:
        answer.read()
    assert len(caught.value.partial) == 999 and caught.value.expected > 10000
    sandbox.fault("hang", times=1)
    with pytest.raises(botocore.exceptions.ReadTimeoutError):
        client.describe_integrations()
    sandbox.fault({"latency": {"milliseconds": 300}}, times=1)
    start = datetime.datetime.now()
    client.describe_integrations()
    assert datetime.datetime.now() - start >= datetime.timedelta(milliseconds=300)
    sandbox.fault("lost", action="CreateIntegration", times=1)
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        client.create_integration(**FRESH)
    refused("IntegrationAlreadyExistsFault", 400, client.create_integration, **FRESH)


def test_answers_that_are_wrong(sandbox):
    client = sandbox.client()
    for at in ({"rows": 5}, {"byte": 999}, {"fraction": 0.3}):
        sandbox.fault({"cut": {"at": at}}, times=1)
        with pytest.raises(botocore.parsers.ResponseParserError):
            client.describe_integrations()
    # What botocore makes of these is a short page, without a word: the sandbox lets clients be tried on it.
    sandbox.fault({"cut": {"at": "list"}}, times=1)
    assert client.describe_integrations().get("Integrations", []) == []
    sandbox.fault({"cut": {"at": "root"}}, times=1)
    assert client.describe_integrations()["ResponseMetadata"]["HTTPStatusCode"] == 200
    sandbox.fault("wrong_shape", times=1)
    with pytest.raises(KeyError, match="DescribeIntegrationsResult"):
        client.describe_integrations()
    sandbox.fault("repeat_marker")
    with pytest.raises(botocore.exceptions.PaginationError):
        everything(client)
    sandbox.fault("refuse_arn_filter")
    [one, two] = everything_arns(client)[:2]
    assert client.describe_integrations(Filters=[{"Name": "integration-arn", "Values": [one]}])["Integrations"]
    two = [{"Name": "integration-arn", "Values": [one, two]}]
    refused("InvalidParameterValue", 400, client.describe_integrations, Filters=two)


def everything_arns(client):
    return [row["IntegrationArn"] for row in client.describe_integrations()["Integrations"]]


def test_the_command_line(sandbox):
    code, out, err = sandbox.aws("describe-integrations")
    assert (code, err, len(out["Integrations"])) == (0, "", 263)
    code, out, err = sandbox.aws(
        "create-integration", "--integration-name", "by-hand", "--source-arn", FRESH["SourceArn"],
        "--target-arn", SERVERLESS, "--tag-list", "Key=owner,Value=é", "--kms-key-id", "alias/x",
        "--additional-encryption-context", "a=b",
    )  # fmt: skip
    assert (code, err, out["Status"]) == (0, "", "creating")
    arn = out["IntegrationArn"]
    sandbox.advance(30)
    code, out, err = sandbox.aws("describe-integrations", "--filters", f"Name=integration-arn,Values={arn}")
    assert [row["AdditionalEncryptionContext"] for row in out["Integrations"]] == [{"a": "b"}]
    code, out, err = sandbox.aws("modify-integration", "--integration-arn", arn, "--description", "x")
    assert (code, out["Status"]) == (0, "modifying")
    assert sandbox.aws("create-tags", "--resource-name", arn, "--tags", "Key=k,Value=v")[0] == 0
    assert sandbox.aws("delete-tags", "--resource-name", arn, "--tag-keys", "owner")[0] == 0
    code, out, err = sandbox.aws("describe-tags", "--resource-name", arn)
    assert [row["Tag"] for row in out["TaggedResources"]] == [{"Key": "k", "Value": "v"}]
    sandbox.advance(5)
    assert sandbox.aws("delete-integration", "--integration-arn", arn)[1]["Status"] == "deleting"
    sandbox.advance(10)
    code, out, err = sandbox.aws("describe-integrations", "--integration-arn", arn)
    assert code in (254, 255) and "(IntegrationNotFoundFault)" in err
    code, out, err = sandbox.aws("describe-clusters", region="eu-west-1")
    assert len(out["Clusters"]) == 6
    code, out, err = sandbox.aws("describe-inbound-integrations", "--target-arn", SERVERLESS)
    assert code == 0 and out["InboundIntegrations"]
    sandbox.fault("denied")
    code, out, err = sandbox.aws("describe-integrations")
    assert code in (254, 255) and "(AccessDenied)" in err


def test_controls_refuse_nonsense(sandbox):
    for what, body in (
        ("faults", {"trouble": "earthquake"}),
        ("faults", {"trouble": "reset", "acton": "X"}),
        ("clock", {"factor": 0}),
        ("clock", {"at": "noon"}),
        ("controls", {"quotas": 1}),
    ):
        with pytest.raises(Exception, match="400"):
            sandbox.control("POST", what, body)
    assert sandbox.control("GET", "faults") == []


def test_two_processes_share_a_state(start):
    """Both at once make the folder, write, and see each other's writes."""
    both = []
    threads = [threading.Thread(target=lambda: both.append(start())) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    one, other = (sandbox.client() for sandbox in both)

    def create(client, word):
        for number in range(10):
            client.create_integration(**FRESH | {"IntegrationName": f"{word}-{number}"})

    threads = [threading.Thread(target=create, args=pair) for pair in ((one, "one"), (other, "other"))]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    rows = everything(one)
    assert len(rows) == 283 and rows == everything(other)


def test_a_kill_loses_nothing_that_was_answered(start):
    """One of two writers is killed, again and again: the other goes on, and everything that was answered for is there."""
    answered = []
    done = threading.Event()

    def create(sandbox, word):
        client = sandbox.client()
        for number in range(1000):
            try:
                answered.append(client.create_integration(**FRESH | {"IntegrationName": f"{word}-{number}"}))
            except botocore.exceptions.BotoCoreError:
                return
            if done.is_set():
                return

    sandbox = start()
    sandbox.control("POST", "controls", {"quota": 100000})
    steady = threading.Thread(target=create, args=(sandbox, "steady"))
    steady.start()
    for turn in range(5):
        victim = start()
        writer = threading.Thread(target=create, args=(victim, f"victim{turn}"))
        writer.start()
        before = len(answered)
        while len(answered) < before + 15:
            assert steady.is_alive()
            writer.join(0.005)
        victim.kill()
        writer.join()
        before = len(answered)
        while len(answered) < before + 5:
            assert steady.is_alive()
            steady.join(0.005)
    done.set()
    steady.join()
    for survivor in (sandbox, start()):
        arns = {row["IntegrationArn"] for row in everything(survivor.client())}
        assert {row["IntegrationArn"] for row in answered} <= arns
    sandbox.kill()
    assert len(everything(start().client())) == len(arns)


def test_a_kill_while_it_is_made_leaves_it_to_be_made(start, tmp_path):
    """What a killed maker leaves is a file of another name: the store itself is whole or not there."""
    command = [os.environ["IQL_PROGRAM"], "sandbox", "--port", "0", "--dir", str(tmp_path / "state")]
    for milliseconds in range(2, 42, 2):
        maker = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            maker.wait(milliseconds / 1000)
        except subprocess.TimeoutExpired:
            maker.kill()
            maker.wait()
    assert len(everything(start().client())) == 263

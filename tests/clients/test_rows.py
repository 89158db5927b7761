"""`iql exec` returns what boto3 returns, field by field, and every format says the same."""

import csv
import datetime
import io
import json

REGIONS = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"]
SERVERLESS = "arn:aws:redshift-serverless:us-east-1:111122223333:namespace/5e7a1c52-0b7e-4c55-9d0a-4f6f3f1b2a01"
ABSENT = "arn:aws:redshift:us-east-1:111122223333:integration:00000000-0000-0000-0000-000000000000"

# The documented columns in their order, and what boto3 calls them.
AWSCC = {
    "integration_arn": "IntegrationArn",
    "integration_name": "IntegrationName",
    "source_arn": "SourceArn",
    "target_arn": "TargetArn",
    "tags": "Tags",
    "create_time": "CreateTime",
    "kms_key_id": "KMSKeyId",
    "additional_encryption_context": "AdditionalEncryptionContext",
    "region": None,
}
AWS = {
    "integration_arn": "IntegrationArn",
    "integration_name": "IntegrationName",
    "source_arn": "SourceArn",
    "target_arn": "TargetArn",
    "status": "Status",
    "errors": "Errors",
    "create_time": "CreateTime",
    "description": "Description",
    "kms_key_id": "KMSKeyId",
    "additional_encryption_context": "AdditionalEncryptionContext",
    "tags": "Tags",
    "region": None,
}
INBOUND = {
    "integration_arn": "IntegrationArn",
    "source_arn": "SourceArn",
    "target_arn": "TargetArn",
    "status": "Status",
    "errors": "Errors",
    "create_time": "CreateTime",
    "region": None,
}
CLUSTERS = {
    "cluster_identifier": "ClusterIdentifier",
    "cluster_namespace_arn": "ClusterNamespaceArn",
    "endpoint_address": "Endpoint.Address",
    "endpoint_port": "Endpoint.Port",
    "cluster_status": "ClusterStatus",
    "tags": "Tags",
    "region": None,
}
SNAKE = {"Key": "key", "Value": "value", "ErrorCode": "error_code", "ErrorMessage": "error_message"}


def documented(row, columns, region):
    """A row of boto3's as its table documents it, in the order of its columns."""
    return {column: region if wire is None else value(row, wire) for column, wire in columns.items()}


def value(row, wire):
    first, _, rest = wire.partition(".")
    found = row.get(first)
    if rest:
        return value(found or {}, rest)
    if isinstance(found, datetime.datetime):
        found = found.astimezone(datetime.timezone.utc)
        assert found.microsecond % 1000 == 0
        return found.strftime("%Y-%m-%dT%H:%M:%S.") + f"{found.microsecond // 1000:03}Z"
    if first in ("Tags", "Errors"):
        return [{SNAKE[name]: text for name, text in item.items()} for item in found or []]
    if first == "AdditionalEncryptionContext":
        return dict(sorted((found or {}).items()))
    return found


def integrations(sandbox, regions, columns=AWS, key="prod"):
    """boto3's rows by ARN."""
    rows = {}
    for region in regions:
        for page in sandbox.client(key, region).get_paginator("describe_integrations").paginate():
            rows |= {row["IntegrationArn"]: documented(row, columns, region) for row in page["Integrations"]}
    return rows


def by(key, rows):
    """Rows by a key that none of them shares."""
    found = {row[key]: row for row in rows}
    assert len(found) == len(rows)
    return found


def same(found, expected):
    """Equal in every value, and in the order of columns and of keys too."""
    assert found == expected
    order = {key: json.dumps(row) for key, row in expected.items()}
    assert {key: json.dumps(row) for key, row in found.items()} == order


def words(values):
    return "(" + ", ".join(f"'{value}'" for value in values) + ")"


def test_every_field_of_several_regions_and_pages(sandbox, iql):
    for table, columns in (("awscc.redshift.integrations", AWSCC), ("aws.redshift.integrations", AWS)):
        expected = integrations(sandbox, REGIONS, columns)
        assert len(expected) == 263 + 48 + 37 + 24
        sandbox.control("DELETE", "requests")
        rows = iql.rows(f"SELECT * FROM {table} WHERE region IN {words(REGIONS)}")
        same(by("integration_arn", rows), expected)
        pages = [request["region"] for request in sandbox.control("GET", "requests")]
        assert sorted(pages) == sorted(["us-east-1"] * 3 + REGIONS[1:])
    # What makes the comparison worth something.
    rows = expected.values()
    assert any(tag["value"] == "" for row in rows for tag in row["tags"])
    for column, empty in (("tags", []), ("errors", []), ("additional_encryption_context", {})):
        assert 0 < sum(row[column] == empty for row in rows) < len(rows)
    for column in ("description", "kms_key_id"):
        assert 0 < sum(row[column] is None for row in rows) < len(rows)


def test_keys_and_filters(sandbox, iql):
    expected = integrations(sandbox, REGIONS[:2], AWS)
    arns = list(expected)
    asked = [*arns[5:200:3], arns[-1], ABSENT]
    condition = f"region IN {words(REGIONS[:2])} AND Identifier IN {words(asked)}"
    same(
        by("integration_arn", iql.rows(f"SELECT * FROM aws.redshift.integrations WHERE {condition}")),
        {arn: expected[arn] for arn in asked[:-1]},
    )
    one = f"region = 'us-east-1' AND Identifier = '{arns[7]}'"
    assert iql.rows(f"SELECT * FROM aws.redshift.integrations WHERE {one}") == [expected[arns[7]]]
    none = f"region = 'us-east-1' AND Identifier = '{ABSENT}'"
    assert iql.rows(f"SELECT * FROM awscc.redshift.integrations WHERE {none}") == []
    wanted = ["failed", "needs_attention"]
    rows = iql.rows(f"SELECT * FROM aws.redshift.integrations WHERE region = 'us-east-1' AND status IN {words(wanted)}")
    here = {arn: row for arn, row in expected.items() if row["region"] == "us-east-1"}
    same(by("integration_arn", rows), {arn: row for arn, row in here.items() if row["status"] in wanted})
    rows = iql.rows("SELECT * FROM awscc.redshift.integrations_list_only WHERE region = 'us-east-1'")
    assert {tuple(row) for row in rows} == {("integration_arn", "region")}
    assert sorted(row["integration_arn"] for row in rows) == sorted(here)


def test_inbound_integrations(sandbox, iql):
    client = sandbox.client()
    table = "aws.redshift.inbound_integrations WHERE region = 'us-east-1'"

    def inbound(**arguments):
        pages = client.get_paginator("describe_inbound_integrations").paginate(**arguments)
        rows = [row for page in pages for row in page["InboundIntegrations"]]
        return by("integration_arn", [documented(row, INBOUND, "us-east-1") for row in rows])

    everything = inbound()
    assert len(everything) == 264
    same(by("integration_arn", iql.rows(f"SELECT * FROM {table}")), everything)
    provisioned = client.describe_clusters()["Clusters"][0]["ClusterNamespaceArn"]
    for target in (provisioned, SERVERLESS):
        expected = inbound(TargetArn=target)
        assert expected
        sandbox.control("DELETE", "requests")
        same(by("integration_arn", iql.rows(f"SELECT * FROM {table} AND target_arn = '{target}'")), expected)
        [request] = sandbox.control("GET", "requests")
        assert request["parameters"]["TargetArn"] == target
    [foreign] = [arn for arn in everything if ":rds:" in arn]
    for arn in (foreign, next(iter(everything))):
        sandbox.control("DELETE", "requests")
        assert iql.rows(f"SELECT * FROM {table} AND integration_arn = '{arn}'") == [everything[arn]]
        [request] = sandbox.control("GET", "requests")
        assert request["parameters"]["IntegrationArn"] == arn
    assert iql.rows(f"SELECT * FROM {table} AND integration_arn = '{ABSENT}'") == []


def test_clusters(sandbox, iql):
    expected = {}
    for region in REGIONS:
        for page in sandbox.client(region=region).get_paginator("describe_clusters").paginate():
            rows = [documented(row, CLUSTERS, region) for row in page["Clusters"]]
            expected |= {row["cluster_namespace_arn"]: row for row in rows}
    rows = iql.rows(f"SELECT * FROM aws.redshift.clusters WHERE region IN {words(REGIONS)}")
    same(by("cluster_namespace_arn", rows), expected)
    assert {row["endpoint_port"] for row in rows} == {5439, 5440, None}
    one = "SELECT * FROM aws.redshift.clusters WHERE region = 'us-east-1' AND cluster_identifier ="
    [row] = iql.rows(f"{one} 'finance-prod'")
    assert row == expected[row["cluster_namespace_arn"]]
    assert iql.rows(f"{one} 'none'") == []


def test_changes_are_seen_at_once(sandbox, iql):
    client = sandbox.client(region="eu-west-2")
    sandbox.advance(0)

    def check(count):
        for table, columns in (("awscc.redshift.integrations", AWSCC), ("aws.redshift.integrations", AWS)):
            expected = integrations(sandbox, ["eu-west-2"], columns)
            rows = iql.rows(f"SELECT * FROM {table} WHERE region = 'eu-west-2'")
            same(by("integration_arn", rows), expected)
            assert len(rows) == count
        return rows[0] if rows else None

    check(0)
    arn = client.create_integration(
        IntegrationName="fresh",
        SourceArn="arn:aws:dynamodb:eu-west-2:111122223333:table/fresh",
        TargetArn=SERVERLESS.replace("us-east-1", "eu-west-2"),
        Description="  a <b> & \"c\" 'd'; $e, {{ f }} \\n\ttab ]]> 🚀 ",
        KMSKeyId="alias/data",
        AdditionalEncryptionContext={"z": "last", "clé": "x&y", "a": "ひらがな"},
        TagList=[
            {"Key": "zeta", "Value": ""},
            {"Key": "Owner", "Value": "équipe <&>\"'"},
            {"Key": "a b", "Value": "1"},
        ],
    )["IntegrationArn"]
    assert check(1)["status"] == "creating"
    sandbox.advance(30)
    assert check(1)["status"] == "active"
    client.modify_integration(IntegrationArn=arn, IntegrationName="renamed", Description="")
    row = check(1)
    assert (row["status"], row["integration_name"], row["description"]) == ("modifying", "renamed", None)
    client.create_tags(ResourceName=arn, Tags=[{"Key": "zeta", "Value": "9"}, {"Key": "new", "Value": "ø"}])
    client.delete_tags(ResourceName=arn, TagKeys=["Owner"])
    assert {tag["key"] for tag in check(1)["tags"]} == {"zeta", "a b", "new"}
    client.delete_tags(ResourceName=arn, TagKeys=["zeta", "a b", "new"])
    assert check(1)["tags"] == []
    sandbox.advance(5)
    client.delete_integration(IntegrationArn=arn)
    assert check(1)["status"] == "deleting"
    sandbox.advance(10)
    check(0)


def test_white_space_is_a_value(sandbox, iql):
    arn = sandbox.client().create_integration(
        IntegrationName="white",
        SourceArn="arn:aws:dynamodb:us-east-1:111122223333:table/white",
        TargetArn=SERVERLESS,
        Description="  ",
        KMSKeyId="alias/data",
        AdditionalEncryptionContext={" ": "\n", "empty": ""},
        TagList=[{"Key": "blank", "Value": "  "}, {"Key": "around", "Value": " x\t\n\r\ny "}],
    )["IntegrationArn"]
    row = iql.rows(f"SELECT * FROM aws.redshift.integrations WHERE region = 'us-east-1' AND Identifier = '{arn}'")
    assert row == [integrations(sandbox, ["us-east-1"])[arn]]
    assert row[0]["description"] == "  "


ALL = "SELECT * FROM aws.redshift.integrations WHERE region IN ('us-east-1', 'eu-west-1') ORDER BY integration_arn"


def cells(row):
    """A row's values as csv and text write them; NULL and an empty text are both empty."""

    def cell(value):
        if isinstance(value, (list, dict)):
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return "" if value is None else str(value)

    return [cell(value) for value in row.values()]


def test_formats_say_the_same(iql):
    rows = iql.rows(ALL)
    assert len(rows) == 263 + 37
    lines = iql.output("-o", "jsonl", ALL).split("\n")
    assert lines.pop() == ""
    assert [json.dumps(json.loads(line)) for line in lines] == [json.dumps(row) for row in rows]
    header, *records = csv.reader(io.StringIO(iql.output("-o", "csv", ALL), newline=""), strict=True)
    assert header == list(AWS)
    assert records == [cells(row) for row in rows]
    assert list(csv.reader(io.StringIO(iql.output("-H", "-o", "csv", ALL), newline=""), strict=True)) == records
    text = io.StringIO(iql.output("-o", "text", ALL), newline="")
    assert list(csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE)) == records
    for output in ("json", "jsonl", "csv", "text"):
        assert iql.output("-o", output, "-f", f"rows.{output}", ALL) == ""
        assert (iql.home / f"rows.{output}").read_bytes().decode() == iql.output("-o", output, ALL)
    assert sorted(path.name for path in iql.home.iterdir()) == ["rows.csv", "rows.json", "rows.jsonl", "rows.text"]


def test_values_that_formats_trip_over(iql):
    values = ["", " ", ",", '"', '""', "'", "a\nb", "a\r\nb", "a\tb", "NULL", "null", "\\", "\\N", "é 🚀", "[]", "=1"]
    literals = ", ".join(f"('{v.replace(chr(39), chr(39) * 2)}', {n}, NULL)" for n, v in enumerate(values))
    sql = f"SELECT column1 AS t, column2 AS n, column3 AS z FROM (VALUES {literals}) ORDER BY n"
    expected = [{"t": v, "n": n, "z": None} for n, v in enumerate(values)]
    assert iql.rows(sql) == expected
    assert [json.loads(line) for line in iql.output("-o", "jsonl", sql).splitlines()] == expected
    out = iql.output("-o", "csv", sql)
    header, *records = csv.reader(io.StringIO(out, newline=""), strict=True)
    assert (header, records) == (["t", "n", "z"], [[v, str(n), ""] for n, v in enumerate(values)])
    assert out.startswith('t,n,z\n"",0,\n')
    empty = "SELECT integration_name FROM awscc.redshift.integrations WHERE region = 'sa-east-1'"
    nothing = {output: iql.output("-o", output, empty) for output in ("json", "jsonl", "csv", "text")}
    assert nothing == {"json": "[]\n", "jsonl": "", "csv": "integration_name\n", "text": ""}

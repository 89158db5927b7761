"""What `iql exec` writes, boto3 and the AWS CLI read, field by field; and what they write, it changes and deletes."""

import json
import re
import time

import pytest
from test_rows import AWSCC, documented, integrations, value

TABLE, NATIVE = "awscc.redshift.integrations", "aws.redshift.integrations"
PROD, DEV = "111122223333", "444455556666"
ALIAS = "alias/data"


def source(name, region="us-east-1", account=PROD):
    return f"arn:aws:dynamodb:{region}:{account}:table/{name}"


def target(region="us-east-1", account=PROD):
    """A serverless namespace exists as soon as it is named."""
    return f"arn:aws:redshift-serverless:{region}:{account}:namespace/4dfbc7ae-0001-4002-8003-100000000001"


def text(words):
    """A text as SQL writes it."""
    return "'" + words.replace("'", "''") + "'"


def tags(**pairs):
    """Tags as boto3 and the service's own JSON have them."""
    return [{"Key": key, "Value": words} for key, words in pairs.items()]


@pytest.fixture
def sandbox(sandbox):
    """What is made, changed or deleted is so at once."""
    sandbox.control("POST", "controls", {"creating_seconds": 0, "modifying_seconds": 0, "deleting_seconds": 0})
    return sandbox


@pytest.fixture
def calls(sandbox):
    """The names of the calls that were made since the last time, but those that only read."""

    def calls(reads=False):
        served = sandbox.control("GET", "requests")
        sandbox.control("DELETE", "requests")
        return [request["action"] for request in served if reads or not request["action"].startswith("Describe")]

    return calls


@pytest.fixture
def profiles(iql):
    """Both accounts by their profiles' names."""
    path = iql.home / ".aws" / "credentials"
    path.parent.mkdir()
    names = ("default", "prod"), ("prod", "prod"), ("dev", "dev")
    entries = [f"[{name}]\naws_access_key_id = {key}\naws_secret_access_key = sandbox\n" for name, key in names]
    path.write_text("".join(entries))


def report(iql, sql, *arguments, **variables):
    """What a statement that went well says of itself."""
    code, out, err = iql.run(*arguments, sql, **variables)
    assert (code, out) == (0, ""), err
    return err


def refused(iql, sql):
    code, out, err = iql.run(sql)
    assert (code, out) == (1, ""), err
    return err


def written(iql, sql):
    """The rows of RETURNING."""
    code, out, err = iql.run("-o", "json", sql)
    assert code == 0, err
    return json.loads(out)


def named(sandbox, name, key="prod", region="us-east-1"):
    """The integrations of a name, as boto3 has them."""
    pages = sandbox.client(key, region).get_paginator("describe_integrations").paginate()
    return [row for page in pages for row in page["Integrations"] if row["IntegrationName"] == name]


def one(sandbox, name, **place):
    (row,) = named(sandbox, name, **place)
    return row


def create(sandbox, name, **more):
    answer = sandbox.client().create_integration(
        IntegrationName=name, SourceArn=source(name), TargetArn=target(), **more
    )
    sandbox.control("DELETE", "requests")
    return answer["IntegrationArn"]


def by_cli(sandbox, arn):
    code, out, err = sandbox.aws("describe-integrations", "--integration-arn", arn)
    assert code == 0, err
    (row,) = out["Integrations"]
    return row


def agree(sandbox, iql, arn):
    """iql, boto3 and the AWS CLI say the same of an integration."""
    condition = f"WHERE region = 'us-east-1' AND Identifier = '{arn}'"
    (row,) = iql.rows(f"SELECT * FROM {NATIVE} {condition}")
    assert row == integrations(sandbox, ["us-east-1"])[arn]
    (short,) = iql.rows(f"SELECT * FROM {TABLE} {condition}")
    assert short == integrations(sandbox, ["us-east-1"], AWSCC)[arn]
    cli = by_cli(sandbox, arn)
    for column, wire in AWSCC.items():
        if wire and column != "create_time":
            assert short[column] == value(cli, wire), column
    return short


# The documented statements, as they are printed.

INSERT_REQUIRED = """\
/*+ create */
INSERT INTO awscc.redshift.integrations (
 SourceArn,
 TargetArn,
 region
)
SELECT
'{{ source_arn }}',
 '{{ target_arn }}',
'{{ region }}';
"""
INSERT_ALL = """\
/*+ create */
INSERT INTO awscc.redshift.integrations (
 IntegrationName,
 SourceArn,
 TargetArn,
 Tags,
 KMSKeyId,
 AdditionalEncryptionContext,
 region
)
SELECT
 '{{ integration_name }}',
 '{{ source_arn }}',
 '{{ target_arn }}',
 '{{ tags }}',
 '{{ kms_key_id }}',
 '{{ additional_encryption_context }}',
 '{{ region }}';
"""
GET = """\
SELECT
region,
integration_arn,
integration_name,
source_arn,
target_arn,
tags,
create_time,
kms_key_id,
additional_encryption_context
FROM awscc.redshift.integrations
WHERE region = 'us-east-1' AND Identifier = '{{ integration_arn }}';
"""
LIST = """\
SELECT
region,
integration_arn
FROM awscc.redshift.integrations_list_only
WHERE region = 'us-east-1';
"""
UPDATE = """\
/*+ update */
UPDATE awscc.redshift.integrations
SET PatchDocument = string('{{ patch }}')
WHERE region = '{{ region }}'
AND Identifier = '{{ integration_arn }}';
"""
DELETE = """\
/*+ delete */
DELETE FROM awscc.redshift.integrations
WHERE Identifier = '{{ integration_arn }}'
AND region = 'us-east-1';
"""


def filled(statement, **values):
    """A statement with values for its placeholders, each as its JSON when it is no text."""
    for name, found in values.items():
        words = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
        statement = statement.replace("{{ %s }}" % name, words.replace("'", "''"))
    assert "{{" not in re.sub("--.*", "", statement)
    return statement


def patch(op, **fields):
    """What StackQL's `generate_patch_document` makes of properties: an operation for each, changed or not."""
    return [{"op": op, "path": f"/{name}", "value": found} for name, found in fields.items()]


def test_the_documented_statements(sandbox, iql, calls):
    required = filled(INSERT_REQUIRED, source_arn=source("seed"), target_arn=target(), region="us-east-1")
    name = re.search(r"^inserted: (iql-[0-9a-f]{16}) ", report(iql, required))[1]
    made = one(sandbox, name)
    assert (made["SourceArn"], made["TargetArn"], made.get("Tags")) == (source("seed"), target(), [])
    agree(sandbox, iql, made["IntegrationArn"])

    everything = filled(
        INSERT_ALL,
        integration_name="seed-all",
        source_arn=source("seed-all"),
        target_arn=target(),
        tags=tags(env="prod", owner="it's équipe 🚀"),
        kms_key_id=ALIAS,
        additional_encryption_context={"purpose": "audit's", "a": "é"},
        region="us-east-1",
    )
    calls()
    assert report(iql, everything).startswith("inserted: seed-all (arn:")
    assert calls() == ["CreateIntegration"]
    made = one(sandbox, "seed-all")
    arn = made["IntegrationArn"]
    assert made["Tags"] == tags(env="prod", owner="it's équipe 🚀")
    assert made["AdditionalEncryptionContext"] == {"purpose": "audit's", "a": "é"}
    agree(sandbox, iql, arn)

    (row,) = iql.rows(filled(GET, integration_arn=arn))
    expected = documented(made, AWSCC, "us-east-1")
    assert row == expected and list(row) == ["region", *(name for name in AWSCC if name != "region")]
    assert {"region": "us-east-1", "integration_arn": arn} in iql.rows(LIST)

    place = {"region": "us-east-1", "integration_arn": arn}
    changed = filled(UPDATE, patch=patch("add", IntegrationName="seed-two", Tags=tags(env="it's")), **place)
    assert report(iql, changed) == "changed: seed-all (CreateTags, DeleteTags, ModifyIntegration)\n"
    calls()
    assert report(iql, changed) == "unchanged: seed-two\n"
    assert calls() == []
    assert agree(sandbox, iql, arn)["tags"] == [{"key": "env", "value": "it's"}]
    replaced = filled(UPDATE, patch=patch("replace", IntegrationName="seed-two", Tags=tags(env="b", x="")), **place)
    assert report(iql, replaced) == "changed: seed-two (CreateTags)\n"
    assert calls() == ["CreateTags"]
    agree(sandbox, iql, arn)

    delete = filled(DELETE, integration_arn=arn)
    assert report(iql, delete) == "deleted: seed-two\n"
    assert named(sandbox, "seed-two") == []
    assert report(iql, delete).startswith(f"already gone: {arn}\n")
    assert calls() == ["DeleteIntegration"]


def test_show_insert_into_runs_when_filled_in(sandbox, iql):
    (row,) = iql.rows(f"SHOW INSERT INTO {TABLE}")
    values = {
        "integration_name": "shown",
        "source_arn": source("shown"),
        "target_arn": target(),
        "tags": tags(a="1"),
        "kms_key_id": ALIAS,
        "additional_encryption_context": {"k": "v"},
        "region": "us-east-1",
    }
    # As it is, with what it needs alone; then with the columns that are comments.
    needed = {name: values[name] for name in ("target_arn", "region")} | {"source_arn": source("needed")}
    assert "inserted:" in report(iql, filled(row["insert_statement"], **needed))
    report(iql, filled(row["insert_statement"].replace("-- , ", ", "), **values))
    made = one(sandbox, "shown")
    assert made["Tags"] == tags(a="1") and made["AdditionalEncryptionContext"] == {"k": "v"}
    native = iql.rows(f"SHOW INSERT INTO {NATIVE}")[0]["insert_statement"].replace("-- , ", ", ")
    report(iql, filled(native, **values | {"integration_name": "shown-2", "description": "it's"}))
    assert one(sandbox, "shown-2")["Description"] == "it's"


HARD = ["it's", "é 🚀 データ", "", "a\nb", " x ", '"', "\\", "<&>", "%_", "{{ x }}", "--", "/* */", "v" * 256]


def test_values_that_statements_trip_over(sandbox, iql):
    pairs = {f"k{number}": words for number, words in enumerate(HARD)} | {"Zoë a+b=c:/@-_.": "x"}
    context = {"ключ": "it's\\n", "empty": ""}
    sql = f"""INSERT INTO {NATIVE} (IntegrationName, SourceArn, TargetArn, Tags, Description, KMSKeyId,
        AdditionalEncryptionContext, region) VALUES ('hard', '{source("hard")}', '{target()}',
        {text(json.dumps(tags(**pairs)))}, {text(" it's <é> 🚀 ")}, '{ALIAS}',
        {text(json.dumps(context))}, 'us-east-1') RETURNING *"""
    (row,) = written(iql, sql)
    made = one(sandbox, "hard")
    assert {tag["Key"]: tag["Value"] for tag in made["Tags"]} == pairs
    assert made["Description"] == " it's <é> 🚀 "
    assert made["AdditionalEncryptionContext"] == context
    agree(sandbox, iql, made["IntegrationArn"])
    # What RETURNING says of the tags, in which order it may.
    assert {tag["key"]: tag["value"] for tag in row["tags"]} == pairs
    expected = integrations(sandbox, ["us-east-1"])[made["IntegrationArn"]]
    order = sorted(expected["tags"], key=lambda tag: tag["key"])
    assert row | {"tags": order} == expected | {"tags": order}


def test_several_rows_and_returning(sandbox, iql, calls):
    sql = f"""INSERT INTO {TABLE} (integration_name, source_arn, TargetArn, tags, region) VALUES
        ('row-1', '{source("row-1")}', '{target()}', NULL, 'us-east-1'),
        ('row-2', '{source("row-2", "eu-west-1")}', '{target("eu-west-1")}', '[{{"key": "a", "value": "1"}}]',
         'eu-west-1')
        RETURNING region, integration_arn, IntegrationName AS name, tags"""
    rows = written(iql, sql)
    assert calls() == ["CreateIntegration"] * 2
    for row, region, found in zip(rows, ["us-east-1", "eu-west-1"], [[], tags(a="1")], strict=True):
        made = one(sandbox, row["name"], region=region)
        assert (made["IntegrationArn"], row["region"], made["Tags"]) == (row["integration_arn"], region, found)
        assert row["tags"] == [{"key": tag["Key"], "value": tag["Value"]} for tag in found]


def test_a_copy_to_another_region_and_account(sandbox, iql, profiles, calls):
    for number in (1, 2):
        create(sandbox, f"copy-{number}", TagList=tags(env="it's", n=str(number)))
    sql = f"""INSERT INTO {NATIVE} (IntegrationName, SourceArn, TargetArn, Tags, Description, region, profile)
        SELECT integration_name, replace(replace(source_arn, region, 'eu-west-1'), '{PROD}', '{DEV}'),
               '{target("eu-west-1", DEV)}', tags, 'from ' || region, 'eu-west-1', 'dev'
        FROM {NATIVE} WHERE region = 'us-east-1' AND profile = 'prod' AND integration_name LIKE 'copy-%'
        ORDER BY integration_name"""
    assert "inserted: copy-1 " in report(iql, sql)
    assert calls() == ["CreateIntegration"] * 2
    for number in (1, 2):
        made = one(sandbox, f"copy-{number}", key="dev", region="eu-west-1")
        assert made["IntegrationArn"].startswith(f"arn:aws:redshift:eu-west-1:{DEV}:")
        assert made["Tags"] == tags(env="it's", n=str(number)) and made["Description"] == "from us-east-1"
        assert made["SourceArn"] == source(f"copy-{number}", "eu-west-1", DEV)
    # Changed and deleted there, and only there.
    place = "WHERE profile = 'dev' AND region = 'eu-west-1' AND integration_name = 'copy-1'"
    assert report(iql, f"UPDATE {TABLE} SET tags = NULL {place}") == "changed: copy-1 (DeleteTags)\n"
    assert one(sandbox, "copy-1", key="dev", region="eu-west-1")["Tags"] == []
    assert report(iql, f"DELETE FROM {TABLE} {place}") == "deleted: copy-1\n"
    assert named(sandbox, "copy-1", key="dev", region="eu-west-1") == []
    assert one(sandbox, "copy-1")["Tags"] == tags(env="it's", n="1")


def test_columns_one_by_one(sandbox, iql, calls):
    arn = create(sandbox, "columns", Description="old", TagList=tags(a="1", b="2"))

    def update(sets, *expected):
        said = report(iql, f"UPDATE {NATIVE} SET {sets} WHERE region = 'us-east-1' AND Identifier = '{arn}'")
        assert calls() == list(expected), sets
        made = f" ({', '.join(expected)})" if expected else ""
        assert re.fullmatch(rf"{'changed' if expected else 'unchanged'}: columns[a-z-]*{re.escape(made)}\n", said)
        agree(sandbox, iql, arn)
        return by_cli(sandbox, arn)

    assert update("description = 'it''s é 🚀'", "ModifyIntegration")["Description"] == "it's é 🚀"
    update("description = 'it''s é 🚀'")
    assert not update("description = NULL", "ModifyIntegration").get("Description")
    update("description = NULL, tags = tags, IntegrationName = integration_name")
    assert update("tags = '[{\"Key\":\"b\",\"Value\":\"\"}]'", "CreateTags", "DeleteTags")["Tags"] == tags(b="")
    update("tags = '[{\"key\":\"b\",\"value\":\"\"}]'")
    assert update("tags = NULL", "DeleteTags")["Tags"] == []
    update("tags = '[]'")
    found = update("integration_name = integration_name || '-x', description = upper('d')", "ModifyIntegration")
    assert (found["IntegrationName"], found["Description"]) == ("columns-x", "D")


def test_a_name_that_another_has(sandbox, iql, calls):
    create(sandbox, "taken")
    arn = create(sandbox, "other", TagList=tags(a="1"))
    place = f"WHERE region = 'us-east-1' AND Identifier = '{arn}'"
    said = refused(iql, f"UPDATE {TABLE} SET IntegrationName = 'taken' {place}")
    assert "taken" in said and one(sandbox, "other")["Tags"] == tags(a="1")
    assert calls() == ["ModifyIntegration"]


def test_one_name_for_two(sandbox, iql, calls):
    """That cannot be, and is said before anything is sent."""
    arns = [create(sandbox, name) for name in ("two-1", "two-2")]
    listed = ", ".join(text(arn) for arn in arns)
    place = f"WHERE region = 'us-east-1' AND Identifier IN ({listed})"
    said = refused(iql, f"UPDATE {TABLE} SET IntegrationName = 'one' {place}")
    assert said.startswith("error: two-") and "would have the same `IntegrationName` `one`\n  nothing was sent" in said
    assert calls() == [] and named(sandbox, "one") == []


def test_a_tag_without_a_value(sandbox, iql, calls):
    """Its value is empty, and the same again is no change."""
    arn = create(sandbox, "bare")
    sql = f"UPDATE {TABLE} SET tags = '[{{\"Key\":\"a\"}}]' WHERE region = 'us-east-1' AND Identifier = '{arn}'"
    assert report(iql, sql) == "changed: bare (CreateTags)\n"
    assert calls() == ["CreateTags"]
    assert report(iql, sql) == "unchanged: bare\n"
    assert calls() == []
    assert one(sandbox, "bare")["Tags"] == tags(a="")


def test_rows_that_are_named_need_no_agreement(sandbox, iql, calls):
    arns = [create(sandbox, f"gone-{number}") for number in (1, 2, 3)]
    several = f"DELETE FROM {TABLE} WHERE region = 'us-east-1' AND integration_name LIKE 'gone-%'"
    said = refused(iql, several)
    assert said.startswith("error: the DELETE is about 3 rows, and nobody has agreed to that\n") and calls() == []
    assert all(arn in said for arn in arns)
    listed = ", ".join(text(arn) for arn in arns[:2])
    said = report(iql, f"DELETE FROM {TABLE} WHERE region = 'us-east-1' AND Identifier IN ({listed})")
    assert sorted(said.removeprefix("deleted: ").strip().split(", ")) == ["gone-1", "gone-2"]
    assert calls() == ["DeleteIntegration"] * 2
    assert named(sandbox, "gone-1") == named(sandbox, "gone-2") == []
    # One of three is left: it is one row, and asks for nothing.
    assert report(iql, several) == "deleted: gone-3\n"


def test_exec_of_every_method(sandbox, iql, calls):
    body = json.dumps({"TargetArn": target(), "Tags": tags(a="it's")})
    sql = f"""EXEC /*+ SHOWRESULTS */ {TABLE}.create_resource @region = 'us-east-1', @SourceArn = '{source("exec")}',
        @IntegrationName = 'exec' @@json = {text(body)}"""
    (row,) = written(iql, sql)
    arn, place = row["integration_arn"], f"@region = 'us-east-1', @Identifier = '{row['integration_arn']}'"
    assert calls() == ["CreateIntegration"] and one(sandbox, "exec")["Tags"] == tags(a="it's")
    expected = agree(sandbox, iql, arn)
    get = f"EXEC {TABLE}.get_resource {place}"
    assert iql.rows(get) == [expected]
    listed = f"EXEC {TABLE}.list_resources @region = 'us-east-1'"
    assert arn in {row["integration_arn"] for row in iql.rows(listed)}
    assert iql.rows(f"SELECT e.IntegrationName FROM ({get}) e") == [{"IntegrationName": "exec"}]
    joined = f"""SELECT i.integration_name, e.source_arn FROM {NATIVE} i JOIN ({listed}) e
        ON e.integration_arn = i.integration_arn WHERE i.region = 'us-east-1' AND i.integration_name = 'exec'"""
    assert iql.rows(joined) == [{"integration_name": "exec", "source_arn": source("exec")}]
    calls()
    change = text(json.dumps(patch("replace", Tags=tags(b="2"))))
    report(iql, f"EXEC {TABLE}.update_resource {place}, @PatchDocument = {change}")
    assert calls() == ["CreateTags", "DeleteTags"] and one(sandbox, "exec")["Tags"] == tags(b="2")
    assert report(iql, f"EXEC {TABLE}.delete_resource {place}") == "deleted: exec\n"
    assert calls() == ["DeleteIntegration"] and named(sandbox, "exec") == []


def test_what_others_made_is_changed_and_deleted(sandbox, iql, calls):
    code, out, err = sandbox.aws(
        "create-integration", "--integration-name", "by-cli", "--source-arn", source("by-cli"),
        "--target-arn", target(), "--kms-key-id", ALIAS, "--additional-encryption-context", "k=v",
        "--tag-list", "Key=a,Value=1", "Key=b,Value=",
    )  # fmt: skip
    assert code == 0, err
    arn = out["IntegrationArn"]
    agree(sandbox, iql, arn)
    change = patch("add", IntegrationName="by-iql", Tags=tags(b="", c="3"))
    report(iql, filled(UPDATE, patch=change, region="us-east-1", integration_arn=arn))
    found = by_cli(sandbox, arn)
    assert (found["IntegrationName"], found["Tags"]) == ("by-iql", tags(b="", c="3"))
    assert (found["KMSKeyId"], found["AdditionalEncryptionContext"]) == (out["KMSKeyId"], {"k": "v"})
    code, _, err = sandbox.aws("delete-integration", "--integration-arn", arn)
    assert code == 0, err
    calls()
    assert report(iql, filled(DELETE, integration_arn=arn)).startswith("already gone: ") and calls() == []


def insert(*names, more=""):
    rows = [f"('{name}', '{source(name)}', '{target()}', 'us-east-1')" for name in names]
    return f"INSERT INTO {TABLE} (IntegrationName, SourceArn, TargetArn, region) VALUES {', '.join(rows)} {more}"


@pytest.mark.parametrize("more, codes", [("", [0, 1]), ("ON CONFLICT DO NOTHING", [0, 0])])
def test_two_insert_the_same_at_once(sandbox, iql, more, codes):
    sandbox.fault({"latency": {"milliseconds": 200}})
    both = [iql.start(insert("twin", more=more)) for _ in range(2)]
    said = [process.communicate(timeout=20)[1].decode() for process in both]
    assert sorted(process.returncode for process in both) == codes, said
    assert len(named(sandbox, "twin")) == 1
    assert sum(text.startswith("inserted: twin") for text in said) == 1
    other = next(text for text in said if not text.startswith("inserted: "))
    assert other.startswith("already there: twin\n" if more else "error: "), other


def test_two_insert_one_of_a_generated_name_at_once(sandbox, iql):
    sandbox.fault({"latency": {"milliseconds": 200}})
    sql = filled(INSERT_REQUIRED, source_arn=source("same"), target_arn=target(), region="us-east-1")
    both = [iql.start(sql) for _ in range(2)]
    for process in both:
        process.communicate(timeout=20)
    assert sorted(process.returncode for process in both) == [0, 1]
    assert sum(row["source_arn"] == source("same") for row in integrations(sandbox, ["us-east-1"]).values()) == 1


def test_a_kill_in_the_midst(sandbox, iql, calls):
    """Run again, what was made before is skipped, and there is each once."""
    names = [f"kill-{number}" for number in range(12)]
    sandbox.fault({"latency": {"milliseconds": 300}}, action="CreateIntegration")
    process = iql.start(insert(*names))
    start = time.monotonic()
    while len(sandbox.control("GET", "requests")) < 5:
        assert time.monotonic() - start < 10
        time.sleep(0.01)
    process.kill()
    process.communicate()
    sandbox.control("DELETE", "faults")
    rows = integrations(sandbox, ["us-east-1"]).values()
    assert 1 <= sum(row["integration_name"] in names for row in rows) < len(names)
    said = report(iql, insert(*names, more="ON CONFLICT DO NOTHING"))
    assert "inserted: " in said and "already there: " in said
    rows = integrations(sandbox, ["us-east-1"]).values()
    assert sorted(row["integration_name"] for row in rows if row["integration_name"] in names) == sorted(names)


LOST = [
    ("lost", 1),
    ({"cut": {"at": {"fraction": 0.5}, "length": "whole"}}, 1),
    ("reset", 2),
    ("wrong_shape", 2),
    ({"server_error": {"status": 500}}, 2),
]


@pytest.mark.parametrize("fault, creations", LOST, ids=str)
def test_an_answer_that_is_lost(sandbox, iql, calls, fault, creations):
    """Whether it was done or not, the statement ends well, and all is there once."""

    def trouble(action):
        sandbox.fault(fault, action=action, times=1)
        calls()

    trouble("CreateIntegration")
    columns = "(IntegrationName, SourceArn, TargetArn, Tags, region)"
    values = f"{text('lost')}, {text(source('lost'))}, {text(target())}, {text(json.dumps(tags(a='1')))}, 'us-east-1'"
    sql = f"INSERT INTO {TABLE} {columns} VALUES ({values})"
    (row,) = written(iql, f"{sql} RETURNING integration_arn, tags")
    assert calls() == ["CreateIntegration"] * creations
    made = one(sandbox, "lost")
    arn = made["IntegrationArn"]
    assert row == {"integration_arn": arn, "tags": [{"key": "a", "value": "1"}]} and made["Tags"] == tags(a="1")
    place = f"WHERE region = 'us-east-1' AND Identifier = '{arn}'"
    for action, sets, wire, expected in (
        ("ModifyIntegration", "description = 'new'", "Description", "new"),
        ("ModifyIntegration", "IntegrationName = 'lost-2'", "IntegrationName", "lost-2"),
        ("CreateTags", "tags = '[{\"Key\":\"a\",\"Value\":\"2\"}]'", "Tags", tags(a="2")),
        ("DeleteTags", "tags = NULL", "Tags", []),
    ):
        trouble(action)
        said = report(iql, f"UPDATE {NATIVE} SET {sets} {place}")
        assert said.startswith("changed: lost") and action in said
        assert set(calls()) == {action}
        assert by_cli(sandbox, arn)[wire] == expected
    trouble("DeleteIntegration")
    assert report(iql, f"DELETE FROM {TABLE} {place}") == "deleted: lost-2\n"
    assert named(sandbox, "lost-2") == []


def test_throttled_writes(sandbox, iql):
    sandbox.fault({"throttle": {"rate": 20, "burst": 2}})
    names = [f"many-{number}" for number in range(30)]
    report(iql, insert(*names))
    sandbox.control("DELETE", "faults")
    rows = integrations(sandbox, ["us-east-1"]).values()
    assert sorted(row["integration_name"] for row in rows if row["integration_name"] in names) == sorted(names)

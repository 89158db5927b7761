"""Random SELECTs give what SQLite gives over the same rows.

IQL_SEED chooses other statements, and IQL_STATEMENTS how many each test takes:
IQL_SEED=7 IQL_STATEMENTS=2000 tests/clients/run PROGRAM -k sqlite
"""

import collections
import json
import os
import random
import sqlite3

import pytest
from test_rows import AWS, CLUSTERS, documented, words

SEED = int(os.environ.get("IQL_SEED", "1"))
STATEMENTS = int(os.environ.get("IQL_STATEMENTS", "50"))
# Statements of one `iql exec`.
BATCH = 25

REGIONS = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-northeast-1", "us-east-2", "ca-central-1"]
CONFIG = """\
[profile prod]
aws_access_key_id = prod
aws_secret_access_key = sandbox
[profile dev]
aws_access_key_id = dev
aws_secret_access_key = sandbox
"""
NESTED = ["errors", "tags", "additional_encryption_context"]
ABSENT = "arn:aws:redshift:us-east-1:111122223333:integration:00000000-0000-0000-0000-000000000000"

# The columns that conditions are about, and what else they are called.
COLUMNS = {
    "integrations": {
        "integration_arn": ["Identifier", "IntegrationArn", "data__Identifier"],
        "integration_name": ["IntegrationName", "INTEGRATION_NAME"],
        "source_arn": ["SourceArn"],
        "target_arn": ["TargetArn"],
        "status": ["Status", '"Status"'],
        "description": ["Description"],
        "kms_key_id": ["KMSKeyId"],
        "region": ["REGION"],
    },
    "clusters": {
        "cluster_identifier": ["ClusterIdentifier"],
        "cluster_namespace_arn": ["ClusterNamespaceArn"],
        "endpoint_address": [],
        "cluster_status": ["ClusterStatus"],
        "region": ["REGION"],
    },
}

# Conditions by how often they are taken.
CONDITIONS = {
    "{column} = {value}": 24,
    "{value} = {column}": 4,
    "{column} <> {value}": 2,
    "{column} < {value}": 2,
    "{column} >= {value}": 2,
    "{column} IN ({values})": 18,
    "{column} NOT IN ({values})": 7,
    "{column} IS NULL": 5,
    "{column} IS NOT NULL": 5,
    "{column} LIKE {pattern}": 7,
    "(CASE WHEN {column} = {value} THEN true ELSE false END)": 3,
    "(CASE WHEN {column} = {value} THEN true ELSE true END)": 3,
    "(CASE WHEN {column} = {value} THEN true ELSE NULL END)": 3,
    "coalesce({column}, {value}) = {value}": 6,
    "({column} = {value}) IS NOT TRUE": 6,
    "nullif({column}, {column}) = {column}": 4,
    "true": 1,
    "false": 1,
    "NULL": 1,
    "NULL = 'x'": 1,
}

# `unlimited` is the statement without the LIMIT that leaves open which rows it takes.
Statement = collections.namedtuple("Statement", "text ordered unlimited", defaults=(False, None))


def quoted(value):
    return "'" + value.replace("'", "''") + "'"


class Grammar:
    """Each method writes a phrase of its kind."""

    def __init__(self, seed, tables, profiles):
        self.random = random.Random(seed)
        self.tables = tables
        self.profiles = profiles
        self.regions = REGIONS

    def chance(self, probability):
        return self.random.random() < probability

    def choose(self, weights):
        [choice] = self.random.choices(list(weights), list(weights.values()))
        return choice

    def some(self, values, least=1):
        return self.random.sample(values, self.random.randint(least, len(values)))

    # Values and columns

    def value(self, table, column):
        """Mostly one that a row in the regions has."""
        rows = [row for row in self.tables[table] if row["region"] in self.regions] or self.tables[table]
        value = self.random.choice(rows)[column] or "none"
        if not self.chance(0.06):
            return value
        return ABSENT if column == "integration_arn" else self.random.choice(["", "zzz", value.upper()])

    def values(self, table, column):
        values = [quoted(self.value(table, column)) for _ in range(self.random.choice([1, 1, 2, 3, 4, 7]))]
        if self.chance(0.2):
            values.append("NULL")
        if self.chance(0.2):
            values.append(values[0])
        return ", ".join(values)

    def pattern(self, table, column):
        value = self.value(table, column).replace("%", "").replace("_", "")
        return quoted(value[: self.random.randint(0, len(value))] + "%")

    def name(self, table, column):
        others = COLUMNS[table][column]
        return self.random.choice(others) if others and self.chance(0.3) else column

    # Conditions

    def simple(self, table, alias, derived):
        column = self.random.choice(list(COLUMNS[table]))
        return self.choose(CONDITIONS).format(
            column=alias + (column if derived else self.name(table, column)),
            value=quoted(self.value(table, column)),
            values=self.values(table, column),
            pattern=self.pattern(table, column),
        )

    def condition(self, depth, table="integrations", alias="", derived=False):
        """What is derived, a subquery, has only the documented names."""
        if depth == 0 or self.chance(0.25):
            return self.simple(table, alias, derived)
        first = self.condition(depth - 1, table, alias, derived)
        operator = self.choose({"NOT": 15, "AND": 40, "OR": 45})
        if operator == "NOT":
            return f"NOT ({first})"
        return f"({first} {operator} {self.condition(depth - 1, table, alias, derived)})"

    def bound(self, alias=""):
        """What binds the params."""
        either = " OR ".join(f"{alias}region = {quoted(region)}" for region in self.regions)
        bound = self.random.choice([f"{alias}region IN {words(self.regions)}", f"({either})"])
        return f"{bound} AND {alias}profile IN {words(self.profiles)}" if len(self.profiles) > 1 else bound

    def where(self, depth):
        first = f"{self.bound()} AND {self.condition(depth)}"
        return f"({first}) OR ({self.bound()} AND {self.condition(2)})" if self.chance(0.25) else first

    # Statements

    def statement(self):
        self.regions = self.random.sample(REGIONS, self.random.choice([1, 1, 2, 3]))
        kinds = {
            self.filtered: 45,
            self.limited: 15,
            self.joined: 20,
            self.among: 8,
            self.correlated: 6,
            self.combined: 6,
        }
        return self.choose(kinds)()

    def filtered(self):
        distinct = self.random.choice(["", "", "DISTINCT "])
        columns = ", ".join(self.some(["integration_arn", "status", "region"]))
        where = self.where(self.random.choice([1, 2, 3, 3]))
        return Statement(f"SELECT {distinct}{columns} FROM aws.redshift.integrations WHERE {where}")

    def limited(self):
        text = f"SELECT integration_arn, region FROM aws.redshift.integrations WHERE {self.where(2)}"
        limit = f" LIMIT {self.random.choice([0, 1, 5, 30, 150])} OFFSET {self.random.choice([0, 0, 3, 40, 120])}"
        if self.chance(0.5):
            return Statement(f"{text} ORDER BY integration_arn{limit}", ordered=True)
        return Statement(text + limit, unlimited=text)

    def joined(self):
        join = self.random.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        on = "a.target_arn = b.cluster_namespace_arn"
        if self.chance(0.5):
            on += " AND a.region = b.region"
        if self.chance(0.5):
            on += f" AND {self.of_either()}"
        return Statement(
            "SELECT a.integration_arn, a.status, b.cluster_identifier, b.endpoint_port"
            f" FROM (SELECT * FROM aws.redshift.integrations WHERE {self.bound()}) a"
            f" {join} (SELECT * FROM aws.redshift.clusters WHERE {self.bound()}) b ON {on} WHERE {self.of_either()}"
        )

    def of_either(self):
        table, alias = self.random.choice([("integrations", "a."), ("clusters", "b.")])
        return self.condition(1, table, alias, derived=True)

    def among(self):
        column = self.random.choice(["source_arn", "target_arn", "status", "kms_key_id", "description"])
        inner = f"SELECT {column} FROM aws.redshift.integrations WHERE {self.bound()} AND {self.condition(1)}"
        return Statement(
            "SELECT a.integration_arn, a.region FROM aws.redshift.integrations a"
            f" WHERE {self.bound('a.')} AND a.{column} {self.random.choice(['IN', 'NOT IN'])} ({inner})"
        )

    def correlated(self):
        inner = (
            f"SELECT 1 FROM aws.redshift.integrations b WHERE {self.bound('b.')} AND b.target_arn = a.target_arn"
            f" AND b.integration_arn <> a.integration_arn AND {self.condition(1, alias='b.')}"
        )
        return Statement(
            "SELECT a.integration_arn FROM aws.redshift.integrations a"
            f" WHERE {self.bound('a.')} AND {self.random.choice(['EXISTS', 'NOT EXISTS'])} ({inner})"
        )

    def combined(self):
        side = "SELECT status, region FROM aws.redshift.integrations WHERE"
        operator = self.random.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"])
        return Statement(f"{side} {self.where(1)} {operator} {side} {self.where(1)}")

    # Joins that merge columns

    def relation(self, shared):
        """A subquery and its columns, among them the shared one."""
        self.regions = self.random.sample(REGIONS[:5], 2)
        if self.chance(0.6):
            table, others = "integrations", ["status", "source_arn", "integration_name", "integration_arn"]
            condition = f" AND status IN {words(self.random.sample(['failed', 'needs_attention', 'modifying'], 2))}"
        else:
            table, others, condition = "clusters", ["cluster_identifier", "cluster_status"], ""
        others += [column for column in ("region", "target_arn") if column != shared]
        columns = [shared, *self.random.sample(others, self.random.choice([1, 2]))]
        self.random.shuffle(columns)
        selected = []
        for column in columns:
            own = "cluster_namespace_arn" if (table, column) == ("clusters", "target_arn") else column
            name = self.name(table, own)
            selected.append(column if name == column else f"{name} AS {column}")
        return f"(SELECT {', '.join(selected)} FROM aws.redshift.{table} WHERE {self.bound()}{condition})", columns

    def chain(self):
        """Two or three relations, by NATURAL or USING; only what is not ambiguous is selected."""
        shared = self.random.choice(["target_arn", "region"])
        relation, names = self.relation(shared)
        chain = f"{relation} r1"
        for alias in self.random.choice([["r2"], ["r2", "r3"]]):
            relation, columns = self.relation(shared)
            join = self.random.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
            merged = [column for column in columns if column in names]
            if all(names.count(column) == 1 for column in merged) and self.chance(0.5):
                chain += f" NATURAL {join} {relation} {alias}"
            else:
                others = [column for column in merged if column != shared and names.count(column) == 1]
                merged = [shared, *self.some(others, least=0)]
                chain += f" {join} {relation} {alias} USING ({', '.join(merged)})"
            names = names + [column for column in columns if column not in merged]
        single = [name for name in names if names.count(name) == 1]
        where = group = ""
        if self.chance(0.5):
            test = self.random.choice(["IS NULL", "IS NOT NULL", "<> 'us-east-1'"])
            where = f" WHERE {self.random.choice(single)} {test}"
        if self.chance(0.3):
            column = self.random.choice(single)
            selected, group = f"{column}, count(*) AS n", f" GROUP BY {column}"
        elif len(single) == len(names) and self.chance(0.4):
            selected = "*"
        else:
            selected = ", ".join(self.some(single))
        return Statement(f"SELECT {selected} FROM {chain}{where}{group}")


def estate(sandbox, profiles):
    """boto3's rows of both tables."""

    def rows(call, member, columns):
        plain = {name: wire for name, wire in columns.items() if name not in NESTED}
        return [
            documented(row, plain, region) | {"profile": profile}
            for profile in profiles
            for region in REGIONS
            for page in sandbox.client(profile, region).get_paginator(call).paginate()
            for row in page[member]
        ]

    return {
        "integrations": rows("describe_integrations", "Integrations", AWS),
        "clusters": rows("describe_clusters", "Clusters", CLUSTERS),
    }


def oracle(tables):
    """SQLite with the same rows, under every name that columns have."""
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA case_sensitive_like = ON")
    for table, rows in tables.items():
        columns = list(rows[0])
        others = [
            f"{name} GENERATED ALWAYS AS ({column})"
            for column, names in COLUMNS[table].items()
            for name in names
            if name.strip('"').lower() != column
        ]
        database.execute(f"CREATE TABLE {table} ({', '.join(columns + others)})")
        marks = ", ".join("?" * len(columns))
        database.executemany(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", [list(row.values()) for row in rows]
        )
    return database


def ask(database, text):
    """What differs between the dialects is the name of a table."""
    cursor = database.execute(text.replace("aws.redshift.", ""))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor]


def answers(iql, statements):
    """The rows of each statement, of one process."""
    script = iql.home / "statements.sql"
    script.write_text(";\n".join(statement.text for statement in statements))
    code, out, err = iql.run("--quiet", "-o", "json", "-i", str(script))
    found, decoder = [], json.JSONDecoder()
    try:
        while out := out.lstrip():
            rows, end = decoder.raw_decode(out)
            found.append(rows)
            out = out[end:]
    except json.JSONDecodeError:
        assert code != 0
    if (code, len(found)) != (0, len(statements)):
        pytest.fail(f"exit code {code}: {err}{statements[min(len(found), len(statements) - 1)].text}", pytrace=False)
    return found


def compare(statement, found, database):
    expected = ask(database, statement.text)
    possible = expected if statement.unlimited is None else ask(database, statement.unlimited)

    def lines(rows):
        return [json.dumps(row, sort_keys=True, ensure_ascii=False) for row in rows]

    def first(these, those):
        return list((collections.Counter(lines(these)) - collections.Counter(lines(those))).elements())[:3]

    surplus = first(found, possible)
    missing = first(expected, found) if statement.unlimited is None else []
    problem = [f"{line} is too much" for line in surplus] + [f"{line} is missing" for line in missing]
    if not problem and len(found) != len(expected):
        problem = [f"{len(found)} rows, not {len(expected)}"]
    if not problem and statement.ordered and lines(found) != lines(expected):
        problem = [f"{one}, not {other}" for one, other in zip(lines(found), lines(expected)) if one != other][:3]
    if problem:
        pytest.fail("\n".join([f"seed {SEED}: {statement.text}", *problem]), pytrace=False)


@pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 39), reason="SQLite has no RIGHT and FULL JOIN")
@pytest.mark.parametrize(
    "write, profiles",
    [(Grammar.statement, ["prod"]), (Grammar.statement, ["prod", "dev"]), (Grammar.chain, ["prod"])],
    ids=["one account", "two accounts", "merged columns"],
)
def test_random_statements(sandbox, iql, write, profiles):
    config = iql.home / "config"
    config.write_text(CONFIG)
    iql.environment["AWS_CONFIG_FILE"] = str(config)
    tables = estate(sandbox, profiles)
    database = oracle(tables)
    grammar = Grammar(f"{SEED} {profiles}", tables, profiles)
    statements = [write(grammar) for _ in range(STATEMENTS)]
    filled = 0
    for start in range(0, STATEMENTS, BATCH):
        batch = statements[start : start + BATCH]
        for statement, found in zip(batch, answers(iql, batch)):
            compare(statement, found, database)
            filled += bool(found)
    # What makes the comparison worth something.
    assert filled > STATEMENTS / 4

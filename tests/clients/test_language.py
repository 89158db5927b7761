"""Random SELECTs of the language's width give what SQLite gives over the same rows: JSON functions and json_each, text
functions, aggregates, windows, CTEs, derived tables, subqueries, set operations, recursion.

IQL_SEED chooses other statements, and IQL_STATEMENTS how many: IQL_SEED=7 IQL_STATEMENTS=4000 tests/clients/run PROGRAM
-k language
"""

import collections
import json
import sqlite3

import pytest
from test_rows import AWS, CLUSTERS, documented
from test_sqlite import BATCH, REGIONS, SEED, STATEMENTS, Grammar, answers, ask, quoted

NESTED = ["errors", "tags", "additional_encryption_context"]
TABLE = "aws.redshift.integrations"
TEXTS = ["integration_arn", "integration_name", "source_arn", "target_arn", "status", "description", "region"]

Statement = collections.namedtuple("Statement", "text ordered unlimited", defaults=(False, None))


class Language(Grammar):
    """Phrases over one row source, whose columns are called by its alias."""

    def text(self, alias):
        """An expression of text."""
        column = alias + self.random.choice(TEXTS)
        return self.choose(
            {
                column: 30,
                f"upper({column})": 4,
                f"lower({column})": 4,
                f"substr({column}, {self.random.randint(1, 9)}, {self.random.randint(0, 20)})": 6,
                f"replace({column}, {quoted(self.random.choice(['-', 'a', 'arn:', 'zz']))}, 'é')": 5,
                f"trim({column}, 'arn:')": 3,
                f"ltrim({column}, 'abcdefgh')": 3,
                f"rtrim({column}, '0123456789-')": 4,
                f"coalesce({alias}description, {column})": 5,
                f"nullif({column}, {alias}status)": 4,
                f"ifnull({alias}kms_key_id, 'none')": 3,
                f"{column} || '/' || {alias}region": 5,
                f"CASE WHEN {self.truth(alias)} THEN {column} ELSE {alias}status END": 5,
                f"{self.json(alias)}": 25,
            }
        )

    def json(self, alias):
        """An expression of JSON, or of a value out of it."""
        at = self.random.choice(["[0]", "[1]", "[#-1]", "[7]"])
        member = self.random.choice(["key", "value", "nothing"])
        tags, path = f"{alias}tags", quoted(f"${at}.{member}")
        return self.choose(
            {
                f"json_extract({tags}, {path})": 12,
                f"json_extract({tags}, '${at}')": 4,
                f"json_extract({tags}, {path}, '$[0].value')": 3,
                f"json_extract({alias}errors, '$[0].error_code')": 3,
                f"json_extract({alias}additional_encryption_context, {quoted(self.random.choice(['$', '$.app', '$.department']))})": 3,
                f"{tags} ->> {path}": 5,
                f"{tags} -> {self.random.choice([0, 1, 2])}": 4,
                f"{tags} -> 0 ->> {quoted(member)}": 4,
                f"json_type({tags}, {quoted('$' + at)})": 4,
                f"json_array({alias}status, {alias}description, json_array_length({tags}), NULL)": 4,
                f"json_object('n', {alias}integration_name, 'first', json_extract({tags}, '$[0]'))": 4,
                f"json_object('v', json_extract({tags}, {path}), 'c', json_array(json_array_length({tags})))": 3,
                f"json_quote({alias}description)": 3,
                f"json(json_array({alias}region, json({quoted('[1, 2.50, null]')})))": 2,
            }
        )

    def number(self, alias):
        column = alias + self.random.choice(TEXTS)
        return self.choose(
            {
                f"length({column})": 8,
                f"instr({column}, {quoted(self.random.choice(['-', ':', 'a', 'zz']))})": 5,
                f"json_array_length({alias}tags)": 10,
                f"json_array_length({alias}errors)": 4,
                f"json_array_length({alias}tags, '$[0]')": 2,
                f"length({column}) % 7": 4,
                f"length({column}) * 2 - json_array_length({alias}tags)": 4,
                f"abs(json_array_length({alias}tags) - 3)": 2,
                f"coalesce(length({alias}description), -1)": 4,
            }
        )

    def truth(self, alias):
        number = self.random.choice(["json_array_length({0}tags)", "length({0}integration_name) % 5"]).format(alias)
        return self.choose(
            {
                self.simple("integrations", alias, derived=True): 10,
                f"{number} {self.random.choice(['=', '<>', '<', '>='])} {self.random.randint(0, 5)}": 8,
                f"json_extract({alias}tags, '$[0].key') = {quoted(self.random.choice(['env', 'owner', 'team']))}": 5,
                f"{alias}tags ->> '$[0].key' IN ('env', 'cost-center')": 4,
                f"'env' = {alias}tags -> 0 ->> 'key'": 3,
                f"json_extract({alias}tags, '$[1].value') IS NULL": 4,
                f"json_extract({alias}tags, '$[0].value') LIKE {quoted(self.random.choice(['p%', '%a%', '']))}": 3,
                f"json_array_length({alias}tags) BETWEEN 1 AND {self.random.randint(1, 5)}": 3,
                f"json_type({alias}tags, '$[2]') IS NOT NULL": 2,
            }
        )

    def any(self, alias):
        return self.number(alias) if self.chance(0.35) else self.text(alias)

    def selected(self, alias, count=None):
        count = count or self.random.randint(1, 4)
        return ", ".join(f"{self.any(alias)} AS c{number}" for number in range(1, count + 1))

    def filter(self, alias):
        return f"{self.bound(alias)} AND {self.truth(alias)}" if self.chance(0.6) else self.bound(alias)

    # Statements

    def statement(self):
        self.regions = self.random.sample(REGIONS, self.random.choice([1, 1, 2]))
        kinds = {
            self.plain: 20,
            self.ordered: 10,
            self.items: 20,
            self.grouped: 15,
            self.grouped_items: 12,
            self.windowed: 14,
            self.common: 12,
            self.derived: 8,
            self.scalar: 8,
            self.set: 8,
            self.recursive: 4,
        }
        return self.choose(kinds)()

    def plain(self):
        distinct = self.random.choice(["", "DISTINCT "])
        return Statement(f"SELECT {distinct}{self.selected('a.')} FROM {TABLE} a WHERE {self.filter('a.')}")

    def ordered(self):
        limit = self.random.choice([f"LIMIT {self.random.randint(0, 40)} OFFSET {self.random.randint(0, 9)}", "LIMIT 2, 5"])
        order = self.random.choice(["a.integration_name DESC, a.integration_arn", "length(a.source_arn), a.integration_arn DESC"])
        text = f"SELECT {self.selected('a.')} FROM {TABLE} a WHERE {self.filter('a.')} ORDER BY {order} {limit}"
        return Statement(text, ordered=True)

    def items(self):
        """Rows of items, of one table function or of two."""
        column = self.random.choice(["tags", "tags", "errors", "additional_encryption_context"])
        each = self.random.choice(["e.key", "e.value", "e.type", "e.atom", "e.id", "e.fullkey", "e.path", "json_extract(e.value, '$.key')"])
        if column == "additional_encryption_context" and each.startswith("json"):
            each = "e.key || e.value"
        source = self.choose(
            {
                f"{TABLE} a, json_each(a.{column}) AS e": 5,
                f"{TABLE} a JOIN json_each(a.{column}) e ON true": 2,
                f"{TABLE} a LEFT JOIN json_each(a.{column}) e ON true": 4,
                f"{TABLE} a, json_tree(a.{column}) AS e": 2,
            }
        )
        if "tree" in source:
            each = self.random.choice(["e.fullkey", "e.parent", "e.type", "e.atom"])
        if column != "additional_encryption_context" and "tree" not in source and "LEFT" not in source and self.chance(0.3):
            source += ", json_each(e.value) AS f"
            each += " AS c1, f.key AS c2, f.value"
        condition = self.choose({f"{self.truth('a.')}": 5, "e.key = 0": 3, "e.type <> 'text'": 2, "e.value IS NOT NULL": 3})
        return Statement(f"SELECT {each} AS c0, {self.any('a.')} AS c9 FROM {source} WHERE {self.bound('a.')} AND {condition}")

    def grouped(self):
        key = self.any("a.")
        having = self.choose({"": 5, " HAVING count(*) > 1": 3, f" HAVING max({self.number('a.')}) > 10": 2})
        return Statement(
            f"SELECT {key} AS c0, {self.aggregate('a.')} AS c1, {self.aggregate('a.')} AS c2"
            f" FROM {TABLE} a WHERE {self.filter('a.')} GROUP BY {key}{having}"
        )

    def aggregate(self, alias):
        text, number = alias + self.random.choice(TEXTS), self.number(alias)
        return self.choose(
            {
                "count(*)": 5,
                f"count({text})": 3,
                f"count(DISTINCT {text})": 4,
                f"min({text})": 3,
                f"max({text})": 3,
                f"sum({number})": 5,
                f"max({number})": 3,
                f"count(*) FILTER (WHERE {self.truth(alias)})": 4,
                f"json_array_length(json_group_array({text}))": 4,
                f"length(group_concat({text}, ', '))": 4,
                f"length(group_concat({text}))": 2,
                f"json_array_length(json_group_array(json_object('a', {text})))": 2,
            }
        )

    def grouped_items(self):
        key = "a.integration_arn" if self.chance(0.7) else "a.region"
        value = self.choose(
            {
                "json_extract(json_group_object(e.value ->> 'key', e.value ->> 'value'), '$.env')": 6 if key != "a.region" else 0,
                "count(*)": 4,
                "count(DISTINCT json_extract(e.value, '$.value'))": 4,
                "max(json_extract(e.value, '$.key'))": 4,
                "json_array_length(json_group_array(json_extract(e.value, '$.value')))": 3,
                "length(json_group_array(json(e.value)))": 3,
            }
        )
        return Statement(
            f"SELECT {key} AS c0, {value} AS c1 FROM {TABLE} a, json_each(a.tags) e WHERE {self.filter('a.')} GROUP BY {key}"
        )

    def windowed(self):
        part = self.random.choice(["", "PARTITION BY a.region ", "PARTITION BY a.status "])
        over = f"OVER ({part}ORDER BY a.integration_arn)"
        rows = f"OVER ({part}ORDER BY a.integration_arn ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)"
        window = self.choose(
            {
                f"row_number() {over}": 3,
                f"rank() OVER ({part}ORDER BY a.status, a.source_arn)": 3,
                f"dense_rank() OVER ({part}ORDER BY json_array_length(a.tags))": 3,
                f"lag(a.integration_name) {over}": 3,
                f"lead(a.integration_name, 2, 'none') {over}": 3,
                f"ntile(3) {over}": 2,
                f"first_value(a.integration_name) {over}": 2,
                f"last_value(a.integration_name) {rows}": 2,
                f"sum(json_array_length(a.tags)) {rows}": 3,
                f"count(*) OVER ({part.strip()})": 3,
                f"max({self.number('a.')}) {over}": 2,
            }
        )
        return Statement(f"SELECT a.integration_arn AS c0, {window} AS c1 FROM {TABLE} a WHERE {self.filter('a.')}")

    def common(self):
        first = f"SELECT * FROM {TABLE} a WHERE {self.filter('a.')}"
        second = self.choose(
            {
                f"SELECT region, count(*) AS n, max({self.number('x.')}) AS m FROM x GROUP BY region": 4,
                f"SELECT x.region, {self.number('x.')} AS n, json_array_length(x.tags) AS m FROM x": 4,
                "SELECT a.region, e.id AS n, length(e.value) AS m FROM x a, json_each(a.tags) e": 4,
            }
        )
        return Statement(
            f"WITH x AS ({first}), y AS ({second}) SELECT y.n AS c0, y.m AS c1, {self.text('x.')} AS c2"
            f" FROM x JOIN y ON y.region = x.region WHERE y.n > 0 AND {self.truth('x.')} AND length(x.integration_name) % 4 = 1"
        )

    def derived(self):
        inner = f"SELECT a.*, {self.any('a.')} AS extra FROM {TABLE} a WHERE {self.filter('a.')}"
        return Statement(
            f"SELECT extra AS c0, {self.text('d.')} AS c1, count(*) AS c2 FROM ({inner}) d WHERE {self.truth('d.')} GROUP BY 1, 2"
        )

    def scalar(self):
        inner = self.choose(
            {
                "SELECT count(*)": 3,
                "SELECT max(b.integration_name)": 3,
                f"SELECT sum({self.number('b.')})": 2,
            }
        )
        subquery = f"({inner} FROM {TABLE} b WHERE {self.bound('b.')} AND b.target_arn = a.target_arn AND {self.truth('b.')})"
        return Statement(f"SELECT a.integration_arn AS c0, {subquery} AS c1 FROM {TABLE} a WHERE {self.filter('a.')}")

    def set(self):
        # Texts alone, since a column has one type here.
        sides = [f"SELECT {self.text('a.')} AS c0, a.region AS c1 FROM {TABLE} a WHERE {self.filter('a.')}" for _ in range(2)]
        return Statement(f" {self.random.choice(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT'])} ".join(sides))

    def recursive(self):
        numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {self.random.randint(1, 6)})"
        return Statement(
            f"{numbers} SELECT n.i AS c0, count(*) AS c1, max(a.integration_name) AS c2 FROM n"
            f" JOIN (SELECT * FROM {TABLE} b WHERE {self.filter('b.')}) a ON json_array_length(a.tags) = n.i GROUP BY n.i"
        )


def plain(rows):
    """Rows whose values of JSON, typed there and text here, are compared as text."""

    def text(value):
        if isinstance(value, bool):
            return str(int(value))
        if isinstance(value, (int, float)):
            return f"{value:.12g}"
        return value

    return [json.dumps([text(value) for value in row.values()], ensure_ascii=False) for row in rows]


def oracle(sandbox):
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA case_sensitive_like = ON")
    # SQLite's own know the letters of ASCII alone.
    for name, letters in [("upper", str.upper), ("lower", str.lower)]:
        database.create_function(name, 1, lambda text, letters=letters: text if text is None else letters(text))
    found = {}
    for table, call, member, columns in [
        ("integrations", "describe_integrations", "Integrations", AWS),
        ("clusters", "describe_clusters", "Clusters", CLUSTERS),
    ]:
        rows = [
            documented(row, columns, region)
            for region in REGIONS
            for page in sandbox.client("prod", region).get_paginator(call).paginate()
            for row in page[member]
        ]
        found[table] = [{name: text for name, text in row.items() if name not in NESTED} for row in rows]
        database.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
        compact = [
            [json.dumps(v, separators=(",", ":"), ensure_ascii=False) if name in NESTED else v for name, v in row.items()]
            for row in rows
        ]
        database.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", compact)
    return found, database


def compare(statement, found, database):
    expected, found = plain(ask(database, statement.text)), plain(found)
    if not statement.ordered:
        expected, found = sorted(expected), sorted(found)
    if expected == found:
        return
    surplus = list((collections.Counter(found) - collections.Counter(expected)).elements())[:3]
    missing = list((collections.Counter(expected) - collections.Counter(found)).elements())[:3]
    problem = [f"{line} is too much" for line in surplus] + [f"{line} is missing" for line in missing]
    pytest.fail("\n".join([f"seed {SEED}: {statement.text}", *(problem or ["the order differs"])]), pytrace=False)


@pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 39), reason="SQLite has no `->`")
def test_random_language(sandbox, iql):
    tables, database = oracle(sandbox)
    grammar = Language(f"{SEED} language", tables, ["prod"])
    # Four times as many as of plain statements: there are more kinds.
    statements = [grammar.statement() for _ in range(4 * STATEMENTS)]
    filled = 0
    for start in range(0, len(statements), BATCH):
        batch = statements[start : start + BATCH]
        for statement, found in zip(batch, answers(iql, batch)):
            compare(statement, found, database)
            filled += bool(found)
    assert filled > len(statements) / 3

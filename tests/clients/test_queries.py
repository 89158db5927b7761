"""Thousands of random SELECTs give what SQLite gives, over tables of the session that are made of the sandbox's rows:
joins of every kind, subqueries, set operations, windows, recursion, aggregates, NULLs everywhere, JSON; and over one of
few numbers, of which conditions ask again and again what is true, false and unknown.

One process runs many statements, so that a long run is cheap: IQL_SEED chooses other statements, and IQL_STATEMENTS how
many, of which this takes eight times as many as the other tests.
IQL_SEED=7 IQL_STATEMENTS=500 tests/clients/run PROGRAM -k queries
"""

import collections
import json
import sqlite3

import pytest
from test_language import plain
from test_rows import AWS, documented
from test_sqlite import SEED, STATEMENTS, Grammar, Statement, quoted

REGIONS = ["us-west-2", "eu-west-1"]
# Statements of one `iql exec`.
CHUNK = 200

# What both make their tables of: `source` is the service's rows there and boto3's here.
TABLES = """
CREATE TABLE i AS SELECT integration_arn AS id, integration_name AS name, status, description AS note, region,
  CASE WHEN length(integration_name) % 4 = 0 THEN NULL ELSE length(integration_name) % 7 - 2 END AS n,
  CASE WHEN length(source_arn) % 3 = 0 THEN NULL ELSE length(integration_name) % 5 END AS m,
  CASE WHEN length(integration_name) % 3 = 0 THEN NULL ELSE target_arn END AS target,
  tags, errors, additional_encryption_context AS context
FROM {source};
CREATE TABLE s AS SELECT status AS label, count(*) AS n, CASE WHEN status = 'active' THEN NULL ELSE min(name) END AS name,
  max(m) AS m, min(region) AS region FROM i GROUP BY status;
CREATE TABLE e AS SELECT id AS label, n, name, m, region FROM i WHERE n > 100;
CREATE TABLE v AS SELECT column1 AS k, column2 AS a, column3 AS b, column4 AS c FROM (VALUES {values});
"""
# Each of a few numbers and NULL beside each.
FEW = [None, 0, 1, 2, 3]
VALUES = [(5 * one + other, FEW[one], FEW[other], FEW[(one + 3 * other) % 5]) for one in range(5) for other in range(5)]
VALUES = ", ".join(f"({', '.join('NULL' if value is None else str(value) for value in row)})" for row in VALUES)
SOURCE = "aws.redshift.integrations WHERE region IN ('us-west-2', 'eu-west-1') AND length(integration_name) % 2 = 0"
TEXTS = {"i": ["id", "name", "status", "note", "region", "target"], "s": ["label", "name", "region"], "e": ["label", "name"]}
NUMBERS = {"i": ["n", "m", "n", "m", "json_array_length({0}tags)"], "s": ["n", "m"], "e": ["n", "m"]}
OPERATORS = ["=", "<>", "<", "<=", ">", ">="]


class Queries(Grammar):
    """Phrases over relations: a list of aliases, each with the table whose columns it has."""

    # Expressions

    def one(self, relations):
        alias, table = self.random.choice(relations)
        return alias + ".", table

    def text(self, relations, depth=2):
        alias, table = self.one(relations)
        column = alias + self.random.choice(TEXTS[table])
        if depth == 0:
            return column
        inner = self.text(relations, depth - 1)
        choices = {
            column: 40,
            quoted(self.random.choice(["", "a", "active", "é", "zz", "10", "9"])): 4,
            f"upper({inner})": 4,
            f"lower({inner})": 4,
            f"substr({inner}, {self.random.randint(-12, 12)}, {self.random.randint(-6, 9)})": 6,
            f"substr({inner}, {self.random.randint(-9, 9)})": 4,
            f"replace({inner}, {quoted(self.random.choice(['-', 'a', 'arn:', 'zz']))}, 'é')": 4,
            f"trim({inner}, 'arn:')": 2,
            f"ltrim({inner}, 'abcdefgh')": 2,
            f"coalesce({inner}, {self.text(relations, 0)}, 'none')": 5,
            f"nullif({inner}, {self.text(relations, 0)})": 4,
            f"{inner} || '/' || {self.text(relations, 0)}": 4,
            f"CASE WHEN {self.truth(relations, depth - 1)} THEN {inner} ELSE {self.text(relations, 0)} END": 5,
            f"CASE {inner} WHEN 'active' THEN 'A' WHEN NULL THEN 'B' END": 3,
            f"CAST({self.number(relations, depth - 1)} AS TEXT)": 3,
        }
        if table == "i":
            choices |= {
                f"json_extract({alias}tags, {quoted('$[' + self.random.choice('012') + '].' + self.random.choice(['key', 'value', 'none']))})": 8,
                f"{alias}tags ->> '$[#-1].value'": 3,
                f"json_extract({alias}context, '$.app')": 2,
                f"json_type({alias}tags, '$[{self.random.randint(0, 3)}]')": 2,
                f"(SELECT json_extract(j.value, '$.value') FROM json_each({alias}tags) j WHERE json_extract(j.value, '$.key') = 'env' LIMIT 1)": 4,
                f"(SELECT max(json_extract(j.value, '$.key')) FROM json_each({alias}tags) AS j)": 2,
            }
        return self.choose(choices)

    def number(self, relations, depth=2):
        alias, table = self.one(relations)
        column = (alias + self.random.choice(NUMBERS[table])) if "{" not in (name := self.random.choice(NUMBERS[table])) else name.format(alias)
        column = column.replace("{0}", alias)
        if "json_array_length(" in column and not column.startswith("json"):
            column = f"json_array_length({alias}tags)"
        if depth == 0:
            return column
        inner = self.number(relations, depth - 1)
        choices = {
            column: 40,
            str(self.random.randint(-3, 9)): 5,
            f"({inner} + {self.number(relations, 0)})": 6,
            f"({inner} - {self.number(relations, 0)})": 6,
            f"{inner} * 2": 4,
            f"{inner} % 3": 4,
            f"abs({inner})": 3,
            f"length({self.text(relations, depth - 1)})": 8,
            f"instr({self.text(relations, 0)}, {quoted(self.random.choice(['-', 'a', 'é', 'zz']))})": 4,
            f"coalesce({inner}, {self.random.randint(-1, 3)})": 5,
            f"nullif({inner}, {self.random.randint(0, 3)})": 4,
            f"CASE WHEN {self.truth(relations, depth - 1)} THEN {inner} END": 4,
        }
        if table == "i":
            choices |= {
                f"(SELECT count(*) FROM json_each({alias}tags))": 3,
                f"(SELECT count(*) FROM json_each({alias}tags) AS j WHERE j.key > {inner})": 2,
            }
        return self.choose(choices)

    def truth(self, relations, depth=2):
        text, number = self.text(relations, max(depth - 1, 0)), self.number(relations, max(depth - 1, 0))
        words = [quoted(word) for word in self.random.sample(["active", "failed", "creating", "env", "stock", "", "us-west-2"], 3)]
        numbers = [str(self.random.randint(-2, 6)) for _ in range(3)]
        nulls = ["NULL"] if self.chance(0.3) else []
        negated = self.random.choice(["", "NOT "])
        simple = {
            f"{number} {self.random.choice(OPERATORS)} {self.number(relations, 0)}": 10,
            f"{number} {self.random.choice(OPERATORS)} {self.random.randint(-2, 8)}": 10,
            f"{text} {self.random.choice(OPERATORS)} {self.text(relations, 0)}": 8,
            f"{text} = {words[0]}": 6,
            f"{text} {negated}IN ({', '.join(words + nulls)})": 8,
            f"{number} {negated}IN ({', '.join(numbers + nulls)})": 8,
            f"{text} IS {negated}NULL": 6,
            f"{number} IS {negated}NULL": 5,
            f"{text} {negated}LIKE {quoted(self.random.choice(['%a%', 'a%', '%-%', '_o%', '']))}": 6,
            f"{number} {negated}BETWEEN {self.number(relations, 0)} AND {self.random.randint(0, 9)}": 6,
            self.random.choice(["true", "false", "NULL"]): 1,
        }
        # A number out of JSON, which stays one beside numbers and texts.
        found = f"json_extract(json_object('n', {self.number(relations, 0)}), '$.n')"
        simple |= {
            f"{negated}{found}": 2,
            f"coalesce({found}, {self.number(relations, 0)}) {self.random.choice(OPERATORS)} {self.random.randint(-2, 8)}": 2,
            f"nullif({found}, {self.random.randint(-1, 4)}) {self.random.choice(OPERATORS)} {self.random.randint(-2, 8)}": 2,
            f"iif({number} > 1, {found}, {self.random.randint(0, 3)}) {negated}IN ({', '.join(numbers)})": 2,
            f"CASE {found} WHEN 1 THEN 'a' WHEN {self.random.randint(0, 3)} THEN 'b' ELSE {text} END {self.random.choice(OPERATORS)} 'a'": 2,
            f"coalesce({found}, {text}) {self.random.choice(OPERATORS)} coalesce({found}, {self.text(relations, 0)})": 2,
        }
        if depth == 0:
            return self.choose(simple)
        first, second = self.truth(relations, depth - 1), self.truth(relations, depth - 1)
        alias, table = self.one(relations)
        combined = {f"NOT ({first})": 8, f"({first} AND {second})": 14, f"({first} OR {second})": 14}
        if table == "i":
            combined |= {
                f"{negated}EXISTS (SELECT 1 FROM json_each({alias}tags) j WHERE json_extract(j.value, '$.key') = {quoted(self.random.choice(['env', 'owner', 'team']))})": 3,
                f"'env' {negated}IN (SELECT json_extract(value, '$.key') FROM json_each({alias}tags))": 3,
                f"{alias}n {negated}IN (SELECT json_array_length({alias}tags) - key FROM json_each({alias}tags))": 2,
            }
        return self.choose(simple | combined)

    def subquery_truth(self, relations):
        """A condition with a subquery of a table."""
        alias, table = self.one(relations)
        inner, of = self.random.choice([("x", "i"), ("x", "s"), ("x", "s"), ("x", "e")])
        within = [(inner, of)]
        same = f"{inner}.region = {alias}region" if of != "e" and table != "e" else f"{inner}.n = {alias}n"
        negated = self.random.choice(["", "NOT "])
        text = self.random.choice(TEXTS[table])
        other = self.random.choice(TEXTS[of])
        return self.choose(
            {
                f"{alias}n {negated}IN (SELECT {inner}.{self.random.choice('nm')} FROM {of} {inner} WHERE {self.truth(within, 1)})": 10,
                f"{alias}{text} {negated}IN (SELECT {inner}.{other} FROM {of} {inner})": 6,
                f"{alias}n {negated}IN (SELECT {inner}.m FROM {of} {inner} WHERE {same})": 5,
                f"{negated}EXISTS (SELECT 1 FROM {of} {inner} WHERE {same} AND {self.truth(within, 1)})": 8,
                f"{negated}EXISTS (SELECT 1 FROM {of} {inner} WHERE {self.truth(within, 1)})": 3,
                f"{alias}n {self.random.choice(OPERATORS)} (SELECT {self.random.choice(['max', 'min', 'count', 'sum'])}({inner}.m) FROM {of} {inner} WHERE {same})": 8,
                f"{alias}n {self.random.choice(OPERATORS)} (SELECT max({inner}.n) FROM {of} {inner})": 5,
            }
        )

    def filter(self, relations):
        condition = self.subquery_truth(relations) if self.chance(0.25) else self.truth(relations)
        if self.chance(0.15):
            condition = f"({self.truth(relations)}) {self.random.choice(['AND', 'OR'])} {condition}"
        return f" WHERE {condition}" if self.chance(0.7) else ""

    def any(self, relations):
        return self.number(relations) if self.chance(0.4) else self.text(relations)

    def selected(self, relations, least=1):
        return ", ".join(f"{self.any(relations)} AS c{at}" for at in range(self.random.randint(least, 4)))

    # FROM

    def source(self):
        """A FROM and its relations."""
        kind = self.choose({"plain": 25, "join": 40, "comma": 5, "items": 14, "derived": 12, "two": 10})
        if kind == "plain":
            table = self.random.choice(["i", "i", "s", "e"])
            return f"{table} a", [("a", table)]
        if kind == "derived":
            inner = f"SELECT {self.random.choice(['', 'DISTINCT '])}* FROM s x{self.filter([('x', 's')])}"
            return f"({inner}) a", [("a", "s")]
        if kind == "items":
            join = self.random.choice(["i a, json_each(a.tags) j", "i a JOIN json_each(a.tags) j ON true", "i a, json_each(a.tags) j JOIN s b ON b.n > j.key"])
            return join, [("a", "i"), ("b", "s")] if " b " in join else [("a", "i")]
        one, other = self.random.choice([("i", "s"), ("s", "i"), ("s", "s"), ("i", "e"), ("s", "e"), ("e", "s")])
        relations = [("a", one), ("b", other)]
        if kind == "comma":
            return f"{one} a, s b", [("a", one), ("b", "s")]
        keys = [("region", "region"), ("n", "n"), ("m", "n"), ("m", "m")]
        keys += [("status" if one == "i" else "label", "label" if other != "i" else "status")] * 3
        left, right = self.random.choice(keys)
        on = f"a.{left} = b.{right}"
        if self.chance(0.35):
            on += f" AND {self.truth(relations, 1)}"
        join = self.random.choice(["JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        source = f"{one} a {join} {other} b ON {on}"
        if kind == "two":
            join = self.random.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN"])
            source += f" {join} s d ON d.label = a.{'status' if one == 'i' else 'label'}"
            relations.append(("d", "s"))
        return source, relations

    # Statements

    def statement(self):
        kinds = {
            self.simple_select: 30,
            self.sorted: 12,
            self.grouped: 22,
            self.windowed: 14,
            self.common: 10,
            self.combined: 12,
            self.scalar: 8,
            self.recursive: 4,
            self.reasoned: 45,
        }
        return self.choose(kinds)()

    def simple_select(self):
        source, relations = self.source()
        distinct = self.random.choice(["", "", "DISTINCT "])
        return Statement(f"SELECT {distinct}{self.selected(relations)} FROM {source}{self.filter(relations)}")

    def sorted(self):
        table = self.random.choice(["i", "i", "s"])
        relations, key = [("a", table)], {"i": "a.id", "s": "a.label"}[table]
        # A bare number would be a column's position.
        by = self.any(relations)
        by = "a.n" if by.lstrip("-").isdigit() else by
        order = f"{by} {self.random.choice(['ASC', 'DESC'])} NULLS {self.random.choice(['FIRST', 'LAST'])}"
        limit = self.choose({"": 3, f" LIMIT {self.random.randint(0, 20)}": 4, f" LIMIT {self.random.randint(1, 30)} OFFSET {self.random.randint(0, 60)}": 4})
        text = f"SELECT {self.selected(relations)} FROM {table} a{self.filter(relations)} ORDER BY {order}, {key}{limit}"
        return Statement(text, ordered=True)

    def aggregate(self, relations):
        text, number = self.text(relations, 1), self.number(relations, 1)
        return self.choose(
            {
                "count(*)": 6,
                f"count({text})": 4,
                f"count(DISTINCT {text})": 5,
                f"count(DISTINCT {number})": 4,
                f"sum({number})": 6,
                f"sum(DISTINCT {number})": 3,
                f"avg({number})": 3,
                f"min({number})": 3,
                f"max({number})": 3,
                f"min({text})": 3,
                f"max({text})": 3,
                f"count(*) FILTER (WHERE {self.truth(relations, 1)})": 4,
                f"sum({number}) FILTER (WHERE {self.truth(relations, 1)})": 3,
                f"length(group_concat({text}, ', '))": 3,
                f"length(group_concat(DISTINCT {text}))": 2,
                f"json_array_length(json_group_array({text}))": 2,
                f"sum(CASE WHEN {self.truth(relations, 1)} THEN 1 ELSE 0 END)": 3,
            }
        )

    def grouped(self):
        source, relations = self.source()
        keys = [self.any(relations) for _ in range(self.random.choice([0, 1, 1, 2]))]
        # A number as a key is a column's position.
        keys = [key for key in keys if not key.lstrip("-").isdigit() and not key.startswith("'")]
        columns = keys + [self.aggregate(relations) for _ in range(self.random.choice([1, 2]))]
        having = f" HAVING {self.aggregate(relations)} IS NOT NULL AND count(*) {self.random.choice(OPERATORS)} {self.random.randint(0, 6)}"
        group = f" GROUP BY {', '.join(keys)}" if keys else ""
        selected = ", ".join(f"{column} AS c{at}" for at, column in enumerate(columns))
        return Statement(f"SELECT {selected} FROM {source}{self.filter(relations)}{group}{having if keys and self.chance(0.4) else ''}")

    def windowed(self):
        relations = [("a", "i")]
        part = self.random.choice(["", "PARTITION BY a.region ", "PARTITION BY a.status ", f"PARTITION BY {self.number(relations, 1)} "])
        order = self.random.choice(["a.id", "a.id DESC", "a.name, a.id", "a.n NULLS FIRST, a.id", "a.m DESC NULLS LAST, a.id"])
        frame = self.random.choice(["", "", " ROWS BETWEEN 2 PRECEDING AND CURRENT ROW", " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"])
        over, number = f"OVER ({part}ORDER BY {order})", self.number(relations, 1)
        framed = f"OVER ({part}ORDER BY {order}{frame})"
        window = self.choose(
            {
                f"row_number() {over}": 3,
                f"rank() OVER ({part}ORDER BY a.n NULLS FIRST)": 3,
                f"dense_rank() OVER ({part}ORDER BY a.status)": 3,
                f"lag(a.name) {over}": 3,
                f"lag(a.n, 2, -9) {over}": 3,
                f"lead(a.note) {over}": 3,
                f"ntile({self.random.randint(1, 5)}) {over}": 2,
                f"first_value(a.n) {framed}": 3,
                f"last_value(a.note) {framed}": 3,
                f"sum({number}) {framed}": 4,
                f"count({number}) {framed}": 3,
                f"max({number}) {framed}": 3,
                f"min(a.note) {framed}": 2,
                f"count(*) OVER ({part.strip()})": 2,
                f"sum(a.n) OVER ({part}ORDER BY a.status)": 3,
            }
        )
        text = f"SELECT a.id AS c0, {window} AS c1, {self.any(relations)} AS c2 FROM i a{self.filter(relations)}"
        if self.chance(0.25):
            text = f"SELECT c1, count(*) AS n FROM ({text}) w GROUP BY c1"
        return Statement(text)

    def common(self):
        first = f"SELECT * FROM i x{self.filter([('x', 'i')])}"
        second = f"SELECT status AS label, count(*) AS n, max(name) AS name, min({self.number([('x', 'i')], 1)}) AS m, min(region) AS region FROM x GROUP BY status"
        relations = [("a", "i"), ("b", "s")]
        join = self.random.choice(["JOIN", "LEFT JOIN", "FULL JOIN"])
        columns = self.selected(relations)
        return Statement(f"WITH x AS ({first}), y AS ({second}) SELECT {columns} FROM x a {join} y b ON a.status = b.label AND {self.truth(relations, 1)}{self.filter(relations)}")

    def combined(self):
        shapes = [self.random.choice([self.text, self.number]) for _ in range(self.random.choice([1, 2]))]

        def side():
            source, relations = self.source()
            columns = ", ".join(f"{shape(relations, 1)} AS c{at}" for at, shape in enumerate(shapes))
            return f"SELECT {columns} FROM {source}{self.filter(relations)}"

        operators = ["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]
        text = f"{side()} {self.random.choice(operators)} {side()}"
        if self.chance(0.3):
            return Statement(f"SELECT count(*) AS n, count(c0) AS c, min(c0) AS least FROM ({text}) u")
        return Statement(text)

    def scalar(self):
        source, relations = self.source()
        alias, table = self.one(relations)
        of = self.random.choice(["i", "s", "e"])
        within = [("x", of)]
        same = f"x.n = {alias}n" if of == "e" or table == "e" or self.chance(0.4) else f"x.region = {alias}region"
        inner = f"SELECT {self.aggregate(within)} FROM {of} x WHERE {same} AND {self.truth(within, 1)}"
        return Statement(f"SELECT {self.any(relations)} AS c0, ({inner}) AS c1 FROM {source}{self.filter(relations)}")

    def recursive(self):
        counted = f"WITH RECURSIVE r(k) AS (SELECT {self.random.randint(-2, 2)} UNION ALL SELECT k + 1 FROM r WHERE k < {self.random.randint(2, 6)})"
        join = self.random.choice(["JOIN", "LEFT JOIN"])
        return Statement(f"{counted} SELECT r.k AS c0, count(a.id) AS c1, sum(a.m) AS c2 FROM r {join} i a ON a.n = r.k GROUP BY r.k")

    # Conditions about the same few columns, true, false and unknown

    def few(self, columns, depth=0):
        return self.choose(
            {
                self.random.choice(columns): 30,
                str(self.random.randint(-1, 4)): 2,
                f"{self.random.choice(columns)} + {self.random.randint(0, 1)}": 3,
                f"coalesce({self.random.choice(columns)}, {self.random.randint(0, 3)})": 2,
                "NULL": 0.5,
                f"CASE WHEN {self.logic(columns, depth - 1)} THEN {self.random.choice(columns)} END" if depth > 0 else "0": 2,
            }
        )

    def items(self, columns):
        items = [str(self.random.randint(-1, 4)) for _ in range(self.random.choice([1, 2, 2, 2, 3, 5]))]
        if self.chance(0.2):
            items.append("NULL")
        if self.chance(0.15):
            items.append(self.random.choice(columns))
        if self.chance(0.1):
            items.append("1 + 1")
        self.random.shuffle(items)
        return ", ".join(items)

    def logic(self, columns, depth=3):
        negated = self.random.choice(["", "NOT "])
        one, other = self.few(columns, depth), self.random.choice([str(self.random.randint(-1, 4)), self.random.choice(columns)])
        simple = {
            f"{one} {negated}IN ({self.items(columns)})": 40,
            f"{one} = {other}": 14,
            f"{one} <> {other}": 8,
            f"{one} {self.random.choice(['<', '<=', '>', '>='])} {other}": 6,
            f"{one} {negated}BETWEEN {self.random.randint(-1, 3)} AND {other}": 8,
            f"{one} IS {negated}NULL": 5,
            f"{one} IS {negated}DISTINCT FROM {other}": 6,
            self.random.choice(["true", "false", "NULL"]): 2,
            f"CASE {one} WHEN 1 THEN {self.random.choice(['true', 'false'])} WHEN {self.random.randint(2, 4)} THEN true ELSE false END": 4,
        }
        # A row value is made of columns and literals alone, and -1 is neither.
        plain = [column for column in columns if "(" not in column]
        pair, literal = [f"({self.random.choice(plain)}, {self.random.choice(plain)})" for _ in "ab"], self.random.randint(0, 3)
        simple |= {f"{pair[0]} {self.random.choice(OPERATORS)} {self.random.choice([pair[1], f'({literal}, {self.random.randint(0, 3)})', f'(NULL, {literal})'])}": 6}
        if depth <= 0:
            return self.choose(simple)
        first, second = self.logic(columns, depth - 1), self.logic(columns, depth - 1)
        combined = {
            f"({first} AND {second})": 70,
            f"({first} OR {second})": 70,
            f"NOT ({first})": 30,
            f"({first}) IS {negated}{self.random.choice(['TRUE', 'FALSE', 'NULL'])}": 16,
            f"(({first}) {self.random.choice(['=', '<>'])} {self.random.choice(['true', 'false', f'({second})'])})": 10,
            f"({first}) IS {negated}DISTINCT FROM ({second})": 6,
            f"CASE WHEN {first} THEN {second} ELSE {self.logic(columns, 0)} END": 8,
            f"({first}) {negated}IN (true, {second})": 3,
            f"coalesce({first}, {second})": 4,
            f"({self.logic(columns, 0)} {self.random.choice(['AND true', 'OR false'])})": 8,
        }
        return self.choose(simple | combined)

    def reasoned(self):
        ours, theirs = ["x.a", "x.a", "x.b", "x.c"], ["y.a", "y.b"]
        join = self.random.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        key = self.random.choice(["", "x.b = y.b AND ", "x.a = y.b AND "])
        aggregates = ["x.b", "min(x.a)", "max(x.c)", "count(x.a)"]
        return Statement(
            self.choose(
                {
                    f"SELECT x.k FROM v x WHERE {self.logic(ours)}": 10,
                    f"SELECT x.k, {self.logic(ours)} AS c0, CASE WHEN {self.logic(ours)} THEN 'y' WHEN {self.logic(ours)} THEN 'n' END AS c1 FROM v x": 12,
                    f"SELECT q.k FROM (SELECT x.k, {self.logic(ours)} AS p, {self.logic(ours, 1)} AS o FROM v x) q WHERE {self.random.choice(['q.p', 'NOT q.p', 'q.p IS NULL', 'q.p AND q.o', 'NOT (q.p OR q.o)'])}": 6,
                    f"SELECT x.b AS c0, count(*) AS c1 FROM v x GROUP BY x.b HAVING {self.logic(aggregates)}": 6,
                    f"SELECT {self.logic(ours)} AS c0, count(*) AS c1 FROM v x GROUP BY 1": 4,
                    f"SELECT count(*) FILTER (WHERE {self.logic(ours)}) AS c0, sum(CASE WHEN {self.logic(ours)} THEN 1 ELSE 0 END) AS c1 FROM v x": 5,
                    f"SELECT x.k AS c0, y.k AS c1 FROM v x {join} v y ON {key}{self.logic(ours + theirs)}": 8,
                    f"SELECT x.k AS c0, y.k AS c1 FROM v x {join} v y ON {key}{self.logic(ours + theirs, 2)} WHERE {self.logic(ours + theirs, 2)}": 6,
                    f"SELECT x.k FROM v x WHERE {self.random.choice(['', 'NOT '])}EXISTS (SELECT 1 FROM v y WHERE y.k = x.k AND {self.logic(ours + theirs)})": 4,
                    f"SELECT x.k AS c0, row_number() OVER (PARTITION BY {self.logic(ours, 2)} ORDER BY x.k) AS c1 FROM v x": 3,
                }
            )
        )


def oracle(sandbox):
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA case_sensitive_like = ON")
    # SQLite's own know the letters of ASCII alone.
    for name, letters in [("upper", str.upper), ("lower", str.lower)]:
        database.create_function(name, 1, lambda text, letters=letters: text if text is None else letters(text), deterministic=True)
    columns = list(AWS)
    database.execute(f"CREATE TABLE source ({', '.join(columns)})")
    for region in REGIONS:
        for page in sandbox.client("prod", region).get_paginator("describe_integrations").paginate():
            for row in page["Integrations"]:
                values = documented(row, AWS, region).values()
                values = [v if v is None or isinstance(v, str) else json.dumps(v, separators=(",", ":"), ensure_ascii=False) for v in values]
                database.execute(f"INSERT INTO source VALUES ({', '.join('?' * len(columns))})", values)
    database.executescript(TABLES.format(source="source WHERE length(integration_name) % 2 = 0", values=VALUES))
    return database


def answered(iql, statements):
    """The rows of each statement, or why there are none."""
    script = iql.home / "queries.sql"
    lines = [f"SELECT '#{at}' AS mark;\n{statement.text};" for at, statement in enumerate(statements)]
    script.write_text(TABLES.format(source=SOURCE, values=VALUES) + "\n".join(lines))
    process = iql.start("--quiet", "--keep-going", "-o", "json", "-i", str(script))
    out, err = (stream.decode() for stream in process.communicate(timeout=1800))
    assert "panicked" not in err, err
    found, decoder = {}, json.JSONDecoder()
    at = None
    while out := out.lstrip():
        rows, end = decoder.raw_decode(out)
        out = out[end:]
        if rows and list(rows[0]) == ["mark"]:
            at = int(rows[0]["mark"][1:])
        elif at is not None:
            found[at] = rows
    return [found.get(at) for at in range(len(statements))], err


def differing(statement, found, database):
    """The first lines in which the two differ."""
    cursor = database.execute(statement.text)
    names = [column[0] for column in cursor.description]
    expected, found = plain([dict(zip(names, row)) for row in cursor]), plain(found)
    if not statement.ordered:
        expected, found = sorted(expected), sorted(found)
    if expected == found:
        return []
    surplus = list((collections.Counter(found) - collections.Counter(expected)).elements())[:3]
    missing = list((collections.Counter(expected) - collections.Counter(found)).elements())[:3]
    problem = [f"{line} is too much" for line in surplus] + [f"{line} is missing" for line in missing]
    return problem or ["the order differs"]


@pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 39), reason="SQLite has no `->`, RIGHT and FULL JOIN")
def test_random_queries(sandbox, iql):
    database = oracle(sandbox)
    tables = {table: [{"region": region} for region in REGIONS] for table in ("i", "s", "e")}
    grammar = Queries(f"{SEED} queries", tables, ["prod"])
    statements = [grammar.statement() for _ in range(8 * STATEMENTS)]
    filled, problems = 0, []
    for start in range(0, len(statements), CHUNK):
        chunk = statements[start : start + CHUNK]
        rows, err = answered(iql, chunk)
        for statement, found in zip(chunk, rows):
            if found is None:
                problems.append(f"no answer: {statement.text}\n{err[:3000] if len(problems) < 2 else ''}")
            elif lines := differing(statement, found, database):
                problems.append("\n".join([statement.text, *lines]))
            filled += bool(found)
        if len(problems) > 40:
            break
    if problems:
        pytest.fail("\n\n".join([f"seed {SEED}: {len(problems)} of {len(statements)} differ", *problems[:40]]), pytrace=False)
    # What makes the comparison worth something.
    assert filled > len(statements) / 2

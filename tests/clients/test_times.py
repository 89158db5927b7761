"""Functions of dates and times give what SQLite gives.

IQL_SEED chooses other times and modifiers, and IQL_STATEMENTS how many: eight for each statement of the other tests.
"""

import datetime
import json
import random
import sqlite3

from test_sqlite import SEED, STATEMENTS, quoted

UNITS = {"second": 10**6, "minute": 10**5, "hour": 10**4, "day": 10**4, "month": 500, "year": 60}
PARTS = ["%d", "%f", "%H", "%j", "%J", "%m", "%M", "%s", "%S", "%w", "%W", "%Y", "%%", "é", "-", " ", "T"]
NOT_TIMES = ["x", "", "2024-1-1", "2024-01-01 10", "2024-01-01 25:00", " 2024-01-01", "2024-01-01 10:00 +2:00", "nan"]


class Times:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def value(self):
        """A time as SQL has it, and the modifier that it needs."""
        draw = self.random
        day = datetime.date(1, 1, 1) + datetime.timedelta(days=draw.randrange(80_000, 3_600_000))
        clock = f"{draw.randrange(24):02}:{draw.randrange(60):02}"
        kind = draw.randrange(10)
        if kind == 0:
            return quoted(draw.choice(NOT_TIMES)), []
        if kind == 1:
            return str(draw.randrange(1_800_000, 5_373_484)) + draw.choice(["", ".5", ".25"]), []
        if kind == 2:
            return draw.choice(["{}", "'{}'"]).format(draw.randrange(-(10**10), 10**11)), ["unixepoch"]
        if kind == 3:
            return quoted(clock), []
        text = day.isoformat()
        if kind > 4:
            text += draw.choice(["T", " ", "  "]) + clock
            if kind > 5:
                text += f":{draw.randrange(60):02}"
            if kind > 7:
                text += f".{draw.randrange(1000):03}"
            text += draw.choice(["", "", "Z", " Z", "+02:00", "-11:30", " "])
        return quoted(text), []

    def modifier(self):
        draw = self.random
        simple = ["start of day", "start of month", "start of year", "Start of Month"]
        kind = draw.randrange(6)
        if kind == 0:
            return draw.choice(simple)
        if kind == 1:
            return f"weekday {draw.randrange(7)}"
        if kind == 2:
            return f"{draw.choice('+-')}{draw.randrange(24):02}:{draw.randrange(60):02}"
        unit, most = draw.choice(list(UNITS.items()))
        count = draw.randrange(most)
        fraction = draw.choice(["", "", "", ".5", ".25"])
        return f"{draw.choice(['+', '-', ''])}{count}{fraction} {unit}{draw.choice(['', 's'])}"

    def call(self):
        draw = self.random
        value, needed = self.value()
        modifiers = needed + [self.modifier() for _ in range(draw.choice([0, 0, 1, 1, 2, 3]))]
        name = draw.choice(["date", "time", "datetime", "strftime", "julianday", "unixepoch"])
        form = [quoted("".join(draw.choices(PARTS, k=draw.randrange(1, 6))))] if name == "strftime" else []
        return f"{name}({', '.join(form + [value] + [quoted(modifier) for modifier in modifiers])})"


def test_times_are_those_of_sqlite(iql):
    database = sqlite3.connect(":memory:")
    times = Times(SEED)
    calls = [times.call() for _ in range(8 * STATEMENTS)]
    known = [database.execute(f"SELECT {call}").fetchone()[0] for call in calls]
    # The calls of constants are evaluated while the statement is planned, and those of columns row by row.
    whole = "SELECT " + ", ".join(f"{call} AS c{at}" for at, call in enumerate(calls[: len(calls) // 2]))
    rows = ", ".join(f"({at}, {call})" for at, call in enumerate(calls) if call.startswith("datetime"))
    (iql.home / "times.sql").write_text(f"{whole};\nSELECT * FROM (VALUES {rows}) t(at, found)")
    code, out, err = iql.run("--quiet", "-o", "jsonl", "-i", str(iql.home / "times.sql"))
    assert code == 0, err
    first, *others = map(json.loads, out.splitlines())
    found = [(int(name[1:]), value) for name, value in first.items()]
    found += [(row["at"], row["found"]) for row in others]
    wrong = [
        f"{calls[at]} is {value!r}, and {known[at]!r} of SQLite"
        for at, value in found
        if value != known[at] and not (isinstance(value, float) and abs(value - known[at]) < 1e-8)
    ]
    assert not wrong, "\n".join(wrong)


def test_times_of_rows(iql):
    sql = """
        SELECT count(*) AS n, count(DISTINCT strftime('%Y-%m', create_time)) AS months,
               sum(CASE WHEN datetime(create_time) = datetime(create_time, '+1 day', '-24 hours') THEN 1 END) AS same,
               sum(CASE WHEN create_time > datetime('now', '-30 days') THEN 1 ELSE 0 END) AS late
        FROM {} WHERE region = 'us-east-1'"""
    found = []
    for table in ["awscc.redshift.integrations", "aws.redshift.integrations"]:
        code, out, err = iql.run("--quiet", "-o", "jsonl", sql.format(table))
        assert code == 0, err
        found.append(json.loads(out))
    assert found[0] == found[1]
    assert found[0]["n"] == found[0]["same"] > found[0]["months"] > 1

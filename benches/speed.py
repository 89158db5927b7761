"""What a person waits for: whole processes of iql beside boto3, the AWS CLI and a bare loop over the Rust SDK, in turns.

usage: speed.py PROGRAM BENCH [--rounds N] [--only TEXT]
    PROGRAM   iql, built with optimisations
    BENCH     the bench `read`, which is the double of the service and the bare loop as well

Every contestant of a case reads the same double and writes to a file, whose rows are counted after its time was taken.
Printed are medians, from least to most, and of each round the ratio of iql to the others: what slows the machine down
for a while slows all of them. Nothing fails for being slow, and a wrong number of rows ends the run.
"""

import argparse
import contextlib
import csv
import datetime
import fcntl
import json
import os
import pathlib
import platform
import re
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time

HERE = pathlib.Path(__file__).resolve().parent
TABLE = "aws.redshift.integrations"
REGION = "WHERE region = 'us-east-1'"
# What a shell says when it waits.
PROMPT = b"> "


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="cases with this in their name")
    parser.add_argument("--million", action="store_true", help="also those of 1,000,000 rows, which take minutes")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(os.path.abspath(wanted.program), os.path.abspath(wanted.bench), folder, wanted.rounds)
        print(f"{datetime.date.today()}, {machine()}, {wanted.rounds} rounds\n")
        for name, case in CASES.items():
            if wanted.only in name and (wanted.million or "1,000,000" not in name):
                print(f"### {name}\n", flush=True)
                case(lab)
                print(flush=True)


# The cases.


def one_row(lab):
    sql = f"SELECT integration_name, status FROM {TABLE} {REGION}"
    with lab.double(1):
        lab.compare(
            1,
            {
                "iql": lab.iql(sql, "json"),
                "AWS CLI": lab.aws_cli(),
                "boto3": lab.boto3("json"),
                "bare loop": lab.bare(),
            },
        )


def to_json(lab):
    with lab.double(10_000):
        lab.compare(
            10_000,
            {
                "iql": lab.iql(f"SELECT * FROM {TABLE} {REGION}", "json"),
                "AWS CLI": lab.aws_cli(),
                "boto3": lab.boto3("json"),
                "bare loop": lab.bare(),
            },
        )


def to_csv(lab):
    with lab.double(100_000):
        lab.compare(
            100_000,
            {
                "iql": lab.iql(f"SELECT * FROM {TABLE} {REGION}", "csv"),
                "boto3": lab.boto3("csv"),
                "bare loop": lab.bare(),
            },
        )


def flat(lab):
    """Cost per row and memory, from 10,000 rows to 1,000,000."""
    sizes = [10_000, 100_000, 1_000_000]
    with contextlib.ExitStack() as stack:
        doubles = {rows: stack.enter_context(lab.double(rows)) for rows in sizes}
        runs = {rows: [] for rows in sizes}
        for _ in range(lab.rounds):
            for rows in sizes:
                lab.current = doubles[rows]
                runs[rows].append(lab.measure(rows, lab.iql(f"SELECT * FROM {TABLE} {REGION}", "csv")))
    start = lab.start_up()
    table = [["rows", "wall", "CPU", "µs a row, without start", "peak memory"]]
    for rows, taken in runs.items():
        cost = statistics.median((run.wall - start) * 1e6 / rows for run in taken)
        table.append([f"{rows:,}", seconds(taken, "wall"), seconds(taken, "cpu"), f"{cost:.2f}", memory(taken)])
    print_table(table)


def million_parquet(lab):
    with lab.double(1_000_000):
        lab.compare(
            1_000_000,
            {
                "to Parquet": lab.iql(f"SELECT * FROM {TABLE} {REGION}", "parquet"),
                "aggregate": lab.iql(
                    f"SELECT status, target_arn, count(*) AS n FROM {TABLE} {REGION} GROUP BY status, target_arn "
                    "ORDER BY n DESC LIMIT 5",
                    "csv",
                ),
            },
            count=False,
        )


def regions(lab):
    """34 regions of two pages each, 50 ms an answer: what cannot be helped is two answers one after the other."""
    sql = f"SET aws.regions = 'all'; SELECT region, integration_name FROM {TABLE} WHERE region = '*'"
    with lab.double(120, delay=50):
        runs = [lab.measure(34 * 120, lab.iql(sql, "csv")) for _ in range(lab.rounds)]
    print_table(
        [["", "wall", "two round trips", "ratio", "peak memory"]]
        + [["iql", seconds(runs, "wall"), "0.100 s", spread([run.wall / 0.1 for run in runs], 2), memory(runs)]]
    )


def bucket(lab):
    """60 calls behind a bucket of 12 a second: one list of 60 pages, and 60 lists, 8 of them at once."""
    rate, burst, calls = 12, 12, 60
    table = [["", "wall", "least possible", "ratio"]]
    tables = " UNION ALL ".join(
        f"SELECT * FROM {TABLE} {REGION} AND source_arn = 'arn:aws:dynamodb:us-east-1:123456789012:table/orders-{row:06}'"
        for row in range(calls)
    )
    for name, rows, found, sql in [
        ("one list of 60 pages", 6000, 6000, f"SELECT * FROM {TABLE} {REGION}"),
        ("60 lists, 8 at once", 100, calls, tables),
    ]:
        runs = []
        for _ in range(lab.rounds):
            # A bucket that is full each time.
            with lab.double(rows, rate=rate, burst=burst):
                runs.append(lab.measure(found, lab.iql(sql, "csv")))
        least = (calls - burst) / rate
        table.append([name, seconds(runs, "wall"), f"{least:.1f} s", spread([run.wall / least for run in runs], 2)])
    print_table(table)


def shell(lab):
    """From the start to the prompt, and what an idle shell holds."""
    waits, held, own = [], [], []
    with lab.double(1):
        for _ in range(max(lab.rounds, 5)):
            wait, resident, anonymous = lab.shell()
            waits.append(wait)
            held.append(resident)
            own.append(anonymous)
    print_table(
        [
            ["", "median", "least to most"],
            ["start to prompt", f"{statistics.median(waits) * 1000:.0f} ms", span(waits, 1000, "ms")],
            ["resident memory", f"{statistics.median(held) / 1024:.0f} MB", span(held, 1 / 1024, "MB")],
            ["of it not files of the program", f"{statistics.median(own) / 1024:.0f} MB", span(own, 1 / 1024, "MB")],
        ]
    )


CASES = {
    "One row, as a whole process": one_row,
    "10,000 rows to JSON": to_json,
    "100,000 rows to CSV": to_csv,
    "Cost per row, 10,000 to 1,000,000 rows to CSV": flat,
    "1,000,000 rows, memory": million_parquet,
    "34 regions of two pages each, 50 ms an answer": regions,
    "60 calls behind 12 a second": bucket,
    "The shell": shell,
}

# What measures.


class Run:
    """One process: seconds of wall and CPU, KiB at its peak, and the seconds of CPU that the double needed meanwhile."""

    def __init__(self, wall, cpu, peak, double):
        self.wall, self.cpu, self.peak, self.double = wall, cpu, peak, double


class Double:
    def __init__(self, process, endpoint):
        self.process, self.endpoint = process, endpoint

    def cpu(self):
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


class Lab:
    def __init__(self, program, bench, folder, rounds):
        self.program, self.bench, self.rounds = program, bench, rounds
        self.folder = pathlib.Path(folder)
        self.out = self.folder / "out"
        self.current = None

    @contextlib.contextmanager
    def double(self, rows, **behaviour):
        options = [text for name, value in behaviour.items() for text in (f"--{name}", str(value))]
        process = subprocess.Popen(
            [self.bench, "--double", "--rows", str(rows), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        before = self.current
        try:
            self.current = Double(process, f"http://{process.stdout.readline().strip()}")
            yield self.current
        finally:
            self.current = before
            process.stdin.close()
            process.wait()

    def env(self):
        """Nobody's account, no file of this machine's user, and the double."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        return kept | {
            "HOME": str(self.folder),
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.current.endpoint if self.current else "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1",
            "TERM": "xterm-256color",
        }

    # The contestants: what to run, and in which form it writes to standard output.

    def iql(self, sql, form):
        return [self.program, "exec", "--quiet", "-o", form, sql], form

    def aws_cli(self):
        return ["aws", "redshift", "describe-integrations", "--output", "json"], "aws"

    def boto3(self, form):
        return [sys.executable, str(HERE / "boto.py"), form], form

    def bare(self):
        return [self.bench, "--bare", self.current.endpoint], "number"

    def measure(self, rows, contestant):
        command, form = contestant
        env = self.env()
        double = self.current.cpu()
        with open(self.out, "wb") as out:
            started = time.perf_counter()
            process = subprocess.Popen(command, stdout=out, env=env, stdin=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{command} ended with {process.returncode}")
        found = None if rows is None else self.rows(form)
        if found != rows:
            raise SystemExit(f"{command} gave {found} rows and not {rows}")
        return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, self.current.cpu() - double)

    def rows(self, form):
        with open(self.out, newline="", encoding="utf-8") as out:
            if form == "json":
                return len(json.load(out))
            if form == "aws":
                return len(json.load(out)["Integrations"])
            if form == "csv":
                return sum(1 for _ in csv.reader(out)) - 1
            return int(out.read())

    def compare(self, rows, contestants, count=True):
        """A warm-up, then in turns; the first contestant is ours."""
        wanted = rows if count else None
        runs = {name: [] for name in contestants}
        for number in range(self.rounds + 1):
            for name, contestant in contestants.items():
                run = self.measure(wanted, contestant)
                if number > 0:
                    runs[name].append(run)
        ours = next(iter(runs.values()))
        table = [["", "wall", "CPU", "peak memory", "iql / it", "double's CPU"]]
        for name, taken in runs.items():
            ratios = [our.wall / run.wall for our, run in zip(ours, taken)]
            ratio = "" if taken is ours or not count else spread(ratios, 3)
            table.append([name, seconds(taken, "wall"), seconds(taken, "cpu"), memory(taken), ratio, seconds(taken, "double")])
        print_table(table)

    def start_up(self):
        with self.double(1):
            runs = [self.measure(1, self.iql(f"SELECT * FROM {TABLE} {REGION}", "csv")) for _ in range(5)]
        return statistics.median(run.wall for run in runs)

    def shell(self):
        """Seconds to the prompt, and KiB that the process holds a moment after, all and without files."""
        pid, terminal = os.forkpty()
        if pid == 0:
            os.execve(self.program, [self.program], self.env())
        started = time.perf_counter()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        seen = b""
        while not re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", seen).rstrip(b"\r\n").endswith(PROMPT):
            if not select.select([terminal], [], [], 10)[0]:
                raise SystemExit(f"the shell does not come up: {seen!r}")
            seen += os.read(terminal, 4096)
        wait = time.perf_counter() - started
        time.sleep(0.5)
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        held, own = (int(re.search(rf"{name}:\s+(\d+)", status)[1]) for name in ("VmRSS", "RssAnon"))
        os.write(terminal, b"\x04")
        # What it still prints has to be read, or it waits.
        with contextlib.suppress(OSError):
            while select.select([terminal], [], [], 5)[0] and os.read(terminal, 4096):
                pass
        os.close(terminal)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return wait, held, own


# What prints.


def spread(values, decimals, unit=""):
    form = f"{{:.{decimals}f}}"
    middle, low, high = (form.format(value) for value in (statistics.median(values), min(values), max(values)))
    return f"{middle}{unit} ({low}–{high})"


def seconds(runs, what):
    return spread([getattr(run, what) for run in runs], 3, " s")


def span(values, factor, unit):
    return f"{min(values) * factor:.0f}–{max(values) * factor:.0f} {unit}"


def memory(runs):
    return spread([run.peak / 1024 for run in runs], 0, " MB")


def print_table(rows):
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in rows]
    rule = " | ".join(["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]])
    for line in [lines[0], rule, *lines[1:]]:
        print(f"| {line} |")


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        models = re.findall(r"model name\s*:\s*(.*)", info.read())
    return f"{len(models)} cores of {models[0].strip() if models else platform.machine()}, load {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    if not shutil.which("aws"):
        raise SystemExit("the AWS CLI is not there; `benches/run` installs it")
    main()

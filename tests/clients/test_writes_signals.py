"""A write that is interrupted, or whose reader leaves, says what was and was not done, and that is the truth."""

import os
import pty
import signal
import subprocess
import time

import pytest
from test_trouble import ALL, until

TABLE = "awscc.redshift.integrations"
TARGET = "arn:aws:redshift-serverless:us-east-1:111122223333:namespace/4dfbc7ae-0001-4002-8003-100000000001"
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def insert(*names):
    source = "arn:aws:dynamodb:us-east-1:111122223333:table"
    rows = (f"('{name}', '{source}/{name}', '{TARGET}', 'us-east-1')" for name in names)
    return f"INSERT INTO {TABLE} (IntegrationName, SourceArn, TargetArn, region) VALUES {', '.join(rows)}"


def there(sandbox):
    """The integrations that the tests have made."""
    pages = sandbox.client().get_paginator("describe_integrations").paginate()
    names = (integration["IntegrationName"] for page in pages for integration in page["Integrations"])
    return {name for name in names if name.startswith("w-")}


def creations(sandbox):
    return [request for request in sandbox.control("GET", "requests") if request["action"] == "CreateIntegration"]


def report(err):
    """The lines of a report by their labels, without ARNs."""
    lines = [line.strip().partition(":") for line in err.splitlines() if not line.startswith("hint: ")]
    return {label: [name.split()[0] for name in names.split(", ")] for label, _, names in lines if names}


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_an_interruption_lets_the_call_in_flight_answer(sandbox, iql, number):
    sandbox.fault({"latency": {"milliseconds": 1500}}, action="CreateIntegration", after=1)
    process = iql.start(insert("w-a", "w-b", "w-c"))
    until(lambda: len(creations(sandbox)) == 2)
    process.send_signal(number)
    out, err = (stream.decode() for stream in process.communicate(timeout=20))
    assert (process.returncode, out) == (130, "")
    told, rest = err.split("\n", 1)
    assert told == "interrupted: waiting up to 10 s for the call in flight; again to leave at once"
    assert rest.startswith("error: INSERT was interrupted\n") and "panicked" not in rest
    assert report(rest)["inserted"] == ["w-a", "w-b"] and report(rest)["not sent"] == ["w-c"]
    assert there(sandbox) == {"w-a", "w-b"} and len(creations(sandbox)) == 2


def test_a_second_interruption_leaves_at_once(sandbox, iql):
    sandbox.fault({"latency": {"milliseconds": 20000}}, action="CreateIntegration", after=1)
    process = iql.start(insert("w-a", "w-b", "w-c"))
    until(lambda: len(creations(sandbox)) == 2)
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline().startswith(b"interrupted: waiting")
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=20)[1].decode()
    assert time.monotonic() - start < 1
    assert process.returncode == 130
    assert err.startswith("error: interrupted, and the call in flight was not waited for\n")
    told = report(err)
    assert (told["inserted"], told["unknown"], told["not sent"]) == (["w-a"], ["w-b"], ["w-c"])


def test_an_interruption_begins_no_other_statement(sandbox, iql):
    sandbox.fault({"latency": {"milliseconds": 1500}}, action="CreateIntegration")
    process = iql.start(f"{insert('w-a')}; {insert('w-b')}; SELECT 1 AS a")
    until(lambda: len(creations(sandbox)) == 1)
    process.send_signal(signal.SIGINT)
    out, err = (stream.decode() for stream in process.communicate(timeout=20))
    assert (process.returncode, out) == (130, "")
    assert "\ninserted: w-a " in err
    assert err.endswith("error: interrupted\n  statement 1 of 3 was carried out; those after it were not run\n")
    assert there(sandbox) == {"w-a"}


def test_an_interruption_of_what_is_done_anyway_is_none(sandbox, iql):
    sandbox.fault({"latency": {"milliseconds": 1500}}, action="CreateIntegration")
    process = iql.start("-o", "csv", f"{insert('w-a')} RETURNING IntegrationName")
    until(lambda: len(creations(sandbox)) == 1)
    process.send_signal(signal.SIGINT)
    out, err = (stream.decode() for stream in process.communicate(timeout=20))
    assert (process.returncode, out) == (0, "IntegrationName\nw-a\n")
    assert "error" not in err and "\ninserted: w-a " in err


def test_hang_ups_may_be_ignored(sandbox, iql):
    sandbox.fault({"latency": {"milliseconds": 500}}, action="CreateIntegration")
    command = ["nohup", os.environ["IQL_PROGRAM"], "exec", insert("w-a", "w-b")]
    process = subprocess.Popen(
        command, env=iql.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    until(lambda: len(creations(sandbox)) == 1)
    process.send_signal(signal.SIGHUP)
    assert process.communicate(timeout=20)[0] == b"" and process.returncode == 0
    assert there(sandbox) == {"w-a", "w-b"}


def test_a_reader_that_leaves_cuts_no_write_short(sandbox, iql):
    for output in ("json", "csv", "table"):
        names = [f"w-{output}-{number}" for number in range(2)]
        first, second = (f"{insert(name)} RETURNING *" for name in names)
        process = iql.start("-o", output, f"{ALL}; {first}; {ALL}; SET iql.tries = 2; {second}")
        assert process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read().decode()
        process.stderr.close()
        assert process.wait(timeout=20) == 0
        assert [line.split()[:2] for line in err.splitlines()] == [["inserted:", name] for name in names]
        assert set(names) <= there(sandbox)
    # What fails is told all the same.
    process = iql.start(f"{ALL}; {insert('w-csv-0')}; {insert('w-z')}")
    process.stdout.close()
    err = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(timeout=20) == 1
    assert "is there already" in err and "statement 2 of 3; those after it were not run" in err
    assert "w-z" not in there(sandbox)


def at_a_terminal(iql, answer, *arguments):
    """Exit code, and what a terminal shows; `answer` is typed once something is asked."""
    ours, its = pty.openpty()
    command = [os.environ["IQL_PROGRAM"], "exec", *arguments]
    environment = iql.environment | {"TERM": "xterm", "IQL_AWAIT_POLL": "100ms"}
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment)
    os.close(its)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 4096)
        except OSError:  # Nobody has the terminal open any more.
            break
        if answer and shown.endswith(b"`yes` or `y` to go on: "):
            os.write(ours, answer)
            answer = None
    os.close(ours)
    return process.wait(timeout=20), shown.decode()


DELETE = f"DELETE FROM {TABLE} WHERE region = 'us-east-1' AND integration_name LIKE 'orders-feed-0%'"


# The last one ends what is typed.
@pytest.mark.parametrize("answer", [b"no\n", b"\n", b"yes please\n", b"\x04"], ids=str)
def test_who_does_not_agree(sandbox, iql, answer):
    code, shown = at_a_terminal(iql, answer, DELETE)
    assert code == 1 and shown.startswith("DELETE ") and "rows:\r\norders-feed-0" in shown
    assert shown.endswith("\r\nerror: the DELETE was not agreed to\r\n  nothing was sent\r\n")
    assert {request["action"] for request in sandbox.control("GET", "requests")} == {"DescribeIntegrations"}


@pytest.mark.parametrize("answer", [b"yes\n", b"Y\n"], ids=str)
def test_who_agrees(iql, answer):
    code, shown = at_a_terminal(iql, answer, DELETE)
    assert code == 0 and "\r\ndeleted: orders-feed-0" in shown


def test_progress_is_shown_at_a_terminal_and_goes_away(sandbox, iql):
    sandbox.control("POST", "controls", {"creating_seconds": 1})
    flags = ("--await", "-o", "csv", f"{insert('w-a')} RETURNING IntegrationName")
    code, shown = at_a_terminal(iql, None, *flags)
    assert code == 0 and "w-a: creating, 0 s" in shown
    after = shown[shown.index("\x1b[2K", shown.rindex("w-a: creating")) :]
    assert after.replace("\x1b[2K", "").lstrip("\r").startswith("inserted: w-a ")
    code, shown = at_a_terminal(iql, None, "--quiet", *flags[:-1], f"{insert('w-b')} RETURNING IntegrationName")
    assert (code, shown) == (0, "IntegrationName\r\nw-b\r\n")

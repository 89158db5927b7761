"""Whatever goes wrong while `iql exec` reads ends in all the rows or in an error, never in what only looks complete."""

import fcntl
import json
import os
import shutil
import signal
import struct
import subprocess
import termios
import time

import pytest

REGIONS = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"]
ROWS, PAGES = 263 + 48 + 37 + 24, 6
ALL = "SELECT * FROM aws.redshift.integrations WHERE region IN ('us-east-1', 'us-west-2', 'eu-west-1', 'eu-central-1')"
ONE = "SELECT * FROM aws.redshift.integrations WHERE region = 'us-east-1'"
THROTTLE = {"rate": 0, "burst": 0}


def statuses(sandbox):
    return [request["status"] for request in sandbox.control("GET", "requests")]


def complete(out):
    """Is this a whole JSON array?"""
    try:
        return isinstance(json.loads(out), list)
    except json.JSONDecodeError:
        return False


PASSING = [
    ({"throttle": THROTTLE}, 400),
    ({"throttle": THROTTLE | {"code": "ThrottlingException"}}, 400),
    ({"throttle": THROTTLE | {"code": "RequestLimitExceeded"}}, 400),
    ({"server_error": {"status": 500}}, 500),
    ({"server_error": {"status": 503}}, 503),
    ({"server_error": {"status": 502, "body": "html"}}, 502),
    ({"server_error": {"status": 504, "body": "none"}}, 504),
    ("reset", None),
    ("lost", None),
    ("wrong_shape", 200),
    ({"cut": {"at": {"rows": 5}}}, 200),
    ({"cut": {"at": {"rows": 0}}}, 200),
    ({"cut": {"at": {"byte": 999}}}, 200),
    ({"cut": {"at": {"fraction": 0.5}, "length": "whole"}}, 200),
    ({"cut": {"at": "list"}}, 200),
    ({"cut": {"at": "root"}}, 200),
]


@pytest.mark.parametrize("trouble, status", PASSING, ids=str)
def test_trouble_that_passes(sandbox, iql, trouble, status):
    """All rows, each once, for one more request for each that failed."""
    sandbox.fault(trouble, after=1, times=4)
    rows = iql.rows(ALL)
    assert len(rows) == len({row["integration_arn"] for row in rows}) == ROWS
    assert sorted(map(str, statuses(sandbox))) == sorted(map(str, [200] * PAGES + [status] * 4))


@pytest.mark.parametrize("trouble, status", PASSING, ids=str)
def test_trouble_that_stays(sandbox, iql, trouble, status):
    """The second page never comes: after the tries that were allowed, an error that names the call."""
    sandbox.fault(trouble, region="us-east-1", after=1)
    code, out, err = iql.run("-o", "json", ONE, IQL_TRIES="3")
    assert code == 1 and not complete(out)
    requests = sandbox.control("GET", "requests")
    markers = [request["parameters"].get("Marker") for request in requests]
    second = [request["status"] for request, marker in zip(requests, markers) if marker == markers[1]]
    # A throttled one was only not in its turn, where the first page was answered after it was sent for. A third page may
    # have been sent for by what could be seen of the second.
    assert second == [status] * len(second) and len(second) in ([3, 4] if "throttle" in trouble else [3])
    assert markers.count(None) == 1 and requests[0]["status"] == 200
    assert err.startswith("error: ") and f"{len(second)} tries" in err
    assert "DescribeIntegrations" in err and "us-east-1" in err


def test_a_bucket_of_tokens(sandbox, iql):
    sandbox.fault({"throttle": {"rate": 20, "burst": 2}})
    assert len(iql.rows(ALL)) == ROWS
    assert statuses(sandbox).count(200) == PAGES and 400 in statuses(sandbox)


def test_the_wait_that_the_service_asks_for(sandbox, iql):
    sandbox.fault({"throttle": THROTTLE | {"retry_after_seconds": 1}}, times=1)
    start = time.monotonic()
    assert len(iql.rows(ONE)) == 263
    assert time.monotonic() - start >= 1
    assert statuses(sandbox) == [400, 200, 200, 200]


REFUSED = [
    ("denied", "AWS does not allow `DescribeIntegrations`", "redshift:DescribeIntegrations"),
    ("expired", "the AWS credentials have expired", "hint: renew"),
]


@pytest.mark.parametrize("trouble, message, hint", REFUSED, ids=lambda value: value.split()[0])
def test_a_refusal_is_not_repeated(sandbox, iql, trouble, message, hint):
    sandbox.fault(trouble, region="eu-west-1")
    code, out, err = iql.run("-o", "json", ALL)
    assert code == 1 and not complete(out)
    assert err.startswith(f"error: {message}\n") and "region=eu-west-1" in err and hint in err
    assert statuses(sandbox).count(403) == 1
    # In the midst of the pages too.
    sandbox.fault(trouble, after=2)
    sandbox.control("DELETE", "requests")
    code, out, err = iql.run("-o", "json", ONE)
    assert code == 1 and not complete(out) and message in err
    assert statuses(sandbox) == [200, 200, 403]


def test_a_marker_that_repeats(sandbox, iql):
    sandbox.fault("repeat_marker")
    code, out, err = iql.run("-o", "json", ONE, IQL_TRIES="3")
    assert code == 1 and not complete(out)
    assert "pages go round" in err and "region=us-east-1" in err
    assert statuses(sandbox) == [200, 200]


def test_an_answer_that_never_comes(sandbox, iql):
    sandbox.fault("hang", after=1, times=1)
    assert len(iql.rows(ONE, IQL_CALL_TIMEOUT="500ms")) == 263
    sandbox.fault("hang", after=1)
    start = time.monotonic()
    code, out, err = iql.run("-o", "json", "--timeout", "700ms", ONE)
    assert code == 1 and not complete(out)
    assert 0.7 <= time.monotonic() - start < 3
    assert "700 ms" in err or "700ms" in err
    code, out, err = iql.run("-o", "json", ONE, IQL_CALL_TIMEOUT="200ms", IQL_TRIES="2")
    assert code == 1 and not complete(out) and "did not answer `DescribeIntegrations`" in err


@pytest.mark.parametrize("output", ["json", "jsonl", "csv", "text", "table"])
def test_what_came_before_an_error(sandbox, iql, output):
    """Rows that were written are right, an array and a table stay open, and a file does not appear."""
    whole = iql.output("-o", output, ONE)
    sandbox.fault("denied", after=2)
    code, out, err = iql.run("-o", output, ONE)
    assert code == 1 and whole.startswith(out) and out != whole
    if output == "table":
        assert "└" in whole and "└" not in out
    (iql.home / "old").write_text("before")
    sandbox.fault("denied", after=2)
    assert iql.run("-o", output, "-f", "old", ONE)[:2] == (1, "")
    assert [path.name for path in iql.home.iterdir()] == ["old"] and (iql.home / "old").read_text() == "before"


def test_an_error_stops_a_script(sandbox, iql):
    sandbox.fault("denied", region="us-west-2")
    script = "SELECT 1 AS a; SELECT count(*) FROM aws.redshift.integrations WHERE region = 'us-west-2'; SELECT 2 AS b"
    code, out, err = iql.run("-o", "jsonl", script)
    assert (code, out) == (1, '{"a":1}\n') and "statement 2 of 3; those after it were not run" in err


def until(condition):
    """Waits for what has to come."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < 10
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("arguments", [(), ("-f", "rows")], ids=str)
def test_an_interruption(sandbox, iql, number, arguments):
    sandbox.fault({"latency": {"milliseconds": 20000}}, after=1)
    process = iql.start("-o", "json", *arguments, ONE)
    until(lambda: len(statuses(sandbox)) == 2)
    start = time.monotonic()
    process.send_signal(number)
    out, err = (stream.decode() for stream in process.communicate(timeout=10))
    assert time.monotonic() - start < 1
    assert process.returncode == 130 and not complete(out)
    assert err.startswith("error: interrupted\n") and "panicked" not in err
    assert list(iql.home.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interruption_while_nobody_reads(sandbox, iql, number):
    """Standard output is a full pipe, as with a pager."""
    process = iql.start("-o", "json", ALL)
    pipe = process.stdout.fileno()
    until(lambda: waiting(pipe) >= fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) // 2)
    # Calls go on meanwhile.
    until(lambda: len(statuses(sandbox)) == PAGES)
    process.send_signal(number)
    assert process.wait(timeout=2) == 130
    assert not complete(process.communicate()[0])


def waiting(pipe):
    """How many bytes in a pipe wait for their reader."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


def test_a_reader_that_leaves(sandbox, iql):
    for output in ("json", "jsonl", "csv", "text", "table"):
        process = iql.start("-o", output, ALL)
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait(timeout=10) == 0
    command = '"$0" exec -o jsonl "$1" | head -n 1; echo "${PIPESTATUS[@]}"'
    done = subprocess.run(
        ["bash", "-c", command, os.environ["IQL_PROGRAM"], ALL], env=iql.environment, capture_output=True, timeout=10
    )
    row, codes = done.stdout.splitlines()
    assert json.loads(row)["region"] and codes == b"0 0" and done.stderr == b""


def test_a_reader_that_leaves_waits_for_no_region(sandbox, iql):
    late = [("us-west-2", 500), ("eu-central-1", 60_000)]
    faults = [{"region": region, "trouble": {"latency": {"milliseconds": time}}} for region, time in late]
    sandbox.control("POST", "faults", faults)
    process = iql.start("-o", "csv", ALL)
    # What there is can be read while others are waited for.
    assert process.stdout.readline().startswith(b"integration_arn,") and process.stdout.readline()
    process.stdout.close()
    assert (process.wait(timeout=20), process.stderr.read()) == (0, b"")


def test_standard_output_that_is_full(iql):
    with open("/dev/full", "wb") as full:
        process = iql.start("-o", "csv", ONE, stdout=full)
    err = process.communicate(timeout=10)[1].decode()
    assert process.returncode == 1 and err == "error: cannot write to standard output: no space left on device\n"


COUNT = "SELECT count(*) AS n FROM aws.redshift.integrations WHERE region = 'us-east-1'"
SANDBOXED = ("-o", "json", "--sandbox=new", COUNT)


def test_several_make_a_sandbox_at_once(iql):
    several = [iql.start(*SANDBOXED, AWS_ENDPOINT_URL=None) for _ in range(4)]
    for process in several:
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, b'[{"n":263}]\n', b"")


def test_a_kill_while_a_sandbox_is_made(iql):
    for milliseconds in range(4, 104, 10):
        other = iql.start(*SANDBOXED) if milliseconds % 20 == 4 else None
        victim = iql.start(*SANDBOXED)
        try:
            victim.wait(milliseconds / 1000)
        except subprocess.TimeoutExpired:
            victim.kill()
        victim.communicate()
        if other:
            assert other.communicate(timeout=20) == (b'[{"n":263}]\n', b"") and other.returncode == 0
        assert iql.rows(COUNT, "--sandbox=new") == [{"n": 263}]
        shutil.rmtree(iql.home / "new")


def test_time_is_up_where_rows_are_always_ready(iql):
    rows = "SELECT * FROM generate_series(1, 100000000)"
    for sql in [f"COPY ({rows}) TO 'rows.csv'", f"SELECT count(*) FROM ({rows}) t(x) WHERE x % 3 = 1", rows]:
        code, _, err = iql.run("--timeout", "300ms", "-o", "csv", "-f", "out.csv", sql)
        assert (code, "the statement took longer than its 300ms" in err) == (1, True), err
        assert sorted(path.name for path in iql.home.iterdir() if path.suffix == ".csv") == []

"""What `iql exec` says on a terminal while a statement reads, and that it is gone before the rows."""

from test_shell import ESCAPE, NAMES, Terminal


def test_a_read_says_where_it_stands_and_clears_it(iql, sandbox):
    sandbox.fault({"latency": {"milliseconds": 2500}})
    terminal = Terminal(iql, "exec", f"{NAMES} ORDER BY 1 LIMIT 3")
    terminal.until("0 rows read, 1 call, 0 pages; waiting for us-east-1, 1 s")
    terminal.until("integration_name")
    assert terminal.ended() == 0
    last = terminal.raw.rindex(b"waiting for us-east-1")
    # The line is cleared, and the table is whole.
    assert terminal.raw[last:].index(b"\r\x1b[2K") < terminal.raw[last:].index("┌".encode())
    assert ESCAPE.sub(b"", terminal.raw).count("┌".encode()) == 1


def test_a_throttled_read_says_so(iql, sandbox):
    sandbox.fault({"throttle": {"rate": 1, "burst": 1}})
    sql = "SELECT count(*) AS n FROM aws.redshift.integrations WHERE region IN ('us-east-1', 'eu-west-1')"
    terminal = Terminal(iql, "exec", sql, IQL_BACKOFF="500ms")
    terminal.until("again soon: ")
    assert terminal.ended() == 0
    assert b"300" in terminal.raw


def test_what_is_no_terminal_sees_none_of_it(iql, sandbox):
    sandbox.fault({"latency": {"milliseconds": 1500}})
    assert "waiting" not in iql.output(f"{NAMES} LIMIT 3")

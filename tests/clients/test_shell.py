"""The shell at a terminal: what its users expect of it, one after the other. Waits on what is shown, never on time."""

import fcntl
import os
import pty
import re
import select
import signal
import stat
import struct
import subprocess
import termios
import time

import pytest
from test_trouble import until
from test_writes_signals import creations, insert, there

TABLE = "awscc.redshift.integrations"
NAMES = "SELECT integration_name FROM aws.redshift.integrations WHERE region = 'us-east-1'"
ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][0-9A-B]|\x07")
# The editor asks the terminal for this when it begins to read.
READS = b"\x1b[?2004h"
INTERRUPT, END, ESC = "\x03", "\x04", "\x1b"


class Terminal:
    """The shell on a terminal of its own."""

    def __init__(self, iql, *arguments, rows=40, columns=120, **variables):
        self.ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = iql.environment | {"TERM": "xterm-256color"} | variables
        self.process = subprocess.Popen(
            [os.environ["IQL_PROGRAM"], *arguments],
            stdin=its,
            stdout=its,
            stderr=its,
            cwd=iql.home,
            env={name: value for name, value in environment.items() if value is not None},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.its = its
        self.raw, self.at = b"", 0

    def read(self):
        ready, _, _ = select.select([self.ours], [], [], 30)
        assert ready, f"nothing more is shown after {self.raw[-2000:]!r}"
        try:
            self.raw += os.read(self.ours, 65536)
        except OSError:  # Nobody has the terminal open any more.
            return False
        return True

    def shown(self):
        """What is shown from here on, without escapes, and where in `raw` each of its bytes ends."""
        text, ends, at = bytearray(), [], self.at
        for piece in [*ESCAPE.finditer(self.raw, self.at), None]:
            end = piece.start() if piece else len(self.raw)
            text += self.raw[at:end]
            ends += range(at + 1, end + 1)
            at = piece.end() if piece else end
        return bytes(text), ends

    def until(self, wanted):
        """Everything up to a text that has to be shown, and it."""
        wanted = wanted.encode()
        while True:
            text, ends = self.shown()
            if (found := text.find(wanted)) >= 0:
                self.at = ends[found + len(wanted) - 1]
                return text[: found + len(wanted)].decode(errors="replace").replace("\r", "")
            assert self.read(), f"{wanted!r} is not shown, but {text.decode(errors='replace')}"

    def prompt(self):
        """Waits for the next prompt."""
        start = self.at
        while (found := self.raw.find(READS, self.at)) < 0:
            assert self.read(), f"no prompt after {self.raw[start:]!r}"
        text = ESCAPE.sub(b"", self.raw[start:found]).decode(errors="replace").replace("\r", "")
        self.at = found + len(READS)
        return text

    def send(self, text):
        os.write(self.ours, text.encode())

    def paste(self, text):
        """As a terminal does it, which is quicker than key by key."""
        self.send(f"\x1b[200~{text}\x1b[201~\r")

    def wait(self, condition):
        """Waits for what has to come elsewhere, while what is shown is read."""

        def comes():
            while select.select([self.ours], [], [], 0)[0] and self.read():
                pass
            return condition()

        until(comes)

    def run(self, line):
        """What a line shows until the next prompt."""
        self.paste(line)
        return self.prompt()

    def leave(self):
        self.send(END)
        return self.ended()

    def ended(self):
        os.close(self.its)
        while self.read():
            pass
        os.close(self.ours)
        return self.process.wait(timeout=20)


@pytest.fixture
def shell(iql):
    started = []

    def start(*arguments, **options):
        started.append(Terminal(iql, *arguments, **options))
        if options.get("TERM") != "dumb":
            started[-1].prompt()
        return started[-1]

    yield start
    for terminal in started:
        if terminal.process.poll() is None:
            terminal.process.kill()
            terminal.process.wait()


def test_it_starts_without_a_call_and_leaves_at_the_end_of_input(shell, sandbox):
    terminal = shell()
    terminal.until("iql")
    assert "2" in terminal.run("SELECT 1 + 1 AS sum;")
    assert sandbox.control("GET", "requests") == []
    assert terminal.leave() == 0
    for word in ("exit", "quit;", "\\q", ".quit"):
        terminal = shell("shell")
        terminal.send(f"{word}\r")
        assert terminal.ended() == 0


def test_a_statement_may_have_several_lines(shell):
    terminal = shell()
    # Who wants to leave, or to be helped, is told why nothing comes of it.
    terminal.send("SELECT 1\rquit\r")
    terminal.until("a statement is being typed: Ctrl-C clears it")
    terminal.send(INTERRUPT)
    terminal.prompt()
    terminal.send("SELECT 'a;b' AS one, -- not ;\r")
    terminal.until("\n> ")
    terminal.send("2 AS\rtwo;\r")
    assert re.search(r"one +┆ two.*a;b +┆ +2", terminal.prompt(), re.DOTALL)
    # A line that was left is gone back to: up, to its beginning, and over the line break.
    terminal.send("SELECT 5\rAS five")
    terminal.send("\x1b[A\x01\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C1\x1b[B\x05;\r")
    assert "15" in terminal.prompt()
    # The line break goes at once.
    terminal.send("SELECT 1\r\x7f23 AS joined;\r")
    assert "123" in terminal.prompt()


def test_what_is_pasted_keeps_its_lines(shell):
    terminal = shell()
    terminal.send("\x1b[200~SELECT 'x\ny' AS text,\n7 AS seven;\nSELECT 8 AS eight;\x1b[201~\r")
    shown = terminal.prompt()
    assert "x\\ny" in shown or "x\n" in shown
    assert "seven" in shown and "eight" in shown


def test_names_are_completed_by_what_stands_before_them(shell):
    terminal = shell()
    for typed, completed in [
        ("SELECT * FROM imm\t", "FROM immuta."),
        (f"SELECT * FROM {TABLE} WHERE integration_n\t", f"{TABLE} WHERE integration_name"),
        (f"UPDATE {TABLE} SET integration_\t", "SET integration_name"),
        (f"SELECT * FROM {TABLE} i JOIN aws.redshift.clusters c ON i.target_\t", "ON i.target_arn"),
        ("EXEC awscc.redshift.integrations.dele\t", "integrations.delete_resource"),
        ("EXEC awscc.redshift.integrations.delete_resource @Ident\t", "@Identifier"),
        ("SET iql.await_t\t", "iql.await_time"),
        ("SHOW METH\t", "SHOW METHODS IN"),
        ("\\tim\t", "\\timing"),
        ("\\format te\t", "\\format text"),
    ]:
        terminal.send(typed)
        terminal.until(completed)
        terminal.send(INTERRUPT)
        terminal.prompt()
    # Required ones first, and nothing is called for it.
    terminal.send(f"SELECT * FROM {TABLE} WHERE \t")
    listed = terminal.until("target_arn").split("WHERE ")[-1]
    assert listed.split()[0] == "region", listed


def test_what_is_offered_stands_above_what_is_typed(shell):
    terminal = shell(columns=80)
    # In the second line of a statement, whose first is longer than the terminal is wide.
    terminal.send(f"SELECT integration_name, source_arn, target_arn, create_time, tags, region\rFROM {TABLE} i WHERE i.\t")
    listed = terminal.until("target_arn  ").split("WHERE i.")[-1]
    assert "integration_arn" in listed and "region" in listed, listed
    # The statement is there once more below, and nothing is drawn over the list.
    below = terminal.until("i WHERE i.")
    assert "SELECT integration_name, source_arn" in below, below
    assert b"\x1b[A" not in terminal.raw[terminal.at - 40 :]
    terminal.send("reg\t = 'us-east-1' LIMIT 1;\r")
    assert "(1 row" in terminal.prompt()
    # Several times at once, before the editor reads again.
    terminal.send(f"SELECT * FROM {TABLE} WHERE \t\t\tregion = 'us-east-1' LIMIT 1;\r")
    assert "(1 row" in terminal.prompt()
    terminal.send("SHOW \t")
    terminal.until("PROVIDERS")
    terminal.send("VERSION;\r")
    assert "(1 row" in terminal.prompt()


def test_tables_and_views_of_ones_own_are_completed(shell):
    terminal = shell()
    terminal.run("CREATE VIEW viewed AS SELECT 1 AS visited;")
    terminal.run("CREATE TABLE estate AS SELECT 5 AS accounted;")
    terminal.send("SELECT * FROM est\t WHERE acc\t = 5;\r")
    assert "(1 row)" in terminal.prompt()
    terminal.send("SELECT * FROM viewed WHERE visi\t = 1;\r")
    assert "(1 row)" in terminal.prompt()
    terminal = shell()
    terminal.send("SELECT * FROM vie\t;\r")
    assert "(1 row)" in terminal.prompt()


def test_file_names_are_completed(shell, iql):
    (iql.home / "inventory.iql").write_text("SELECT 'from a file' AS said;\n")
    terminal = shell()
    terminal.send("\\i inven\t")
    terminal.until("inventory.iql")
    assert "from a file" in terminal.run("")


def test_what_is_typed_is_coloured(shell):
    terminal = shell()
    terminal.send("SELECT 'text', 12 FROM x WHERE (a;")
    terminal.until("(a;")
    for drawn in (b"\x1b[1;34mSELECT", b"\x1b[32m'text'", b"\x1b[36m12", b"\x1b[1;33m("):
        assert drawn in terminal.raw
    terminal.send(INTERRUPT)
    terminal.prompt()
    terminal.send("SELECT 'open")
    terminal.until("'open")
    assert b"\x1b[31m'open" in terminal.raw


def test_history_is_hinted_at_searched_and_kept(shell, iql):
    terminal = shell()
    terminal.run("SELECT 'first' AS a;")
    terminal.send("SELECT 'second'\rAS b;\r")
    terminal.prompt()
    terminal.run("SHOW VERSION;")
    terminal.run("SELECT 'first' AS a;")
    # The rest of what was typed before, greyed; Ctrl-E takes it.
    terminal.send("SHOW V")
    terminal.until("ERSION;")
    # What is drawn in between depends on how many letters were read at once.
    assert re.search(rb"\x1b\[90m[A-Z ]*ERSION;", terminal.raw)
    terminal.send("\x05\r")
    assert "version" in terminal.prompt()
    other = shell()
    other.run("SELECT 'of another shell' AS c;")
    assert terminal.leave() == 0 and other.leave() == 0
    history = iql.home / ".local/state/iql/history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    terminal = shell()
    # Up: the last one, and the one before it; with something typed, what begins so.
    terminal.send("\x1b[A")
    terminal.until("of another shell")
    terminal.send("\x1b[A")
    terminal.until("SHOW VERSION;")
    terminal.send(INTERRUPT)
    terminal.prompt()
    terminal.send("SELECT 's\x1b[A")
    terminal.until("> AS b;")
    terminal.send("\r")
    assert re.search(r"b +│.*second", terminal.prompt(), re.DOTALL)
    # Ctrl-R: what has it within, in any case.
    terminal.send("\x12another sh")
    terminal.until("of another shell")
    terminal.send("\r")
    assert "(1 row)" in terminal.prompt()
    shown = terminal.run("\\s")
    assert shown.count("SELECT 'first' AS a;") == 1


def test_secrets_do_not_reach_the_history(shell, iql):
    terminal = shell()
    terminal.run("SELECT 'hunter2' AS password;")
    terminal.run(" SELECT 'hunter3' AS blank;")
    terminal.run("\\set p hunter2x")
    terminal.run("\\set password 'hunter2'")
    terminal.run("SELECT 'kept' AS a;")
    terminal.leave()
    history = (iql.home / ".local/state/iql/history").read_text()
    assert "kept" in history and "hunter" not in history


def test_words_are_moved_over_and_keys_may_be_vis(shell):
    terminal = shell()
    terminal.send("SELECT 1 AS wrong\x17right;\r")
    assert "right" in terminal.prompt()
    terminal.send("SELECT 1 AS one, 9 AS many;\x1bb\x1bb\x1bb\x1bd8\r")
    assert re.search(r"many │\n╞.*\n│ +1 ┆ +8 │", terminal.prompt())
    terminal.run("\\pset keys vi")
    terminal.send(f"xSHOW VERSION;{ESC}0x\r")
    assert "version" in terminal.prompt()


def test_a_statement_is_edited_printed_forgotten_and_written(shell, iql):
    terminal = shell(VISUAL="sed -i s/before/after/")
    assert "before" in terminal.run("SELECT 'before' AS said;")
    shown = terminal.run("\\e")
    assert shown.count("after") == 2, shown
    assert "SELECT 'after' AS said;" in terminal.run("\\p")
    terminal.run("\\w said.sql")
    assert (iql.home / "said.sql").read_text() == "SELECT 'after' AS said;\n"
    terminal.send("SELECT 1\r")
    terminal.until("\n> ")
    terminal.send("\\r\r")
    terminal.prompt()
    assert "alone" in terminal.run("SELECT 2 AS alone;")


def test_an_interruption_ends_what_reads_and_not_the_shell(shell, sandbox):
    terminal = shell()
    # What is typed is cleared.
    terminal.send("SELECT 'half")
    terminal.until("half")
    terminal.send(INTERRUPT)
    terminal.prompt()
    for _ in range(2):
        sandbox.fault({"latency": {"milliseconds": 20000}})
        before = len(sandbox.control("GET", "requests"))
        terminal.paste(f"{NAMES};")
        terminal.wait(lambda: len(sandbox.control("GET", "requests")) > before)
        start = time.monotonic()
        terminal.send(INTERRUPT)
        terminal.until("Cancelled after 0 rows, 1 call")
        terminal.prompt()
        asked = len(sandbox.control("GET", "requests"))
        # Far from what the call takes; the machine may be busy.
        assert time.monotonic() - start < 5
        sandbox.control("DELETE", "faults")
        assert "(1 row)" in terminal.run("SELECT 1 AS a;")
        # No call was left in flight, nor sent later.
        assert len(sandbox.control("GET", "requests")) == asked
        assert "(3 rows)" in terminal.run(f"{NAMES} LIMIT 3;")
    assert terminal.leave() == 0


def test_an_interrupted_write_says_what_it_did(shell, sandbox):
    terminal = shell()
    sandbox.fault({"latency": {"milliseconds": 1500}}, action="CreateIntegration", after=1)
    terminal.paste(insert("w-a", "w-b", "w-c") + ";")
    terminal.wait(lambda: len(creations(sandbox)) == 2)
    terminal.send(INTERRUPT)
    terminal.until("interrupted: waiting up to 10 s for the call in flight; again to leave at once")
    shown = terminal.prompt()
    assert "INSERT was interrupted" in shown and "not sent: w-c" in shown, shown
    assert there(sandbox) == {"w-a", "w-b"}
    # A second one leaves the statement at once, and not the shell.
    sandbox.fault({"latency": {"milliseconds": 20000}}, action="CreateIntegration")
    terminal.paste(insert("w-d", "w-e") + ";")
    terminal.wait(lambda: len(creations(sandbox)) == 3)
    terminal.send(INTERRUPT)
    terminal.until("again to leave at once")
    terminal.send(INTERRUPT)
    shown = terminal.prompt()
    assert "was not waited for" in shown and "w-d" in shown and "w-e" in shown, shown
    assert "still here" in terminal.run("SELECT 'still here' AS said;")
    assert terminal.leave() == 0


def test_what_is_typed_ahead_is_run_afterwards(shell, sandbox):
    terminal = shell()
    sandbox.fault({"latency": {"milliseconds": 1000}})
    terminal.paste(f"{NAMES} LIMIT 3;")
    terminal.wait(lambda: sandbox.control("GET", "requests"))
    terminal.send("SELECT 'ahead' AS one;\rSELECT 'further' AS two;\rSELECT 'half")
    terminal.until("(3 rows)")
    terminal.until("│ ahead")
    terminal.until("│ further")
    terminal.prompt()
    terminal.send(" and the other half' AS three;\r")
    terminal.until("│ half and the other half │")


def test_long_output_goes_to_the_pager(shell, iql):
    terminal = shell(PAGER="cat > paged; echo shown by the pager", rows=20)
    assert "shown by the pager" in terminal.run(f"{NAMES};")
    assert len((iql.home / "paged").read_text().splitlines()) > 100
    assert "shown by the pager" not in terminal.run(f"{NAMES} LIMIT 3;")
    terminal.run("\\pset pager off")
    shown = terminal.run(f"{NAMES};")
    assert "shown by the pager" not in shown and len(shown.splitlines()) > 100
    # One that is not there costs nothing.
    terminal = shell(PAGER="no-such-pager", rows=20)
    shown = terminal.run(f"{NAMES};")
    assert "the pager `no-such-pager` cannot be run" in shown and len(shown.splitlines()) > 100


def test_wide_rows_are_shown_each_by_itself_and_cut_ones_whole(shell):
    terminal = shell(columns=60, PAGER="cat")
    shown = terminal.run(f"SELECT * FROM {TABLE} WHERE region = 'us-east-1' LIMIT 2;")
    assert "…" in shown and "(2 rows, values cut to fit the terminal: `\\last` shows them whole, `\\x auto` each row by itself)" in shown
    shown = terminal.run("\\last")
    assert "…" not in shown and "arn:aws:redshift:us-east-1:111122223333:integration:" in shown
    terminal.run("\\x auto")
    shown = terminal.run(f"SELECT * FROM {TABLE} WHERE region = 'us-east-1' LIMIT 2;")
    assert "[ row 1 ]" in shown and "[ row 2 ]" in shown and "…" not in shown
    assert "┌" in terminal.run("SELECT 1 AS narrow;")
    terminal.run("\\x off")
    assert "[ row 1 ]" in terminal.run("SELECT 1 AS narrow \\gx")


def test_formats_files_and_commands_take_rows(shell, iql):
    terminal = shell()
    assert "[]" in terminal.run("\\format json") + terminal.run("SELECT 1 AS a WHERE false;")
    assert '{"a":1}' in terminal.run("SELECT 1 AS a;")
    assert "a\n1\n" in terminal.run(".mode csv") + terminal.run("SELECT 1 AS a;")
    terminal.run("\\H off")
    assert "a\n1\n" not in terminal.run("SELECT 1 AS a;")
    terminal.run("\\o rows.csv")
    assert "in a file" not in terminal.run("SELECT 'in a ' || 'file' AS a;").split(";")[-1]
    terminal.run("\\o")
    assert (iql.home / "rows.csv").read_text() == "in a file\n"
    terminal.run("SELECT 'one' AS a \\g one.csv")
    assert (iql.home / "one.csv").read_text() == "one\n"
    assert "PIPED" in terminal.run("SELECT 'piped' AS a \\g |tr a-z A-Z")


def test_timing_tells_what_a_statement_cost(shell):
    terminal = shell()
    terminal.run("\\timing on")
    shown = terminal.run(f"{NAMES} LIMIT 3;")
    assert re.search(r"Time: \d+\.\d{3} s, 3 rows; 1 call, 1 page, 0 repeats", shown), shown
    terminal.run(".timer off")
    assert "Time:" not in terminal.run(f"{NAMES} LIMIT 3;")


def test_what_takes_long_says_so_and_clears_it(shell, sandbox):
    terminal = shell()
    sandbox.fault({"latency": {"milliseconds": 2500}})
    terminal.paste(f"{NAMES} LIMIT 3;")
    terminal.until("0 rows read, 1 call, 0 pages; waiting for us-east-1, 1 s")
    progress = terminal.at
    terminal.until("integration_name")
    assert b"\x1b[2K" in terminal.raw[progress:]
    # The terminal's own `^C` has room behind it, and is cleared with it.
    lines = re.findall(rb"\x1b\[2K([^\r\n\x1b]*)", terminal.raw)
    assert lines and max(len(line.decode()) for line in lines) < 100


def test_a_statement_is_watched(shell, sandbox):
    terminal = shell()
    shown = terminal.run("SELECT 'seen' AS a \\watch 0.1 c=3")
    assert shown.count("(1 row)") == 3 and "(every 100ms)" in shown
    terminal.send("\\watch 0.1\r")
    terminal.until("(1 row)")
    terminal.until("(1 row)")
    terminal.send(INTERRUPT)
    terminal.prompt()
    shown = terminal.run(f"{insert('w-a')} \\watch")
    assert "this one writes" in shown and creations(sandbox) == []


def test_errors_point_at_their_place(shell):
    terminal = shell()
    shown = terminal.run(f"SELECT statu FROM aws.redshift.integrations WHERE region = 'us-east-1';")
    assert "       ^^^^^" in shown and "did you mean" in shown
    assert "did you mean `\\timing`?" in terminal.run("\\tming")
    # What is wrong cannot be mended by going on: it is said at once.
    assert "error" in terminal.run("SELECT 'a' 'b' ?? ;")


def test_commands_stand_for_statements(shell):
    terminal = shell(rows=300)
    assert "SHOW TABLES" in terminal.run("\\?")
    assert "integrations_list_only" in terminal.run("\\dt")
    assert "source_arn" in terminal.run(f"\\d {TABLE}")
    assert "wire_name" in terminal.run(f"\\d+ {TABLE}")
    assert "create_resource" in terminal.run(f"\\dm {TABLE}")
    assert "integrations_list_only" in terminal.run("\\d awscc.redshift")
    terminal.run("CREATE TABLE mine AS SELECT 1 AS own_column;")
    assert "own_column" in terminal.run("\\d mine") and "own_column" in terminal.run("\\d+ mine")
    assert "awscc" in terminal.run("\\l")
    assert "json" in terminal.run("\\df json")
    assert "iql.tries" in terminal.run("\\ds tries")
    assert "INSERT INTO" in terminal.run(f"\\di {TABLE}")


def test_statements_are_given_names(shell, iql):
    terminal = shell()
    terminal.run("SELECT 'named' AS said;")
    terminal.run("\\ns greet")
    terminal = shell()
    assert "greet" in terminal.run("\\n")
    assert "│ named │" in terminal.run("\\n greet")
    assert "did you mean `\\n greet`?" in terminal.run("\\n gret")
    terminal.run("\\nd greet")
    assert not list((iql.home / ".config/iql/queries").iterdir())


def test_variables_stand_in_statements(shell):
    terminal = shell()
    terminal.run("\\set region us-east-1")
    terminal.run("""\\set who "O'Brien\"""")
    terminal.run("\\set n 2")
    assert "O'Brien" in terminal.run("SELECT :'who' AS a;")
    assert "(2 rows)" in terminal.run("SELECT integration_name FROM aws.redshift.integrations WHERE region = :'region' LIMIT :n;")
    assert "who = 'O''Brien'" in terminal.run("\\set")
    terminal.run("\\unset n")
    assert "n = '2'" not in terminal.run("\\set")


def test_files_are_run_and_standard_input_is_a_script(shell, iql):
    (iql.home / "inner.iql").write_text("\n\nSELECT 'inner' AS a;\n\\set x 5\nSELECT :x AS five, missing;\nSELECT 'never';")
    (iql.home / "outer.iql").write_text("SELECT 'outer' AS a;\n\\i inner.iql\nSELECT 'not reached' AS b")
    terminal = shell()
    shown = terminal.run("\\i outer.iql")
    assert "outer" in shown and "inner" in shown and "not reached" not in shown
    assert "inner.iql:5:19" in shown, shown
    # What cannot be read is told of whole, and nothing of the file is run.
    (iql.home / "wrong.iql").write_text("SELECT 'begun' AS a;\nSELEC 1;\n\\set y 1\nINSER 2;\n")
    shown = terminal.run("\\i wrong.iql")
    assert "wrong.iql:2:1" in shown and "wrong.iql:4:1" in shown and "begun" not in shown, shown
    (iql.home / "script.iql").write_text("SELECT 1 AS a; SELECT 2 AS b")
    with open(iql.home / "script.iql") as script:
        done = subprocess.run(
            [os.environ["IQL_PROGRAM"], "-o", "csv"], stdin=script, capture_output=True, text=True, env=iql.environment
        )
    assert (done.returncode, done.stdout) == (0, "a\n1\nb\n2\n"), done.stderr
    done = subprocess.run(
        [os.environ["IQL_PROGRAM"]], input="SELECT wrong", capture_output=True, text=True, env=iql.environment
    )
    assert done.returncode == 1 and "wrong" in done.stderr


def test_changes_of_several_rows_are_asked_about(shell, sandbox):
    terminal = shell()
    delete = f"DELETE FROM {TABLE} WHERE region = 'us-east-1' AND integration_name LIKE 'orders-feed-0%';"
    for answer in ("no\r", INTERRUPT, END):
        terminal.paste(delete)
        terminal.until("DELETE ")
        terminal.until("`yes` or `y` to go on: ")
        terminal.send(answer)
        assert "was not agreed to" in terminal.prompt()
    assert {request["action"] for request in sandbox.control("GET", "requests")} == {"DescribeIntegrations"}
    terminal.paste(delete)
    terminal.until("`yes` or `y` to go on: ")
    terminal.send("yes\r")
    assert "deleted: orders-feed-0" in terminal.prompt()


def test_the_prompt_says_where_statements_go(shell):
    terminal = shell("--read-only", "--profile", "prod", "--region", "us-east-1")
    terminal.until("iql prod us-east-1 read-only> ")
    assert b"\x1b[1;32miql prod us-east-1 read-only" in terminal.raw
    terminal.run("SET awscc.region = 'eu-west-1';")
    terminal.until("eu-west-1,us-east-1 read-only> ")
    # What may change something real is red.
    terminal = shell()
    terminal.until("iql> ")
    assert b"\x1b[1;31miql" in terminal.raw


def test_the_users_own_file_is_run_first(shell, iql):
    folder = iql.home / ".config/iql"
    folder.mkdir(parents=True)
    (folder / "shellrc").write_text("\\set greeting hello\n\\timing on\nSELECT 'from the rc' AS said;\n\\nonsense\n")
    terminal = shell()
    assert b"from the rc" in terminal.raw and b"there is no command `\\nonsense`" in terminal.raw
    assert "hello" in terminal.run("SELECT :'greeting' AS a;")
    terminal = shell("--no-rc")
    assert b"from the rc" not in terminal.raw


def test_without_colours_there_are_none(shell):
    terminal = shell(NO_COLOR="1")
    terminal.send("SELECT 'x' AS\r")
    terminal.until("\n> ")
    terminal.send("one;\r")
    assert "one" in terminal.prompt()
    assert not re.search(rb"\x1b\[[0-9;]+m", terminal.raw)


def test_a_dumb_terminal_gets_plain_lines(shell):
    terminal = shell(TERM="dumb")
    terminal.until("iql> ")
    terminal.send("SELECT 1\n")
    terminal.until("> ")
    terminal.send("AS one;\n")
    terminal.until("(1 row)")
    terminal.until("iql> ")
    terminal.send("SELECT 'half\n")
    terminal.until("> ")
    terminal.send(INTERRUPT)
    terminal.until("iql> ")
    terminal.send("SELECT 2 AS two;\n")
    terminal.until("(1 row)")
    assert b"\x1b" not in terminal.raw
    terminal.send(END)
    assert terminal.ended() == 0


def test_wide_characters_are_as_wide_as_they_are(shell):
    terminal = shell()
    shown = terminal.run("SELECT '字é😀' AS 名前, 1 AS x;")
    rows = [line for line in shown.splitlines() if line.startswith("│")]
    # Wide letters take two columns: the lines end in the same place.
    widths = {sum(2 if ord(letter) > 0x2E80 else 1 for letter in row) for row in rows}
    assert len(rows) == 2 and len(widths) == 1, shown
    # The cursor is where it is drawn: a letter goes before the last one.
    terminal.send("SELECT '字字' AS a;\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[Dx\r")
    assert "│ 字x字 │" in terminal.prompt()


def test_a_terminal_may_change_its_size(shell):
    terminal = shell(columns=200)
    fcntl.ioctl(terminal.ours, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 50, 0, 0))
    shown = terminal.run(f"SELECT * FROM {TABLE} WHERE region = 'us-east-1' LIMIT 1;")
    table = [line for line in shown.splitlines() if line.startswith(("┌", "│", "└"))]
    assert table and max(map(len, table)) <= 50


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_who_is_told_to_end_leaves_nothing_behind(shell, iql, sandbox, number):
    for runs in (False, True):
        terminal = shell()
        terminal.run(f"SELECT 'kept by {number.name} {runs}' AS a;")
        if runs:
            sandbox.fault({"latency": {"milliseconds": 20000}})
            count = len(sandbox.control("GET", "requests"))
            terminal.paste(f"{NAMES};")
            terminal.wait(lambda: len(sandbox.control("GET", "requests")) > count)
        terminal.process.send_signal(number)
        assert terminal.process.wait(timeout=20) == 130
        # The terminal echoes again.
        echoes = termios.ECHO | termios.ICANON | termios.ISIG
        assert termios.tcgetattr(terminal.its)[3] & echoes == echoes
        assert f"kept by {number.name} {runs}" in (iql.home / ".local/state/iql/history").read_text()

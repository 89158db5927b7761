"""The shell as something that is programmed: branches, variables from rows, rows that go elsewhere once, other accounts."""

import os

from test_shell import INTERRUPT, NAMES, TABLE, shell  # noqa: F401, the fixture
from test_writes_signals import creations, insert


def test_a_branch_is_taken_or_passed_over(shell):
    terminal = shell("--sandbox")
    assert "true" in terminal.run("\\if on\nSELECT 'true' AS a;\n\\else\nSELECT 'false' AS a;\n\\endif")
    shown = terminal.run("\\if :{?nothing}\nSELECT 'set' AS a;\n\\elif 0\nSELECT 'zero' AS a;\n\\else\nSELECT 'other' AS a;\n\\endif")
    assert "other" in shown and "│ set" not in shown and "│ zero" not in shown, shown
    assert "`maybe` is neither true nor false" in terminal.run("\\if maybe\n\\endif")
    assert "there is no `\\if` for this `\\endif`" in terminal.run("\\endif")
    # What is typed in a branch that is not taken is said to be passed over, and the prompt shows it.
    terminal.run("\\if no")
    terminal.until("@> ")
    assert "passed over" in terminal.run("SELECT 'never' AS a;")
    assert "passed over" in terminal.run("\\nonsense")
    terminal.send(INTERRUPT)
    assert "left the `\\if`" in terminal.prompt()
    assert "again" in terminal.run("SELECT 'again' AS a;")


def test_a_statement_is_put_together_of_branches(shell, iql):
    terminal = shell("--sandbox")
    (iql.home / "parts.iql").write_text(
        "\\set names yes\nSELECT\n\\if :names\n  'a' AS name,\n\\else\n  'no' AS other,\n\\endif\n  1 AS one;\n"
        "\\if off\n\\i missing.iql\n\\q\n\\endif\nSELECT 'end' AS last;"
    )
    shown = terminal.run("\\i parts.iql")
    assert "name ┆ one" in shown and "end" in shown and "other" not in shown, shown
    (iql.home / "open.iql").write_text("\\if on\nSELECT 1 AS a;\n")
    assert "an `\\if` of this file has no `\\endif`" in terminal.run("\\i open.iql")
    (iql.home / "inner.iql").write_text("\\endif\n")
    assert "there is no `\\if` for this `\\endif`" in terminal.run("\\if on\n\\i inner.iql")
    assert "still" in terminal.run("SELECT 'still' AS a;\n\\endif")


def test_a_row_sets_variables(shell, iql):
    terminal = shell("--sandbox")
    terminal.run(f"SELECT region, integration_name AS name, NULL AS kms FROM {TABLE} WHERE region = 'eu-west-1' ORDER BY 2 LIMIT 1 \\gset first_")
    shown = terminal.run("\\set")
    assert "first_region = 'eu-west-1'" in shown and "first_name" in shown and "first_kms" not in shown, shown
    shown = terminal.run(f"SELECT count(*) AS n FROM {TABLE} WHERE region = :'first_region' AND integration_name = :'first_name';")
    assert "(1 row)" in shown
    assert "there are several" in terminal.run("SELECT * FROM (VALUES (1), (2)) AS t (a) \\gset")
    assert "there is none" in terminal.run("SELECT 1 AS a WHERE false \\gset")
    assert "`AS name` gives the column one" in terminal.run("SELECT 1 + 1 \\gset")
    assert "a = " not in terminal.run("\\set")
    assert "first eu-west-1" in terminal.run("\\echo first :first_region")
    (iql.home / "found.iql").write_text("SELECT 'x' AS found \\gset\nSELECT :'found' AS seen;\n")
    assert "seen" in terminal.run("\\i found.iql")


def test_a_write_is_not_sent_again_by_a_command(shell, sandbox, iql):
    terminal = shell()
    terminal.run(f"{insert('w-a')};")
    assert len(creations(sandbox)) == 1
    for command in ("\\gset", "\\g", "\\gx", "\\g rows.csv", "\\g |cat"):
        shown = terminal.run(command)
        name = command.split(" ")[0]
        assert f"`{name}` would send the last statement again, and that writes" in shown, shown
        assert "nothing was sent" in shown, shown
    assert "this one writes" in terminal.run("\\watch 0.1 c=2")
    assert not (iql.home / "rows.csv").exists()
    # What a variable makes a write of is one, and what only reads is run again.
    terminal.run("\\set verb INSERT")
    written = insert("w-b").replace("INSERT", ":verb", 1)
    assert "this one writes" in terminal.run(f"{written} \\watch 0.1 c=2")
    terminal.run(f"EXPLAIN {insert('w-c')};")
    assert "CreateIntegration" in terminal.run("\\g")
    terminal.run("EXEC immuta.integrations.scripts.delete @id = '7';")
    assert "again" not in terminal.run("\\g |cat > script.sql")
    assert len(creations(sandbox)) == 1
    # Behind the statement itself it is run, and once; what cannot be set is said before that.
    shown = terminal.run(f"{insert('w-d')} \\gset")
    assert "gives none" in shown and "`RETURNING …` at its end" in shown, shown
    shown = terminal.run(f"{insert('w-d')} RETURNING Identifier, upper(region) \\gset")
    assert "`upper(region)` is no name" in shown and "nothing was sent" in shown, shown
    assert len(creations(sandbox)) == 1
    terminal.run(f"{insert('w-d')} RETURNING Identifier, region AS place \\gset new_")
    assert len(creations(sandbox)) == 2
    assert "new_place = 'us-east-1'" in terminal.run("\\set")
    assert "(3 rows)" in terminal.run(f"{NAMES} LIMIT 3;")
    assert "(3 rows)" in terminal.run("\\g")


def test_what_is_not_set_is_named(shell):
    terminal = shell("--sandbox")
    terminal.run("\\set region us-east-1")
    shown = terminal.run("SELECT 1 WHERE 'x' = :'regoin';")
    assert "the variable `regoin` is not set" in shown and "`\\set regoin value` sets it" in shown, shown
    assert "is `region` meant?" in shown and "^^^^^^^^^" in shown, shown
    assert "the variable `n` is not set" in terminal.run("SELECT 1 LIMIT :n;")


def test_the_next_rows_alone_go_elsewhere(shell, iql):
    terminal = shell("--sandbox", "-o", "csv")
    for command in ("\\once", ".once"):
        terminal.run(f"{command} once.csv")
        assert "there" not in terminal.run("SELECT 'there' AS a;").replace("SELECT 'there'", "")
        assert "back" in terminal.run("SELECT 'back' AS a;").replace("SELECT 'back'", "")
        assert (iql.home / "once.csv").read_text() == "a\nthere\n"
    terminal.run("\\once |cat -n")
    assert "1\ta" in terminal.run("SELECT 'piped' AS a;")
    assert "needs the name of a file" in terminal.run("\\once")


def test_other_accounts_and_regions(shell):
    terminal = shell("--sandbox")
    count = f"SELECT count(*) AS n FROM {TABLE};"
    assert "needs `region`" in terminal.run(count)
    assert "statements are about profile dev, region eu-west-1" in terminal.run("\\c dev eu-west-1")
    terminal.until("sandbox dev eu-west-1> ")
    dev = terminal.run(count)
    assert "(1 row)" in dev
    terminal.run("SET awscc.region = 'us-east-1';")
    assert "profile prod, regions eu-west-1,us-west-2" in terminal.run("\\connect prod eu-west-1,us-west-2")
    assert terminal.run(count) != dev
    assert "profile prod, region us-east-1" in terminal.run("\\c - us-east-1")
    assert "profile prod, region us-east-1" in terminal.run("\\c")


def test_files_and_arguments_are_completed_in_statements(shell, iql):
    (iql.home / "wanted.csv").write_text("a\nfrom the file\n")
    terminal = shell("--sandbox", rows=200)
    terminal.send("SELECT * FROM 'wan\t';\r")
    assert "from the file" in terminal.prompt()
    terminal.send("SELECT 'it''s' AS b -- it's\r, a FROM 'wan\t';\r")
    assert "from the file" in terminal.prompt()
    terminal.send("EXEC immuta.integrations.scripts.delete @i\t\t")
    terminal.until("@immuta_host")
    terminal.send(INTERRUPT)
    terminal.prompt()
    shown = terminal.run("\\?")
    for command in ("\\if CONDITION", "\\gset [PREFIX]", "\\once FILE", "(.once)", "\\c [PROFILE [REGION]]"):
        assert command in shown, command


def test_a_resource_file_is_not_run_whole(shell, sandbox, iql):
    (iql.home / "resource.iql").write_text("/*+ create */ SELECT 'made';\n/*+ delete */ SELECT 'gone';\n")
    terminal = shell()
    shown = terminal.run("\\i resource.iql")
    assert "it is not run as a whole" in shown and "resource.iql:2:1" in shown, shown
    assert "`iql exec --anchor create -i resource.iql`" in shown and "made" not in shown


def test_a_file_is_replaced_once_all_rows_are_there(shell, iql):
    kept = iql.home / "keep.csv"
    kept.write_text("a\nprecious\n")
    terminal = shell("-o", "csv", "-d", ";")
    assert "1;2" in terminal.run("SELECT 1 AS a, 2 AS b;")
    for wrong in ("SELEC 1", "SELECT nope FROM aws.redshift.integrations", "SELECT 1/0 AS a"):
        terminal.run(f"{wrong} \\g keep.csv")
        terminal.run("\\once 'keep.csv'")
        terminal.run(f"{wrong};")
        assert kept.read_text() == "a\nprecious\n"
        # It waits for a statement that is run.
        assert "7" not in terminal.run("SELECT 7 AS a;").replace("SELECT 7", "")
        assert kept.read_text() == "a\n7\n"
        kept.write_text("a\nprecious\n")
    terminal.run("SELECT a, 'more' AS b FROM 'keep.csv' \\g keep.csv")
    assert kept.read_text() == "a;b\nprecious;more\n"
    terminal.run("\\set place 'with blanks.csv'")
    terminal.run("SELECT 1 AS a \\g :place")
    terminal.run("SELECT 1 AS a \\g 'quoted.csv'")
    names = sorted(path.name for path in iql.home.glob("*.csv"))
    assert names == ["keep.csv", "quoted.csv", "with blanks.csv"]
    assert "cannot write to `/dev/full`" in terminal.run("SELECT 1 AS a \\g /dev/full")


def test_a_command_that_rows_go_to_outlives_an_interruption_and_is_missed_at_its_end(shell, sandbox, iql):
    terminal = shell("-o", "csv")
    terminal.run("\\o |cat > rows.csv")
    terminal.run("SELECT 1 AS x1;")
    sandbox.fault({"latency": {"milliseconds": 5000}})
    terminal.paste(f"{NAMES};")
    terminal.until("waiting for us-east-1")
    terminal.send(INTERRUPT)
    terminal.until("Cancelled")
    terminal.prompt()
    terminal.run("SELECT 2 AS x2;")
    terminal.run("\\o")
    assert (iql.home / "rows.csv").read_text() == "x1\n1\nintegration_name\nx2\n2\n"
    terminal.run("\\o |exit 3")
    assert "`exit 3` has ended: rows go to the screen again" in terminal.run("SELECT 1 AS x; SELECT 2 AS y;")
    assert "x\n1" in terminal.run("SELECT 1 AS x;")
    assert "ended with exit status: 3" in terminal.run("SELECT 1 AS x \\g |cat > /dev/null; exit 3")


def test_a_file_that_was_only_looked_at_is_not_run(shell, iql):
    (iql.home / "made.sql").write_text("CREATE TABLE made AS SELECT 1 AS a;\n")
    terminal = shell(EDITOR="true")
    assert "made.sql was not changed, and is not run" in terminal.run("\\e made.sql")
    assert "there is no" in terminal.run("SELECT * FROM made;")


def test_a_backslash_keeps_a_quote_in_an_escaped_text(shell):
    terminal = shell("-o", "csv")
    assert "it's; x" in terminal.run("SELECT E'it\\'s; x' AS e;")


def test_a_file_for_a_statement_stays_where_there_is_no_statement(shell, iql):
    kept = iql.home / "keep.sql"
    kept.write_text("precious\n")
    terminal = shell()
    assert "there is no statement yet" in terminal.run("\\w keep.sql")
    assert kept.read_text() == "precious\n"
    terminal.run("SELECT 1 AS a;")
    terminal.run("\\w keep.sql")
    assert kept.read_text() == "SELECT 1 AS a;\n"


def test_the_name_of_a_file_is_one_word_or_quoted(shell, iql):
    terminal = shell("-o", "csv", EDITOR="true")
    terminal.run("SELECT 7 AS seven;")
    for command in ("\\w", "\\i", "\\e", "\\o", "\\once", "\\g"):
        shown = terminal.run(f"{command} my file.sql")
        assert "the name of a file is one word, and `my file.sql` is several" in shown, shown
        assert "`'my file.sql'`" in shown, shown
    assert "my file.sql" not in os.listdir(iql.home) and "my" not in os.listdir(iql.home)
    terminal.run("\\w 'my file.sql'")
    assert "seven\n7" in terminal.run("\\i 'my file.sql'")


def test_what_is_watched_goes_once_where_it_is_sent_once(shell, iql):
    terminal = shell("-o", "csv")
    terminal.run("\\once first.csv")
    shown = terminal.run("SELECT 7 AS seven \\watch 0.1 c=3")
    assert shown.count("seven\n7\n") == 2, shown
    assert (iql.home / "first.csv").read_text() == "seven\n7\n"

//! The commands themselves.

use super::{Act, Command, Does, Takes};

const SWITCH: Takes = Takes::Words(&["on", "off"]);

const fn act(
    names: &'static [&'static str],
    dots: &'static [&'static str],
    arguments: &'static str,
    about: &'static str,
    takes: Takes,
    act: Act,
) -> Command {
    Command { names, dots, arguments, about, takes, does: Does::Acts(act) }
}

const fn runs(
    names: &'static [&'static str],
    dots: &'static [&'static str],
    arguments: &'static str,
    about: &'static str,
    takes: Takes,
    shown: &'static str,
    statement: fn(&[String]) -> String,
) -> Command {
    Command { names, dots, arguments, about, takes, does: Does::Runs { shown, statement, of_own: None } }
}

const fn describes(command: Command, of_own: fn(&str) -> String) -> Command {
    match command.does {
        Does::Runs { shown, statement, .. } => {
            Command { does: Does::Runs { shown, statement, of_own: Some(of_own) }, ..command }
        }
        Does::Acts(_) => command,
    }
}

/// Every command, in the order of `\?`; an empty line stands before each of the titles.
pub const SECTIONS: &[(&str, &[Command])] = &[
    (
        "What there is",
        &[
            describes(
                runs(
                    &["d"],
                    &["schema", "inspect"],
                    "[NAME]",
                    "tables, or what a name stands for",
                    Takes::Name,
                    "DESCRIBE, SHOW …",
                    |a| described(a, ""),
                ),
                |own| format!("DESCRIBE {own}"),
            ),
            describes(
                runs(&["d+"], &[], "NAME", "the same, and more of it", Takes::Name, "DESCRIBE EXTENDED …", |a| {
                    described(a, "EXTENDED ")
                }),
                |own| format!("DESCRIBE EXTENDED {own}"),
            ),
            runs(&["dt"], &["tables"], "[PATTERN]", "tables", Takes::Nothing, "SHOW TABLES", |a| {
                format!("SHOW TABLES{}", like(a))
            }),
            runs(&["dm"], &[], "TABLE", "the methods of a table", Takes::Name, "SHOW METHODS IN", |a| {
                format!("SHOW METHODS IN {}", a.join(" "))
            }),
            runs(&["dp", "l"], &[], "[PATTERN]", "providers", Takes::Nothing, "SHOW PROVIDERS", |a| {
                format!("SHOW PROVIDERS{}", like(a))
            }),
            runs(&["dn"], &[], "PROVIDER", "the services of a provider", Takes::Name, "SHOW SERVICES IN", |a| {
                format!("SHOW SERVICES IN {}", a.join(" "))
            }),
            runs(&["df"], &[], "[PATTERN]", "functions", Takes::Nothing, "SHOW FUNCTIONS", |a| {
                format!("SHOW FUNCTIONS{}", like(a))
            }),
            runs(&["ds"], &[], "[PATTERN]", "settings", Takes::Nothing, "SHOW SETTINGS", |a| {
                format!("SHOW SETTINGS{}", like(a))
            }),
            runs(&["di"], &[], "TABLE", "an INSERT to fill in", Takes::Name, "SHOW INSERT INTO", |a| {
                format!("SHOW INSERT INTO {}", a.join(" "))
            }),
        ],
    ),
    (
        "The statement being typed, or else the last one (which is run again only if it reads)",
        &[
            act(&["g"], &[], "[FILE | |COMMAND]", "run it, its rows to a file or a command", Takes::File, Act::Go),
            act(&["gx", "G"], &[], "", "run it, and show each row by itself", Takes::Nothing, Act::GoExpanded),
            act(
                &["gset"],
                &[],
                "[PREFIX]",
                "run it, and set a variable for each column of its one row",
                Takes::Nothing,
                Act::SetFrom,
            ),
            act(
                &["watch"],
                &[],
                "[SECONDS] [c=N]",
                "run it every 2 s, N times or until Ctrl-C",
                Takes::Nothing,
                Act::Watch,
            ),
            act(
                &["e", "edit"],
                &["edit"],
                "[FILE]",
                "edit it, or a file, in $VISUAL or $EDITOR",
                Takes::File,
                Act::Edit,
            ),
            act(&["p"], &[], "", "print it", Takes::Nothing, Act::Print),
            act(&["r"], &[], "", "forget what was typed of it", Takes::Nothing, Act::Reset),
            act(&["w"], &[], "FILE", "write it to a file", Takes::File, Act::Write),
            act(&["i", "ir", "include"], &["read"], "FILE", "run what is in a file", Takes::File, Act::Include),
            act(&["n"], &[], "[NAME]", "run what was given a name; alone: list the names", Takes::Nothing, Act::Named),
            act(&["ns"], &[], "NAME", "give it a name, for every later shell", Takes::Nothing, Act::NamedSave),
            act(&["nd"], &[], "NAME", "forget what was given a name", Takes::Nothing, Act::NamedRemove),
        ],
    ),
    (
        "How rows are shown",
        &[
            act(
                &["x"],
                &[],
                "[on|off|auto]",
                "each row by itself; `auto`: where a table is too wide",
                Takes::Words(&["on", "off", "auto"]),
                Act::Expanded,
            ),
            act(&["format"], &["mode"], "[NAME]", "the format of rows, as with -o", Takes::Format, Act::Format),
            act(&["H"], &["headers", "header"], "[on|off]", "the header of table and csv", SWITCH, Act::Headers),
            act(
                &["o"],
                &["output"],
                "[FILE | |COMMAND]",
                "rows to a file or a command; alone: back here",
                Takes::File,
                Act::Output,
            ),
            act(
                &["once"],
                &["once"],
                "FILE | |COMMAND",
                "the rows of the next statement alone to a file or a command",
                Takes::File,
                Act::Once,
            ),
            act(&["last"], &["last"], "", "the last rows once more, with nothing cut", Takes::Nothing, Act::Last),
            act(&["timing"], &["timer"], "[on|off]", "what each statement cost", SWITCH, Act::Timing),
            act(
                &["pset"],
                &[],
                "[pager on|off | keys emacs|vi]",
                "the pager for long output; how keys are bound",
                Takes::Words(&["pager", "keys"]),
                Act::Pset,
            ),
        ],
    ),
    (
        "Variables, which stand in statements as :name, :'name' (a text) and :\"name\" (a name)",
        &[
            act(&["set"], &[], "[NAME [VALUE]]", "set one; alone: list them", Takes::Variable, Act::Set),
            act(&["unset"], &[], "NAME", "forget one", Takes::Variable, Act::Unset),
            act(&["echo"], &["print"], "TEXT", "print a text", Takes::Nothing, Act::Echo),
        ],
    ),
    (
        "Branches; `\\if :{?name}` asks whether a variable is set",
        &[
            act(
                &["if"],
                &[],
                "CONDITION",
                "what follows only if it is true: `on`, `yes`, `1`",
                Takes::Nothing,
                Act::If,
            ),
            act(&["elif"], &[], "CONDITION", "else, if this is true", Takes::Nothing, Act::Elif),
            act(&["else"], &[], "", "else", Takes::Nothing, Act::Else),
            act(&["endif"], &[], "", "the end of it", Takes::Nothing, Act::Endif),
        ],
    ),
    (
        "The shell",
        &[
            act(
                &["c", "connect"],
                &[],
                "[PROFILE [REGION]]",
                "the AWS profile and the regions from here on; `-`: as it is",
                Takes::Nothing,
                Act::Connect,
            ),
            act(&["s", "history"], &["history"], "[N]", "what was typed before", Takes::Nothing, Act::History),
            act(&["clear"], &["clear"], "", "clear the screen; also `clear`, Ctrl-L", Takes::Nothing, Act::Clear),
            act(&["?", "h", "help"], &["help"], "", "this; also `help`", Takes::Nothing, Act::Help),
            act(
                &["q", "quit", "exit"],
                &["quit", "exit", "q"],
                "",
                "leave; also `quit`, `exit`, Ctrl-D",
                Takes::Nothing,
                Act::Quit,
            ),
        ],
    ),
];

/// A name's meaning depends on how many parts it has.
fn described(arguments: &[String], extended: &str) -> String {
    let name = arguments.join(" ");
    match name.split('.').count() {
        _ if name.is_empty() => "SHOW TABLES".to_string(),
        1 => format!("SHOW {extended}SERVICES IN {name}"),
        2 => format!("SHOW {extended}RESOURCES IN {name}"),
        3 => format!("DESCRIBE {extended}{name}"),
        _ => format!("DESCRIBE METHOD {extended}{name}"),
    }
}

/// A pattern as people write it: `*` for anything, and a word stands for what has it within.
fn like(arguments: &[String]) -> String {
    let Some(pattern) = arguments.first() else { return String::new() };
    let pattern = pattern.replace('*', "%").replace('\'', "''");
    let pattern = if pattern.contains('%') { pattern } else { format!("%{pattern}%") };
    format!(" LIKE '{pattern}'")
}

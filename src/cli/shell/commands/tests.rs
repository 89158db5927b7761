//! Commands are found by their names, and stand for statements that can be read.

use super::*;

#[test]
fn a_command_stands_for_a_statement() {
    for (typed, expected) in [
        ("\\d", "SHOW TABLES"),
        ("\\d awscc", "SHOW SERVICES IN awscc"),
        ("\\d awscc.redshift", "SHOW RESOURCES IN awscc.redshift"),
        ("\\d awscc.redshift.integrations;", "DESCRIBE awscc.redshift.integrations"),
        ("\\d+ awscc.redshift.integrations", "DESCRIBE EXTENDED awscc.redshift.integrations"),
        (
            "\\d awscc.redshift.integrations.list_resources",
            "DESCRIBE METHOD awscc.redshift.integrations.list_resources",
        ),
        ("\\dt integ*", "SHOW TABLES LIKE 'integ%'"),
        ("\\df json", "SHOW FUNCTIONS LIKE '%json%'"),
        (".tables", "SHOW TABLES"),
        ("\\dm a.b.c", "SHOW METHODS IN a.b.c"),
        ("\\l", "SHOW PROVIDERS"),
    ] {
        let (command, rest) = found(typed).expect("a command");
        let Does::Runs { statement, .. } = &command.does else { panic!("{typed} is no statement") };
        assert_eq!(statement(&words(rest, &Variables::new())), expected);
        assert!(crate::sql::parse(expected, None).is_ok(), "{expected}");
    }
}

#[test]
fn a_command_is_found_by_each_of_its_names() {
    for (typed, act, rest) in [
        ("\\q", Act::Quit, ""),
        ("quit;", Act::Quit, ""),
        ("EXIT", Act::Quit, ""),
        (".exit", Act::Quit, ""),
        ("\\timing on", Act::Timing, "on"),
        (".timer off", Act::Timing, "off"),
        ("\\G", Act::GoExpanded, ""),
        ("\\g |sort -u", Act::Go, "|sort -u"),
        ("\\set a 'b c'", Act::Set, "a 'b c'"),
    ] {
        let (command, found) = found(typed).expect("a command");
        assert!(matches!(command.does, Does::Acts(found) if found == act), "{typed}");
        assert_eq!(found, rest);
    }
    let error = super::found("\\tming on").err().expect("an error");
    assert_eq!(error.to_string(), "there is no command `\\tming`\n\nhint: did you mean `\\timing`?");
    let error = super::found("\\zzz").err().expect("an error");
    assert_eq!(error.to_string(), "there is no command `\\zzz`\n\nhint: `\\?` lists them");
}

#[test]
fn no_name_is_there_twice() {
    let mut names: Vec<&str> = all().flat_map(|command| command.names).copied().collect();
    let mut dots: Vec<&str> = all().flat_map(|command| command.dots).copied().collect();
    for names in [&mut names, &mut dots] {
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}

#[test]
fn quotes_hold_a_word_together() {
    let variables: Variables = [("r", "us-east-1"), ("b", "a b")].map(|(n, v)| (n.to_string(), v.to_string())).into();
    for (text, expected) in [
        ("", &[][..]),
        (":r :b ':r' x:r :'b' :none", &["us-east-1", "a b", ":r", "x:r", "'a b'", ":none"]),
        (":{?r} :{?x}", &["TRUE", "FALSE"]),
        ("  a b ", &["a", "b"]),
        ("a 'b c'", &["a", "b c"]),
        ("x=\"y z\"", &["x=y z"]),
        ("'it", &["'it"]),
        ("n O'Brien", &["n", "O'Brien"]),
        ("n 'O''Brien & Co'", &["n", "O'Brien & Co"]),
    ] {
        assert_eq!(words(text, &variables), expected, "{text}");
    }
}

//! What templates become: a table, and the promise that no value leaves the place where it stands.

use std::path::Path;

use proptest::prelude::*;
use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::render;
use crate::script::Variables;

fn variables() -> Variables {
    let json = r#"{
        "name": "O'Brien", "region": "us-east-1", "e": "é\n", "n": 5, "flag": false, "none": null, "x": 1.5,
        "names": ["a", "it's", 3, null], "empty": [], "tags": [{"Key": "a", "Value": "it's"}], "text": "[\"a\", \"a\"]",
        "network": {"auto": false, "routing": {"mode": "REGIONAL"}}, "braces": "{{ n }}", "word": "integrations"
    }"#;
    Variables::read(Path::new("v.json"), json).expect("variables")
}

fn rendered(template: &str) -> Result<String, String> {
    render(template, None, &variables()).map(|(text, _)| text).map_err(|error| error.to_string())
}

#[test]
fn what_templates_become() {
    let check = |template: &str, expected: &str| assert_eq!(rendered(template).as_deref(), Ok(expected), "{template}");
    check("SELECT 1", "SELECT 1");
    check("SELECT '{{ name }}'", "SELECT 'O''Brien'");
    check("SELECT '{{ name | sql_escape }}', '{{ e }}'", "SELECT 'O''Brien', 'é\n'");
    check("SELECT '{{ name | sql_escape | upper }}'", "SELECT 'O''''BRIEN'");
    check("LIMIT {{ n }} - {{ -n }} {{ n * 2 }} {{ 'a' and 7 }}", "LIMIT 5 - -5 10 7");
    check("{{ flag }} {{ none }} {{ x }} {{ true }}", "false null 1.5 true");
    check("IN {{ names | sql_list }} {{ empty | sql_list }}", "IN ('a', 'it''s', 3, null) (NULL)");
    check("IN {{ text | sql_list }}", "IN ('a', 'a')");
    check("'{{ tags }}'", r#"'[{"Key":"a","Value":"it''s"}]'"#);
    check("'{{ tags | tojson }}{{ none | json_encode }}'", r#"'[{"Key":"a","Value":"it''s"}]null'"#);
    check("'{{ name | tojson }}'", r#"'"O''Brien"'"#);
    check("'{{ (text | from_json)[1] }}{{ text | from_json | length }}'", "'a2'");
    check("{{ .network.auto }} '{{ .network.routing }}' {{.n}}", r#"false '{"mode":"REGIONAL"}' 5"#);
    check("{% if not .flag %}{{ network.auto }}{% endif %}{% if .n == 5 and .x %}y{% else %}z{% endif %}", "falsey");
    check("{% for t in .names if false %}{% endfor %}", "");
}

#[test]
fn what_filters_give() {
    let check = |template: &str, expected: &str| assert_eq!(rendered(template).as_deref(), Ok(expected), "{template}");
    check("{% for t in tags %}'{{ t.Key }}{{ loop.index }}'{% if not loop.last %},{% endif %}{% endfor %}", "'a1'");
    check("'{{ missing | default('a\\'b') }}{{ 'x' if flag else 'y' }}{{ 'x' if flag }}'", "'a''by'");
    check(
        "{% set y = name %}'{{ y }}' -- {{ name }} it's {{ e }}\n'{{ y }}'",
        "'O''Brien' -- O'Brien it's é \n'O''Brien'",
    );
    check("/* it's {{ name }} */ '{{ name }}'", "/* it's  O'Brien  */ 'O''Brien'");
    check("FROM {{ word | sql_name }}.{{ 'SourceArn' | sql_name }}", "FROM \"integrations\".SourceArn");
    check("\"{{ 'a\"b' }}\"", "\"a\"\"b\"");
    check("'{{ braces }}{{ '{% if %}' }}'", "'{{ n }}{% if %}'");
    check("a {{- n -}} b {# no {{ #} c {% raw %}{{ n }}{% endraw %}", "a5b  c {{ n }}");
    check("'{{ 'f' | base64_encode }}'", "'Zg=='");
    check("'{{ text | merge_lists(['b', 'a']) }}'", r#"'["a","b"]'"#);
    check("'{{ text | from_json | merge_lists(other=['b']) }}'", r#"'["a","b"]'"#);
    check(
        "'{{ network | merge_objects({'auto': true, 'b': 1}) }}'",
        r#"'{"auto":true,"routing":{"mode":"REGIONAL"},"b":1}'"#,
    );
    check("'{{ network | merge_objects(other='{\"a\": 1}') | length }}'", "'3'");
    check(
        "string('{{ {\n  \"IntegrationName\": name,\n  \"Tags\": tags, \"N\": 5, \"S\": \"5\", \"D\": {\"a/b~\": none}\n} | generate_patch_document }}')",
        r#"string('[{"op":"add","path":"/IntegrationName","value":"O''Brien"},{"op":"add","path":"/Tags","value":[{"Key":"a","Value":"it''s"}]},{"op":"add","path":"/N","value":5},{"op":"add","path":"/S","value":"5"},{"op":"add","path":"/D","value":{"a/b~":null}}]')"#,
    );
    check("'{{ '{\"a/b\": 1}' | generate_patch_document }}'", r#"'[{"op":"add","path":"/a~1b","value":1}]'"#);
}

#[test]
fn nothing_has_to_be_given_for_a_comment() {
    let check = |template: &str, expected: &str| assert_eq!(rendered(template).as_deref(), Ok(expected), "{template}");
    check("SELECT 1 -- {{ nam }} of {{ n }}\n, '{{ n }}'", "SELECT 1 -- {{ nam }} of 5\n, '5'");
    check("/* {{ nam }} {{ name | sqlist }} {{ }} */ {{ n }}", "/* {{ nam }} {{ name | sqlist }} {{ }} */ 5");
    check("# {% esle %} {% if nam %}\n{{ n }}", "# {% esle %} {% if nam %}\n5");
    check("-- {% endif %}\n{% if n %}-- {% else %}\n{% endif %}", "-- {% endif %}\n-- ");
    check(
        "-- {% if nam %}\n-- LIMIT {{ n }}\n-- {% else %}{% endif %} {{ n }}\n",
        "-- {% if nam %}\n-- LIMIT 5\n-- {% else %}{% endif %} 5\n",
    );
    check("-- {% if n %}\nSELECT 1\n-- {% endif %}", "-- \nSELECT 1\n-- ");
    check("'-- {{ n }}' \"-- {{ n }}\"", "'-- 5' \"-- 5\"");
    for template in ["-- {% if nam %}\nSELECT 1\n-- {% endif %}", "'-- {{ nam }}'", "/* {{ nam }} */ '{{ nam }}'"] {
        assert!(rendered(template).is_err_and(|error| error.contains("there is no variable `nam`")), "{template}");
    }
}

#[test]
fn what_templates_refuse() {
    let mut shown = String::new();
    for template in [
        "SELECT '{{ nam }}'",
        "SELECT 1,\n  '{{ network.rooting }}'",
        "'{{ nothing.like.it }}'",
        "'{{ network.routing.mode.x }}'",
        "{% for t in tags %}'{{ t.Value }}{{ t.key }}'{% endfor %}",
        "{% if nam %}{% endif %}",
        "string('{{ {'A': nam} | generate_patch_document }}')",
        "WHERE region = {{ region }}",
        "WHERE name = {{ name }}",
        "WHERE name = {{ name | sql_escape }}",
        "FROM {{ name | sql_name }}",
        "E'{{ name }}'",
        "$${{ name }}$$",
        "SELECT '{{ name ",
        "'{{ name | sql_escap }}'",
        "IN {{ names | sqllist }}",
        "'{{ name | }}'",
        "'{{ name name }}'",
        "'{{ name | from_json }}'",
        "'{{ n | merge_lists([]) }}'",
        "'{{ names | merge_lists }}'",
        "'{{ names | generate_patch_document }}'",
        "'{{ 1 + name }}'",
        "{{range .names}}x{{end}}",
        "{% range names %}",
        "{% esle %}",
        "{% macro a() %}{% endmacro %}",
        "{% set a %}x{% endset %}",
        "{% if n %}",
        "{% include 'x' %}",
        "{{ . }}",
    ] {
        let error = rendered(template).expect_err(template);
        shown += &format!("{error}\n\n");
    }
    insta::assert_snapshot!(shown);
}

/// `@/` is a word of the parser's, so that no comment begins behind it.
#[test]
fn what_is_no_comment_takes_no_value() {
    let mut variables = Variables::default();
    variables.set("value", "/-- x");
    for template in ["SELECT a @/*+ {{ value }} */ b", "SELECT a @/* {{ value }}"] {
        let error = render(template, None, &variables).expect_err(template);
        assert_eq!(error.message, "no value can stand here", "{template}");
    }
}

#[test]
fn nothing_within_the_signs_is_no_expression() {
    for template in ["{{ }}", "{{   }}", "{{}}", "SELECT {{\n\n}}", "{% if %}{% endif %}"] {
        let error = rendered(template).expect_err(template);
        assert!(error.starts_with("this is no expression"), "{template}: {error}");
    }
}

#[test]
fn a_chain_without_end_is_refused() {
    for step in [".b", "|upper", "[0]", " ~ name", " and name", "()"] {
        let error = rendered(&format!("{{{{ name{} }}}}", step.repeat(50_000))).expect_err(step);
        assert!(error.starts_with("this expression has more than"), "{step}: {}", &error[..80]);
    }
}

#[test]
fn what_was_rendered_knows_where_it_came_from() {
    let template = "SELECT '{{ name }}',\n  {{ n }} AS wrong{% if true %}\n  FROM there{% endif %}";
    let (text, origin) = render(template, None, &variables()).expect("a text");
    let source = crate::sql::Source::made(&text, None, origin);
    for (word, expected) in [
        ("Brien", "1 | SELECT '{{ name }}',\n    |         ^^^^^^^^^^"),
        ("wrong", "2 |   {{ n }} AS wrong{% if true %}\n    |              ^^^^^"),
        ("there", "3 |   FROM there{% endif %}\n    |        ^^^^^"),
    ] {
        let at = text.find(word).expect("a word");
        let place = source.place_of(at..at + word.len());
        let shown = crate::error::Error::new(crate::error::Kind::Syntax, "").at(place).to_string();
        assert_eq!(shown.trim_start(), expected);
    }
}

/// A template with holes for one value, and what the tokens around it are with the value left out of account.
fn shape(text: &str) -> Vec<String> {
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize().expect("words");
    let name = |token: &Token| match token {
        Token::SingleQuotedString(_) => "'".into(),
        Token::Word(word) if word.quote_style.is_some() => "\"".into(),
        Token::Whitespace(_) => " ".into(),
        other => other.to_string(),
    };
    tokens.iter().map(name).collect()
}

proptest! {
    /// Whatever a value is, the statement around it is the same.
    #[test]
    fn no_value_ends_what_it_stands_in(value in "[a '\"`;/*\\\\\\-\n\r$#{}%é]{0,12}", at in 0_usize..9) {
        let template = [
            "SELECT '{{ v }}' ; x",
            "SELECT 'a''{{ v }}''b' ; x",
            "SELECT '{{ v }}{{ v }}' ; x",
            "SELECT '{{ v | sql_escape }}{{ v }}' ; x",
            "SELECT '{{ [v] }}' ; x",
            "SELECT \"a{{ v }}b\" ; x",
            "SELECT a -- it's {{ v }}\n ; x",
            "SELECT a /* it's {{ v }} */ ; x",
            "SELECT '{{ {v: v} | generate_patch_document }}' ; x",
        ][at];
        let with = |value: &str| {
            let mut variables = Variables::default();
            variables.set("v", value);
            render(template, None, &variables).expect("a text").0
        };
        prop_assert_eq!(shape(&with(&value)), shape(&with("a")));
    }

    /// Among words stands nothing but one number, name or list.
    #[test]
    fn no_value_is_sql(value in "[a1 '\";/*\\-.,e()\n$#]{1,8}", filter in prop::sample::select(vec!["", " | sql_list", " | sql_name"])) {
        let mut variables = Variables::default();
        variables.set("v", if filter == " | sql_list" { minijinja::Value::from(vec![value.clone()]) } else { value.clone().into() });
        if let Ok((text, _)) = render(&format!("SELECT a = {{{{ v{filter} }}}} ; x"), None, &variables) {
            let tokens: Vec<String> = shape(&text).into_iter().filter(|token| token != " ").collect();
            let count = if filter == " | sql_list" { 3 } else { 1 + value.matches('.').count() * 2 * usize::from(filter == " | sql_name") + usize::from(filter.is_empty() && value.starts_with('-')) };
            prop_assert_eq!(tokens.len(), 3 + count + 2, "{}", text);
        }
    }
}

//! CSV files as tables: which types their columns have, and what is said of a line that is broken.

use crate::lab::Lab;

fn file(lab: &Lab, name: &str, text: &str) -> String {
    std::fs::create_dir_all(lab.state()).expect("a folder");
    let path = lab.state().join(name);
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

#[tokio::test]
async fn what_would_not_read_back_stays_text() {
    let lab = Lab::new().await;
    let text = "account,cost,n,day,version\n012345678901,1.5,7,2026-01-31,1.10\n123456789012,2,,,1.1\n";
    let path = file(&lab, "a.csv", text);
    let rows = lab.rows(&format!("SELECT * FROM '{path}' ORDER BY account")).await.expect("rows");
    let expected = [
        r#"{"account":"012345678901","cost":1.5,"n":7,"day":"2026-01-31","version":"1.10"}"#,
        r#"{"account":"123456789012","cost":2.0,"version":"1.1"}"#,
    ];
    assert_eq!(rows.iter().map(ToString::to_string).collect::<Vec<_>>().len(), expected.len());
    for (row, expected) in rows.iter().zip(expected) {
        assert_eq!(*row, serde_json::from_str::<serde_json::Value>(expected).expect("JSON"));
    }
    // Beyond the lines that a guess would look at.
    let many: String = (0..3000).map(|n| format!("{n}\n")).collect();
    let path = file(&lab, "b.csv", &format!("n\n{many}007\n"));
    let rows = lab.rows(&format!("SELECT max(n) AS n, count(*) AS c FROM '{path}' WHERE n LIKE '00%'")).await;
    assert_eq!(rows.expect("rows")[0]["n"], "007");
    // What is declared is taken as it is.
    let path = file(&lab, "c.csv", text);
    let create = format!(
        "CREATE EXTERNAL TABLE c (account BIGINT, cost DOUBLE, n TEXT, day TEXT, version TEXT) STORED AS CSV LOCATION '{path}'"
    );
    lab.count(&create).await.expect("a table");
    assert_eq!(lab.rows("SELECT min(account) AS a FROM c").await.expect("rows")[0]["a"], 12_345_678_901_i64);
}

#[tokio::test]
async fn a_broken_line_is_named() {
    let lab = Lab::new().await;
    let check = async |name: &str, text: &str, columns: &str, expected: &str| {
        let path = file(&lab, name, text);
        let create = format!("CREATE OR REPLACE EXTERNAL TABLE t {columns} STORED AS CSV LOCATION '{path}'");
        let error = lab.count(&create).await.expect_err(name);
        assert_eq!(error.message, expected.replace("FILE", &path));
    };
    check("open.csv", "a,b\n1,\"x\n2,y\n3,z\n", "", "line 2 of `FILE`: a quote is not closed").await;
    check("short.csv", "a,b\n1,2\n\n\"3\n4\"\n", "", "line 4 of `FILE`: there are 1 value and 2 columns").await;
    check("long.csv", "a,b\n1,2,3\n", "", "line 2 of `FILE`: there are 3 values and 2 columns").await;
    check(
        "typed.csv",
        "a,b\n1,2\nx,2\n",
        "(a BIGINT, b BIGINT)",
        "line 3 of `FILE`: `a` takes a whole number, and `x` is none",
    )
    .await;
    let length = "the length in `VARCHAR(3)` would not be held: a file's texts are read as they are";
    check("length.csv", "a,b\nabcd,2\n", "(a VARCHAR(3), b BIGINT)", length).await;
    let path = file(&lab, "cut.jsonl", "{\"a\": 1}\n{\"a\":\n");
    let error = lab.count(&format!("SELECT * FROM '{path}'")).await.expect_err("half an object");
    assert_eq!(error.message, format!("line 3 of `{path}`: this is not JSON"));
    check("empty.csv", "", "", "`FILE` has no columns").await;
    let behind = "line 2 of `FILE`: more text behind the closing \" (one within a value is written \"\")";
    check("behind.csv", "a,b\n\"1\"x,2\n", "", behind).await;
    let path = file(&lab, "regex.csv", "a\n1\n");
    let create = format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{path}' OPTIONS ('null_regex' '(')");
    let error = lab.count(&create).await.expect_err("half a group");
    assert_eq!(error.message, "`null_regex` is no regular expression: unclosed group");
}

#[tokio::test]
async fn a_file_of_json_whose_values_change_type_is_named() {
    let lab = Lab::new().await;
    // More than are looked at for the type.
    let path = file(&lab, "late.jsonl", &("{\"a\": 1}\n".repeat(1500) + "{\"a\": [1]}\n"));
    let error = lab.rows(&format!("SELECT max(a) FROM '{path}'")).await.expect_err("a list");
    assert_eq!(error.message, format!("`{path}` has a value that is not of its column's type"));
    let other = file(&lab, "other.jsonl", "{\"b\": 1}\n");
    let error = lab.rows(&format!("SELECT a FROM '{path}', '{other}'")).await.expect_err("a list");
    assert_eq!(error.message, format!("one of `{path}`, `{other}` has a value that is not of its column's type"));
}

#[tokio::test]
async fn the_files_of_a_folder_are_one_table() {
    let lab = Lab::new().await;
    file(&lab, "one.csv", "a;b\n1;x\n");
    file(&lab, "two.csv", "a;b\n02;\"y;\"\"z\n\"\n");
    let folder = format!("{}/", lab.state().display());
    let create = format!(
        "CREATE EXTERNAL TABLE f STORED AS CSV LOCATION '{folder}' OPTIONS ('delimiter' ';', 'newlines_in_values' 'true')"
    );
    lab.count(&create).await.expect("a table");
    let rows = lab.rows("SELECT a, b FROM f ORDER BY a").await.expect("rows");
    assert_eq!((&rows[0]["a"], &rows[0]["b"]), (&"02".into(), &"y;\"z\n".into()));
    assert_eq!((&rows[1]["a"], &rows[1]["b"]), (&"1".into(), &"x".into()));
}

//! The words of SQL that the shell colours and offers: those that iql's statements are made of. No grammar.

/// Words that a statement may begin with.
pub const VERBS: [&str; 29] = [
    "SELECT", "WITH", "VALUES", "EXPLAIN", "SHOW", "DESCRIBE", "DESC", "SET", "RESET", "INSERT", "UPDATE", "DELETE",
    "EXEC", "EXECUTE", "FROM", "CREATE", "DROP", "ALTER", "COPY", "BEGIN", "START", "COMMIT", "ROLLBACK", "USE",
    "REFRESH", "MERGE", "TRUNCATE", "PREPARE", "REPLACE",
];

/// Words that stand after a query's tables.
pub const CLAUSES: [&str; 18] = [
    "WHERE",
    "JOIN",
    "LEFT JOIN",
    "INNER JOIN",
    "CROSS JOIN",
    "ON",
    "USING",
    "GROUP BY",
    "HAVING",
    "ORDER BY",
    "LIMIT",
    "OFFSET",
    "UNION ALL",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "AS",
    "RETURNING",
];

/// Words that stand in expressions.
pub const OPERATORS: [&str; 18] = [
    "AND",
    "OR",
    "NOT",
    "IN",
    "IS NULL",
    "IS NOT NULL",
    "LIKE",
    "ILIKE",
    "BETWEEN",
    "EXISTS",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "CAST",
    "ASC",
    "DESC",
];

/// What SHOW shows.
pub const SHOWN: [&str; 12] = [
    "PROVIDERS",
    "SERVICES IN",
    "RESOURCES IN",
    "METHODS IN",
    "COLUMNS IN",
    "INSERT INTO",
    "SETTINGS",
    "TABLES",
    "VIEWS",
    "FUNCTIONS",
    "VERSION",
    "EXTENDED",
];

const OTHERS: [&str; 48] = [
    "ALL",
    "ANALYZE",
    "ANY",
    "BY",
    "CONFLICT",
    "CROSS",
    "CURRENT",
    "DISTINCT",
    "DO",
    "EXTENDED",
    "FALSE",
    "FILTER",
    "FIRST",
    "FOLLOWING",
    "FOR",
    "FULL",
    "GROUP",
    "IF",
    "IGNORE",
    "INNER",
    "INTERVAL",
    "INTO",
    "IS",
    "JOIN",
    "LAST",
    "LATERAL",
    "LEFT",
    "MATERIALIZED",
    "METHOD",
    "NATURAL",
    "NOTHING",
    "NULL",
    "NULLS",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "PRECEDING",
    "QUALIFY",
    "RECURSIVE",
    "RIGHT",
    "ROWS",
    "TABLE",
    "TRUE",
    "UNBOUNDED",
    "UNION",
    "VIEW",
    "VERBOSE",
];

/// Is the word SQL's own?
pub fn is_keyword(word: &str) -> bool {
    let upper = word.to_ascii_uppercase();
    let single = |words: &[&str]| words.contains(&upper.as_str());
    single(&VERBS) || single(&OTHERS) || single(&CLAUSES) || single(&OPERATORS) || is_shown(&upper)
}

fn is_shown(upper: &str) -> bool {
    SHOWN.iter().any(|shown| shown.split(' ').next() == Some(upper))
}

//! Statements and what is shown of them.

//! Stands where `sql` names DataFusion's parser, which is not linked here: the same names over the same sqlparser.
//! COPY and CREATE EXTERNAL TABLE, the two statements that are DataFusion's own, are read in their plain form alone;
//! with DataFusion itself they are held by the library's tests.

pub mod sql {
    pub mod parser;
}

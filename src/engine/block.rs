//! BEGIN, COMMIT, ROLLBACK and savepoints: there are no transactions over services. A block is taken, what that does not
//! mean is said, and a ROLLBACK tells what stays done. The session's own tables it does restore.

use std::collections::BTreeMap;

use crate::engine::own::OwnTable;
use crate::engine::session::Session;
use crate::error::{Error, Kind, Result};
use crate::sql::{self, Part, Source};

/// A block that was begun and has not ended.
#[derive(Debug)]
pub struct Block {
    /// Where ROLLBACK goes back to: the block's beginning, then its savepoints by their names.
    points: Vec<Point>,
    /// What was done outside the session, a line each.
    done: Vec<String>,
}

#[derive(Debug)]
struct Point {
    name: Option<String>,
    tables: BTreeMap<String, OwnTable>,
    /// How much was done before it.
    done: usize,
}

const ON_ITS_OWN: &str = "there are no transactions over services: each call takes effect when it is sent, and ROLLBACK cannot undo it; \
     it restores the tables of this session alone";

impl Session {
    /// What is worth saying of the statement.
    ///
    /// # Errors
    /// A ROLLBACK that cannot undo what was done, and a savepoint that does not exist.
    pub(super) fn block(&self, statement: &sql::Block, source: &Source) -> Result<Vec<String>> {
        let mut block = self.block_at_hand();
        let point = |name: Option<String>, done| Point { name, tables: self.own.all(), done };
        match (statement, block.as_mut()) {
            (sql::Block::Begin, Some(_)) => Ok(vec!["a block is open already, and goes on".into()]),
            (sql::Block::Begin, None) => {
                *block = Some(Block { points: vec![point(None, 0)], done: Vec::new() });
                Ok(vec![ON_ITS_OWN.into()])
            }
            (sql::Block::Commit | sql::Block::Rollback { to: None }, None) => {
                Ok(vec!["no block is open: there is nothing to end".into()])
            }
            (
                sql::Block::Savepoint(name) | sql::Block::Release(name) | sql::Block::Rollback { to: Some(name) },
                None,
            ) => Err(Error::new(Kind::Statement, "no block is open")
                .at(source.place(name.span))
                .with_hint("`BEGIN` opens one")),
            (sql::Block::Commit, Some(_)) => {
                *block = None;
                Ok(Vec::new())
            }
            (sql::Block::Rollback { to: None }, Some(open)) => {
                let ended = open.back_to(0, self);
                *block = None;
                ended.map(|()| Vec::new())
            }
            (sql::Block::Rollback { to: Some(name) }, Some(open)) => {
                let at = open.find(name, source)?;
                open.points.truncate(at + 1);
                open.back_to(at, self).map(|()| Vec::new())
            }
            (sql::Block::Savepoint(name), Some(open)) => {
                let done = open.done.len();
                open.points.push(point(Some(name.text.clone()), done));
                Ok(Vec::new())
            }
            (sql::Block::Release(name), Some(open)) => {
                let at = open.find(name, source)?;
                open.points.truncate(at);
                Ok(Vec::new())
            }
        }
    }

    /// Remembers what was done outside the session, if a block is open.
    pub(super) fn was_done(&self, lines: impl IntoIterator<Item = String>) {
        if let Some(block) = self.block_at_hand().as_mut() {
            block.done.extend(lines);
        }
    }
}

impl Block {
    fn find(&self, name: &Part, source: &Source) -> Result<usize> {
        let found = self.points.iter().rposition(|point| point.name.as_ref() == Some(&name.text));
        found.ok_or_else(|| {
            Error::new(Kind::Name, format!("there is no savepoint `{}`", name.text)).at(source.place(name.span))
        })
    }

    /// Restores the session's tables; what was done outside of it since then stays.
    fn back_to(&mut self, at: usize, session: &Session) -> Result<()> {
        let point = &self.points[at];
        session.own.restore(point.tables.clone());
        let done = self.done.split_off(point.done);
        if done.is_empty() {
            return Ok(());
        }
        let error = Error::new(Kind::Statement, "ROLLBACK cannot undo what was sent: it stays done");
        Err(done.into_iter().fold(error, Error::with_context).with_hint(
            "the tables of this session are as they were; what is to be undone elsewhere needs a statement of its own",
        ))
    }
}

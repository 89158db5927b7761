//! `iql`: SQL on integration resources. A statement becomes the provider's own API calls, and rows come back as Arrow.
//!
//! # As a library
//!
//! ```
//! use futures::TryStreamExt;
//! use iql::{Engine, settings::Settings};
//!
//! # async fn example() -> Result<(), iql::error::Error> {
//! let session = Engine::open(Settings::from_environment(None)?)?.session();
//! let mut outcome = session.run("SELECT 1 AS one, 'x' AS letter").await?;
//! while let Some(batch) = outcome.rows.try_next().await? {
//!     assert_eq!((batch.num_rows(), batch.num_columns()), (1, 2));
//! }
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```
//!
//! # The house
//!
//! Rooms in reading order; arrows only go down in number, and `tests/it/tidy.rs` holds them.
//!
//! | | room | may use |
//! |---|---|---|
//! | 4 | [`cli`]: a person at a terminal | script, sandbox, engine, sql, catalog |
//! | 2 | [`engine`]: statement → rows; the only room that knows DataFusion | sql, catalog, drivers, patch |
//! | 1 | [`drivers`]: the only code that leaves the process | catalog |
//! | 1 | [`script`]: `.iql` text → statements: templates, anchors, files within files; pure | sql |
//! | 0 | [`sql`]: text → statement; knows grammar and no providers | |
//! | 0 | [`catalog`]: provider documents → a typed model; calls nothing | |
//! | 0 | [`patch`]: RFC 6902, operations on JSON documents; pure | |
//! | 0 | [`sandbox`]: AWS and Immuta, pretended, on loopback, on their real wire formats | |
//!
//! Everyone may use [`error`] and [`settings`].
//!
//! # Invariants
//!
//! 1. `catalog` never calls anything. `drivers` never see SQL or Arrow. `engine` never sees HTTP, XML or an SDK type.
//! 2. Nothing outside `engine` names DataFusion, except that `sql` names its parser. Nothing outside `drivers` opens a
//!    socket outward; nothing outside `cli/output.rs` prints; nothing outside `settings.rs` reads the environment.
//! 3. Every write goes through `engine::dml`. No UPDATE or DELETE without a WHERE. Between an answer that was lost and a
//!    second call stands a look: one row never becomes two resources.
//! 4. `cli` has one way in: [`Session::run`].
//! 5. `sandbox` and `drivers` do not know each other; they meet on the wire.
//! 6. `EXPLAIN` writes nothing, and prints the calls that the statement would make; of a query it sends nothing at all.
//! 7. No row is lost in silence: a page, a region or a key that could not be read is an error or, where the user asked for
//!    partial results, a named warning and an exit code of its own. What a write reads is whole.
//! 8. A statement names secrets, and a driver alone puts them in, as it sends. What a document marks as one (`catalog::secret`)
//!    is in nothing that is told: the engine leaves out what stands in a statement, the driver what it has sent.
//!
//! # The life of a statement
//!
//! [`sql::parse`] reads it; of a file, [`script`] first puts the variables in and the files that it names in their
//! places, and keeps where each stretch came from. The engine resolves its names against the catalog ([`sql::names`]),
//! lets DataFusion plan it, and each table's scan becomes a route: the requests that answer it. When the first row is
//! wanted, the requests go through the engine's single door, which counts and bounds them, to a driver, and pages come
//! back as batches.
//! What a scan lacks, the keys of a join may supply: its requests are then made while the other side's rows come.
//!
//! A statement that writes is planned whole first: its rows are read by an ordinary query, each becomes a document as it
//! is and as it should be, the difference becomes calls, and only then is the first one sent. A ledger keeps what became
//! of each row, and the report is read from it.

pub mod catalog;
pub mod cli;
pub mod drivers;
pub mod engine;
pub mod error;
pub mod patch;
pub mod sandbox;
pub mod script;
pub mod settings;
pub mod sql;

pub use engine::{Consent, Cost, Engine, Outcome, Rows, Session};

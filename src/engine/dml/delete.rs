//! DELETE: the targets that its WHERE picks, each with the call that deletes it. What is named and not there is said, and
//! is no failure.

use std::sync::Arc;

use super::change::About;
use super::document::Document;
use super::ledger::{How, Verb};
use super::send::{Target, Work};
use super::site::Site;
use super::targets::{Picked, Targets, read};
use super::update::{all_named, called};
use super::{Planned, look};
use crate::engine::calls::Meter;
use crate::engine::session::Session;
use crate::error::Result;
use crate::sql::{Delete, OnConflict, Source};

/// # Errors
/// What is wrong with the statement; nothing was sent then but what it reads.
pub async fn plan(session: &Session, delete: &Delete, source: &Source, meter: &Arc<Meter>) -> Result<Planned> {
    let site = Site::of(session.engine(), &delete.table, source)?;
    let method = site.method("DELETE", site.resource.verbs.delete.as_ref())?.clone();
    let identity = site.identity()?;
    let picked = Picked {
        table: &delete.table,
        alias: delete.alias.as_ref(),
        others: &delete.using,
        selection: &delete.selection,
        values: Vec::new(),
    };
    let Targets { found, named, absent, only_named, run } =
        read(session, &site, &method.call, &picked, source, meter).await?;
    let mut notices = run.taken_notices();
    notices.extend(absent.iter().map(|key| match only_named {
        true => format!("already gone: {key}"),
        false => format!("no row is `{key}` and all else that the WHERE asks"),
    }));
    let fields = look::fields(&site.resource, site.driver.as_ref(), &method.call);
    let targets = found.into_iter().map(|row| {
        let about = About { params: &row.params, key: (&identity.wire, &row.key), fields: &fields };
        let request = about.request(&method.call, Document::new());
        let name = called(&site, &row);
        // One that is on its way out is left alone, and said so.
        let work = if look::is_going(&site.resource, &row.document) {
            Work::Nothing { how: How::Going, document: row.document }
        } else {
            Work::Delete { request, before: row.document }
        };
        Target { name, params: row.params, key: Some(row.key), work }
    });
    let targets: Vec<Target> = targets.collect();
    let sent = targets.iter().filter(|target| !matches!(target.work, Work::Nothing { .. }));
    let asks = sent.count() > 1 && !all_named(&targets, named.as_deref());
    Ok(Planned {
        verb: Verb::Delete,
        site,
        method,
        targets,
        notices,
        asks,
        run,
        on_conflict: OnConflict::Fail,
        repeats: true,
    })
}

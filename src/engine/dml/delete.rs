//! DELETE: the targets that its WHERE picks, each with the call that deletes it, by the first method that is for it. What
//! is named and not there is said, and is no failure.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::change::About;
use super::given::{held, method_for, parted};
use super::ledger::{How, Verb};
use super::rules::values;
use super::send::{Target, Work};
use super::site::{Site, refused};
use super::targets::{Found, Picked, Targets, read};
use super::update::{all_named, called};
use super::{Planned, look, notice};
use crate::catalog::model::Method;
use crate::engine::calls::Meter;
use crate::engine::session::Session;
use crate::error::{Error, Result};
use crate::sql::{Delete, OnConflict, Source};

/// # Errors
/// What is wrong with the statement, or with what it gives for a target; nothing was sent then but what it reads.
pub async fn plan(session: &Session, delete: &Delete, source: &Source, meter: &Arc<Meter>) -> Result<Planned> {
    let site = Site::of(session.engine(), &delete.table, source)?;
    let first = site.method("DELETE", site.resource.verbs.delete.first())?;
    let methods: Vec<&Method> =
        site.resource.verbs.delete.iter().filter_map(|name| site.resource.method(name)).collect();
    let identity = site.identity()?;
    let (selection, given) = parted(session, &methods, delete, source, meter).await?;
    let picked = Picked {
        table: &delete.table,
        alias: delete.alias.as_ref(),
        others: &delete.using,
        selection: &selection,
        values: Vec::new(),
    };
    let Targets { found, named, absent, only_named, run } =
        read(session, &site, &first.call, &picked, source, meter).await?;
    let mut notices = run.taken_notices();
    notices.extend(absent.iter().map(|key| match only_named {
        true => format!("already gone: {key}"),
        false => format!("no row is `{key}` and all else that the WHERE asks"),
    }));
    let (several, mut complaints, mut hints) = (found.len() > 1, Vec::new(), BTreeSet::new());
    let mut targets: Vec<Target> = Vec::new();
    for row in found {
        let name = called(&site, &row);
        let told = |line: String| if several { format!("{name}: {line}") } else { line };
        // One that is gone or on its way out is left alone, and said so.
        let how = match () {
            () if look::is_gone(&site.resource, &row.document) => Some(How::Gone),
            () if look::is_going(&site.resource, &row.document) => Some(How::Going),
            () => None,
        };
        if let Some(how) = how {
            let Found { key, params, document, .. } = row;
            targets.push(Target { name, params, key: Some(key), work: Work::Nothing { how, document } });
            continue;
        }
        let Some(method) = method_for(&methods, &row.document) else {
            complaints.push(told(for_none(&methods)));
            continue;
        };
        if let Some(named) = delete.method.as_ref().filter(|named| **named != method.name) {
            let line = format!("`{named}` is not for it\n  `{}` is: {}", method.name, method.description);
            complaints.push(told(line));
            continue;
        }
        let (found, hint) = held(method, &given, &row.document);
        notices.extend(found.notices.into_iter().map(|notice| format!("{name}: {notice}")));
        if !found.complaints.is_empty() {
            complaints.extend(found.complaints.into_iter().map(told));
            hints.extend(hint.map(|write| match several {
                true => format!("for {name}, write {write}"),
                false => format!("write {write}"),
            }));
            continue;
        }
        notices.extend(
            method
                .notice
                .iter()
                .map(|text| format!("{name}: {}", notice::filled(text, &site.resource.fields, &row.document))),
        );
        let fields = look::fields(&site.resource, site.driver.as_ref(), &method.call);
        let about = About { params: &row.params, key: (&identity.wire, &row.key), fields: &fields };
        let request = about.request(&method.call, given.values.clone());
        let way = (methods.len() > 1).then(|| method.name.clone());
        let work = Work::Delete { request, before: row.document, way };
        targets.push(Target { name, params: row.params, key: Some(row.key), work });
    }
    if !complaints.is_empty() {
        return Err(hints.into_iter().fold(refused("DELETE", complaints), Error::with_hint));
    }
    let methods = methods.into_iter().cloned().collect();
    let sent = targets.iter().filter(|target| !matches!(target.work, Work::Nothing { .. }));
    let asks = sent.count() > 1 && !all_named(&targets, named.as_deref());
    Ok(Planned {
        verb: Verb::Delete,
        site,
        methods,
        targets,
        notices,
        asks,
        run,
        on_conflict: OnConflict::Fail,
        repeats: true,
    })
}

/// No method is for a target: what each is for.
fn for_none(methods: &[&Method]) -> String {
    let lines = methods.iter().map(|method| {
        let when =
            method.when.iter().map(|condition| format!("`{}` is {}", condition.place, values(&condition.values)));
        format!("`{}` does where {}", method.name, when.collect::<Vec<_>>().join(" and "))
    });
    std::iter::once("no method deletes it".to_string()).chain(lines).collect::<Vec<_>>().join("\n  ")
}

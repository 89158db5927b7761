//! Chaos: random statements, random trouble, random ends of the program, and what is then there held against a model, what
//! was told against what is there, and everything that was told or written against the secrets that were given.
//!
//! `IQL_CHAOS_RUNS=10000 cargo test --test it chaos -- --nocapture` is the long run; a run that failed is repeated by its
//! seed: `IQL_CHAOS_SEED=… IQL_CHAOS_RUNS=1`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use iql::sandbox::{Fault, Served};

use self::drive::{Said, Trip};
use self::model::{Company, Ended};
use self::plan::{PATIENCE, Plan, Terms};
use self::program::{Blow, Manner};
use self::world::World;
use crate::canary;

mod drive;
mod governed;
mod model;
mod plan;
mod program;
mod raw;
mod reads;
mod trouble;
mod world;
mod writes;

/// What is run where nobody says otherwise.
const RUNS: u64 = 240;
/// A sandbox's clock runs, and what its seed has under way ends at some time.
const RUNS_OF_A_WORLD: u64 = 150;
/// What was on its way when the estate was taken arrives after that.
const LIFE_OF_A_WORLD: Duration = Duration::from_secs(8 * 60);
const WORKERS: u64 = 4;
/// The ids of Immuta's seed end here.
const LAST_ID: u64 = 9;
/// After so many failed runs there is enough to look at.
const MOST_FAILED: usize = 12;

type Figures = BTreeMap<String, u64>;

/// How a plan is carried out.
#[derive(Debug)]
enum Way {
    Library(Trip),
    /// Two sessions at once.
    Twice,
    Program(Manner),
    /// Two programs at once.
    Programs,
}

struct Case {
    plan: Plan,
    terms: Terms,
    way: Way,
    faults: Vec<Fault>,
}

async fn case(world: &World, seed: u64) -> Case {
    let mut rng = fastrand::Rng::with_seed(seed);
    let tag = format!("c{seed}");
    let mut terms = Terms::some(&mut rng);
    world.set(&terms.easy());
    let kind = rng.u8(0..20);
    let plan = match kind {
        0..=7 => writes::some(&world.raw, &mut rng, &tag).await,
        8..=11 => governed::some(&world.raw, &mut rng, &tag).await,
        12 => governed::nameless(&mut rng),
        13..=16 => reads::some(&world.known, &mut rng),
        _ => {
            let mut plan = Plan::default();
            for part in ["a", "b", "c", "d"].into_iter().take(rng.usize(2..5)) {
                let tag = format!("{tag}-{part}");
                let next = match rng.u8(0..4) {
                    0 => governed::some(&world.raw, &mut rng, &tag).await,
                    1 => reads::some(&world.known, &mut rng),
                    _ => writes::some(&world.raw, &mut rng, &tag).await,
                };
                plan = plan.and(next);
            }
            plan
        }
    };
    let is_script = plan.statements.len() > 1;
    let writes_marked = plan.read.is_none() && plan.nameless == 0;
    let way = match rng.u8(0..20) {
        0..=3 => Way::Program(Manner::some(&mut rng)),
        _ if is_script => Way::Program(Manner::some(&mut rng)),
        4 | 5 if writes_marked => Way::Twice,
        6 if writes_marked => Way::Programs,
        _ => Way::Library(Trip::some(&mut rng)),
    };
    let regions: Vec<&str> =
        if plan.read.is_some() { reads::PLACES.iter().map(|(_, region)| *region).collect() } else { Vec::new() };
    let faults = trouble::some(&mut rng, &plan.actions, &regions);
    if faults.is_empty() {
        (terms.call, terms.await_time) = (PATIENCE, PATIENCE);
    }
    Case { plan, terms, way, faults }
}

/// Carries a run out. What is wrong with it, and its story.
async fn run(world: &Arc<World>, seed: u64, figures: &mut Figures) -> Result<(), String> {
    let Case { plan, terms, way, faults } = case(world, seed).await;
    let tag = format!("c{seed}");
    let explained = explained(world, &plan, &terms, seed).await;
    // What an earlier run sent may land at any time.
    let last_id = world.raw.last_id().await;
    world.sandbox.clear_requests();
    world.set(&terms);
    faults.iter().for_each(|fault| world.sandbox.add_fault(fault.clone()));
    let sql = plan.statements.join(";\n");
    let (mut said, mut wrong) = (Vec::new(), explained);
    match &way {
        Way::Library(trip) => {
            let session = drive::session(world, &terms).await;
            said.push(drive::run(world, &session, &sql, *trip).await);
        }
        Way::Twice => {
            let sessions = [drive::session(world, &terms).await, drive::session(world, &terms).await];
            let both = tokio::join!(
                drive::run(world, &sessions[0], &sql, Trip::None),
                drive::run(world, &sessions[1], &sql, Trip::None)
            );
            said.extend([both.0, both.1]);
        }
        Way::Program(manner) => {
            let manner = match plan.read {
                Some(_) => Manner { format: "jsonl", ..manner.clone() },
                None => manner.clone(),
            };
            let (one, complaints) = program::run(world, &sql, &terms, &manner).await;
            said.push(one);
            wrong.extend(complaints);
        }
        Way::Programs => {
            let manner = Manner::plain();
            let both =
                tokio::join!(program::run(world, &sql, &terms, &manner), program::run(world, &sql, &terms, &manner));
            for (one, complaints) in [both.0, both.1] {
                said.push(one);
                wrong.extend(complaints);
            }
        }
    }
    world.sandbox.clear_faults();
    let served = world.sandbox.requests();
    world.set(&terms.easy());
    let estate = world.raw.estate(&plan.places, &tag).await;
    wrong.extend(judged(&plan, &terms, &way, &faults, &said, &estate));
    wrong.extend(sent(&served));
    if plan.nameless > 0 {
        wrong.extend(nameless(world, &said[0], last_id).await);
    }
    let again = repeated(world, &plan, &terms, &tag, &mut wrong).await;
    count(figures, &plan, &way, &faults, &said);
    world.raw.clear(&plan.places, &tag, LAST_ID).await;
    if wrong.is_empty() {
        return Ok(());
    }
    let mut story = format!("seed {seed}\n");
    wrong.iter().for_each(|complaint| writeln!(story, "WRONG: {complaint}").expect("written"));
    writeln!(story, "{sql}\n{terms:?}\n{way:?}\n{faults:#?}").expect("written");
    plan.rows.iter().for_each(|row| writeln!(story, "{row:?}").expect("written"));
    said.iter().for_each(|said| {
        writeln!(story, "SAID: {:?}\n{}\n{}", said.ended, said.report, said.warnings).expect("written")
    });
    writeln!(story, "FOUND: {estate:#?}\nAGAIN: {again}").expect("written");
    let line = |one: &Served| format!("{} {} {:?}", one.action, one.region, one.status);
    writeln!(story, "ASKED: {:#?}", served.iter().map(line).collect::<Vec<_>>()).expect("written");
    Err(story)
}

/// EXPLAIN of a statement writes nothing and shows no secret.
async fn explained(world: &World, plan: &Plan, terms: &Terms, seed: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    if !seed.is_multiple_of(4) {
        return wrong;
    }
    let session = drive::session(world, &terms.easy()).await;
    world.sandbox.clear_requests();
    for statement in &plan.statements {
        let said = drive::run(world, &session, &format!("EXPLAIN {statement}"), Trip::None).await;
        if canary::is_secret(&format!("{}{:?}", said.report, said.rows)) {
            wrong.push(format!("EXPLAIN shows a secret: {said:?}"));
        }
        if said.ended != Ended::Well && !plan.fails {
            wrong.push(format!("EXPLAIN failed: {said:?}"));
        }
    }
    let is_read = |one: &Served| {
        one.action.starts_with("Describe") || one.action.starts_with("GET ") || one.action.contains("authenticate")
    };
    let writes = world.sandbox.requests().into_iter().filter(|one| !is_read(one));
    wrong.extend(writes.map(|one| format!("EXPLAIN sends {}", one.action)));
    wrong
}

fn judged(
    plan: &Plan,
    terms: &Terms,
    way: &Way,
    faults: &[Fault],
    said: &[Said],
    estate: &model::Estate,
) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Way::Program(Manner { dry_run: true, .. }) = way {
        let now = |row: &model::Row| estate.get(&row.id).and_then(|states| states.first()).cloned();
        let changed = plan.rows.iter().filter(|row| now(row) != row.before);
        return changed.map(|row| format!("{} has changed, though nothing was to be written", row.name)).collect();
    }
    let company = if said.len() > 1 { Company::Others } else { Company::Alone };
    let is_tripped = match way {
        Way::Library(trip) => *trip != Trip::None,
        Way::Program(manner) => !matches!(manner.blow, Blow::None | Blow::Leave),
        Way::Twice | Way::Programs => false,
    };
    for one in said {
        if canary::is_secret(&format!("{}\n{}\n{:?}", one.report, one.warnings, one.rows)) {
            wrong.push("a secret is shown".into());
        }
        wrong.extend(model::complaints(&plan.rows, &one.report, one.ended, company, estate));
        if one.report.starts_with(drive::MISTAKE) {
            wrong.push("there is a mistake in iql".into());
        }
        let is_calm = faults.is_empty() && terms.are_easy() && !is_tripped && !plan.fails;
        if is_calm && company == Company::Alone && one.ended != Ended::Well {
            wrong.push("there was no trouble, and it failed".into());
        }
        if let Some(read) = &plan.read {
            let left = matches!(way, Way::Program(manner) if manner.blow == Blow::Leave);
            if !left {
                wrong.extend(read.complaints(&one.rows, &one.warnings, one.ended));
            }
        }
        // A row that is there already and is like the wanted one may be taken for the row whose answer was lost.
        if plan.fails && one.ended == Ended::Well && faults.is_empty() && !is_tripped {
            wrong.push("it cannot be done, and all went well".into());
        }
        let shown = plan.returns && one.ended == Ended::Well && matches!(way, Way::Library(_));
        if shown && one.rows.len() != plan.rows.len() {
            wrong.push(format!("{} rows are returned of {}", one.rows.len(), plan.rows.len()));
        }
    }
    let logs: Vec<&str> = said.iter().filter_map(|one| one.log.as_deref()).collect();
    if !logs.is_empty() {
        wrong.extend(model::unlogged(&plan.rows, &logs, estate));
    }
    if terms.writes_in_flight == 1 && plan.statements.len() == 1 && company == Company::Alone {
        wrong.extend(model::disorder(&plan.rows, estate));
    }
    if faults.is_empty() {
        for row in plan.rows.iter().filter(|row| row.before.is_none()) {
            let has_made = |one: &&Said| {
                model::told(&one.report)
                    .get(&row.name)
                    .is_some_and(|told| told.iter().any(|told| told.label == "inserted"))
            };
            if said.iter().filter(has_made).count() > 1 {
                wrong.push(format!("both say that they have inserted {}", row.name));
            }
        }
    }
    wrong
}

/// Secrets that arrive are the ones that were given.
fn sent(served: &[Served]) -> Vec<String> {
    let bodies = served.iter().filter_map(|one| one.body.as_ref());
    let passwords = bodies.flat_map(|body| [&body["config"]["password"], &body["password"]]);
    let wrong = passwords.filter(|password| !password.is_null() && **password != governed::VALUE);
    wrong.map(|password| format!("another password was sent: {password}")).collect()
}

/// Of rows that nothing tells from others there are as many as are told of.
async fn nameless(world: &World, said: &Said, last_id: u64) -> Vec<String> {
    let rows = world.raw.governed().await;
    let there = rows
        .iter()
        .filter(|(host, found)| host == "Trino" && found.key.parse::<u64>().is_ok_and(|id| id > last_id))
        .count();
    let told = model::told(&said.report);
    let labelled = |label: &str| told.values().flatten().filter(|told| told.label == label).count();
    let (done, unknown) = (labelled("inserted"), labelled("unknown"));
    // The log tells what nobody else was there to tell.
    if said.ended == Ended::Killed
        && let Some(log) = &said.log
    {
        let sent = log.lines().filter(|line| line.contains("\"sending\"")).count();
        return if there <= sent { Vec::new() } else { vec![format!("{sent} were sent, and there are {there}")] };
    }
    if said.ended == Ended::Killed || (done..=done + unknown).contains(&there) {
        return Vec::new();
    }
    vec![format!("{done} are said to be there and {unknown} to be unknown, and there are {there}")]
}

/// The statement again, without trouble, ends with what was wanted.
async fn repeated(world: &Arc<World>, plan: &Plan, terms: &Terms, tag: &str, wrong: &mut Vec<String>) -> String {
    if plan.rows.is_empty() {
        return String::new();
    }
    let session = drive::session(world, &terms.easy()).await;
    let mut told = String::new();
    for statement in plan.again.iter().filter(|statement| !statement.starts_with("SELECT")) {
        let said = drive::run(world, &session, statement, Trip::None).await;
        if said.ended != Ended::Well && !plan.fails_again {
            wrong.push(format!("the repeat failed: {}", said.report));
        }
        if canary::is_secret(&format!("{}{:?}", said.report, said.rows)) {
            wrong.push("the repeat shows a secret".into());
        }
        told.push_str(&said.report);
    }
    let estate = world.raw.estate(&plan.places, tag).await;
    let rows: Vec<_> = plan.rows.iter().filter(|row| !plan.fails_again || row.after.is_some()).cloned().collect();
    if !plan.fails_again || plan.rows.len() == 1 {
        wrong.extend(model::unfinished(&rows, &estate));
    }
    wrong.extend(
        estate.iter().filter(|(_, states)| states.len() > 1).map(|(id, _)| format!("a repeat makes {id} twice")),
    );
    told
}

fn count(figures: &mut Figures, plan: &Plan, way: &Way, faults: &[Fault], said: &[Said]) {
    let mut add = |what: String| *figures.entry(what).or_default() += 1;
    plan.kinds.iter().for_each(|kind| add(format!("statement: {kind}")));
    faults.iter().for_each(|fault| add(format!("trouble: {}", trouble::name(&fault.trouble))));
    add(match way {
        Way::Library(Trip::None) => "way: library".into(),
        Way::Library(Trip::Stop(_)) => "way: library, stopped".into(),
        Way::Library(Trip::Drop(_)) => "way: library, dropped".into(),
        Way::Twice => "way: two sessions at once".into(),
        Way::Programs => "way: two programs at once".into(),
        Way::Program(manner) => format!("way: program, {}", manner.blow.name()),
    });
    said.iter().for_each(|said| add(format!("ended: {:?}", said.ended)));
    let told = said.iter().flat_map(|said| model::told(&said.report).into_values().flatten());
    told.for_each(|told| add(format!("told of a row: {}", told.label)));
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[expect(clippy::print_stderr, reason = "its figures are for who runs it by hand")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_run_leaves_what_it_says() {
    let first = number("IQL_CHAOS_SEED").unwrap_or(1);
    let runs = number("IQL_CHAOS_RUNS").unwrap_or(RUNS);
    let begun = Instant::now();
    let next = Arc::new(AtomicU64::new(first));
    let failed = Arc::new(std::sync::Mutex::new(Vec::new()));
    let workers = (0..WORKERS.min(runs)).map(|_| {
        let (next, failed) = (next.clone(), failed.clone());
        tokio::spawn(async move {
            let mut figures = Figures::new();
            let mut world = Arc::new(World::new().await);
            let (mut done, mut made) = (0, Instant::now());
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= first + runs || failed.lock().expect("no panic").len() >= MOST_FAILED {
                    break;
                }
                if done == RUNS_OF_A_WORLD || made.elapsed() > LIFE_OF_A_WORLD {
                    (world, done, made) = (Arc::new(World::new().await), 0, Instant::now());
                }
                done += 1;
                if let Err(story) = run(&world, seed, &mut figures).await {
                    failed.lock().expect("no panic").push(story);
                    // What it left must not be the next one's.
                    world = Arc::new(World::new().await);
                }
            }
            let escaped = world.escaped();
            assert!(escaped.is_none(), "a secret is in a file:\n{escaped:?}");
            figures
        })
    });
    let mut figures = Figures::new();
    for worker in workers.collect::<Vec<_>>() {
        for (what, count) in worker.await.expect("a worker") {
            *figures.entry(what).or_default() += count;
        }
    }
    let failed = failed.lock().expect("no panic");
    let figures: String = figures.iter().map(|(what, count)| format!("{count:7} {what}\n")).collect();
    eprintln!("{runs} runs from seed {first} in {} s\n{figures}", begun.elapsed().as_secs());
    assert!(failed.is_empty(), "{} of {runs} runs failed\n\n{}", failed.len(), failed.join("\n\n"));
}

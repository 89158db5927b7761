//! For the tests: a service of integrations whose answers are scripted, one list for each call. What it carries out and
//! what it says are two things, as after a lost answer; so are what there is and what its list shows. It refuses a
//! second integration of a name, as AWS does, and notes every request.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::change::{About, steps};
use super::document::Document;
use super::ledger::{How, Ledger, State, Verb};
use super::look::{Look, fields};
use super::send::{Sender, Target, Work};
use crate::catalog::model::Resource;
use crate::drivers::{Driver, Page, Request, Signature, Stop};
use crate::engine::calls::Calls;
use crate::engine::run::Run;
use crate::error::{Error, Kind, Place, Result};
use crate::settings::{Limits, Settings};
use crate::sql::OnConflict;

pub const SOURCE: &str = "arn:aws:dynamodb:us-east-1:111122223333:table/orders";
const TARGET: &str = "arn:aws:redshift:us-east-1:111122223333:namespace:a1b2";

/// What becomes of one request that writes.
#[derive(Debug, Clone, Copy)]
pub struct Reply {
    does: bool,
    /// None: there is no answer, ever.
    says: Option<Result<(), Kind>>,
    stops: bool,
}

impl Reply {
    pub const DONE: Reply = Reply { does: true, says: Some(Ok(())), stops: false };
    pub const LOST: Reply = Reply { does: true, says: Some(Err(Kind::Transport)), stops: false };
    /// The request itself was lost on the way, which looks the same.
    pub const DROPPED: Reply = Reply::refused(Kind::Transport);
    pub const NEVER: Reply = Reply { does: true, says: None, stops: false };

    pub const fn refused(kind: Kind) -> Reply {
        Reply { does: false, says: Some(Err(kind)), stops: false }
    }

    pub const fn done_but(kind: Kind) -> Reply {
        Reply { does: true, says: Some(Err(kind)), stops: false }
    }

    /// The end is asked for while the request is in flight.
    pub const fn and_stop(self) -> Reply {
        Reply { stops: true, ..self }
    }
}

/// What one look at the list shows. After the last of a script: what there is.
#[derive(Debug, Clone)]
pub enum Shown {
    Nothing,
    /// What there is, with these values instead.
    As(Value),
    /// What there was at first, with these values instead.
    Was(Value),
    Fails(Kind),
    Never,
    /// What there is, and the end is asked for meanwhile.
    Stops,
    /// The same without an answer.
    StopsAndNever,
}

#[derive(Debug)]
pub struct Double {
    known: Arc<dyn Driver>,
    state: Mutex<Service>,
    pub stop: Stop,
}

#[derive(Debug, Default)]
struct Service {
    first: Vec<Document>,
    now: Vec<Document>,
    replies: HashMap<&'static str, VecDeque<Reply>>,
    shows: VecDeque<Shown>,
    /// By each request that writes: whether it was carried out.
    sent: Vec<(Request, bool)>,
    in_flight: usize,
    most_in_flight: usize,
    /// Kept open until a request that writes arrives.
    closes: Option<std::io::PipeReader>,
}

impl Double {
    pub fn new(first: &[Document], replies: &[(&'static str, Reply)], shows: &[Shown]) -> Arc<Double> {
        let mut state = Service { first: first.to_vec(), now: first.to_vec(), ..Service::default() };
        state.shows.extend(shows.iter().cloned());
        replies.iter().for_each(|(call, reply)| state.replies.entry(call).or_default().push_back(*reply));
        let mut drafts = crate::catalog::load(None).expect("documents");
        let drivers = crate::drivers::open(&Settings::default(), &mut drafts);
        let redshift = drafts.drafts.iter().find(|draft| draft.service.driver == "aws.redshift").expect("its document");
        let known = drivers.of(&redshift.service).expect("its driver").clone();
        Arc::new(Double { known, state: Mutex::new(state), stop: Stop::default() })
    }

    /// The calls in their order; a look at the list is `Look`, and `Modify` is ModifyIntegration.
    pub fn calls(&self) -> String {
        let short =
            |call: &str| if call.starts_with("Describe") { "Look".into() } else { call.replace("Integration", "") };
        self.state().sent.iter().map(|(request, _)| short(&request.call)).collect::<Vec<_>>().join(" ")
    }

    /// How many requests that write were carried out.
    pub fn done(&self) -> usize {
        self.state().sent.iter().filter(|(request, done)| *done && !request.call.starts_with("Describe")).count()
    }

    pub fn integrations(&self) -> Vec<Document> {
        self.state().now.clone()
    }

    pub fn most_in_flight(&self) -> usize {
        self.state().most_in_flight
    }

    pub fn closes(&self, reader: std::io::PipeReader) {
        self.state().closes = Some(reader);
    }

    /// Whoever sends these rows to the service, with waits that take no time.
    pub fn sender(self: &Arc<Self>, verb: Verb, on_conflict: OnConflict, targets: &[Target]) -> Sender {
        let limits =
            Limits { tries: 3, backoff: Duration::from_millis(1), call: Duration::from_secs(5), ..Limits::default() };
        let run = Arc::new(Run::bare(Arc::new(Calls::new(&limits))));
        let names = targets.iter().map(|target| target.name.clone());
        Sender {
            look: Look { resource: RESOURCE.clone(), driver: self.clone(), run },
            stop: self.stop.clone(),
            limits,
            on_conflict,
            audit: None,
            place: Place::Sql { file: None, line: 1, column: 1, length: 1, text: String::new() },
            ledger: Arc::new(Ledger::new(verb, on_conflict == OnConflict::Nothing, names)),
            broken: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, Service> {
        self.state.lock().expect("no test panicked here")
    }

    async fn look(&self, request: &Request) -> Result<Page> {
        let shown = self.state().shows.pop_front();
        let documents = {
            let state = self.state();
            let with = |documents: &[Document], values: &Value| -> Vec<Document> {
                let values = values.as_object().cloned().unwrap_or_default();
                documents.iter().map(|d| d.clone().into_iter().chain(values.clone()).collect()).collect()
            };
            match &shown {
                Some(Shown::Nothing) => Vec::new(),
                Some(Shown::As(values)) => with(&state.now, values),
                Some(Shown::Was(values)) => with(&state.first, values),
                _ => state.now.clone(),
            }
        };
        if matches!(shown, Some(Shown::Stops | Shown::StopsAndNever)) {
            self.stop.stop(Kind::Interrupted);
        }
        match shown {
            Some(Shown::Never | Shown::StopsAndNever) => std::future::pending::<()>().await,
            Some(Shown::Fails(kind)) => return Err(says(kind, &request.call)),
            _ => {}
        }
        let fits = |document: &&Document| {
            request
                .inputs
                .iter()
                .all(|(wire, values)| values.iter().any(|value| document.get(wire) == Some(&json!(value))))
        };
        let rows = documents.iter().filter(fits).map(|document| row(request, document)).collect();
        Ok(Page { rows, ..Page::default() })
    }
}

#[async_trait]
impl Driver for Double {
    fn name(&self) -> &'static str {
        "aws.redshift"
    }

    fn service(&self) -> &str {
        "AWS"
    }

    fn signature(&self, call: &str) -> Option<Signature<'_>> {
        self.known.signature(call)
    }

    fn calls(&self) -> Vec<&str> {
        self.known.calls()
    }

    async fn send(&self, request: &Request) -> Result<Page> {
        if request.call == "DescribeIntegrations" {
            self.state().sent.push((request.clone(), false));
            return self.look(request).await;
        }
        let (reply, result) = {
            let mut state = self.state();
            state.closes = None;
            let reply = state.replies.get_mut(request.call.as_str()).and_then(VecDeque::pop_front);
            let reply = reply.unwrap_or(Reply::DONE);
            let result = if reply.does { state.carry_out(request) } else { Ok(None) };
            state.sent.push((request.clone(), reply.does && result.is_ok()));
            state.in_flight += 1;
            state.most_in_flight = state.most_in_flight.max(state.in_flight);
            (reply, result)
        };
        if reply.stops {
            self.stop.stop(Kind::Interrupted);
        }
        // Whatever else is ready comes in between.
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        self.state().in_flight -= 1;
        match reply.says {
            None => std::future::pending().await,
            Some(Err(kind)) => Err(says(kind, &request.call)),
            Some(Ok(())) => {
                let document = result.map_err(|kind| says(kind, &request.call))?;
                let rows = document.iter().map(|document| row(request, document)).collect();
                Ok(Page { rows, next: None, request_id: Some("r-1".into()) })
            }
        }
    }
}

impl Service {
    /// The integration that the call answers with, if it does.
    fn carry_out(&mut self, request: &Request) -> Result<Option<Document>, Kind> {
        let body = &request.body;
        if request.call == "CreateIntegration" {
            if self.now.iter().any(|document| document["IntegrationName"] == body["IntegrationName"]) {
                return Err(Kind::Exists);
            }
            let mut document = body.clone();
            let number = self.sent.len() + 1;
            document.insert("IntegrationArn".into(), arn(number).into());
            document.insert("Status".into(), "active".into());
            self.now.push(document.clone());
            return Ok(Some(document));
        }
        let arn = json!(request.inputs["IntegrationArn"][0]);
        let at = self.now.iter().position(|document| document["IntegrationArn"] == arn).ok_or(Kind::NotFound)?;
        if request.call == "DeleteIntegration" {
            return Ok(Some(self.now.remove(at)));
        }
        let document = &mut self.now[at];
        let mut tags = document.get("Tags").and_then(Value::as_array).cloned().unwrap_or_default();
        let given = body.get("Tags").and_then(Value::as_array).cloned().unwrap_or_default();
        match request.call.as_str() {
            "CreateTags" => {
                tags.retain(|tag| given.iter().all(|new| new["Key"] != tag["Key"]));
                tags.extend(given);
            }
            "DeleteTags" => tags.retain(|tag| !given.contains(&tag["Key"])),
            _ => {
                document.extend(body.clone());
                return Ok(Some(document.clone()));
            }
        }
        document.insert("Tags".into(), tags.into());
        Ok(None)
    }
}

fn says(kind: Kind, call: &str) -> Error {
    Error::new(kind, format!("{call}: {kind:?}"))
}

fn row(request: &Request, document: &Document) -> Vec<Value> {
    request.fields.iter().map(|wire| document.get(wire).cloned().unwrap_or_default()).collect()
}

fn arn(number: usize) -> String {
    format!("arn:aws:redshift:us-east-1:111122223333:integration:{number}")
}

static RESOURCE: LazyLock<Arc<Resource>> = LazyLock::new(|| {
    let catalog = crate::catalog::load(None).and_then(|drafts| drafts.catalog()).expect("sound documents");
    Arc::new(catalog.resource("awscc", "redshift", "integrations").expect("the resource").clone())
});

/// What a statement wants to be there.
pub fn wanted(name: &str, tags: &[(&str, &str)]) -> Document {
    let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    let document = json!({"IntegrationName": name, "SourceArn": SOURCE, "TargetArn": TARGET, "Tags": tags});
    document.as_object().cloned().unwrap_or_default()
}

/// The nth integration that is there from the beginning.
pub fn there(number: usize, name: &str, tags: &[(&str, &str)]) -> Document {
    let mut document = wanted(name, tags);
    document.insert("IntegrationArn".into(), arn(number).into());
    document.insert("Status".into(), "active".into());
    document
}

pub fn creation(name: &str) -> Target {
    let new = wanted(name, &[("a", "1")]);
    let known = Double::new(&[], &[], &[]);
    let fields = fields(&RESOURCE, known.as_ref(), "CreateIntegration");
    let request =
        Request { call: "CreateIntegration".into(), fields, body: new.clone(), params: params(), ..Request::default() };
    Target { name: name.into(), params: params(), key: None, work: Work::Create { request, new } }
}

pub fn change(before: &Document, after: Document) -> Target {
    let (known, params, key) = (Double::new(&[], &[], &[]), params(), text(before, "IntegrationArn"));
    let method = RESOURCE.method("update_resource").expect("the method");
    let fields = fields(&RESOURCE, known.as_ref(), &method.call);
    let about = About { params: &params, key: ("IntegrationArn", &key), fields: &fields };
    let after: Document = before.clone().into_iter().chain(after).collect();
    let steps = steps(&RESOURCE, method, &about, before, &after);
    let work = Work::Change { steps, before: before.clone(), after };
    Target { name: text(before, "IntegrationName"), params, key: Some(key), work }
}

pub fn deletion(before: &Document) -> Target {
    let key = text(before, "IntegrationArn");
    let inputs = BTreeMap::from([("IntegrationArn".to_string(), vec![key.clone()])]);
    let known = Double::new(&[], &[], &[]);
    let fields = fields(&RESOURCE, known.as_ref(), "DeleteIntegration");
    let request = Request { call: "DeleteIntegration".into(), params: params(), inputs, fields, ..Request::default() };
    let work = Work::Delete { request, before: before.clone(), way: None };
    Target { name: text(before, "IntegrationName"), params: params(), key: Some(key), work }
}

/// A row's state in a few words.
pub fn brief(state: &State) -> String {
    match state {
        State::Done(done) => match &done.how {
            How::There { different } if different.is_empty() => "there".into(),
            How::There { different } => format!("there, but {}", different.join(", ")),
            how => format!("{how:?}").to_lowercase(),
        },
        State::Failed(error) => format!("failed {:?}", error.kind),
        State::Unknown(error) => format!("unknown {:?}", error.kind),
        State::NotSent => "not sent".into(),
        State::Sending => "sending".into(),
    }
}

fn params() -> BTreeMap<String, String> {
    BTreeMap::from([("region".to_string(), "us-east-1".to_string())])
}

fn text(document: &Document, wire: &str) -> String {
    document[wire].as_str().unwrap_or_default().to_string()
}

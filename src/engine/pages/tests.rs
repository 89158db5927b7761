//! Pages that are sent for before they are wanted: each once, in order, and the page has the last word.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::*;
use crate::drivers::Signature;
use crate::engine::calls::Calls;
use crate::settings::Limits;

/// A list by its markers. Of each page: what it tells before it is read, and where it says that the next one starts.
#[derive(Debug)]
struct List {
    pages: BTreeMap<&'static str, (Option<&'static str>, Option<&'static str>)>,
    /// The markers that were sent.
    sent: watch::Sender<Vec<String>>,
    failed: Mutex<Vec<&'static str>>,
}

fn list(pages: &[(&'static str, Option<&'static str>, Option<&'static str>)]) -> Arc<List> {
    let pages = pages.iter().map(|(marker, told, next)| (*marker, (*told, *next))).collect();
    Arc::new(List { pages, sent: watch::Sender::default(), failed: Mutex::default() })
}

#[async_trait]
impl Driver for List {
    fn name(&self) -> &'static str {
        "list"
    }

    fn signature(&self, _: &str) -> Option<Signature<'_>> {
        None
    }

    fn calls(&self) -> Vec<&str> {
        Vec::new()
    }

    async fn send(&self, request: &Request) -> Result<Page> {
        self.send_ahead(request, &Ahead::default()).await
    }

    async fn send_ahead(&self, request: &Request, ahead: &Ahead) -> Result<Page> {
        let marker = request.marker.clone().unwrap_or_default();
        self.sent.send_modify(|sent| sent.push(marker.clone()));
        if self.failed.lock().expect("nobody panicked").contains(&marker.as_str()) {
            return Err(Error::new(Kind::Denied, format!("no page `{marker}`")));
        }
        let (told, next) = self.pages[marker.as_str()];
        if let (Some(told), true) = (told, ahead.is_heard()) {
            ahead.tell(told);
            // It is read once the next one was sent for, if it will be.
            let is_sent = |sent: &Vec<String>| sent.iter().any(|marker| marker == told);
            let _ = tokio::time::timeout(Duration::from_secs(20), self.sent.subscribe().wait_for(is_sent)).await;
        }
        let next = next.map(String::from);
        Ok(Page { rows: vec![vec![Value::from(marker)]], next, ..Page::default() })
    }
}

/// The markers of the pages that are read, and what ended that if it was not the last.
async fn read(driver: &Arc<List>, is_ahead: bool) -> (Vec<String>, Option<Error>) {
    let pager =
        Pager::new(driver.clone(), Arc::new(Run::bare(Arc::new(Calls::new(&Limits::default())))), Request::default());
    let mut pager = if is_ahead { pager.ahead() } else { pager };
    let mut read = Vec::new();
    loop {
        match pager.next(None).await {
            Ok(None) => return (read, None),
            Ok(Some(rows)) => read.extend(rows.iter().map(|row| row[0].as_str().expect("a marker").to_string())),
            Err(error) => return (read, Some(error)),
        }
    }
}

fn sent(driver: &List) -> Vec<String> {
    driver.sent.borrow().clone()
}

#[tokio::test]
async fn the_next_page_is_sent_for_before_this_one_is_read() {
    let pages = [("", Some("a"), Some("a")), ("a", Some("b"), Some("b")), ("b", None, Some("c")), ("c", None, None)];
    let driver = list(&pages);
    let (found, error) = read(&driver, true).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(found, ["", "a", "b", "c"]);
    assert_eq!(sent(&driver), found);
    let driver = list(&pages);
    assert_eq!(read(&driver, false).await.0, found);
    assert_eq!(sent(&driver), found);
}

#[tokio::test]
async fn the_page_has_the_last_word() {
    let driver = list(&[("", Some("x"), Some("a")), ("a", Some("x"), None), ("x", None, Some("a"))]);
    let (found, error) = read(&driver, true).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(found, ["", "a"]);
}

#[tokio::test]
async fn a_page_that_fails_ends_its_list() {
    let driver = list(&[("", Some("a"), Some("a")), ("a", Some("b"), Some("b")), ("b", None, None)]);
    driver.failed.lock().expect("nobody panicked").push("a");
    let (found, error) = read(&driver, true).await;
    assert_eq!((found, error.map(|error| error.message)), (vec![String::new()], Some("no page `a`".into())));
    assert_eq!(sent(&driver), ["", "a"]);
}

#[tokio::test]
async fn no_page_is_sent_for_twice_where_the_list_goes_round() {
    let driver = list(&[("", None, Some("a")), ("a", Some("b"), Some("b")), ("b", None, Some("a"))]);
    let (found, error) = read(&driver, true).await;
    assert_eq!((found.join(" "), error.map(|error| error.kind)), (" a".into(), Some(Kind::Endless)));
    assert_eq!(sent(&driver), ["", "a", "b"]);
}

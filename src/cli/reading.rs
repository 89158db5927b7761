//! What a statement that reads says while it takes its time: how far it has come, who has not answered yet, and what is
//! to be sent again. On a terminal alone, as a line that is gone before anything else is shown.

use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use crate::cli::line::Line;
use crate::cli::progress::Progress;
use crate::engine::{Cost, Watch};

/// What takes less says nothing.
pub const SILENCE: Duration = Duration::from_secs(1);
const TURN: Duration = Duration::from_millis(100);
/// How many places are named.
const NAMED: usize = 4;

/// Waits for rows, of a statement that began at `start`.
pub async fn waiting<T>(progress: Progress, watch: &Watch, start: Instant, rows: impl Future<Output = T>) -> T {
    if progress != Progress::Drawn {
        return rows.await;
    }
    let mut line = Line::default();
    let mut turns = interval(TURN);
    turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut rows = pin!(rows);
    loop {
        tokio::select! {
            biased;
            rows = &mut rows => return rows,
            _ = turns.tick() => if start.elapsed() >= SILENCE {
                line.show(&format!("{}, {} s", doing(watch), start.elapsed().as_secs()));
            },
        }
    }
}

/// `263 rows read, 4 calls, 3 pages; waiting for us-east-1, us-west-2; …`
pub fn doing(watch: &Watch) -> String {
    said(&watch.cost(), &watch.asked(), watch.trouble().as_deref())
}

fn said(cost: &Cost, asked: &[String], trouble: Option<&str>) -> String {
    let count = |number: u64, noun: &str| if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") };
    let (rows, calls, pages) = (count(cost.rows, "row"), count(cost.calls, "call"), count(cost.pages, "page"));
    let mut text = format!("{rows} read, {calls}, {pages}");
    if !asked.is_empty() {
        let more = asked.len().saturating_sub(NAMED);
        text += &format!("; waiting for {}", asked[..asked.len().min(NAMED)].join(", "));
        if more > 0 {
            text += &format!(" and {more} more");
        }
    }
    if let Some(trouble) = trouble {
        text += &format!("; again soon: {trouble}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_is_named() {
        let cost = Cost { rows: 263, calls: 4, pages: 1, ..Cost::default() };
        assert_eq!(said(&cost, &[], None), "263 rows read, 4 calls, 1 page");
        let places: Vec<String> = (1..=6).map(|number| format!("r-{number}")).collect();
        assert_eq!(
            said(&cost, &places, Some("Rate exceeded (2 tries so far)")),
            "263 rows read, 4 calls, 1 page; waiting for r-1, r-2, r-3, r-4 and 2 more; again soon: Rate exceeded (2 \
             tries so far)"
        );
    }
}

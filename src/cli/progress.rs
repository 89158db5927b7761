//! What a write says while it takes its time: where the things stand that it waits for, as a line that changes on a
//! terminal and as a line now and then elsewhere; and that its end was asked for. Done by the task that runs the
//! statement, so that nothing else is printed meanwhile.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::cli::line::Line;
use crate::cli::signals::Ending;
use crate::cli::{output, reading};
use crate::engine::Control;

const TURN: Duration = Duration::from_millis(100);
/// What is waited for less long says nothing where no line can be drawn again.
const SILENCE: Duration = Duration::from_secs(5);
/// How often it is said from then on.
const EVERY: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// As a line that changes.
    Drawn,
    /// As a line now and then.
    Told,
    Hidden,
}

/// Runs a statement; the line is gone when this returns.
pub async fn during<T>(
    progress: Progress,
    control: &Control,
    ending: &Ending,
    statement: impl Future<Output = T>,
) -> T {
    let mut news = control.progress();
    let mut line = Line::default();
    let mut said = Said::default();
    let mut turns = interval(TURN);
    turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut statement = pin!(statement);
    let mut end = pin!(ending.of_a_write());
    let mut is_ending = false;
    let start = Instant::now();
    loop {
        tokio::select! {
            biased;
            done = &mut statement => return done,
            () = &mut end, if !is_ending => {
                is_ending = true;
                line.clear();
                output::note("interrupted: waiting up to 10 s for the call in flight; again to leave at once");
            }
            Ok(()) = news.changed(), if !is_ending && progress != Progress::Hidden => {
                said.hear(news.borrow_and_update().clone(), Instant::now());
                if said.text.is_none() {
                    line.clear();
                }
            }
            _ = turns.tick(), if progress == Progress::Drawn && !is_ending => {
                match &said.text {
                    Some(text) => line.show(text),
                    None if start.elapsed() >= reading::SILENCE => line.show(&format!("working, {} s", start.elapsed().as_secs())),
                    None => {}
                }
            }
            () = sleep_until(said.due.unwrap_or_else(Instant::now)), if progress == Progress::Told && said.due.is_some() && !is_ending => {
                said.say(Instant::now()).iter().for_each(|text| output::note(text));
            }
        }
    }
}

/// What is waited for, and when to say so.
#[derive(Debug, Default)]
struct Said {
    text: Option<String>,
    due: Option<Instant>,
}

impl Said {
    fn hear(&mut self, text: Option<String>, now: Instant) {
        self.due = text.as_ref().map(|_| self.due.unwrap_or(now + SILENCE));
        self.text = text;
    }

    /// The line that is due.
    fn say(&mut self, now: Instant) -> Option<String> {
        self.due = self.text.as_ref().map(|_| now + EVERY);
        self.text.as_ref().map(|text| format!("waiting: {text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_of_after_a_while_and_then_now_and_then() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut said = Said::default();
        assert_eq!(said.due, None);
        said.hear(Some("orders: creating, 0 s".into()), at(0));
        said.hear(Some("orders: creating, 2 s".into()), at(2));
        assert_eq!(said.due, Some(at(5)));
        assert_eq!(said.say(at(5)).as_deref(), Some("waiting: orders: creating, 2 s"));
        said.hear(Some("orders: creating, 20 s".into()), at(20));
        assert_eq!(said.due, Some(at(35)));
        // The next wait is silent again at first.
        said.hear(None, at(21));
        assert_eq!((said.due, said.say(at(22))), (None, None));
        said.hear(Some("clicks: creating, 0 s".into()), at(40));
        assert_eq!(said.due, Some(at(45)));
    }
}

//! What a write says while it takes its time: where the things stand that it waits for, on a terminal, and that its end
//! was asked for. Done by the task that runs the statement, so that nothing else is printed meanwhile.

use std::pin::pin;
use std::time::Duration;

use indicatif::ProgressBar;

use crate::cli::output;
use crate::cli::signals::Ending;
use crate::engine::Control;

const TURN: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// On standard error, if that is a terminal.
    Shown,
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
    let mut line = Line(None);
    let mut statement = pin!(statement);
    let mut end = pin!(ending.of_a_write());
    let mut is_ending = false;
    loop {
        tokio::select! {
            biased;
            done = &mut statement => return done,
            () = &mut end, if !is_ending => {
                is_ending = true;
                line.show(None);
                output::note("interrupted: waiting up to 10 s for the call in flight; again to leave at once");
            }
            Ok(()) = news.changed(), if !is_ending && progress == Progress::Shown => {
                line.show(news.borrow_and_update().clone());
            }
        }
    }
}

/// The last line of the terminal, if something is being waited for.
struct Line(Option<ProgressBar>);

impl Line {
    fn show(&mut self, text: Option<String>) {
        let Some(text) = text else {
            self.0.take().inspect(ProgressBar::finish_and_clear);
            return;
        };
        let bar = self.0.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(TURN);
            bar
        });
        bar.set_message(text);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.show(None);
    }
}

//! A line on standard error that says how far a statement has come.

use std::time::Duration;

use icecore::Progress;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// How often the line changes.
const TICK: Duration = Duration::from_millis(150);

/// Shown while a statement runs, if standard error is a terminal.
#[derive(Clone)]
pub(crate) struct Spinner(ProgressBar);

impl Spinner {
    pub(crate) fn start() -> Self {
        // A statement that is cancelled takes its line with it.
        let bar = ProgressBar::new_spinner().with_finish(ProgressFinish::AndClear);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
            bar.set_style(style);
        }
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Self(bar)
    }

    pub(crate) fn show(&self, progress: &Progress) {
        self.0.set_message(progress.to_string());
    }

    /// Takes the line away, before anything else is printed.
    pub(crate) fn stop(&self) {
        self.0.finish_and_clear();
    }
}

//! What the journey shows while it goes on, and at its end.

use std::time::{Duration, Instant};

/// One step that was walked.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it is.
    pub title: &'static str,
    /// How long it took.
    pub took: Duration,
    /// What was seen.
    pub seen: Vec<String>,
}

/// Prints each step as it happens and keeps what was seen.
pub struct Report {
    begun: Instant,
    current: Option<(&'static str, Instant, Vec<String>)>,
    steps: Vec<Step>,
    quiet: bool,
}

impl Report {
    /// A report on standard output.
    #[must_use]
    pub fn printing() -> Self {
        Self {
            begun: Instant::now(),
            current: None,
            steps: Vec::new(),
            quiet: false,
        }
    }

    /// A report that only keeps what was seen.
    #[must_use]
    pub fn quiet() -> Self {
        Self {
            quiet: true,
            ..Self::printing()
        }
    }

    /// A step begins.
    pub fn begin(&mut self, title: &'static str) {
        self.end();
        self.line(&format!(
            "\n{:>6.1} s  {}. {title}",
            self.begun.elapsed().as_secs_f64(),
            self.steps.len() + 1
        ));
        self.current = Some((title, Instant::now(), Vec::new()));
    }

    /// Something was seen.
    pub fn saw(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.line(&format!(
            "{:>6.1} s     ✓ {what}",
            self.begun.elapsed().as_secs_f64()
        ));
        if let Some((_, _, seen)) = &mut self.current {
            seen.push(what);
        }
    }

    /// The step under way has ended.
    pub fn end(&mut self) {
        if let Some((title, begun, seen)) = self.current.take() {
            self.steps.push(Step {
                title,
                took: begun.elapsed(),
                seen,
            });
        }
    }

    /// The step under way, if there is one.
    #[must_use]
    pub fn current(&self) -> Option<&'static str> {
        self.current.as_ref().map(|(title, ..)| *title)
    }

    /// The steps that have ended.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Prints what was seen as a table.
    pub fn table(&self) {
        println!("\n  step                                                    time   checks");
        println!("  {}", "─".repeat(70));
        for (number, step) in self.steps.iter().enumerate() {
            println!(
                "  {:>2}. {:<50} {:>5.1} s   {:>3} ✓",
                number + 1,
                step.title,
                step.took.as_secs_f64(),
                step.seen.len()
            );
        }
        let checks: usize = self.steps.iter().map(|step| step.seen.len()).sum();
        println!("  {}", "─".repeat(70));
        println!(
            "      {:<50} {:>5.1} s   {checks:>3} ✓",
            "in all",
            self.begun.elapsed().as_secs_f64()
        );
    }

    fn line(&self, text: &str) {
        if !self.quiet {
            println!("{text}");
        }
    }
}

//! Progress and summary of the journey.

use std::time::{Duration, Instant};

/// A completed step.
#[derive(Clone, Debug)]
pub struct Step {
    /// The title.
    pub title: &'static str,
    /// The duration.
    pub duration: Duration,
    /// The checks that passed.
    pub checks: Vec<String>,
}

/// Records the steps and their checks, and optionally prints them.
pub struct Report {
    started: Instant,
    current: Option<(&'static str, Instant, Vec<String>)>,
    steps: Vec<Step>,
    quiet: bool,
}

impl Report {
    /// Creates a report that prints to standard output.
    #[must_use]
    pub fn printing() -> Self {
        Self {
            started: Instant::now(),
            current: None,
            steps: Vec::new(),
            quiet: false,
        }
    }

    /// Creates a report that prints nothing.
    #[must_use]
    pub fn quiet() -> Self {
        Self {
            quiet: true,
            ..Self::printing()
        }
    }

    /// Begins a step and ends the previous one.
    pub fn begin(&mut self, title: &'static str) {
        self.end();
        self.line(&format!(
            "\n{:>6.1} s  {}. {title}",
            self.started.elapsed().as_secs_f64(),
            self.steps.len() + 1
        ));
        self.current = Some((title, Instant::now(), Vec::new()));
    }

    /// Records a check that passed.
    pub fn passed(&mut self, check: impl Into<String>) {
        let check = check.into();
        self.line(&format!(
            "{:>6.1} s     ✓ {check}",
            self.started.elapsed().as_secs_f64()
        ));
        if let Some((_, _, checks)) = &mut self.current {
            checks.push(check);
        }
    }

    /// Ends the current step.
    pub fn end(&mut self) {
        if let Some((title, started, checks)) = self.current.take() {
            self.steps.push(Step {
                title,
                duration: started.elapsed(),
                checks,
            });
        }
    }

    /// Returns the title of the current step, if any.
    #[must_use]
    pub fn current(&self) -> Option<&'static str> {
        self.current.as_ref().map(|(title, ..)| *title)
    }

    /// Returns the completed steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Prints a summary of the steps.
    pub fn print_summary(&self) {
        println!("\n  step                                                    time   checks");
        println!("  {}", "─".repeat(70));
        for (number, step) in self.steps.iter().enumerate() {
            println!(
                "  {:>2}. {:<50} {:>5.1} s   {:>3} ✓",
                number + 1,
                step.title,
                step.duration.as_secs_f64(),
                step.checks.len()
            );
        }
        let checks: usize = self.steps.iter().map(|step| step.checks.len()).sum();
        println!("  {}", "─".repeat(70));
        println!(
            "      {:<50} {:>5.1} s   {checks:>3} ✓",
            "total",
            self.started.elapsed().as_secs_f64()
        );
    }

    fn line(&self, text: &str) {
        if !self.quiet {
            println!("{text}");
        }
    }
}

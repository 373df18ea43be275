//! How far a tenant has come on its way to its first day.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The onboarding's steps, in the order a tenant goes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its database is made.
    Database,
    /// It has an admin.
    AdminUser,
    /// It has its default settings.
    Settings,
    /// The admin was sent the guide.
    SetupGuide,
    /// It is open for business.
    Activation,
}

/// When each step was begun and done; a step with a time is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Onboarding {
    /// The database was made.
    pub database_ready: Option<OffsetDateTime>,
    /// The user service was asked for an admin.
    pub admin_asked: Option<OffsetDateTime>,
    /// The tenant had an admin.
    pub admin_ready: Option<OffsetDateTime>,
    /// The default settings were written.
    pub settings: Option<OffsetDateTime>,
    /// The notification service was asked to send the guide.
    pub guide_asked: Option<OffsetDateTime>,
    /// The guide was sent.
    pub guide_sent: Option<OffsetDateTime>,
    /// Why it could not be sent.
    pub guide_failure: Option<String>,
    /// All of it was done.
    pub completed: Option<OffsetDateTime>,
}

/// What is to be done next about an onboarding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    AskForAdmin,
    ConfigureSettings,
    AskForGuide,
    Complete,
}

impl Onboarding {
    /// What is to be done now; nothing if an answer from elsewhere has to come first. Asked again after each thing done,
    /// it leads through the whole onboarding, whatever the order in which the answers arrive.
    pub(super) fn advance(&self) -> Option<Next> {
        self.database_ready?;
        if self.admin_ready.is_none() {
            return self.admin_asked.is_none().then_some(Next::AskForAdmin);
        }
        if self.settings.is_none() {
            return Some(Next::ConfigureSettings);
        }
        if self.guide_asked.is_none() {
            return Some(Next::AskForGuide);
        }
        (self.guide_sent.is_some() && self.completed.is_none()).then_some(Next::Complete)
    }
}

/// One step as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which.
    pub step: Step,
    /// How far.
    pub state: StepState,
    /// Since when it is under way.
    pub started: Option<OffsetDateTime>,
    /// Since when it is done.
    pub finished: Option<OffsetDateTime>,
    /// What went wrong, the last time something did.
    pub error: Option<String>,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Its turn has not come.
    Pending,
    /// Under way.
    Running,
    /// Done.
    Done,
    /// It could not be done; see the error.
    Failed,
}

impl Progress {
    /// A step that runs from `started` to `finished`.
    pub(super) fn of(
        step: Step,
        started: Option<OffsetDateTime>,
        finished: Option<OffsetDateTime>,
    ) -> Self {
        let state = match (started, finished) {
            (_, Some(_)) => StepState::Done,
            (Some(_), None) => StepState::Running,
            (None, None) => StepState::Pending,
        };
        Self {
            step,
            state,
            started,
            finished,
            error: None,
        }
    }

    /// The same with what went wrong, if it did and the step is not done; `given_up` makes it a failure.
    pub(super) fn troubled(mut self, error: Option<&str>, given_up: bool) -> Self {
        if self.state != StepState::Done {
            self.error = error.map(str::to_owned);
            if given_up && error.is_some() {
                self.state = StepState::Failed;
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// What arrives from elsewhere.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    enum Arrival {
        Database,
        Admin,
        Guide,
    }
    use Arrival::{Admin, Database, Guide};

    const NOW: Option<OffsetDateTime> = Some(OffsetDateTime::UNIX_EPOCH);

    fn carry_on(onboarding: &mut Onboarding, done: &mut Vec<Next>) {
        while let Some(next) = onboarding.advance() {
            assert!(!done.contains(&next), "{next:?} twice");
            match next {
                Next::AskForAdmin => {
                    assert!(onboarding.admin_ready.is_none());
                    onboarding.admin_asked = NOW;
                }
                Next::ConfigureSettings => onboarding.settings = NOW,
                Next::AskForGuide => onboarding.guide_asked = NOW,
                Next::Complete => onboarding.completed = NOW,
            }
            assert!(
                onboarding.database_ready.is_some(),
                "{next:?} without a database"
            );
            assert!(next == Next::AskForAdmin || onboarding.admin_ready.is_some());
            done.push(next);
        }
    }

    fn arrive(onboarding: &mut Onboarding, arrival: Arrival) {
        match arrival {
            Database => onboarding.database_ready = NOW,
            Admin => onboarding.admin_ready = NOW,
            Guide => onboarding.guide_sent = NOW,
        }
    }

    #[test]
    fn every_order_of_arrivals_with_repeats_ends_complete_with_each_step_once() {
        let mut endings = HashSet::new();
        for code in 0..3_u32.pow(6) {
            let order: Vec<Arrival> = (0..6)
                .map(|place| [Database, Admin, Guide][(code / 3_u32.pow(place) % 3) as usize])
                .collect();
            let (mut onboarding, mut done) = (Onboarding::default(), Vec::new());
            for arrival in &order {
                arrive(&mut onboarding, *arrival);
                carry_on(&mut onboarding, &mut done);
            }
            let all = [Database, Admin, Guide]
                .iter()
                .all(|one| order.contains(one));
            assert_eq!(onboarding.completed.is_some(), all, "{order:?}");
            assert_eq!(done.contains(&Next::Complete), all, "{order:?}");
            if all {
                let asked = order.iter().position(|one| *one == Database)
                    < order.iter().position(|one| *one == Admin);
                assert_eq!(done.contains(&Next::AskForAdmin), asked, "{order:?}");
            }
            endings.insert(format!("{done:?}"));
        }
        assert!(endings.len() > 5, "different ways were gone: {endings:?}");
    }

    #[test]
    fn every_combination_of_flags_has_a_next_thing_that_is_not_done_yet() {
        for flags in 0..128_u8 {
            let flag = |bit: u8| (flags >> bit & 1 == 1).then_some(OffsetDateTime::UNIX_EPOCH);
            let onboarding = Onboarding {
                database_ready: flag(0),
                admin_asked: flag(1),
                admin_ready: flag(2),
                settings: flag(3),
                guide_asked: flag(4),
                guide_sent: flag(5),
                guide_failure: None,
                completed: flag(6),
            };
            let undone = match onboarding.advance() {
                Some(Next::AskForAdmin) => onboarding.admin_asked,
                Some(Next::ConfigureSettings) => onboarding.settings,
                Some(Next::AskForGuide) => onboarding.guide_asked,
                Some(Next::Complete) => onboarding.completed,
                None => continue,
            };
            assert_eq!(undone, None, "{onboarding:?}");
            assert!(onboarding.database_ready.is_some());
        }
    }
}

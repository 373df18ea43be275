//! The onboarding of a tenant: a saga over the user and notification services.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// The steps of an onboarding, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Step {
    /// The database is created.
    DatabaseReady,
    /// The tenant has an admin.
    AdminUserSetUp,
    /// The tenant has its default settings.
    SettingsConfigured,
    /// The setup guide is sent to the admin.
    SetupGuideSent,
    /// The tenant is active.
    Active,
}

/// When each step was requested and completed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Onboarding {
    /// The database was created.
    pub database_ready: Option<OffsetDateTime>,
    /// The user service was requested to create an admin.
    pub admin_requested: Option<OffsetDateTime>,
    /// The admin was created.
    pub admin_ready: Option<OffsetDateTime>,
    /// The default settings were stored.
    pub settings: Option<OffsetDateTime>,
    /// The notification service was requested to send the guide.
    pub guide_requested: Option<OffsetDateTime>,
    /// The guide was sent.
    pub guide_sent: Option<OffsetDateTime>,
    /// Why the guide could not be sent.
    pub guide_failure: Option<String>,
    /// The onboarding was completed.
    pub completed: Option<OffsetDateTime>,
}

/// The next action of an onboarding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextAction {
    RequestAdmin,
    ConfigureSettings,
    RequestGuide,
    Complete,
}

impl Onboarding {
    /// The action to take now, or `None` while the onboarding waits for another service or is complete. Called again after
    /// each action, it leads through the whole onboarding, whatever the order of the other services' events.
    pub(super) fn next_action(&self) -> Option<NextAction> {
        self.database_ready?;
        if self.admin_ready.is_none() {
            return self
                .admin_requested
                .is_none()
                .then_some(NextAction::RequestAdmin);
        }
        if self.settings.is_none() {
            return Some(NextAction::ConfigureSettings);
        }
        if self.guide_requested.is_none() {
            return Some(NextAction::RequestGuide);
        }
        (self.guide_sent.is_some() && self.completed.is_none()).then_some(NextAction::Complete)
    }
}

/// The progress of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepProgress {
    /// The step.
    pub step: Step,
    /// Its state.
    pub state: StepState,
    /// When it started.
    pub started: Option<OffsetDateTime>,
    /// When it finished.
    pub finished: Option<OffsetDateTime>,
    /// The last error, if the step is not done.
    pub error: Option<String>,
}

/// The state of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StepState {
    /// Not started.
    Pending,
    /// In progress.
    Running,
    /// Done.
    Done,
    /// Failed so far; `error` says why.
    Failed,
}

impl StepProgress {
    /// A step that ran from `started` to `finished`.
    pub(super) fn new(
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

    /// Adds the error of a step that is not done; `failed` marks the step as failed.
    pub(super) fn with_error(mut self, error: Option<&str>, failed: bool) -> Self {
        if self.state != StepState::Done {
            self.error = error.map(str::to_owned);
            if failed && error.is_some() {
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

    /// A result that the onboarding waits for.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    enum Completion {
        Database,
        Admin,
        Guide,
    }
    use Completion::{Admin, Database, Guide};

    const NOW: Option<OffsetDateTime> = Some(OffsetDateTime::UNIX_EPOCH);

    fn take_actions(onboarding: &mut Onboarding, done: &mut Vec<NextAction>) {
        while let Some(next) = onboarding.next_action() {
            assert!(!done.contains(&next), "{next:?} twice");
            match next {
                NextAction::RequestAdmin => {
                    assert!(onboarding.admin_ready.is_none());
                    onboarding.admin_requested = NOW;
                }
                NextAction::ConfigureSettings => onboarding.settings = NOW,
                NextAction::RequestGuide => onboarding.guide_requested = NOW,
                NextAction::Complete => onboarding.completed = NOW,
            }
            assert!(
                onboarding.database_ready.is_some(),
                "{next:?} without a database"
            );
            assert!(next == NextAction::RequestAdmin || onboarding.admin_ready.is_some());
            done.push(next);
        }
    }

    fn complete(onboarding: &mut Onboarding, completion: Completion) {
        match completion {
            Database => onboarding.database_ready = NOW,
            Admin => onboarding.admin_ready = NOW,
            Guide => onboarding.guide_sent = NOW,
        }
    }

    #[test]
    fn every_order_of_results_with_repeats_takes_each_action_once() {
        let mut endings = HashSet::new();
        for code in 0..3_u32.pow(6) {
            let order: Vec<Completion> = (0..6)
                .map(|place| [Database, Admin, Guide][(code / 3_u32.pow(place) % 3) as usize])
                .collect();
            let (mut onboarding, mut done) = (Onboarding::default(), Vec::new());
            for completion in &order {
                complete(&mut onboarding, *completion);
                take_actions(&mut onboarding, &mut done);
            }
            let all = [Database, Admin, Guide]
                .iter()
                .all(|one| order.contains(one));
            assert_eq!(onboarding.completed.is_some(), all, "{order:?}");
            assert_eq!(done.contains(&NextAction::Complete), all, "{order:?}");
            if all {
                let requested = order.iter().position(|one| *one == Database)
                    < order.iter().position(|one| *one == Admin);
                assert_eq!(
                    done.contains(&NextAction::RequestAdmin),
                    requested,
                    "{order:?}"
                );
            }
            endings.insert(format!("{done:?}"));
        }
        assert!(
            endings.len() > 5,
            "different sequences were taken: {endings:?}"
        );
    }

    #[test]
    fn the_next_action_of_every_combination_is_not_done_yet() {
        for flags in 0..128_u8 {
            let flag = |bit: u8| (flags >> bit & 1 == 1).then_some(OffsetDateTime::UNIX_EPOCH);
            let onboarding = Onboarding {
                database_ready: flag(0),
                admin_requested: flag(1),
                admin_ready: flag(2),
                settings: flag(3),
                guide_requested: flag(4),
                guide_sent: flag(5),
                guide_failure: None,
                completed: flag(6),
            };
            let undone = match onboarding.next_action() {
                Some(NextAction::RequestAdmin) => onboarding.admin_requested,
                Some(NextAction::ConfigureSettings) => onboarding.settings,
                Some(NextAction::RequestGuide) => onboarding.guide_requested,
                Some(NextAction::Complete) => onboarding.completed,
                None => continue,
            };
            assert_eq!(undone, None, "{onboarding:?}");
            assert!(onboarding.database_ready.is_some());
        }
    }
}

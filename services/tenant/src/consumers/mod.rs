//! Event consumers that continue the onboarding. No rules here.

mod notifications;
mod users;

use events::{
    notification::{EmailFailed, EmailSent},
    user::UserCreated,
};
use service::EventConsumer;

use crate::App;

const GROUP: &str = "tenant-onboarding-consumer";

/// Handles the events of other services that an onboarding waits for.
struct Onboarding;

/// Starts the consumer; it stops with the runtime.
pub fn start(app: &App) {
    EventConsumer::in_platform(&app.runtime, GROUP, Onboarding)
        .on::<UserCreated>()
        .on::<EmailSent>()
        .on::<EmailFailed>()
        .start();
}

//! What other services tell the tenants. No rules here.

mod notification;
mod user;

use events::{
    notification::{EmailFailed, EmailSent},
    user::UserCreated,
};
use service::EventConsumer;

use crate::App;

/// The group that carries the onboarding on.
const GROUP: &str = "tenant-onboarding-consumer";

/// The onboarding's answers from elsewhere.
struct Onboarding;

/// Starts consuming; ends with the runtime.
pub fn start(app: &App) {
    EventConsumer::in_platform(&app.runtime, GROUP, Onboarding)
        .on::<UserCreated>()
        .on::<EmailSent>()
        .on::<EmailFailed>()
        .start();
}

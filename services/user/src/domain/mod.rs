//! Users, passwords and the rules about them. Free of actix, sea-orm, sqlx and rdkafka.

mod authorization;
mod email;
mod password;
mod password_token;
mod user;

pub use authorization::{
    CreationError, CreationPlan, RequestedMembership, Visibility, plan_creation,
};
pub use email::{EmailAddress, InvalidEmail};
pub use password::{NewPassword, PasswordHash, SubmittedPassword, WeakPassword};
pub use password_token::{Purpose, Secret, SecretHash};
pub use user::{InitialCredential, Membership, User, UserName, UserTenant};

//! Who a user is, and what is decided about users. No I/O.

mod access;
mod email;
mod password;
mod password_token;
mod user;

pub use access::{Creation, Refusal, Viewer, Wish, plan_creation};
pub use email::{EmailAddress, InvalidEmail};
pub use password::{GivenPassword, NewPassword, PasswordHash, WeakPassword};
pub use password_token::{Purpose, Secret, SecretHash};
pub use user::{Made, OwnTenant, Standing, User, UserName};

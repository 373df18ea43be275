//! Use cases, one per file; HTTP handlers and event consumers call the same ones.

mod create_user;
mod ensure_landlord;
mod error;
mod find_user;
mod forgot_password;
mod issue_service_token;
mod list_users;
mod log_in;
mod mint_password_token;
mod register;
mod reset_password;
mod set_up_admin;
mod show_database_status;

pub use create_user::{CreateUser, CreateUserContext, create_user};
pub use ensure_landlord::{Landlord, ensure_landlord};
pub use error::UserError;
pub use find_user::find_user;
pub use forgot_password::forgot_password;
pub use issue_service_token::issue_service_token;
pub use list_users::{UserSearch, list_users};
pub use log_in::log_in;
pub use mint_password_token::mint_password_token;
pub use register::{Registration, register};
pub use reset_password::reset_password;
pub use set_up_admin::{SetUpAdminError, set_up_admin};
pub use show_database_status::show_database_status;

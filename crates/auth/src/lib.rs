#![doc = include_str!("../README.md")]

mod caller;
mod claims;
mod error;
mod extract;
mod issuer;
mod key_set;
mod service_secret;
mod service_tokens;
mod verifier;

pub use caller::{Caller, CallerTenant, ParseRoleError, Role, UserId};
pub use claims::{AUDIENCE, Claims, ISSUER};
pub use error::AuthError;
pub use extract::{
    Customer, MaybeCaller, PlatformAdmin, ServiceCaller, TenantAdmin, WEBSOCKET_PROTOCOL,
};
pub use issuer::{ACCESS_TOKEN_LIFETIME, IssuedToken, Issuer, KeyError, generate_key_pem};
pub use jsonwebtoken::jwk::JwkSet;
pub use service_secret::{derive_service_secret, verify_service_secret};
pub use service_tokens::{ServiceTokenError, ServiceTokens};
pub use verifier::{RefreshPolicy, Verifier};

//! What the events of each kind of aggregate add up to, and who may see it.

mod access;
mod life;
mod order;
mod payment;
mod product;
mod subscription;
mod tenant;
mod user;

use event_bus::{Envelope, Event};
use event_store::{Fold, FoldError};
use serde_json::Value;

pub use access::{Owner, Reader};
use life::Life;
pub use order::OrderFold;
pub use payment::PaymentFold;
pub use product::ProductFold;
pub use subscription::SubscriptionFold;
pub use tenant::TenantFold;
pub use user::UserFold;

/// A fold whose state people are shown.
pub trait Shown: Fold {
    /// The state as it is shown; `None` before the first event.
    fn view(&self) -> Option<Value>;

    /// Whose it is; the tenant that the last event names, unless the state knows better.
    fn owner(&self, last_event: &Envelope) -> Owner {
        Owner {
            tenant: last_event.tenant.as_ref().map(|tenant| tenant.id),
            buyer: None,
        }
    }
}

/// The payload as `E`.
fn read<E: Event>(payload: &Value) -> Result<E, FoldError> {
    Ok(E::deserialize(payload)?)
}

/// A later event cannot be folded into nothing.
fn begun<'a, T>(state: &'a mut Option<T>, first: &str) -> Result<&'a mut T, FoldError> {
    state.as_mut().ok_or_else(|| {
        format!("{first}, with which its history begins, is not in the store").into()
    })
}

fn shown<T: serde::Serialize>(state: Option<&T>) -> Option<Value> {
    state.and_then(|state| serde_json::to_value(state).ok())
}

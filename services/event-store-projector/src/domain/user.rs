//! A user.

use event_bus::{Envelope, Event};
use event_store::{Fold, FoldError};
use events::user::{Role, UserCreated, UserRegistered};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Life, Owner, Shown, begun, read, shown};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: Uuid,
    email: String,
    name: String,
    role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant_code: Option<String>,
    invited: bool,
    #[serde(flatten)]
    life: Life,
}

/// A user: who they are and what they may be.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct UserFold(Option<User>);

impl Fold for UserFold {
    const NAME: &'static str = "user/1";

    fn apply(
        &mut self,
        event_type: &str,
        payload: &Value,
        envelope: &Envelope,
    ) -> Result<(), FoldError> {
        let life = Life::begin(envelope);
        match event_type {
            UserRegistered::TYPE => {
                let event: UserRegistered = read(payload)?;
                self.0 = Some(User {
                    id: event.user_id,
                    email: event.email,
                    name: event.name,
                    role: Role::Customer,
                    tenant_id: None,
                    tenant_code: None,
                    invited: false,
                    life,
                });
            }
            UserCreated::TYPE => {
                let event: UserCreated = read(payload)?;
                self.0 = Some(User {
                    id: event.user_id,
                    email: event.email,
                    name: event.name,
                    role: event.role,
                    tenant_id: event.tenant_id,
                    tenant_code: event.tenant_code,
                    invited: event.invited,
                    life,
                });
            }
            _ => begun(&mut self.0, "user.registered or user.created")?
                .life
                .go_on(envelope),
        }
        Ok(())
    }
}

impl Shown for UserFold {
    fn view(&self) -> Option<Value> {
        shown(self.0.as_ref())
    }

    fn owner(&self, _: &Envelope) -> Owner {
        Owner {
            tenant: self.0.as_ref().and_then(|user| user.tenant_id),
            buyer: None,
        }
    }
}

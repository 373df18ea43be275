//! A tenant and its onboarding.

use std::collections::BTreeMap;

use event_bus::{Envelope, Event};
use event_store::{Fold, FoldError};
use events::tenant::{
    TenantDatabaseCreated, TenantDatabaseFailed, TenantOnboardingCompleted,
    TenantOnboardingConfigureSettings, TenantOnboardingSendSetupGuide, TenantStatus,
    TenantSuspended,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Life, Shown, read, shown};

/// What every event of a tenant says of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Snapshot {
    #[serde(rename(serialize = "id", deserialize = "tenantId"))]
    tenant_id: Uuid,
    code: String,
    name: String,
    region: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    package: String,
    billing_email: String,
    status: TenantStatus,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Onboarding {
    database_ready: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    admin_user_id: Option<Uuid>,
    completed: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View<'a> {
    #[serde(flatten)]
    snapshot: &'a Snapshot,
    settings: &'a BTreeMap<String, String>,
    onboarding: &'a Onboarding,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(flatten)]
    life: &'a Life,
}

/// A tenant: each event carries all of it; only the steps of its onboarding add up.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct TenantFold {
    latest: Option<Value>,
    life: Option<Life>,
    settings: BTreeMap<String, String>,
    onboarding: Onboarding,
    reason: Option<String>,
}

impl Fold for TenantFold {
    const NAME: &'static str = "tenant/1";

    fn apply(
        &mut self,
        event_type: &str,
        payload: &Value,
        envelope: &Envelope,
    ) -> Result<(), FoldError> {
        Snapshot::deserialize(payload)?;
        self.latest = Some(payload.clone());
        match &mut self.life {
            Some(life) => life.go_on(envelope),
            None => self.life = Some(Life::begin(envelope)),
        }
        self.reason = None;
        match event_type {
            TenantDatabaseCreated::TYPE => self.onboarding.database_ready = true,
            TenantDatabaseFailed::TYPE => {
                self.reason = Some(read::<TenantDatabaseFailed>(payload)?.reason);
            }
            TenantOnboardingConfigureSettings::TYPE => {
                let event: TenantOnboardingConfigureSettings = read(payload)?;
                self.settings.extend(event.settings);
            }
            TenantOnboardingSendSetupGuide::TYPE => {
                let event: TenantOnboardingSendSetupGuide = read(payload)?;
                self.onboarding.admin_user_id = Some(event.admin_user_id);
            }
            TenantOnboardingCompleted::TYPE => self.onboarding.completed = true,
            TenantSuspended::TYPE => self.reason = read::<TenantSuspended>(payload)?.reason,
            _ => {}
        }
        Ok(())
    }
}

impl Shown for TenantFold {
    fn view(&self) -> Option<Value> {
        let snapshot = Snapshot::deserialize(self.latest.as_ref()?).ok()?;
        shown(Some(&View {
            snapshot: &snapshot,
            settings: &self.settings,
            onboarding: &self.onboarding,
            reason: self.reason.as_deref(),
            life: self.life.as_ref()?,
        }))
    }
}

use super::*;
use crate::domain::StepState;

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn tenant() -> Tenant {
    let request = NewTenant {
        code: "acme".parse().expect("a code"),
        name: TenantName::try_from("Acme".to_owned()).expect("a name"),
        region: "eu".parse().expect("a name"),
        package: "starter".parse().expect("a name"),
        billing_email: BillingEmail::try_from("pay@acme.example".to_owned()).expect("an address"),
    };
    Tenant::create(request, "eu-1".parse().expect("a name"), NOW)
}

fn admin() -> Admin {
    Admin {
        id: Uuid::from_u128(7),
        email: "boss@acme.example".into(),
    }
}

/// Applies the changes that need no other service; returns their names.
fn continue_onboarding(tenant: &mut Tenant) -> Vec<String> {
    let mut changes = Vec::new();
    while let Some(change) = tenant.next_onboarding_change() {
        tenant.apply(&change, NOW);
        let name = format!("{change:?}");
        changes.push(name.split([' ', '(']).next().unwrap_or_default().to_owned());
    }
    changes
}

fn states(tenant: &Tenant) -> Vec<StepState> {
    tenant
        .progress(None)
        .into_iter()
        .map(|progress| progress.state)
        .collect()
}

#[test]
fn a_tenant_is_onboarded_step_by_step() {
    use StepState::{Done, Pending, Running};
    let mut acme = tenant();
    assert_eq!(continue_onboarding(&mut acme), [] as [&str; 0]);
    assert_eq!(states(&acme), [Running, Pending, Pending, Pending, Pending]);

    let created = acme.database_created().expect("a change");
    acme.apply(&created, NOW);
    assert_eq!(acme.database_created(), None);
    assert_eq!(continue_onboarding(&mut acme), ["SetupAdminUser"]);
    assert_eq!(states(&acme), [Done, Running, Pending, Pending, Pending]);

    acme.record_admin(admin(), NOW);
    assert_eq!(
        continue_onboarding(&mut acme),
        ["ConfigureSettings", "SendSetupGuide"]
    );
    assert_eq!(states(&acme), [Done, Done, Done, Running, Pending]);
    assert_eq!(acme.settings.len(), 3);

    acme.record_guide_sent(NOW);
    assert_eq!(
        continue_onboarding(&mut acme),
        ["OnboardingCompleted", "Activated"]
    );
    assert_eq!(states(&acme), [Done; 5]);
    assert_eq!((acme.status, acme.version), (TenantStatus::Active, 7));
}

#[test]
fn an_admin_who_exists_first_is_not_requested() {
    let mut acme = tenant();
    acme.record_admin(admin(), NOW);
    assert_eq!(continue_onboarding(&mut acme), [] as [&str; 0]);
    acme.apply(&Change::DatabaseCreated, NOW);
    assert_eq!(
        continue_onboarding(&mut acme),
        ["ConfigureSettings", "SendSetupGuide"]
    );
    acme.record_admin(
        Admin {
            id: Uuid::from_u128(8),
            ..admin()
        },
        NOW,
    );
    assert_eq!(acme.admin, Some(admin()), "the first one stays");
}

#[test]
fn a_late_database_recovers_a_failed_tenant() {
    let mut acme = tenant();
    let failed = acme
        .database_failed("cluster unavailable".into())
        .expect("a change");
    acme.apply(&failed, NOW);
    assert_eq!(acme.status, TenantStatus::Failed);
    assert_eq!(acme.database_failed("again".into()), None, "recorded once");
    assert_eq!(states(&acme)[0], StepState::Failed);
    assert_eq!(
        acme.progress(None)[0].error.as_deref(),
        Some("cluster unavailable")
    );
    assert_eq!(continue_onboarding(&mut acme), [] as [&str; 0]);

    let created = acme.database_created().expect("a change");
    acme.apply(&created, NOW);
    assert_eq!(
        (acme.status, acme.failure.clone()),
        (TenantStatus::Provisioning, None)
    );
    assert_eq!(continue_onboarding(&mut acme), ["SetupAdminUser"]);
}

#[test]
fn a_guide_failure_is_shown_until_the_guide_is_sent() {
    let mut acme = tenant();
    acme.apply(&Change::DatabaseCreated, NOW);
    acme.record_admin(admin(), NOW);
    continue_onboarding(&mut acme);
    acme.record_guide_failure("no such mailbox".into(), NOW);
    assert_eq!(states(&acme)[3], StepState::Failed);
    acme.record_guide_sent(NOW);
    continue_onboarding(&mut acme);
    acme.record_guide_failure("late failure".into(), NOW);
    assert_eq!(states(&acme), [StepState::Done; 5]);
}

#[test]
fn each_status_allows_suspension_and_activation_or_not() {
    use TenantStatus::{Active, Deleted, Failed, Provisioning, Suspended};
    let name = |outcome: Result<Option<Change>, InvalidTransition>| match outcome {
        Ok(Some(_)) => "changed",
        Ok(None) => "unchanged",
        Err(_) => "refused",
    };
    for (status, suspend, activate) in [
        (Provisioning, "refused", "refused"),
        (Active, "changed", "unchanged"),
        (Suspended, "unchanged", "changed"),
        (Deleted, "refused", "refused"),
        (Failed, "refused", "refused"),
    ] {
        let acme = Tenant { status, ..tenant() };
        assert_eq!(name(acme.suspend(None)), suspend, "{status}");
        assert_eq!(name(acme.activate()), activate, "{status}");
    }
}

#[test]
fn every_change_increments_the_version() {
    let changes = [
        Change::DatabaseCreated,
        Change::DatabaseFailed { reason: "x".into() },
        Change::SetupAdminUser,
        Change::ConfigureSettings {
            settings: BTreeMap::new(),
        },
        Change::SendSetupGuide(admin()),
        Change::OnboardingCompleted,
        Change::Activated,
        Change::Suspended { reason: None },
    ];
    let mut acme = tenant();
    for change in changes {
        let before = acme.version;
        acme.apply(&change, NOW);
        assert_eq!(acme.version, before + 1, "{change:?}");
    }
}

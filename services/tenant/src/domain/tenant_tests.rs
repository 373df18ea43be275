use super::*;
use crate::domain::StepState;

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn tenant() -> Tenant {
    let draft = Draft {
        code: "acme".parse().expect("a code"),
        name: TenantName::try_from("Acme".to_owned()).expect("a name"),
        region: "eu".parse().expect("a name"),
        package: "starter".parse().expect("a name"),
        billing_email: BillingEmail::try_from("pay@acme.example".to_owned()).expect("an address"),
    };
    Tenant::create(draft, "eu-1".parse().expect("a name"), NOW)
}

fn admin() -> Admin {
    Admin {
        id: Uuid::from_u128(7),
        email: "boss@acme.example".into(),
    }
}

/// Goes through what follows by itself; says what that was.
fn carry_on(tenant: &mut Tenant) -> Vec<String> {
    let mut went = Vec::new();
    while let Some(change) = tenant.next_of_onboarding() {
        tenant.apply(&change, NOW);
        let name = format!("{change:?}");
        went.push(name.split([' ', '(']).next().unwrap_or_default().to_owned());
    }
    went
}

fn states(tenant: &Tenant) -> Vec<StepState> {
    tenant
        .progress(None)
        .into_iter()
        .map(|progress| progress.state)
        .collect()
}

#[test]
fn a_tenant_comes_to_life_step_by_step() {
    use StepState::{Done, Pending, Running};
    let mut acme = tenant();
    assert_eq!(carry_on(&mut acme), [] as [&str; 0]);
    assert_eq!(states(&acme), [Running, Pending, Pending, Pending, Pending]);

    let made = acme.database_is_there().expect("news");
    acme.apply(&made, NOW);
    assert_eq!(acme.database_is_there(), None);
    assert_eq!(carry_on(&mut acme), ["SetupAdminUser"]);
    assert_eq!(states(&acme), [Done, Running, Pending, Pending, Pending]);

    acme.note_admin(admin(), NOW);
    assert_eq!(carry_on(&mut acme), ["ConfigureSettings", "SendSetupGuide"]);
    assert_eq!(states(&acme), [Done, Done, Done, Running, Pending]);
    assert_eq!(acme.settings.len(), 3);

    acme.note_guide_sent(NOW);
    assert_eq!(carry_on(&mut acme), ["OnboardingCompleted", "Activated"]);
    assert_eq!(states(&acme), [Done; 5]);
    assert_eq!((acme.status, acme.version), (TenantStatus::Active, 7));
}

#[test]
fn an_admin_who_is_there_first_is_not_asked_for() {
    let mut acme = tenant();
    acme.note_admin(admin(), NOW);
    assert_eq!(carry_on(&mut acme), [] as [&str; 0]);
    acme.apply(&Change::DatabaseCreated, NOW);
    assert_eq!(carry_on(&mut acme), ["ConfigureSettings", "SendSetupGuide"]);
    acme.note_admin(
        Admin {
            id: Uuid::from_u128(8),
            ..admin()
        },
        NOW,
    );
    assert_eq!(acme.admin, Some(admin()), "the first one stays");
}

#[test]
fn a_database_that_comes_late_heals_a_failed_tenant() {
    let mut acme = tenant();
    let failed = acme
        .database_is_not_coming("cluster away".into())
        .expect("news");
    acme.apply(&failed, NOW);
    assert_eq!(acme.status, TenantStatus::Failed);
    assert_eq!(
        acme.database_is_not_coming("again".into()),
        None,
        "said once"
    );
    assert_eq!(states(&acme)[0], StepState::Failed);
    assert_eq!(
        acme.progress(None)[0].error.as_deref(),
        Some("cluster away")
    );
    assert_eq!(carry_on(&mut acme), [] as [&str; 0]);

    let made = acme.database_is_there().expect("news");
    acme.apply(&made, NOW);
    assert_eq!(
        (acme.status, acme.failure.clone()),
        (TenantStatus::Provisioning, None)
    );
    assert_eq!(carry_on(&mut acme), ["SetupAdminUser"]);
}

#[test]
fn a_guide_that_cannot_be_sent_is_shown_until_it_is_sent() {
    let mut acme = tenant();
    acme.apply(&Change::DatabaseCreated, NOW);
    acme.note_admin(admin(), NOW);
    carry_on(&mut acme);
    acme.note_guide_failed("no such mailbox".into(), NOW);
    assert_eq!(states(&acme)[3], StepState::Failed);
    acme.note_guide_sent(NOW);
    carry_on(&mut acme);
    acme.note_guide_failed("late news".into(), NOW);
    assert_eq!(states(&acme), [StepState::Done; 5]);
}

#[test]
fn who_may_be_suspended_and_activated() {
    use TenantStatus::{Active, Deleted, Failed, Provisioning, Suspended};
    let said = |outcome: Result<Option<Change>, Refused>| match outcome {
        Ok(Some(_)) => "changed",
        Ok(None) => "is already",
        Err(_) => "refused",
    };
    for (status, suspend, activate) in [
        (Provisioning, "refused", "refused"),
        (Active, "changed", "is already"),
        (Suspended, "is already", "changed"),
        (Deleted, "refused", "refused"),
        (Failed, "refused", "refused"),
    ] {
        let acme = Tenant { status, ..tenant() };
        assert_eq!(said(acme.suspend(None)), suspend, "{status}");
        assert_eq!(said(acme.activate()), activate, "{status}");
    }
}

#[test]
fn every_change_is_one_version() {
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

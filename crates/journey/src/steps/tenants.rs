//! Onboarding of two tenants: one created by the platform administrator, one created with its administrator.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{TestTenant, address, log_in, password};
use crate::{
    Endpoints, Report,
    client::{Client, text},
    mail::{mail_to, parameter},
    poll::poll,
};

pub(super) async fn create(
    endpoints: &Endpoints,
    report: &mut Report,
) -> Result<(Client, TestTenant, TestTenant)> {
    let platform_admin = poll("the login of the platform admin", || async {
        // On a fresh stack the services may still be starting.
        Ok(log_in(
            endpoints,
            &endpoints.platform_admin_email,
            &endpoints.platform_admin_password,
        )
        .await
        .ok())
    })
    .await?;
    report.passed("platform admin logged in");

    let acme_email = address("acme-admin");
    let started = Instant::now();
    let acme = create_with_free_code("acme", |code| {
        create_tenant(endpoints, &platform_admin, code, &acme_email)
    })
    .await?;
    report.passed(format!(
        "POST /api/tenants: {acme} is PROVISIONING; response in {} ms",
        started.elapsed().as_millis()
    ));

    let (globex_email, globex_password) = (address("globex-admin"), password());
    let started = Instant::now();
    let globex = create_with_free_code("globex", |code| {
        create_admin(
            endpoints,
            &platform_admin,
            code,
            &globex_email,
            &globex_password,
        )
    })
    .await?;
    report.passed(format!(
        "POST /api/users: ADMIN with the new tenantCode {globex}; response in {} ms",
        started.elapsed().as_millis()
    ));

    let acme_id = wait_until_active(endpoints, &platform_admin, &acme, report).await?;
    let globex_id = wait_until_active(endpoints, &platform_admin, &globex, report).await?;

    let acme_admin = accept_invitation(endpoints, &acme_email).await?;
    report.passed(format!(
        "admin of {acme} accepted the e-mail invitation and logged in"
    ));
    let globex_admin = log_in(endpoints, &globex_email, &globex_password).await?;
    wait_for_database(endpoints, &globex_admin).await?;
    report.passed(format!(
        "admin of {globex} logged in; GET /api/users/{{id}}/database-status: isDatabaseCreated"
    ));
    Ok((
        platform_admin,
        TestTenant {
            code: acme,
            id: acme_id,
            admin: acme_admin,
        },
        TestTenant {
            code: globex,
            id: globex_id,
            admin: globex_admin,
        },
    ))
}

/// Creates a tenant with the code `name`, or on a later run `name-2`, `name-3`, …, and returns the code.
async fn create_with_free_code<F>(name: &str, create: impl Fn(String) -> F) -> Result<String>
where
    F: Future<Output = Result<bool>>,
{
    for number in 1..1000 {
        let code = if number == 1 {
            name.to_owned()
        } else {
            format!("{name}-{number}")
        };
        if create(code.clone()).await? {
            return Ok(code);
        }
    }
    bail!("all codes from {name} to {name}-999 are taken; run `make reset`")
}

/// Returns `false` if the code is taken.
async fn create_tenant(
    endpoints: &Endpoints,
    platform_admin: &Client,
    code: String,
    billing: &str,
) -> Result<bool> {
    let body = json!({ "code": code, "name": format!("The {code} company"), "region": "eu",
        "package": "starter", "billingEmail": billing });
    let reply = platform_admin
        .at(&endpoints.tenant)
        .post("/api/tenants", body)
        .await?;
    if reply.status == 409 {
        return Ok(false);
    }
    let tenant = reply.expect(202)?;
    anyhow::ensure!(
        tenant["status"] == "PROVISIONING",
        "the new tenant is not PROVISIONING: {tenant}"
    );
    Ok(true)
}

async fn create_admin(
    endpoints: &Endpoints,
    platform_admin: &Client,
    code: String,
    email: &str,
    password: &str,
) -> Result<bool> {
    let body = json!({ "email": email, "password": password, "name": "Gail Globex", "role": "ADMIN", "tenantCode": code });
    let reply = platform_admin
        .at(&endpoints.user)
        .post("/api/users", body)
        .await?;
    if reply.status == 409 {
        return Ok(false);
    }
    reply.expect(201)?;
    Ok(true)
}

async fn wait_until_active(
    endpoints: &Endpoints,
    platform_admin: &Client,
    code: &str,
    report: &mut Report,
) -> Result<String> {
    let platform_admin = platform_admin.at(&endpoints.tenant);
    let started = Instant::now();
    let tenant: Value = poll(&format!("{code} to be ACTIVE"), || async {
        let tenant = platform_admin
            .get(&format!("/api/tenants/{code}"))
            .await?
            .expect(200)?;
        match tenant["status"].as_str() {
            Some("ACTIVE") => Ok(Some(tenant)),
            Some("PROVISIONING") => Ok(None),
            _ => bail!("{code} did not become ACTIVE: {tenant}"),
        }
    })
    .await?;
    let onboarding = platform_admin
        .get(&format!("/api/tenants/{code}/onboarding"))
        .await?
        .expect(200)?;
    let steps = onboarding["steps"]
        .as_array()
        .context("the onboarding has no steps")?
        .len();
    report.passed(format!(
        "{code} is ACTIVE after {} ms; onboarding has {steps} steps",
        started.elapsed().as_millis()
    ));
    Ok(text(&tenant, "id")?.to_owned())
}

async fn accept_invitation(endpoints: &Endpoints, email: &str) -> Result<Client> {
    let mail = mail_to(&endpoints.mail_dir, email, "token=").await?;
    let (token, password) = (parameter(&mail, "token")?, password());
    let anonymous = Client::anonymous(&endpoints.user)?;
    let reply = anonymous
        .post(
            "/api/auth/reset-password",
            json!({ "token": token, "newPassword": password }),
        )
        .await?;
    anyhow::ensure!(
        reply.status.is_success(),
        "the invitation token was rejected: {}",
        reply.status
    );
    log_in(endpoints, email, &password).await
}

async fn wait_for_database(endpoints: &Endpoints, admin: &Client) -> Result<()> {
    let profile = admin
        .at(&endpoints.user)
        .get("/api/auth/profile")
        .await?
        .expect(200)?;
    let path = format!("/api/users/{}/database-status", text(&profile, "id")?);
    poll("isDatabaseCreated", || async {
        let status = admin.at(&endpoints.user).get(&path).await?.expect(200)?;
        Ok((status["isDatabaseCreated"] == true).then_some(()))
    })
    .await
}

//! Two tenants come to be: one that the landlord creates, one that comes with its admin.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{Shop, address, log_in, password};
use crate::{
    Places, Report,
    api::{Api, text},
    mail::{mail_to, parameter},
    until::until,
};

pub(super) async fn create(places: &Places, report: &mut Report) -> Result<(Api, Shop, Shop)> {
    let landlord = until("the landlord's login", || async {
        // On a fresh stack the services may have started a moment ago.
        Ok(
            log_in(places, &places.landlord_email, &places.landlord_password)
                .await
                .ok(),
        )
    })
    .await?;
    report.saw("the landlord, made at the first start, logs in");

    let acme_email = address("acme-admin");
    let begun = Instant::now();
    let acme = first_free("acme", |code| {
        create_tenant(places, &landlord, code, &acme_email)
    })
    .await?;
    report.saw(format!(
        "POST /api/tenants: {acme} is being provisioned; answered in {} ms",
        begun.elapsed().as_millis()
    ));

    let (globex_email, globex_password) = (address("globex-admin"), password());
    let begun = Instant::now();
    let globex = first_free("globex", |code| {
        create_admin(places, &landlord, code, &globex_email, &globex_password)
    })
    .await?;
    report.saw(format!(
        "POST /api/users: an ADMIN with the new tenantCode {globex}; answered in {} ms",
        begun.elapsed().as_millis()
    ));

    let acme_id = wait_until_active(places, &landlord, &acme, report).await?;
    let globex_id = wait_until_active(places, &landlord, &globex, report).await?;

    let acme_admin = accept_invitation(places, &acme_email).await?;
    report.saw(format!(
        "{acme}'s admin was invited by mail, set a password and logs in"
    ));
    let globex_admin = log_in(places, &globex_email, &globex_password).await?;
    has_database(places, &globex_admin).await?;
    report.saw(format!(
        "{globex}'s admin logs in; GET /api/users/{{id}}/database-status says isDatabaseCreated"
    ));
    Ok((
        landlord,
        Shop {
            code: acme,
            id: acme_id,
            admin: acme_admin,
        },
        Shop {
            code: globex,
            id: globex_id,
            admin: globex_admin,
        },
    ))
}

/// `acme`, or on a later walk `acme-2`, `acme-3`, …
async fn first_free<F>(name: &str, create: impl Fn(String) -> F) -> Result<String>
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
    bail!("a thousand tenants are named {name} already: `make reset` starts afresh")
}

/// Whether the code was free.
async fn create_tenant(
    places: &Places,
    landlord: &Api,
    code: String,
    billing: &str,
) -> Result<bool> {
    let body = json!({ "code": code, "name": format!("The {code} company"), "region": "eu",
        "package": "starter", "billingEmail": billing });
    let reply = landlord
        .at(&places.tenant)
        .post("/api/tenants", body)
        .await?;
    if reply.status == 409 {
        return Ok(false);
    }
    let tenant = reply.expect(202)?;
    anyhow::ensure!(
        tenant["status"] == "PROVISIONING",
        "a new tenant is PROVISIONING: {tenant}"
    );
    Ok(true)
}

async fn create_admin(
    places: &Places,
    landlord: &Api,
    code: String,
    email: &str,
    password: &str,
) -> Result<bool> {
    let body = json!({ "email": email, "password": password, "name": "Gail Globex", "role": "ADMIN", "tenantCode": code });
    let reply = landlord.at(&places.user).post("/api/users", body).await?;
    if reply.status == 409 {
        return Ok(false);
    }
    reply.expect(201)?;
    Ok(true)
}

async fn wait_until_active(
    places: &Places,
    landlord: &Api,
    code: &str,
    report: &mut Report,
) -> Result<String> {
    let landlord = landlord.at(&places.tenant);
    let begun = Instant::now();
    let tenant: Value = until(&format!("{code} to be ACTIVE"), || async {
        let tenant = landlord
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
    let onboarding = landlord
        .get(&format!("/api/tenants/{code}/onboarding"))
        .await?
        .expect(200)?;
    let steps = onboarding["steps"]
        .as_array()
        .context("onboarding shows its steps")?
        .len();
    report.saw(format!(
        "{code} is ACTIVE after {} ms more; its onboarding shows {steps} steps",
        begun.elapsed().as_millis()
    ));
    Ok(text(&tenant, "id")?.to_owned())
}

async fn accept_invitation(places: &Places, email: &str) -> Result<Api> {
    let mail = mail_to(&places.mail_dir, email, "token=").await?;
    let (token, password) = (parameter(&mail, "token")?, password());
    let stranger = Api::stranger(&places.user)?;
    let reply = stranger
        .post(
            "/api/auth/reset-password",
            json!({ "token": token, "newPassword": password }),
        )
        .await?;
    anyhow::ensure!(
        reply.status.is_success(),
        "the invitation's token was not taken: {}",
        reply.status
    );
    log_in(places, email, &password).await
}

async fn has_database(places: &Places, admin: &Api) -> Result<()> {
    let profile = admin
        .at(&places.user)
        .get("/api/auth/profile")
        .await?
        .expect(200)?;
    let path = format!("/api/users/{}/database-status", text(&profile, "id")?);
    until("isDatabaseCreated", || async {
        let status = admin.at(&places.user).get(&path).await?.expect(200)?;
        Ok((status["isDatabaseCreated"] == true).then_some(()))
    })
    .await
}

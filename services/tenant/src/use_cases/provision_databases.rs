//! Making tenants' databases behind the answers.

use std::sync::Arc;

use service::{Context, StoreError};
use tenancy::provision::ProvisionError;
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::record::record;
use crate::{
    App,
    domain::Tenant,
    settings::Pace,
    store::{
        provisioning::{self, Due},
        tenants,
    },
};

/// Makes databases as they are asked for, until `stop`; what is under way then is ended first.
pub async fn provision_databases(app: &App, stop: &CancellationToken) {
    let pace = app.settings.pace;
    let places = Arc::new(Semaphore::new(pace.at_once));
    let mut under_way = JoinSet::new();
    while let Some(Ok(place)) = stop
        .run_until_cancelled(places.clone().acquire_owned())
        .await
    {
        while let Some(ended) = under_way.try_join_next() {
            report(ended);
        }
        match provisioning::claim(app.runtime.platform_pool(), pace.lease).await {
            Ok(Some(due)) => {
                let app = app.clone();
                under_way.spawn(async move {
                    let _place = place;
                    if let Err(error) = provision(&app, pace, due).await {
                        tracing::warn!(tenant = %due.tenant_id, %error, "provisioning is put off");
                    }
                });
            }
            Ok(None) => rest(app, pace, stop).await,
            Err(error) => {
                tracing::warn!(%error, "due provisioning cannot be looked for");
                rest(app, pace, stop).await;
            }
        }
    }
    while let Some(ended) = under_way.join_next().await {
        report(ended);
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "provisioning died; its lease runs out and it is tried again");
    }
}

async fn rest(app: &App, pace: Pace, stop: &CancellationToken) {
    tokio::select! {
        () = app.provisioning.notified() => {}
        () = tokio::time::sleep(pace.idle) => {}
        () = stop.cancelled() => {}
    }
}

async fn provision(app: &App, pace: Pace, due: Due) -> Result<(), StoreError> {
    let mut conn = app.runtime.platform_pool().acquire().await?;
    let found = tenants::find(&mut conn, &due.tenant_id.to_string()).await?;
    drop(conn);
    let Some(tenant) = found else { return Ok(()) };
    match make(app, pace, &tenant).await {
        Ok(()) => is_there(app, due).await,
        Err(reason) => {
            tracing::warn!(tenant = %tenant.code, reason, tries = due.attempts, "database not made");
            is_not_there(app, pace, due, reason).await
        }
    }
}

/// Makes the database, or says in words fit for the landlord why not.
async fn make(app: &App, pace: Pace, tenant: &Tenant) -> Result<(), String> {
    let cluster = &tenant.cluster;
    let provisioner = app
        .provisioners
        .get(cluster)
        .ok_or_else(|| format!("cluster {cluster} has no address in TENANTRY_CLUSTERS"))?;
    match tokio::time::timeout(pace.patience, provisioner.create(&tenant.code)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(ProvisionError::Database(sqlx::Error::Database(error)))) => {
            Err(format!("cluster {cluster} refused: {}", error.message()))
        }
        Ok(Err(ProvisionError::Database(_))) => Err(format!("cluster {cluster} cannot be reached")),
        Ok(Err(error)) => Err(format!("cluster {cluster}: {error}")),
        Err(_) => Err(format!(
            "cluster {cluster} took longer than {:?}",
            pace.patience
        )),
    }
}

async fn is_there(app: &App, due: Due) -> Result<(), StoreError> {
    let mut tx = app.runtime.platform(context(due)).begin().await?;
    if let Some(mut tenant) = tenants::lock(tx.conn(), due.tenant_id).await? {
        let change = tenant.database_is_there();
        record(&mut tx, &mut tenant, change).await?;
    }
    provisioning::drop(tx.conn(), due.tenant_id).await?;
    tx.commit().await
}

async fn is_not_there(app: &App, pace: Pace, due: Due, reason: String) -> Result<(), StoreError> {
    let mut tx = app.runtime.platform(context(due)).begin().await?;
    let pause = pace.pause_after(due.attempts);
    if let Some(mut tenant) = tenants::lock(tx.conn(), due.tenant_id).await?
        && due.attempts >= pace.tries_until_failed
        && let Some(change) = tenant.database_is_not_coming(reason.clone())
    {
        record(&mut tx, &mut tenant, Some(change)).await?;
    }
    provisioning::put_off(tx.conn(), due.tenant_id, pause, &reason).await?;
    tx.commit().await
}

fn context(due: Due) -> Context {
    Context {
        correlation_id: due.correlation_id,
        ..Context::background()
    }
}

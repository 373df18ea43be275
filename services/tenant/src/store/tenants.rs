//! The tenants.

use std::{collections::BTreeMap, str::FromStr};

use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, ExprTrait, Func, OnConflict, PgFunc},
};
use service::{Page, StoreError};
use tenancy::{ClusterName, TenantCode, TenantId, TenantStatus};

use super::entities::tenant::{ActiveModel, COLUMN, Column, Entity, Model, TenantSettings};
use crate::domain::{Admin, Onboarding, Tenant};

impl TryFrom<Model> for Tenant {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            code: parse("tenant code", &row.code)?,
            name: row
                .name
                .try_into()
                .map_err(|error| StoreError::corrupt("tenant name", error))?,
            region: parse("region", &row.region)?,
            cluster: parse("cluster", &row.cluster)?,
            package: parse("package", &row.package)?,
            billing_email: row
                .billing_email
                .try_into()
                .map_err(|error| StoreError::corrupt("billing email", error))?,
            status: parse("tenant status", &row.status)?,
            version: row.version,
            failure: row.failure,
            settings: row.settings.0,
            admin: row
                .admin_user_id
                .zip(row.admin_email)
                .map(|(id, email)| Admin { id, email }),
            onboarding: Onboarding {
                database_ready: row.database_ready_at,
                admin_requested: row.admin_asked_at,
                admin_ready: row.admin_ready_at,
                settings: row.settings_at,
                guide_requested: row.guide_asked_at,
                guide_sent: row.guide_sent_at,
                guide_failure: row.guide_failure,
                completed: row.completed_at,
            },
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

fn parse<T>(what: &'static str, text: &str) -> Result<T, StoreError>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse()
        .map_err(|error| StoreError::corrupt(what, error))
}

/// Stores a new tenant; `false` if its code is taken.
pub async fn insert(db: &impl ConnectionTrait, tenant: &Tenant) -> Result<bool, StoreError> {
    let row = ActiveModel {
        id: Set(tenant.id),
        code: Set(tenant.code.to_string()),
        name: Set(tenant.name.as_str().to_owned()),
        region: Set(tenant.region.to_string()),
        cluster: Set(tenant.cluster.to_string()),
        package: Set(tenant.package.to_string()),
        billing_email: Set(tenant.billing_email.as_str().to_owned()),
        status: Set(tenant.status.to_string()),
        version: Set(tenant.version),
        created_at: Set(tenant.created_at),
        updated_at: Set(tenant.updated_at),
        ..ActiveModel::default()
    };
    let code_taken = OnConflict::column(Column::Code).do_nothing().to_owned();
    let inserted = Entity::insert(row)
        .on_conflict(code_taken)
        .exec_without_returning(db)
        .await?;
    Ok(inserted == 1)
}

/// Stores what can change of a tenant that is locked.
pub async fn update(db: &impl ConnectionTrait, tenant: &Tenant) -> Result<(), StoreError> {
    let onboarding = &tenant.onboarding;
    let admin = tenant.admin.as_ref();
    let row = ActiveModel {
        id: Unchanged(tenant.id),
        status: Set(tenant.status.to_string()),
        version: Set(tenant.version),
        failure: Set(tenant.failure.clone()),
        settings: Set(TenantSettings(tenant.settings.clone())),
        database_ready_at: Set(onboarding.database_ready),
        admin_asked_at: Set(onboarding.admin_requested),
        admin_ready_at: Set(onboarding.admin_ready),
        admin_user_id: Set(admin.map(|admin| admin.id)),
        admin_email: Set(admin.map(|admin| admin.email.clone())),
        settings_at: Set(onboarding.settings),
        guide_asked_at: Set(onboarding.guide_requested),
        guide_sent_at: Set(onboarding.guide_sent),
        guide_failure: Set(onboarding.guide_failure.clone()),
        completed_at: Set(onboarding.completed),
        updated_at: Set(tenant.updated_at),
        ..ActiveModel::default()
    };
    Entity::update(row)
        .validate()?
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// The tenant with this id.
pub async fn find_by_id(
    db: &impl ConnectionTrait,
    id: TenantId,
) -> Result<Option<Tenant>, StoreError> {
    let row = Entity::find_by_id(id).one(db).await?;
    row.map(TryInto::try_into).transpose()
}

/// The tenant with this id, locked until the transaction ends.
pub async fn lock(db: &impl ConnectionTrait, id: TenantId) -> Result<Option<Tenant>, StoreError> {
    let row = Entity::find_by_id(id).lock_exclusive().one(db).await?;
    row.map(TryInto::try_into).transpose()
}

/// The tenant with this id, in its canonical spelling, or code.
pub async fn find(
    db: &impl ConnectionTrait,
    reference: &str,
) -> Result<Option<Tenant>, StoreError> {
    if let Ok(code) = reference.parse::<TenantCode>() {
        let row = Entity::find()
            .filter(COLUMN.code.eq(code.as_str()))
            .one(db)
            .await?;
        return row.map(TryInto::try_into).transpose();
    }
    match reference.parse::<TenantId>() {
        Ok(id) if id.to_string() == reference => find_by_id(db, id).await,
        _ => Ok(None),
    }
}

/// The number of tenants on each of these clusters; clusters without tenants are left out.
pub async fn count_by_cluster(
    db: &impl ConnectionTrait,
    clusters: &[ClusterName],
) -> Result<BTreeMap<ClusterName, i64>, StoreError> {
    let names: Vec<String> = clusters.iter().map(ToString::to_string).collect();
    // As a constant in the statement, so that the partial index serves it.
    let deleted = Expr::Constant(TenantStatus::Deleted.to_string().into());
    let counts: Vec<(String, i64)> = Entity::find()
        .select_only()
        .column(Column::Cluster)
        .column_as(Column::Id.count(), "tenants")
        .filter(Expr::col(Column::Status).ne(deleted))
        .filter(Expr::col(Column::Cluster).eq(PgFunc::any(names)))
        .group_by(Column::Cluster)
        .into_tuple()
        .all(db)
        .await?;
    counts
        .into_iter()
        .map(|(name, count)| Ok((parse("cluster", &name)?, count)))
        .collect()
}

/// One page of the tenants, newest first, with this status and with this text in code or name; and the number of all such
/// tenants.
pub async fn list(
    db: &impl ConnectionTrait,
    status: Option<TenantStatus>,
    search: Option<&str>,
    page: Page,
) -> Result<(Vec<Tenant>, u64), StoreError> {
    let mut found = Entity::find();
    if let Some(status) = status {
        found = found.filter(COLUMN.status.eq(status.to_string()));
    }
    if let Some(text) = search {
        found = found.filter(contains(Column::Code, text).or(contains(Column::Name, text)));
    }
    let total = found.clone().count(db).await?;
    let rows = found
        .order_by_desc(Column::Id)
        .limit(page.limit())
        .offset(page.offset())
        .all(db)
        .await?;
    let tenants: Result<_, StoreError> = rows.into_iter().map(TryInto::try_into).collect();
    Ok((tenants?, total))
}

/// Whether the column contains `text` literally (without wildcards) in any case.
fn contains(column: Column, text: &str) -> Expr {
    let column = Func::lower(Expr::col((Entity, column)));
    let text = Func::lower(Expr::val(text));
    Expr::from(Func::cust("strpos").arg(column).arg(text)).gt(0)
}

//! The packages that tenants can subscribe to; in the platform database.

use money::Money;
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait, QueryOrder, QuerySelect, SelectExt};
use service::{Page, StoreError};

use super::entities::package::{Column, Entity, Model};
use crate::domain::Package;

impl TryFrom<Model> for Package {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            code: super::package_code(&row.code)?,
            name: row.name,
            price: Money::parse(row.price, &row.currency)
                .map_err(|error| StoreError::corrupt("currency", error))?,
            limits: row.limits.0,
            modules: row.modules.0,
        })
    }
}

/// One page of the packages in ascending order of price, and the number of all packages.
pub async fn list(
    db: &impl ConnectionTrait,
    page: Page,
) -> Result<(Vec<Package>, u64), StoreError> {
    let rows = Entity::find()
        .order_by_asc(Column::Price)
        .order_by_asc(Column::Code)
        .limit(page.limit())
        .offset(page.offset())
        .all(db)
        .await?;
    let total = Entity::find().count(db).await?;
    let packages: Result<_, StoreError> = rows.into_iter().map(TryInto::try_into).collect();
    Ok((packages?, total))
}

/// Whether a package with this code exists.
pub async fn exists(
    db: &impl ConnectionTrait,
    code: &tenancy::Package,
) -> Result<bool, StoreError> {
    Ok(Entity::find_by_id(code.as_str()).exists(db).await?)
}

//! `tenant_directory`, in the platform database.

use std::str::FromStr;

use sea_orm::{
    ActiveValue::{NotSet, Set},
    entity::prelude::*,
};

use crate::{Tenant, TenantId, TenantSnapshot};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tenant_directory")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TenantId,
    #[sea_orm(column_type = "Text")]
    pub code: String,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    #[sea_orm(column_type = "Text")]
    pub region: String,
    #[sea_orm(column_type = "Text")]
    pub cluster: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub package: String,
    #[sea_orm(column_type = "Text")]
    pub billing_email: String,
    #[sea_orm(column_type = "Text")]
    pub status: String,
    pub version: i64,
    /// Set by the database.
    pub updated_at: TimeDateTimeWithTimeZone,
}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Tenant {
    type Error = DbErr;

    fn try_from(row: Model) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.id,
            code: parse("code", &row.code)?,
            name: row.name,
            region: parse("region", &row.region)?,
            cluster: row
                .cluster
                .map(|cluster| parse("cluster", &cluster))
                .transpose()?,
            package: parse("package", &row.package)?,
            status: parse("status", &row.status)?,
            version: row.version,
        })
    }
}

fn parse<T: FromStr<Err: std::fmt::Display>>(column: &str, text: &str) -> Result<T, DbErr> {
    text.parse()
        .map_err(|error| DbErr::Type(format!("tenant_directory.{column}: {error}")))
}

impl From<&TenantSnapshot> for ActiveModel {
    fn from(snapshot: &TenantSnapshot) -> Self {
        Self {
            id: Set(snapshot.tenant_id),
            code: Set(snapshot.code.to_string()),
            name: Set(snapshot.name.clone()),
            region: Set(snapshot.region.to_string()),
            cluster: Set(snapshot.cluster.as_ref().map(ToString::to_string)),
            package: Set(snapshot.package.to_string()),
            billing_email: Set(snapshot.billing_email.clone()),
            status: Set(snapshot.status.to_string()),
            version: Set(snapshot.version),
            updated_at: NotSet,
        }
    }
}

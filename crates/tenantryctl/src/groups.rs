//! `tenantryctl groups`

use clap::Args;

use crate::{Bus, table};

#[derive(Args)]
pub struct Groups {
    /// Show only this group
    name: Option<String>,
}

impl Groups {
    pub async fn run(self, bus: &Bus) -> anyhow::Result<()> {
        let mut rows = Vec::new();
        for group in bus.admin.groups().await? {
            if self.name.as_ref().is_some_and(|name| *name != group.name) {
                continue;
            }
            let lags = bus.admin.lag(&group.name).await?;
            let cells = |rest: [String; 4]| {
                let mut row = vec![
                    group.name.clone(),
                    group.state.clone(),
                    group.members.len().to_string(),
                ];
                row.extend(rest);
                row
            };
            if lags.is_empty() {
                rows.push(cells(["-".into(), "-".into(), "-".into(), "-".into()]));
            }
            for lag in lags {
                rows.push(cells([
                    format!("{}/{}", lag.topic, lag.partition),
                    lag.committed.to_string(),
                    lag.end.to_string(),
                    lag.records().to_string(),
                ]));
            }
        }
        let head = [
            "GROUP",
            "STATE",
            "MEMBERS",
            "PARTITION",
            "COMMITTED",
            "END",
            "LAG",
        ];
        table::print(&head, &rows)?;
        Ok(())
    }
}

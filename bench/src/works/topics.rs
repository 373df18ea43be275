//! Topics of a run.

use std::time::Duration;

use event_bus::admin::{Admin, TopicSpec};

use crate::place::Place;

/// Makes these topics, empty.
///
/// # Errors
/// When the broker does not.
pub async fn anew(place: &Place, names: &[&str], partitions: i32) -> anyhow::Result<()> {
    let admin = Admin::new(&place.bus(), Duration::from_secs(30));
    admin.delete_topics(names).await?;
    let topics: Vec<TopicSpec> = names
        .iter()
        .map(|name| TopicSpec::new(*name, partitions))
        .collect();
    admin.create_topics(&topics).await?;
    Ok(())
}

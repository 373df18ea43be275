//! pending
use clap::Args;
#[derive(Args)]
pub struct Plan {}
pub async fn run(_plan: &Plan) -> anyhow::Result<()> {
    Ok(())
}

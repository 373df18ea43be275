//! `/api/tenants/{code}/onboarding`.

use actix_web::{get, web::Path};
use auth::Caller;
use service::{Answer, PlatformScope, Problem};

use super::views::OnboardingView;
use crate::use_cases::read_onboarding;

/// The progress of a tenant's onboarding. Platform administrators, services and the tenant's own admins.
#[utoipa::path(tag = "tenants", params(("code" = String, Path, description = "Code or id of the tenant")), responses(
    (status = 200, body = OnboardingView),
    (status = 404, body = Problem, description = "no such tenant for this caller"),
))]
#[get("/api/tenants/{code}/onboarding")]
pub async fn read(
    caller: Caller,
    scope: PlatformScope,
    code: Path<String>,
) -> Result<Answer<OnboardingView>, Problem> {
    let (tenant, progress) = read_onboarding(&scope, &caller, &code).await?;
    Ok(Answer::ok(OnboardingView::new(tenant, progress)))
}

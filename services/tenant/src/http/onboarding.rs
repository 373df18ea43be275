//! `/api/tenants/{code}/onboarding`.

use actix_web::{get, web::Path};
use auth::Caller;
use service::{Answer, PlatformScope, Problem};

use super::views::OnboardingView;
use crate::use_cases::read_onboarding;

/// How far a tenant's onboarding has come. For the landlord, machines and the tenant's own admin.
#[utoipa::path(tag = "tenants", params(("code" = String, Path, description = "Its code or id")), responses(
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

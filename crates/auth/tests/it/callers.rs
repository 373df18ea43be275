//! The extractors, tested over HTTP.

use actix_web::{
    App, Responder,
    http::{StatusCode, header},
    test::{TestRequest, call_service, init_service, read_body_json},
    web,
};
use auth::{
    Caller, CallerTenant, Customer, Issuer, MaybeCaller, PlatformAdmin, ServiceCaller, TenantAdmin,
    UserId, Verifier, generate_key_pem,
};
use serde_json::Value;

async fn anyone(caller: Caller) -> impl Responder {
    caller.email
}
async fn optional(caller: MaybeCaller) -> impl Responder {
    caller
        .0
        .map_or("anonymous".to_owned(), |caller| caller.email)
}
async fn platform_admin(_: PlatformAdmin) -> impl Responder {
    "platform_admin"
}
async fn admin(_: TenantAdmin) -> impl Responder {
    "admin"
}
async fn customer(caller: Customer, again: Caller) -> impl Responder {
    assert_eq!(*caller, again);
    "customer"
}
async fn service(_: ServiceCaller) -> impl Responder {
    "service"
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/anyone", web::get().to(anyone))
        .route("/optional", web::get().to(optional))
        .route("/PLATFORM_ADMIN", web::get().to(platform_admin))
        .route("/ADMIN", web::get().to(admin))
        .route("/CUSTOMER", web::get().to(customer))
        .route("/SERVICE", web::get().to(service));
}

fn issuer() -> Issuer {
    Issuer::from_pem(&generate_key_pem()).unwrap()
}

fn callers() -> [Caller; 4] {
    let acme = CallerTenant {
        id: uuid::Uuid::now_v7(),
        code: "acme".to_owned(),
    };
    [
        Caller::customer(UserId::generate(), "ann@example.com"),
        Caller::admin(UserId::generate(), "boss@acme.example", acme),
        Caller::platform_admin(UserId::generate(), "platform_admin@example.com"),
        Caller::service("notification"),
    ]
}

#[tokio::test]
async fn each_role_extractor_accepts_its_role_only() {
    let issuer = issuer();
    let app = init_service(
        App::new()
            .app_data(web::Data::new(issuer.verifier()))
            .configure(routes),
    )
    .await;
    for caller in callers() {
        let token = issuer.issue(&caller).unwrap().access_token;
        for path in callers().map(|caller| caller.role) {
            let request = TestRequest::get()
                .uri(&format!("/{path}"))
                .insert_header(bearer(&token))
                .to_request();
            let response = call_service(&app, request).await;
            if path == caller.role {
                assert_eq!(response.status(), StatusCode::OK);
                continue;
            }
            assert_eq!(response.status(), StatusCode::FORBIDDEN);
            assert_eq!(
                response.headers().get(header::CONTENT_TYPE).unwrap(),
                "application/problem+json"
            );
            let problem: Value = read_body_json(response).await;
            assert_eq!(problem["type"], "/problems/forbidden");
            assert_eq!(problem["status"], 403);
        }
    }
}

#[tokio::test]
async fn a_request_without_a_valid_token_gets_www_authenticate() {
    let issuer = issuer();
    let token = issuer.issue(&callers()[0]).unwrap().access_token;
    let app = init_service(
        App::new()
            .app_data(web::Data::new(issuer.verifier()))
            .configure(routes),
    )
    .await;
    let with_query = format!("/anyone?access_token={token}&token={token}");
    let cases = [
        TestRequest::get().uri("/anyone"),
        TestRequest::get().uri(&with_query),
        TestRequest::get()
            .uri("/anyone")
            .insert_header((header::AUTHORIZATION, "Bearer")),
        TestRequest::get()
            .uri("/anyone")
            .insert_header((header::AUTHORIZATION, "Bearer ")),
        TestRequest::get()
            .uri("/anyone")
            .insert_header((header::AUTHORIZATION, format!("Basic {token}"))),
        TestRequest::get()
            .uri("/anyone")
            .insert_header((header::AUTHORIZATION, token.clone())),
        TestRequest::get()
            .uri("/anyone")
            .append_header(bearer(&token))
            .append_header(bearer(&token)),
        TestRequest::get()
            .uri("/anyone")
            .insert_header(bearer("forged")),
        TestRequest::get()
            .uri("/optional")
            .insert_header(bearer("forged")),
        // The sub-protocol is read for a WebSocket upgrade only.
        TestRequest::get()
            .uri("/anyone")
            .insert_header(("sec-websocket-protocol", format!("bearer, {token}"))),
    ];
    for request in cases {
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let challenge = response
            .headers()
            .get(header::WWW_AUTHENTICATE)
            .unwrap()
            .to_str()
            .unwrap();
        assert!(challenge.starts_with("Bearer"), "{challenge}");
        let problem: Value = read_body_json(response).await;
        assert_eq!(problem["type"], "/problems/unauthenticated");
        assert!(!problem.to_string().contains(&token));
    }
    let response = call_service(&app, TestRequest::get().uri("/optional").to_request()).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_websocket_sends_its_token_as_a_sub_protocol() {
    let issuer = issuer();
    let token = issuer.issue(&callers()[0]).unwrap().access_token;
    let app = init_service(App::new().app_data(issuer.verifier()).configure(routes)).await;
    for (protocols, status) in [
        (format!("bearer, {token}"), StatusCode::OK),
        (format!("bearer,{token}"), StatusCode::OK),
        (format!("tenantry.v1, bearer, {token}"), StatusCode::OK),
        (token.clone(), StatusCode::UNAUTHORIZED),
        ("bearer".to_owned(), StatusCode::UNAUTHORIZED),
        ("bearer, forged".to_owned(), StatusCode::UNAUTHORIZED),
    ] {
        let request = TestRequest::get()
            .uri("/anyone")
            .insert_header((header::UPGRADE, "websocket"))
            .insert_header(("sec-websocket-protocol", protocols))
            .to_request();
        assert_eq!(call_service(&app, request).await.status(), status);
    }
}

#[tokio::test]
async fn every_request_is_rejected_while_no_key_is_available() {
    let token = issuer().issue(&callers()[0]).unwrap().access_token;
    let nowhere = Verifier::new("http://127.0.0.1:9/jwks.json");
    for app in [
        App::new()
            .app_data(web::Data::new(nowhere))
            .configure(routes),
        App::new().configure(routes),
    ] {
        let app = init_service(app).await;
        let response = call_service(
            &app,
            TestRequest::get()
                .uri("/anyone")
                .insert_header(bearer(&token))
                .to_request(),
        )
        .await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key(header::RETRY_AFTER));
    }
}

fn bearer(token: &str) -> (header::HeaderName, String) {
    (header::AUTHORIZATION, format!("bearer {token}"))
}

//! Who is who in a world: signs tokens with a key of its own, and publishes it as the user service does.

use std::net::TcpListener;

use actix_web::{App, HttpResponse, HttpServer, web};
use auth::{Caller, CallerTenant, Issuer, UserId, Verifier};
use jsonwebtoken::{Algorithm, EncodingKey, Header};

use crate::TestTenant;

/// Issues tokens for a world's people and machines.
#[derive(Clone)]
pub struct Identity {
    issuer: std::sync::Arc<Issuer>,
    key_pem: String,
    url: String,
}

impl Identity {
    /// Starts with a fresh key. Runs on the shared runtime for as long as the process.
    pub(crate) fn start() -> Self {
        let key_pem = auth::generate_key_pem();
        let issuer = Issuer::from_pem(&key_pem).expect("a generated key is a key");
        let issuer = std::sync::Arc::new(issuer);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let published = web::Data::new(issuer.jwks().clone());
        let machine = issuer
            .issue(&Caller::service("order"))
            .expect("a generated key signs")
            .access_token;
        let machine = web::Data::new(machine);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(published.clone())
                .app_data(machine.clone())
                .route("/.well-known/jwks.json", web::get().to(keys))
                .route("/api/auth/service-token", web::post().to(service_token))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .expect("it listens");
        tokio::spawn(server.run());
        Self {
            issuer,
            key_pem,
            url,
        }
    }

    /// Base URL under which the keys are published, in place of the user service.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Checks tokens of this world.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        self.issuer.verifier()
    }

    /// A token for any caller.
    #[must_use]
    pub fn token(&self, caller: &Caller) -> String {
        self.issuer
            .issue(caller)
            .expect("a generated key signs")
            .access_token
    }

    /// A token rightly signed with the world's key, whatever it says: expired, for another audience, half a tenant.
    #[must_use]
    pub fn sign(&self, claims: &serde_json::Value) -> String {
        let key = EncodingKey::from_ed_pem(self.key_pem.as_bytes()).expect("a generated key");
        let header = Header {
            kid: self.issuer.jwks().keys[0].common.key_id.clone(),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, claims, &key).expect("a generated key signs")
    }

    /// A new customer and their token.
    #[must_use]
    pub fn customer(&self) -> (Caller, String) {
        let id = UserId::generate();
        self.with_token(Caller::customer(id, format!("{id}@example.com")))
    }

    /// A new admin of this tenant and their token.
    #[must_use]
    pub fn admin_of(&self, tenant: &TestTenant) -> (Caller, String) {
        let id = UserId::generate();
        let of = CallerTenant {
            id: tenant.tenant.id.0,
            code: tenant.tenant.code.to_string(),
        };
        self.with_token(Caller::admin(id, format!("{id}@example.com"), of))
    }

    /// A landlord and their token.
    #[must_use]
    pub fn platform_admin(&self) -> (Caller, String) {
        let id = UserId::generate();
        self.with_token(Caller::platform_admin(id, format!("{id}@example.com")))
    }

    /// A service and its token.
    #[must_use]
    pub fn service(&self, name: &str) -> (Caller, String) {
        self.with_token(Caller::service(name))
    }

    fn with_token(&self, caller: Caller) -> (Caller, String) {
        let token = self.token(&caller);
        (caller, token)
    }
}

async fn keys(published: web::Data<auth::JwkSet>) -> HttpResponse {
    HttpResponse::Ok().json(published.get_ref())
}

async fn service_token(machine: web::Data<String>) -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({
        "access_token": machine.as_str(), "expires_in": 900, "token_type": "Bearer",
    }))
}

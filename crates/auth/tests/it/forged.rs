//! Tokens that somebody made up. Each differs from a good one in one thing.

use auth::{AuthError, Caller, Issuer, JwkSet, UserId, Verifier, generate_key_pem};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, EncodingKey, crypto::sign};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::Sha256;

struct Forge {
    pem: String,
    issuer: Issuer,
    verifier: Verifier,
}

impl Forge {
    fn new() -> Self {
        let pem = generate_key_pem();
        let issuer = Issuer::from_pem(&pem).unwrap();
        let verifier = issuer.verifier();
        Self {
            pem,
            issuer,
            verifier,
        }
    }

    fn header(&self) -> Value {
        json!({ "alg": "EdDSA", "typ": "JWT", "kid": kid(self.issuer.jwks()) })
    }

    fn claims() -> Value {
        let now = jsonwebtoken::get_current_timestamp();
        json!({
            "sub": UserId::generate(), "email": "ann@example.com", "role": "CUSTOMER", "iss": "tenantry",
            "aud": "tenantry-api", "iat": now, "exp": now + 900, "jti": uuid::Uuid::now_v7(),
        })
    }

    /// A token signed with the true key, whatever it says.
    fn signed(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let key = EncodingKey::from_ed_pem(self.pem.as_bytes()).unwrap();
        format!(
            "{message}.{}",
            sign(message.as_bytes(), &key, Algorithm::EdDSA).unwrap()
        )
    }

    fn with_header(&self, name: &str, value: Value) -> String {
        self.signed(&with(self.header(), name, value), &Self::claims())
    }

    fn with_claim(&self, name: &str, value: Value) -> String {
        self.signed(&self.header(), &with(Self::claims(), name, value))
    }

    fn refuses(&self, what: &str, token: &str) {
        let answer = self.verifier.check(token);
        assert!(
            matches!(answer, Err(AuthError::Invalid(_) | AuthError::Expired)),
            "{what}: {answer:?}"
        );
    }
}

fn kid(keys: &JwkSet) -> String {
    keys.keys[0].common.key_id.clone().unwrap()
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name);
    object
}

fn message(header: &Value, claims: &Value) -> String {
    format!(
        "{}.{}",
        B64.encode(header.to_string()),
        B64.encode(claims.to_string())
    )
}

#[test]
fn the_forge_can_make_a_good_token() {
    let forge = Forge::new();
    let token = forge.signed(&forge.header(), &Forge::claims());
    assert!(forge.verifier.check(&token).is_ok());
}

#[test]
fn unsigned_and_wrongly_signed_tokens_are_refused() {
    let forge = Forge::new();
    let none = message(
        &with(forge.header(), "alg", json!("none")),
        &Forge::claims(),
    );
    for (what, token) in [
        ("none", format!("{none}.")),
        (
            "None",
            message(
                &with(forge.header(), "alg", json!("None")),
                &Forge::claims(),
            ) + ".",
        ),
        ("none with a signature", format!("{none}.AAAA")),
        (
            "no signature",
            message(&forge.header(), &Forge::claims()) + ".",
        ),
        ("two parts", message(&forge.header(), &Forge::claims())),
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("noise", "a.b.c".to_owned()),
        (
            "too long",
            forge.with_claim("email", json!("x".repeat(8000))),
        ),
    ] {
        forge.refuses(what, &token);
    }

    // The public key is public: as an HMAC secret in any of its spellings it proves nothing.
    let public = serde_json::to_value(&forge.issuer.jwks().keys[0]).unwrap();
    let x = public["x"].as_str().unwrap();
    for secret in [
        x.as_bytes().to_vec(),
        B64.decode(x).unwrap(),
        public.to_string().into_bytes(),
    ] {
        let message = message(
            &with(forge.header(), "alg", json!("HS256")),
            &Forge::claims(),
        );
        let mac = Hmac::<Sha256>::new_from_slice(&secret)
            .unwrap()
            .chain_update(&message)
            .finalize();
        forge.refuses(
            "HS256 with the public key",
            &format!("{message}.{}", B64.encode(mac.into_bytes())),
        );
    }

    // Another Ed25519 key under our key's name.
    let other = Forge::new();
    let stranger = other.signed(&forge.header(), &Forge::claims());
    forge.refuses("another key", &stranger);
    // A good signature under other claims.
    let good = forge.signed(&forge.header(), &Forge::claims());
    let landlord = message(
        &forge.header(),
        &with(Forge::claims(), "role", json!("PLATFORM_ADMIN")),
    );
    forge.refuses(
        "moved signature",
        &format!("{landlord}.{}", good.rsplit('.').next().unwrap()),
    );
}

#[test]
fn tokens_that_choose_their_own_key_are_refused() {
    let forge = Forge::new();
    let attacker = Forge::new();
    let jwk = serde_json::to_value(&attacker.issuer.jwks().keys[0]).unwrap();
    for (name, value) in [
        ("jku", json!("https://evil.example/jwks.json")),
        ("jwk", jwk.clone()),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["b64"])),
        ("zip", json!("DEF")),
    ] {
        forge.refuses(name, &forge.with_header(name, value.clone()));
        let header = with(attacker.header(), name, value);
        forge.refuses(name, &attacker.signed(&header, &Forge::claims()));
    }
    for (what, value) in [
        ("unknown kid", json!("nobody")),
        ("path as kid", json!("../../dev/null")),
        ("empty kid", json!("")),
        ("number as kid", json!(1)),
    ] {
        forge.refuses(what, &forge.with_header("kid", value));
    }
    forge.refuses(
        "no kid",
        &forge.signed(&without(forge.header(), "kid"), &Forge::claims()),
    );
}

#[test]
fn claims_that_are_not_ours_are_refused() {
    let forge = Forge::new();
    let now = jsonwebtoken::get_current_timestamp();
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("iss", json!(["tenantry"])),
        ("iss", json!(null)),
        ("aud", json!("other-api")),
        ("aud", json!(["tenantry-api"])),
        ("aud", json!(["tenantry-api", "other-api"])),
        ("exp", json!(now - 60)),
        ("exp", json!((now + 900).to_string())),
        ("exp", json!(-1)),
        ("exp", json!(1.5e300)),
        ("exp", json!(null)),
        ("exp", json!([now + 900])),
        ("nbf", json!(now + 600)),
        ("nbf", json!((now - 600).to_string())),
        ("nbf", json!({})),
        ("iat", json!("yesterday")),
        ("sub", json!("root")),
        ("sub", json!(7)),
        ("role", json!("customer")),
        ("role", json!(["PLATFORM_ADMIN"])),
        ("role", json!("ADMIN")),
        ("role", json!("SERVICE")),
        ("tenantCode", json!("acme")),
        ("tenantId", json!(uuid::Uuid::now_v7())),
        ("service", json!("notification")),
        ("jti", json!(0)),
    ] {
        forge.refuses(&format!("{name} = {value}"), &forge.with_claim(name, value));
    }
    for name in ["sub", "email", "role", "iss", "aud", "exp", "iat", "jti"] {
        forge.refuses(
            name,
            &forge.signed(&forge.header(), &without(Forge::claims(), name)),
        );
    }
    let over = forge.with_claim("exp", json!(now - 60));
    assert_eq!(forge.verifier.check(&over), Err(AuthError::Expired));
}

proptest! {
    #[test]
    fn any_changed_character_breaks_a_token(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let forge = Forge::new();
        let good = forge.issuer.issue(&Caller::customer(UserId::generate(), "ann@example.com")).unwrap().access_token;
        let at = at.index(good.len());
        let mut changed = good.clone();
        changed.replace_range(at..=at, &to);
        prop_assume!(changed != good);
        prop_assert!(forge.verifier.check(&changed).is_err(), "changed at {}", at);
    }

    #[test]
    fn no_text_makes_the_verifier_panic(text in ".{0,200}") {
        prop_assert!(Forge::new().verifier.check(&text).is_err());
    }
}

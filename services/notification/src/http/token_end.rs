//! When the token of a request ends.

use actix_web::{
    HttpRequest,
    http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use time::OffsetDateTime;

#[derive(Deserialize)]
struct End {
    exp: i64,
}

/// When the token that let this request in ends. Only for a request whose `Caller` was taken: the token is not checked
/// again here.
pub(super) fn token_end(request: &HttpRequest) -> Option<OffsetDateTime> {
    let header = |name| request.headers().get(name)?.to_str().ok();
    // In the order in which `auth` looks for it: the header, then the sub-protocol after the word `bearer`.
    let token = match header(AUTHORIZATION) {
        Some(value) => value.split_once(' ')?.1.trim(),
        None => header(SEC_WEBSOCKET_PROTOCOL)?
            .split(',')
            .map(str::trim)
            .skip_while(|offered| *offered != auth::WEBSOCKET_PROTOCOL)
            .nth(1)?,
    };
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let End { exp } = serde_json::from_slice(&claims).ok()?;
    OffsetDateTime::from_unix_timestamp(exp).ok()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use auth::{Caller, Issuer, UserId};

    use super::*;

    #[test]
    fn the_end_is_read_from_either_place() {
        let issuer = Issuer::from_pem(&auth::generate_key_pem()).unwrap();
        let signed = issuer
            .issue(&Caller::customer(UserId::generate(), "a@b.example"))
            .unwrap();
        let end =
            OffsetDateTime::from_unix_timestamp(i64::try_from(signed.claims.exp).unwrap()).ok();
        let token = signed.access_token;

        let header =
            TestRequest::default().insert_header((AUTHORIZATION, format!("Bearer {token}")));
        assert_eq!(token_end(&header.to_http_request()), end);
        let offered = TestRequest::default()
            .insert_header((SEC_WEBSOCKET_PROTOCOL, format!("chat, bearer, {token}")));
        assert_eq!(token_end(&offered.to_http_request()), end);
        for text in ["bearer", "bearer, x", "bearer, a.b.c", "chat"] {
            let request = TestRequest::default().insert_header((SEC_WEBSOCKET_PROTOCOL, text));
            assert_eq!(token_end(&request.to_http_request()), None);
        }
        assert_eq!(token_end(&TestRequest::default().to_http_request()), None);
    }
}

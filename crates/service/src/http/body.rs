//! Extractors that parse bodies and queries into validated types.

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{StatusCode, header::CONTENT_TYPE},
    web::Bytes,
};
use futures::{FutureExt, StreamExt, future::LocalBoxFuture};
use serde::de::DeserializeOwned;

use super::Problem;

/// The largest JSON body that is read, in bytes.
const LARGEST_BODY: usize = 256 * 1024;

/// A JSON body. `T` refuses unknown fields (`deny_unknown_fields`) and validates its fields by their types; an invalid
/// body is answered with 400, the path of the field and the reason.
#[derive(Debug)]
pub struct Valid<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Valid<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let json = is_json(request);
        let payload = payload.take();
        async move {
            if !json {
                return Err(Problem::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "unsupported-media-type",
                    "Unsupported media type",
                    "send the body as application/json",
                ));
            }
            parse(&read(payload).await?).map(Self)
        }
        .boxed_local()
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let Some(given) = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let essence = given.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

async fn read(mut payload: Payload) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk: Bytes = chunk.map_err(|error| {
            Problem::invalid(
                "",
                format!("the body could not be read to its end: {error}"),
            )
        })?;
        if body.len() + chunk.len() > LARGEST_BODY {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "payload-too-large",
                "Payload too large",
                format!("the body is larger than {LARGEST_BODY} bytes"),
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        invalid_field(&path, &error.into_inner().to_string())
    })?;
    json.end()
        .map_err(|error| Problem::invalid("", error.to_string()))?;
    Ok(value)
}

/// A query string, parsed like a [`Valid`] body.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(parse_query(request.query_string()).map(Self))
    }
}

/// Reads a query string (`a=1&b=2`) as `T`.
pub(super) fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs)).map_err(|error| {
        let path = error.path().to_string();
        invalid_field(&path, &error.into_inner().to_string())
    })
}

/// Extracts the field and the reason from serde's message.
fn invalid_field(path: &str, reason: &str) -> Problem {
    let reason = reason.split(" at line ").next().unwrap_or(reason);
    let quoted = |before: &str| {
        reason
            .strip_prefix(before)
            .and_then(|rest| rest.split('`').next())
            .map(str::to_owned)
    };
    // serde_path_to_error writes `.` for the root and `?` for a path that was not reached.
    let path = path.trim_end_matches('?').trim_end_matches('.');
    let inside = |field: String| {
        if path.is_empty() {
            field
        } else if path.split('.').next_back() == Some(&field) {
            path.to_owned()
        } else {
            format!("{path}.{field}")
        }
    };
    if let Some(field) = quoted("missing field `") {
        return Problem::invalid(inside(field), "is missing");
    }
    if let Some(field) = quoted("unknown field `") {
        return Problem::invalid(inside(field), format!("is not known here ({reason})"));
    }
    if let Some(field) = quoted("duplicate field `") {
        return Problem::invalid(inside(field), "is given twice");
    }
    Problem::invalid(path, reason)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its parsing is looked at")]
    struct Request {
        name: String,
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its parsing is looked at")]
    struct Item {
        quantity: u32,
    }

    fn field_of(body: &str) -> String {
        parse::<Request>(body.as_bytes())
            .unwrap_err()
            .errors
            .remove(0)
            .field
    }

    #[test]
    fn the_field_is_named() {
        assert_eq!(field_of(r#"{"items":[]}"#), "name");
        assert_eq!(field_of(r#"{"name":1,"items":[]}"#), "name");
        assert_eq!(
            field_of(r#"{"name":"a","items":[{"quantity":-1}]}"#),
            "items[0].quantity"
        );
        assert_eq!(
            field_of(r#"{"name":"a","items":[{}]}"#),
            "items[0].quantity"
        );
        assert_eq!(field_of(r#"{"name":"a","items":[],"extra":1}"#), "extra");
        assert_eq!(
            field_of(r#"{"name":"a","items":[{"quantity":1,"more":2}]}"#),
            "items[0].more"
        );
        assert_eq!(field_of(r#"{"name":"a","name":"b","items":[]}"#), "name");
        assert_eq!(
            field_of(r#"{"name":"a","items":[{"quantity":1,"quantity":2}]}"#),
            "items[0].quantity"
        );
        assert_eq!(field_of("[]"), "");
        assert_eq!(field_of("{"), "");
        assert_eq!(field_of(r#"{"name":"a","items":[{"#), "items[0]");
        assert_eq!(field_of(r#"{"name":"a","items":[]} x"#), "");
    }
}

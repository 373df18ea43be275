//! How a client proves who it is, and how it knows that the broker is the broker.

mod hint;
mod last_error;
mod reader;

use std::path::PathBuf;

use rdkafka::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::BusError;

pub(crate) use crate::security::{
    hint::{hint_for, with_hint},
    last_error::Trouble,
    reader::{Reader, answering, reader, unconnected},
};

/// Encryption and login towards Kafka, for producers, consumers and administration alike. Neither unless set.
///
/// ```
/// let security: event_bus::Security = serde_json::from_str(r#"{
///     "tls": {"ca": "/etc/kafka/ca.pem"},
///     "sasl": {"mechanism": "scram-sha-512", "user": "orders", "password": "secret"}
/// }"#)?;
/// assert!(!format!("{security:?}").contains("secret"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// Connections are encrypted and the broker's certificate is checked.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// The client logs in.
    #[serde(default)]
    pub sasl: Option<Sasl>,
}

/// What TLS needs to know. `Tls::default()` trusts the authorities the system trusts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// A PEM file with the authorities that sign brokers' certificates; the system's unless set.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// The client's own certificate, where brokers ask for one.
    #[serde(default)]
    pub client: Option<ClientCertificate>,
}

/// A client's certificate and its key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// A PEM file with the certificate and what links it to its authority.
    pub certificate: PathBuf,
    /// A PEM file with the private key.
    pub key: PathBuf,
    /// The key's password, if it has one.
    #[serde(default)]
    pub key_password: Option<SecretString>,
}

/// How the client logs in, by the name of the SASL mechanism in lower case.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "mechanism")]
pub enum Sasl {
    /// `PLAIN`: the password itself is sent; use it with TLS only.
    #[serde(rename = "plain")]
    Plain(Login),
    /// `SCRAM-SHA-256` (RFC 7677).
    #[serde(rename = "scram-sha-256")]
    ScramSha256(Login),
    /// `SCRAM-SHA-512`.
    #[serde(rename = "scram-sha-512")]
    ScramSha512(Login),
    /// `OAUTHBEARER` (RFC 7628) with tokens of an `OpenID` Connect provider. Needs the feature `oauthbearer`.
    #[serde(rename = "oauthbearer")]
    OAuthBearer(OAuthClient),
}

/// A name and its password.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The name.
    pub user: String,
    /// Its password; never shown.
    pub password: SecretString,
}

/// A client of a token endpoint, by the grant `client_credentials` (RFC 6749, 4.4). librdkafka fetches the
/// token, and a new one when four fifths of its life are over.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuthClient {
    /// URL of the provider's token endpoint.
    pub token_endpoint: String,
    /// The client's id there.
    pub client_id: String,
    /// Its secret; never shown.
    pub client_secret: SecretString,
    /// The scope to ask for, if the provider wants one.
    #[serde(default)]
    pub scope: Option<String>,
    /// A PEM file with the authorities that sign the endpoint's certificate; the system's unless set.
    #[serde(default)]
    pub ca: Option<PathBuf>,
}

impl Security {
    /// Looks for what can be known to be wrong before anything connects.
    ///
    /// # Errors
    /// Names the field and the mend.
    pub fn check(&self) -> Result<(), BusError> {
        let tls = self.tls.iter().flat_map(|tls| {
            let client = tls.client.iter().flat_map(|client| {
                [
                    ("security.tls.client.certificate", &client.certificate),
                    ("security.tls.client.key", &client.key),
                ]
            });
            let ca = tls.ca.iter().map(|ca| ("security.tls.ca", ca));
            ca.chain(client)
        });
        let sasl = match &self.sasl {
            Some(Sasl::OAuthBearer(client)) => client.ca.as_ref(),
            _ => None,
        };
        for (field, path) in tls.chain(sasl.map(|ca| ("security.sasl.ca", ca))) {
            readable(field, path)?;
        }
        match &self.sasl {
            None => Ok(()),
            Some(Sasl::Plain(login) | Sasl::ScramSha256(login) | Sasl::ScramSha512(login)) => {
                filled("security.sasl.user", &login.user)?;
                filled("security.sasl.password", login.password.expose_secret())
            }
            Some(Sasl::OAuthBearer(client)) => client.check(),
        }
    }

    /// The same in librdkafka's words.
    pub(crate) fn configure(&self, config: &mut ClientConfig) {
        let protocol = match (&self.tls, &self.sasl) {
            // Said neither way here, `extra` may say it.
            (None, None) => return,
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(tls) = &self.tls {
            tls.configure(config);
        }
        match &self.sasl {
            None => {}
            Some(Sasl::Plain(login)) => login.configure(config, "PLAIN"),
            Some(Sasl::ScramSha256(login)) => login.configure(config, "SCRAM-SHA-256"),
            Some(Sasl::ScramSha512(login)) => login.configure(config, "SCRAM-SHA-512"),
            Some(Sasl::OAuthBearer(client)) => client.configure(config),
        }
    }
}

impl Tls {
    fn configure(&self, config: &mut ClientConfig) {
        if let Some(ca) = &self.ca {
            config.set("ssl.ca.location", ca.to_string_lossy());
        }
        if let Some(client) = &self.client {
            config
                .set(
                    "ssl.certificate.location",
                    client.certificate.to_string_lossy(),
                )
                .set("ssl.key.location", client.key.to_string_lossy());
            if let Some(password) = &client.key_password {
                config.set("ssl.key.password", password.expose_secret());
            }
        }
    }
}

impl Login {
    fn configure(&self, config: &mut ClientConfig, mechanism: &str) {
        config
            .set("sasl.mechanism", mechanism)
            .set("sasl.username", &self.user)
            .set("sasl.password", self.password.expose_secret());
    }
}

impl OAuthClient {
    fn check(&self) -> Result<(), BusError> {
        if !cfg!(feature = "oauthbearer") {
            return Err(BusError::Settings(
                "security.sasl.mechanism: oauthbearer needs event-bus built with its feature `oauthbearer`"
                    .to_owned(),
            ));
        }
        let endpoint = reqwest::Url::parse(&self.token_endpoint).ok();
        if !endpoint.is_some_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err(BusError::Settings(format!(
                "security.sasl.token_endpoint: {:?} is no URL; give the whole of it, as https://id.example/token",
                self.token_endpoint
            )));
        }
        filled("security.sasl.client_id", &self.client_id)?;
        filled(
            "security.sasl.client_secret",
            self.client_secret.expose_secret(),
        )
    }

    fn configure(&self, config: &mut ClientConfig) {
        config
            .set("sasl.mechanism", "OAUTHBEARER")
            .set("sasl.oauthbearer.method", "oidc")
            .set("sasl.oauthbearer.token.endpoint.url", &self.token_endpoint)
            .set("sasl.oauthbearer.client.id", &self.client_id)
            .set(
                "sasl.oauthbearer.client.secret",
                self.client_secret.expose_secret(),
            );
        if let Some(scope) = &self.scope {
            config.set("sasl.oauthbearer.scope", scope);
        }
        if let Some(ca) = &self.ca {
            config.set("https.ca.location", ca.to_string_lossy());
        }
    }
}

fn readable(field: &str, path: &std::path::Path) -> Result<(), BusError> {
    std::fs::File::open(path).map(drop).map_err(|error| {
        BusError::Settings(format!(
            "{field}: {} cannot be read ({error}); name a PEM file this program may read",
            path.display()
        ))
    })
}

fn filled(field: &str, value: &str) -> Result<(), BusError> {
    if value.is_empty() {
        return Err(BusError::Settings(format!("{field}: is empty; set it")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

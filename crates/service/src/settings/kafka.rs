//! Credentials and encryption for Kafka and the schema registry.

use std::path::PathBuf;

use event_bus::{ClientCertificate, Login, OAuthClient, RegistryAccess, Sasl, Security, Tls};
use secrecy::SecretString;
use serde::Deserialize;

use super::InvalidSetting;

/// The variables as given; none is needed for a broker without authentication.
#[derive(Deserialize)]
pub(super) struct Access {
    /// `system` to trust the system's certificate authorities, or a PEM file with others; enables TLS.
    kafka_tls: Option<String>,
    /// PEM file with the client's certificate.
    kafka_certificate: Option<PathBuf>,
    /// PEM file with its key.
    kafka_key: Option<PathBuf>,
    /// The key's password.
    kafka_key_password: Option<SecretString>,
    /// `plain`, `scram-sha-256`, `scram-sha-512` or `oauthbearer`; enables SASL.
    kafka_sasl: Option<String>,
    kafka_user: Option<String>,
    kafka_password: Option<SecretString>,
    /// URL of the token endpoint, for `oauthbearer`.
    kafka_token_endpoint: Option<String>,
    kafka_client_id: Option<String>,
    kafka_client_secret: Option<SecretString>,
    kafka_scope: Option<String>,
    /// PEM file with the certificate authorities of the token endpoint.
    kafka_token_ca: Option<PathBuf>,
    registry_user: Option<String>,
    registry_password: Option<SecretString>,
    /// PEM file with the certificate authorities of the registry.
    registry_ca: Option<PathBuf>,
}

impl Access {
    pub(super) fn security(&self) -> Result<Security, InvalidSetting> {
        let security = Security {
            tls: self.tls()?,
            sasl: self.sasl()?,
        };
        security
            .check()
            .map_err(|error| InvalidSetting::new("TENANTRY_KAFKA_*", error))?;
        Ok(security)
    }

    pub(super) fn registry(&self) -> Result<RegistryAccess, InvalidSetting> {
        let login = match (&self.registry_user, &self.registry_password) {
            (None, None) => None,
            (user, password) => Some(Login {
                user: needed(
                    "TENANTRY_REGISTRY_USER",
                    user.as_ref(),
                    "TENANTRY_REGISTRY_PASSWORD",
                )?,
                password: needed(
                    "TENANTRY_REGISTRY_PASSWORD",
                    password.as_ref(),
                    "TENANTRY_REGISTRY_USER",
                )?,
            }),
        };
        Ok(RegistryAccess {
            login,
            ca: self.registry_ca.clone(),
        })
    }

    fn tls(&self) -> Result<Option<Tls>, InvalidSetting> {
        let Some(authorities) = &self.kafka_tls else {
            return match &self.kafka_certificate {
                None => Ok(None),
                Some(_) => Err(InvalidSetting::new(
                    "TENANTRY_KAFKA_TLS",
                    "is not set, and TENANTRY_KAFKA_CERTIFICATE is; set it to `system` or a PEM file of authorities",
                )),
            };
        };
        let client = match (&self.kafka_certificate, &self.kafka_key) {
            (None, None) => None,
            (certificate, key) => Some(ClientCertificate {
                certificate: needed(
                    "TENANTRY_KAFKA_CERTIFICATE",
                    certificate.as_ref(),
                    "TENANTRY_KAFKA_KEY",
                )?,
                key: needed(
                    "TENANTRY_KAFKA_KEY",
                    key.as_ref(),
                    "TENANTRY_KAFKA_CERTIFICATE",
                )?,
                key_password: self.kafka_key_password.clone(),
            }),
        };
        Ok(Some(Tls {
            ca: (authorities != "system").then(|| authorities.into()),
            client,
        }))
    }

    fn sasl(&self) -> Result<Option<Sasl>, InvalidSetting> {
        let Some(mechanism) = &self.kafka_sasl else {
            if self.kafka_user.is_some() || self.kafka_client_id.is_some() {
                return Err(InvalidSetting::new(
                    "TENANTRY_KAFKA_SASL",
                    "is not set, and a user or client is; set it to plain, scram-sha-256, scram-sha-512 or oauthbearer",
                ));
            }
            return Ok(None);
        };
        Ok(Some(match mechanism.to_ascii_lowercase().as_str() {
            "plain" => Sasl::Plain(self.login()?),
            "scram-sha-256" => Sasl::ScramSha256(self.login()?),
            "scram-sha-512" => Sasl::ScramSha512(self.login()?),
            "oauthbearer" => Sasl::OAuthBearer(self.oauth()?),
            other => {
                return Err(InvalidSetting::new(
                    "TENANTRY_KAFKA_SASL",
                    format!(
                        "is {other}, should be plain, scram-sha-256, scram-sha-512 or oauthbearer"
                    ),
                ));
            }
        }))
    }

    fn login(&self) -> Result<Login, InvalidSetting> {
        let cause = "TENANTRY_KAFKA_SASL";
        Ok(Login {
            user: needed("TENANTRY_KAFKA_USER", self.kafka_user.as_ref(), cause)?,
            password: needed(
                "TENANTRY_KAFKA_PASSWORD",
                self.kafka_password.as_ref(),
                cause,
            )?,
        })
    }

    fn oauth(&self) -> Result<OAuthClient, InvalidSetting> {
        let cause = "TENANTRY_KAFKA_SASL=oauthbearer";
        Ok(OAuthClient {
            token_endpoint: needed(
                "TENANTRY_KAFKA_TOKEN_ENDPOINT",
                self.kafka_token_endpoint.as_ref(),
                cause,
            )?,
            client_id: needed(
                "TENANTRY_KAFKA_CLIENT_ID",
                self.kafka_client_id.as_ref(),
                cause,
            )?,
            client_secret: needed(
                "TENANTRY_KAFKA_CLIENT_SECRET",
                self.kafka_client_secret.as_ref(),
                cause,
            )?,
            scope: self.kafka_scope.clone(),
            ca: self.kafka_token_ca.clone(),
        })
    }
}

/// The value of a variable that another variable requires.
fn needed<T: Clone>(variable: &str, value: Option<&T>, cause: &str) -> Result<T, InvalidSetting> {
    value.cloned().ok_or_else(|| {
        InvalidSetting::new(
            variable,
            format!("is not set, and {cause} needs it; set it"),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn access(variables: &[(&str, &str)]) -> Access {
        let variables: HashMap<String, String> = variables
            .iter()
            .map(|(name, value)| (format!("TENANTRY_{name}"), (*value).to_owned()))
            .collect();
        super::super::read(super::super::environment().source(Some(variables))).unwrap()
    }

    #[test]
    fn nothing_set_means_no_locks() {
        let security = access(&[]).security().unwrap();
        assert!(security.tls.is_none() && security.sasl.is_none());
        assert!(access(&[]).registry().unwrap().login.is_none());
    }

    #[test]
    fn scram_over_tls_is_told_by_variables_and_its_password_not_shown() {
        let access = access(&[
            ("KAFKA_TLS", "system"),
            ("KAFKA_SASL", "SCRAM-SHA-512"),
            ("KAFKA_USER", "orders"),
            ("KAFKA_PASSWORD", "hunter2"),
            ("REGISTRY_USER", "orders"),
            ("REGISTRY_PASSWORD", "hunter2"),
        ]);
        let security = access.security().unwrap();
        assert!(matches!(security.sasl, Some(Sasl::ScramSha512(_))));
        let shown = format!("{security:?} {:?}", access.registry().unwrap());
        assert!(
            shown.contains("orders") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (variables, named) in [
            (&[("KAFKA_SASL", "plain")][..], "TENANTRY_KAFKA_USER"),
            (
                &[("KAFKA_SASL", "kerberos")],
                "TENANTRY_KAFKA_SASL: is kerberos",
            ),
            (
                &[("KAFKA_USER", "orders")],
                "TENANTRY_KAFKA_SASL: is not set",
            ),
            (
                &[("KAFKA_SASL", "oauthbearer")],
                "TENANTRY_KAFKA_TOKEN_ENDPOINT",
            ),
            (
                &[("KAFKA_TLS", "/nowhere/ca.pem")],
                "/nowhere/ca.pem cannot be read",
            ),
            (
                &[("KAFKA_TLS", "system"), ("KAFKA_KEY", "/k")],
                "TENANTRY_KAFKA_CERTIFICATE",
            ),
            (
                &[("KAFKA_CERTIFICATE", "/c")],
                "TENANTRY_KAFKA_TLS: is not set",
            ),
        ] {
            let error = access(variables).security().unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        let error = access(&[("REGISTRY_USER", "orders")])
            .registry()
            .err()
            .unwrap();
        assert!(
            error.to_string().contains("TENANTRY_REGISTRY_PASSWORD"),
            "{error}"
        );
    }
}

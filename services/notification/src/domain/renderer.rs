//! Renders e-mails from the embedded templates.

use minijinja::{Environment, UndefinedBehavior, Value, value::Serde};

use super::{EmailContent, EmailTemplate};

/// A template that cannot be rendered (an internal error), or an invalid public URL.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The public URL is not an HTTP URL without a query.
    #[error("should be an HTTP URL without a query, as https://tenantry.example")]
    PublicUrl,
    /// A template does not parse, or its variables do not match the content.
    #[error("template {template}: {cause}")]
    Template {
        /// The name of the template.
        template: &'static str,
        /// The kind and line of the error. Contains no value of the content.
        cause: String,
    },
}

/// A rendered e-mail.
#[derive(Clone, PartialEq, Eq)]
pub struct RenderedEmail {
    /// The subject, a single line.
    pub subject: String,
    /// The body, plain text.
    pub body: String,
}

/// Renders the embedded templates. Each template file holds the subject, an empty line, and the body.
pub struct EmailRenderer {
    environment: Environment<'static>,
}

const SOURCES: [(EmailTemplate, &str); 7] = [
    (
        EmailTemplate::Welcome,
        include_str!("../../templates/welcome.txt"),
    ),
    (
        EmailTemplate::Invitation,
        include_str!("../../templates/invitation.txt"),
    ),
    (
        EmailTemplate::PasswordReset,
        include_str!("../../templates/password_reset.txt"),
    ),
    (
        EmailTemplate::SetupGuide,
        include_str!("../../templates/setup_guide.txt"),
    ),
    (
        EmailTemplate::OrderPlaced,
        include_str!("../../templates/order_placed.txt"),
    ),
    (
        EmailTemplate::OrderCompleted,
        include_str!("../../templates/order_completed.txt"),
    ),
    (
        EmailTemplate::OrderExpired,
        include_str!("../../templates/order_expired.txt"),
    ),
];

impl EmailRenderer {
    /// Parses the templates; links begin with `public_url`.
    ///
    /// # Errors
    /// [`RenderError::PublicUrl`] or, for a template that does not parse, [`RenderError::Template`].
    pub fn new(public_url: &str) -> Result<Self, RenderError> {
        let public_url = public_url.trim_end_matches('/');
        match url::Url::parse(public_url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.query().is_none() => {}
            _ => return Err(RenderError::PublicUrl),
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_global("public_url", public_url);
        for (template, source) in SOURCES {
            let (subject, body) = source.split_once("\n\n").unwrap_or((source, ""));
            let template_error = |error| template_error(template, &error);
            environment
                .add_template_owned(subject_name(template), subject)
                .map_err(template_error)?;
            environment
                .add_template(template.as_str(), body)
                .map_err(template_error)?;
        }
        Ok(Self { environment })
    }

    /// Renders the content's template.
    ///
    /// # Errors
    /// [`RenderError::Template`].
    pub fn render(&self, content: &EmailContent) -> Result<RenderedEmail, RenderError> {
        let template = content.template();
        let variables = Value::from(Serde(content));
        let render = |name: &str| {
            let source = self.environment.get_template(name)?;
            source.render(variables.clone())
        };
        let template_error = |error| template_error(template, &error);
        let subject = render(&subject_name(template)).map_err(template_error)?;
        let body = render(template.as_str()).map_err(template_error)?;
        // Values that users entered may contain line breaks; a subject is a single line.
        let subject = subject
            .split(char::is_control)
            .collect::<Vec<_>>()
            .join(" ");
        Ok(RenderedEmail {
            subject: subject.trim().to_owned(),
            body,
        })
    }
}

fn subject_name(template: EmailTemplate) -> String {
    format!("{}.subject", template.as_str())
}

/// Keeps only the kind and line of the error: its details may quote values of the content.
fn template_error(template: EmailTemplate, error: &minijinja::Error) -> RenderError {
    let line = error
        .line()
        .map_or_else(String::new, |line| format!(" in line {line}"));
    RenderError::Template {
        template: template.as_str(),
        cause: format!("{}{line}", error.kind()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use strum::IntoEnumIterator;
    use time::OffsetDateTime;

    use super::*;
    use crate::domain::PasswordToken;

    fn contents(text: &str) -> Vec<EmailContent> {
        let text = text.to_owned();
        let token = PasswordToken {
            value: "s3cret+/=".into(),
            expires_at: OffsetDateTime::UNIX_EPOCH,
        };
        let order_id = "01a2".to_owned();
        vec![
            EmailContent::Welcome {
                name: text.clone(),
                tenant_code: None,
            },
            EmailContent::Welcome {
                name: text.clone(),
                tenant_code: Some(text.clone()),
            },
            EmailContent::Invitation {
                name: text.clone(),
                tenant_code: None,
                token: token.clone(),
            },
            EmailContent::Invitation {
                name: text.clone(),
                tenant_code: Some(text.clone()),
                token: token.clone(),
            },
            EmailContent::PasswordReset { token },
            EmailContent::SetupGuide {
                tenant_name: text.clone(),
                tenant_code: text.clone(),
                package: text.clone(),
            },
            EmailContent::OrderPlaced {
                order_id: order_id.clone(),
                tenant_code: text.clone(),
                total: text.clone(),
                payment_link: "https://t.example/pay?token=a".to_owned(),
            },
            EmailContent::OrderCompleted {
                order_id: order_id.clone(),
                tenant_code: text.clone(),
                total: text.clone(),
                transaction_id: text.clone(),
            },
            EmailContent::OrderExpired {
                order_id,
                tenant_code: text.clone(),
                total: text,
            },
        ]
    }

    #[test]
    fn every_template_has_content_and_a_file() {
        let used: Vec<_> = contents("x").iter().map(EmailContent::template).collect();
        assert!(EmailTemplate::iter().all(|template| used.contains(&template)));
        assert!(
            SOURCES
                .iter()
                .map(|(template, _)| *template)
                .eq(EmailTemplate::iter())
        );
    }

    #[test]
    fn a_link_contains_its_token_and_begins_with_the_public_url() {
        let renderer = EmailRenderer::new("https://t.example/").unwrap();
        for content in contents("x") {
            let body = renderer.render(&content).unwrap().body;
            if matches!(
                content,
                EmailContent::Invitation { .. } | EmailContent::PasswordReset { .. }
            ) {
                assert!(
                    body.contains("https://t.example/reset-password?token=s3cret%2B%2F%3D\n"),
                    "{body}"
                );
                assert!(
                    body.contains("POST https://t.example/api/auth/reset-password"),
                    "{body}"
                );
                assert!(body.contains("1970-01-01 00:00 UTC"), "{body}");
            }
            if matches!(content, EmailContent::OrderPlaced { .. }) {
                assert!(body.contains("https://t.example/pay?token=a\n"), "{body}");
            }
        }
    }

    #[test]
    fn an_invalid_public_url_is_refused() {
        for url in ["", "tenantry.example", "ftp://x", "https://x/?a=b"] {
            assert!(EmailRenderer::new(url).is_err(), "{url}");
        }
    }

    proptest! {
        #[test]
        fn any_user_input_renders_with_a_subject_of_one_line(text in ".*") {
            let renderer = EmailRenderer::new("https://t.example").unwrap();
            for content in contents(&text) {
                let RenderedEmail { subject, body } = renderer.render(&content).unwrap();
                prop_assert!(!subject.is_empty() && !subject.contains(char::is_control));
                prop_assert!(!body.trim().is_empty());
                prop_assert!(!body.contains("{{") || text.contains("{{"));
            }
        }
    }
}

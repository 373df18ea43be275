//! From a letter to its subject and text.

use minijinja::{Environment, UndefinedBehavior, Value, value::Serde};

use super::{Letter, Template};

/// What cannot be rendered: a mistake of ours, or a base URL that is none.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// Links cannot begin with this.
    #[error("should be a URL that links can begin with, as https://tenantry.example")]
    BaseUrl,
    /// A template and its letter do not fit.
    #[error("template {template}: {cause}")]
    Broken {
        /// Which.
        template: &'static str,
        /// What does not fit. Holds no value of the letter.
        cause: String,
    },
}

/// An e-mail's text.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub body: String,
}

/// The embedded templates. Each file is the subject, an empty line, and the text.
pub struct Templates {
    environment: Environment<'static>,
}

const SOURCES: [(Template, &str); 7] = [
    (
        Template::Welcome,
        include_str!("../../templates/welcome.txt"),
    ),
    (
        Template::Invitation,
        include_str!("../../templates/invitation.txt"),
    ),
    (
        Template::PasswordReset,
        include_str!("../../templates/password_reset.txt"),
    ),
    (
        Template::SetupGuide,
        include_str!("../../templates/setup_guide.txt"),
    ),
    (
        Template::OrderPlaced,
        include_str!("../../templates/order_placed.txt"),
    ),
    (
        Template::OrderCompleted,
        include_str!("../../templates/order_completed.txt"),
    ),
    (
        Template::OrderExpired,
        include_str!("../../templates/order_expired.txt"),
    ),
];

impl Templates {
    /// The templates, with links that begin with `public_url`.
    ///
    /// # Errors
    /// [`TemplateError::BaseUrl`].
    pub fn new(public_url: &str) -> Result<Self, TemplateError> {
        let base = public_url.trim_end_matches('/');
        match url::Url::parse(base) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.query().is_none() => {}
            _ => return Err(TemplateError::BaseUrl),
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_global("public_url", base);
        for (template, source) in SOURCES {
            let (subject, body) = source.split_once("\n\n").unwrap_or((source, ""));
            let broken = |error| broken(template, &error);
            environment
                .add_template_owned(subject_of(template), subject)
                .map_err(broken)?;
            environment
                .add_template(template.as_str(), body)
                .map_err(broken)?;
        }
        Ok(Self { environment })
    }

    /// The letter's subject and text.
    ///
    /// # Errors
    /// [`TemplateError::Broken`].
    pub fn render(&self, letter: &Letter) -> Result<Rendered, TemplateError> {
        let template = letter.template();
        let filled = Value::from(Serde(letter));
        let render = |name: &str| {
            let source = self.environment.get_template(name)?;
            source.render(filled.clone())
        };
        let broken = |error| broken(template, &error);
        let subject = render(&subject_of(template)).map_err(broken)?;
        let body = render(template.as_str()).map_err(broken)?;
        // What people typed may hold line breaks; a subject is one line.
        let subject = subject
            .split(char::is_control)
            .collect::<Vec<_>>()
            .join(" ");
        Ok(Rendered {
            subject: subject.trim().to_owned(),
            body,
        })
    }
}

fn subject_of(template: Template) -> String {
    format!("{}.subject", template.as_str())
}

/// The kind and place of the error only: its details may quote what the letter holds.
fn broken(template: Template, error: &minijinja::Error) -> TemplateError {
    let line = error
        .line()
        .map_or_else(String::new, |line| format!(" in line {line}"));
    TemplateError::Broken {
        template: template.as_str(),
        cause: format!("{}{line}", error.kind()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::OffsetDateTime;

    use strum::IntoEnumIterator;

    use super::*;
    use crate::domain::PasswordSecret;

    fn letters(text: &str) -> Vec<Letter> {
        let text = text.to_owned();
        let secret = PasswordSecret {
            token: "s3cret+/=".into(),
            expires_at: OffsetDateTime::UNIX_EPOCH,
        };
        let order_id = "01a2".to_owned();
        vec![
            Letter::Welcome {
                name: text.clone(),
                tenant_code: None,
            },
            Letter::Welcome {
                name: text.clone(),
                tenant_code: Some(text.clone()),
            },
            Letter::Invitation {
                name: text.clone(),
                tenant_code: None,
                secret: secret.clone(),
            },
            Letter::Invitation {
                name: text.clone(),
                tenant_code: Some(text.clone()),
                secret: secret.clone(),
            },
            Letter::PasswordReset { secret },
            Letter::SetupGuide {
                tenant_name: text.clone(),
                tenant_code: text.clone(),
                package: text.clone(),
            },
            Letter::OrderPlaced {
                order_id: order_id.clone(),
                tenant_code: text.clone(),
                total: text.clone(),
                payment_link: "https://t.example/pay?token=a".to_owned(),
            },
            Letter::OrderCompleted {
                order_id: order_id.clone(),
                tenant_code: text.clone(),
                total: text.clone(),
                transaction_id: text.clone(),
            },
            Letter::OrderExpired {
                order_id,
                tenant_code: text.clone(),
                total: text,
            },
        ]
    }

    #[test]
    fn every_template_has_a_letter() {
        let made: Vec<_> = letters("x").iter().map(Letter::template).collect();
        assert!(Template::iter().all(|template| made.contains(&template)));
        assert!(
            SOURCES
                .iter()
                .map(|(template, _)| *template)
                .eq(Template::iter())
        );
    }

    #[test]
    fn a_link_carries_its_secret_and_begins_with_the_public_url() {
        let templates = Templates::new("https://t.example/").unwrap();
        for letter in letters("x") {
            let body = templates.render(&letter).unwrap().body;
            if matches!(
                letter,
                Letter::Invitation { .. } | Letter::PasswordReset { .. }
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
            if matches!(letter, Letter::OrderPlaced { .. }) {
                assert!(body.contains("https://t.example/pay?token=a\n"), "{body}");
            }
        }
    }

    #[test]
    fn a_base_that_is_no_url_is_refused() {
        for base in ["", "tenantry.example", "ftp://x", "https://x/?a=b"] {
            assert!(Templates::new(base).is_err(), "{base}");
        }
    }

    proptest! {
        #[test]
        fn whatever_people_typed_a_letter_renders_with_a_subject_of_one_line(text in ".*") {
            let templates = Templates::new("https://t.example").unwrap();
            for letter in letters(&text) {
                let Rendered { subject, body } = templates.render(&letter).unwrap();
                prop_assert!(!subject.is_empty() && !subject.contains(char::is_control));
                prop_assert!(!body.trim().is_empty());
                prop_assert!(!body.contains("{{") || text.contains("{{"));
            }
        }
    }
}

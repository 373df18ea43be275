//! Integration tests: the notification service against Kafka, PostgreSQL and Redis, driven by events and WebSockets.

mod emails;
mod fixture;
mod live;
mod notifications;
mod password_links;
mod socket_client;
mod stub_mail_server;
mod stub_user_service;

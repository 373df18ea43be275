//! The notification service, driven by events and by sockets against the real stack.

mod emails;
mod house;
mod live;
mod mail_server;
mod notices;
mod password_links;
mod sockets;
mod user_service;

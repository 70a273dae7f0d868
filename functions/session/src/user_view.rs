//! The caller, as callers see themselves.

use serde::Serialize;
use utoipa::ToSchema;
use web::User;

/// Who is calling. For nobody in particular everything is null, false or empty.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserView {
    /// Stable within the tenant.
    id: Option<String>,
    /// The name at the LMS.
    username: Option<String>,
    email: Option<String>,
    /// The full name.
    name: Option<String>,
    is_authenticated: bool,
    /// Whether the user administers the shop.
    is_staff: bool,
    tenant: Option<String>,
    /// What the caller may do beyond its own affairs: `staff`, and the scopes of the token.
    permissions: Vec<String>,
}

impl UserView {
    pub(crate) fn nobody() -> Self {
        Self {
            id: None,
            username: None,
            email: None,
            name: None,
            is_authenticated: false,
            is_staff: false,
            tenant: None,
            permissions: Vec::new(),
        }
    }
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        Self {
            id: Some(user.id.to_string()),
            username: Some(user.username.to_string()),
            email: user.email.clone(),
            name: user.name.clone(),
            is_authenticated: true,
            is_staff: user.staff,
            tenant: Some(user.tenant.to_string()),
            permissions: user.permissions(),
        }
    }
}

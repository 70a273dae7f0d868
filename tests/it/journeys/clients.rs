//! Clients and who looks after them: machine clients and their tokens, the keys of applications, users under staff's hand.
//!
//! Each file is a subject; here is how a machine client is registered and gets its token.

mod keys;
mod rotation;
mod scopes;
mod tokens;
mod users;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, TestApp};

const TOKEN_PATH: &str = "/oauth2/access_token";

/// A machine client as it was registered.
struct Machine {
    id: String,
    secret: String,
}

impl Machine {
    /// Registers a client that acts as `worker`.
    async fn register(app: &TestApp, scopes: &[&str], filters: &[&str]) -> Self {
        let body = json!({"name": "A worker", "username": "worker", "scopes": scopes, "filters": filters});
        Self::of(&app.staff().post("/api/v1/machine-clients", &body).await.expect(StatusCode::CREATED))
    }

    /// The client that an answer shows, with its secret.
    #[track_caller]
    fn of(answer: &Answer) -> Self {
        let text = |name: &str| answer[name].as_str().expect(name).to_owned();
        Self { id: text("id"), secret: text("client_secret") }
    }

    /// Asks for a token, with further fields in the form.
    async fn ask(&self, app: &TestApp, more: &[(&str, &str)]) -> Answer {
        let mut form =
            vec![("grant_type", "client_credentials"), ("client_id", &self.id), ("client_secret", &self.secret)];
        form.extend(more);
        post_form(&app.anonymous(), &form).await
    }

    /// A client that goes by a token of this machine.
    async fn client(&self, app: &TestApp) -> Client {
        let answer = self.ask(app, &[("token_type", "jwt")]).await.expect(StatusCode::OK);
        by_token(app, &answer)
    }

    /// The path of the client itself.
    fn path(&self) -> String {
        format!("/api/v1/machine-clients/{}", self.id)
    }
}

async fn post_form(client: &Client, form: &[(&str, &str)]) -> Answer {
    client.send(client.request(Method::POST, TOKEN_PATH).form(form)).await
}

/// A client that goes by the token that was issued.
fn by_token(app: &TestApp, issued: &Answer) -> Client {
    app.anonymous().with("Authorization", &format!("JWT {}", issued["access_token"].as_str().expect("a token")))
}

/// A part of a token: 0 is its header, 1 its claims.
fn part_of(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("a part");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
}

/// A header of an answer as text; empty if it is not there.
fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map(|value| value.to_str().expect("text")).unwrap_or_default()
}

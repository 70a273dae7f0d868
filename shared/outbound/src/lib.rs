//! HTTP as we speak it to others: to AWS, processors, the LMS, issuers of tokens and collectors of traces.
//!
//! HTTP/1.1 over rustls, with one TLS configuration that is made once in a process (ADR 26). Mozilla's roots are part of
//! the binary, so that a start reads no file for them; the certificates of the PEM file that `SSL_CERT_FILE` names are
//! believed as well. A redirect is never followed, since it is no answer of the address that was configured, and a proxy
//! comes from our configuration or not at all.

use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// A connection that slept through a frozen function is dead on thaw.
const IDLE: Duration = Duration::from_secs(20);

/// A PEM file of further roots. The name is OpenSSL's.
const MORE_ROOTS: &str = "SSL_CERT_FILE";

/// No client can be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of further roots cannot be read, or holds what is no certificate.
    #[error("{MORE_ROOTS}: no certificates can be read")]
    Roots(#[source] rustls_pki_types::pem::Error),
    /// The file of further roots holds a certificate that cannot be one.
    #[error("{MORE_ROOTS}: a certificate cannot be a root")]
    Root(#[source] rustls::Error),
    /// TLS does not work.
    #[error("tls cannot be configured")]
    Tls(#[source] rustls::Error),
    /// The settings contradict each other.
    #[error("http client cannot be built")]
    Client(#[source] reqwest::Error),
}

/// A client with `settings` of its own. Nothing is called, and little is done: all clients share their TLS.
///
/// # Errors
/// [`Error`].
pub fn client(settings: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Client, Error> {
    let builder = Client::builder().tls_backend_preconfigured(tls()?).redirect(Policy::none()).no_proxy();
    settings(builder.pool_idle_timeout(IDLE)).build().map_err(Error::Client)
}

/// The configuration that all clients share: its parts are shared by its clones.
fn tls() -> Result<ClientConfig, Error> {
    static MADE: OnceLock<ClientConfig> = OnceLock::new();
    if let Some(made) = MADE.get() {
        return Ok(made.clone());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let roots = roots(more_roots().as_deref().map(Path::new))?;
    let config = config.map_err(Error::Tls)?.with_root_certificates(roots).with_no_client_auth();
    Ok(MADE.get_or_init(|| config).clone())
}

#[expect(clippy::disallowed_methods, reason = "a convention of TLS libraries, of which web::config knows nothing")]
fn more_roots() -> Option<OsString> {
    std::env::var_os(MORE_ROOTS).filter(|file| !file.is_empty())
}

fn roots(more: Option<&Path>) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let Some(file) = more else { return Ok(roots) };
    for certificate in CertificateDer::pem_file_iter(file).map_err(Error::Roots)? {
        roots.add(certificate.map_err(Error::Roots)?).map_err(Error::Root)?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a test authority; `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=Test'`.
    const ROOT: &str = include_str!("test_root.pem");

    #[test]
    fn clients_are_made_with_mozillas_roots() {
        assert!(client(|builder| builder).is_ok());
        assert!(roots(None).unwrap().len() > 100);
    }

    #[test]
    fn further_roots_are_added() {
        let folder = tempfile::tempdir().unwrap();
        let (good, bad, none) = (folder.path().join("good"), folder.path().join("bad"), folder.path().join("none"));
        std::fs::write(&good, ROOT).unwrap();
        std::fs::write(&bad, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert_eq!(roots(Some(&good)).unwrap().len(), roots(None).unwrap().len() + 1);
        assert!(matches!(roots(Some(&bad)), Err(Error::Root(_))));
        assert!(matches!(roots(Some(&none)), Err(Error::Roots(_))));
    }
}

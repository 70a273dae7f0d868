//! Names below `.localhost` are this machine (RFC 6761, section 6.3). The C library's resolver does not know that, and an
//! emulator of AWS gives its APIs such names.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Resolves `.localhost` to 127.0.0.1, and everything else as the system does.
#[derive(Clone, Copy, Debug)]
pub struct Loopback;

impl Loopback {
    /// As an HTTP client takes it.
    #[must_use]
    pub fn resolver() -> Arc<Self> {
        Arc::new(Self)
    }
}

impl Resolve for Loopback {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str();
            if is_loopback(host) {
                let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                return Ok(Box::new(std::iter::once(here)) as Addrs);
            }
            // The port is the URL's: it is put in place of this one.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_below_localhost_is_this_machine() {
        for name in ["abc123.execute-api.localhost", "LOCALHOST", "shop.localhost."] {
            let found: Vec<_> = Loopback.resolve(name.parse().unwrap()).await.unwrap().collect();
            assert_eq!(found, [SocketAddr::from((Ipv4Addr::LOCALHOST, 0))], "{name}");
        }
        for name in ["localhost.example", "notlocalhost", "127.0.0.1"] {
            assert!(!is_loopback(name), "{name}");
        }
        let found: Vec<_> = Loopback.resolve("127.0.0.1".parse().unwrap()).await.unwrap().collect();
        assert_eq!(found, [SocketAddr::from((Ipv4Addr::LOCALHOST, 0))]);
    }
}

//! Where a server's metadata may send us. A server on the network must not make us ask things of this machine, or of the
//! network behind it; one on this machine may name other ports of it.

use std::net::IpAddr;

use reqwest::Url;

use crate::error::OAuthError;

/// How far away a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Distance {
    /// This machine.
    Loopback,
    /// A network that is not the public one.
    Private,
    /// Addresses that nobody serves from, or that belong to the machinery of a cloud.
    Forbidden,
    Public,
}

/// What a server's addresses are measured by.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    server: Url,
    distance: Distance,
}

impl Reach {
    /// The reach of a server, whose address the user has configured.
    pub(super) async fn of(server: &Url) -> Self {
        Self { server: server.clone(), distance: distance_of(server).await }
    }

    /// Returns an address the server names, if it is one to go to.
    ///
    /// # Errors
    /// When it is not HTTP, not encrypted on its way over a network, or nearer to us than the server itself.
    pub(super) async fn check(&self, named: &str) -> Result<Url, OAuthError> {
        let refused = |why: &str| Err(OAuthError::Refused(format!("the server names an address that {why}")));
        let Ok(url) = Url::parse(named) else { return refused("is none") };
        if !matches!(url.scheme(), "http" | "https") {
            return refused("is neither http nor https");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("holds credentials");
        }
        if url.origin() == self.server.origin() {
            return Ok(url);
        }
        let distance = distance_of(&url).await;
        let is_same_host = url.host() == self.server.host();
        match distance {
            Distance::Public => {}
            _ if is_same_host => {}
            Distance::Loopback | Distance::Private if distance == self.distance => {}
            _ => return refused("is on this machine or in a private network"),
        }
        if url.scheme() == "http" && (distance == Distance::Public || self.server.scheme() == "https") {
            return refused("is not encrypted");
        }
        Ok(url)
    }
}

/// Returns how far the nearest address of a host is.
async fn distance_of(url: &Url) -> Distance {
    let Some(host) = url.host_str() else { return Distance::Forbidden };
    if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return distance(address);
    }
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host == "localhost" || host.ends_with(".localhost") {
        return Distance::Loopback;
    }
    let port = url.port_or_known_default().unwrap_or_default();
    match tokio::net::lookup_host((host.as_str(), port)).await {
        Ok(addresses) => {
            let mut nearest = Distance::Public;
            for address in addresses {
                match distance(address.ip()) {
                    Distance::Public => {}
                    near => nearest = near,
                }
            }
            nearest
        }
        // Behind a proxy names are its to resolve. Without one the request fails as this did.
        Err(_) => Distance::Public,
    }
}

fn distance(address: IpAddr) -> Distance {
    match address {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            if address.is_loopback() {
                Distance::Loopback
            } else if address.is_unspecified()
                || address.is_link_local()
                || address.is_broadcast()
                || address.is_multicast()
                || a == 0
            {
                Distance::Forbidden
            } else if address.is_private()
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (b & 0xfe) == 18)
            {
                Distance::Private
            } else {
                Distance::Public
            }
        }
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => distance(IpAddr::V4(mapped)),
            None if address.is_loopback() => Distance::Loopback,
            None if address.is_unspecified() || address.is_multicast() || address.is_unicast_link_local() => {
                Distance::Forbidden
            }
            None if address.is_unique_local() => Distance::Private,
            None => Distance::Public,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn allowed(server: &str, named: &str) -> bool {
        Reach::of(&Url::parse(server).unwrap()).await.check(named).await.is_ok()
    }

    #[tokio::test]
    async fn a_public_server_cannot_send_us_inside() {
        const PUBLIC: &str = "https://93.184.215.14/mcp";
        for inside in [
            "http://127.0.0.1:8080/token",
            "https://127.0.0.1/token",
            "https://localhost/token",
            "https://localhost./token",
            "https://a.localhost/token",
            "https://[::1]/token",
            "https://[::ffff:10.0.0.1]/token",
            "https://10.1.2.3/token",
            "https://192.168.0.1/",
            "https://172.16.0.1/",
            "https://100.64.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://[fe80::1]/",
            "https://[fd00::1]/",
            "https://0.0.0.0/",
            "https://2130706433/",
            "https://0x7f.1/",
            "http://93.184.215.15/token",
            "ftp://93.184.215.15/token",
            "file:///etc/passwd",
            "https://user:pass@93.184.215.15/token",
            "//93.184.215.15/token",
            "",
        ] {
            assert!(!allowed(PUBLIC, inside).await, "{inside}");
        }
        assert!(allowed(PUBLIC, "https://93.184.215.15/token").await);
        assert!(allowed(PUBLIC, "https://93.184.215.14/token").await);
        assert!(!allowed(PUBLIC, "http://93.184.215.14/token").await);
    }

    #[tokio::test]
    async fn a_server_of_ours_may_name_its_like() {
        assert!(allowed("http://127.0.0.1:3000/mcp", "http://127.0.0.1:4000/token").await);
        assert!(allowed("http://localhost:3000/mcp", "http://127.0.0.1:4000/token").await);
        assert!(allowed("http://127.0.0.1:3000/mcp", "https://93.184.215.14/token").await);
        assert!(!allowed("http://127.0.0.1:3000/mcp", "http://93.184.215.14/token").await);
        assert!(!allowed("http://127.0.0.1:3000/mcp", "http://10.0.0.1/token").await);
        assert!(!allowed("http://127.0.0.1:3000/mcp", "http://169.254.169.254/token").await);
        assert!(allowed("http://10.0.0.1/mcp", "http://10.0.0.2/token").await);
        assert!(!allowed("http://10.0.0.1/mcp", "http://127.0.0.1/token").await);
        assert!(!allowed("https://10.0.0.1/mcp", "http://10.0.0.2/token").await);
    }
}

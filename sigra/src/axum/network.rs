//! Where a request comes from: the connection, or what trusted proxies say of it.

use std::net::{IpAddr, SocketAddr};

use ::http::HeaderMap;

/// Where proxies write the address of whoever connected to them, each at the end.
const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// How many proxies of the host's own stand between a visitor and the application.
///
/// The address found this way is what limits count by and what the audit trail shows. A number too low counts all visitors
/// as one, a number too high lets each choose an address; so there is no default.
///
/// With proxies, make sure that nobody can reach the application but through them: to whoever connects directly, the
/// header is free text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxies {
    /// None: the connection's own address counts, and no header is read.
    None,
    /// So many, each of which appends the address of its peer to `X-Forwarded-For`. The address that the outermost of them
    /// saw stands so many places from the right; what stands left of it is a visitor's to write and is never read. Where
    /// that place is missing or holds no address, the connection's own address counts.
    ///
    /// `Trusted(0)` is [`None`](Self::None).
    Trusted(u8),
}

impl Proxies {
    /// The visitor's address, as far as it can be known.
    pub(super) fn client_address(self, headers: &HeaderMap, peer: Option<SocketAddr>) -> Option<IpAddr> {
        let peer = peer.map(|peer| peer.ip());
        match self {
            Self::None | Self::Trusted(0) => peer,
            Self::Trusted(hops) => {
                let said = forwarded_for(headers, hops);
                if said.is_none() {
                    crate::telemetry::no_address_by_proxies(hops);
                }
                said.or(peer)
            }
        }
    }
}

/// The address so many places from the right. It is read as bytes: what a visitor wrote further left need not be text.
fn forwarded_for(headers: &HeaderMap, hops: u8) -> Option<IpAddr> {
    // Several lines are one list, in their order (RFC 9110 5.3). An empty place counts as a place: to pass over it would
    // move the count to the left, where visitors write.
    let mut from_the_right = headers
        .get_all(X_FORWARDED_FOR)
        .into_iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    let place = from_the_right.nth(usize::from(hops) - 1)?;
    parse_place(std::str::from_utf8(place).ok()?.trim_matches([' ', '\t']))
}

/// An address alone, or, as some proxies write it, with the port.
fn parse_place(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    text.parse().ok().or_else(with_port).or_else(bracketed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::http::HeaderValue;

    const PEER: &str = "10.0.0.1";

    /// The address that is found, given the lines of the header.
    fn address(proxies: Proxies, lines: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap());
        }
        let peer = SocketAddr::new(PEER.parse().unwrap(), 4711);
        proxies.client_address(&headers, Some(peer)).unwrap().to_string()
    }

    #[test]
    fn without_declared_proxies_the_header_is_not_read() {
        for proxies in [Proxies::None, Proxies::Trusted(0)] {
            assert_eq!(address(proxies, &[b"192.0.2.1"]), PEER);
        }
    }

    #[test]
    fn the_place_is_counted_from_the_right() {
        assert_eq!(address(Proxies::Trusted(1), &[b"192.0.2.1"]), "192.0.2.1");
        assert_eq!(address(Proxies::Trusted(1), &[b"203.0.113.9, 192.0.2.1"]), "192.0.2.1");
        assert_eq!(address(Proxies::Trusted(2), &[b"203.0.113.9, 192.0.2.1, 10.0.0.2"]), "192.0.2.1");
        assert_eq!(address(Proxies::Trusted(2), &[b"203.0.113.9, 192.0.2.1", b"10.0.0.2"]), "192.0.2.1");
        assert_eq!(address(Proxies::Trusted(3), &[b"192.0.2.1", b"10.0.0.3", b"10.0.0.2"]), "192.0.2.1");
    }

    #[test]
    fn nothing_that_a_visitor_writes_on_the_left_changes_the_answer() {
        for forged in [
            &b"198.51.100.66"[..],
            b"198.51.100.66, 198.51.100.67, 198.51.100.68",
            b"",
            b",",
            b",,,,",
            b"\xff\xfe\x80",
            b"unknown",
            b"\"quoted, list\"",
            b"for=198.51.100.66",
        ] {
            assert_eq!(address(Proxies::Trusted(1), &[&[forged, b", 192.0.2.1"].concat()]), "192.0.2.1");
            assert_eq!(address(Proxies::Trusted(2), &[forged, b"192.0.2.1, 10.0.0.2"]), "192.0.2.1");
        }
    }

    #[test]
    fn a_place_that_holds_no_address_falls_back_to_the_connection() {
        assert_eq!(address(Proxies::Trusted(1), &[]), PEER);
        assert_eq!(address(Proxies::Trusted(3), &[b"198.51.100.66, 192.0.2.1"]), PEER);
        for place in [
            &b"unknown"[..],
            b"",
            b" ",
            b"192.0.2",
            b"192.0.2.1.5",
            b"192.0.2.256",
            b"_hidden",
            b"fe80::1%eth0",
        ] {
            assert_eq!(address(Proxies::Trusted(1), &[place]), PEER);
            // An empty place is not passed over: the one left of it is the visitor's.
            assert_eq!(address(Proxies::Trusted(1), &[b"198.51.100.66", place]), PEER);
        }
    }

    #[test]
    fn ports_and_brackets_are_understood() {
        assert_eq!(address(Proxies::Trusted(1), &[b"192.0.2.1:5060"]), "192.0.2.1");
        assert_eq!(address(Proxies::Trusted(1), &[b"2001:db8::7"]), "2001:db8::7");
        assert_eq!(address(Proxies::Trusted(1), &[b"[2001:db8::7]"]), "2001:db8::7");
        assert_eq!(address(Proxies::Trusted(1), &[b"[2001:db8::7]:5060"]), "2001:db8::7");
    }

    #[test]
    fn without_a_connection_only_a_trusted_proxy_can_tell() {
        let mut headers = HeaderMap::new();
        headers.append(X_FORWARDED_FOR, HeaderValue::from_static("192.0.2.1"));
        assert_eq!(Proxies::None.client_address(&headers, None), None);
        assert_eq!(Proxies::Trusted(1).client_address(&headers, None), "192.0.2.1".parse().ok());
        assert_eq!(Proxies::Trusted(2).client_address(&headers, None), None);
    }
}

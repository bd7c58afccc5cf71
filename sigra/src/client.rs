//! Facts about the visitor's side of a request: network, browser, and what the host adds.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zeroize::Zeroizing;

use crate::policy::Privacy;

/// Code points of a `User-Agent`, a request id or a host's note that are kept.
const MAX_FACT: usize = 255;

/// What is known of whoever makes a request. It comes from the connection and from proxies that the host declared, never
/// from a header that a visitor may set.
#[derive(Clone, Debug, Default)]
pub struct Client {
    network: Option<ClientNet>,
    user_agent: Option<String>,
    request_id: Option<String>,
    note: Option<String>,
    device: Option<DeviceSecret>,
}

/// What a browser shows of an earlier sign-in; not for any log.
#[derive(Clone)]
struct DeviceSecret(Zeroizing<String>);

impl fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(..)")
    }
}

impl Client {
    /// Nothing is known: for jobs, tests and commands. For what a visitor asks take [`from_address`](Self::from_address), or the
    /// extractors of `sigra::axum`, which refuse a request whose address is not known.
    ///
    /// Without an address there is no network that `throttle(per_network)` could count by, so one machine can try any number of
    /// accounts, each as often as `lockout` allows. Only `throttle(overall)` holds then: such attempts count for it as all do, and
    /// such requests for mail and registrations have a limit of the same size together. They do not share the limit of one
    /// network, or anybody could use it up and keep everybody out. The log has an error, `request.network_missing`, with the first
    /// of them.
    #[must_use]
    pub fn unknown() -> Self {
        Self::default()
    }

    /// A request from this address.
    #[must_use]
    pub fn from_address(address: IpAddr) -> Self {
        Self { network: Some(ClientNet::new(address)), ..Self::default() }
    }

    /// Adds the `User-Agent`; the first 255 code points are kept, control characters are not.
    #[must_use]
    pub fn with_user_agent(mut self, user_agent: &str) -> Self {
        self.user_agent = Some(clean(user_agent));
        self
    }

    /// Adds the id under which the host logs the request; it is copied to the audit row.
    #[must_use]
    pub fn with_request_id(mut self, request_id: &str) -> Self {
        self.request_id = Some(clean(request_id));
        self
    }

    /// Adds a note of the host's own, such as a device name or a country; it is stored with the session, 255 code points.
    #[must_use]
    pub fn with_note(mut self, note: &str) -> Self {
        self.note = Some(clean(note));
        self
    }

    /// Adds what the browser kept of an earlier sign-in ([`NewSession::device_token`](crate::NewSession::device_token)), whether
    /// it is worth anything or not. An account is not locked out by strangers where it is known. The axum extractors do this.
    #[must_use]
    pub fn with_device_token(mut self, token: &str) -> Self {
        self.device = Some(DeviceSecret(Zeroizing::new(token.to_owned())));
        self
    }

    pub(crate) fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    pub(crate) fn device_token(&self) -> Option<&str> {
        self.device.as_ref().map(|DeviceSecret(token)| token.as_str())
    }

    /// The network, if it is known.
    #[must_use]
    pub fn network(&self) -> Option<ClientNet> {
        self.network
    }

    /// What may be stored under the privacy setting.
    pub(crate) fn facts(&self, privacy: Privacy) -> Facts {
        let (network, user_agent) = match privacy {
            Privacy::Full => (self.network.map(|net| net.address.to_string()), self.user_agent.clone()),
            Privacy::Truncated => {
                (self.network.map(ClientNet::truncated), self.user_agent.as_deref().map(device_name))
            }
            Privacy::None => (None, None),
        };
        Facts { network, user_agent, request_id: self.request_id.clone(), note: self.note.clone() }
    }
}

/// What of a [`Client`] goes into the database.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) network: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) note: Option<String>,
}

/// An address with the network that limits count by: one IPv4 address, or one IPv6 /64, which is what one customer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientNet {
    address: IpAddr,
}

impl ClientNet {
    /// Takes an address; an IPv4 address written as IPv6 becomes IPv4 again.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        Self { address: address.to_canonical() }
    }

    /// The address.
    #[must_use]
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// The network that limits count by, as text.
    #[must_use]
    pub fn limit_key(self) -> String {
        match self.address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("{}/64", masked_v6(address, 4)),
        }
    }

    /// IPv4 to /24 and IPv6 to /48, as text.
    fn truncated(self) -> String {
        match self.address {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                format!("{}/24", Ipv4Addr::new(a, b, c, 0))
            }
            IpAddr::V6(address) => format!("{}/48", masked_v6(address, 3)),
        }
    }
}

/// The first `keep` of the eight groups.
fn masked_v6(address: Ipv6Addr, keep: usize) -> Ipv6Addr {
    let mut segments = address.segments();
    segments[keep..].fill(0);
    Ipv6Addr::from(segments)
}

/// One line of bounded length: what a visitor sends must not forge a log line or fill a table.
pub(crate) fn clean(text: &str) -> String {
    harmless(text).take(MAX_FACT).collect()
}

/// A text without what could end its line or turn its direction.
pub(crate) fn harmless(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| !c.is_control() && !is_line_end(*c) && !is_bidi_control(*c))
}

/// Ends of lines that are no control characters.
fn is_line_end(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// Characters that make text show in another order than it is stored: those with Unicode's property `Bidi_Control`.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The families of browser and system in a `User-Agent`, such as `Firefox on Linux`: enough for a person to know a device
/// again, and all that `privacy = "truncated"` keeps.
///
/// Of a text that names neither, the first 40 code points are given.
///
/// ```
/// let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
/// assert_eq!(sigra::device_name(agent), "Firefox on Linux");
/// assert_eq!(sigra::device_name("Firefox on Linux"), "Firefox on Linux");
/// ```
#[must_use]
pub fn device_name(user_agent: &str) -> String {
    let find = |signs: &[(&str, &'static str)]| {
        signs.iter().find(|(sign, _)| user_agent.contains(sign)).map(|(_, name)| *name)
    };
    // The order matters: Edge and Opera say that they are Chrome, and Chrome says that it is Safari.
    let browser = find(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = find(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => user_agent.chars().take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_ipv6_customer_is_one_network_and_aliases_are_unmapped() {
        let key = |text: &str| ClientNet::new(text.parse().unwrap()).limit_key();
        assert_eq!(key("2001:db8:1:2:3::4"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::"), key("2001:db8:1:3::"));
        assert_eq!(key("::ffff:192.0.2.7"), "192.0.2.7");
    }

    #[test]
    fn the_privacy_setting_decides_what_is_kept() {
        let client = Client::from_address("192.0.2.77".parse().unwrap())
            .with_user_agent("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        assert_eq!(client.facts(Privacy::Full).network.unwrap(), "192.0.2.77");
        let truncated = client.facts(Privacy::Truncated);
        assert_eq!(truncated.network.unwrap(), "192.0.2.0/24");
        assert_eq!(truncated.user_agent.unwrap(), "Firefox on Linux");
        let none = client.facts(Privacy::None);
        assert!(none.network.is_none() && none.user_agent.is_none());
    }

    #[test]
    fn facts_are_one_bounded_line() {
        let client = Client::unknown()
            .with_user_agent(&format!("a\r\nb\u{202e}\u{61c}\u{2028}c\0{}", "x".repeat(1000)));
        let kept = client.facts(Privacy::Full).user_agent.unwrap();
        assert!(kept.starts_with("abcx") && kept.chars().count() == 255);
    }
}

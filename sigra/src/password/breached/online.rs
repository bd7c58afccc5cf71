//! Breached passwords on a server that learns only the first five digits of a hash.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::{BreachedPasswords, Fingerprint, Lookup, Unavailable, range_contains};

/// Where Have I Been Pwned answers.
const SERVER: &str = "https://api.pwnedpasswords.com/range/";
/// A range has some 2,000 lines of 40 bytes.
const LARGEST: usize = 1024 * 1024;

/// Asks Have I Been Pwned, or a server with the same form, by k-anonymity: of the password it learns the first five hexadecimal
/// digits of the SHA-1, and by padded answers nobody on the way learns those from their size.
///
/// The request itself is the host's, so that there is one HTTP client in the application, with its proxies and certificates.
/// [`RangeClient`] for that of `reqwest`, which needs a feature for TLS:
///
/// ```
/// use sigra::password::breached::{BreachedOnline, RangeClient, RangeRequest, RangeResponse, Unavailable};
///
/// #[derive(Debug)]
/// struct Http(reqwest::Client);
///
/// impl RangeClient for Http {
///     fn get<'a>(&'a self, request: &'a RangeRequest) -> RangeResponse<'a> {
///         Box::pin(async move {
///             let send = async {
///                 let mut get = self.0.get(request.url());
///                 for (name, value) in request.headers() {
///                     get = get.header(name, value);
///                 }
///                 get.send().await?.error_for_status()?.text().await
///             };
///             send.await.map_err(|error| Unavailable::new(error.without_url()))
///         })
///     }
/// }
///
/// # fn example() -> Result<BreachedOnline<Http>, reqwest::Error> {
/// let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
/// let source = BreachedOnline::new(Http(client));
/// # Ok(source)
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct BreachedOnline<C> {
    client: C,
    server: String,
    deadline: Duration,
}

/// Sends one GET request.
pub trait RangeClient: fmt::Debug + Send + Sync + 'static {
    /// Sends the request with all of its headers and returns the body of a 200; everything else is [`Unavailable`].
    ///
    /// Do not follow redirects, and do not put the URL into the error: it holds the five digits.
    fn get<'a>(&'a self, request: &'a RangeRequest) -> RangeResponse<'a>;
}

/// What [`RangeClient::get`] returns.
pub type RangeResponse<'a> = Pin<Box<dyn Future<Output = Result<String, Unavailable>> + Send + 'a>>;

/// What to ask the server.
pub struct RangeRequest {
    url: String,
}

impl RangeRequest {
    /// The address, which ends with five hexadecimal digits.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Names and values: padding, and the name without which the server refuses.
    #[must_use]
    pub fn headers(&self) -> [(&'static str, &'static str); 2] {
        [("add-padding", "true"), ("user-agent", "sigra")]
    }
}

impl fmt::Debug for RangeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RangeRequest(..)")
    }
}

impl<C: RangeClient> BreachedOnline<C> {
    /// Asks Have I Been Pwned, for at most three seconds a password.
    #[must_use]
    pub fn new(client: C) -> Self {
        Self { client, server: SERVER.to_owned(), deadline: Duration::from_secs(3) }
    }

    /// Asks another server of the same form. The prefix is put behind the address as it is.
    #[must_use]
    pub fn server(mut self, address: impl Into<String>) -> Self {
        self.server = address.into();
        self
    }

    /// Waits so long for an answer; after that the source is unavailable.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

impl<C: RangeClient> BreachedPasswords for BreachedOnline<C> {
    fn contains<'a>(&'a self, password: &'a Fingerprint) -> Lookup<'a> {
        Box::pin(async move {
            let request = RangeRequest { url: format!("{}{}", self.server, password.prefix()) };
            let body =
                tokio::time::timeout(self.deadline, self.client.get(&request)).await.map_err(|_| {
                    Unavailable::new(format_args!(
                        "no answer about breached passwords in {:?}",
                        self.deadline
                    ))
                })??;
            let range = if body.len() <= LARGEST { body.as_bytes() } else { &[] };
            range_contains(range, password.suffix())
                .ok_or_else(|| Unavailable::new("the answer about breached passwords is no list of hashes"))
        })
    }
}

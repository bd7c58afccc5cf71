//! Whether the time of an answer tells anything about an account: interleaved pairs over HTTP against the reference host.
//!
//! ```sh
//! cargo build --release -p sigra --example app -p sigra-tests --examples
//! SIGRA_TEST_DATABASES=sqlite,postgres target/release/examples/timing [--pairs 2000] [part of a name]..
//! ```
//!
//! Each pair asks the same for two addresses, in an order that chance decides, over one connection. The limits are not in the
//! way: an address is used four times, and a network, of which this machine has sixteen million, for twenty pairs. For each
//! comparison Welch's t is printed as measured, and the farthest one over dudect's crops. It exits with 1 if any is above 4.5
//! on either side; the first comparison is of two that are alike, and shows what the machine adds by itself.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program that measures, for a person to look at"
)]

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use sigra::Credentials;
use sigra_tests::database::covered;
use sigra_tests::host::{client_of_network, shut_password, somebody};
use sigra_tests::http::{Format, Line, Request, loopback};
use sigra_tests::random::Random;
use sigra_tests::site::Site;
use sigra_tests::statistics::{farthest_crop, mean, standard_error, welch_t};
use sigra_tests::{Database, Host, PASSWORD};

const WRONG: &str = "a wrong password here";
/// No accident (dudect).
const THRESHOLD: f64 = 4.5;
/// Requests for one address: below each limit for one.
const USES: usize = 4;
/// Pairs from one network: below its limit.
const PAIRS_OF_A_NETWORK: usize = 20;
/// The worker begins up to a second later, as chance has it: what it writes falls on some later request of either side. By then the
/// answer itself leaves nothing behind.
const SETTLED: Duration = Duration::from_millis(25);

/// Whose address it is. The names have one length.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Nobody's; another for each number.
    Nobody(u8),
    Plain,
    /// The same, for mails that none was asked for before.
    Mailed,
    Disabled,
    WithoutPassword,
    Unconfirmed,
    MustChange,
    Shut,
    TwoFactors,
    Locked,
    LockedNobody,
}

impl Who {
    fn prefix(self) -> String {
        match self {
            Self::Nobody(number) => format!("n{number:02}"),
            Self::Plain => "pla".into(),
            Self::Mailed => "mai".into(),
            Self::Disabled => "dis".into(),
            Self::WithoutPassword => "wit".into(),
            Self::Unconfirmed => "unc".into(),
            Self::MustChange => "mus".into(),
            Self::Shut => "shu".into(),
            Self::TwoFactors => "two".into(),
            // Nobody's stands behind the first account of all, also where no other kind is asked for.
            Self::Locked => "loc".into(),
            Self::LockedNobody => "lon".into(),
        }
    }

    fn address(self, number: usize) -> String {
        format!("{}{number:06}@example.com", self.prefix())
    }
}

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    SignIn,
    /// With the password that the account was registered with.
    SignInRight,
    Reset,
    Resend,
    Unlock,
    Confirm,
    Register,
    /// A mail for the address, and at once one for nobody: the second answer is what is measured.
    AfterReset,
}

impl Ask {
    fn request(self, email: &str) -> Request {
        let post = |path, rest: &[(&str, &str)]| {
            Request::post(path, Format::Json, &[&[("email", email)], rest].concat())
        };
        match self {
            Self::SignIn => post("/login", &[("password", WRONG)]),
            Self::SignInRight => post("/login", &[("password", PASSWORD)]),
            Self::Reset | Self::AfterReset => post("/reset", &[]),
            Self::Resend => post("/confirm/resend", &[]),
            Self::Unlock => post("/unlock", &[]),
            Self::Confirm => post("/confirm", &[("code", "000000")]),
            Self::Register => post("/register", &[("password", PASSWORD), ("display_name", "Ada")]),
        }
    }

    fn causes_mail(self) -> bool {
        !matches!(self, Self::SignIn | Self::SignInRight | Self::Confirm)
    }
}

struct Comparison {
    name: &'static str,
    ask: Ask,
    who: [Who; 2],
}

const COMPARISONS: [Comparison; 18] = [
    Comparison {
        name: "sign-in: unknown, unknown (control)",
        ask: Ask::SignIn,
        who: [Who::Nobody(0), Who::Nobody(1)],
    },
    Comparison {
        name: "sign-in: unknown, wrong password",
        ask: Ask::SignIn,
        who: [Who::Nobody(2), Who::Plain],
    },
    Comparison { name: "sign-in: unknown, disabled", ask: Ask::SignIn, who: [Who::Nobody(3), Who::Disabled] },
    Comparison {
        name: "sign-in: unknown, no password",
        ask: Ask::SignIn,
        who: [Who::Nobody(4), Who::WithoutPassword],
    },
    Comparison {
        name: "sign-in: unknown, unconfirmed",
        ask: Ask::SignIn,
        who: [Who::Nobody(5), Who::Unconfirmed],
    },
    // The same two, so that the counters that there are already are the same.
    Comparison {
        name: "right password: unknown, unconfirmed",
        ask: Ask::SignInRight,
        who: [Who::Nobody(5), Who::Unconfirmed],
    },
    Comparison {
        name: "sign-in: unknown, password must be replaced",
        ask: Ask::SignIn,
        who: [Who::Nobody(14), Who::MustChange],
    },
    Comparison {
        name: "sign-in: unknown, password shut",
        ask: Ask::SignIn,
        who: [Who::Nobody(15), Who::Shut],
    },
    Comparison {
        name: "sign-in: unknown, second factor",
        ask: Ask::SignIn,
        who: [Who::Nobody(16), Who::TwoFactors],
    },
    Comparison {
        name: "sign-in: locked unknown, locked account",
        ask: Ask::SignIn,
        who: [Who::LockedNobody, Who::Locked],
    },
    Comparison { name: "reset: unknown, plain", ask: Ask::Reset, who: [Who::Nobody(6), Who::Plain] },
    Comparison {
        name: "resend: unknown, unconfirmed",
        ask: Ask::Resend,
        who: [Who::Nobody(7), Who::Unconfirmed],
    },
    Comparison { name: "unlock: unknown, plain", ask: Ask::Unlock, who: [Who::Nobody(13), Who::Plain] },
    Comparison {
        name: "wrong code: unknown, unconfirmed",
        ask: Ask::Confirm,
        who: [Who::Nobody(8), Who::Unconfirmed],
    },
    Comparison { name: "register: free, taken", ask: Ask::Register, who: [Who::Nobody(9), Who::Plain] },
    Comparison {
        name: "register: free, taken and unconfirmed",
        ask: Ask::Register,
        who: [Who::Nobody(10), Who::Unconfirmed],
    },
    Comparison {
        name: "request after a reset: unknown, disabled",
        ask: Ask::AfterReset,
        who: [Who::Nobody(11), Who::Disabled],
    },
    Comparison {
        name: "request after a reset: unknown, plain",
        ask: Ask::AfterReset,
        who: [Who::Nobody(12), Who::Mailed],
    },
];

struct Settings {
    pairs: usize,
    names: Vec<String>,
}

impl Settings {
    fn read() -> Self {
        let mut settings = Self { pairs: 2000, names: Vec::new() };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            if word == "--pairs" {
                settings.pairs =
                    words.next().and_then(|number| number.parse().ok()).expect("a number of pairs");
            } else {
                settings.names.push(word);
            }
        }
        settings
    }

    fn wants(&self, comparison: &Comparison) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| comparison.name.contains(name.as_str()))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let settings = Settings::read();
    let seed = SystemTime::UNIX_EPOCH.elapsed().expect("a time after 1970").as_secs();
    println!("{} pairs each, seed {seed}, times in microseconds", settings.pairs);
    let mut random = Random::new(seed);
    let mut told = false;
    for kind in covered() {
        let database = Database::create(kind).await;
        let host = Host::start(database.clone()).await;
        let compared: Vec<_> = COMPARISONS.iter().filter(|comparison| settings.wants(comparison)).collect();
        let asked: Vec<Who> = compared.iter().flat_map(|comparison| comparison.who).collect();
        populate(&host, &asked, settings.pairs.div_ceil(USES)).await;
        let site = Site::start(&database).await;
        println!("{kind}");
        println!(
            "  {:42} {:>9} {:>9} {:>8} {:>6} {:>7}   {:>7} {:>5} {:>7}",
            "", "mean", "mean", "apart", "±", "|t|", "cropped", "to", "apart"
        );
        let mut bench = Bench { site: &site, database: &database, networks: 0, random: &mut random };
        for comparison in compared {
            let [one, other] = bench.measure(comparison, settings.pairs).await;
            told |= report(comparison.name, &one, &other);
        }
        host.auth.close().await;
    }
    ExitCode::from(u8::from(told))
}

/// Prints a line: the means as measured, how far they are apart within which error, and what the farthest crop says. Whether
/// the times tell one from the other.
fn report(name: &str, one: &[f64], other: &[f64]) -> bool {
    let raw = welch_t(one, other).abs();
    let crop = farthest_crop(one, other).expect("more than a hundred pairs");
    let told = raw.max(crop.t.abs()) > THRESHOLD;
    println!(
        "  {name:42} {:9.1} {:9.1} {:8.1} {:6.1} {raw:7.2}   {:7.2} {:.3} {:7.1} {}",
        mean(one),
        mean(other),
        mean(other) - mean(one),
        1.96 * standard_error(one, other),
        crop.t.abs(),
        crop.part,
        crop.apart,
        if told { "TELLS" } else { "" }
    );
    told
}

/// Makes so many accounts of each kind that is asked for, and one to be locked.
async fn populate(host: &Host, asked: &[Who], accounts: usize) {
    let (mut disabled, mut leaked) = (Vec::new(), Vec::new());
    let kinds = [
        Who::Plain,
        Who::Mailed,
        Who::Disabled,
        Who::WithoutPassword,
        Who::Unconfirmed,
        Who::MustChange,
        Who::Shut,
        Who::TwoFactors,
    ];
    for who in kinds.into_iter().filter(|who| asked.contains(who)) {
        for number in 0..accounts {
            if number % 50 == 0 {
                forget_everybody(&host.database, 60).await;
            }
            let registered = host.register(&who.address(number)).await.expect("registered");
            let id = registered.user().expect("a free address").id;
            match who {
                Who::Disabled => disabled.push(id),
                Who::MustChange => leaked.push(id),
                _ => {}
            }
        }
    }
    let _ = host.register(&Who::Locked.address(0)).await.expect("registered");
    host.deliver().await;
    for mail in host.mailbox.all() {
        if !mail.to.starts_with(&Who::Unconfirmed.prefix()) {
            let token = sigra_tests::host::token_in(&mail, "/confirm/");
            host.auth.confirm_email(&token, &somebody()).await.expect("confirmed");
        }
    }
    for id in disabled {
        assert!(host.auth.disable_account("root", &id, &somebody()).await.expect("an answer"));
    }
    for id in leaked {
        assert!(host.auth.require_password_change("root", &id, &somebody()).await.expect("an answer"));
    }
    for number in 0..accounts {
        if number % 50 == 0 {
            forget_everybody(&host.database, 60).await;
        }
        if asked.contains(&Who::TwoFactors) {
            let _ = host.enrol(&Who::TwoFactors.address(number)).await;
        }
        if asked.contains(&Who::Shut) {
            // What shuts it is counted beside the attempts, which nobody's address has too then.
            for who in [Who::Nobody(15), Who::Shut] {
                let network = client_of_network(u32::try_from(number).expect("a few thousand"));
                let credentials = Credentials::new(who.address(number), WRONG);
                assert!(host.auth.sign_in(credentials, &network).await.is_err());
            }
            shut_password(&host.database, &Who::Shut.address(number)).await;
        }
    }
    let prefix = Who::WithoutPassword.prefix();
    host.database.run(&format!("UPDATE users SET password_hash = NULL WHERE email LIKE '{prefix}%'")).await;
}

/// Forgets what everybody together has used up: no other counter comes to so much.
async fn forget_everybody(database: &Database, others: u32) {
    database.run(&format!("DELETE FROM sigra_limits WHERE used > {others}")).await;
}

struct Bench<'b> {
    site: &'b Site,
    database: &'b Database,
    networks: u32,
    random: &'b mut Random,
}

impl Bench<'_> {
    async fn line(&mut self) -> Line {
        self.networks += 1;
        forget_everybody(self.database, 150).await;
        Line::open(&self.site.base, loopback(self.networks)).await
    }

    async fn measure(&mut self, comparison: &Comparison, pairs: usize) -> [Vec<f64>; 2] {
        let Comparison { ask, who, .. } = *comparison;
        let mut times = [Vec::with_capacity(pairs), Vec::with_capacity(pairs)];
        let mut line = self.line().await;
        // Only now: a lock ends after a quarter of an hour, and the others may take longer than that.
        for locked in who.into_iter().filter(|who| matches!(who, Who::Locked | Who::LockedNobody)) {
            while line.ask(&Ask::SignIn.request(&locked.address(0))).await.status() != 429 {}
        }
        for pair in 0..pairs {
            if pair % PAIRS_OF_A_NETWORK == PAIRS_OF_A_NETWORK - 1 {
                line = self.line().await;
            }
            let first = usize::from(self.random.number() & 1 == 1);
            let mut statuses = [0; 2];
            for side in [first, 1 - first] {
                let (time, status) = time(&mut line, ask, &address(ask, who[side], pair), pair, side).await;
                times[side].push(time);
                statuses[side] = status;
            }
            assert_eq!(statuses[0], statuses[1], "{}", comparison.name);
            let locked = who.contains(&Who::Locked);
            assert_eq!(statuses[0] == 429, locked, "{}: a limit is in the way", comparison.name);
        }
        times
    }
}

/// Each pair has the same share in the uses of an address on both sides, so that counters are made and counted on alike.
fn address(ask: Ask, who: Who, pair: usize) -> String {
    match who {
        Who::Locked | Who::LockedNobody => who.address(0),
        // A free address is free once.
        Who::Nobody(_) if ask == Ask::Register => who.address(pair),
        _ => who.address(pair / USES),
    }
}

/// Microseconds from the first byte of the request to the last of the answer.
async fn time(line: &mut Line, ask: Ask, email: &str, pair: usize, side: usize) -> (f64, u16) {
    let mut request = ask.request(email);
    if ask == Ask::AfterReset {
        line.ask(&request).await;
        request = ask.request(&format!("z{side}{pair:07}@example.com"));
    }
    let start = Instant::now();
    let reply = line.ask(&request).await;
    let time = start.elapsed().as_secs_f64() * 1e6;
    if ask.causes_mail() {
        tokio::time::sleep(SETTLED).await;
    }
    (time, reply.status())
}

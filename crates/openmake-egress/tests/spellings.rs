//! No spelling of an address that is not public gets a request sent.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up fails"
)]

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use openmake_egress::{
    Egress, EgressError, EgressSettings, OutgoingRequest, Resolver, Resolving, Target,
    address::refused_range,
};
use proptest::prelude::*;

/// Any look-up in these tests is a bug: an address was taken for a name.
struct NoNames;

impl Resolver for NoNames {
    fn resolve(&self, name: &str) -> Resolving {
        let name = name.to_owned();
        Box::pin(async move { panic!("{name} was looked up") })
    }
}

static EGRESS: LazyLock<Egress> =
    LazyLock::new(|| Egress::new(EgressSettings::default(), NoNames).expect("a client"));

fn send(url: &str) -> Result<(), EgressError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        EGRESS
            .send(OutgoingRequest::get(Target::parse(url)?))
            .await
            .map(drop)
    })
}

fn refused_v4() -> impl Strategy<Value = Ipv4Addr> {
    let special = prop::sample::select(vec![
        [127, 0, 0, 1],
        [169, 254, 169, 254],
        [10, 0, 0, 1],
        [192, 168, 0, 1],
        [0, 0, 0, 0],
        [100, 100, 100, 200],
        [224, 0, 0, 1],
    ])
    .prop_map(Ipv4Addr::from);
    let any = any::<u32>()
        .prop_map(Ipv4Addr::from)
        .prop_filter("refused", |address| {
            refused_range(IpAddr::V4(*address)).is_some()
        });
    prop_oneof![special, any]
}

/// One part of an IPv4 address in one of the bases that the URL standard has.
fn part(value: u32, base: u8) -> String {
    match base % 4 {
        0 => value.to_string(),
        1 => format!("0x{value:x}"),
        2 => format!("0X{value:X}"),
        _ => format!("0{value:o}"),
    }
}

/// `parts` from 1 to 4: the last one takes the bytes that are left.
fn spell_v4(address: Ipv4Addr, parts: usize, bases: [u8; 4]) -> String {
    let octets = address.octets();
    let leading = parts - 1;
    let last = octets[leading..]
        .iter()
        .fold(0_u32, |sum, octet| (sum << 8) | u32::from(*octet));
    let mut spelled: Vec<String> = (0..leading)
        .map(|index| part(u32::from(octets[index]), bases[index]))
        .collect();
    spelled.push(part(last, bases[leading]));
    spelled.join(".")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn ipv4_in_any_base_and_any_number_of_parts(
        address in refused_v4(),
        parts in 1_usize..=4,
        bases in any::<[u8; 4]>(),
        dot in any::<bool>(),
        port in prop::option::of(1_u16..),
        scheme in prop::sample::select(vec!["http", "https", "HTTP", "hTtPs"]),
    ) {
        let host = spell_v4(address, parts, bases);
        let dot = if dot { "." } else { "" };
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let url = format!("{scheme}://{host}{dot}{port}/latest/meta-data");
        let target = Target::parse(&url).expect("the standard allows it");
        prop_assert_eq!(target.literal_address(), Some(IpAddr::V4(address)), "{}", url);
        prop_assert!(matches!(send(&url), Err(EgressError::Refused { .. })), "{}", url);
    }

    #[test]
    fn ipv4_inside_ipv6(address in refused_v4(), form in 0_usize..6) {
        let [a, b, c, d] = address.octets();
        let hex = format!("{:x}:{:x}", u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let host = match form {
            0 => format!("::ffff:{address}"),
            1 => format!("::FFFF:{hex}"),
            2 => format!("0:0:0:0:0:ffff:{hex}"),
            3 => format!("64:ff9b::{hex}"),
            4 => format!("2002:{hex}::1"),
            _ => format!("::{hex}"),
        };
        let url = format!("http://[{host}]:8080/");
        prop_assert!(matches!(send(&url), Err(EgressError::Refused { .. })), "{}", url);
    }

    #[test]
    fn ipv6_outside_of_global_unicast(bits in any::<u128>()) {
        let address = Ipv6Addr::from(bits);
        prop_assume!(refused_range(IpAddr::V6(address)).is_some());
        let url = format!("https://[{address}]/");
        prop_assert!(matches!(send(&url), Err(EgressError::Refused { .. })), "{}", url);
    }

    #[test]
    fn user_names_and_passwords_are_never_taken(user in "[a-z]{1,8}", password in "[a-z@]{0,8}", address in refused_v4()) {
        for url in [
            format!("http://{user}@{address}/"),
            format!("http://{user}:{password}@{address}/"),
            format!("http://example.com:{password}@{address}/"),
        ] {
            prop_assert!(matches!(send(&url), Err(EgressError::InvalidUrl { .. })), "{}", url);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,80}") {
        if let Ok(target) = Target::parse(&text) {
            prop_assert!(!target.host().is_empty());
            prop_assert!(target.url().as_str().starts_with("http"));
        }
    }
}

#[test]
fn only_web_urls_with_a_host_are_targets() {
    for text in [
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://example.com/",
        "javascript:alert(1)",
        "data:text/plain,x",
        "//example.com/",
        "example.com",
        "http://",
        "http://./",
        "http://example.com:99999/",
        "http://[::1%25eth0]/",
    ] {
        assert!(Target::parse(text).is_err(), "{text}");
    }
    let long = format!("http://example.com/{}", "a".repeat(9000));
    assert!(Target::parse(&long).is_err());
}

#[test]
fn a_host_is_one_however_it_is_written() {
    let plain = Target::parse("http://localhost:80/").expect("a target");
    for text in [
        "http://LOCALHOST/",
        "http://localhost./",
        "http:\\\\localhost",
        "http://ｌocalhost",
    ] {
        let other = Target::parse(text).expect("a target");
        assert!(plain.same_origin(&other), "{text}");
    }
    let secure = Target::parse("https://localhost:80/").expect("a target");
    assert!(!plain.same_origin(&secure));
}

#[test]
fn what_is_shown_of_a_target_in_logs_has_no_path() {
    let target = Target::parse("https://api.example.com/v1?key=secret").expect("a target");
    assert!(!format!("{target:?}").contains("secret"));
    assert_eq!(target.origin(), "https://api.example.com");
}

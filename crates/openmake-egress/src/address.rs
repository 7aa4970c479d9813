//! Which addresses may be connected to without being allowed by name.
//!
//! The rule is a list of what is refused for IPv4, and the other way round for
//! IPv6, where only global unicast space (`2000::/3`) is open and a few parts
//! of it are not. IPv6 forms that carry an IPv4 address are judged by the
//! address inside where that is where the packet goes (mapped, NAT64), and
//! refused whole where they are tunnels (6to4, Teredo).

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressRange {
    /// `0.0.0.0/8` or `::`, which reach this machine.
    Unspecified,
    /// This machine.
    Loopback,
    /// A network behind a router: RFC 1918, unique local.
    Private,
    /// Carrier-grade NAT, `100.64.0.0/10`.
    SharedNat,
    /// This network segment; cloud metadata services live here.
    LinkLocal,
    /// A cloud's metadata service outside of the link-local range.
    Metadata,
    /// Many receivers at once, broadcast included.
    Multicast,
    /// An IPv6 address that tunnels to an IPv4 one.
    Tunnel,
    /// Reserved, for documentation or for benchmarks.
    Reserved,
}

impl AddressRange {
    /// The words for an error message.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "an unspecified address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private network address",
            Self::SharedNat => "a carrier-grade NAT address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a cloud metadata address",
            Self::Multicast => "a multicast or broadcast address",
            Self::Tunnel => "a tunnel address",
            Self::Reserved => "a reserved address",
        }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The range for which `address` is refused, or `None` when it is public.
pub fn refused_range(address: IpAddr) -> Option<AddressRange> {
    match address {
        IpAddr::V4(v4) => refused_v4(v4),
        IpAddr::V6(v6) => refused_v6(v6),
    }
}

/// Azure's virtual public address for its host services ("wire server").
const AZURE_WIRE_SERVER: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

fn refused_v4(address: Ipv4Addr) -> Option<AddressRange> {
    let range = match address.octets() {
        [0, ..] => AddressRange::Unspecified,
        [127, ..] => AddressRange::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => AddressRange::Private,
        [100, 64..=127, ..] => AddressRange::SharedNat,
        [169, 254, ..] => AddressRange::LinkLocal,
        _ if address == AZURE_WIRE_SERVER => AddressRange::Metadata,
        [224..=239, ..] | [255, 255, 255, 255] => AddressRange::Multicast,
        // IETF assignments (Oracle's metadata service too), documentation,
        // the old 6to4 relay, benchmarks, and what was never given out.
        [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [240..=255, ..] => AddressRange::Reserved,
        _ => return None,
    };
    Some(range)
}

fn refused_v6(address: Ipv6Addr) -> Option<AddressRange> {
    if let Some(inner) = carried_v4(address) {
        return refused_v4(inner);
    }
    let range = match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressRange::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressRange::Loopback,
        // 6to4, Teredo, and ISATAP (an interface identifier that holds an
        // IPv4 address).
        [0x2002, ..] | [0x2001, 0, ..] | [_, _, _, _, 0 | 0x200, 0x5efe, _, _] => {
            AddressRange::Tunnel
        }
        // The rest of 2001::/23 (protocol assignments), documentation.
        [0x2001, 1..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => AddressRange::Reserved,
        [0x2000..=0x3fff, ..] => return None,
        [0xfc00..=0xfdff, ..] => AddressRange::Private,
        // Link-local and the retired site-local range.
        [0xfe80..=0xfeff, ..] => AddressRange::LinkLocal,
        [0xff00..=0xffff, ..] => AddressRange::Multicast,
        _ => AddressRange::Reserved,
    };
    Some(range)
}

/// The IPv4 address that packets to `address` end up at, for the forms where
/// the network or the kernel unwraps it: `::ffff:0:0/96`, and NAT64's
/// well-known `64:ff9b::/96`, which is how IPv4 sites look on networks that
/// have only IPv6.
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Option<AddressRange> {
        refused_range(text.parse().expect("an address"))
    }

    #[test]
    fn public_addresses_pass() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "64:ff9b::808:808",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(range(text), None, "{text}");
        }
    }

    #[test]
    fn every_special_range_is_refused_with_its_reason() {
        use AddressRange as R;
        for (text, expected) in [
            ("0.0.0.0", R::Unspecified),
            ("0.1.2.3", R::Unspecified),
            ("127.0.0.1", R::Loopback),
            ("127.255.255.254", R::Loopback),
            ("10.0.0.1", R::Private),
            ("172.16.0.1", R::Private),
            ("172.31.255.255", R::Private),
            ("192.168.1.1", R::Private),
            ("100.64.0.1", R::SharedNat),
            ("100.100.100.200", R::SharedNat),
            ("169.254.169.254", R::LinkLocal),
            ("168.63.129.16", R::Metadata),
            ("224.0.0.1", R::Multicast),
            ("255.255.255.255", R::Multicast),
            ("192.0.0.192", R::Reserved),
            ("192.0.2.1", R::Reserved),
            ("198.18.0.1", R::Reserved),
            ("203.0.113.9", R::Reserved),
            ("240.0.0.1", R::Reserved),
            ("::", R::Unspecified),
            ("::1", R::Loopback),
            ("::ffff:127.0.0.1", R::Loopback),
            ("::ffff:a9fe:a9fe", R::LinkLocal),
            ("64:ff9b::7f00:1", R::Loopback),
            ("64:ff9b::a00:1", R::Private),
            ("64:ff9b:1::a00:1", R::Reserved),
            ("::127.0.0.1", R::Reserved),
            ("2002:7f00:1::", R::Tunnel),
            ("2002:808:808::1", R::Tunnel),
            ("2001:0:1::1", R::Tunnel),
            ("2606:4700::5efe:7f00:1", R::Tunnel),
            ("2001:db8::1", R::Reserved),
            ("2001:20::1", R::Reserved),
            ("3fff::1", R::Reserved),
            ("fd00:ec2::254", R::Private),
            ("fc00::1", R::Private),
            ("fe80::1", R::LinkLocal),
            ("fec0::1", R::LinkLocal),
            ("ff02::1", R::Multicast),
            ("100::1", R::Reserved),
            ("5f00::1", R::Reserved),
        ] {
            assert_eq!(range(text), Some(expected), "{text}");
        }
    }
}

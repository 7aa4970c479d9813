use proptest::{collection::btree_set, option, prelude::*};

use super::*;

fn keys() -> InternalKeys {
    InternalKeys::parse(&"k".repeat(32)).expect("a key")
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
}

fn uri(text: &str) -> Uri {
    text.parse().expect("an address")
}

prop_compose! {
    fn actors()(
        ids in any::<[u128; 3]>(),
        has in any::<[bool; 2]>(),
        role in 0..3_usize,
        may in any::<u32>(),
        models in option::of(btree_set(".{0,12}", 0..5)),
        tokens in option::of(any::<u32>()),
    ) -> Actor {
        let [user, session, key] = ids.map(Uuid::from_u128);
        Actor {
            user_id: user.into(),
            role: Role::ALL[role],
            session_id: has[0].then_some(session.into()),
            api_key_id: has[1].then_some(key.into()),
            capabilities: CapabilitySet::from_bits(may),
            models: models.map_or(ModelAccess::All, |names| ModelAccess::Only(Arc::new(names))),
            tokens_per_minute: tokens,
        }
    }
}

prop_compose! {
    fn identities()(
        actor in option::of(actors()),
        ip in option::of(any::<IpAddr>()),
        user_agent in option::of(".{0,40}"),
        request_id in option::of("[a-z0-9-]{8,64}"),
        patience in option::of(0..u64::from(u32::MAX)),
    ) -> Identity {
        Identity {
            actor,
            client: ClientInfo { ip, user_agent, request_id },
            patience: patience.map(Duration::from_millis),
        }
    }
}

proptest! {
    #[test]
    fn what_is_signed_is_read(identity in identities(), late in -30_i64..=90) {
        let uri = uri("/api/v1/turns?after=3");
        let line = Line::of(&Method::GET, &uri);
        let value = keys().sign(line, &identity, now()).expect("signed");
        let read = keys().check(line, Some(&value), now() + TimeDelta::seconds(late));
        prop_assert_eq!(read, Ok(identity));
        prop_assert!(value.is_sensitive());
    }

    #[test]
    fn no_other_request_can_use_it(identity in identities(), path in "/[a-z]{1,8}(\\?[a-z]{1,4})?") {
        let here = uri("/v1/chat/completions");
        let value = keys().sign(Line::of(&Method::POST, &here), &identity, now());
        let value = value.as_ref();
        let there = uri(&path);
        let elsewhere = keys().check(Line::of(&Method::POST, &there), value, now());
        prop_assert_eq!(elsewhere, Err(Refusal::Forged));
        let otherwise = keys().check(Line::of(&Method::PUT, &here), value, now());
        prop_assert_eq!(otherwise, Err(Refusal::Forged));
    }

    #[test]
    fn a_changed_bit_is_noticed(identity in identities(), place in any::<prop::sample::Index>(), bit in 0..7_u32) {
        let uri = uri("/v1/models");
        let line = Line::of(&Method::GET, &uri);
        let value = keys().sign(line, &identity, now()).expect("signed");
        let mut bytes = value.as_bytes().to_vec();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        // What no header can hold never arrives.
        if let Ok(changed) = HeaderValue::from_bytes(&bytes) {
            prop_assert!(keys().check(line, Some(&changed), now()).is_err());
        }
    }

    #[test]
    fn garbage_is_refused(text in "[ -~]{0,80}") {
        let uri = uri("/");
        let value = HeaderValue::from_str(&text).expect("a header");
        let read = keys().check(Line::of(&Method::GET, &uri), Some(&value), now());
        prop_assert!(matches!(read, Err(Refusal::Malformed | Refusal::Forged)));
    }
}

#[test]
fn it_is_good_for_a_minute_and_the_clocks_difference() {
    let uri = uri("/v1/models");
    let line = Line::of(&Method::GET, &uri);
    let value = keys().sign(line, &Identity::default(), now());
    let at = |seconds| keys().check(line, value.as_ref(), now() + TimeDelta::seconds(seconds));
    assert_eq!(at(91), Err(Refusal::Expired));
    assert_eq!(at(-31), Err(Refusal::Early));
    assert!(at(90).is_ok() && at(-30).is_ok());
}

#[test]
fn another_key_or_none_is_refused() {
    let uri = uri("/v1/models");
    let line = Line::of(&Method::GET, &uri);
    let other = InternalKeys::parse(&"o".repeat(32)).expect("a key");
    let value = other.sign(line, &Identity::default(), now());
    let read = |value: Option<&HeaderValue>| keys().check(line, value, now());
    assert_eq!(read(value.as_ref()), Err(Refusal::Forged));
    assert_eq!(read(None), Err(Refusal::Missing));
}

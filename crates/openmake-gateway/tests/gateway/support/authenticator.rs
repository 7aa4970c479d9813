//! A passkey in software: makes and uses ES256 credentials as a browser with
//! an authenticator does (WebAuthn Level 3).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const HAS_CREDENTIAL: u8 = 0x40;

/// One passkey on one device.
#[derive(Clone)]
pub(crate) struct Authenticator {
    key: SigningKey,
    credential_id: Vec<u8>,
    user_handle: Vec<u8>,
    /// Rises with every signature.
    pub(crate) counter: u32,
    /// The page that asks.
    pub(crate) origin: String,
    /// Whether it asks for a finger or a PIN.
    pub(crate) verifies: bool,
}

impl Authenticator {
    pub(crate) fn new(seed: u8) -> Self {
        Self {
            key: SigningKey::from_slice(&[seed; 32]).expect("a scalar"),
            credential_id: vec![seed; 32],
            user_handle: Vec::new(),
            counter: 0,
            origin: "http://localhost:52416".to_owned(),
            verifies: true,
        }
    }

    /// `navigator.credentials.create(options)`, by `toJSON()`.
    pub(crate) fn create(&mut self, options: &Value) -> Value {
        let options = &options["publicKey"];
        assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
        let handle = options["user"]["id"].as_str().expect("a handle");
        self.user_handle = URL_SAFE_NO_PAD.decode(handle).expect("base64url");
        let rp_id = options["rp"]["id"].as_str().expect("an id");
        let client_data = self.client_data("webauthn.create", &options["challenge"]);
        let mut data = self.authenticator_data(rp_id, HAS_CREDENTIAL);
        data.extend([0; 16]);
        let length = u16::try_from(self.credential_id.len()).expect("short");
        data.extend(length.to_be_bytes());
        data.extend(&self.credential_id);
        data.extend(self.cose_key());
        // {"fmt": "none", "attStmt": {}, "authData": bytes}
        let mut object = vec![0xa3];
        object.extend(text("fmt"));
        object.extend(text("none"));
        object.extend(text("attStmt"));
        object.push(0xa0);
        object.extend(text("authData"));
        object.extend(bytes(&data));
        json!({
            "id": encoded(&self.credential_id),
            "rawId": encoded(&self.credential_id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "attestationObject": encoded(&object),
                "clientDataJSON": encoded(client_data.as_bytes()),
                "transports": ["internal"],
            },
        })
    }

    /// `navigator.credentials.get(options)`, by `toJSON()`.
    pub(crate) fn get(&mut self, options: &Value) -> Value {
        let options = &options["publicKey"];
        let rp_id = options["rpId"].as_str().expect("an id");
        self.counter += 1;
        let client_data = self.client_data("webauthn.get", &options["challenge"]);
        let data = self.authenticator_data(rp_id, 0);
        let signed = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        let signature: Signature = self.key.sign(&signed);
        json!({
            "id": encoded(&self.credential_id),
            "rawId": encoded(&self.credential_id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "authenticatorData": encoded(&data),
                "clientDataJSON": encoded(client_data.as_bytes()),
                "signature": encoded(signature.to_der().as_bytes()),
                "userHandle": encoded(&self.user_handle),
            },
        })
    }

    fn client_data(&self, kind: &str, challenge: &Value) -> String {
        json!({
            "type": kind,
            "challenge": challenge,
            "origin": self.origin,
            "crossOrigin": false,
        })
        .to_string()
    }

    fn authenticator_data(&self, rp_id: &str, flags: u8) -> Vec<u8> {
        let verified = if self.verifies { USER_VERIFIED } else { 0 };
        let mut data = Sha256::digest(rp_id).to_vec();
        data.push(flags | USER_PRESENT | verified);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
    fn cose_key(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_encoded_point(false);
        let mut key = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21];
        key.extend(bytes(point.x().expect("affine")));
        key.push(0x22);
        key.extend(bytes(point.y().expect("affine")));
        key
    }
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A CBOR text string of less than 24 bytes.
fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("short");
    [&[0x60 | length], text.as_bytes()].concat()
}

/// A CBOR byte string.
fn bytes(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("short").to_be_bytes();
    [&[0x59], length.as_slice(), bytes].concat()
}

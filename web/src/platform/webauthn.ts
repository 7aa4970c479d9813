/** Asks the browser for passkeys, in the JSON forms of WebAuthn Level 3. */

/** The person closed the browser's dialog, or let it run out. */
export class PasskeyDismissed extends Error {
  override readonly name = 'PasskeyDismissed';
}

type Options = { publicKey?: unknown; mediation?: CredentialMediationRequirement };

/** Whether this browser can do it at all. */
export function hasPasskeys(): boolean {
  return (
    typeof PublicKeyCredential === 'function' &&
    typeof PublicKeyCredential.parseRequestOptionsFromJSON === 'function'
  );
}

async function asked(run: () => Promise<Credential | null>): Promise<unknown> {
  let credential: Credential | null;
  try {
    credential = await run();
  } catch (error) {
    const dismissed =
      error instanceof DOMException &&
      (error.name === 'NotAllowedError' || error.name === 'AbortError');
    if (dismissed) throw new PasskeyDismissed(error.message, { cause: error });
    throw error;
  }
  if (!(credential instanceof PublicKeyCredential)) throw new PasskeyDismissed('no credential');
  return credential.toJSON();
}

/** Makes a passkey as the server's options say. */
export function createPasskey(options: unknown): Promise<unknown> {
  const { publicKey } = options as Options;
  const parsed = PublicKeyCredential.parseCreationOptionsFromJSON(
    publicKey as PublicKeyCredentialCreationOptionsJSON,
  );
  return asked(() => navigator.credentials.create({ publicKey: parsed }));
}

/** Proves who one is with a passkey, as the server's options say. */
export function provePasskey(options: unknown): Promise<unknown> {
  const { publicKey } = options as Options;
  const parsed = PublicKeyCredential.parseRequestOptionsFromJSON(
    publicKey as PublicKeyCredentialRequestOptionsJSON,
  );
  return asked(() => navigator.credentials.get({ publicKey: parsed }));
}

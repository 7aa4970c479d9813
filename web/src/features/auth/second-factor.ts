import { ApiProblem } from '@/platform/api/problem';
import type { FactorMethod } from '@/platform/api/types';

/** What a sign-in asks for after the password. */
export interface SecondFactor {
  challenge: string;
  methods: readonly FactorMethod[];
}

const METHODS = ['totp', 'backup_code', 'passkey'] as const satisfies readonly FactorMethod[];

function known(methods: readonly string[]): FactorMethod[] {
  return METHODS.filter((method) => methods.includes(method));
}

/** The second factor that an error asks for, if it does. */
export function secondFactorOf(error: unknown): SecondFactor | null {
  if (!(error instanceof ApiProblem) || error.code !== 'second_factor_required') return null;
  const { challenge, methods } = error.problem;
  return challenge ? { challenge, methods: known(methods ?? []) } : null;
}

/** The second factor in the address that a provider's sign-in came back to. */
export function secondFactorInHash(hash: string): SecondFactor | null {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const challenge = given.get('challenge');
  return challenge ? { challenge, methods: known(given.get('methods')?.split(',') ?? []) } : null;
}

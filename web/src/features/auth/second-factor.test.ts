import { describe, expect, it } from 'vitest';
import { ApiProblem } from '@/platform/api/problem';
import { secondFactorInHash, secondFactorOf } from './second-factor';

describe('the second factor', () => {
  it('is read from the problem that asks for it, and from no other', () => {
    const problem = (code: string) =>
      new ApiProblem({
        type: 'about:blank',
        title: '',
        status: 401,
        code,
        detail: '',
        challenge: 'c',
        methods: ['passkey', 'totp'],
      });
    expect(secondFactorOf(problem('second_factor_required'))).toEqual({
      challenge: 'c',
      methods: ['totp', 'passkey'],
    });
    expect(secondFactorOf(problem('wrong_credentials'))).toBeNull();
    expect(secondFactorOf(new Error('no'))).toBeNull();
  });

  it('is read from the address, without what is not known', () => {
    expect(secondFactorInHash('#challenge=a%2Bb&methods=totp,fax,backup_code')).toEqual({
      challenge: 'a+b',
      methods: ['totp', 'backup_code'],
    });
    expect(secondFactorInHash('')).toBeNull();
    expect(secondFactorInHash('#section')).toBeNull();
  });
});

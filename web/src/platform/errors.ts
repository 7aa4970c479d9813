'use client';

import { useTranslations } from 'use-intl';
import { ApiProblem, Unreachable } from './api/problem';

/** Codes of problems that have a text of their own. */
const CODES = [
  'invalid_input',
  'unauthenticated',
  'wrong_credentials',
  'sign_in_locked',
  'account_deactivated',
  'forbidden',
  'not_found',
  'conflict',
  'email_taken',
  'registration_closed',
  'invitation_invalid',
  'guests_not_allowed',
  'turn_running',
  'node_name_taken',
  'invalid_base_url',
  'too_large',
  'image_too_large',
  'unsupported_image',
  'image_address_invalid',
  'image_refused',
  'picture_too_large',
  'image_timeout',
  'not_an_image',
  'image_unavailable',
  'rate_limited',
  'tokens_limited',
  'quota_exceeded',
  'budget_unknown',
  'upstream_failed',
  'no_model_server',
  'no_capable_model',
  'unknown_model',
  'model_without_vision',
  'model_not_for_chat',
  'second_factor_required',
  'reauthentication_required',
  'last_sign_in_method',
  'reset_link_invalid',
  'model_not_found',
  'model_unavailable',
  'model_not_allowed',
  'upstream_unauthorized',
  'upstream_rate_limited',
  'context_too_long',
  'turn_not_continuable',
  'idempotency_mismatch',
  'invalid_idempotency_key',
  'node_configured',
  'last_administrator',
  'group_name_taken',
  'already_member',
  'budget_exists',
  'backups_not_configured',
  'too_many_subscriptions',
  'account_changed',
  'foreign_origin',
  'budget_exhausted',
  'token_budget_exhausted',
  'shutting_down',
  'ai_unavailable',
  'ai_connection_lost',
  'ai_misconfigured',
  'busy',
  'unavailable',
  'database_unavailable',
  'timeout',
  'cancelled',
  'internal',
] as const;

type Code = (typeof CODES)[number];

/** What is wrong with a field, where we can say it in the person's language. */
const FIELD_CODES = [
  'required',
  'too_short',
  'too_long',
  'too_many',
  'too_common',
  'invalid',
  'wrong',
  'taken',
] as const;

function known<T extends string>(codes: readonly T[], code: string): T | null {
  return codes.find((candidate) => candidate === code) ?? null;
}

/** What to tell a person about an error, in two parts. */
export interface Explained {
  title: string;
  detail: string | null;
}

/** How to say errors in the person's language. */
export function useExplain() {
  const t = useTranslations('errors');

  function code(code: string, detail: string, hint: string | null): Explained {
    const match = known<Code>(CODES, code);
    if (match === null) return { title: detail, detail: hint };
    const own = match === 'internal' || match === 'unavailable' ? null : (hint ?? detail);
    return { title: t(`code.${match}`), detail: own };
  }

  return {
    /** An error of a request. */
    error(error: unknown): Explained {
      if (error instanceof ApiProblem) {
        const { problem } = error;
        const said = code(problem.code, problem.detail, problem.hint ?? null);
        if (problem.code === 'internal' && problem.request_id) {
          return { ...said, detail: t('requestId', { id: problem.request_id }) };
        }
        // A budget begins anew in hours or weeks; its hint says what to do.
        const brief = error.status === 429 && !problem.budget;
        if (error.retryAfter !== null && brief) {
          return { ...said, detail: t('retryAfter', { seconds: error.retryAfter }) };
        }
        return said;
      }
      if (error instanceof Unreachable) {
        return { title: t('unreachable.title'), detail: t('unreachable.detail') };
      }
      return { title: t('code.internal'), detail: null };
    },
    /** An error that a turn ended with. */
    code,
    /** What is wrong with one field of a form, if that is what is wrong. */
    field(error: unknown, name: string): string | null {
      if (!(error instanceof ApiProblem)) return null;
      const field = error.problem.fields?.find((candidate) => candidate.field === name);
      if (!field) return null;
      const match = known(FIELD_CODES, field.code);
      return match === null ? field.detail : t(`field.${match}`);
    },
  };
}

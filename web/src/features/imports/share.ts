import type { Import } from '@/platform/api/types';

/** How much of a step is done, 0 to 1; `null` while nobody knows. */
export function share({ status, received, size, read, total }: Import): number | null {
  if (status === 'uploading') return size > 0 ? received / size : null;
  if (status !== 'running' || total <= 0) return null;
  return Math.min(1, read / total);
}

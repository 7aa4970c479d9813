import { callRaw } from '@/platform/api/client';
import type { Attachment } from '@/platform/api/types';
import { readAsDataUrl } from '@/platform/files';
import { newId } from '@/platform/ids';
import type { Picture } from './outbox';

/** What the server takes. */
const TYPES = new Set(['image/png', 'image/jpeg', 'image/webp', 'image/gif']);
const LARGEST = 8 * 1024 * 1024;
/** As many as a question may carry beside its text. */
export const MOST_PICTURES = 8;

/** Why a file was not taken. */
export type Refusal = 'type' | 'size' | 'count';

/** Reads the pictures among files, and says why others were not taken. */
export async function takePictures(
  files: readonly File[],
  room: number,
): Promise<{ pictures: Picture[]; refused: Refusal | null }> {
  let refused: Refusal | null = null;
  const taken: File[] = [];
  for (const file of files) {
    if (!TYPES.has(file.type)) refused = 'type';
    else if (file.size > LARGEST) refused = 'size';
    else if (taken.length >= room) refused = 'count';
    else taken.push(file);
  }
  const pictures = await Promise.all(
    taken.map(async (file) => ({
      id: newId(),
      name: file.name,
      data: await readAsDataUrl(file),
    })),
  );
  return { pictures, refused };
}

/** The pictures of a message, to send them again with an edited question. */
export function picturesOf(attachments: readonly Attachment[]): Promise<Picture[]> {
  return Promise.all(
    attachments.map(async ({ id }) => {
      const response = await callRaw(`/blobs/${id}`, { headers: { accept: 'image/*' } });
      return { id, name: '', data: await readAsDataUrl(await response.blob()) };
    }),
  );
}

/** What goes wrong, as one sentence for the visitor. */
export class PageError extends Error {}

/**
 * The bytes of a file. Throws PageError if it was changed or removed since it was chosen.
 *
 * @param {Blob} file
 */
export async function bytesOf(file) {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    throw new PageError("it has changed since it was chosen, or cannot be read: choose it again");
  }
}

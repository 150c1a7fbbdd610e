/** The browser's own storage, for a net that the visitor wants to find again. */

const [DATABASE, STORE, KEY] = ["dreamify", "nets", "net"];

/** @typedef {import("./worker.js").NetFiles} NetFiles */

/** @returns {Promise<NetFiles | undefined>} the net that was kept, if there is one */
export function load() {
  return transact("readonly", (store) => store.get(KEY));
}

/** @param {NetFiles} files */
export function keep(files) {
  return transact("readwrite", (store) => store.put(files, KEY));
}

export function forget() {
  return transact("readwrite", (store) => store.delete(KEY));
}

/**
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} work
 * @returns {Promise<any>} its result; rejected where the browser has no storage for this page, or none left
 */
async function transact(mode, work) {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await settled(opening);
  try {
    const transaction = database.transaction(STORE, mode);
    const request = work(transaction.objectStore(STORE));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
    return request.result;
  } finally {
    database.close();
  }
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

// SPDX-License-Identifier: Apache-2.0
// The one key of this browser, in IndexedDB: structured clone keeps a CryptoKey without ever showing its bytes.
import type { StoredKey } from './key';

const kDatabase = 'entente';
const kStore = 'keys';
const kCurrent = 'current';

function withStore<T>(mode: IDBTransactionMode, work: (s: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(kDatabase, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(kStore);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const db = opening.result;
      const tx = db.transaction(kStore, mode);
      const request = work(tx.objectStore(kStore));
      tx.oncomplete = () => {
        db.close();
        resolve(request.result);
      };
      tx.onabort = tx.onerror = () => {
        db.close();
        reject(tx.error);
      };
    };
  });
}

export const loadKey = (): Promise<StoredKey | undefined> =>
  withStore<StoredKey | undefined>('readonly', (s) => s.get(kCurrent));
export const saveKey = async (key: StoredKey): Promise<void> => {
  await withStore('readwrite', (s) => s.put(key, kCurrent));
};
export const forgetKey = async (): Promise<void> => {
  await withStore('readwrite', (s) => s.delete(kCurrent));
};

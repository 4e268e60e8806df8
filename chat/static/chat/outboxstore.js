// Unsent messages in this browser's IndexedDB. The database gives out their places, so that the
// order is the order of writing in all tabs together.

const MESSAGES = 'messages'
const OPENING_MS = 3_000 // some private windows never answer

/** Entries have a unique `client_id`; those that are kept get a `place` in the order. */
export class OutboxStore {
  #name
  #opening = null
  #unkept = new Map()

  constructor(name) {
    this.#name = name
  }

  /**
   * All, oldest first; at the end, with `unkept: true`, those that last only as long as the page.
   * Null where the database can't be read just now.
   */
  async all() {
    try {
      const kept = await this.#open() ? await this.#within('readonly', messages => messages.getAll()) : []
      return [...kept, ...this.#unkept.values()]
    } catch {
      return null
    }
  }

  /** Keeps a new entry; where the browser refuses, as long as the page lasts. */
  async add(entry) {
    try {
      await this.#within('readwrite', (messages, transaction) => {
        messages.add(entry)
        transaction.commit() // needs no more from this page, which may be left the next moment
      })
    } catch {
      this.#unkept.set(entry.client_id, {...entry, unkept: true})
    }
  }

  /** Does nothing where the entry is gone: what was discarded in another tab doesn't come back. */
  async change(clientId, changes) {
    const unkept = this.#unkept.get(clientId)
    if (unkept) this.#unkept.set(clientId, {...unkept, ...changes})
    else await this.#at(clientId, cursor => cursor.update({...cursor.value, ...changes}))
  }

  async remove(clientId) {
    if (!this.#unkept.delete(clientId)) await this.#at(clientId, cursor => cursor.delete())
  }

  async #at(clientId, act) {
    if (!await this.#open()) return
    await this.#within('readwrite', messages => {
      const found = messages.index('client_id').openCursor(clientId)
      found.onsuccess = () => found.result && act(found.result)
    })
  }

  async #within(mode, act) {
    const database = await this.#open()
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(MESSAGES, mode)
      transaction.onabort = () => reject(transaction.error)
      const request = act(transaction.objectStore(MESSAGES), transaction)
      transaction.oncomplete = () => resolve(request?.result)
    })
  }

  /** The database, or null where the browser has none for us. */
  #open() {
    this.#opening ??= opened(this.#name, () => { this.#opening = null })
    return this.#opening
  }
}

function opened(name, closed) {
  return new Promise(resolve => {
    setTimeout(() => resolve(null), OPENING_MS)
    try {
      const request = indexedDB.open(name, 1)
      request.onupgradeneeded = () => {
        const messages = request.result.createObjectStore(MESSAGES, {keyPath: 'place', autoIncrement: true})
        messages.createIndex('client_id', 'client_id', {unique: true})
      }
      request.onerror = () => resolve(null)
      request.onsuccess = () => {
        const database = request.result
        database.onclose = closed // by the browser
        database.onversionchange = () => {
          database.close()
          closed()
        }
        resolve(database)
      }
    } catch {
      resolve(null)
    }
  })
}

/**
 * What survives a reload: the key to the conversation and the messages not yet delivered.
 * Each message has an entry of its own, so that two tabs never overwrite each other's. Where the browser forbids
 * storage, memory has to do.
 */

const memory = new Map();

const store = {
  get(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return memory.get(key) ?? null;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch {
      memory.set(key, value);
    }
  },
  remove(key) {
    memory.delete(key);
    try {
      localStorage.removeItem(key);
    } catch {
      // nothing was stored there
    }
  },
  keys() {
    try {
      return [...Object.keys(localStorage), ...memory.keys()];
    } catch {
      return [...memory.keys()];
    }
  },
};

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {string} base address of the service: one site may embed the chats of several */
export function chatStorage(base) {
  const tokenKey = `laoxian-chat:${base}:token`;
  const prefix = `laoxian-chat:${base}:out:`;
  return {
    tokenKey,
    token: () => store.get(tokenKey),
    keepToken: (token) => store.set(tokenKey, token),
    dropToken: () => store.remove(tokenKey),
    /** @param {{id: string, text: string, at: number, attachments?: string[], location?: object}} message */
    keep: ({ id, text, at, attachments, location }) =>
      store.set(prefix + id, JSON.stringify({ id, text, at, attachments, location })),
    drop: (id) => store.remove(prefix + id),
    /** @returns {{id: string, text: string, at: number}[]} oldest first */
    undelivered: () =>
      store
        .keys()
        .filter((key) => key.startsWith(prefix))
        .map((key) => parse(store.get(key)))
        .filter((message) => message && typeof message.text === "string" && typeof message.id === "string")
        .sort((a, b) => a.at - b.at),
  };
}

/** @returns {string} an id that no other message has, also on pages without https */
export function messageId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The HTTP calls of the chat. Every failure is one of three kinds, which is all that the caller needs to know:
 * try again later, the session is gone, or this message will never be accepted.
 */

/** No connection, too slow, or the server is busy: the same call may work later. */
export class TryLater extends Error {
  constructor(message, seconds = null) {
    super(message);
    this.seconds = seconds;
  }
}

/** The token opens no conversation any more. */
export class SessionGone extends Error {}

/** The server refuses the message itself; `message` is its Chinese sentence. */
export class Refused extends Error {}

const TIMEOUT_MS = 75_000;

/**
 * @param {string} base address of the service, ending with a slash
 */
export function chatApi(base) {
  async function call(method, path, { token, body } = {}) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), TIMEOUT_MS);
    try {
      const headers = { Accept: "application/json" };
      if (token) headers.Authorization = `Bearer ${token}`;
      if (body) headers["Content-Type"] = "application/json";
      const response = await fetch(new URL(`api/v1/chat/${path}`, base), {
        method,
        headers,
        body: body && JSON.stringify(body),
        credentials: "omit",
        cache: "no-store",
        signal: stop.signal,
      });
      // Read within the timeout: a connection may also die between head and body.
      const answer = await response.json().catch((error) => {
        if (response.ok) throw error;
        return {};
      });
      if (response.ok) return answer;
      throw failure(response, answer);
    } catch (error) {
      if (error instanceof TryLater || error instanceof SessionGone || error instanceof Refused) throw error;
      throw new TryLater("网络不通");
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    /** @returns {Promise<{session_id: string, token: string, messages: object[]}>} */
    open: () => call("POST", "sessions", { body: {} }),
    /** @returns {Promise<{messages: object[], state?: string, seq?: number}>} */
    send: (token, id, text) => call("POST", "messages", { token, body: { text, message_id: id } }),
    /** @returns {Promise<{messages: object[], state: string, more: boolean}>} */
    read: (token, after) => call("GET", `messages?after=${after}`, { token }),
  };
}

function failure(response, problem) {
  const detail = problem.detail || "出错了";
  if (response.status === 401) return new SessionGone(detail);
  if (response.status === 429) return new TryLater(detail, Number(response.headers.get("Retry-After")) || 5);
  if (response.status >= 500 || response.status === 408) return new TryLater(detail);
  return new Refused(detail);
}

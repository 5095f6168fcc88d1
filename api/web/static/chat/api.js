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
const UPLOAD_MS = 180_000;

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
      const answer = response.status === 204 ? {} : await response.json().catch((error) => {
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

  /** With XMLHttpRequest: fetch does not tell how far an upload has got. */
  function upload(token, file, progress, stop) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", new URL("api/v1/chat/attachments", base));
      request.setRequestHeader("Authorization", `Bearer ${token}`);
      request.responseType = "json";
      request.timeout = UPLOAD_MS;
      request.upload.addEventListener("progress", ({ loaded, total }) => progress(total ? loaded / total : 0));
      request.addEventListener("load", () => {
        const answer = request.response ?? {};
        if (request.status === 201) return resolve(answer);
        const headers = { get: (name) => request.getResponseHeader(name) };
        reject(failure({ status: request.status, headers }, answer));
      });
      for (const type of ["error", "timeout", "abort"]) {
        request.addEventListener(type, () => reject(new TryLater("网络不通")));
      }
      stop.addEventListener("abort", () => request.abort());
      const form = new FormData();
      form.append("file", file, "photo");
      request.send(form);
    });
  }

  return {
    /** @returns {Promise<{session_id: string, token: string, messages: object[]}>} */
    open: () => call("POST", "sessions", { body: {} }),
    /** @returns {Promise<{messages: object[], state?: string, seq?: number, said?: string}>} */
    send: (token, { id, text, attachments, location }) =>
      call("POST", "messages", { token, body: { text, message_id: id, attachments, location } }),
    /** @returns {Promise<{id: string}>} */
    upload,
    discard: (token, id) => call("DELETE", `attachments/${id}`, { token }),
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

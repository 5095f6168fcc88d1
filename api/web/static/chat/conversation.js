/**
 * The conversation without its looks: session, sending in order, retrying with the same message id, polling.
 *
 * Events (CustomEvent, `detail`): `message` {message}, a line of the transcript, possibly known already;
 * `outgoing` {id, text, status, …}, status one of sending, waiting, sent, refused; `delivered` {id, seq, said};
 * `busy` {busy}; `state` {state}; `notice` {text}, empty when all is well; `restored`; `opened`, there is a new
 * conversation; `reset`, all that was shown
 * belongs to another conversation; `expired`, what follows is numbered anew.
 */

import { Refused, SessionGone, TryLater, chatApi } from "./api.js";
import { chatStorage, messageId } from "./storage.js";

const POLL_MS = { bot: 15_000, wants_person: 4_000, person: 3_000 };
const RETRY_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

export class Conversation extends EventTarget {
  #api;
  #storage;
  #token = null;
  #queue = [];
  #sending = false;
  #failures = 0;
  #wake = null;
  #lastSeq = 0;
  #state = "bot";
  #poller = null;
  #era = 0; // grows with each new conversation: answers to an older one are dropped
  #stop = new AbortController();

  constructor(base) {
    super();
    this.#api = chatApi(base);
    this.#storage = chatStorage(base);
  }

  /** Restores the conversation of this browser or opens a new one, then delivers what was left undelivered. */
  async start() {
    const { signal } = this.#stop;
    window.addEventListener("online", () => this.retryNow(), { signal });
    document.addEventListener("visibilitychange", () => this.#visible(), { signal });
    window.addEventListener("storage", (event) => this.#otherTab(event), { signal });
    this.#token = this.#storage.token();
    this.#queue = this.#storage.undelivered();
    for (const one of this.#queue) this.#emit("outgoing", { ...one, status: "waiting" });
    await this.#connect();
  }

  /** Stops timers and listeners; what is undelivered stays stored. */
  close() {
    this.#stop.abort();
    clearTimeout(this.#poller);
    this.#era += 1;
    this.#wake?.();
  }

  /** Queues a message; it is stored before anything is sent. */
  say(text, { attachments, urls, location } = {}) {
    const message = { id: messageId(), text, at: Date.now(), attachments, urls, location };
    this.#storage.keep(message);
    this.#queue.push(message);
    this.#emit("outgoing", { ...message, status: "sending" });
    this.#deliver();
  }

  /** Uploads a photo for a later message. */
  async upload(file, progress, stop) {
    if (!this.#token) throw new TryLater("还没有接通");
    return this.#api.upload(this.#token, file, progress, stop);
  }

  /** Takes back a photo that was not sent; the server forgets it by itself should this fail. */
  discard(id) {
    if (this.#token) this.#api.discard(this.#token, id).catch(() => {});
  }

  /** Ends the waiting for the next attempt. */
  retryNow() {
    this.#failures = 0;
    this.#wake?.();
    this.#deliver();
  }

  /** Leaves this conversation and opens another. */
  async startAnew() {
    for (const one of this.#queue) this.#storage.drop(one.id);
    this.#queue = [];
    this.#storage.dropToken();
    await this.#switchTo(null);
  }

  #emit(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  async #switchTo(token) {
    this.#era += 1;
    this.#token = token;
    this.#lastSeq = 0;
    this.#failures = 0;
    this.#sending = false;
    this.#wake?.();
    this.#emit("busy", { busy: false });
    this.#emit("reset");
    this.#leavePhotos();
    for (const one of this.#queue) this.#emit("outgoing", { ...one, status: "waiting" });
    await this.#connect();
  }

  async #connect() {
    const era = this.#era;
    while (era === this.#era) {
      try {
        if (this.#token) await this.#readAll(era);
        else await this.#open(era);
        if (era !== this.#era) return;
        this.#emit("notice", { text: "" });
        this.#emit("restored");
        this.#schedule();
        this.#deliver();
        return;
      } catch (error) {
        if (era !== this.#era) return;
        if (error instanceof SessionGone) this.#forget();
        else await this.#pause(error);
      }
    }
  }

  #forget() {
    this.#storage.dropToken();
    this.#token = null;
    this.#lastSeq = 0;
    this.#emit("expired");
    this.#leavePhotos();
  }

  /** Photos were uploaded to one conversation and cannot follow into another; the words can. */
  #leavePhotos() {
    for (const one of this.#queue.filter(({ attachments }) => attachments?.length)) {
      one.attachments = [];
      if (one.text || one.location) this.#storage.keep(one);
      else this.#refuse(one, "照片没有发出，请重新添加");
    }
  }

  #refuse(message, reason) {
    this.#storage.drop(message.id);
    this.#queue = this.#queue.filter((one) => one !== message);
    this.#emit("outgoing", { ...message, status: "refused" });
    this.#emit("notice", { text: reason });
  }

  async #open(era) {
    const { token, messages } = await this.#api.open();
    if (era !== this.#era) return;
    this.#token = token;
    this.#storage.keepToken(token);
    this.#setState("bot");
    this.#emit("opened");
    this.#show(messages);
  }

  async #readAll(era) {
    for (;;) {
      const page = await this.#api.read(this.#token, this.#lastSeq);
      if (era !== this.#era) return;
      this.#show(page.messages);
      for (const { seq } of page.messages) this.#lastSeq = Math.max(this.#lastSeq, seq);
      this.#setState(page.state);
      if (!page.more) return;
    }
  }

  #show(messages) {
    for (const message of messages) this.#emit("message", { message });
  }

  #setState(state) {
    if (!state || state === this.#state) return;
    this.#state = state;
    this.#emit("state", { state });
  }

  /** Sends what is queued, one at a time and in order, until the queue is empty. */
  async #deliver() {
    if (this.#sending || !this.#token) return;
    const era = this.#era;
    this.#sending = true;
    while (era === this.#era && this.#queue.length && this.#token) await this.#deliverOne(this.#queue[0], era);
    if (era !== this.#era) return;
    this.#sending = false;
    this.#emit("busy", { busy: false });
  }

  async #deliverOne(message, era) {
    this.#emit("outgoing", { ...message, status: "sending" });
    this.#emit("busy", { busy: this.#state !== "person" });
    try {
      const turn = await this.#api.send(this.#token, message);
      this.#storage.drop(message.id);
      if (era !== this.#era) return;
      this.#failures = 0;
      this.#queue = this.#queue.filter((one) => one !== message);
      this.#emit("notice", { text: "" });
      this.#emit("outgoing", { ...message, status: "sent" });
      if (turn.seq) this.#emit("delivered", { id: message.id, seq: turn.seq, said: turn.said });
      this.#setState(turn.state);
      this.#show(turn.messages);
      this.#schedule();
    } catch (error) {
      if (era === this.#era) await this.#undelivered(message, error);
    }
  }

  async #undelivered(message, error) {
    this.#emit("busy", { busy: false });
    if (error instanceof Refused) {
      this.#refuse(message, error.message);
    } else if (error instanceof SessionGone) {
      // The queue goes on in a new conversation: what somebody has written is never thrown away.
      this.#forget();
      this.#connect();
    } else {
      this.#emit("outgoing", { ...message, status: "waiting" });
      await this.#pause(error);
    }
  }

  async #pause(error) {
    const limited = error instanceof TryLater && error.seconds;
    const wait = limited ? error.seconds * 1000 : RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)];
    this.#failures += 1;
    this.#emit("notice", { text: limited ? error.message : "网络不太通畅。您写的话已存好，接通后自动发出。" });
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, wait);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }

  #schedule() {
    clearTimeout(this.#poller);
    if (this.#stop.signal.aborted || document.hidden) return;
    this.#poller = setTimeout(() => this.#poll(), POLL_MS[this.#state] ?? POLL_MS.bot);
  }

  async #poll() {
    const era = this.#era;
    // While a message is on its way its answer brings everything.
    if (this.#token && !this.#sending) {
      try {
        await this.#readAll(era);
      } catch (error) {
        if (error instanceof SessionGone && era === this.#era) {
          this.#forget();
          await this.#connect();
        }
      }
    }
    if (era === this.#era) this.#schedule();
  }

  #visible() {
    if (document.hidden) clearTimeout(this.#poller);
    else this.#poll();
  }

  #otherTab(event) {
    if (event.key !== this.#storage.tokenKey || !event.newValue || event.newValue === this.#token) return;
    // Another tab began a new conversation; this one follows, so that both show the same.
    this.#switchTo(event.newValue);
  }
}

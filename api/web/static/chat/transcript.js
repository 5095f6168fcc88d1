/** The scrolling log: rows in the order of their numbers, undelivered ones last, quick replies under the last line. */

import { el, messageRow, showStatus } from "./bubbles.js";

const NEAR_END_PX = 80;

export class Transcript {
  #rows = new Map(); // number -> row
  #outgoing = new Map(); // message id -> row
  #onQuickReply;
  #onRetry;

  /**
   * @param {(payload: string) => void} onQuickReply
   * @param {() => void} onRetry
   */
  constructor(onQuickReply, onRetry) {
    this.#onQuickReply = onQuickReply;
    this.#onRetry = onRetry;
    this.list = el("div", {
      class: "log",
      role: "log",
      "aria-live": "polite",
      "aria-label": "对话记录",
      "aria-busy": "true",
      tabindex: "0",
    });
    this.typing = el(
      "div",
      { class: "row bot typing", hidden: true },
      el("div", { class: "avatar", "aria-hidden": "true" }, "崂"),
      el("div", { class: "bubble" }, el("span", { class: "unseen" }, "正在回复"), ...[1, 2, 3].map(() => el("i"))),
    );
    this.quick = el("div", { class: "quick", role: "group", "aria-label": "快捷回复" });
    this.newer = el("button", { type: "button", class: "newer", hidden: true }, "有新消息 ↓");
    this.newer.addEventListener("click", () => this.toEnd());
    this.list.addEventListener("scroll", () => {
      if (this.#nearEnd()) this.newer.hidden = true;
    });
    this.list.append(this.typing, this.quick);
  }

  clear() {
    this.list.replaceChildren(this.typing, this.quick);
    this.#rows.clear();
    this.#outgoing.clear();
    this.quick.replaceChildren();
    this.list.setAttribute("aria-busy", "true");
  }

  /** What follows is numbered anew; what was said stays readable. */
  divide() {
    const delivered = this.#rows.size > 0;
    this.#rows.clear();
    this.quick.replaceChildren();
    if (delivered) this.#insert(el("p", { class: "divider" }, "上一段对话已结束，以下是新的对话"));
  }

  /** Ends the restoring: from here on new lines are read out. */
  ready() {
    this.list.setAttribute("aria-busy", "false");
    this.toEnd();
  }

  /** Adds a line of the transcript, or finds that it is shown already. */
  show(message) {
    if (message.seq && this.#rows.has(message.seq)) return;
    const sent = message.message_id && this.#outgoing.get(message.message_id);
    if (sent) {
      this.deliver(message.message_id, message.seq);
      return;
    }
    const stay = this.#nearEnd();
    const row = messageRow(message);
    this.#insert(row, message.seq);
    if (message.author !== "resident") this.#offer(message);
    this.#settle(stay);
  }

  /** Shows a message of this page at whatever stage it is. */
  outgoing({ id, text, status, attachments, urls, location }) {
    let row = this.#outgoing.get(id);
    if (!row) {
      row = messageRow({ author: "resident", text: text || (location ? "我的位置" : ""), photos: attachments?.length, urls });
      this.#outgoing.set(id, row);
      this.quick.replaceChildren();
      this.#insert(row);
      this.toEnd();
    }
    showStatus(row, status, this.#onRetry);
  }

  /** Gives a message of this page the number under which it is kept. */
  deliver(id, seq, said = null) {
    const row = this.#outgoing.get(id);
    if (!row) return;
    if (said) row.querySelector(".text").textContent = said;
    showStatus(row, "sent");
    if (this.#rows.has(seq)) return;
    this.#rows.set(seq, row);
    row.dataset.seq = seq;
  }

  busy(busy) {
    const stay = this.#nearEnd();
    this.typing.hidden = !busy;
    this.#settle(stay, false);
  }

  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
    this.newer.hidden = true;
  }

  #insert(row, seq) {
    let before = this.typing;
    if (seq) {
      this.#rows.set(seq, row);
      row.dataset.seq = seq;
      // A line that arrives late goes where it belongs; the waiting ones of this page stay last.
      while (before.previousElementSibling && this.#follows(before.previousElementSibling, seq)) {
        before = before.previousElementSibling;
      }
    }
    this.list.insertBefore(row, before);
  }

  #follows(row, seq) {
    if (row.dataset.seq) return Number(row.dataset.seq) > seq && this.#rows.get(Number(row.dataset.seq)) === row;
    return row.classList.contains("waiting");
  }

  #offer(message) {
    if (message.seq && message.seq < Math.max(0, ...this.#rows.keys())) return;
    this.quick.replaceChildren(
      ...(message.quick_replies ?? []).map(({ title, payload }) =>
        el("button", { type: "button", onclick: () => this.#onQuickReply(payload) }, title),
      ),
    );
  }

  #nearEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  #settle(stay, news = true) {
    if (stay || this.list.getAttribute("aria-busy") === "true") this.toEnd();
    else if (news) this.newer.hidden = false;
  }
}

/** The field to write in: grows with the text, Enter sends, Shift+Enter breaks the line, input methods are left alone. */

import { el } from "./bubbles.js";

const MAX_CHARS = 20_000;
const COUNT_FROM = 18_000;

/** Counts as the server does: an emoji outside the basic plane is one character. */
function length(text) {
  return text.length < COUNT_FROM ? text.length : Array.from(text.trim()).length;
}

export class Composer {
  #field = el("textarea", {
    rows: "1",
    placeholder: "说说什么事、在哪里",
    "aria-label": "输入您要说的话，回车发送，Shift 加回车换行",
    enterkeyhint: "send",
    autocomplete: "off",
  });
  #button = el("button", { type: "button", class: "send", disabled: true }, "发送");
  #count = el("p", { class: "count", role: "status", hidden: true });
  #composing = false;

  /** @param {(text: string) => void} onSend */
  constructor(onSend) {
    this.element = el("div", { class: "composer" }, this.#count, el("div", { class: "field" }, this.#field, this.#button));
    this.#field.addEventListener("compositionstart", () => (this.#composing = true));
    this.#field.addEventListener("compositionend", () => {
      this.#composing = false;
      this.#measure();
    });
    this.#field.addEventListener("input", () => this.#measure());
    this.#field.addEventListener("keydown", (event) => {
      // 229: Safari ends the composition before it tells of the Enter that ended it.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || this.#composing || event.keyCode === 229) return;
      event.preventDefault();
      this.#send(onSend);
    });
    this.#button.addEventListener("click", () => this.#send(onSend));
  }

  focus() {
    this.#field.focus({ preventScroll: true });
  }

  #send(onSend) {
    const text = this.#field.value.trim();
    if (!text || length(text) > MAX_CHARS) return;
    this.#field.value = "";
    this.#measure();
    this.focus();
    onSend(text);
  }

  #measure() {
    const count = length(this.#field.value);
    this.#count.hidden = count < COUNT_FROM;
    this.#count.classList.toggle("over", count > MAX_CHARS);
    this.#count.textContent =
      count > MAX_CHARS ? `超出 ${count - MAX_CHARS} 字，请分几次发` : `还可以写 ${MAX_CHARS - count} 字`;
    this.#button.disabled = !this.#field.value.trim() || count > MAX_CHARS;
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }
}

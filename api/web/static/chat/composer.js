/** The field to write in: grows with the text, Enter sends, Shift+Enter breaks the line, input methods are left alone. */

import { el } from "./bubbles.js";
import { PhotoTray } from "./photos.js";
import { locate } from "./position.js";

const MAX_CHARS = 20_000;
const COUNT_FROM = 18_000;

/** Counts as the server does: an emoji outside the basic plane is one character. */
function length(text) {
  return text.length < COUNT_FROM ? text.length : Array.from(text.trim()).length;
}

// Drawn, since office computers often have no font with a 📷 or a 📍.
const CAMERA = "M4 7h3l2-3h6l2 3h3a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2zm8 2.5a4 4 0 1 0 0 8 4 4 0 0 0 0-8z";
const PIN = "M12 2a7 7 0 0 0-7 7c0 5 7 13 7 13s7-8 7-13a7 7 0 0 0-7-7zm0 4.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z";

function drawing(path) {
  const [svg, shape] = ["svg", "path"].map((name) => document.createElementNS("http://www.w3.org/2000/svg", name));
  shape.setAttribute("d", path);
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.append(shape);
  return svg;
}

function tool(path, words, label) {
  return el("button", { type: "button", class: "tool", "aria-label": label }, drawing(path), words);
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
  #hint = el("p", { class: "hint", role: "status", hidden: true });
  #camera = tool(CAMERA, "照片", "添加照片，最多 6 张");
  #pin = tool(PIN, "我的位置", "发送我现在的位置");
  #composing = false;
  #followUp = false; // photos whose upload was still running when their words went out follow by themselves
  #onSend;

  /**
   * @param {(text: string, more?: {attachments?: string[], urls?: string[], location?: object}) => void} onSend
   * @param {object} store where photos are uploaded, see PhotoTray
   */
  constructor(onSend, store) {
    this.#onSend = onSend;
    this.photos = new PhotoTray(store, (words) => this.#tell(words), () => this.#photosChanged());
    this.element = el(
      "div",
      { class: "composer" },
      this.#count,
      this.#hint,
      this.photos.element,
      el(
        "div",
        { class: "bar" },
        el("div", { class: "tools" }, this.#camera, this.#pin),
        el("div", { class: "field" }, this.#field, this.#button),
      ),
    );
    this.#field.addEventListener("compositionstart", () => (this.#composing = true));
    this.#field.addEventListener("compositionend", () => {
      this.#composing = false;
      this.#measure();
    });
    this.#field.addEventListener("input", () => {
      this.#tell("");
      this.#measure();
    });
    this.#field.addEventListener("keydown", (event) => {
      // 229: Safari ends the composition before it tells of the Enter that ended it.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || this.#composing || event.keyCode === 229) return;
      event.preventDefault();
      this.#send();
    });
    this.#field.addEventListener("paste", (event) => {
      const pictures = [...event.clipboardData.files].filter((file) => file.type.startsWith("image/"));
      if (pictures.length) this.photos.add(pictures);
    });
    this.#button.addEventListener("click", () => this.#send());
    this.#camera.addEventListener("click", () => this.photos.choose());
    this.#pin.addEventListener("click", () => this.#sendPosition());
  }

  focus() {
    this.#field.focus({ preventScroll: true });
  }

  #send() {
    const text = this.#field.value.trim();
    if ((!text && !this.photos.ready) || length(text) > MAX_CHARS) return;
    // Words never wait for photos: what they tell may be urgent.
    this.#followUp = this.photos.sending;
    this.#field.value = "";
    const photos = this.photos.take();
    this.#tell(this.#followUp ? "照片传完就自动发出" : "");
    this.focus();
    this.#onSend(text, photos);
  }

  #photosChanged() {
    if (this.#followUp && !this.photos.sending) {
      this.#followUp = false;
      if (this.photos.ready) {
        this.#tell("");
        this.#onSend("", this.photos.take());
      }
    }
    this.#measure();
  }

  async #sendPosition() {
    this.#pin.disabled = true;
    this.#tell("正在定位…");
    try {
      const location = await locate();
      this.#tell("");
      this.#onSend("", { location });
    } catch (error) {
      this.#tell(error.message);
    } finally {
      this.#pin.disabled = false;
    }
  }

  #tell(words) {
    this.#hint.textContent = words;
    this.#hint.hidden = !words;
  }

  #measure() {
    const count = length(this.#field.value);
    this.#count.hidden = count < COUNT_FROM;
    this.#count.classList.toggle("over", count > MAX_CHARS);
    this.#count.textContent =
      count > MAX_CHARS ? `超出 ${count - MAX_CHARS} 字，请分几次发` : `还可以写 ${MAX_CHARS - count} 字`;
    this.#button.disabled = !(this.#field.value.trim() || this.photos.ready) || count > MAX_CHARS;
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }
}

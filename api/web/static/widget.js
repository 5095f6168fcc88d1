/**
 * <laoxian-chat>: the residents' chat of 崂先办, for any site, with one tag:
 *
 *   <script type="module" src="https://ADDRESS/widget.js"></script>
 *
 * It opens from a button in the corner. Put a <laoxian-chat> element on the page to have it there instead; with the
 * attribute `floating` that element is the button. `base` names another address of the service than the script's own.
 * No cookies, no dependencies, nothing of the page's styles gets in or out.
 */

import { el } from "./chat/bubbles.js";
import { Composer } from "./chat/composer.js";
import { Conversation } from "./chat/conversation.js";
import { Transcript } from "./chat/transcript.js";

const HOME = new URL("./", import.meta.url).href;
const STATES = { bot: "在线，随时可说", wants_person: "已为您呼叫工作人员", person: "工作人员正在为您服务" };

class LaoxianChat extends HTMLElement {
  #conversation = null;
  #transcript = null;
  #composer = null;
  #panel = null;
  #launcher = null;
  #viewport = new AbortController();

  connectedCallback() {
    if (this.#panel) return;
    const root = this.attachShadow({ mode: "open" });
    const styles = el("link", { rel: "stylesheet", href: new URL("chat/widget.css", HOME).href });
    this.#build();
    root.append(styles);
    // Without its styles the chat would flash as bare text.
    const reveal = () => root.append(...[this.#launcher, this.#panel].filter(Boolean));
    styles.addEventListener("load", reveal, { once: true });
    styles.addEventListener("error", reveal, { once: true });
    if (this.hasAttribute("floating")) this.#float();
    else this.#begin();
  }

  disconnectedCallback() {
    // Moved within the page it goes on; taken out, it stops.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#conversation?.close();
      this.#viewport.abort();
    });
  }

  #build() {
    const say = (text, more) => this.#conversation.say(text, more);
    const store = {
      upload: (...photo) => this.#conversation.upload(...photo),
      discard: (id) => this.#conversation.discard(id),
    };
    const pick = (text) => {
      say(text);
      // The tapped button is gone. On a phone, focus in the field would raise the keyboard unasked.
      if (matchMedia("(pointer: fine)").matches) this.#composer.focus();
    };
    this.#transcript = new Transcript(pick, () => this.#conversation.retryNow());
    this.#composer = new Composer(say, store);
    this.status = el("span", { class: "state", role: "status" }, STATES.bot);
    this.notice = el("p", { class: "notice", role: "status", hidden: true });
    this.confirm = this.#confirmDialog();
    this.#panel = el(
      "section",
      { class: "panel", "aria-label": "崂先办 诉求服务对话" },
      el(
        "header",
        {},
        el("div", { class: "title" }, this.hasAttribute("floating") && el("strong", {}, "崂先办"), this.status),
        el("button", { type: "button", class: "plain", onclick: () => this.confirm.showModal() }, "新对话"),
        this.hasAttribute("floating") &&
          el("button", { type: "button", class: "plain close", "aria-label": "收起对话", onclick: () => this.#open(false) }, "✕"),
      ),
      el(
        "p",
        { class: "urgent" },
        "危急请拨 ",
        ...[["119", "火警"], ["110", "报警"], ["120", "急救"], ["122", "交通"]].map(([number, name]) =>
          el("a", { href: `tel:${number}`, "aria-label": `拨打 ${number} ${name}` }, number, el("small", {}, name)),
        ),
      ),
      el("div", { class: "middle" }, this.#transcript.list, this.#transcript.newer),
      this.notice,
      this.#composer.element,
      el("p", { class: "privacy" }, "您的姓名、电话、照片加密保存，只用于办理诉求。"),
      this.confirm,
    );
  }

  #confirmDialog() {
    const dialog = el(
      "dialog",
      { "aria-label": "开始新的对话" },
      el("p", {}, "开始新的对话？这里不再显示以前的内容，已登记的诉求照常办理。"),
    );
    const anew = () => {
      dialog.close();
      this.#conversation.startAnew();
      this.#composer.focus();
    };
    dialog.append(
      el(
        "div",
        { class: "choices" },
        el("button", { type: "button", class: "plain", onclick: () => dialog.close() }, "继续这段"),
        el("button", { type: "button", class: "send", onclick: anew }, "开始新的"),
      ),
    );
    return dialog;
  }

  #begin() {
    if (this.#conversation) return;
    const base = new URL(this.getAttribute("base") ?? HOME, HOME).href;
    const talk = new Conversation(base.endsWith("/") ? base : `${base}/`);
    const on = (type, does) => talk.addEventListener(type, ({ detail }) => does(detail));
    on("message", ({ message }) => this.#transcript.show(message));
    on("outgoing", (detail) => this.#transcript.outgoing(detail));
    on("delivered", ({ id, seq, said }) => this.#transcript.deliver(id, seq, said));
    on("busy", ({ busy }) => this.#transcript.busy(busy));
    on("state", ({ state }) => (this.status.textContent = STATES[state] ?? STATES.bot));
    on("restored", () => this.#transcript.ready());
    on("reset", () => {
      this.#transcript.clear();
      this.#composer.photos.clear();
    });
    on("expired", () => this.#transcript.divide());
    // The new conversation is there: what was uploaded to the old one goes up again.
    on("opened", () => this.#composer.photos.renew());
    on("notice", ({ text }) => {
      this.notice.textContent = text;
      this.notice.hidden = !text;
    });
    this.#conversation = talk;
    this.#followKeyboard();
    talk.start();
  }

  /** iOS lays its keyboard over the page instead of shrinking it: take the height that is left. */
  #followKeyboard() {
    const view = window.visualViewport;
    if (!view) return;
    const fit = () => {
      const covered = window.innerHeight - view.height > 120;
      this.#panel.style.setProperty("--visible", covered ? `${view.height}px` : "");
      this.#panel.classList.toggle("keyboard", covered);
      if (covered) this.#transcript.toEnd();
    };
    view.addEventListener("resize", fit, { signal: this.#viewport.signal });
  }

  #float() {
    this.#panel.hidden = true;
    this.#panel.setAttribute("role", "dialog");
    this.#launcher = el(
      "button",
      { type: "button", class: "launcher", "aria-expanded": "false", onclick: () => this.#open(true) },
      "有事找崂先办",
    );
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing && !this.confirm.open) this.#open(false);
    });
  }

  #open(open) {
    this.#panel.hidden = !open;
    this.#launcher.hidden = open;
    this.#launcher.setAttribute("aria-expanded", String(open));
    if (open) {
      this.#begin();
      this.#transcript.toEnd();
      this.#composer.focus();
    } else {
      this.#launcher.focus();
    }
  }
}

if (!customElements.get("laoxian-chat")) {
  customElements.define("laoxian-chat", LaoxianChat);
  // Module scripts run once the page is parsed: an element that the page wants is there by now.
  if (!document.querySelector("laoxian-chat")) document.body.append(el("laoxian-chat", { floating: true }));
}

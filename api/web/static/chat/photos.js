/** The photos for the next message: chosen, shrunk, uploaded at once, tried again, taken back. */

import { Refused } from "./api.js";
import { el } from "./bubbles.js";

const MAX = 6;
const MAX_BYTES = 10_000_000;
const SIDE = 2048;
const SMALL_BYTES = 1_500_000;
// Named one by one, so that an iPhone hands over a JPEG instead of its HEIC.
const TYPES = "image/jpeg,image/png,image/webp";
const SHRINKABLE = /^image\/(jpeg|png|webp|hei[cf])$/;

/** Makes a large photo as small as the server would keep it: less to send over a slow connection. */
async function shrink(file) {
  if (file.size < SMALL_BYTES || !SHRINKABLE.test(file.type)) return file;
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, SIDE / Math.max(picture.width, picture.height));
    const canvas = el("canvas", { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) });
    const paper = canvas.getContext("2d");
    paper.fillStyle = "#fff";
    paper.fillRect(0, 0, canvas.width, canvas.height);
    paper.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const small = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.88));
    return small && small.size < file.size ? small : file;
  } catch {
    return file; // the server says what is wrong with it
  }
}

export class PhotoTray {
  #items = []; // {file, url, tile, stop, id?, state: "sending" | "ready" | "failed" | "refused"}
  #store;
  #tell;
  #changed;
  #input = el("input", { type: "file", accept: TYPES, multiple: true, hidden: true, tabindex: "-1" });
  #tiles = el("ul", { class: "tiles", "aria-label": "要发的照片" });

  /**
   * @param {{upload: (file: Blob, progress: (part: number) => void, stop: AbortSignal) => Promise<{id: string}>,
   *   discard: (id: string) => void}} store
   * @param {(words: string) => void} tell shows one line to the resident
   * @param {() => void} changed called whenever there is more or less to send
   */
  constructor(store, tell, changed) {
    this.#store = store;
    this.#tell = tell;
    this.#changed = changed;
    this.element = el("div", { class: "tray", hidden: true }, this.#tiles, this.#input);
    this.#input.addEventListener("change", () => {
      this.add(this.#input.files);
      this.#input.value = ""; // the same photo may be chosen again
    });
  }

  /** Whether photos are on their way to the server. */
  get sending() {
    return this.#items.some((one) => one.state === "sending");
  }

  /** Whether photos can go with a message now. */
  get ready() {
    return this.#items.some((one) => one.state === "ready");
  }

  choose() {
    this.#input.click();
  }

  /** @param {Iterable<File>} files */
  add(files) {
    const chosen = [...files];
    const free = MAX - this.#items.length;
    this.#tell(chosen.length > free ? `一次最多 ${MAX} 张照片，多出来的没有加上` : "");
    for (const file of chosen.slice(0, free)) {
      const one = { file, url: URL.createObjectURL(file), tile: el("li", { class: "tile" }) };
      this.#items.push(one);
      this.#tiles.append(one.tile);
      this.#upload(one);
    }
  }

  /** Takes the uploaded photos out, for the message that they go with. */
  take() {
    const ready = this.#items.filter((one) => one.state === "ready");
    this.#items = this.#items.filter((one) => one.state !== "ready");
    for (const one of ready) one.tile.remove();
    this.#show();
    return { attachments: ready.map((one) => one.id), urls: ready.map((one) => one.url) };
  }

  /** Throws away what is chosen: it belonged to a conversation that was left. */
  clear() {
    for (const one of [...this.#items]) this.#remove(one, false);
  }

  /** Uploads anew what was uploaded to a conversation that is gone. */
  renew() {
    for (const one of this.#items) {
      one.stop?.abort();
      this.#upload(one);
    }
  }

  async #upload(one) {
    const stop = new AbortController();
    Object.assign(one, { stop, state: "sending", id: null });
    const bar = el("progress", { max: "1", value: "0", "aria-label": "上传进度" });
    this.#draw(one, bar);
    try {
      const file = await shrink(one.file);
      if (file.size > MAX_BYTES) throw new Refused("照片太大：一张最多 10 MB，请换一张或缩小后再发");
      const { id } = await this.#store.upload(file, (part) => (bar.value = part), stop.signal);
      if (stop.signal.aborted) return;
      Object.assign(one, { id, state: "ready" });
      this.#draw(one);
    } catch (error) {
      if (stop.signal.aborted) return;
      one.state = error instanceof Refused ? "refused" : "failed";
      this.#tell(one.state === "refused" ? error.message : "照片没有传上，请点“重试”，或删掉再发");
      const again = el("button", { type: "button", class: "again", onclick: () => this.#retry(one) }, "重试");
      this.#draw(one, one.state === "refused" ? el("span", { class: "bad" }, "不能用") : again);
    }
  }

  #retry(one) {
    this.#tell("");
    this.#upload(one);
  }

  #remove(one, discard = true) {
    one.stop?.abort();
    if (one.id && discard) this.#store.discard(one.id);
    this.#items = this.#items.filter((other) => other !== one);
    one.tile.remove();
    URL.revokeObjectURL(one.url);
    this.#show();
  }

  #draw(one, over = null) {
    const away = el("button", { type: "button", class: "away", "aria-label": "删掉这张照片" }, "✕");
    away.addEventListener("click", () => {
      this.#tell("");
      this.#remove(one);
    });
    one.tile.dataset.state = one.state;
    const picture = el("img", { src: one.url, alt: "要发的照片", onerror: () => picture.remove() });
    one.tile.replaceChildren(picture, ...(over ? [over] : []), away);
    this.#show();
  }

  #show() {
    this.element.hidden = !this.#items.length;
    this.#changed();
  }
}

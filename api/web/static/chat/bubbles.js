/** The lines of the transcript as elements. Text is only ever set as text: what people type can never become markup. */

const EMERGENCY = new Set(["110", "119", "120", "122"]);
const HOTLINES = new Set([...EMERGENCY, "12345"]);
const TIME = new Intl.DateTimeFormat("zh-CN", { timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat("zh-CN", { timeZone: "Asia/Shanghai", month: "long", day: "numeric" });
const NAMES = { resident: "您", bot: "崂先办", staff: "工作人员" };

/** Makes an element: `el("p", {class: "x"}, "text", child)`. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child != null && child !== false));
  return node;
}

/** Whether the number at `start` is one to ring: told to ring it, or explained in brackets. */
function isHotline(text, start, number) {
  if (!HOTLINES.has(number)) return false;
  return /[打拨呼][^。！？\n]{0,12}$/.test(text.slice(0, start)) || /^\s*（/.test(text.slice(start + number.length));
}

/** Splits a text into plain strings, `tel:` links and unbroken case numbers; tells the emergency numbers found. */
export function linkPhones(text) {
  const nodes = [];
  const numbers = new Set();
  let from = 0;
  for (const found of text.matchAll(/LX\d{8}-\d+|\d+/g)) {
    const number = found[0];
    const caseNo = number.startsWith("LX");
    if (!caseNo && !isHotline(text, found.index, number)) continue;
    const node = caseNo ? el("span", { class: "whole" }, number) : el("a", { href: `tel:${number}` }, number);
    nodes.push(text.slice(from, found.index), node);
    from = found.index + number.length;
    if (EMERGENCY.has(number)) numbers.add(number);
  }
  nodes.push(text.slice(from));
  return { nodes, numbers: [...numbers] };
}

async function copy(text, field) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard without https: select the number, so that copying by hand is one step.
    const range = document.createRange();
    range.selectNodeContents(field);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    return document.execCommand("copy");
  }
}

function caseCard(caseNo) {
  const number = el("span", { class: "number" }, caseNo);
  const button = el("button", { type: "button", class: "copy", "aria-label": `复制编号 ${caseNo}` }, "复制");
  button.addEventListener("click", async () => {
    button.textContent = (await copy(caseNo, number)) ? "已复制" : "请长按复制";
    setTimeout(() => (button.textContent = "复制"), 2000);
  });
  return el(
    "div",
    { class: "case" },
    el("div", { class: "case-text" }, el("span", { class: "case-label" }, "诉求编号"), number),
    button,
    el("p", { class: "case-hint" }, "记好编号，随时回来问进度"),
  );
}

function callButtons(numbers) {
  return el(
    "div",
    { class: "calls" },
    ...numbers.map((number) => el("a", { class: "call", href: `tel:${number}` }, `立即拨打 ${number}`)),
  );
}

/** The resident's own photos while the page lives, after that how many there were: they are for staff only. */
function photos(count, urls) {
  const words = `照片 ${count} 张`;
  const place = el("div", { class: "photos", "data-count": count }, ...urls.map((src, at) => el("img", { src, alt: `照片 ${at + 1}` })));
  // A site that embeds the chat may forbid such pictures.
  for (const picture of place.children) picture.addEventListener("error", () => place.replaceChildren(words), { once: true });
  if (!urls.length) place.append(words);
  return place;
}

/**
 * The time in Shanghai, wherever the reader is.
 * @param {string | undefined} iso
 */
function clock(iso) {
  const at = iso ? new Date(iso) : new Date();
  const sameDay = DAY.format(at) === DAY.format(new Date());
  return sameDay ? TIME.format(at) : `${DAY.format(at)} ${TIME.format(at)}`;
}

/**
 * Makes the row of one message.
 * @param {{author: string, text: string, case_no?: string, created_at?: string, photos?: number, urls?: string[]}} message
 */
export function messageRow(message) {
  const own = message.author === "resident";
  const { nodes, numbers } = own ? { nodes: [message.text], numbers: [] } : linkPhones(message.text);
  const bubble = el(
    "div",
    { class: "bubble" },
    el("span", { class: "unseen" }, `${NAMES[message.author] ?? ""}说：`),
    message.text && el("p", { class: "text" }, ...nodes),
    message.photos > 0 && photos(message.photos, message.urls ?? []),
  );
  if (message.case_no) bubble.append(caseCard(message.case_no));
  if (numbers.length) bubble.append(callButtons(numbers));
  const meta = el("div", { class: "meta" });
  if (message.author === "staff") meta.append("工作人员 · ");
  meta.append(el("time", {}, clock(message.created_at)), el("span", { class: "status" }));
  const row = el("div", { class: `row ${message.author}${numbers.length ? " emergency" : ""}` });
  if (!own) row.append(el("div", { class: "avatar", "aria-hidden": "true" }, message.author === "staff" ? "人" : "崂"));
  row.append(el("div", { class: "column" }, bubble, meta));
  return row;
}

/** Shows how far an own message has got; `retry` is called when the resident taps. */
export function showStatus(row, status, retry) {
  const place = row.querySelector(".status");
  row.classList.toggle("waiting", status === "waiting");
  row.classList.toggle("refused", status === "refused");
  if (status === "waiting") {
    place.replaceChildren(" · 未送达 ", el("button", { type: "button", class: "again", onclick: retry }, "重新发送"));
  } else {
    place.textContent = { sending: " · 发送中", refused: " · 没有发出" }[status] ?? "";
  }
}

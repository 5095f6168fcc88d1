// Keyboard of the console, the mark on the selected row, the sign of life that keeps a session open.
(() => {
  "use strict";
  const KEY = "console-cursor";
  const rows = () => [...document.querySelectorAll("[data-no]")];
  let cursor = sessionStorage.getItem(KEY);

  function paint() {
    for (const row of rows()) row.classList.toggle("cursor", row.dataset.no === cursor);
  }

  function select(row) {
    if (!row) return;
    cursor = row.dataset.no;
    sessionStorage.setItem(KEY, cursor);
    paint();
    row.scrollIntoView({ block: "nearest" });
  }

  function open(row, apart) {
    select(row);
    const link = row.querySelector("a");
    if (apart) window.open(link.href);
    else location.href = link.href;
  }

  function move(step) {
    const all = rows();
    const at = all.findIndex((row) => row.dataset.no === cursor);
    select(all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)]);
  }

  const back = () => (document.querySelector("a.back") || { click() {} }).click();
  const keys = {
    "/": () => document.querySelector(".search input")?.focus(),
    j: () => move(1),
    k: () => move(-1),
    b: back,
    x: () => document.querySelector("tr.cursor .c-pick .q-checkbox")?.click(),
    m: () => document.querySelector(".override input")?.focus(),
    "?": () => emitEvent("staff-help"),
    Enter: () => {
      const row = rows().find((one) => one.dataset.no === cursor);
      if (row) open(row, false);
    },
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const typing = event.target.closest("input, textarea, select, [contenteditable], .q-dialog, .q-menu");
    if (event.key === "Escape" && typing) event.target.blur();
    if (typing || (event.key === "Enter" && event.target.closest("a, button, summary"))) return;
    if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  });

  document.addEventListener("click", (event) => {
    const row = event.target.closest("[data-no]");
    if (!row || event.target.closest("a, button, .c-pick") || String(getSelection())) return;
    open(row, event.ctrlKey || event.metaKey);
  });

  // @ in an internal note: the colleagues who may see the case, as they are typed.
  const callees = document.createElement("div");
  callees.className = "callees";
  callees.setAttribute("role", "listbox");
  let box = null;
  let begun = 0;
  let chosen = 0;
  let fitting = [];

  function paintCallees() {
    callees.replaceChildren(
      ...fitting.map((one, i) => {
        const line = document.createElement("div");
        line.setAttribute("role", "option");
        line.setAttribute("aria-selected", String(i === chosen));
        line.textContent = `@${one.username}　${[one.name, one.role_name, one.unit].filter(Boolean).join(" · ")}`;
        line.addEventListener("mousedown", (event) => {
          event.preventDefault();
          callee(one);
        });
        return line;
      }),
    );
  }

  function leaveCallees() {
    callees.remove();
    box = null;
  }

  function callee(one) {
    const field = box;
    field.setRangeText(`${one.username} `, begun, field.selectionStart, "end");
    leaveCallees();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  }

  document.addEventListener("input", (event) => {
    const colleagues = event.target.dataset?.colleagues;
    if (!colleagues) return;
    const before = event.target.value.slice(0, event.target.selectionStart);
    const typed = before.match(/(?:^|[^A-Za-z0-9._%+-])@([^\s@]*)$/)?.[1];
    const fits = (one) => one.username.startsWith(typed) || one.name.includes(typed);
    fitting = typed === undefined ? [] : JSON.parse(colleagues).filter(fits).slice(0, 8);
    if (!fitting.length) return leaveCallees();
    box = event.target;
    begun = before.length - typed.length;
    chosen = 0;
    paintCallees();
    box.closest(".q-field").after(callees);
  });

  document.addEventListener("focusout", (event) => {
    if (event.target === box) leaveCallees();
  });

  document.addEventListener(
    "keydown",
    (event) => {
      if (!box || event.isComposing) return;
      const steps = { ArrowDown: 1, ArrowUp: -1 };
      if (event.key in steps) chosen = (chosen + steps[event.key] + fitting.length) % fitting.length;
      else if (event.key === "Enter" || event.key === "Tab") callee(fitting[chosen]);
      else if (event.key === "Escape") leaveCallees();
      else return;
      event.preventDefault();
      event.stopPropagation();
      if (box) paintCallees();
    },
    true,
  );

  // A new version of the same rows must not lose the mark.
  let queued = false;
  new MutationObserver(() => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => {
      queued = false;
      paint();
    });
  }).observe(document.body, { childList: true, subtree: true });

  // Whoever types or reads is here, though nothing is sent: one sign a minute.
  let last = 0;
  for (const kind of ["keydown", "pointerdown", "wheel", "touchstart"]) {
    document.addEventListener(
      kind,
      () => {
        if (Date.now() - last < 60000 || typeof emitEvent !== "function") return;
        last = Date.now();
        emitEvent("staff-active");
      },
      { passive: true, capture: true },
    );
  }

  const title = document.title;
  window.consoleAlarm = (number) => {
    document.title = number ? `【${number} 件紧急】${title}` : title;
  };

  // Back to the list as it was left: same tab, filters and page.
  window.consoleList = () => sessionStorage.getItem("console-list") || "/console/";
  const remember = () => {
    if (location.pathname === "/console/") sessionStorage.setItem("console-list", location.pathname + location.search);
  };
  addEventListener("pagehide", remember);
})();

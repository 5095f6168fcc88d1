// Forms with photos on a phone: shots collected one by one, words kept while the camera is open, place by a button.
(() => {
  "use strict";
  const MOST = 6;
  const shots = new WeakMap();
  const kept = (form) => `form:${form.dataset.send}`;
  const formOf = (event) => event.target.closest("form[data-send]");
  const say = (form, words, bad = false) => {
    const line = form.querySelector(".said");
    line.textContent = words;
    line.classList.toggle("bad", bad);
  };

  function show(form) {
    const list = form.querySelector(".shots");
    for (const image of list.querySelectorAll("img")) URL.revokeObjectURL(image.src);
    list.replaceChildren(
      ...(shots.get(form) || []).map((file, number) => {
        const button = document.createElement("button");
        const image = document.createElement("img");
        button.type = "button";
        button.setAttribute("aria-label", `删掉照片 ${number + 1}`);
        image.src = URL.createObjectURL(file);
        image.alt = "";
        const mark = document.createElement("span");
        mark.textContent = "×";
        button.append(image, mark);
        button.addEventListener("click", () => {
          shots.get(form).splice(number, 1);
          show(form);
        });
        return button;
      }),
    );
  }

  function keep(form) {
    const words = Object.fromEntries([...new FormData(form)].filter(([name, value]) => name !== "photo" && value));
    sessionStorage.setItem(kept(form), JSON.stringify(words));
  }

  // Words come back when the phone has thrown the page away meanwhile; with them the key, so that nothing is filed twice.
  window.restoreForms = () => {
    for (const form of document.querySelectorAll("form[data-send]")) {
      const words = JSON.parse(sessionStorage.getItem(kept(form)) || "{}");
      for (const [name, value] of Object.entries(words)) {
        const field = form.elements[name];
        if (field && (!field.value || name === "key")) field.value = value;
      }
    }
  };

  document.addEventListener("input", (event) => {
    const form = formOf(event);
    if (form && event.target.type !== "file") keep(form);
  });

  document.addEventListener("change", (event) => {
    const form = formOf(event);
    if (!form || event.target.type !== "file") return;
    const most = Number(form.dataset.photos || MOST);
    const all = [...(shots.get(form) || []), ...event.target.files];
    event.target.value = "";
    shots.set(form, all.slice(0, most));
    say(form, all.length > most ? `最多 ${most} 张照片` : "", all.length > most);
    show(form);
  });

  document.addEventListener("submit", async (event) => {
    const form = formOf(event);
    if (!form) return;
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    if (button.disabled) return;
    button.disabled = true;
    say(form, "正在提交……");
    const body = new FormData(form);
    body.delete("photo");
    for (const file of shots.get(form) || []) body.append("photo", file);
    try {
      const answer = await fetch(form.dataset.send, { method: "POST", body });
      if (answer.redirected) {
        keep(form);
        say(form, "登录过期了，请重新登录，写好的字还在", true);
        location.reload();
        return;
      }
      // A proxy that finds it too large answers in its own words.
      const told = await answer.json().catch(() => ({ detail: "没有交上去，照片可能太大，请少带几张再试" }));
      if (answer.ok) {
        sessionStorage.removeItem(kept(form));
        location.assign(told.go);
        return;
      }
      say(form, told.detail, true);
    } catch {
      keep(form);
      say(form, "网络不通，没有交上去。写好的字还在，请再按一次", true);
    }
    button.disabled = false;
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-locate]");
    if (!button) return;
    const form = button.closest("form");
    const { place, lat, lng, accuracy } = form.elements;
    if (!navigator.geolocation) {
      say(form, "这个浏览器不给定位，请直接写地点", true);
      return;
    }
    say(form, "正在定位……");
    navigator.geolocation.getCurrentPosition(
      async ({ coords }) => {
        const query = new URLSearchParams({ lat: coords.latitude, lng: coords.longitude, accuracy: coords.accuracy });
        const answer = await fetch(`/console/grid/where?${query}`).catch(() => null);
        if (!answer || answer.redirected) {
          say(form, "定位没有送到，请再按一次或直接写地点", true);
          return;
        }
        const told = await answer.json();
        if (!answer.ok) {
          say(form, told.detail, true);
          return;
        }
        [lat.value, lng.value, accuracy.value] = [coords.latitude, coords.longitude, coords.accuracy];
        if (!place.value) place.value = told.words;
        keep(form);
        say(form, `已定位：${told.words}（误差约 ${Math.round(coords.accuracy)} 米）`);
      },
      (error) => say(form, error.code === 1 ? "没有允许定位，请直接写地点" : "定位没有成功，请直接写地点", true),
      { enableHighAccuracy: true, timeout: 15000, maximumAge: 30000 },
    );
  });
})();

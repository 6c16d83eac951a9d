"""The page's script: filters, search, keys, and the state in the page's address."""

SCRIPT = """
"use strict";
(() => {
  const TEXT = "~";  // the search's name in the address: no facet has it
  const form = document.querySelector("#filters"), status = document.querySelector("#status");
  const bar = document.querySelector("#bar"), search = form.querySelector("input[type=search]");
  const selects = [...form.querySelectorAll("select")];
  const samples = [...document.querySelectorAll("article.sample")].map(element => ({
    element, facets: JSON.parse(element.dataset.facets), text: null, details: element.querySelector("details"),
  }));
  const chosen = select => select.selectedIndex > 0;  // a value may be empty
  const nothing = document.querySelector("#nothing");

  function apply() {
    const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
    const wanted = selects.filter(chosen).map(select => [select.name, select.value]);
    let shown = 0;
    for (const sample of samples) {
      let fits = wanted.every(([name, value]) => sample.facets[name] === value);
      if (fits && words.length) {
        sample.text ??= sample.element.textContent.toLowerCase();
        fits = words.every(word => sample.text.includes(word));
      }
      sample.element.hidden = !fits;
      shown += fits;
    }
    for (const select of selects) select.classList.toggle("set", chosen(select));
    status.textContent = `${shown.toLocaleString("en")} of ${samples.length.toLocaleString("en")} samples`;
    nothing.hidden = shown > 0;
    const state = new URLSearchParams(wanted);
    if (search.value) state.set(TEXT, search.value);
    history.replaceState(null, "", state.size ? `#?${state}` : location.pathname + location.search);
  }

  function restore() {
    if (!location.hash.startsWith("#?")) return;
    const state = new URLSearchParams(location.hash.slice(2));
    search.value = state.get(TEXT) ?? "";
    for (const select of selects) {
      const named = [...select.options].slice(1).map(option => option.value).indexOf(state.get(select.name));
      select.selectedIndex = named + 1;
    }
  }

  const visible = () => samples.filter(sample => !sample.element.hidden);
  function openAll(open) { for (const sample of visible()) sample.details.open = open; }
  function step(by) {
    const list = visible();
    const at = list.findIndex(sample => sample.element.contains(document.activeElement));
    const next = list[at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + by, 0), list.length - 1)];
    if (!next) return;
    next.details.querySelector("summary").focus();
    next.element.scrollIntoView({block: "nearest"});
  }

  let waiting = 0;
  search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, 120); });
  form.addEventListener("change", apply);
  form.addEventListener("submit", event => { event.preventDefault(); apply(); });
  form.addEventListener("reset", () => setTimeout(apply));
  document.querySelector("#open").addEventListener("click", () => openAll(true));
  document.querySelector("#close").addEventListener("click", () => openAll(false));
  window.addEventListener("hashchange", () => { restore(); apply(); });
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const action = {
      "/": () => { bar.open = true; search.focus(); },
      j: () => step(1), k: () => step(-1),
      e: () => openAll(true), c: () => openAll(false),
    }[event.key];
    if (action) { event.preventDefault(); action(); }
  });
  if (matchMedia("(max-width: 42rem)").matches) bar.open = false;
  bar.hidden = false;
  restore();
  apply();
})();
"""

// The queue of breaks by keyboard alone; everything it does, Tab and Enter do as well.
"use strict";
{
  const place = document.querySelector("[data-keys]"), page = place.dataset.keys;
  const dialog = place.querySelector("dialog"), choice = place.querySelector("[data-switch]");
  const hint = place.querySelector("[data-hint]");
  const kept = "console-keys";
  const links = () => [...document.querySelectorAll("[data-queue] tr th a")];
  const steps = () => [...document.querySelectorAll("details.decision > summary, .suggestion input:not([type=hidden])")];

  const show = () => { hint.hidden = !choice.checked; };
  try { choice.checked = localStorage.getItem(kept) !== "off"; } catch { /* not kept then */ }
  place.hidden = false;
  show();

  const step = (all, by) => {
    if (!all.length) return;
    const at = all.indexOf(document.activeElement);
    const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by));
    all[next].focus();
    all[next].scrollIntoView({ block: "nearest" });
  };

  const choose = () => {
    const row = document.activeElement.closest("tr");
    const box = row && row.querySelector("input[type=checkbox]");
    if (box) box.checked = !box.checked;
  };

  const doing = {
    queue: { j: () => step(links(), 1), k: () => step(links(), -1), x: choose },
    break: {
      d: () => {
        const all = steps();
        step(all, all.indexOf(document.activeElement) === all.length - 1 ? -all.length : 1);
      },
      n: () => document.getElementById("words")?.focus(),
      u: () => document.querySelector("[data-up]")?.click(),
    },
  }[page];

  const typing = (at) => at.matches("input:not([type=checkbox]), textarea, select") || at.isContentEditable;

  document.addEventListener("keydown", (press) => {
    if (press.key === "Escape" && typing(press.target)) press.target.blur();
    if (press.ctrlKey || press.altKey || press.metaKey || dialog.open || typing(press.target)) return;
    if (!choice.checked) return;
    const act = press.key === "?" ? () => dialog.showModal()
      : press.key === "/" ? () => document.getElementById("finder")?.focus()
      : doing[press.key];
    if (!act) return;
    press.preventDefault();
    act();
  });
  place.querySelector("[data-help]").addEventListener("click", () => dialog.showModal());
  choice.addEventListener("change", () => {
    try { localStorage.setItem(kept, choice.checked ? "on" : "off"); } catch { /* for this page only */ }
    show();
  });
}

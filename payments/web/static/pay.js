// Polls, counts, copies.
{
  const $ = (id) => document.getElementById(id), state = $("state"), data = state.dataset, ms = +data.every || 1000;
  const skew = Date.parse(data.now) - Date.now();
  const html = { createHTML: (t) => t };
  const safe = window.trustedTypes ? trustedTypes.createPolicy("pay", html) : html;
  let tag = data.tag, fails = 0, over, timer, asking;
  const count = () => {
    const left = state.querySelector("[data-until]");
    if (!left) return;
    const s = Math.max(0, Math.round((Date.parse(left.dataset.until) - Date.now() - skew) / 1000));
    left.textContent = left.dataset[s < 3600 ? "short" : "long"].replace("{s}", s % 60)
      .replace("{m}", Math.floor(s / 60) % 60).replace("{h}", Math.floor(s / 3600));
  };
  const show = (news) => {
    const was = $("headline").textContent, held = state.contains(document.activeElement);
    state.innerHTML = safe.createHTML(news.html);
    document.title = news.title;
    $("said").textContent = news.headline;
    over = news.final;
    count();
    if (held) $("main").focus({ preventScroll: true });
    if (was !== $("headline").textContent && !document.activeElement.matches("input")) scrollTo(0, 0);
  };
  const ask = async () => {
    clearTimeout(timer);
    if (asking) asking = asking.abort();
    if (document.hidden) return;
    const mine = asking = new AbortController();
    timer = setTimeout(() => mine.abort(), 6000);
    try {
      const got = await fetch(data.src, { cache: "no-store", headers: { "If-None-Match": tag }, signal: mine.signal });
      if (got.redirected) return location.reload();
      if (got.ok) {
        const news = await got.json();
        tag = got.headers.get("ETag");
        show(news);
      } else if (got.status !== 304) throw got;
      fails = 0;
    } catch (e) {
      if (mine !== asking) return;
      fails++;
    }
    clearTimeout(timer);
    $("offline").hidden = fails < 3;
    if (!over || fails) timer = setTimeout(ask, Math.min(ms * 2 ** Math.max(0, fails - 2), 30000));
  };
  state.onclick = async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch (e) {
      getSelection().selectAllChildren(button.previousElementSibling);
      document.execCommand("copy");
    }
    button.lastElementChild.textContent = $("said").textContent = button.dataset.done;
  };
  document.body.classList.add("js");
  document.onvisibilitychange = window.ononline = ask;
  setInterval(count, 1000);
  count();
  ask();
}

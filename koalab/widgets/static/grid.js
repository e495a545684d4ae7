// The live grid: boxed rows of fixed size, painted once a frame, and only those in view.
const ROW = 26, POINTS = 60, SPARK_EVERY = 250, FLASH = 400, RESORT_EVERY = 1000, SILENCE = 3000, ALIVE_EVERY = 10000;

const COLUMNS = {
  name: { title: "종목명", width: 130, text: true },
  price: { title: "현재가", width: 84, paint: (r) => number(r.price), colour: (r) => sign(r.change) },
  change: { title: "대비", width: 84, paint: (r) => arrow(r) + number(Math.abs(r.change)), colour: (r) => sign(r.change) },
  change_rate: { title: "등락률", width: 72, paint: (r) => rate(r.change_rate), colour: (r) => sign(r.change) },
  volume: { title: "거래량", width: 96, paint: (r) => number(r.volume) },
  trade_volume: { title: "체결량", width: 66, paint: (r) => number(Math.abs(r.trade_volume)), colour: (r) => sign(r.trade_volume) },
  ask: { title: "매도호가", width: 84, paint: (r) => quote(r.ask), colour: (r) => against(r, r.ask) },
  bid: { title: "매수호가", width: 84, paint: (r) => quote(r.bid), colour: (r) => against(r, r.bid) },
  spread: { title: "스프레드", width: 66, value: (r) => (r.ask && r.bid ? r.ask - r.bid : NaN), paint: (r) => (r.ask && r.bid ? number(r.ask - r.bid) : "–") },
  strength: { title: "체결강도", width: 70, paint: (r) => r.strength.toFixed(2), colour: (r) => sign(r.strength - 100) },
  trend: { title: "추이", width: 84, spark: true },
  time: { title: "시각", width: 70, paint: (r) => (r.time ? clock.format(r.time) : "") },
};

// Making a formatter is what costs, so each is made once.
const whole = new Intl.NumberFormat("ko-KR", { maximumFractionDigits: 2 });
const clock = new Intl.DateTimeFormat("ko-KR", { timeZone: "Asia/Seoul", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const number = (value) => whole.format(value);
const quote = (value) => (value ? number(value) : "–");
const sign = (value) => (value > 0 ? "up" : value < 0 ? "down" : "");
const against = (r, price) => (price ? sign(price - (r.price - r.change)) : "");
const rate = (value) => (value > 0 ? "+" : value < 0 ? "-" : "") + Math.abs(value).toFixed(2) + "%";
const arrow = (r) =>
  r.price && r.price === r.upper_limit ? "↑ " : r.price && r.price === r.lower_limit ? "↓ " : r.change > 0 ? "▲ " : r.change < 0 ? "▼ " : "";

function element(tag, className, parent, attributes = {}) {
  const made = document.createElement(tag);
  made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (parent) parent.append(made);
  return made;
}

// Dark is decided by the background itself: each notebook and editor has its theme.
function isDark(root) {
  const colour = getComputedStyle(root).backgroundColor.match(/[\d.]+/g) || [255, 255, 255];
  return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2] < 128;
}

function render({ model, el }) {
  const view = Math.random().toString(36).slice(2);
  const names = model.get("names"), codes = model.get("codes"), shown = model.get("columns");
  const rows = codes.map((code, index) => ({ index, code, name: names[index], price: 0, change: 0, change_rate: 0, volume: 0, trade_volume: 0,
    ask: 0, bid: 0, strength: 0, time: 0, upper_limit: 0, lower_limit: 0, points: [], spark: 0, flash: 0, dirty: true }));
  let order = rows.slice(), sorted = null, ascending = false, active = -1, column = 0, lastMessage = performance.now(), lastSort = 0;
  let frame = 0, allDirty = true, inside = false, seen = true, ended = false;

  const root = element("div", "koalab-live", el, { "data-lm-suppress-shortcuts": "true" });
  const grid = element("div", "koalab-grid", root, { role: "grid", tabindex: "0", "aria-label": model.get("label"), "aria-rowcount": rows.length + 1, "aria-colcount": shown.length });
  const width = shown.reduce((sum, name) => sum + COLUMNS[name].width, 0);
  const head = element("div", "koalab-head", grid, { role: "row", "aria-rowindex": 1 });
  head.style.width = `${width}px`;
  const titles = {};
  shown.forEach((name, at) => {
    const cell = element("div", `koalab-cell ${COLUMNS[name].text ? "text" : ""}`, head, { role: "columnheader", "aria-colindex": at + 1, "aria-sort": "none" });
    cell.style.width = `${COLUMNS[name].width}px`;
    cell.textContent = COLUMNS[name].title;
    if (!COLUMNS[name].spark) cell.addEventListener("click", () => sortBy(name));
    titles[name] = cell;
  });
  const body = element("div", "koalab-body", grid, { role: "rowgroup" });
  body.style.height = `${rows.length * ROW}px`;
  body.style.width = `${width}px`;
  for (const row of rows) {
    row.box = element("div", "koalab-row", body, { role: "row", id: `k${view}-${row.index}` });
    row.cells = {};
    shown.forEach((name, at) => {
      const cell = element("div", `koalab-cell ${COLUMNS[name].text ? "text" : ""}`, row.box, { role: "gridcell", "aria-colindex": at + 1, id: `k${view}-${row.index}-${at}` });
      cell.style.width = `${COLUMNS[name].width}px`;
      if (name === "name") { cell.textContent = row.name || row.code; cell.title = row.code; }
      if (COLUMNS[name].spark) {
        const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
        drawing.setAttribute("viewBox", "0 0 72 18"); drawing.setAttribute("aria-hidden", "true");
        row.line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
        drawing.append(row.line); cell.append(drawing);
      }
      row.cells[name] = cell;
    });
    row.box.addEventListener("click", () => { activate(order.indexOf(row), column); choose(row); });
  }
  const line = element("div", "koalab-state", root);
  const dot = element("span", "koalab-dot", line, { "aria-hidden": "true" });
  const words = element("span", "koalab-words", line);
  const polite = element("span", "koalab-hidden", line, { role: "status", "aria-live": "polite" });

  function sortBy(name) {
    if (sorted !== name) { sorted = name; ascending = name === "name"; }
    else if (ascending === (name === "name")) ascending = !ascending;
    else sorted = null;
    for (const [key, cell] of Object.entries(titles)) {
      cell.setAttribute("aria-sort", key === sorted ? (ascending ? "ascending" : "descending") : "none");
      cell.textContent = COLUMNS[key].title + (key === sorted ? (ascending ? " ▴" : " ▾") : "");
    }
    sort(true);
  }
  function sort(now) {
    // Never under the pointer or the focus: one would click the wrong row.
    if (!now && (!sorted || inside || root.contains(document.activeElement) || performance.now() - lastSort < RESORT_EVERY)) return;
    lastSort = performance.now();
    const value = sorted && (COLUMNS[sorted].value || ((r) => r[sorted]));
    const chosen = order[active];
    order = rows.slice();
    if (value) order.sort((a, b) => {
      const x = value(a), y = value(b);
      const by = typeof x === "string" ? x.localeCompare(y, "ko") : (Number.isNaN(x) ? -Infinity : x) - (Number.isNaN(y) ? -Infinity : y);
      return (ascending ? by : -by) || a.index - b.index;
    });
    if (chosen) active = order.indexOf(chosen);
    order.forEach((row, at) => { row.box.style.transform = `translateY(${at * ROW}px)`; row.box.setAttribute("aria-rowindex", at + 2); });
    allDirty = true;
    request();
  }
  function activate(at, to) {
    const before = order[active];
    if (before) { before.box.classList.remove("active"); before.cells[shown[column]].classList.remove("active"); }
    active = Math.max(0, Math.min(order.length - 1, at));
    column = Math.max(0, Math.min(shown.length - 1, to));
    const row = order[active];
    if (!row) return;
    row.box.classList.add("active");
    const cell = row.cells[shown[column]];
    cell.classList.add("active");
    cell.setAttribute("aria-label", `${row.name} ${COLUMNS[shown[column]].title} ${cell.textContent}`);
    grid.setAttribute("aria-activedescendant", cell.id);
    const top = active * ROW, height = grid.clientHeight - ROW;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + ROW > grid.scrollTop + height) grid.scrollTop = top + ROW - height;
  }
  function choose(row) {
    for (const one of rows) one.box.setAttribute("aria-selected", one === row ? "true" : "false");
    model.set("selected", row.code);
    model.save_changes();
  }
  grid.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(grid.clientHeight / ROW) - 2);
    const moves = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], PageDown: [page, 0], PageUp: [-page, 0] };
    if (moves[event.key]) activate(active + moves[event.key][0], column + moves[event.key][1]);
    else if (event.key === "Home") activate(event.ctrlKey ? 0 : active, 0);
    else if (event.key === "End") activate(event.ctrlKey ? order.length - 1 : active, shown.length - 1);
    else if (event.key === "Enter" && order[active]) choose(order[active]);
    else if (event.key === "c" && (event.ctrlKey || event.metaKey) && order[active] && !String(getSelection()))
      navigator.clipboard?.writeText(shown.map((name) => order[active].cells[name].textContent).join("\t"));
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  grid.addEventListener("focus", () => { if (active < 0) activate(0, 0); });
  root.addEventListener("pointerenter", () => { inside = true; });
  root.addEventListener("pointerleave", () => { inside = false; });
  grid.addEventListener("scroll", () => { allDirty = true; request(); }, { passive: true });

  function request() {
    if (!frame && seen) frame = requestAnimationFrame(paint);
  }
  function paint() {
    frame = 0;
    const first = Math.floor(grid.scrollTop / ROW) - 1, last = first + Math.ceil(grid.clientHeight / ROW) + 2;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (let at = Math.max(0, first); at <= last && at < order.length; at++) {
      const row = order[at];
      if (!row.dirty && !allDirty) continue;
      row.dirty = false;
      for (const name of shown) {
        const kind = COLUMNS[name], cell = row.cells[name];
        if (kind.text) continue;
        if (kind.spark) { draw(row); continue; }
        const text = kind.paint(row), colour = kind.colour ? kind.colour(row) : "";
        if (cell.textContent !== text) cell.textContent = text;
        if (cell.dataset.way !== colour) cell.dataset.way = colour;
      }
      if (row.flash && !still && row.cells.price) {
        const tint = getComputedStyle(root).getPropertyValue(row.flash > 0 ? "--koalab-flash-up" : "--koalab-flash-down");
        row.cells.price.animate([{ backgroundColor: tint }, { backgroundColor: "transparent" }], FLASH);
      }
      row.flash = 0;
    }
    allDirty = false;
    sort(false);
  }
  function draw(row) {
    const points = row.points;
    if (points.length < 2) return;
    const low = Math.min(...points), high = Math.max(...points), span = high - low || 1;
    row.line.setAttribute("points", points.map((value, at) => `${((at * 72) / (POINTS - 1)).toFixed(1)},${(16 - ((value - low) / span) * 14).toFixed(1)}`).join(" "));
    row.line.parentNode.dataset.way = sign(row.change);
  }
  function take(message, buffers) {
    const copy = (buffer) => buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength); // alignment is not guaranteed
    const numbers = new Uint16Array(copy(buffers[0]));
    const columns = message.f.map((name, at) => [name, new Float64Array(copy(buffers[at + 1]))]);
    const now = performance.now();
    for (let at = 0; at < numbers.length; at++) {
      const row = rows[numbers[at]], before = row.price, traded = row.volume;
      for (const [name, values] of columns) row[name] = values[at];
      if (message.k === "d" && before && row.price !== before) row.flash = row.price - before;
      if (message.k === "d" && row.volume !== traded && now - row.spark > SPARK_EVERY) {
        row.spark = now;
        row.points.push(row.price);
        if (row.points.length > POINTS) row.points.shift();
      }
      row.dirty = true;
    }
    request();
  }
  function say(state, text) {
    if (root.dataset.state !== state) { root.dataset.state = state; polite.textContent = text; }
    if (words.textContent !== text) words.textContent = text;
  }
  const onMessage = (message, buffers) => {
    lastMessage = performance.now();
    if (message.f) take(message, buffers);
    if (message.say) say(message.state, message.say);
    ended = message.state === "closed";
  };
  model.on("msg:custom", onMessage);

  const theme = () => { root.dataset.dark = isDark(root) ? "yes" : "no"; };
  const watcher = new MutationObserver(theme);
  watcher.observe(document.body, { attributes: true });
  const visible = new IntersectionObserver((entries) => { seen = entries[entries.length - 1].isIntersecting; theme(); if (seen) { allDirty = true; request(); } });
  visible.observe(root);
  const onHidden = () => model.send({ hidden: document.hidden, view });
  document.addEventListener("visibilitychange", onHidden);
  const alive = setInterval(() => model.send({ alive: view }), ALIVE_EVERY);
  // A kernel that died says nothing: the page judges by its own clock.
  const silence = setInterval(() => {
    theme(); // a theme's style may load after its attribute has changed
    if (!ended && !document.hidden && performance.now() - lastMessage > SILENCE) say("lost", "끊김 — 커널이 응답하지 않습니다. 셀을 다시 실행하세요");
  }, 1000);
  theme();
  sort(true);
  say("connecting", `연결 중… ${rows.length}종목`);
  model.send({ hello: view });
  return () => {
    clearInterval(alive); clearInterval(silence); watcher.disconnect(); visible.disconnect();
    document.removeEventListener("visibilitychange", onHidden);
    model.off("msg:custom", onMessage);
    if (frame) cancelAnimationFrame(frame);
    model.send({ gone: view });
  };
}
export default { render };

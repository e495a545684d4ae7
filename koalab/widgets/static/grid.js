// The live grid: boxed rows of fixed size, painted once a frame, and only those in view: the page lays out and draws no others.
const ROW = 26, POINTS = 60, FEWEST = 12, SPARK_EVERY = 250, FLASH = 400, EARLY = 50, RESORT_EVERY = 1000;

const COLUMNS = {
  name: { title: "종목명", width: 122, text: true },
  price: { title: "현재가", width: 78, paint: (r) => number(r.price), colour: (r) => sign(r.change) },
  change: { title: "대비", width: 80, paint: (r) => arrow(r) + number(Math.abs(r.change)), colour: (r) => sign(r.change) },
  change_rate: { title: "등락률", width: 68, paint: (r) => rate(r.change_rate), colour: (r) => sign(r.change) },
  volume: { title: "거래량", width: 88, paint: (r) => number(r.volume) },
  trade_volume: { title: "체결량", width: 60, paint: (r) => number(Math.abs(r.trade_volume)), colour: (r) => sign(r.trade_volume) },
  ask: { title: "매도호가", width: 76, paint: (r) => quote(r.ask), colour: (r) => against(r, r.ask) },
  bid: { title: "매수호가", width: 76, paint: (r) => quote(r.bid), colour: (r) => against(r, r.bid) },
  spread: { title: "스프레드", width: 62, value: (r) => (r.ask && r.bid ? r.ask - r.bid : NaN), paint: (r) => (r.ask && r.bid ? number(r.ask - r.bid) : "–") },
  strength: { title: "체결강도", width: 68, paint: (r) => r.strength.toFixed(2), colour: (r) => sign(r.strength - 100) },
  trend: { title: "추이", width: 82, spark: true },
  time: { title: "시각", width: 78, paint: (r) => (r.time ? clock.format(r.time) : "") },
};

const KINDS = { i: Int32Array, f: Float32Array, d: Float64Array };
const against = (r, price) => (price ? sign(price - (r.price - r.change)) : "");

function render({ model, el }) {
  const names = model.get("names"), codes = model.get("codes"), shown = model.get("columns");
  const rows = codes.map((code, index) => ({ index, code, name: names[index], price: 0, change: 0, change_rate: 0, volume: 0, trade_volume: 0,
    ask: 0, bid: 0, strength: 0, time: 0, upper_limit: 0, lower_limit: 0, points: [], spark: 0, flash: 0, lit: 0, dirty: true }));
  let order = rows.slice(), sorted = null, ascending = false, active = -1, column = 0, lastSort = 0;
  const flashing = new Set();
  let drawn = new Set(), fading = 0, allDirty = true, inside = false, current = null;

  const view = liveView(model, el, { take, paint }), root = view.root, request = view.request;
  const grid = element("div", "koalab-grid", root, { role: "grid", tabindex: "0", "aria-label": model.get("label"), "aria-rowcount": rows.length + 1, "aria-colcount": shown.length });
  const width = shown.reduce((sum, name) => sum + COLUMNS[name].width, 0);
  const head = element("div", "koalab-head", grid, { role: "row", "aria-rowindex": 1 });
  head.style.width = `${width}px`;
  const titles = {};
  shown.forEach((name, at) => {
    const cell = element("div", `koalab-cell ${COLUMNS[name].text ? "text" : ""}`, head, { role: "columnheader", id: `k${view.id}-h-${at}`, "aria-colindex": at + 1, "aria-sort": "none" });
    cell.style.width = `${COLUMNS[name].width}px`;
    cell.textContent = COLUMNS[name].title;
    cell.addEventListener("click", () => sortBy(name));
    titles[name] = cell;
  });
  const body = element("div", "koalab-body", grid, { role: "rowgroup" });
  body.style.height = `${rows.length * ROW}px`;
  body.style.width = `${width}px`;
  for (const row of rows) {
    row.box = element("div", "koalab-row", body, { role: "row", id: `k${view.id}-${row.index}`, hidden: "" });
    row.cells = {};
    shown.forEach((name, at) => {
      const cell = element("div", `koalab-cell ${COLUMNS[name].text ? "text" : name === "price" ? "strong" : ""}`, row.box, { role: "gridcell", "aria-colindex": at + 1, id: `k${view.id}-${row.index}-${at}` });
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

  function sortBy(name) {
    if (COLUMNS[name].spark) return;
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
  // The cell that the keyboard is on; row -1 is that of the titles.
  function activate(at, to) {
    current?.classList.remove("active");
    order[active]?.box.classList.remove("active");
    active = Math.max(-1, Math.min(order.length - 1, at));
    column = Math.max(0, Math.min(shown.length - 1, to));
    const row = order[active], name = shown[column];
    current = row ? row.cells[name] : titles[name];
    current.classList.add("active");
    if (row) {
      row.box.classList.add("active");
      current.setAttribute("aria-label", `${row.name} ${COLUMNS[name].title} ${current.textContent}`);
    }
    grid.setAttribute("aria-activedescendant", current.id);
    const top = active * ROW, height = grid.clientHeight - ROW;
    if (top < grid.scrollTop) grid.scrollTop = Math.max(0, top);
    else if (top + ROW > grid.scrollTop + height) grid.scrollTop = top + ROW - height;
  }
  function choose(row) {
    if (model.get("selected") === row.code) model.send({ again: true }); // a value that does not change is not sent
    model.set("selected", row.code);
    model.save_changes();
  }
  function mark() {
    for (const one of rows) one.box.setAttribute("aria-selected", one.code === model.get("selected") ? "true" : "false");
  }
  grid.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(grid.clientHeight / ROW) - 2);
    const moves = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], PageDown: [page, 0], PageUp: [-page, 0] };
    if (moves[event.key]) activate(active + moves[event.key][0], column + moves[event.key][1]);
    else if (event.key === "Home") activate(event.ctrlKey ? 0 : active, 0);
    else if (event.key === "End") activate(event.ctrlKey ? order.length - 1 : active, shown.length - 1);
    else if (event.key === "Enter" && current) order[active] ? choose(order[active]) : sortBy(shown[column]);
    else if (event.key === "c" && (event.ctrlKey || event.metaKey) && order[active] && !String(getSelection()))
      navigator.clipboard?.writeText(shown.map((name) => order[active].cells[name].textContent).join("\t"));
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  grid.addEventListener("focus", () => { if (!current) activate(0, 0); });
  root.addEventListener("pointerenter", () => { inside = true; });
  root.addEventListener("pointerleave", () => { inside = false; });
  grid.addEventListener("scroll", () => { allDirty = true; request(); }, { passive: true });

  function paint() {
    const first = Math.floor(grid.scrollTop / ROW) - 1, last = first + Math.ceil(grid.clientHeight / ROW) + 2;
    const still = isStill();
    const here = new Set(order.slice(Math.max(0, first), last + 1));
    for (const row of drawn) if (!here.has(row)) row.box.hidden = true;
    for (const row of here) if (!drawn.has(row)) row.box.hidden = false;
    drawn = here;
    for (const row of here) {
      if (!row.dirty && !allDirty) continue;
      row.dirty = false;
      for (const name of shown) {
        const kind = COLUMNS[name], cell = row.cells[name];
        if (kind.text) continue;
        if (kind.spark) { draw(row); continue; }
        const text = kind.paint(row), colour = kind.colour ? kind.colour(row) : "";
        setText(cell, text);
        setWay(cell, colour);
      }
      if (row.flash && !still && row.cells.price) { row.cells.price.dataset.flash = sign(row.flash); row.lit = performance.now(); flashing.add(row); }
      row.flash = 0;
    }
    fade();
    allDirty = false;
    sort(false);
  }
  // In two steps, with the messages that come anyway: an animation draws the page sixty times a second while prices change.
  function fade() {
    for (const row of flashing) {
      const price = row.cells.price, age = performance.now() - row.lit + EARLY;
      price.toggleAttribute("data-faded", age > FLASH / 2);
      if (age > FLASH) { delete price.dataset.flash; flashing.delete(row); }
    }
    clearTimeout(fading);
    if (flashing.size) fading = setTimeout(request, FLASH / 2);
  }
  function draw(row) {
    const points = row.points;
    if (points.length < 2) return;
    const low = Math.min(...points), high = Math.max(...points), span = high - low;
    row.line.setAttribute("points", points.map((value, at) => `${((at * 72) / (Math.max(points.length, FEWEST) - 1)).toFixed(1)},${(span ? 16 - ((value - low) / span) * 14 : 9).toFixed(1)}`).join(" "));
    row.line.parentNode.dataset.way = sign(row.change);
  }
  function take(message, buffers) {
    if (!message.f) return;
    const numbers = numbersOf(buffers[0], Uint16Array);
    const columns = message.f.slice(1).map((name, at) => [name, numbersOf(buffers[at + 1], KINDS[message.t[at]])]);
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
  sort(true);
  model.on("change:selected", mark);
  mark();
  const end = view.start(`연결 중… ${rows.length}종목`);
  return () => { clearTimeout(fading); model.off("change:selected", mark); end(); };
}
export default { render };

// The order book: ten asks above, ten bids below, in twenty rows of fixed size.
const LEVELS = 10, SLOTS = 2 * LEVELS, MIDDLE = 9, MOST_SHIFTED = 3;
const QUOTE = ["price", "change", "change_rate", "base", "upper_limit", "lower_limit", "open", "high", "low", "volume", "strength"];
const FACTS = [["상", "upper_limit"], ["하", "lower_limit"], ["시", "open"], ["고", "high"], ["저", "low"]];

function render({ model, el }) {
  let book = null, shift = 0, anchor = 0, active = -1, prices = [], inside = false;
  const view = liveView(model, el, { take, paint, shown: () => view.request() });
  view.root.classList.add("koalab-narrow");
  const head = element("div", "koalab-ladder-head", view.root);
  const title = element("b", "", head), last = element("b", "", head), expected = element("span", "koalab-expected", head);
  const grid = element("div", "koalab-ladder", view.root, { role: "grid", tabindex: "0", "aria-rowcount": SLOTS + 1, "aria-colcount": 4 });
  const titles = element("div", "koalab-hidden", grid, { role: "row", "aria-rowindex": 1 });
  for (const text of ["매도잔량", "호가", "등락률", "매수잔량"]) element("span", "", titles, { role: "columnheader" }).textContent = text;
  const slots = Array.from({ length: SLOTS }, (_, at) => {
    const box = element("div", "koalab-level", grid, { role: "row", id: `k${view.id}-${at}`, "aria-rowindex": at + 2 });
    const cell = (kind) => element("div", `koalab-cell ${kind}`, box, { role: "gridcell" });
    const left = cell("left"), price = cell("price"), change = cell("rate"), right = cell("right");
    const bar = (parent) => element("span", "koalab-bar", parent, { "aria-hidden": "true" });
    const text = (parent) => element("span", "koalab-text", parent);
    const slot = { box, price, change, left: { cell: left, bar: bar(left), text: text(left) }, right: { cell: right, bar: bar(right), text: text(right) } };
    box.addEventListener("click", () => { activate(at); choose(at); });
    return slot;
  });
  const foot = element("div", "koalab-level koalab-totals", view.root, { role: "group", "aria-label": "총잔량" });
  const totals = ["", "price", "rate", ""].map((kind) => element("div", `koalab-cell ${kind}`, foot));
  totals[1].textContent = "총잔량";

  function rename() {
    const name = model.get("name");
    title.textContent = `${name} ${model.get("code")}`;
    grid.setAttribute("aria-label", `${name} 호가`);
    book = null;
    anchor = 0;
    mark();
  }
  // The mark stands at the chosen price, wherever that moves.
  function mark() {
    const chosen = model.get("selected_price");
    slots.forEach((slot, at) => {
      const is = book && chosen > 0 && prices[at] === chosen ? "true" : "false";
      if (slot.box.getAttribute("aria-selected") !== is) slot.box.setAttribute("aria-selected", is);
    });
  }
  function take(message, buffers) {
    if (!message.f) return;
    book = Object.fromEntries(message.f.map((key, at) => [key, numbersOf(buffers[at], Float64Array)]));
    view.request();
  }
  // The rows keep their prices while the market moves a little under the pointer or the focus: one that is about to be
  // clicked does not run away. Otherwise all levels are in sight.
  function place(levels) {
    const still = inside || grid.contains(document.activeElement);
    const at = levels.findIndex((level) => level.price === anchor);
    shift = at < 0 ? 0 : at - MIDDLE;
    if (!still || at < 0 || Math.abs(shift) > MOST_SHIFTED) { shift = 0; anchor = levels[MIDDLE].price || levels[MIDDLE + 1].price; }
  }
  function bars(side, volume, most) {
    setText(side.text, volume ? number(volume) : "");
    const width = volume && most ? `${Math.max(1, Math.round((volume / most) * 100))}%` : "0";
    if (side.bar.style.width !== width) side.bar.style.width = width;
  }
  function paint() {
    if (!book) return;
    const q = Object.fromEntries(QUOTE.map((key, at) => [key, book.quote[at]]));
    if (q.price) q.base = q.price - q.change; // yesterday's close, as the broker's own change has it
    const against = (price) => (price && q.base ? sign(price - q.base) : "");
    const levels = [];
    for (let at = LEVELS - 1; at >= 0; at--) levels.push({ side: "ask", price: book.ask_prices[at], volume: book.ask_volumes[at] });
    for (let at = 0; at < LEVELS; at++) levels.push({ side: "bid", price: book.bid_prices[at], volume: book.bid_volumes[at] });
    place(levels);
    const most = Math.max(...book.ask_volumes, ...book.bid_volumes);
    prices = [];
    slots.forEach((slot, at) => {
      const level = levels[at + shift] || { side: "", price: 0, volume: 0 }, price = level.price;
      prices.push(price);
      const side = price ? level.side : "";
      if (slot.box.dataset.side !== side) slot.box.dataset.side = side;
      setText(slot.price, price ? number(price) : "");
      setText(slot.change, price && q.base ? rate((price / q.base - 1) * 100) : "");
      setWay(slot.price, against(price)); setWay(slot.change, against(price));
      slot.price.classList.toggle("last", price > 0 && price === q.price);
      bars(slot.left, side === "ask" ? level.volume : 0, most);
      bars(slot.right, side === "bid" ? level.volume : 0, most);
      setWay(slot.left.text, "");
      setText(slot.left.text, side === "ask" ? number(level.volume) : fill(at + shift - LEVELS, slot.left.text));
      if (side !== "bid") fact(at, slot.right.text, q);
    });
    mark();
    setText(last, `${number(q.price)} ${arrow(q)}${number(Math.abs(q.change))} ${rate(q.change_rate)}`);
    setWay(last, sign(q.change));
    const [ask, bid, price, volume] = book.totals;
    setText(expected, price ? `예상 ${number(price)} · ${number(volume)}주` : "");
    setText(totals[0], number(ask)); setText(totals[3], number(bid));
    setText(totals[2], `${bid > ask ? "+" : ""}${number(bid - ask)}`); setWay(totals[2], sign(bid - ask));
  }
  // The last trades stand where no ask does: red bought, blue sold.
  function fill(at, text) {
    const volume = at >= 0 ? book.fills[2 * at + 1] : 0;
    if (volume) setWay(text, sign(volume));
    return volume ? number(Math.abs(volume)) : "";
  }
  function fact(at, text, q) {
    const [word, key] = FACTS[at] || ["", ""];
    setText(text, word && q[key] ? `${word} ${number(q[key])}` : "");
  }
  function activate(at) {
    slots[active]?.box.classList.remove("active");
    active = Math.max(0, Math.min(SLOTS - 1, at));
    const { box, price, change } = slots[active];
    box.classList.add("active");
    box.setAttribute("aria-label", `${prices[active] ? `${box.dataset.side === "ask" ? "매도" : "매수"} ${price.textContent} ${change.textContent}` : "빈 호가"}`);
    grid.setAttribute("aria-activedescendant", box.id);
  }
  function choose(at) {
    if (!prices[at]) return;
    if (model.get("selected_price") === prices[at]) model.send({ again: true }); // a value that does not change is not sent
    model.set("selected_price", prices[at]);
    model.save_changes();
  }
  grid.addEventListener("keydown", (event) => {
    const moves = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + 5, PageUp: active - 5, Home: 0, End: SLOTS - 1 };
    if (event.key in moves) activate(moves[event.key]);
    else if (event.key === "Enter" && active >= 0) choose(active);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  for (const [event, is] of [["pointerenter", true], ["pointerleave", false]])
    grid.addEventListener(event, () => { inside = is; view.request(); });
  grid.addEventListener("focus", () => { if (active < 0) activate(MIDDLE + 1); });
  model.on("change:code", rename);
  model.on("change:selected_price", mark);
  rename();
  const end = view.start(`연결 중… ${model.get("name")}`);
  return () => { model.off("change:code", rename); model.off("change:selected_price", mark); end(); };
}
export default { render };

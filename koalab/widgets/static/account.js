// An account: deposit, positions with their live profit, open orders with a button to cancel.
const ASK_FOR = 10000;
const money = (value) => `${number(value)}원`;
const signed = (value) => (value > 0 ? "+" : "") + number(value);
const POSITIONS = [
  ["종목명", (r) => r.name], ["보유", (r) => number(r.quantity)], ["매도가능", (r) => number(r.sellable)], ["평균단가", (r) => number(Math.round(r.average))],
  ["현재가", (r) => number(r.price), (r) => sign(r.price - r.average)], ["평가금액", (r) => number(r.value)],
  ["평가손익", (r) => signed(r.profit), (r) => sign(r.profit)], ["수익률", (r) => rate(r.rate), (r) => sign(r.profit)],
];
const ORDERS = [
  ["종목명", (r) => r.name], ["주문번호", (r) => r.number], ["구분", (r) => r.side, (r) => (r.side === "매수" ? "up" : "down")], ["거래구분", (r) => r.type],
  ["미체결", (r) => `${number(r.left)}/${number(r.quantity)}`], ["주문가", (r) => (r.limit ? number(r.limit) : "시장가")], ["상태", (r) => r.status], ["시각", (r) => r.time],
];

function render({ model, el }) {
  let values = null;
  const view = liveView(model, el, { take, paint });
  const head = element("div", "koalab-sums", view.root, { role: "group", "aria-label": model.get("label") });
  const sums = ["예수금", "주문가능", "평가금액", "평가손익"].map((title) => {
    const one = element("span", "", head);
    element("span", "koalab-dim", one).textContent = `${title} `;
    return element("b", "", one);
  });
  // Wider than its place at times: scrolled within, by keyboard too.
  const tables = element("div", "koalab-tables", view.root, { role: "region", tabindex: "0", "aria-label": "보유 종목과 미체결 주문" });
  const positions = table("보유 종목", POSITIONS, false), orders = table("미체결 주문", ORDERS, true);
  const notice = element("div", "koalab-notice", view.root, { role: "status", "aria-live": "polite" });

  function table(title, columns, cancels) {
    const made = element("table", "koalab-table", tables), caption = element("caption", "", made);
    const row = element("tr", "", element("thead", "", made));
    for (const [text] of columns) element("th", "", row, { scope: "col" }).textContent = text;
    if (cancels) element("th", "koalab-act", row, { scope: "col" }).textContent = "취소";
    return { title, caption, columns, cancels, body: element("tbody", "", made), rows: new Map() };
  }
  function take(message) {
    if (message.positions) values = message;
    view.request(); // a change of the state alone changes the buttons
  }
  function fill(into, list, keyOf) {
    setText(into.caption, `${into.title} ${list.length ? list.length : "없음"}`);
    const kept = new Set(list.map(keyOf));
    for (const [key, row] of into.rows) if (!kept.has(key)) { row.box.remove(); into.rows.delete(key); }
    for (const one of list) {
      const key = keyOf(one);
      let row = into.rows.get(key);
      if (!row) {
        const box = element("tr", "", into.body);
        row = { box, cells: into.columns.map(() => element("td", "", box)) };
        if (into.cancels) row.act = canceller(element("td", "koalab-act", box), one);
        into.rows.set(key, row);
      }
      into.columns.forEach(([, text, way], at) => { setText(row.cells[at], text(one)); setWay(row.cells[at], way ? way(one) : ""); });
      row.act?.(one);
    }
  }
  // What the kernel answers replaces this; one that is gone, or runs a long cell, does not answer now.
  function cancel(number) {
    const away = ["lost", "closed"].includes(view.root.dataset.state);
    values.notice = away ? `주문 ${number} 취소를 보내지 않았습니다: 연결이 없습니다` : `주문 ${number} 취소를 요청했습니다`;
    if (!away) model.send({ cancel: number });
    view.request();
  }
  // Never on one click: the button asks first, and stands on "no".
  function canceller(cell, order) {
    const button = element("button", "koalab-button", cell, { type: "button", "aria-label": `주문 ${order.number} ${order.name} ${order.side} 취소` });
    button.textContent = "취소";
    let question, timer;
    function back(focus) {
      clearTimeout(timer);
      question.remove();
      button.hidden = false;
      if (focus) button.focus();
    }
    button.addEventListener("click", () => {
      button.hidden = true;
      question = element("span", "koalab-question", cell, { role: "alertdialog", "aria-label": `주문 ${order.number} 취소할까요?` });
      element("span", "", question).textContent = "취소할까요?";
      const yes = element("button", "koalab-button koalab-yes", question, { type: "button" }), no = element("button", "koalab-button", question, { type: "button" });
      yes.textContent = "예"; no.textContent = "아니요";
      yes.addEventListener("click", () => { back(true); cancel(order.number); });
      no.addEventListener("click", () => back(true));
      question.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.stopPropagation(); back(true); } });
      timer = setTimeout(() => back(question.contains(document.activeElement)), ASK_FOR);
      no.focus();
    });
    return (now) => { button.disabled = now.cancelling || view.root.dataset.state === "closed"; };
  }
  function paint() {
    if (!values) return;
    const { deposit, total } = values, known = (name) => (deposit[name] === undefined ? "–" : money(deposit[name]));
    [known("deposit"), known("orderable"), money(total.value), `${signed(total.profit)}원${total.cost ? ` (${rate((total.value / total.cost - 1) * 100)})` : ""}`]
      .forEach((text, at) => setText(sums[at], text));
    setWay(sums[3], sign(total.profit));
    fill(positions, values.positions, (one) => one.code);
    fill(orders, values.orders, (one) => one.number);
    setText(notice, values.notice);
  }
  return view.start(`연결 중… ${model.get("label")}`);
}
export default { render };

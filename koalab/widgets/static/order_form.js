// An order in two steps: it is checked and shown with its cost, then sent. Never on one click.
function render({ model, el }) {
  let answer = {}, busy = false, shownToken = "";
  const view = liveView(model, el, { take, paint }), root = view.root;
  root.classList.add("koalab-form-box");
  const title = element("div", "koalab-form-title", root);
  const form = element("form", "koalab-form", root, { autocomplete: "off" });
  const sides = element("fieldset", "koalab-sides", form), legend = element("legend", "koalab-hidden", sides);
  legend.textContent = "매수 또는 매도";
  const radios = ["매수", "매도"].map((side) => {
    const label = element("label", "", sides), one = element("input", "", label, { type: "radio", name: `k${view.id}-side`, value: side });
    label.append(` ${side}`);
    setWay(label, side === "매수" ? "up" : "down");
    return one;
  });
  radios[0].checked = true;
  const field = (text, unit, least) => {
    const label = element("label", "koalab-field", form);
    element("span", "", label).textContent = text;
    const input = element("input", "", label, { type: "number", min: least, step: "1", inputmode: "numeric" });
    element("span", "koalab-dim", label).textContent = unit;
    return input;
  };
  const quantity = field("수량", "주", 1), price = field("가격", "원", 1);
  const marketLabel = element("label", "koalab-market", form), market = element("input", "", marketLabel, { type: "checkbox" });
  marketLabel.append(" 시장가");
  const check = element("button", "koalab-button koalab-check", form, { type: "submit" });
  check.textContent = "주문 확인";
  const question = element("div", "koalab-order-question", root, { role: "group", "aria-label": "주문 보내기" });
  const words = element("div", "", question), costs = element("div", "", question);
  const no = element("button", "koalab-button", question, { type: "button" }), yes = element("button", "koalab-button koalab-yes", question, { type: "button" });
  no.textContent = "고치기";
  const notice = element("div", "koalab-notice", root, { role: "status", "aria-live": "polite" });

  function rename() { title.textContent = `주문 ${model.get("name")} ${model.get("code")}${model.get("real") ? " · 실서버" : ""}`; root.classList.toggle("koalab-real", model.get("real")); }
  // Also empties the field for another issue, of which the price of the one before says nothing.
  function fill() {
    const given = model.get("price");
    if (given) { market.checked = false; price.disabled = false; price.value = given; }
    else price.value = "";
    edited();
  }
  // What was checked is not what stands here now.
  function edited() {
    price.disabled = market.checked;
    if (answer.token) model.send({ edited: true });
    answer = {};
    view.request();
  }
  function take(message) {
    if (message.k === "fill") fill();
    if (message.answer) { answer = message.answer; busy = message.busy; }
    view.request();
  }
  function paint() {
    const away = ["lost", "closed"].includes(root.dataset.state);
    check.disabled = busy || away;
    question.hidden = !answer.token;
    yes.disabled = busy || away;
    if (answer.token) {
      setText(words, answer.order); setText(costs, answer.costs); setText(yes, `${answer.side} 보내기`);
      setWay(words, answer.side === "매수" ? "up" : "down");
      if (shownToken !== answer.token) no.focus();
    }
    shownToken = answer.token || "";
    setText(notice, answer.error || answer.sent || (busy ? "브로커의 답을 기다리는 중" : ""));
  }
  form.addEventListener("input", edited);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (check.disabled) return;
    const side = radios.find((one) => one.checked).value;
    model.send({ check: { side, quantity: quantity.value ? Number(quantity.value) : null, price: market.checked ? null : Number(price.value) } });
  });
  yes.addEventListener("click", () => { model.send({ send: answer.token }); answer = {}; check.focus(); view.request(); });
  no.addEventListener("click", () => { edited(); quantity.focus(); });
  // A notebook's shortcuts are letters.
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && answer.token) { edited(); quantity.focus(); }
    event.stopPropagation();
  });
  function move() { rename(); fill(); }
  model.on("change:code", move);
  model.on("change:price", fill);
  move();
  const end = view.start(`연결 중… 주문`);
  paint();
  return () => { model.off("change:code", move); model.off("change:price", fill); end(); };
}
export default { render };

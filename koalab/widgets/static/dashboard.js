// The buttons above a dashboard: which parts are shown, and the chart's interval.
function render({ model, el }) {
  const root = element("div", "koalab-live koalab-fit", el, { "data-lm-suppress-shortcuts": "true" });
  const tools = element("div", "koalab-bar-tools", root, { role: "toolbar", "aria-label": "대시보드" });
  const buttons = Object.entries(model.get("titles")).map(([key, title]) => {
    const one = element("button", "koalab-button", tools, { type: "button" });
    one.textContent = title;
    one.addEventListener("click", () => {
      const shown = model.get("panels");
      model.set("panels", shown.includes(key) ? shown.filter((other) => other !== key) : [...shown, key]);
      model.save_changes();
    });
    return [key, one];
  });
  const label = element("label", "", tools);
  label.textContent = "봉 ";
  const select = element("select", "", label);
  for (const [value, title] of Object.entries(model.get("intervals"))) element("option", "", select, { value }).textContent = title;
  select.addEventListener("change", () => { model.set("interval", select.value); model.save_changes(); });
  const notice = element("span", "koalab-warning", tools, { role: "status" });
  function paint() {
    for (const [key, one] of buttons) one.setAttribute("aria-pressed", model.get("panels").includes(key) ? "true" : "false");
    select.value = model.get("interval");
    setText(notice, model.get("notice"));
  }
  const theme = () => { root.dataset.dark = isDark(root) ? "yes" : "no"; };
  const timer = setInterval(theme, 1000);
  theme();
  model.on("change", paint);
  paint();
  return () => { clearInterval(timer); model.off("change", paint); };
}
export default { render };

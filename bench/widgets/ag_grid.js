// AG Grid with the messages that the ticker gets, and what the ticker shows of them: rows by number, a column each.
const whole = new Intl.NumberFormat("ko-KR", { maximumFractionDigits: 2 });
const COLOURED = ["price", "change", "change_rate"];
function render({ model, el }) {
  const names = model.get("names"), columns = model.get("columns");
  el.style.height = "520px"; // 19 rows, as the ticker shows
  const colours = { "bench-up": (p) => p.data.change > 0, "bench-down": (p) => p.data.change < 0 };
  const style = document.createElement("style");
  style.textContent = ".bench-up { color: #c8102e } .bench-down { color: #0b4fc2 }";
  const cells = columns.map((field) => ({ field, width: 84, enableCellChangeFlash: field === "price", valueFormatter: (p) => whole.format(p.value),
    ...(COLOURED.includes(field) ? { cellClassRules: colours } : {}) }));
  const grid = window.agGrid.createGrid(el, { rowHeight: 26, headerHeight: 26, columnDefs: [{ field: "name", width: 122 }, ...cells], getRowId: (p) => String(p.data.id),
    rowData: names.map((name, id) => ({ id, name, ...Object.fromEntries(columns.map((one) => [one, 0])) })) });
  el.append(style);
  model.on("msg:custom", (message, buffers) => {
    const of = (at, Kind) => new Kind(buffers[at].buffer.slice(buffers[at].byteOffset, buffers[at].byteOffset + buffers[at].byteLength));
    const rows = of(0, Uint16Array), values = columns.map((_, at) => of(at + 1, Float64Array));
    grid.applyTransaction({ update: [...rows].map((id, at) => ({ id, name: names[id], ...Object.fromEntries(columns.map((one, which) => [one, values[which][at]])) })) });
  });
}
export default { render };

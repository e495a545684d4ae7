// Candlesticks that go on: lightweight-charts draws them, this keeps its bars, its colours and its words.
// `make js` builds koalab/widgets/static/chart.js from this and what all widgets share (common.js).
import { CandlestickSeries, HistogramSeries, LineSeries, createChart } from "lightweight-charts";

const FIELDS = ["time", "open", "high", "low", "close", "volume"], SHOWN_FIRST = 120, NEAR_FIRST = 10, TABLE_ROWS = 20, TABLE_EVERY = 5000, ASK_AGAIN = 5000;
const STEPS = [1000, 500, 100, 50, 10, 5, 1], MARKS = 40, STEPS_HIGH = 4, LABELS = ["#1450b8", "#5c5c5c", "#b4122c"];
const units = new Intl.NumberFormat("ko-KR", { notation: "compact", maximumFractionDigits: 1 });

const divisor = (a, b) => { while (b) [a, b] = [b, a % b]; return a; };

function render({ model, el }) {
  let dated = model.get("dated"), timed = model.get("timed"), fresh = true;
  const averages = model.get("averages"), withVolume = model.get("volume");
  let bars = empty(), changed = 0, all = true, hover = -1, older = false, asked = 0, listed = { length: -1, at: 0 }, colours = {}, styled = "", base = 0, drawn = 0, unit = 0, step = 1, single;
  const view = liveView(model, el, { take, paint, shown: () => view.request() }), root = view.root;
  root.classList.add("koalab-wide");
  const head = element("div", "koalab-chart-head", root), title = element("b", "", head), last = element("b", "", head);
  const facts = element("span", "koalab-facts", head, { "aria-hidden": "true" });
  const legend = averages.map((count, at) => { const one = element("span", "", facts); one.style.color = `var(--koalab-ma-${at + 1})`; one.dataset.count = count; return one; });
  const ohlc = element("span", "koalab-dim", facts);
  facts.prepend(ohlc);
  const box = element("div", "koalab-chart", root, { role: "group", tabindex: "0" });
  const picture = element("div", "koalab-picture", box, { role: "img" });
  const table = element("table", "koalab-hidden", root), caption = element("caption", "", table);
  const titles = element("tr", "", element("thead", "", table)), body = element("tbody", "", table);
  for (const text of ["시각", "시가", "고가", "저가", "종가", "거래량"]) element("th", "", titles, { scope: "col" }).textContent = text;
  const notice = element("span", "koalab-warning", head, { role: "status" });

  // The library knows UTC only: times are Seoul's, as if they were UTC.
  const moment = (time) => { const text = new Date(time * 1000).toISOString(); return dated ? text.slice(0, 10) : `${text.slice(5, 10)} ${text.slice(11, timed ? 19 : 16)}`; };
  const chart = createChart(picture, {
    autoSize: true,
    layout: { attributionLogo: false, fontFamily: "inherit", panes: { enableResize: true } }, // the link in the line of state is the attribution
    localization: { locale: "ko-KR", timeFormatter: moment },
    timeScale: { rightOffset: 4, minBarSpacing: 0.8, tickMarkFormatter: mark },
    handleScroll: { mouseWheel: false }, handleScale: { mouseWheel: false }, // a page is scrolled over it until it has the focus
    kineticScroll: { touch: !isStill(), mouse: false },
  });
  const candles = chart.addSeries(CandlestickSeries);
  const volumes = withVolume && chart.addSeries(HistogramSeries, { priceFormat: { type: "custom", formatter: (value) => units.format(value), minMove: 1 }, lastValueVisible: false, priceLineVisible: false }, 1);
  const lines = averages.map(() => chart.addSeries(LineSeries, { lineWidth: 1, lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false }));
  // A bar of one trade has one price: a line in steps shows them, candles would be dashes.
  const path = chart.addSeries(LineSeries, { lineType: 1, lineWidth: 2, crosshairMarkerVisible: false }), prices = [candles, path];
  if (volumes) { chart.panes()[0].setStretchFactor(3); chart.panes()[1].setStretchFactor(1); }
  rescale();
  rename();

  function empty() { return Object.fromEntries(FIELDS.map((key) => [key, []])); }
  function move() { bars = empty(); all = fresh = true; hover = -1; base = unit = 0; rename(); }
  function rename() {
    dated = model.get("dated");
    timed = model.get("timed");
    single = model.get("interval_label") === "1틱";
    chart.applyOptions({ timeScale: { timeVisible: !dated, secondsVisible: timed } });
    prices.forEach((one) => one.applyOptions({ visible: (one === path) === single }));
    title.textContent = `${model.get("name")} ${model.get("code")} ${model.get("interval_label")}`;
    box.setAttribute("aria-label", `${title.textContent} 차트: 화살표로 옮기고 더하기와 빼기로 넓힙니다`);
    caption.textContent = `${title.textContent} 마지막 ${TABLE_ROWS}개`;
  }
  // Of the kinds of marks, the last two are times; the others begin a day, a month or a year.
  function mark(time, kind) {
    const text = new Date(time * 1000).toISOString();
    return kind > 2 ? text.slice(11, timed ? 19 : 16) : kind > 1 ? text.slice(5, 10) : text.slice(0, kind ? 7 : 4);
  }
  // Where prices hardly move, one step is not the whole height.
  function autoscaleInfoProvider(original) {
    const found = original(), range = found?.priceRange, more = range && (STEPS_HIGH * step - range.maxValue + range.minValue) / 2;
    return more > 0 ? { ...found, priceRange: { minValue: range.minValue - more, maxValue: range.maxValue + more } } : found;
  }
  // The axis has prices that can be quoted only: the largest step that all prices so far are multiples of.
  function rescale() {
    const most = bars.close.length ? bars.close[bars.close.length - 1] / MARKS : 1;
    step = STEPS.find((one) => one === 1 || (unit % one === 0 && one <= most));
    const tickmarksFormatter = (marks) => marks.map((price) => (price % step ? "" : number(price)));
    prices.forEach((one) => one.applyOptions({ autoscaleInfoProvider, priceFormat: { type: "custom", formatter: number, tickmarksFormatter, minMove: step } }));
  }
  function recolour() {
    const style = getComputedStyle(root), of = (key) => style.getPropertyValue(`--koalab-${key}`).trim();
    colours = { up: of("up"), down: of("down"), volumeUp: of("bid-bar"), volumeDown: of("ask-bar") };
    const edge = { color: of("edge") };
    chart.applyOptions({
      layout: { background: { type: "solid", color: style.backgroundColor }, textColor: style.color, panes: { separatorColor: edge.color } },
      grid: { vertLines: edge, horzLines: edge }, timeScale: { borderColor: edge.color }, rightPriceScale: { borderColor: edge.color },
      crosshair: { vertLine: { color: of("dim"), labelBackgroundColor: "#4a4a4a" }, horzLine: { color: of("dim"), labelBackgroundColor: "#4a4a4a" } },
    });
    candles.applyOptions({ upColor: colours.up, downColor: colours.down, borderVisible: false, wickUpColor: colours.up, wickDownColor: colours.down });
    lines.forEach((line, at) => line.applyOptions({ color: of(`ma-${at + 1}`) }));
  }
  // A bar that closes where it opened goes by the close before it.
  const rises = (at) => bars.close[at] > bars.open[at] || (bars.close[at] === bars.open[at] && (!at || bars.close[at] >= bars.close[at - 1]));
  function candle(at) {
    const color = rises(at) ? colours.up : colours.down;
    return { time: bars.time[at], open: bars.open[at], high: bars.high[at], low: bars.low[at], close: bars.close[at], color, wickColor: color };
  }
  const stair = (at) => { const { time, close, color } = candle(at); return { time, value: close, color }; };
  const volume = (at) => ({ time: bars.time[at], value: bars.volume[at], color: rises(at) ? colours.volumeUp : colours.volumeDown });
  function average(at, count) {
    if (at + 1 < count) return null;
    let sum = 0;
    for (let one = at + 1 - count; one <= at; one++) sum += bars.close[one];
    return { time: bars.time[at], value: sum / count };
  }
  function averagesOf(count) {
    const found = [];
    let sum = 0;
    bars.close.forEach((close, at) => {
      sum += close - (at >= count ? bars.close[at - count] : 0);
      if (at + 1 >= count) found.push({ time: bars.time[at], value: sum / count });
    });
    return found;
  }

  function take(message, buffers) {
    if (message.f) {
      const got = Object.fromEntries(message.f.map((key, at) => [key, numbersOf(buffers[at], Float64Array)]));
      if (message.k === "all") { bars = empty(); all = true; }
      for (let row = 0; row < got.time.length; row++) {
        let at = bars.time.length;
        while (at && bars.time[at - 1] >= got.time[row]) at--;
        // A bar in the middle that was not there: the trade that made it came late.
        if (bars.time[at] !== got.time[row]) { for (const key of FIELDS) bars[key].splice(at, 0, 0); if (at < bars.time.length - 1) all = true; }
        for (const key of FIELDS) bars[key][at] = got[key][row];
        for (const key of FIELDS.slice(1, 5)) unit = divisor(got[key][row], unit);
        changed = Math.min(changed, at);
      }
      if (older !== message.older || !message.loading) asked = 0;
      older = message.older;
      base = message.base;
      setText(notice, message.notice);
    }
    view.request(true); // the library draws in the next frame: from within one, that would be a second
  }
  // A chart may be made before it is in the page, where it has no style yet.
  function restyle() {
    const { color, backgroundColor } = getComputedStyle(root), now = `${color} ${backgroundColor} ${root.dataset.dark}`;
    if (!color || styled === now) return;
    styled = now;
    recolour();
    all = true;
  }
  function paint() {
    restyle();
    const count = bars.time.length;
    if (!count) { words(); return; }
    if (unit % step || (all && step === 1)) rescale();
    if (all) {
      const every = bars.time.map((_, at) => at);
      candles.setData(single ? [] : every.map(candle));
      path.setData(single ? every.map(stair) : []);
      if (volumes) volumes.setData(every.map(volume));
      lines.forEach((line, at) => line.setData(averagesOf(averages[at])));
      if (fresh) chart.timeScale().setVisibleLogicalRange({ from: Math.max(-2, count - SHOWN_FIRST), to: count + 4 });
      fresh = false;
    } else {
      for (let at = changed; at < count; at++) {
        const past = at < drawn - 1; // of several new bars each is the newest in its turn
        if (single) path.update(stair(at), past);
        else candles.update(candle(at), past);
        if (volumes) volumes.update(volume(at), past);
        lines.forEach((line, which) => { const point = average(at, averages[which]); if (point) line.update(point, past); });
      }
    }
    all = false;
    changed = drawn = count;
    words();
  }
  function words() {
    const count = bars.time.length, at = hover >= 0 && hover < count ? hover : count - 1;
    if (at < 0) { picture.setAttribute("aria-label", `${title.textContent}, 봉 없음`); return; }
    const day = (time) => Math.floor(time / 86400), newest = count - 1;
    let before = newest;
    while (before >= 0 && day(bars.time[before]) === day(bars.time[newest])) before--;
    const close = bars.close[newest], from = base || (before >= 0 ? bars.close[before] : 0);
    const change = from ? close - from : 0, percent = from ? rate((close / from - 1) * 100) : "";
    setText(last, `${number(close)} ${change > 0 ? "▲ " : change < 0 ? "▼ " : ""}${from ? number(Math.abs(change)) : ""} ${percent}`);
    // On the price's own label text is white in both themes; its colour is that of the head.
    if (last.dataset.way !== sign(change)) prices.forEach((one) => one.applyOptions({ priceLineColor: LABELS[Math.sign(change) + 1] }));
    setWay(last, sign(change));
    const label = `${title.textContent}, 마지막 ${number(close)}${percent ? `, ${percent}` : ""}`;
    if (picture.getAttribute("aria-label") !== label) picture.setAttribute("aria-label", label);
    setText(ohlc, `${moment(bars.time[at])}  시 ${number(bars.open[at])}  고 ${number(bars.high[at])}  저 ${number(bars.low[at])}  종 ${number(bars.close[at])}  거래량 ${number(bars.volume[at])}`);
    legend.forEach((one, which) => { const point = average(at, averages[which]); setText(one, `이평${averages[which]} ${point ? number(Math.round(point.value)) : "–"}`); });
    // The hidden table is for screen readers, which read it when they reach it.
    const now = performance.now();
    if (listed.length === count && now - listed.at < TABLE_EVERY) return;
    listed = { length: count, at: now };
    body.replaceChildren(...bars.time.slice(-TABLE_ROWS).map((time, row, some) => {
      const which = count - some.length + row, line = document.createElement("tr");
      element("th", "", line, { scope: "row" }).textContent = moment(time);
      for (const key of FIELDS.slice(1)) element("td", "", line).textContent = number(bars[key][which]);
      return line;
    }));
  }

  const scale = chart.timeScale();
  scale.subscribeVisibleLogicalRangeChange((range) => {
    if (!range || range.from > NEAR_FIRST || !older || !bars.time.length || performance.now() - asked < ASK_AGAIN) return;
    asked = performance.now();
    model.send({ older: true });
  });
  chart.subscribeCrosshairMove((event) => { hover = event.point && event.logical !== undefined ? Math.round(event.logical) : -1; view.request(); });
  const wheel = (on) => chart.applyOptions({ handleScroll: { mouseWheel: on }, handleScale: { mouseWheel: on } });
  box.addEventListener("pointerdown", () => box.focus({ preventScroll: true }));
  box.addEventListener("focus", () => wheel(true));
  box.addEventListener("blur", () => wheel(false));
  box.addEventListener("keydown", (event) => {
    const range = scale.getVisibleLogicalRange();
    if (!range || event.ctrlKey || event.metaKey || event.altKey) return;
    const width = range.to - range.from, count = bars.time.length;
    const to = (from, until) => scale.setVisibleLogicalRange({ from, to: until });
    const keys = {
      ArrowLeft: () => to(range.from - width / 10, range.to - width / 10), ArrowRight: () => to(range.from + width / 10, range.to + width / 10),
      PageUp: () => to(range.from - width, range.to - width), PageDown: () => to(range.from + width, range.to + width),
      ArrowUp: () => to(range.from + width / 8, range.to), "+": () => to(range.from + width / 8, range.to),
      ArrowDown: () => to(range.from - width / 8, range.to), "-": () => to(range.from - width / 8, range.to),
      Home: () => to(0, width), End: () => to(count + 4 - width, count + 4),
    };
    if (!keys[event.key]) return;
    keys[event.key]();
    event.preventDefault();
    event.stopPropagation();
  });
  model.on("change:code change:interval_label", move);
  const end = view.start(`연결 중… ${title.textContent}`);
  const credit = element("a", "koalab-credit", root.lastChild, { href: "https://www.tradingview.com/", target: "_blank", rel: "noopener noreferrer" });
  credit.textContent = "TradingView Lightweight Charts™";
  return () => { model.off("change:code change:interval_label", move); end(); chart.remove(); };
}
export default { render };

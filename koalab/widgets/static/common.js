// What all live widgets share: numbers, elements, the line of state, and the life of a view.
const SILENCE = 3000, ALIVE_EVERY = 10000, LOOSE_FOR = 3;

// Making a formatter is what costs, so each is made once.
const whole = new Intl.NumberFormat("ko-KR", { maximumFractionDigits: 2 });
const clock = new Intl.DateTimeFormat("ko-KR", { timeZone: "Asia/Seoul", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const number = (value) => whole.format(value);
const quote = (value) => (value ? number(value) : "–");
const sign = (value) => (value > 0 ? "up" : value < 0 ? "down" : "");
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
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
function setWay(node, way) {
  if (node.dataset.way !== way) node.dataset.way = way;
}
function numbersOf(buffer, Kind) {
  return new Kind(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength)); // alignment is not guaranteed
}
const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// Dark is decided by the background itself: each notebook and editor has its theme.
function isDark(root) {
  const colour = getComputedStyle(root).backgroundColor.match(/[\d.]+/g) || [255, 255, 255];
  return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2] < 128;
}

// Whether a view is in no page and in no cell of one: a box that is removed while its views are made leaves them so.
function isLoose(el) {
  const top = el.getRootNode();
  return top === el || (top !== document && top.classList?.contains("jupyter-widgets"));
}

// A view: ``take(message, buffers)`` gets what the kernel sends, ``paint()`` is called in the next frame that is seen
// after ``request()``, or by ``request(true)`` itself; ``shown(dark)`` after the theme has changed. ``start`` adds the line of state and says hello.
function liveView(model, el, { take, paint, shown = () => {} }) {
  const id = Math.random().toString(36).slice(2);
  const root = element("div", "koalab-live", el, { "data-lm-suppress-shortcuts": "true" });
  let frame = 0, seen = true, ended = false, sequence = 0, lastMessage = performance.now(), words, polite;
  const request = (now = false) => {
    if (now && seen) paint();
    else if (!frame && seen) frame = requestAnimationFrame(() => { frame = 0; paint(); });
  };
  function say(state, text) {
    if (root.dataset.state !== state) { root.dataset.state = state; polite.textContent = text; }
    setText(words, text);
  }
  const onMessage = (message, buffers) => {
    lastMessage = performance.now();
    // Where a message was lost on the way, values would be wrong until they change again.
    if (message.s && message.k !== "all" && message.s !== sequence + 1) model.send({ hello: id });
    if (message.s) sequence = message.s;
    take(message, buffers || []);
    if (message.say) say(message.state, message.say);
    if (message.state) ended = message.state === "closed";
  };
  const theme = () => {
    const dark = isDark(root) ? "yes" : "no";
    if (root.dataset.dark !== dark) { root.dataset.dark = dark; shown(dark === "yes"); }
  };
  const watcher = new MutationObserver(theme);
  const visible = new IntersectionObserver((entries) => {
    seen = entries[entries.length - 1].isIntersecting;
    if (seen) { theme(); request(); }
  });
  const onHidden = () => { if (loose < LOOSE_FOR) model.send({ hidden: document.hidden, view: id }); };
  let alive, silence, loose = 0;
  // A view that is loose for some seconds is gone for the kernel, until it is in a page again.
  function look() {
    const before = loose;
    loose = isLoose(el) ? Math.min(LOOSE_FOR, loose + 1) : 0;
    if (loose === LOOSE_FOR && before < LOOSE_FOR) model.send({ gone: id });
    if (!loose && before === LOOSE_FOR) model.send({ hello: id });
  }
  function start(text) {
    const line = element("div", "koalab-state", root);
    element("span", "koalab-dot", line, { "aria-hidden": "true" });
    words = element("span", "koalab-words", line);
    polite = element("span", "koalab-hidden", line, { role: "status", "aria-live": "polite" });
    say("connecting", text);
    model.on("msg:custom", onMessage);
    watcher.observe(document.body, { attributes: true });
    visible.observe(root);
    document.addEventListener("visibilitychange", onHidden);
    alive = setInterval(() => { if (loose < LOOSE_FOR) model.send({ alive: id }); }, ALIVE_EVERY);
    // A kernel that died says nothing: the page judges by its own clock.
    silence = setInterval(() => {
      look();
      theme(); // a theme's style may load after its attribute has changed
      if (!ended && !document.hidden && performance.now() - lastMessage > SILENCE) say("lost", "끊김 — 커널이 응답하지 않습니다. 셀을 다시 실행하세요");
    }, 1000);
    theme();
    model.send({ hello: id });
    return () => {
      clearInterval(alive); clearInterval(silence); watcher.disconnect(); visible.disconnect();
      document.removeEventListener("visibilitychange", onHidden);
      model.off("msg:custom", onMessage);
      if (frame) cancelAnimationFrame(frame);
      model.send({ gone: id });
    };
  }
  return { id, root, request, start };
}

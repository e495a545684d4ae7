// What the measurement reads of a page: its messages, frames, long tasks, and when a cell of a table shows what.
(() => {
  const found = { messages: 0, comms: 0, bytes: 0, frames: 0, long: 0, changes: 0, shown: [] };
  const decoder = new TextDecoder(), Socket = window.WebSocket;
  // v1.kernel.websocket.jupyter.org: the number of parts and where each begins; the second is the header.
  const header = (data) => {
    const view = new DataView(data), at = (which) => Number(view.getBigUint64(8 + 8 * which, true));
    return decoder.decode(new Uint8Array(data, at(1), at(2) - at(1)));
  };
  window.benchFound = found;
  window.WebSocket = class extends Socket {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        const text = typeof data === "string";
        found.messages += 1;
        found.bytes += text ? data.length : data.byteLength ?? data.size;
        if (!text && data.byteLength && header(data).includes('"comm_msg"')) found.comms += 1;
      });
    }
  };
  // To count frames has the page draw one whenever the screen could, so that is done only while they are counted.
  let counting = false;
  const frame = () => { found.frames += 1; if (counting) requestAnimationFrame(frame); };
  window.benchCountFrames = (is) => { if (is && !counting) requestAnimationFrame(frame); counting = is; };
  new PerformanceObserver((list) => { for (const one of list.getEntries()) found.long += one.duration; }).observe({ entryTypes: ["longtask"] });
  // What an expression is, by its reply alone: what is published beside it may be dropped.
  window.benchReply = (expression) => new Promise((done) => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const request = kernel.requestExecute({ code: "", user_expressions: { found: expression } });
    request.onReply = ({ content }) => done(content.user_expressions.found.data["text/plain"]);
  });
  // What is hidden is sent nothing.
  window.benchHide = (hidden) => {
    Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  };
  // Notes each new text of ``of`` with the time of the frame after it; ``within`` is what is watched.
  window.benchWatch = (within, of) => {
    let last = "";
    new MutationObserver(() => {
      const text = document.querySelector(of)?.textContent ?? "";
      if (text === last) return;
      last = text;
      found.changes += 1;
      requestAnimationFrame(() => { if (found.shown.length < 20000) found.shown.push([text, Date.now()]); });
    }).observe(document.querySelector(within), { childList: true, characterData: true, subtree: true });
  };
  // Milliseconds from the request of a cell to its reply and a frame; ``limit`` where that takes longer.
  window.benchRun = async (code, limit) => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel, began = performance.now();
    const answer = kernel.requestExecute({ code }).done.then(() => new Promise((done) => requestAnimationFrame(done)));
    await Promise.race([answer, ...(limit ? [new Promise((done) => setTimeout(done, limit))] : [])]);
    return performance.now() - began;
  };
})();

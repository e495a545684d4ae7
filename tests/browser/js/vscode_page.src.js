// VS Code's widget manager in a page of a Jupyter server: ``vscode.run(cell, code)`` runs a cell and shows what it gives.
// It is the manager, with AMD modules from the environment as VS Code loads them; the editor and its webview are not here.
import { KernelManager, ServerConnection } from "@jupyterlab/services";
import { activate } from "@vscode/jupyter-ipywidgets8/dist/ipywidgets.js";

const VIEW = "application/vnd.jupyter.widget-view+json";

async function start() {
  const token = new URLSearchParams(location.search).get("token");
  const serverSettings = ServerConnection.makeSettings({ baseUrl: `${location.origin}/`, wsUrl: `ws://${location.host}/`, token, appendToken: true });
  const kernels = new KernelManager({ serverSettings });
  const kernel = await kernels.startNew({ name: "python3" });
  const errors = [], cells = new Map();
  activate();
  window.vscIPyWidgets8.load();
  const scripts = {
    widgetsRegisteredInRequireJs: new Set(),
    loadWidgetScript: async (name) => window.requirejs.config({ paths: { [name]: `/static/${name}` } }),
    successHandler() {},
    errorHandler: (...said) => errors.push(said.map(String).join(" ")),
  };
  const manager = new window.vscIPyWidgets.WidgetManager(kernel, document.body, scripts, () => {});

  function area(cell) {
    if (!cells.has(cell)) {
      const box = document.createElement("section");
      document.body.append(box);
      cells.set(cell, { box, views: [] });
    }
    return cells.get(cell);
  }
  // As VS Code does when a cell is run again or its output is cleared.
  function clear(cell) {
    const { box, views } = area(cell);
    for (const view of views.splice(0)) view.dispose();
    box.replaceChildren();
  }
  async function show(cell, data) {
    const { box, views } = area(cell);
    if (!data[VIEW]) {
      const text = document.createElement("pre");
      text.textContent = data["text/plain"] ?? "";
      box.append(text);
      return;
    }
    const model = await manager.get_model(data[VIEW].model_id);
    const view = await manager.create_view(model);
    const place = document.createElement("div");
    box.append(place);
    views.push(await manager.display_view(undefined, view, { node: place }));
  }
  async function run(cell, code) {
    clear(cell);
    const shown = [], request = kernel.requestExecute({ code });
    request.onIOPub = ({ header, content }) => {
      if (["display_data", "execute_result"].includes(header.msg_type)) shown.push(show(cell, content.data));
      else if (header.msg_type === "stream") shown.push(show(cell, { "text/plain": content.text }));
      else if (header.msg_type === "error") errors.push(content.traceback.join("\n"));
    };
    await request.done;
    await Promise.all(shown);
    if (errors.length) throw new Error(errors.join("\n"));
  }
  window.vscode = { run, clear, kernel };
}
start();

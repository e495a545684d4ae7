// Builds the live chart's script: lightweight-charts, what all widgets share, and our own code, made small together.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const sources = ["chart.src.js", "../koalab/widgets/static/common.js"].map((path) => readFileSync(here(path), "utf-8"));

await build({
  stdin: { contents: sources.join("\n"), resolveDir: here(".") },
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2020",
  charset: "utf8",
  legalComments: "eof",
  // The private fields of fancy-canvas, on which lightweight-charts draws: its own are short already.
  mangleProps: /^_[a-z][A-Za-z]{3,}$/,
  // Two of them are defined by their names as texts.
  reserveProps: /^_(horizontal|vertical)PixelRatio$/,
  outfile: here("../koalab/widgets/static/chart.js"),
});

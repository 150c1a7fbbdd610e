/** Writes dist/dreamify.html: the page, its worker, onnxruntime-web and the example picture in one file. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { parse } from "yaml";

const HERE = dirname(fileURLToPath(import.meta.url));
const PROJECT = join(HERE, "..");
const RUNTIME = join(HERE, "node_modules", "onnxruntime-web");
const MODELS = [
  "bvlc_googlenet",
  "googlenet_places205",
  "googlenet_places365",
  "squeezenet_v1.1",
  "efficientnet_lite0",
];
// The numbers of the net of 2015, raw and in pieces, in a repository that outlives hosts; the sum is of what they make.
const HOSTS = ["https://cdn.jsdelivr.net", "https://raw.githubusercontent.com"];
const COMMIT = "d161d610145d6ce1ee4b9e44b10de780e8ecec2d";
const PIECES = [`${HOSTS[0]}/gh/chaosmail/caffejs@${COMMIT}`, `${HOSTS[1]}/chaosmail/caffejs/${COMMIT}`];
const SOURCE = "bvlc_googlenet";
const JOINED = "80d76f582344574ef1d30f0a4d15e82bf0df2052c29852ea6a2497dd075d81b8";
// Nothing but what is in the file itself, and those hosts if the visitor asks for it.
const POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:",
  "worker-src blob:",
  "style-src 'unsafe-inline'",
  "img-src data: blob:",
  `connect-src ${HOSTS.join(" ")}`,
].join("; ");
const IMPORT = /^import (?:\{([^}]*)\}|\* as (\w+)) from "\.\/([\w-]+)\.js";$/gms;
const EXPORT = /^export (?=(?:async )?(?:function\*?|const|class) )/gm;

/** A module and all that it imports as one script: each module is a function that returns its exports. */
function bundle(name, done = new Set()) {
  if (done.has(name)) return "";
  done.add(name);
  const source = readFileSync(join(HERE, "src", `${name}.js`), "utf8");
  const before = [...source.matchAll(IMPORT)].map(([, , , from]) => bundle(from, done)).join("");
  const names = [...source.matchAll(/^export (?:async )?(?:function\*?|const|class) (\w+|\[[^\]]*\])/gm)];
  const exported = names.map(([, found]) => found.replace(/[[\]]/g, "")).join(", ");
  const body = source
    .replace(
      IMPORT,
      (_, named, all, from) => `const ${all ?? `{ ${named.replace(/ as /g, ": ")} }`} = modules["${from}"];`,
    )
    .replace(EXPORT, "");
  if (/^(?:import|export) /m.test(body)) throw new Error(`${name}.js has an import or export of another form`);
  return `${before}modules["${name}"] = (() => {\n${body}return { ${exported} };\n})();\n`;
}

function script(name) {
  return `const modules = {};\n${bundle(name)}`;
}

/** The front matter of a model's readme, as far as the page needs it. */
function card(name) {
  const { mean, layers, sha256 } = frontMatter(name);
  const sums = [...Object.keys(sha256 ?? {}), ...(name === SOURCE ? [JOINED] : [])];
  return { name, mean, layers, sums };
}

function frontMatter(name) {
  return parse(readFileSync(join(PROJECT, "models", name, "readme.md"), "utf8").split("---\n")[1]);
}

/** Where the page can fetch a net from. */
function source() {
  const { urls, sha256 } = frontMatter(SOURCE).prototxt;
  return {
    name: SOURCE,
    prototxt: HOSTS.map((host) => urls.find((url) => url.startsWith(host))),
    prototxtSum: Object.keys(sha256)[0],
    pieces: PIECES.map((address) => `${address}/models/${SOURCE}/weights/`),
    sum: JOINED,
  };
}

/** JSON that can stand in a script element. */
function embedded(value) {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

const version = /__version__ = "([^"]+)"/.exec(readFileSync(join(PROJECT, "deepdream", "__init__.py"), "utf8"))[1];
const runtime = JSON.parse(readFileSync(join(RUNTIME, "package.json"), "utf8")).version;
const page = script("page").replaceAll("</script", "<\\/script");
const licence = readFileSync(join(HERE, "src", "licence.txt"), "utf8").trim();
const contents = {
  LICENCE: licence.replace("VERSION", version).replace("RUNTIME", runtime),
  POLICY,
  "STYLE;": readFileSync(join(HERE, "src", "style.css"), "utf8"),
  ABOUT: embedded({ version, runtime, cards: MODELS.map(card), source: source() }),
  EXAMPLE: readFileSync(join(PROJECT, "examples", "clouds.jpg")).toString("base64"),
  CODE: embedded({
    worker: script("worker"),
    runtime: readFileSync(join(RUNTIME, "dist", "ort.wasm.bundle.min.mjs"), "utf8"),
  }),
  WASM: gzipSync(readFileSync(join(RUNTIME, "dist", "ort-wasm-simd-threaded.wasm")), { level: 9 }).toString("base64"),
  "PAGE;": page,
};
const marks = new RegExp(Object.keys(contents).join("|"), "g");
const template = readFileSync(join(HERE, "src", "index.html"), "utf8");
const found = template.match(marks) ?? [];
if (String(found) !== String(Object.keys(contents))) throw new Error(`index.html holds the marks ${found}`);
const html = template.replace(marks, (mark) => contents[mark]);
mkdirSync(join(HERE, "dist"), { recursive: true });
writeFileSync(join(HERE, "dist", "dreamify.html"), html);
console.log(`browser/dist/dreamify.html: ${(html.length / 1e6).toFixed(1)} MB`);

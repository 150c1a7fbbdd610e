/** What the one file carries besides the page: code, WebAssembly, what is known of nets, and perhaps a net. */

/** @typedef {import("./client.js").Parts} Parts */
/** @typedef {import("./worker.js").NetFiles} NetFiles */

/** @returns {Parts} */
export function workerParts() {
  const { worker, runtime } = JSON.parse(textOf("code"));
  return { code: worker, runtime, wasm: bytesOf(textOf("wasm")), about: JSON.parse(textOf("about")) };
}

/** The net that `dreamify html` put in, or null. @returns {NetFiles | null} */
export function builtInNet() {
  const text = textOf("net");
  if (!text) return null;
  const { name, prototxt, weights } = JSON.parse(text);
  document.getElementById("net")?.remove(); // its text would stay in memory
  return {
    prototxt: new Blob([bytesOf(prototxt)]),
    weights: new Blob([bytesOf(weights)]),
    names: { prototxt: "deploy.prototxt", weights: `${name}.caffemodel` },
  };
}

/** The example picture. */
export function example() {
  return new File([bytesOf(textOf("example"))], "clouds.jpg", { type: "image/jpeg" });
}

/** @param {string} id */
function textOf(id) {
  return document.getElementById(id)?.textContent?.trim() ?? "";
}

/** @param {string} base64 */
function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

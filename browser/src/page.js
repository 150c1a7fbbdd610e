/** The page: takes files and settings, has the worker dream, and shows and offers what comes back. */

import { Client } from "./client.js";
import { DREAM } from "./dream.js";
import { PageError } from "./errors.js";
import { sortFiles } from "./files.js";
import { builtInNet, example, workerParts } from "./parts.js";
import * as storage from "./storage.js";
import { Countdown, complain, element, hideBar, say, showDream, showPicture, showPieces, time } from "./view.js";

/** @typedef {import("./dream.js").Settings} Settings */
/** @typedef {import("./worker.js").Dreamt} Dreamt */
/** @typedef {import("./worker.js").NetFiles} NetFiles */
/** @typedef {import("./worker.js").OpenedNet} OpenedNet */
/** @typedef {import("./worker.js").Wish} Wish */

const parts = workerParts();
let client = new Client(parts);
/** @type {NetFiles | null} the net that is open in the worker */
let net = null;
/** What came in of a net that is not whole yet. @type {{prototxt: File | null, weights: File | null}} */
let half = { prototxt: null, weights: null };
/** @type {File | null} */
let picture = null;
/** @type {File | null} */
let guide = null;
let isBusy = false;
/** What is being done, and what was done before it. */
let begun = Promise.resolve();

const button = element("dream", HTMLButtonElement);
const stopButton = element("stop", HTMLButtonElement);
const download = element("download", HTMLAnchorElement);
const layers = element("layer", HTMLSelectElement);
const remember = element("remember", HTMLInputElement);

/** @param {string} id */
const input = (id) => element(id, HTMLInputElement);
/** @param {string} id @param {string} text */
const tell = (id, text) => (element(id, HTMLElement).textContent = text);
/** @param {string} id @param {boolean} isShown */
const show = (id, isShown) => (element(id, HTMLElement).hidden = !isShown);

/**
 * Does something that may fail, after what was begun before, and says so if it does.
 *
 * @param {() => Promise<void>} work
 */
function trying(work) {
  begun = begun.then(async () => {
    isBusy = true;
    refresh();
    say("");
    try {
      await work();
    } catch (error) {
      complain(error);
      if (!(error instanceof PageError) || /memory/.test(error.message)) await restart().catch(complain);
    } finally {
      isBusy = false;
      refresh();
    }
  });
}

function refresh() {
  button.disabled = isBusy || !net || !picture;
  document.body.toggleAttribute("aria-busy", isBusy);
  for (const id of ["net-files", "picture-file", "guide-file"]) input(id).disabled = isBusy;
  for (const id of ["example-button", "no-guide", "fetch"]) element(id, HTMLButtonElement).disabled = isBusy;
}

/** After a fault, the runtime may be in any state, and WebAssembly never gives memory back. */
async function restart() {
  client.end();
  client = new Client(parts);
  if (net) await client.ask("open", net);
}

/** @param {Iterable<File>} files */
async function take(files) {
  const sorted = sortFiles(files);
  if (sorted.prototxt || sorted.weights) await takeNet(sorted);
  if (sorted.picture) await takePicture(sorted.picture);
}

/** @param {{prototxt: File | null, weights: File | null}} files */
async function takeNet({ prototxt, weights }) {
  half = { prototxt: prototxt ?? half.prototxt, weights: weights ?? half.weights };
  if (!half.prototxt || !half.weights) {
    const [here, missing] = half.prototxt
      ? [half.prototxt.name, "its .caffemodel"]
      : [half.weights?.name, "its deploy.prototxt"];
    tell("net-state", `${here} is here. Now give ${missing}, too.`);
    return;
  }
  const names = { prototxt: half.prototxt.name, weights: half.weights.name };
  const files = { prototxt: half.prototxt, weights: half.weights, names };
  await open(files);
  half = { prototxt: null, weights: null }; // until here, one of the two can be replaced by a better one
  await offerMemory(false);
}

/** Fetches the net of 2015: the only thing for which the page asks another host. */
async function fetchNet() {
  try {
    await open(await client.ask("fetchNet", null, showPieces));
  } finally {
    hideBar();
  }
  await offerMemory(false);
}

/** @param {NetFiles} files */
async function open(files) {
  say(`reading ${files.names.weights}`);
  /** @type {OpenedNet} */
  const opened = await client.ask("open", files);
  net = files;
  const labels = opened.layers.map(({ name, note }) => new Option(note ? `${name}: ${note}` : name, name));
  layers.replaceChildren(...labels);
  const names = opened.layers.map(({ name }) => name);
  layers.value = names.includes(DREAM.end) ? DREAM.end : names[Math.floor((names.length * 2) / 3)];
  layers.disabled = false;
  tell("net-state", opened.isKnown ? `${opened.name} is ready.` : `${opened.name} is ready. It is not a known net.`);
  say("");
}

/** Offers to remember the net, where the browser can. @param {boolean} isKept */
async function offerMemory(isKept) {
  remember.checked = isKept;
  show("memory", await storage.load().then(() => true, () => false)); // prettier-ignore
}

/** @param {File} file */
async function takePicture(file) {
  const pixels = await read(file);
  picture = file;
  download.hidden = true;
  tell("picture-state", `${file.name}, dreamt at ${pixels.w}x${pixels.h}`);
  showPicture(pixels);
  say("");
}

/** @param {File} file */
async function takeGuide(file) {
  await read(file);
  guide = file;
  tell("guide-state", `The guide is ${file.name}.`);
  show("no-guide", true);
}

/**
 * Reads a picture in its size; throws PageError with its name.
 *
 * @param {File} file
 * @returns {Promise<import("./dream.js").Pixels>}
 */
async function read(file) {
  try {
    return await client.ask("look", { picture: file, maxSize: maxSize() });
  } catch (error) {
    throw error instanceof PageError ? new PageError(`${file.name}: ${error.message}`) : error;
  }
}

function maxSize() {
  return input("max-size").checkValidity() ? input("max-size").valueAsNumber : 512;
}

/** @returns {Settings} */
function settings() {
  const seed = input("seed");
  if (!seed.value) seed.placeholder = `drawn: ${crypto.getRandomValues(new Uint32Array(1))[0] >>> 1}`;
  return {
    ...DREAM,
    end: layers.value,
    iter_n: input("iterations").valueAsNumber,
    octave_n: input("octaves").valueAsNumber,
    octave_scale: input("scale").valueAsNumber,
    step_size: input("step").valueAsNumber,
    jitter: input("jitter").valueAsNumber,
    seed: Number(seed.value || seed.placeholder.replace(/\D+/, "")),
  };
}

/** Dreams, and offers the result for download. */
async function dream() {
  if (!picture) return;
  const asked = settings();
  const pixels = await read(picture);
  const channel = input("channel").value ? input("channel").valueAsNumber : null;
  if (channel !== null && guide) throw new PageError("a channel and a guide cannot be combined: use one of them");
  showPicture(pixels);
  tell("picture-state", `${picture.name}, dreamt at ${pixels.w}x${pixels.h}`);
  download.hidden = true;
  stopButton.hidden = stopButton.disabled = false;
  const countdown = new Countdown(asked, pixels);
  say("preparing the net");
  /** @type {Wish} */
  const wish = { picture, guide, maxSize: maxSize(), settings: asked, channel };
  try {
    /** @type {Dreamt} */
    const dreamt = await client.ask("dream", wish, (progress) => {
      showDream(progress.pixels);
      countdown.show(progress);
    });
    offer(dreamt, asked.seed, picture.name);
  } finally {
    stopButton.hidden = true;
    hideBar();
  }
}

/**
 * @param {Dreamt} dreamt
 * @param {number} seed
 * @param {string} name of the picture
 */
function offer({ png, pixels, moment, seconds }, seed, name) {
  showDream(pixels);
  URL.revokeObjectURL(download.href);
  download.href = URL.createObjectURL(png);
  download.download = `${name.replace(/\.\w+$/, "")}-dream.png`;
  download.hidden = false;
  say(`${moment ? `stopped at ${moment}` : "dreamt"} in ${time(seconds)}, seed ${seed}`);
}

/** Chosen or dropped files are taken as what their place says they are. @param {string} id @param {(files: File[]) => Promise<void>} work */
function onFiles(id, work) {
  input(id).onchange = () => {
    const files = [...(input(id).files ?? [])];
    input(id).value = ""; // so that the same file can be chosen again
    if (files.length) trying(() => work(files));
  };
}

onFiles("net-files", take);
onFiles("picture-file", ([file]) => takePicture(file));
onFiles("guide-file", ([file]) => takeGuide(file));
tell("host", parts.about.source.pieces.map((address) => new URL(address).host).join(" or "));
element("fetch", HTMLButtonElement).onclick = () => trying(fetchNet);
element("example-button", HTMLButtonElement).onclick = () => trying(() => takePicture(example()));
element("no-guide", HTMLButtonElement).onclick = () => {
  guide = null;
  tell("guide-state", "Dream towards what is in another picture, the guide.");
  show("no-guide", false);
};
element("form", HTMLFormElement).onsubmit = (event) => {
  event.preventDefault();
  trying(dream);
};
element("form", HTMLFormElement).addEventListener(
  "invalid",
  () => (element("more", HTMLDetailsElement).open = true),
  true,
);
stopButton.onclick = () => {
  stopButton.disabled = true; // it ends after this step
  client.ask("stop", null);
};
remember.onchange = async () => {
  try {
    await (remember.checked && net ? storage.keep(net) : storage.forget());
  } catch (error) {
    remember.checked = false;
    complain(`this browser cannot remember the net (${error})`);
  }
};

document.ondragover = (event) => {
  event.preventDefault();
  if (event.dataTransfer && isBusy) event.dataTransfer.dropEffect = "none";
  if (isBusy) return; // a new picture would take the place of the dream
  document.body.classList.add("dropping");
};
document.ondragleave = () => document.body.classList.remove("dropping");
document.ondrop = (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  const files = [...(event.dataTransfer?.files ?? [])];
  if (files.length && !isBusy) trying(() => take(files));
};

trying(async () => {
  const inside = builtInNet();
  const files = inside ?? (await storage.load().catch(() => undefined));
  if (!files) return;
  await open(files);
  if (inside) {
    show("net-choice", false);
    show("fetch-part", false);
    tell("net-state", `${inside.names.weights.replace(/\.caffemodel$/, "")} is in this file.`);
  } else await offerMemory(true);
});

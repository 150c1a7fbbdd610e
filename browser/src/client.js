/** The page's side of the worker: requests, and their answers as promises. */

import { PageError } from "./errors.js";

/** @typedef {{answer?: any, fault?: string, isExpected?: boolean, progress?: unknown, id: number}} Reply */

/**
 * @typedef {object} Parts what the file holds for the worker
 * @property {string} code the worker's own
 * @property {string} runtime onnxruntime-web's
 * @property {Uint8Array} wasm gzipped
 * @property {import("./worker.js").About} about
 */

export class Client {
  /** @param {Parts} parts */
  constructor({ code, ...parts }) {
    // A module worker would not start where the page was opened from the disk.
    const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    this.worker = new Worker(address);
    /** @type {Map<number, {resolve: (answer: any) => void, reject: (fault: Error) => void, tell: (progress: any) => void}>} */
    this.waiting = new Map();
    this.count = 0;
    /** Why the worker no longer answers. @type {Error | null} */
    this.fault = null;
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.onerror = (event) =>
      this.fail(new PageError(`the worker has ended: ${event.message || "its code could not be loaded"}`));
    this.started = this.ask("start", parts);
    this.started.catch(() => undefined); // whoever asks next gets it
  }

  /**
   * @param {string} name of the request
   * @param {unknown} arg
   * @param {(progress: any) => void} tell called with each step of it
   * @returns {Promise<any>}
   */
  ask(name, arg, tell = () => undefined) {
    return new Promise((resolve, reject) => {
      if (this.fault) reject(this.fault);
      this.waiting.set(++this.count, { resolve, reject, tell });
      this.worker.postMessage({ id: this.count, name, arg });
    });
  }

  /** @param {Reply} reply */
  receive({ id, answer, fault, isExpected, progress }) {
    const request = this.waiting.get(id);
    if (progress) {
      request?.tell(progress);
      return;
    }
    this.waiting.delete(id);
    if (fault === undefined) request?.resolve(answer);
    else request?.reject(isExpected ? new PageError(fault) : new Error(fault));
  }

  /** @param {Error} fault */
  fail(fault) {
    this.fault = fault;
    this.waiting.forEach(({ reject }) => reject(fault));
    this.waiting.clear();
  }

  end() {
    this.worker.terminate();
    this.fail(new PageError("the worker was ended"));
  }
}

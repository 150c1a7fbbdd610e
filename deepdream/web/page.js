// What Gradio's components do not do: the line between two pictures, the focus when buttons change, what a screen reader
// says, the address of the settings, and painting a mask. It is in the head, and finds everything when it is needed.
"use strict";
(() => {
  const find = (selector, within = document) => within.querySelector(selector);
  let focused = "",
    began = "begin",
    said = "";

  // The line between the dream and the picture before it.
  document.addEventListener("input", ({ target }) => {
    target.closest(".compared")?.style.setProperty("--cut", `${target.value}%`);
  });

  // On a phone the dream may be out of sight when it begins.
  document.addEventListener("click", (event) => {
    if (event.target.closest("#begin, #again, #make")) {
      const place = find("#dream"),
        { top } = place.getBoundingClientRect();
      if (top < 0 || top > innerHeight / 3) {
        place.style.minHeight = "100vh";
        place.scrollIntoView({ behavior: "smooth" });
      }
    } else if (event.target.closest("#share")) {
      event.preventDefault();
      share(event.target.closest("#share"));
    } else if (event.target.closest("#paint")) {
      paint();
    }
  });

  // What begins and what stops take turns; so does the focus. A disappearing button would leave it nowhere.
  document.addEventListener("focusin", ({ target }) => {
    focused = target.closest("#begin, #again, #make, #stop, #giveup")?.id ?? "";
    if (focused && !focused.match(/stop|giveup/)) began = focused;
  });
  const keepFocus = () => {
    if (!focused || document.activeElement !== document.body) return;
    const places = ["stop", "giveup", began, "begin"].map((id) => find(`#${id}`));
    places.find((place) => place?.getClientRects().length)?.focus({ preventScroll: true }); // a fold may be closed
  };

  // The status changes every second; what is spoken of it are the octaves, and how it ends.
  const speak = () => {
    const line = find("#status p");
    if (!line) return;
    const words = find("#status progress") ? line.textContent.split(",")[0] : line.textContent;
    if (words === said) return;
    said = words;
    let place = find("#said");
    if (!place) {
      place = document.body.appendChild(document.createElement("div"));
      place.id = "said";
      place.setAttribute("role", "status");
    }
    place.textContent = words;
  };

  // Gradio gives each radio button a group of its own, and some buttons no name, or one that is not what they say.
  // Nor has a group one.
  const name = () => {
    for (const radio of document.querySelectorAll("#page input[type=radio]")) {
      const group = radio.closest("[id]").id;
      if (radio.name !== group) radio.name = group; // Gradio changes it whenever another one is chosen
    }
    for (const group of document.querySelectorAll("fieldset:not([aria-label])")) {
      group.setAttribute("aria-label", find("[data-testid=block-info]", group).textContent.trim());
    }
    for (const button of document.querySelectorAll("button.upload-container, button[title]:not([aria-label])")) {
      button.setAttribute("aria-label", button.textContent.trim() || button.title);
    }
  };

  new MutationObserver(() => {
    keepFocus();
    speak();
    name();
  }).observe(document.documentElement, {
    childList: true,
    subtree: true,
    characterData: true,
    attributeFilter: ["name"],
  });

  const tell = (words) => {
    const line = find("#status p");
    if (line) line.textContent = words;
  };

  async function share(link) {
    history.replaceState(null, "", link.getAttribute("href"));
    try {
      await navigator.clipboard.writeText(location.href);
      tell("the address of these settings is copied");
    } catch {
      tell("the address of this page now has these settings: copy it from there");
    }
  }

  // Paints white on black, at the size of the picture, and gives it to the field of the mask as if it were chosen there.
  async function paint() {
    const picture = find("#picture img");
    try {
      await picture.decode();
    } catch {
      return tell("there is no picture to paint on that this browser can show: upload one");
    }
    const dialog = document.body.appendChild(document.createElement("dialog"));
    dialog.id = "painter";
    dialog.setAttribute("aria-label", "Paint the mask");
    dialog.innerHTML = `<p>Paint over what is to be dreamt on; the rest stays as it is.</p>
            <div class="canvases"><img alt="your picture"><canvas aria-label="the mask"></canvas></div>
            <form method="dialog"><label>Brush <input type="range" min="1" max="40" value="12" aria-label="size of the brush"></label>
            <button type="button" value="clear">Clear</button><button value="use">Use this mask</button>
            <button value="cancel">Cancel</button></form>`;
    const canvas = find("canvas", dialog),
      context = canvas.getContext("2d"),
      scale = Math.min(1, 2048 / Math.max(picture.naturalWidth, picture.naturalHeight));
    find("img", dialog).src = picture.src;
    canvas.width = Math.round(picture.naturalWidth * scale);
    canvas.height = Math.round(picture.naturalHeight * scale);
    const clear = () => {
      context.fillStyle = "black";
      context.fillRect(0, 0, canvas.width, canvas.height);
    };
    clear();
    context.strokeStyle = "white";
    context.lineCap = context.lineJoin = "round";
    let last = null;
    const stroke = (event) => {
      const box = canvas.getBoundingClientRect();
      const at = [
        ((event.clientX - box.left) / box.width) * canvas.width,
        ((event.clientY - box.top) / box.height) * canvas.height,
      ];
      context.lineWidth = (find("input", dialog).value / 100) * Math.max(canvas.width, canvas.height);
      context.beginPath();
      context.moveTo(...(last ?? at));
      context.lineTo(...at);
      context.stroke();
      last = at;
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      stroke(event);
    });
    canvas.addEventListener("pointermove", (event) => last && stroke(event));
    for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, () => (last = null));
    find("[value=clear]", dialog).addEventListener("click", clear);
    dialog.addEventListener("close", () => {
      if (dialog.returnValue === "use") canvas.toBlob(give);
      dialog.remove();
      find("#paint")?.focus();
    });
    dialog.showModal();
  }

  async function give(blob) {
    find("#mask [aria-label='Remove Image']")?.click();
    for (let tries = 0; tries < 50 && !find("#mask input[type=file]"); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const field = find("#mask input[type=file]"),
      files = new DataTransfer();
    files.items.add(new File([blob], "mask.png", { type: "image/png" }));
    field.files = files.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
})();

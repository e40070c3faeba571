// What the scripts share: the data, colours of the theme, and drawing again when it changes.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const scenes = JSON.parse($("#report-data").textContent);
const darkness = matchMedia("(prefers-color-scheme: dark)");
const fine = matchMedia("(pointer: fine)");
const repaints = [];
darkness.addEventListener("change", () => repaints.forEach((repaint) => repaint()));

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const groupColor = (index) => color(`g${index % 6}`);
const groupDash = (index) => ["solid", "dash", "dot", "dashdot"][Math.floor(index / 6) % 4];
const clear = (hex, opacity) => `rgba(${[1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)).join(",")},${opacity})`;
const inMarkup = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;"); // plotly reads tags in its texts
const grouped = (value) => value.toLocaleString("en-US");
const short = (value) => (value === null ? "–" : String(Number(value.toPrecision(3))).replace("-", "−"));

// Whole numbers from base64: 16-bit little-endian or bytes.
function decode(part) {
  const text = atob(part.data);
  const raw = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) raw[i] = text.charCodeAt(i);
  return { shape: part.shape, values: part.bytes === 2 ? new Int16Array(raw.buffer) : raw };
}

// A quantised coordinate in the units of the data, or null outside of what is kept.
function inUnits(scene, value, axis) {
  const [low, high] = scene.backdrop.view[axis];
  return value === -32768 ? null : low + ((high - low) * value) / scene.unit;
}

// A quantised list of points as two lists of coordinates.
function coordinates(scene, part) {
  const { values } = decode(part);
  const axes = [[], []];
  values.forEach((value, i) => axes[i % 2].push(inUnits(scene, value, i % 2)));
  return axes;
}

for (const scene of scenes) {
  const { backdrop } = scene;
  backdrop.shades = backdrop.heat && decode(backdrop.heat);
  backdrop.lines = backdrop.outlines.map(decode);
  backdrop.points = backdrop.truth && decode(backdrop.truth);
}

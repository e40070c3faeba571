// Which entrants are shown, by name and by what they change, and at which learning rate.
const form = $(".filters");
const [find, kind, rate, count] = [".find", ".kind", ".rate", ".count"].map((selector) => $(selector, form));
const choices = $$(".choice");
const fits = (entrant, kinds) => {
  const wanted = find.value.trim().toLowerCase();
  return entrant.toLowerCase().includes(wanted) && (!kind.value || kinds.includes(kind.value));
};

const listeners = []; // what else follows the filters
function filter() {
  const known = new Map();
  for (const row of $$("tbody tr[data-kinds]")) {
    const seen = fits(row.dataset.entrant, row.dataset.kinds.split("|"));
    row.hidden = !seen;
    known.set(row.dataset.entrant, seen);
  }
  for (const curve of $$(".costs [data-entrant]")) curve.classList.toggle("faint", known.get(curve.dataset.entrant) === false);
  for (const choice of choices) {
    const alone = $$(".choice", choice.parentElement).length < 2;
    choice.hidden = !alone && choice.dataset.table !== rate.value;
  }
  const shown = [...known.values()].filter(Boolean).length;
  count.textContent = `${shown} of ${known.size} entrants`;
  listeners.forEach((listener) => listener());
}

rate.closest("label").hidden = !choices.some((choice) => choice.dataset.table === "best");
form.addEventListener("submit", (event) => event.preventDefault());
[find, kind, rate].forEach((control) => control.addEventListener("input", filter));

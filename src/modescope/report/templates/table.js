// Tables whose columns sort when their titles are pressed; the floor stays below.
for (const table of $$("table.sortable")) {
  const heads = $$("thead th", table);
  const body = $("tbody", table);
  heads.forEach((head, column) => $("button", head).addEventListener("click", () => {
    const rising = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const value = (row) => parseFloat(row.cells[column].dataset.value);
    const order = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y); // no value comes last
      return rising ? x - y : y - x;
    };
    body.append(...$$("tr", body).sort(order));
  }));
}

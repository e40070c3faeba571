// Curves along training, every group in one plot.
function drawCharts(root) {
  const scene = scenes[root.dataset.scene];
  const hidden = new Set();
  const places = $$(".plot", root);
  const lines = $(".lines", root);
  const paint = () => scene.charts.forEach((chart, i) => {
    const each = lines.getAttribute("aria-pressed") === "true";
    const seen = chart.curves.filter((curve) => !hidden.has(curve.group));
    const traces = seen.flatMap((curve) => (each ? memberTraces(curve) : bandTraces(curve)));
    traces.push(...seen.map((curve) => medianTrace(scene, curve, each)));
    Plotly.react(places[i], traces, chartLayout(chart), { responsive: true, displayModeBar: false });
  });
  const flip = (button) => button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
  for (const button of $$(".toggle", root)) {
    button.addEventListener("click", () => {
      flip(button);
      const group = Number(button.dataset.group);
      if (!hidden.delete(group)) hidden.add(group);
      paint();
    });
  }
  lines.addEventListener("click", () => {
    flip(lines);
    paint();
  });
  repaints.push(paint);
  paint();
}

// The area between two rows of the bands: the least, the quartiles and the greatest value are rows 0 to 4.
function area(curve, low, high, opacity) {
  const edge = { x: curve.steps, mode: "lines", line: { width: 0 }, hoverinfo: "skip" };
  const fill = { fill: "tonexty", fillcolor: clear(groupColor(curve.group), opacity) };
  return [{ ...edge, y: curve.bands[low] }, { ...edge, ...fill, y: curve.bands[high] }];
}

const bandTraces = (curve) => [...area(curve, 0, 4, 0.1), ...area(curve, 1, 3, 0.22)];

const memberTraces = (curve) => curve.values.map((y) => ({
  x: curve.steps, y, mode: "lines", opacity: 0.4, line: { color: groupColor(curve.group), width: 1 }, hoverinfo: "skip",
}));

function medianTrace(scene, curve, faint) {
  return {
    x: curve.steps, y: curve.bands[2], mode: "lines", name: inMarkup(scene.labels[curve.group]),
    opacity: faint ? 0 : 1, line: { color: groupColor(curve.group), width: 2.2, dash: groupDash(curve.group) },
    hovertemplate: "%{y:.3g}",
  };
}

function chartLayout(chart) {
  const grid = { gridcolor: color("line"), zeroline: false, linecolor: color("line") };
  const floor = chart.floor === null ? [] : [{
    type: "line", xref: "paper", x0: 0, x1: 1, y0: chart.floor, y1: chart.floor,
    line: { color: color("ink"), width: 1.2, dash: "dash" },
  }];
  return {
    ...paper(), margin: { l: 48, r: 12, t: 10, b: 40 }, hovermode: "x unified", shapes: floor,
    dragmode: fine.matches ? "zoom" : false,
    xaxis: { ...grid, showgrid: false, title: { text: "step", standoff: 6 }, nticks: 6 },
    yaxis: { ...grid, range: chart.limits, nticks: 6 },
  };
}

$$(".curves").forEach(drawCharts);

// The final samples of each member, as small plots to look into.
function drawPanel(place) {
  const scene = scenes[place.dataset.scene];
  const part = scene.panels[place.dataset.part];
  const panel = part.panels[place.dataset.panel];
  const traces = scene.backdrop.kind === "line" ? lineTraces(scene, part, panel) : planeTraces(scene, part, panel);
  Plotly.react(place, traces, panelLayout(scene), { responsive: true, displayModeBar: false });
}

function planeTraces(scene, part, panel) {
  const { backdrop } = scene;
  const traces = [];
  if (backdrop.truth) {
    const [x, y] = coordinates(scene, backdrop.truth);
    traces.push({ x, y, mode: "markers", hoverinfo: "skip", marker: { size: 3, color: color("shade"), opacity: 0.5 } });
  }
  const outline = [[], []];
  for (const line of backdrop.outlines) {
    coordinates(scene, line).forEach((values, axis) => outline[axis].push(...values, null));
  }
  const [x, y] = coordinates(scene, panel.points);
  const ink = { color: color("soft"), width: 1 };
  traces.push({ x: outline[0], y: outline[1], mode: "lines", hoverinfo: "skip", opacity: 0.7, line: ink });
  traces.push({
    x, y, mode: "markers", hovertemplate: "%{x:.3g}, %{y:.3g}<extra></extra>",
    marker: { size: 4.5, color: groupColor(part.group), opacity: 0.6, line: { width: 0 } },
  });
  return traces;
}

function lineTraces(scene, part, panel) {
  const [low, high] = scene.backdrop.view[0];
  const width = (high - low) / scene.bins;
  const x = panel.bars.map((_, i) => low + (i + 0.5) * width);
  const [places, density] = scene.backdrop.profile;
  const paint = { color: groupColor(part.group), opacity: 0.6, line: { width: 0 } };
  return [
    { x, y: panel.bars, type: "bar", width, marker: paint, hovertemplate: "%{x:.3g}: %{y:.3g}<extra></extra>" },
    { x: places, y: density, mode: "lines", hoverinfo: "skip", line: { color: color("ink"), width: 1.5 } },
  ];
}

function panelLayout(scene) {
  const { backdrop } = scene;
  const onLine = backdrop.kind === "line";
  const [[left, right], [low, high]] = onLine ? [backdrop.view[0], [0, ceiling(scene)]] : backdrop.view;
  const axis = { showgrid: false, zeroline: false, nticks: 4, tickfont: { size: 10 }, linecolor: color("line") };
  const heat = backdrop.shades && {
    source: heatOf(scene).address, xref: "x", yref: "y", x: left, y: high, sizex: right - left, sizey: high - low,
    sizing: "stretch", layer: "below",
  };
  return {
    ...paper(), margin: { l: 30, r: 6, t: 6, b: 20 }, dragmode: fine.matches ? "zoom" : false, bargap: 0,
    xaxis: { ...axis, range: [left, right] }, yaxis: { ...axis, range: [low, high] }, images: heat ? [heat] : [],
  };
}

// What all plots have in common.
function paper() {
  const face = getComputedStyle(document.body).fontFamily;
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
    font: { family: face, size: 12, color: color("soft") },
    hoverlabel: { bgcolor: color("card"), bordercolor: color("line"), font: { color: color("ink") } },
  };
}

// Panels are drawn when they come near the screen; a page may have many.
const drawn = new Set();
const watch = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((each) => each.isIntersecting)) {
    watch.unobserve(entry.target);
    drawn.add(entry.target);
    drawPanel(entry.target);
  }
}, { rootMargin: "800px" });
$$(".panels .plot").forEach((place) => watch.observe(place));
repaints.push(() => drawn.forEach(drawPanel));
addEventListener("beforeprint", () => $$(".panels .plot").forEach(drawPanel));

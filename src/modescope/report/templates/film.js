// The film of training: every group's members on canvases, or as pictures of images, moved by one slider.
function startFilm(root) {
  const scene = scenes[root.dataset.scene];
  const films = $$("[data-film]", root).map((place) => filmOf(scene, place));
  const steps = [...new Set(films.flatMap((film) => film.steps))].sort((a, b) => a - b);
  const [play, slider, readout, seeds, speed] =
    [".play", "input", "output", ".members", ".speed"].map((selector) => $(selector, root));
  slider.max = steps.length - 1;
  slider.value = slider.max;

  const show = () => {
    const step = steps[slider.value];
    const text = `step ${grouped(step)} of ${grouped(steps.at(-1))}`;
    readout.textContent = text;
    slider.setAttribute("aria-valuetext", text);
    films.forEach((film) => showFrame(scene, film, step));
  };

  let since = null; // when the film was last moved on, while it plays
  const turn = (on) => {
    since = on ? performance.now() : null;
    play.textContent = on ? "❚❚ Pause" : "▶ Play";
    if (on) requestAnimationFrame(tick);
  };
  const tick = (now) => {
    if (since === null) return;
    const pause = Math.max(16, 12000 / steps.length) / Number(speed.value);
    const due = Math.floor((now - since) / pause);
    if (due > 0) {
      since += due * pause;
      slider.value = Number(slider.value) + due;
      show();
    }
    if (slider.value === slider.max) turn(false);
    else requestAnimationFrame(tick);
  };
  play.addEventListener("click", () => {
    if (since === null && slider.value === slider.max) slider.value = 0;
    turn(since === null);
    show();
  });
  slider.addEventListener("input", () => {
    turn(false);
    show();
  });

  const labels = [...new Set(films.flatMap((film) => film.labels))];
  const choices = [["all", "all"], ["worst", "the worst"], ["best", "the best"], ...labels.map((label) => [label, label])];
  choices.forEach(([value, text]) => seeds.add(new Option(text, value)));
  const choose = () => {
    for (const film of films) {
      film.cells.forEach((cell, i) => {
        const end = seeds.value === "worst" ? i === 0 : seeds.value === "best" && i === film.cells.length - 1;
        cell.figure.hidden = !(seeds.value === "all" || end || seeds.value === film.labels[i]);
      });
      const few = film.cells.filter((cell) => !cell.figure.hidden).length <= 2;
      film.reel.style.setProperty("--cell", few ? "16rem" : film.pictures ? "9rem" : "5.6rem");
    }
    show();
  };
  seeds.value = films.reduce((sum, film) => sum + film.cells.length, 0) > 32 ? "worst" : "all";
  seeds.addEventListener("change", choose);
  repaints.push(() => {
    films.forEach((film) => film.cells.forEach((cell) => { cell.ground = null; }));
    show();
  });
  new ResizeObserver(show).observe(root);
  choose();
}

function filmOf(scene, place) {
  const film = scene.films[place.dataset.film];
  const cells = $$("figure", place).map((figure) => ({
    figure, canvas: $("canvas", figure), image: $("img", figure), value: $(".value", figure), ground: null,
  }));
  const points = film.pictures ? {} : decode(film.points);
  return { ...film, ...points, cells, reel: $(".reel", place), score: $(".score", place) };
}

// The newest frame of a film at a step; runs may be of different length.
function frameAt(film, step) {
  let frame = film.steps.findIndex((each) => each > step);
  return frame === -1 ? film.steps.length - 1 : Math.max(0, frame - 1);
}

function showFrame(scene, film, step) {
  const frame = frameAt(film, step);
  film.cells.forEach((cell, member) => {
    if (cell.figure.hidden) return;
    if (film.pictures) cell.image.src = film.pictures[frame][member];
    else paintPoints(scene, film, frame, member, cell);
    cell.value.textContent = scoreText(scene, film, film.scores[frame][member]);
  });
  const mean = film.mean[frame];
  film.score.textContent = film.measure === "modes"
    ? `${short(mean)} of ${grouped(scene.modes)} modes on average`
    : `sliced W2 ${short(mean)} on average`;
}

function paintPoints(scene, film, frame, member, cell) {
  const pen = freshCanvas(scene, cell);
  if (scene.backdrop.kind === "line") paintBars(scene, film, frame, member, pen);
  else paintDots(scene, film, frame, member, pen);
}

const scoreText = (scene, film, score) => (film.measure === "modes" ? `${short(score)}/${scene.modes}` : short(score));

// A canvas of the right size with its backdrop, which is painted once for each size and theme.
function freshCanvas(scene, cell) {
  const { canvas } = cell;
  const scale = Math.min(2, devicePixelRatio || 1);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((size) => Math.max(1, Math.round(size * scale)));
  if (canvas.width !== width || canvas.height !== height) {
    [canvas.width, canvas.height, cell.ground] = [width, height, null];
  }
  if (!cell.ground) {
    cell.ground = new OffscreenCanvas(width, height);
    if (scene.backdrop.kind !== "line") paintPlane(scene, cell.ground.getContext("2d"), width, height);
  }
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  pen.drawImage(cell.ground, 0, 0);
  return pen;
}

function paintDots(scene, film, frame, member, pen) {
  const [, members, count] = film.shape;
  const { width, height } = pen.canvas;
  const size = Math.min(6, Math.max(2, width / 75));
  pen.fillStyle = clear(groupColor(film.group), 0.62);
  const start = (frame * members + member) * count * 2;
  for (let i = start; i < start + 2 * count; i += 2) {
    const [x, y] = [film.values[i] / scene.unit, 1 - film.values[i + 1] / scene.unit];
    if (x >= 0 && x <= 1 && y >= 0 && y <= 1) dot(pen, x * width, y * height, size);
  }
}

function paintBars(scene, film, frame, member, pen) {
  const [, members, count] = film.shape;
  const { width, height } = pen.canvas;
  const [low, high] = scene.backdrop.view[0];
  const counts = new Array(scene.bins).fill(0);
  const start = (frame * members + member) * count;
  for (let i = start; i < start + count; i++) {
    const bin = Math.floor((film.values[i] / scene.unit) * scene.bins);
    if (bin >= 0 && bin < scene.bins) counts[bin]++;
  }
  const top = ceiling(scene);
  pen.fillStyle = clear(groupColor(film.group), 0.62);
  counts.forEach((number, bin) => {
    const tall = (((number / count) * scene.bins) / (high - low) / top) * height;
    pen.fillRect((bin / scene.bins) * width, height - tall, width / scene.bins, tall);
  });
  pen.strokeStyle = color("ink");
  pen.lineWidth = Math.max(1, width / 200);
  pen.beginPath();
  const [places, density] = scene.backdrop.profile;
  places.forEach((x, i) => pen.lineTo(((x - low) / (high - low)) * width, (1 - density[i] / top) * height));
  pen.stroke();
}

$$(".player").forEach(startFilm);

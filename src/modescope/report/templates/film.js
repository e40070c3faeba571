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
  repaints.push(show);
  new ResizeObserver(show).observe(root);
  choose();
}

function filmOf(scene, place) {
  const film = scene.films[place.dataset.film];
  const cells = $$("figure", place).map((figure) => ({
    figure, canvas: $("canvas", figure), image: $("img", figure), value: $(".value", figure),
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
    else paintPoints(scene, film, frame, member, cell.canvas);
    cell.value.textContent = scoreText(scene, film, film.scores[frame][member]);
  });
  const mean = film.mean[frame];
  film.score.textContent = film.measure === "modes"
    ? `${short(mean)} of ${grouped(scene.modes)} modes on average`
    : `sliced W2 ${short(mean)} on average`;
}

const scoreText = (scene, film, score) => (film.measure === "modes" ? `${short(score)}/${scene.modes}` : short(score));

$$(".player").forEach(startFilm);

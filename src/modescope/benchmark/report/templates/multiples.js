// Samples of every seed of every entrant, moved through training by one slider; only what is near the screen is painted.
const allReels = JSON.parse($("#reels-data").textContent);

function startStage(root) {
  const [play, slider, readout, seeds] = [".play", "input", "output", ".members"].map((selector) => $(selector, root));
  const cards = allReels[root.dataset.part].map((reel) => cardOf(reel));
  $(".reels", root).append(...cards.map((card) => card.place));
  const frames = Math.max(0, ...cards.map(({ reel }) => reel.steps.length));
  slider.max = frames; // the last place is that of the final samples
  slider.value = frames;

  const near = ({ place }) => {
    const { top, bottom } = place.getBoundingClientRect();
    return bottom > top && bottom > -300 && top < innerHeight + 300;
  };
  const paint = (card) => {
    const wanted = `${slider.value} ${seeds.value} ${card.place.clientWidth}`;
    if (card.drawn === wanted) return;
    card.drawn = wanted;
    card.panels.forEach((panel, member) => {
      if (!panel.figure.hidden) paintPanel(card.reel, panel, member, Number(slider.value), frames);
    });
  };
  const show = () => {
    const share = frames ? Math.round((100 * slider.value) / frames) : 100;
    const text = Number(slider.value) === frames ? "final samples" : `${share} % of training`;
    readout.textContent = text;
    slider.setAttribute("aria-valuetext", text);
    cards.filter(near).forEach(paint);
  };

  let timer = null;
  const turn = (on) => {
    clearInterval(timer);
    timer = on ? setInterval(step, 300) : null;
    play.textContent = on ? "❚❚ Pause" : "▶ Play";
  };
  const step = () => {
    slider.value = Number(slider.value) + 1;
    show();
    if (slider.value === slider.max) turn(false);
  };
  play.addEventListener("click", () => {
    if (timer === null && slider.value === slider.max) slider.value = 0;
    turn(timer === null);
    show();
  });
  slider.addEventListener("input", () => {
    turn(false);
    show();
  });

  const choose = () => {
    for (const { place, reel, grid, panels } of cards) {
      grid.classList.toggle("alone", seeds.value === "worst");
      const alone = !cards.some((card) => card.reel.tables.includes("best"));
      place.hidden = !(fits(reel.entrant, reel.kinds) && (alone || reel.tables.includes(rate.value)));
      panels.forEach(({ figure }, i) => { figure.hidden = i > 0 && seeds.value === "worst"; });
    }
    show();
  };
  seeds.addEventListener("change", choose);
  listeners.push(choose);
  repaints.push(() => {
    cards.forEach((card) => { card.drawn = ""; });
    show();
  });
  addEventListener("scroll", show, { passive: true });
  addEventListener("beforeprint", () => cards.forEach(paint));
  new ResizeObserver(show).observe(root);
}

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function cardOf(reel) {
  const place = element("section", "", "reel-card");
  const head = element("h4", reel.entrant);
  head.append(element("small", reel.mean));
  const grid = element("div", "", "seeds-grid");
  grid.style.setProperty("--aspect", scenes[reel.scene].backdrop.aspect || 1);
  const panels = reel.seeds.map((seed, member) => {
    const figure = element("figure");
    const picture = element(reel.pictures.length ? "img" : "canvas");
    const about = `Samples of ${reel.entrant}, seed ${seed}: ${reel.fates[member]}`;
    if (reel.pictures.length) [picture.src, picture.alt] = [reel.pictures[member], about];
    else {
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", about);
    }
    const caption = element("figcaption");
    figure.append(picture, caption);
    grid.append(figure);
    return { figure, picture, caption };
  });
  place.append(head, grid);
  return { reel, place, grid, panels, drawn: "" };
}

// The cloud of points of a reel, decoded when it is first drawn.
const clouds = new Map();
function cloud(part) {
  if (!clouds.has(part)) clouds.set(part, { ...decode(part), group: 0 });
  return clouds.get(part);
}

function paintPanel(reel, panel, member, place, frames) {
  const last = place >= frames || !reel.steps.length;
  const frame = Math.min(reel.steps.length - 1, Math.round((place / Math.max(1, frames - 1)) * (reel.steps.length - 1)));
  const scene = scenes[reel.scene];
  if (!reel.pictures.length) {
    const film = cloud(last ? reel.final : reel.points);
    paintPoints(scene, film, last ? 0 : frame, member, panel.picture);
  }
  panel.caption.textContent = captionOf(reel, member, last ? null : frame, scene);
}

function captionOf(reel, member, frame, scene) {
  if (frame === null && member === 0) return `worst, seed ${reel.seeds[0]}: ${reel.fates[0]}`;
  if (frame === null) return reel.marks[member];
  const count = scene.modes === null ? "" : `${short(reel.counts[frame][member])}/${scene.modes}`;
  const when = `at step ${grouped(reel.steps[frame])}`;
  return member === 0 ? `worst, seed ${reel.seeds[0]}: ${count} ${when}` : count;
}

$$(".stage").forEach(startStage);
filter();

// Samples of a member on a canvas: dots on a plane, or bars on a line.
const grounds = new Map(); // backdrops by scene and size, until the theme changes or the page is resized often
repaints.push(() => grounds.clear());

// A canvas of the right size with its backdrop.
function freshCanvas(scene, canvas) {
  const scale = Math.min(2, devicePixelRatio || 1);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((size) => Math.max(1, Math.round(size * scale)));
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const key = `${scenes.indexOf(scene)} ${width} ${height}`;
  if (!grounds.has(key)) {
    if (grounds.size > 40) grounds.clear();
    const ground = new OffscreenCanvas(width, height);
    if (scene.backdrop.kind !== "line") paintPlane(scene, ground.getContext("2d"), width, height);
    grounds.set(key, ground);
  }
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  pen.drawImage(grounds.get(key), 0, 0);
  return pen;
}

// The samples of one member at one frame of a film.
function paintPoints(scene, film, frame, member, canvas) {
  const pen = freshCanvas(scene, canvas);
  if (scene.backdrop.kind === "line") paintBars(scene, film, frame, member, pen);
  else paintDots(scene, film, frame, member, pen);
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

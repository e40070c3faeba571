// The density as an image in the colours of the theme.
function heatImage(scene) {
  const { shape, values } = scene.backdrop.shades;
  const canvas = document.createElement("canvas");
  [canvas.height, canvas.width] = shape;
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(canvas.width, canvas.height);
  const shade = color("shade");
  const [red, green, blue] = [1, 3, 5].map((i) => parseInt(shade.slice(i, i + 2), 16));
  values.forEach((value, i) => image.data.set([red, green, blue, value * 0.85], 4 * i));
  pen.putImageData(image, 0, 0);
  return canvas;
}

const heats = new Map(); // by scene, until the theme changes
repaints.push(() => heats.clear());
function heatOf(scene) {
  if (!heats.has(scene)) {
    const image = heatImage(scene);
    heats.set(scene, { image, address: image.toDataURL() });
  }
  return heats.get(scene);
}

// Density, outlines and true samples of a plane on a canvas of this size.
function paintPlane(scene, pen, width, height) {
  const { backdrop, unit } = scene;
  pen.clearRect(0, 0, width, height);
  if (backdrop.shades) {
    pen.imageSmoothingQuality = "high";
    pen.drawImage(heatOf(scene).image, 0, 0, width, height);
  }
  if (backdrop.points) {
    const { values } = backdrop.points;
    const size = Math.max(1.5, width / 110) * (values.length < 200 ? 2 : 1);
    pen.fillStyle = clear(color("shade"), 0.55);
    for (let i = 0; i < values.length; i += 2) {
      dot(pen, (values[i] / unit) * width, (1 - values[i + 1] / unit) * height, size);
    }
  }
  pen.strokeStyle = clear(color("soft"), 0.7);
  pen.lineWidth = Math.max(0.75, width / 400);
  for (const { values } of backdrop.lines) {
    pen.beginPath();
    for (let i = 0; i < values.length; i += 2) pen.lineTo((values[i] / unit) * width, (1 - values[i + 1] / unit) * height);
    pen.stroke();
  }
}

function dot(pen, x, y, size) {
  if (size < 3.5) return pen.fillRect(x - size / 2, y - size / 2, size, size); // no rounder to the eye, and faster
  pen.beginPath();
  pen.arc(x, y, size / 2, 0, 2 * Math.PI);
  pen.fill();
}

// The greatest density that panels of a line show; a collapsed generator's bars are cut off there.
const ceiling = (scene) => 2 * Math.max(...scene.backdrop.profile[1]);

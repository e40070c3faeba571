// Pictures of images: each pixel a square where they are enlarged, smooth where they are made smaller; a press enlarges.
const pictures = $$("main img.mosaic");
const sharpen = (image) => image.classList.toggle("sharp", image.clientWidth >= image.naturalWidth);
const sizes = new ResizeObserver((entries) => entries.forEach((entry) => sharpen(entry.target)));
for (const image of pictures) sizes.observe(image);

const lens = $("dialog.lens");
if (lens) {
  const [image, text] = [$("img", lens), $("p", lens)];
  for (const button of $$("button.enlarge")) {
    button.addEventListener("click", () => {
      const shown = $("img", button);
      image.src = shown.src;
      image.alt = shown.alt;
      text.textContent = shown.alt;
      const scale = Math.min(innerWidth * 0.92 / shown.naturalWidth, (innerHeight * 0.92 - 60) / shown.naturalHeight);
      image.width = Math.round(shown.naturalWidth * (scale > 1 ? Math.floor(scale) : scale));
      lens.showModal();
    });
  }
  lens.addEventListener("click", () => lens.close());
}

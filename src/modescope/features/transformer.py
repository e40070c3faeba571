"""Vision transformers of the library transformers: DINOv2 and CLIP."""

__all__ = ["CLIP", "DINOv2"]

from typing import Any

import torch
from torch import Tensor

from ..core.errors import ModescopeError, extra
from .base import Features, weights_hash
from .resize import colour, resize

SIZE = 224
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
OPENAI = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


class Transformer(Features):
    """What the two share: colour, size, mean and spread, a pretrained network."""

    scale: tuple[tuple[float, ...], tuple[float, ...]]

    def __init__(self, network: Any, device: str) -> None:
        self.network = network.eval().requires_grad_(False).to(device)
        self.device = device

    def prepare(self, images: Tensor) -> Tensor:
        """Images as the network was trained on them."""
        mean, spread = (torch.tensor(row, device=self.device)[:, None, None] for row in self.scale)
        return (resize(colour(images.to(self.device)), SIZE) / 255 - mean) / spread

    def fingerprint(self) -> str:
        return weights_hash(self.network, f"{type(self).__name__} 1")


class DINOv2(Transformer):
    r"""The class token of DINOv2, a transformer trained on images without labels.

    References:
        | DINOv2: Learning Robust Visual Features without Supervision (Oquab et al., 2023)
        | https://arxiv.org/abs/2304.07193
        | Exposing flaws of generative model evaluation metrics and their unfair treatment of diffusion models (Stein et
          al., 2023), which finds it to agree with people better than Inception
        | https://arxiv.org/abs/2306.04675

    Arguments:
        model: The name of the weights on the Hugging Face hub, or a folder that holds them.
        device: Where it computes.
    """

    scale = IMAGENET

    def __init__(self, model: str = "", device: str = "cpu") -> None:
        model = model or "facebook/dinov2-large"
        super().__init__(pretrained("AutoModel", model, "dinov2"), device)
        self.name = "dinov2"
        self.dim = int(self.network.config.hidden_size)
        self.protocol = (
            f"images in colour at {SIZE} x {SIZE} (antialiased bicubic), ImageNet's mean and spread, class token of "
            f"the last layer of {model}"
        )

    def __call__(self, batch: Tensor) -> Tensor:
        with torch.inference_mode():
            made: Tensor = self.network(pixel_values=self.prepare(batch)).last_hidden_state[:, 0]
        return made


class CLIP(Transformer):
    r"""The image embedding of CLIP, a transformer trained on images and their captions.

    References:
        | Learning Transferable Visual Models From Natural Language Supervision (Radford et al., 2021)
        | https://arxiv.org/abs/2103.00020

    Arguments:
        model: The name of the weights on the Hugging Face hub, or a folder that holds them.
        device: Where it computes.
    """

    scale = OPENAI

    def __init__(self, model: str = "", device: str = "cpu") -> None:
        model = model or "openai/clip-vit-base-patch32"
        super().__init__(pretrained("CLIPVisionModelWithProjection", model, "clip"), device)
        self.name = "clip"
        self.dim = int(self.network.config.projection_dim)
        self.protocol = (
            f"images in colour at {SIZE} x {SIZE} (antialiased bicubic), CLIP's mean and spread, image embedding of "
            f"{model}, not normalised"
        )

    def __call__(self, batch: Tensor) -> Tensor:
        with torch.inference_mode():
            made: Tensor = self.network(pixel_values=self.prepare(batch)).image_embeds
        return made


def pretrained(kind: str, model: str, name: str) -> Any:
    """A network of the library transformers, whose weights are downloaded when first used."""
    library = extra("transformers", "transformers", name)
    try:
        return getattr(library, kind).from_pretrained(model)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModescopeError(f"{name} cannot be loaded from {model!r}: {reason[0]}") from error

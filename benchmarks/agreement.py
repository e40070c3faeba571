"""Our values beside those of other people's code and of closed forms, on the same arrays: ``benchmarks agreement``.

Prints the tables, and writes them to ``docs/agreement.json`` and between the marks of ``docs/agreement.md``.
"""

import contextlib
import io
import json
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import ot
import prdc as prdc_package
import pytorch_msssim
import scipy
import scipy.stats
import sklearn
import torch
from scipy.linalg import sqrtm
from sklearn.cluster import KMeans
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from torch import Tensor
from torchmetrics.image.fid import _compute_fid
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import poly_mmd
from vendi_score import vendi

from modescope.core.files import atomic_write
from modescope.metrics import (
    Moments,
    authenticity,
    compare_bins,
    frechet_distance,
    frechet_from_moments,
    inception_score,
    kid,
    kl_knn,
    kmeans,
    mmd2,
    ms_ssim,
    nearest_neighbour_test,
    neighbours,
    prdc,
    random_directions,
    sliced_wasserstein,
    vendi_score,
    wasserstein,
)

DOCS = Path(__file__).parents[1] / "docs"
MARKS = ("<!-- from python -m benchmarks agreement -->", "<!-- end -->")
FIELDS = ("precision", "recall", "density", "coverage")


@dataclass(frozen=True)
class Agreement:
    """One value of ours beside another's.

    Arguments:
        measure: What is measured.
        other: Whose value it is held against.
        arrays: On what.
        ours: Our value.
        theirs: The other's.
        error: The standard error of ours, where it estimates a closed form; 0 where both should be equal.
        why: What explains a difference that is more than rounding.
    """

    measure: str
    other: str
    arrays: str
    ours: float
    theirs: float
    error: float = 0.0
    why: str = ""

    @property
    def difference(self) -> float:
        """Ours less theirs."""
        return self.ours - self.theirs

    def cells(self) -> list[str]:
        gap = f"{self.difference:.1e}" if self.difference else "0"
        if self.error:
            gap += f" ({abs(self.difference) / self.error:.1f} standard errors)"
        return [self.measure, self.other, f"{self.ours:.9g}", f"{self.theirs:.9g}", gap]


def normals(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pair(n: int, m: int, dim: int) -> tuple[Tensor, Tensor]:
    """Two correlated sets whose means and spreads differ."""
    mix = normals(dim, dim, seed=7) / math.sqrt(dim)
    return normals(n, dim) @ mix, 0.3 + 0.9 * normals(m, dim, seed=1) @ mix


def by_sqrtm(x: Tensor, y: Tensor) -> float:
    """The Fréchet distance as in the original code."""
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    gap = (x.mean(0) - y.mean(0)).square().sum().item()
    return float(gap + np.trace(a) + np.trace(b) - 2 * np.trace(sqrtm(a @ b)).real)


def by_torchmetrics(x: Tensor, y: Tensor) -> float:
    return _compute_fid(x.mean(0), x.T.cov(), y.mean(0), y.T.cov()).item()


def by_prdc(real: Tensor, fake: Tensor, k: int) -> dict[str, float]:
    with contextlib.redirect_stdout(io.StringIO()):
        return {key: float(value) for key, value in prdc_package.compute_prdc(real.numpy(), fake.numpy(), k).items()}


def original_inception_score(logits: Tensor) -> float:
    """By the formula of the original code, which takes logarithms of probabilities."""
    p = logits.softmax(1).numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.exp((p * (np.log(p) - np.log(p.mean(0)))).sum(1).mean()))


class Identity(torch.nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


def moments() -> Iterator[Agreement]:
    x, y = pair(1000, 800, 64)
    arrays = "1,000 and 800 correlated normals in 64 dimensions"
    yield Agreement("Fréchet distance", "SciPy's `sqrtm`", arrays, frechet_distance(x, y).item(), by_sqrtm(x, y))
    yield Agreement("Fréchet distance", "torchmetrics", arrays, frechet_distance(x, y).item(), by_torchmetrics(x, y))
    x, y = pair(300, 300, 64)
    arrays = "300 and 300 correlated normals in 64 dimensions"
    yield Agreement("kernel distance (KID)", "torchmetrics", arrays, kid(x, y).item(), poly_mmd(x, y).item())
    xx, yy, xy = (polynomial_kernel(a, b, degree=3) for a, b in ((x, x), (y, y), (x, y)))
    within = sum((k.sum() - np.trace(k)) / (300 * 299) for k in (xx, yy))
    yield Agreement("kernel distance (KID)", "scikit-learn", arrays, kid(x, y).item(), float(within - 2 * xy.mean()))
    logits = 3 * normals(300, 20).float()
    peer = InceptionScore(Identity(), splits=1)
    peer.update(logits)
    torch.manual_seed(0)  # it shuffles
    ours = inception_score(logits, 1).mean.item()
    yield Agreement(
        "Inception Score", "torchmetrics", "300 float32 logits of 20 classes", ours, peer.compute()[0].item()
    )


def neighbourhoods() -> Iterator[Agreement]:
    for dim in (2, 64, 512):
        real, fake = pair(600, 500, dim)
        ours, theirs = prdc(real, fake, 5), by_prdc(real, fake, 5)
        for field in FIELDS:
            arrays = f"600 and 500 correlated normals in {dim} dimensions, k = 5"
            yield Agreement(field, "`prdc`", arrays, getattr(ours, field).item(), theirs[field])
    real, fake = pair(400, 400, 16)
    pool = torch.cat([real, fake])
    nearest = NearestNeighbors(n_neighbors=1).fit(pool).kneighbors(return_distance=False)[:, 0]
    own = (nearest < 400) == (np.arange(800) < 400)
    arrays = "400 and 400 correlated normals in 16 dimensions"
    ours = nearest_neighbour_test(real, fake, stream(), 1).accuracy
    yield Agreement("leave-one-out 1-NN accuracy", "scikit-learn", arrays, ours, float(own.mean()))
    others = NearestNeighbors(n_neighbors=1).fit(real).kneighbors()[0][:, 0]
    distance, which = NearestNeighbors(n_neighbors=1).fit(real).kneighbors(fake)
    theirs = float((distance[:, 0] > others[which[:, 0]]).mean())
    yield Agreement("authenticity", "scikit-learn's neighbours", arrays, authenticity(real, fake).item(), theirs)
    kind = np.arange(800) >= 400
    train = np.arange(800) % 2 == 0
    model = KNeighborsClassifier(19).fit(pool[train], kind[train])
    votes = torch.from_numpy(kind[train])[neighbours(pool[~train], pool[train], 19).indices].double().mean(dim=1) > 0.5
    ours = float((votes.numpy() == kind[~train]).mean())
    theirs = float(model.score(pool[~train], kind[~train]))
    yield Agreement("held-out vote of 19 neighbours", "scikit-learn", arrays, ours, theirs)


def transport() -> Iterator[Agreement]:
    x, y = pair(300, 300, 8)
    arrays = "300 and 300 correlated normals in 8 dimensions"
    theirs = math.sqrt(ot.emd2([], [], ot.dist(x.numpy(), y.numpy())))
    yield Agreement("Wasserstein-2", "POT", arrays, wasserstein(x, y, 2).item(), theirs)
    directions = random_directions(128, 8)
    theirs = ot.sliced_wasserstein_distance(x.numpy(), y.numpy(), projections=directions.T.numpy(), p=2)
    yield Agreement("sliced W2", "POT", arrays, sliced_wasserstein(x, y, directions, 2).item(), float(theirs))
    theirs = scipy.stats.wasserstein_distance(x[:, 0], y[:, 0])
    ours = wasserstein(x[:, :1], y[:, :1]).item()
    yield Agreement("Wasserstein-1 on a line", "SciPy", "300 and 300 normals", ours, float(theirs))


def diversity() -> Iterator[Agreement]:
    x = 0.3 + normals(200, 12)
    unit = (x / x.norm(dim=1, keepdim=True)).numpy()
    for order in (1, 2):
        theirs = float(vendi.score_K(unit @ unit.T, q=order))
        arrays = f"200 normals in 12 dimensions, cosine kernel, order {order}"
        yield Agreement("Vendi score", "`vendi-score`", arrays, vendi_score(x, order=order).item(), theirs)
    kernel = np.exp(-(torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist").numpy() ** 2) / (2 * 4))
    ours, theirs = vendi_score(x, "gaussian", 2.0).item(), float(vendi.score_K(kernel))
    yield Agreement(
        "Vendi score", "`vendi-score`", "200 normals in 12 dimensions, Gaussian kernel of width 2", ours, theirs
    )
    coarse = torch.rand(4, 3, 6, 6, generator=stream(), dtype=torch.float64)
    images = torch.nn.functional.interpolate(coarse, (176, 176), mode="bilinear")
    a, b = images[:2], (images[:2] + images[2:]) / 2
    window = torch.exp(-(torch.arange(11) - 5.0).double().square() / 4.5)
    window = (window / window.sum()).expand(3, 1, 1, 11)
    theirs = pytorch_msssim.ms_ssim(a, b, data_range=1.0, win=window).item()
    ours = ms_ssim(a, b).mean().item()
    yield Agreement("MS-SSIM", "`pytorch-msssim`", "2 pairs of smooth colour images of side 176", ours, theirs)


def clusters() -> Iterator[Agreement]:
    x = normals(400, 6)
    start = kmeans(x, 7, stream(), iterations=0).centers.numpy()
    theirs = KMeans(7, init=start, n_init=1, tol=0, max_iter=100).fit(x.numpy()).inertia_
    arrays = "400 normals in 6 dimensions, 7 clusters, the same start"
    yield Agreement("k-means inertia", "scikit-learn", arrays, kmeans(x, 7, stream()).inertia.item(), float(theirs))
    real, fake = torch.tensor([50, 30, 20, 8]), torch.tensor([20, 35, 40, 3])
    table = [[50, 58], [20, 78]]
    theirs = float(scipy.stats.chi2_contingency(table, correction=False)[0])
    ours = compare_bins(real, fake).z[0].item() ** 2
    yield Agreement("z² of a bin (NDB)", "SciPy's chi-square", "50 of 108 and 20 of 98", ours, theirs)


def closed_forms() -> Iterator[Agreement]:
    """Normal laws N(0, I) and N(m, s² I), from their moments exactly, and from samples within the error."""
    dim, shift, scale = 5, 0.5, 1.5
    mean = torch.full((dim,), shift, dtype=torch.float64)
    one, zero = torch.eye(dim, dtype=torch.float64), torch.zeros(dim, dtype=torch.float64)
    frechet = dim * (shift**2 + (scale - 1) ** 2)
    ours = frechet_from_moments(zero, one, mean, scale**2 * one).item()
    yield Agreement(
        "Fréchet distance", "closed form", "moments of N(0, I) and N(½, 1.5² I), 5 dimensions", ours, frechet
    )

    def estimated(
        name: str, truth: float, of: Callable[[Tensor, Tensor], Tensor], n: int, dim: int, draws: int = 20
    ) -> Agreement:
        found = [
            of(normals(n, dim, seed=2 * i), shift + scale * normals(n, dim, seed=2 * i + 1)).item()
            for i in range(draws)
        ]
        arrays = f"mean of {draws} draws of {n:,} of each law, {dim} dimension{'s' if dim > 1 else ''}"
        return Agreement(
            name, "closed form", arrays, float(np.mean(found)), truth, float(np.std(found, ddof=1)) / math.sqrt(draws)
        )

    yield estimated("Wasserstein-2", math.hypot(shift, scale - 1), lambda x, y: wasserstein(x, y, 2), n=20_000, dim=1)
    kl = math.log(scale) + (1 + shift**2) / (2 * scale**2) - 0.5
    for size in (1, dim):
        yield estimated("KL by neighbours", size * kl, lambda x, y: kl_knn(x, y), n=4000, dim=size)
    h = 1.0
    between = 1 + scale**2 + h**2
    mmd = (
        (h**2 / (h**2 + 2)) ** (dim / 2)
        + (h**2 / (h**2 + 2 * scale**2)) ** (dim / 2)
        - 2 * (h**2 / between) ** (dim / 2) * math.exp(-dim * shift**2 / (2 * between))
    )
    yield estimated("MMD², kernel of width 1", mmd, lambda x, y: mmd2(x, y, h), n=1000, dim=dim)


def copies_in_open_balls() -> Iterator[Agreement]:
    x = normals(50, 8).repeat(6, 1)
    ours, theirs = prdc(x, x, 5), by_prdc(x, x, 5)
    why = "`prdc` takes open balls, which are empty where each point has k copies: two identical sets score 0"
    for field in FIELDS:
        arrays = "50 points, 6 times each, against themselves, k = 5"
        yield Agreement(field, "`prdc`", arrays, getattr(ours, field).item(), theirs[field], why=why)


def order_argument() -> Iterator[Agreement]:
    x = normals(60, 5)
    why = "`score_X` of vendi-score 0.0.3 does not pass its argument `q` on: it gives order 1"
    theirs = float(vendi.score_X(x.numpy(), q=2))
    yield Agreement(
        "Vendi score, order 2", "`vendi-score`", "60 normals", vendi_score(x, order=2).item(), theirs, why=why
    )
    x = torch.cat([torch.eye(2), torch.zeros(2, 2)]).double()
    why = "rows of zeros lose their mass in `score_dual`; here they are alike to each other alone"
    theirs = float(vendi.score_dual(x.numpy()))
    arrays = "two axes and two rows of zeros"
    yield Agreement("Vendi score", "`vendi-score`", arrays, vendi_score(x).item(), theirs, why=why)


def too_few_samples() -> Iterator[Agreement]:
    x, y = pair(30, 40, 512)
    arrays = "30 and 40 normals in 512 dimensions"
    why = "covariances of rank 29 and 39: a numerical root of their product keeps half the digits"
    ours = frechet_distance(x, y).item()
    yield Agreement("Fréchet distance", "SciPy's `sqrtm`", arrays, ours, by_sqrtm(x, y), why=why)
    yield Agreement("Fréchet distance", "torchmetrics", arrays, ours, by_torchmetrics(x, y), why=why)
    turn = torch.linalg.qr(normals(64, 64)).Q
    small, large = (torch.cat([torch.ones(1), torch.full((63,), s)]).double() for s in (1e-6, 3e-6))
    a, b = turn * small**2 @ turn.T, turn * large**2 @ turn.T
    mean = torch.zeros(64).double()
    theirs = _compute_fid(mean, a, mean, b).item()
    why = "standard deviations of 1e-6 beside 1 are below the rounding of a product of covariances: 63 x (2e-6)² it is"
    ours = frechet_from_moments(mean, a, mean, b).item()
    yield Agreement("Fréchet distance", "torchmetrics", "covariances with small variances", ours, theirs, why=why)
    far = 1e4 + normals(1000, 8).float()
    moment = Moments.empty(8).update(far).covariance.trace().item()
    exact = np.trace(np.cov(far.double(), rowvar=False))
    raw = ((far.T @ far - 1000 * torch.outer(far.mean(0), far.mean(0))) / 999).trace().item()
    why = f"sums of squares in float32, less the square of the mean, lose the variance (it is {exact:.6g})"
    yield Agreement("trace of a covariance", "sums of squares", "1,000 float32 at 10⁴ ± 1", moment, raw, why=why)


def underflow() -> Iterator[Agreement]:
    logits = 1000 * torch.eye(4).double().repeat(5, 1)
    why = "the logarithm of a probability that underflows to 0: 0 x infinity"
    ours, theirs = inception_score(logits, 1).mean.item(), original_inception_score(logits)
    yield Agreement(
        "Inception Score", "the original formula", "20 sure predictions of 4 classes", ours, theirs, why=why
    )


def index_of_authenticity() -> Iterator[Agreement]:
    real, fake = normals(300, 2), torch.cat([normals(150, 2), normals(150, 2, seed=1)])
    why = "several libraries look up the fake nearest to a real, and with its index the neighbours of the reals"
    for name, order in (("as drawn", real), ("the real ones turned by 50", real.roll(50, 0))):
        across, which = NearestNeighbors(n_neighbors=1).fit(fake).kneighbors(order)
        turned = NearestNeighbors(n_neighbors=1).fit(order).kneighbors()[0][:, 0]
        theirs = float((turned[which[:, 0]] < across[:, 0]).mean())
        arrays = f"300 real samples and 300 fakes, half of them copies, {name}"
        yield Agreement("authenticity", "a widespread code", arrays, authenticity(order, fake).item(), theirs, why=why)


def odd_borders() -> Iterator[Agreement]:
    coarse = torch.rand(2, 1, 6, 6, generator=stream(), dtype=torch.float64)
    images = torch.nn.functional.interpolate(coarse, (161, 161), mode="bilinear")
    a, b = images[:1], (images[:1] + images[1:]) / 2
    theirs = pytorch_msssim.ms_ssim(a, b, data_range=1.0).item()
    why = "sides that are not even are padded with zeros before they are halved; here the border is repeated"
    yield Agreement("MS-SSIM", "`pytorch-msssim`", "a pair of side 161", ms_ssim(a, b).item(), theirs, why=why)


AGREE = (moments, neighbourhoods, transport, diversity, clusters, closed_forms)
DIFFER = (copies_in_open_balls, order_argument, too_few_samples, underflow, index_of_authenticity, odd_borders)


def table(rows: list[Agreement]) -> list[str]:
    head = ["measure", "against", "ours", "theirs", "difference"]
    lines = [head, ["---", "---", "--:", "--:", "--:"], *(row.cells() for row in rows)]
    return ["", *(f"| {' | '.join(cells)} |" for cells in lines), ""]


def by_arrays(rows: list[Agreement], mark: str) -> list[str]:
    """A table for each of the arrays, under their name."""
    named = dict.fromkeys(row.arrays for row in rows)
    parts = [[f"{mark}{name}{mark}", *table([row for row in rows if row.arrays == name])] for name in named]
    return [line for part in parts for line in part]


def page(agreeing: list[Agreement], differing: list[Agreement], versions: str) -> str:
    """What stands between the marks of the page."""
    lines = [f"With {versions}.", "", *by_arrays(agreeing, "**"), "## Known faults of those codes, shown", ""]
    for why in dict.fromkeys(row.why for row in differing):
        about = [row for row in differing if row.why == why]
        lines += [f"**{why[0].upper()}{why[1:]}.**", "", *by_arrays(about, "")]
    return "\n".join(lines).rstrip()


def versions() -> str:
    names = ("torchmetrics", "prdc", "vendi-score", "POT", "pytorch-msssim")
    known = [
        f"torch {torch.__version__.split('+')[0]}",
        f"SciPy {scipy.__version__}",
        f"scikit-learn {sklearn.__version__}",
    ]
    return ", ".join([*known, *(f"{name} {version(name)}" for name in names)])


def agreement() -> None:
    """Takes all values, prints them, and writes them to the docs."""
    warnings.filterwarnings("ignore", category=UserWarning, module="torchmetrics")
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    agreeing = [row for group in AGREE for row in group()]
    differing = [row for group in DIFFER for row in group()]
    text = page(agreeing, differing, versions())
    print(text)
    rows = {
        kind: [asdict(row) | {"theirs": row.theirs if math.isfinite(row.theirs) else None} for row in found]
        for kind, found in (("agree", agreeing), ("differ", differing))
    }
    atomic_write(DOCS / "agreement.json", json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    whole = (DOCS / "agreement.md").read_text()
    before, after = whole.split(MARKS[0])[0], whole.split(MARKS[1])[1]
    atomic_write(DOCS / "agreement.md", f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}")

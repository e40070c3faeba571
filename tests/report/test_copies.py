"""Samples beside their nearest true images, against all distances."""

import numpy as np
import pytest
import torch

from modescope.report import copies
from modescope.report.copies import copies_of, true_images


@pytest.fixture(scope="module")
def dataset(images):
    return images.experiment.dataset


def test_the_nearest_of_all_true_images_is_found(dataset):
    true, whole = true_images(dataset)
    assert whole
    stored = dataset.arrays.images.flatten(1).numpy().astype(float)
    np.testing.assert_array_equal(dataset.kept(true).numpy(), stored)
    x = dataset.restored(torch.randint(0, 256, (5, dataset.dim), generator=torch.Generator().manual_seed(0)).byte())
    found = copies_of(x, dataset, true)
    pixels = dataset.kept(x).numpy().astype(float)
    distances = np.linalg.norm(pixels[:, None] - stored, axis=-1)
    nearest = distances.argmin(axis=1)
    np.testing.assert_array_equal(found.nearest.reshape(5, -1), stored[nearest])
    np.testing.assert_array_equal(found.samples.reshape(5, -1), pixels)
    between = np.linalg.norm(stored[nearest][:, None] - stored, axis=-1)
    between[np.arange(5), nearest] = np.inf
    np.testing.assert_allclose(found.ratios, distances.min(axis=1) / between.min(axis=1), rtol=1e-4)


def test_a_copy_is_one_even_of_an_image_with_twins(dataset):
    true, _ = true_images(dataset)
    twins = torch.cat([true, true[:1]])
    found = copies_of(true[:2], dataset, twins)
    assert found.ratios.tolist() == [0, 0]
    np.testing.assert_array_equal(found.nearest, found.samples)


def test_few_of_many_are_searched(dataset, monkeypatch):
    monkeypatch.setattr(copies, "NUMBERS", 7 * dataset.dim)
    true, whole = true_images(dataset)
    assert (len(true), whole) == (7, False)
    stored = dataset.arrays.images.flatten(1)
    assert (dataset.kept(true)[-1] == stored[-1]).all()  # evenly, to the last

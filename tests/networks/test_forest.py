"""A forest is what scikit-learn learnt, computed by PyTorch, and enlarges its maps exactly."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from torch.nn import functional

from emseg.config import Task
from emseg.errors import UsageError
from emseg.networks import (
    NetworkSpec,
    build_network,
    check_network,
    forest_encoder,
    inspect_network,
)
from emseg.networks.forest import strips
from emseg.networks.trees import Trees


@pytest.mark.parametrize(
    ("classes", "seen"), [(2, [0, 1]), (3, [0, 1, 2]), (4, [1, 3]), (4, [0, 1, 3])]
)
def test_probabilities_are_those_of_scikit_learn(classes, seen):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(1500, 6)).astype(np.float32)
    labels = rng.integers(0, len(seen), 1500)
    labels = np.array(seen)[np.where(features[:, 0] * features[:, 4] > 0.5, 0, labels)]
    learner = HistGradientBoostingClassifier(max_iter=7, max_depth=3, early_stopping=False)
    learner.fit(features, labels)
    trees = Trees(classes, 9, 3)  # more than were grown: the others say nothing
    start = torch.from_numpy(learner._baseline_prediction.ravel())
    trees.take([[each.nodes for each in tree] for tree in learner._predictors], seen, start)
    found = torch.softmax(trees(torch.from_numpy(features.T.copy())), dim=0).numpy()
    np.testing.assert_allclose(found[seen].T, learner.predict_proba(features), rtol=0, atol=1e-6)
    assert found.sum(axis=0) == pytest.approx(1)
    shares = trees.shares(6)
    assert shares.sum() == pytest.approx(1)
    assert set(np.argsort(shares)[-2:]) == {0, 4}  # which decide


def test_strips_are_the_whole_enlarged():
    torch.manual_seed(0)
    maps = [torch.randn(2, 96, 64), torch.randn(3, 48, 32), torch.randn(1, 6, 4)]
    whole = [functional.interpolate(each[None], size=(96, 64), mode="bilinear")[0] for each in maps]
    found = list(strips(maps))
    assert len(found) > 1
    torch.testing.assert_close(torch.cat(found, dim=1), torch.cat(whole), rtol=0, atol=1e-6)


@pytest.mark.parametrize("encoder", [None, "timm-tf_efficientnet_lite0"])
def test_a_forest_is_local_and_names_its_features(encoder):
    forest = build_network(NetworkSpec(Task.SEGMENTATION, "forest", encoder, 2, 3)).eval()
    traits = inspect_network(forest, 2)
    assert not traits.global_context
    names, maps = forest.names(), forest.maps(torch.randn(1, 2, 64, 64))
    assert len(names) == len(set(names)) == sum(each.shape[1] for each in maps)
    assert "edges at 4 px, channel 1" in names
    assert ("encoder stage 4 channel 17" in names) == (encoder is not None)


def test_the_filter_bank_sees_that_far_in_noise():
    torch.manual_seed(0)
    bank = build_network(NetworkSpec(Task.SEGMENTATION, "forest", None, 1, 2)).eval()
    field, middle = inspect_network(bank, 1).receptive_field, 256
    image = torch.randn(1, 1, 512, 48, dtype=torch.float64, requires_grad=True)
    maps = [each[0].sum(dim=0) for each in bank.double().maps(image)]
    enlarged = functional.interpolate(maps[-1][None, None], scale_factor=16, mode="bilinear")
    answer, widths = enlarged[0, 0], []
    for row in range(middle, middle + 16):
        (gradient,) = torch.autograd.grad(answer[row, 20], image, retain_graph=True)
        changed = gradient[0, 0].abs().sum(dim=1).nonzero()
        widths.append(int(changed.max() - changed.min()) + 1)
    assert max(widths) == field


def test_what_a_forest_starts_from():
    assert forest_encoder("none") is None
    assert forest_encoder("imagenet") == "timm-tf_efficientnet_lite0"
    with pytest.raises(UsageError, match="--pretrained micronet: the trees of a forest"):
        forest_encoder("micronet")
    with pytest.raises(UsageError, match="--encoder resnet34 does not belong to forest"):
        check_network(Task.SEGMENTATION, "forest", "resnet34")

"""One file that any browser opens without a network, whatever was evaluated."""

import base64
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from jinja2 import UndefinedError

from emseg.evaluation import ClassifiedFile, classification_report
from emseg.evaluation.metrics.calibration import BinnedCalibration
from emseg.evaluation.report import ImageNumbers, SegmentationReport
from emseg.micrograph import Micrograph
from emseg.reporting.page import Gallery, Provenance, write_page

ABOUT = Provenance("Nickel", "emseg evaluate a b", "0.5.0", "2026-11-21", (("a.tif", "12ab"),))
HOSTILE = (
    '</script><script>alert(1)</script><img src=http://x/ onerror="a()">&lt;"\'\x00\x1b\n\u202e'
)


@pytest.fixture
def page(tmp_path, parsed):
    """Write a page, require what every page promises, and give what it says."""

    def write(report, gallery, about=ABOUT, **more):
        path = tmp_path / "report.html"
        write_page(path, report, gallery, about, **more)
        assert list(tmp_path.iterdir()) == [path]
        text = path.read_text(encoding="utf-8")
        found = parsed(text)
        assert found.faults == []
        _require_self_contained(text, found)
        ids = [each["id"] for _, each in found.tags if "id" in each]
        assert len(ids) == len(set(ids))
        _require_targets(found, set(ids))
        return found

    return write


def _require_self_contained(text, found):
    for tag, attributes in found.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href"):
            value = attributes.get(name) or ""
            assert value == "" or value.startswith(("data:", "#")), (tag, name, value[:80])
        assert not any(name.startswith("on") or name == "style" for name in attributes), attributes
    assert not re.search(r"url\(|@import|https?://[^ ]*\.(js|css)", text)
    policy = next(
        each["content"]
        for each in found.all("meta")
        if each.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    for part in ("style", "script"):
        inside = re.search(rf"<{part}>(.*?)</{part}>", text, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{part}-src 'sha256-{digest}'" in policy


def _require_targets(found, ids):
    """Links and labels lead to something that is there."""
    for _, attributes in found.tags:
        link = attributes.get("href") or ""
        assert not link.startswith("#") or link[1:] in ids, link
        assert set((attributes.get("aria-labelledby") or "").split()) <= ids


def test_it_says_at_once_how_good_the_result_is(page, pair, micrograph, report):
    pairs = [pair(f"image_{k}", wrong=0.02 * (k + 1), seed=k) for k in range(12)]
    gallery = Gallery(4)
    for each in pairs:
        gallery.look(each, micrograph(each))
    extra = {
        ("classes", "small", "area_fraction_reference"): 0.25,
        ("classes", "small", "area_fraction"): 0.2,
        ("classes", "small", "area_fraction_error"): -0.05,
    }
    result = report(pairs, extra)
    found = page(result, gallery)
    value = result.value("mean", "iou")
    assert (
        f"Mean IoU {value:.3f} (95 % interval {value - 0.02:.3f} to {value + 0.02:.3f} "
        "from 12 images)." in found.text
    )
    assert "small comes out too small" in found.text
    assert "20 % too little" in found.text
    assert "−5.00 points" in found.text
    figures = found.all("figure", "exhibit")
    assert [each["id"] for each in figures] == [f"image-{k}" for k in range(1, 5)]
    assert "Few units" not in found.text
    assert "emseg evaluate a b" in found.text


def test_few_units_and_blocks_of_one_image_are_said(page, pair, report):
    pairs = [pair(str(k)) for k in range(3)]
    assert "intervals from 3 images are rough" in page(report(pairs), Gallery()).text
    blocks = report(pairs[:1], unit="block of one image", units=16)
    assert "from 16 blocks of one image" in page(blocks, Gallery()).text
    assert "nothing about other images" in page(blocks, Gallery()).text


def test_one_image_without_micrograph_or_pixel_size(page, pair, report):
    only = pair(pixel_size=None)
    gallery = Gallery()
    gallery.look(only)
    found = page(report([only]), gallery)
    assert len(found.all("figure", "bare")) == 1
    slider = next(each for each in found.all("input") if "aria-valuetext" in each)
    assert (slider["min"], slider["max"], slider["value"]) == ("1", "3", "2")
    assert "96 × 64 px" in found.text
    assert "nm" not in found.text.replace("distance of boundaries 5 nm", "")
    assert "interval" not in found.text.replace("no interval", "")


def test_a_gallery_that_saw_nothing_leaves_its_sections_out(page, pair, report):
    found = page(report([pair()]), Gallery())
    assert found.all("figure") == []
    assert "Worst images" not in found.text


def test_nothing_is_labelled(page, pair, report):
    nothing = pair(unlabelled=1.0)
    gallery = Gallery()
    gallery.look(nothing)
    found = page(report([nothing]), gallery)
    assert "Nothing could be scored" in found.text
    assert gallery.worst_tiles == ()


def test_a_report_without_numbers(page):
    empty = SegmentationReport(
        ("a",), (), (), np.zeros((1, 1), np.int64), np.zeros(1, np.int64), {}
    )
    assert "Nothing could be scored" in page(empty, Gallery()).text


def test_unlabelled_pixels_have_a_legend(page, pair, micrograph, report):
    sparse = pair(unlabelled=0.3)
    gallery = Gallery()
    gallery.look(sparse, micrograph(sparse))
    assert "not labelled" in page(report([sparse]), gallery).text


def test_hostile_names_are_text(page, pair, report):
    hostile = pair(HOSTILE, names=("a", HOSTILE))
    gallery = Gallery()
    gallery.look(hostile)
    lines = ((HOSTILE, HOSTILE),)
    about = Provenance(*[HOSTILE] * 4, lines, lines, (HOSTILE,), HOSTILE, HOSTILE, lines, HOSTILE)
    found = page(report([hostile]), gallery, about)
    assert len(found.all("script")) == 1
    assert all((each["src"] or "").startswith("data:") for each in found.all("img"))
    assert "<script>alert(1)</script>" in found.text
    assert "\x00" not in found.text
    assert "\u202e" not in found.text


def test_names_that_are_no_text_are_written(page, pair, report):
    assert "caf?.tif" in page(report([pair("caf\udce9.tif")]), Gallery()).text


def test_three_hundred_classes_fit(page, pair, report):
    many = pair(names=[f"class {k}" for k in range(300)], size=(256, 256))
    gallery = Gallery()
    gallery.look(many)
    found = page(report([many]), gallery)
    assert "Largest confusions" in found.text
    assert "and 276 more" in found.text
    assert "class 299" in found.text
    assert "The 40 classes of" in found.text


def test_of_five_thousand_images_the_worst_are_listed(page, pair, report, tmp_path):
    one = report([pair("x")])
    values = one.images[0].values
    images = tuple(
        ImageNumbers(f"image {k}", 10, {**values, ("mean", "iou"): k / 5000}) for k in range(5000)
    )
    many = SegmentationReport(
        one.names, one.numbers, images[::-1], one.confusion, one.missed, one.notes
    )
    files = tuple((f"image {k}.tif", "0" * 64) for k in range(5000))
    found = page(many, Gallery(), Provenance("t", files=files))
    assert (
        "The 1,000 worst of 5,000 images are shown; all of them are in metrics.csv." in found.text
    )
    assert "The first 1,000 of 5,000 files are listed." in found.text
    assert "image 999 " in found.text
    assert "image 1000 " not in found.text
    assert (tmp_path / "report.html").stat().st_size < 1_500_000


def test_the_reliability_diagram_is_drawn_when_there_is_one(page, pair, report):
    count = np.array([0.0, 25.0, 75.0])
    calibration = BinnedCalibration(
        count, np.array([np.nan, 0.5, 0.9]), np.array([np.nan, 0.4, 0.8])
    )
    found = page(report([pair()]), Gallery(), calibration=calibration)
    assert "surer than it should be: by 10.0 percentage points" in found.text
    assert "Larger dots stand for more pixels" in found.text
    assert "Probabilities" not in page(report([pair()]), Gallery()).text


def test_a_classifier(page, tmp_path):
    files = [
        ClassifiedFile("right.tif", "a", (0.9, 0.1)),
        ClassifiedFile("wrong.tif", "b", (0.8, 0.2), 1.66),
        ClassifiedFile(HOSTILE, "b", (0.3, 0.7)),
    ]
    result = classification_report(("a", "b"), files)
    gallery = Gallery()
    picture = Micrograph(np.arange(64, dtype=np.float32).reshape(1, 8, 8), "wrong")
    gallery.look_at_file("wrong.tif", 0.8, picture, is_right=False)
    gallery.look_at_file("right.tif", 0.9, picture, is_right=True)
    found = page(result, gallery)
    assert "Accuracy 0.667 (95 % interval " in found.text
    assert "from 3 files)." in found.text
    assert "Few units" in found.text
    assert "Top-2 accuracy 1.000" in found.text
    assert "Cohen's kappa" in found.text
    assert "Brier score" in found.text
    assert "the model is" in found.text
    assert "2 of 3 files were given the right class." in found.text
    assert "called a (80.0 %), is b" in found.text
    assert "right.tifa (90.0 %)" in found.text.replace(" a (", "a (")
    assert "1 of 3 micrographs is unlike those that the model was trained on" in found.text
    assert "1.66 unlike" in found.text
    assert len(found.all("img")) == 2
    assert page(result, Gallery()).all("img") == []


def test_a_page_that_fails_leaves_the_old_one(tmp_path, pair, report):
    path = Path(tmp_path / "report.html")
    path.write_text("old")
    with pytest.raises(UndefinedError):
        write_page(path, report([pair()]), Gallery(), None)  # type: ignore[arg-type]
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]

import math

import numpy as np
import pytest
from scipy import ndimage

from emseg.errors import UsageError
from emseg.synthesis import lattice, membrane_stack, membranes, nanoparticles, two_phase
from emseg.synthesis.tissue import Tissue

MAKERS = {
    "nanoparticles": nanoparticles,
    "membranes": membranes,
    "two_phase": two_phase,
    "lattice": lattice,
}


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_image_truth_and_calibration_belong_together(make):
    sample = make(rng(), (80, 113))
    assert sample.micrograph.pixels.shape == (1, 80, 113)
    assert sample.truth.pixels.shape == (80, 113)
    assert sample.truth.pixels.dtype == np.uint8
    assert sample.truth.name == sample.micrograph.name
    assert sample.truth.pixel_size == sample.micrograph.pixel_size
    assert sample.micrograph.pixel_size.source == "the sample generator"


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_the_seed_alone_decides(make):
    first, same, other = (make(rng(seed), (64, 64)) for seed in (3, 3, 4))
    assert np.array_equal(first.micrograph.pixels, same.micrograph.pixels)
    assert np.array_equal(first.truth.pixels, same.truth.pixels)
    assert not np.array_equal(first.truth.pixels, other.truth.pixels)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize(
    ("wrong", "value"), [("pixel_size_nm", 0.0), ("pixel_size_nm", math.nan), ("size", (4, 64))]
)
def test_values_that_make_no_image_are_refused_by_name(make, wrong, value):
    with pytest.raises(UsageError, match=str(value).replace("(", r"\(").replace(")", r"\)")):
        make(rng(), **{wrong: value})


def whole(sample):
    """Particles that lie wholly inside the image."""
    height, width = sample.truth.pixels.shape
    pixel = sample.micrograph.pixel_size.x_nm
    return [
        each
        for each in sample.objects
        if min(each.y_px, each.x_px, height - 1 - each.y_px, width - 1 - each.x_px)
        > each.diameter_nm / 2 / pixel
    ]


def test_particles_cover_what_their_diameters_say():
    sample = nanoparticles(rng(), (300, 400), 0.5)
    particles = whole(sample)
    found, _ = ndimage.label(sample.truth.pixels)
    assert len(particles) > 40
    for each in particles:
        label = found[round(each.y_px), round(each.x_px)]
        area_nm2 = np.count_nonzero(found == label) * 0.5**2
        edge_nm2 = 0.5 * math.sqrt(math.pi * each.diameter_nm * 0.5) * 0.5  # of the pixels cut
        assert area_nm2 == pytest.approx(math.pi / 4 * each.diameter_nm**2, abs=8 * edge_nm2)


def test_each_particle_is_one_object_and_each_object_is_listed():
    sample = nanoparticles(rng(1), (300, 400), 0.5)
    _, count = ndimage.label(sample.truth.pixels, structure=np.ones((3, 3)))
    assert count == len(sample.objects)


def test_particles_cover_the_asked_share_and_follow_the_asked_sizes():
    sample = nanoparticles(rng(2), (450, 450), 1.0, median_nm=8.0, spread=0.25, coverage=0.2)
    diameters = np.log([each.diameter_nm for each in whole(sample)])
    assert len(diameters) > 400
    assert np.exp(np.median(diameters)) == pytest.approx(8.0, rel=0.04)
    assert np.std(diameters) == pytest.approx(0.25, rel=0.1)
    assert np.mean(sample.truth.pixels) == pytest.approx(0.2, rel=0.1)


def test_particles_are_darker_but_no_threshold_finds_them():
    sample = nanoparticles(rng(3), (256, 256))
    image, truth = sample.micrograph.pixels[0].astype(float), sample.truth.pixels == 1
    assert image[truth].mean() < 0.9 * image[~truth].mean()
    smooth = ndimage.gaussian_filter(image, 1.5)
    levels = np.linspace(smooth.min(), smooth.max(), 60)
    overlaps = [np.sum((smooth < at) & truth) / np.sum((smooth < at) | truth) for at in levels]
    assert max(overlaps) < 0.75


def test_too_many_particles_are_refused():
    with pytest.raises(UsageError, match=r"coverage of 0\.9 leaves no room"):
        nanoparticles(rng(), (64, 64), coverage=0.9)


@pytest.mark.parametrize("fraction", [0.05, 0.3, 0.5, 0.8])
@pytest.mark.parametrize("tilt", [0.0, 60.0])
def test_phase_fraction_is_kept_to_the_pixel_and_the_bar_left_out(fraction, tilt):
    sample = two_phase(rng(), (150, 120), fraction=fraction, tilt_degrees=tilt, bar_px=30)
    specimen, bar = sample.truth.pixels[:120], sample.truth.pixels[120:]
    assert np.count_nonzero(specimen == 1) == round(fraction * 120 * 120)
    assert np.count_nonzero(specimen == 0) == 120 * 120 - round(fraction * 120 * 120)
    assert np.all(bar == 255)
    assert sample.truth.unlabelled == 255


def test_tilt_makes_pixels_tall_and_foreshortens_the_structure():
    sample = two_phase(rng(), (256, 256), 8.0, tilt_degrees=60.0, bar_px=0)
    size = sample.micrograph.pixel_size
    assert (size.y_nm, size.x_nm) == pytest.approx((16.0, 8.0))
    beta = sample.truth.pixels.astype(int)
    crossings = [np.count_nonzero(np.diff(beta, axis=axis)) for axis in (0, 1)]
    assert crossings[0] / crossings[1] == pytest.approx(2, rel=0.15)


def test_beta_is_brighter_and_its_edges_are_brightest():
    sample = two_phase(rng(), (256, 256), bar_px=0)
    image, beta = sample.micrograph.pixels[0].astype(float), sample.truth.pixels == 1
    depth = ndimage.distance_transform_edt(beta)
    rim, inside = image[(depth > 1) & (depth < 4)].mean(), image[depth > 8].mean()
    assert image[~beta].mean() + 20 < inside < rim


@pytest.mark.parametrize("vacancies", [0, 1, 12])
def test_as_many_vacancies_as_asked_each_one_disc(vacancies):
    sample = lattice(rng(vacancies), (200, 260), vacancies=vacancies)
    _, count = ndimage.label(sample.truth.pixels == 2)
    assert count == vacancies
    listed = [each for each in sample.objects if each.name == "vacancy"]
    assert len(listed) == vacancies
    for each in listed:
        assert sample.truth.pixels[round(each.y_px), round(each.x_px)] == 2


def test_columns_stand_as_dense_as_in_mos2():
    sample = lattice(rng(), (300, 300), 0.02)
    inside = [each for each in sample.objects if 0 <= each.y_px < 300 and 0 <= each.x_px < 300]
    cell_nm2 = math.sqrt(3) / 2 * 0.316**2
    assert len(inside) == pytest.approx(2 * (300 * 0.02) ** 2 / cell_nm2, rel=0.03)


def test_heavy_columns_are_bright_and_vacancies_dark():
    sample = lattice(rng(), (256, 256), 0.02, vacancies=20)
    image = ndimage.gaussian_filter(sample.micrograph.pixels[0].astype(float), 1)
    values = {"column": [], "vacancy": []}
    for each in sample.objects:
        if 3 < each.y_px < 252 and 3 < each.x_px < 252:
            values[each.name].append(image[round(each.y_px), round(each.x_px)])
    columns = np.sort(values["column"])
    sulphur, molybdenum = columns[: len(columns) // 2], columns[len(columns) // 2 :]
    vacancy = np.mean(values["vacancy"])
    assert vacancy < 0.75 * sulphur.mean() < 0.75 * 0.75 * molybdenum.mean()


def test_more_vacancies_than_sites_are_refused():
    with pytest.raises(UsageError, match=r"vacancies must lie between 0 and \d+, not 9999"):
        lattice(rng(), (64, 64), vacancies=9999)


def test_membranes_are_dark_lines_that_separate_cells():
    sample = membranes(rng(), (256, 256))
    image, truth = sample.micrograph.pixels[0].astype(float), sample.truth.pixels
    _, cells = ndimage.label(truth == 1)
    assert image[truth == 0].mean() < 0.85 * image[truth == 1].mean()
    assert 0.12 < np.mean(truth == 0) < 0.35
    assert 8 < cells < 60


def test_the_distance_to_a_membrane_is_one_through_the_tissue_in_nm():
    tissue = Tissue(rng(), (600.0, 600.0), 40.0, 320.0)
    at = np.arange(0, 600, 2.0)
    below, middle, above = (tissue.cut(z, at, at) for z in (19.0, 20.0, 21.0))
    along_z = (above.to_membrane_nm - below.to_membrane_nm) / 2
    steepness = np.hypot(np.hypot(*np.gradient(middle.to_membrane_nm, 2.0)), along_z)
    near = (middle.to_membrane_nm > 3) & (middle.to_membrane_nm < 15)
    low, median, high = np.percentile(steepness[near], [10, 50, 90])
    assert median == pytest.approx(1, abs=0.03)
    assert 0.8 < low < high < 1.2


def test_sections_of_a_stack_evolve_smoothly():
    planes = membrane_stack(rng(), 4, (128, 128), spacing_nm=50.0)
    assert [each.micrograph.plane for each in planes] == [0, 1, 2, 3]
    assert {each.micrograph.pixel_size.z_nm for each in planes} == {50.0}
    cells = [each.truth.pixels == 1 for each in planes]
    agree = [np.mean(cells[0] == cells[step]) for step in (1, 2, 3)]
    assert agree[0] > 0.8
    assert 1 > agree[0] > agree[1] > agree[2]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: membranes(rng(), (64, 64), 12.0), "at most 8"),
        (lambda: membrane_stack(rng(), 0), "at least one plane"),
        (lambda: membrane_stack(rng(), 2, spacing_nm=-1.0), "spacing_nm"),
        (lambda: two_phase(rng(), fraction=1.0), "fraction"),
        (lambda: two_phase(rng(), tilt_degrees=90.0), "tilt_degrees"),
        (lambda: two_phase(rng(), bar_px=250), "bar_px"),
        (lambda: lattice(rng(), pixel_size_nm=0.5), "at most 0.06"),
        (lambda: nanoparticles(rng(), dose_per_nm2=-5.0), "dose_per_nm2"),
    ],
)
def test_impossible_specimens_are_refused(call, said):
    with pytest.raises(UsageError, match=said):
        call()

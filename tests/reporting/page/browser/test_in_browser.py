"""What a person does with a page, done in a real browser."""

import pytest

from emseg.reporting.page import Gallery, Provenance, write_page

SLIDER = "figure.exhibit .control input"
SHOWN = """
    ["reference", "prediction", "errors"].map((kind) =>
      Number(getComputedStyle(document.querySelector(`#image-1 .layer.${kind}`)).opacity))
"""
COLUMN = """
    [...document.querySelectorAll("table.long tbody tr")].map((row) => row.children[%d].textContent)
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory, request):
    """A page of eight images with micrographs, and one whose name is hostile."""
    make_pair, make_micrograph, make_report = request.getfixturevalue("evaluation")
    names = [*(f"image {k}" for k in (1, 2, 10, 3, 4, 5, 6)), "<img src=http://example.invalid/x>"]
    pairs = [make_pair(name, wrong=0.05 * k, seed=k) for k, name in enumerate(names, 1)]
    gallery = Gallery()
    for each in pairs:
        gallery.look(each, make_micrograph(each))
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(path, make_report(pairs), gallery, Provenance("Nickel", files=(("a", "b"),)))
    return path


@pytest.fixture
def page(browser, written):
    browser.open(written)
    yield browser
    assert browser.complaints == []
    assert browser.requested == [written.as_uri()]


def test_it_shows_the_prediction_at_first(page):
    assert page.ask(SHOWN) == [0, 0.5, 0]
    assert page.ask("document.images.length") == page.ask(
        "[...document.images].filter((each) => each.decode && each.src.startsWith('data:')).length"
    )


def test_the_slider_fades_by_keys(page):
    page.ask(f"document.querySelector('{SLIDER}').focus()")
    said = f"document.querySelector('{SLIDER}').getAttribute('aria-valuetext')"
    page.press("Home")
    assert (page.ask(SHOWN), page.ask(said)) == ([0, 0, 0], "Micrograph")
    page.press("End")
    assert (page.ask(SHOWN), page.ask(said)) == ([0, 0, 1], "Errors")
    for _ in range(5):
        page.press("ArrowLeft")
    assert page.ask(SHOWN) == pytest.approx([0, 0.125, 0.75])
    assert page.ask(said) == "Prediction fading to Errors, 75 %"


def test_the_buttons_under_the_slider_go_to_a_view(page):
    page.ask("document.querySelector('#image-1 .stops button[value=\"1\"]').click()")
    assert page.ask(SHOWN) == [0.5, 0, 0]
    pressed = "document.querySelector('#image-1 .stops [aria-pressed=true]').textContent"
    assert page.ask(pressed) == "Reference"
    assert page.ask(f"document.querySelector('{SLIDER}').value") == "1"


def test_the_opacity_is_that_of_all_figures(page):
    page.ask(
        "const it = document.getElementById('opacity'); it.value = 1; "
        "it.dispatchEvent(new Event('input'))"
    )
    assert page.ask(SHOWN) == [0, 1, 0]


def test_the_fade_changes_what_is_seen(page, tmp_path):
    pictures = []
    for value in (0, 1, 2, 3):
        page.ask(f"document.querySelector('#image-1 .stops button[value=\"{value}\"]').click()")
        page.picture(tmp_path / "shot.png", of="#image-1 .stage")
        pictures.append((tmp_path / "shot.png").read_bytes())
    assert len(set(pictures)) == 4


def test_a_click_sorts_and_a_second_one_turns_round(page):
    click = "document.querySelectorAll('table.long thead button')[{}].click()"
    order = "document.querySelectorAll('table.long thead th')[{}].getAttribute('aria-sort')"
    assert page.ask(order.format(2)) == "ascending"
    page.ask(click.format(2))
    values = [float(each) for each in page.ask(COLUMN % 2)]
    assert (values, page.ask(order.format(2))) == (sorted(values, reverse=True), "descending")
    page.ask(click.format(0))
    names = [f"image {k}" for k in (1, 2, 3, 4, 5, 6, 10)]
    assert page.ask(COLUMN % 0) == ["<img src=http://example.invalid/x>", *names]
    assert (page.ask(order.format(0)), page.ask(order.format(2))) == ("ascending", None)


def test_tables_sort_by_keys(page):
    page.ask("document.querySelectorAll('table.long thead button')[2].focus()")
    page.press("Enter")
    values = [float(each) for each in page.ask(COLUMN % 2)]
    assert values == sorted(values, reverse=True)


def test_a_link_opens_the_figure_that_is_folded_away(page):
    folded = "document.querySelector('details.more').open"
    assert page.ask(folded) is False
    page.ask("document.querySelector('table.long a[href=\"#image-8\"]').click()")
    page.ask("new Promise((done) => setTimeout(done, 200))")
    assert page.ask(folded) is True


@pytest.mark.parametrize("width", [320, 400, 1400])
def test_nothing_is_wider_than_the_window(page, width):
    page.resize(width)
    assert page.ask("document.documentElement.scrollWidth") <= width


def test_on_paper_pictures_stand_side_by_side(page):
    page.resize(690)  # A4 between its margins
    page.send("Emulation.setEmulatedMedia", media="print")
    wide = page.ask("document.documentElement.scrollWidth")
    boxes = page.ask("""
        ["base", "reference", "prediction"].map((kind) => {
          const box = document.querySelector(`#image-1 .layer.${kind} img`).getBoundingClientRect();
          return [box.left, box.right, box.top];
        })
    """)
    shown = page.ask(SHOWN)
    slider = page.ask(f"document.querySelector('{SLIDER}').offsetParent === null")
    page.send("Emulation.setEmulatedMedia", media="")
    (_, first, top), (second, end, _), (third, _, last) = boxes
    assert wide <= 690
    assert first <= second < end <= third
    assert top == last
    assert shown == [1, 1, 1]
    assert slider is True


def test_without_a_script_the_prediction_is_a_still_picture(browser, written):
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(written)
        hidden = browser.send("DOM.getDocument", depth=-1)
        assert hidden["root"]["nodeName"] == "#document"
        nodes = browser.send(
            "DOM.querySelectorAll", nodeId=hidden["root"]["nodeId"], selector=".scripted[hidden]"
        )
        assert len(nodes["nodeIds"]) == 9
    finally:
        browser.send("Emulation.setScriptExecutionDisabled", value=False)


def test_the_policy_forbids_any_load(browser, written):
    browser.open(written)
    blocked = browser.ask("""
        new Promise((done) => {
          document.addEventListener("securitypolicyviolation", (it) => done(it.violatedDirective));
          document.body.append(Object.assign(new Image(), { src: "http://example.invalid/x.png" }));
        })
    """)
    assert blocked == "img-src"

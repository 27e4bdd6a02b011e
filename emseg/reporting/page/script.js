"use strict";
(() => {
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

  // what is of no use without a script is hidden until there is one
  all(".scripted").forEach((part) => { part.hidden = false; });

  // figures: one slider fades from the micrograph over reference and prediction to the errors
  function prepare(figure) {
    const slider = figure.querySelector(".control input");
    const stops = all(".stops button", figure);
    const layers = ["reference", "prediction", "errors"]
      .map((kind) => figure.querySelector(`.layer.${kind}`));
    const titles = Object.fromEntries(stops.map((stop) => [stop.value, stop.textContent]));

    function show() {
      const at = Number(slider.value);
      const from = Math.floor(at), part = at - from;
      layers.forEach((layer, index) => {
        layer.style.setProperty("--shown", Math.max(0, 1 - Math.abs(at - index - 1)).toFixed(3));
      });
      stops.forEach((stop) => {
        stop.setAttribute("aria-pressed", String(Math.abs(Number(stop.value) - at) < 0.01));
      });
      slider.setAttribute("aria-valuetext", part < 0.01 ? titles[from]
        : `${titles[from]} fading to ${titles[from + 1]}, ${Math.round(100 * part)} %`);
    }

    slider.addEventListener("input", show);
    stops.forEach((stop) => stop.addEventListener("click", () => {
      slider.value = stop.value;
      show();
    }));
    show();
  }

  all("figure.exhibit").forEach(prepare);

  const opacity = document.getElementById("opacity");
  if (opacity) {
    const tint = () => document.documentElement.style.setProperty("--tint", opacity.value);
    opacity.addEventListener("input", tint);
    tint();
  }

  // tables: the head of a column is a button that sorts; what is not defined stays last
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  function worth(row, column, isText) {
    const cell = row.children[column];
    if (isText) return cell.textContent.trim();
    const text = cell.dataset.v ?? cell.firstChild?.textContent.trim() ?? "";
    return text === "" ? NaN : Number(text);
  }

  function sort(table, column, head) {
    const isText = head.classList.contains("text");
    const down = head.getAttribute("aria-sort") === "ascending";
    const rows = all("tbody tr", table).map((row) => [worth(row, column, isText), row]);
    rows.sort(([a], [b]) => {
      if (isText) return down ? collator.compare(b, a) : collator.compare(a, b);
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
      return down ? b - a : a - b;
    });
    table.tBodies[0].append(...rows.map(([, row]) => row));
    all("thead th", table).forEach((each) => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
  }

  all("table[data-sorts]").forEach((table) => {
    all("thead th", table).forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, column, head));
      head.append(button);
    });
  });

  // a link to a figure opens what it is folded into
  function unfold() {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    const folded = target && target.closest("details:not([open])");
    if (folded) {
      folded.open = true;
      target.scrollIntoView();
    }
  }

  addEventListener("hashchange", unfold);
  unfold();

  // on paper nothing can be unfolded, so how the result was made is
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = all("details:not([open]):not(.more)");
    unfolded.forEach((each) => { each.open = true; });
  });
  addEventListener("afterprint", () => unfolded.forEach((each) => { each.open = false; }));
})();

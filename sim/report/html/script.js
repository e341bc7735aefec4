// Charts that answer: pointing or arrow keys show the row of the table below, buttons hide series, zoom cuts the x axis.
"use strict";
(() => {
  const theme = document.querySelector(".theme");
  theme.addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    theme.setAttribute("aria-pressed", String(!dark));
  });
  theme.hidden = false;

  for (const figure of document.querySelectorAll("figure.chart")) chart(figure);

  function chart(figure) {
    const panels = figure.querySelector(".panels");
    const cursor = figure.querySelector(".cursor");
    const tip = figure.querySelector(".tip");
    const table = figure.querySelector("table.values");
    const xs = figure.dataset.x.split(",").map(Number);
    const ys = figure.dataset.y?.split(",");
    const heads = [...table.tHead.rows[0].cells];
    const rows = table.tBodies[0].rows;
    const plots = [...figure.querySelectorAll(".plot")];
    const axis = figure.querySelector(".x");
    const ticks = axis.innerHTML;
    let from = 0, to = 1, at = -1;

    const group = (number) => figure.querySelector(`g[data-series="${number}"]`);
    const seen = (x) => x >= from - 1e-9 && x <= to + 1e-9;

    function nearest(clientX, clientY) {
      const box = plots[0].getBoundingClientRect();
      const x = from + ((clientX - box.left) / box.width) * (to - from);
      const y = 1 - (clientY - box.top) / box.height;
      const off = (k) => {
        const across = ((xs[k] - x) / (to - from)) * box.width;
        return ys ? (ys[k] === "" ? Infinity : Math.hypot(across, (Number(ys[k]) - y) * box.height)) : Math.abs(across);
      };
      let best = -1;
      for (let k = 0; k < xs.length; k++) if (seen(xs[k]) && (best < 0 || off(k) < off(best))) best = k;
      return best;
    }

    function show(k) {
      at = k;
      cursor.hidden = tip.hidden = k < 0;
      if (k < 0) return;
      const outer = panels.getBoundingClientRect(), box = plots[0].getBoundingClientRect();
      const left = box.left - outer.left + ((xs[k] - from) / (to - from)) * box.width;
      cursor.style.left = `${left}px`;
      tip.replaceChildren();
      const cells = rows[k].cells;
      const title = document.createElement("b");
      title.textContent = cells[0].textContent;
      tip.append(title);
      heads.forEach((head, column) => {
        if (column === 0) return;
        const number = head.dataset.of;
        if (number !== undefined && group(number).hasAttribute("hidden")) return;
        if (number !== undefined && cells[column].textContent === "-") return;
        const line = document.createElement("span");
        if (number !== undefined) {
          const swatch = document.createElement("i");
          swatch.className = group(number).getAttribute("class");
          line.append(swatch);
        }
        line.append(`${head.textContent}: ${cells[column].textContent}`);
        tip.append(line);
      });
      const right = left > outer.width / 2;
      tip.style.left = right ? "auto" : `${left + 10}px`;
      tip.style.right = right ? `${outer.width - left + 10}px` : "auto";
    }

    function zoomTo(low, high) {
      const width = Math.min(1, Math.max(high - low, 4 / Math.max(xs.length, 4)));
      from = Math.min(Math.max(low, 0), 1 - width);
      to = from + width;
      for (const plot of plots) plot.querySelector("svg").setAttribute("viewBox", `${from * 1000} 0 ${width * 1000} 100`);
      if (width > 0.9999) axis.innerHTML = ticks;
      else {
        const inside = xs.map((x, k) => k).filter((k) => seen(xs[k]));
        const every = Math.max(1, Math.ceil(inside.length / 6));
        axis.replaceChildren(...inside.filter((_, n) => n % every === 0).map((k, n) => {
          const label = document.createElement("span");
          label.textContent = rows[k].cells[0].textContent;
          label.style.left = `${((xs[k] - from) / width) * 100}%`;
          if (n % 2) label.className = "odd";
          return label;
        }));
      }
      if (at >= 0) show(seen(xs[at]) ? at : -1);
    }

    function zoomBy(what) {
      const middle = at >= 0 ? xs[at] : (from + to) / 2;
      const half = ((to - from) / 2) * (what === "in" ? 0.5 : 2);
      if (what === "all") zoomTo(0, 1);
      else zoomTo(middle - half, middle + half);
    }

    panels.addEventListener("pointermove", (event) => show(nearest(event.clientX, event.clientY)));
    panels.addEventListener("pointerdown", (event) => show(nearest(event.clientX, event.clientY)));
    // A finger that is lifted leaves its values in view; touching anything else takes them away.
    panels.addEventListener("pointerleave", (event) => event.pointerType === "touch" || show(-1));
    panels.addEventListener("blur", () => show(-1));
    panels.addEventListener("keydown", (event) => {
      const inside = xs.map((x, k) => k).filter((k) => seen(xs[k]));
      const place = inside.indexOf(at);
      const step = { ArrowRight: place + 1, ArrowLeft: place < 0 ? inside.length - 1 : place - 1, Home: 0, End: inside.length - 1 }[event.key];
      if (step !== undefined) show(inside[Math.min(Math.max(step, 0), inside.length - 1)]);
      else if (event.key === "Escape") show(-1);
      else if ("zoom" in figure.dataset && (event.key === "+" || event.key === "-")) zoomBy(event.key === "+" ? "in" : "out");
      else return;
      event.preventDefault();
    });
    for (const button of figure.querySelectorAll("[data-zoom-by]")) button.addEventListener("click", () => zoomBy(button.dataset.zoomBy));
    for (const button of figure.querySelectorAll(".key")) {
      button.addEventListener("click", () => {
        const drawn = button.dataset.series.split(",").flatMap((number) => [...figure.querySelectorAll(`g[data-series="${number}"]`)]);
        const hide = !drawn[0].hasAttribute("hidden");
        for (const each of drawn) each.toggleAttribute("hidden", hide);
        button.setAttribute("aria-pressed", String(!hide));
        show(-1);
      });
    }
  }
})();

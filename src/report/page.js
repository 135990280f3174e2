// What a page adds for those who have scripts: values under the pointer, series shown and hidden, linear and logarithmic
// axes, smoothing. The drawing is the data: places are turned back into values by the axes that it carries.
"use strict";
(() => {
  const NS = "http://www.w3.org/2000/svg";

  // An axis: kind, domain, pixels, and what its numbers are.
  const axis = (text) => {
    const [kind, low, high, from, to, whole] = text.split(" ");
    return { kind, low: +low, high: +high, from: +from, to: +to, whole };
  };
  const place = (a, v) => {
    const share = a.kind === "log" ? Math.log(v / a.low) / Math.log(a.high / a.low) : (v - a.low) / (a.high - a.low);
    return a.from + share * (a.to - a.from);
  };
  const value = (a, p) => {
    const share = (p - a.from) / (a.to - a.from);
    return a.kind === "log" ? a.low * Math.pow(a.high / a.low, share) : a.low + share * (a.high - a.low);
  };
  const show = (x) => {
    const size = Math.abs(x);
    if (size !== 0 && (size < 1e-3 || size >= 1e5)) return x.toExponential(2);
    return String(+x.toPrecision(3));
  };

  // Round ticks of an axis, as the drawing has them.
  const ticks = (a) => {
    const all = [];
    if (a.kind === "log") {
      const first = Math.ceil(Math.log10(a.low)), last = Math.floor(Math.log10(a.high));
      if (last - first >= 1) {
        const stride = [1, 2, 5, 10, 20, 50].find((s) => s >= (0.75 * (last - first + 1)) / 5) ?? 100;
        for (let k = first; k <= last; k++) if (k % stride === 0) all.push(Math.pow(10, k));
        return all.map((v) => [v, v >= 1e-3 && v < 1e5 ? String(+v.toPrecision(3)) : v.toExponential(0).replace("+", "")]);
      }
    }
    const rough = (a.high - a.low) / 5, power = Math.pow(10, Math.floor(Math.log10(rough)));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.75);
    for (let i = Math.ceil(a.low / step - 1e-9); i <= Math.floor(a.high / step + 1e-9); i++) all.push(i * step);
    return all.map((v) => [v, v === 0 ? "0" : show(v)]);
  };

  // A path as runs of points, and back.
  const runs = (d) => d.split("M").slice(1).map((run) => run.replace("Z", "").split("L").map((p) => p.split(",").map(Number)));
  const path = (all, close) => all.map((run) => "M" + run.map((p) => p.map((c) => +c.toFixed(2)).join(",")).join("L") + (close ? "Z" : "")).join("");
  const moved = (node) => node.getAttribute("transform").match(/-?[\d.]+/g).map(Number);

  const make = (tag, text) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    return node;
  };

  class Figure {
    constructor(node) {
      this.node = node;
      this.svg = node.querySelector("svg.chart");
      this.x = axis(this.svg.dataset.x);
      this.y = this.first = axis(this.svg.dataset.y);
      this.series = [...this.svg.querySelectorAll(".series")];
      // As drawn: everything else is worked out from here.
      this.paths = [...this.svg.querySelectorAll(".series path[d]:not([transform])")].map((p) => ({
        node: p,
        close: p.classList.contains("band"),
        smooth: p.classList.contains("value"),
        runs: runs(p.getAttribute("d")),
      }));
      this.marks = [...this.svg.querySelectorAll(".series path[transform]")].map((p) => ({ node: p, at: moved(p) }));
      this.smoothing = 0;
      this.names = [...this.svg.querySelectorAll(".ticks-x text")].map((t) => (t.querySelector("title") || t).textContent);
      this.label();
      this.legend();
      this.tools();
      this.hover();
    }

    // The title would pop up over the values: the label says the same to those who listen.
    label() {
      const title = this.svg.querySelector("title"), about = this.svg.querySelector("desc");
      this.svg.setAttribute("aria-label", title.textContent + ". " + about.textContent);
      this.svg.removeAttribute("aria-labelledby");
      title.remove();
    }

    legend() {
      const items = [...this.node.querySelectorAll(".legend li")];
      if (items.length < 2) return;
      items.forEach((item, i) => {
        const button = make("button");
        button.type = "button";
        button.setAttribute("aria-pressed", "true");
        button.append(...item.childNodes);
        button.addEventListener("click", () => {
          const shown = this.series[i].classList.toggle("off") === false;
          button.setAttribute("aria-pressed", String(shown));
        });
        item.append(button);
      });
    }

    tools() {
      const bar = make("div");
      bar.className = "tools";
      const pixels = this.paths.flatMap((p) => p.runs.flat()).map((p) => p[1]).concat(this.marks.map((m) => m.at[1]));
      const least = Math.min(...pixels.map((p) => value(this.y, p)));
      if (least > 0 || this.y.kind === "log") {
        const button = make("button");
        button.type = "button";
        const name = () => { button.textContent = this.y.kind === "log" ? "Linear axis" : "Logarithmic axis"; };
        name();
        button.addEventListener("click", () => { this.rescale(); name(); });
        bar.append(button);
      }
      if (this.paths.some((p) => p.smooth && p.runs.some((run) => run.length > 20))) {
        const label = make("label", "Smoothing"), range = make("input");
        Object.assign(range, { type: "range", min: "0", max: "0.98", step: "0.02", value: "0" });
        range.addEventListener("input", () => { this.smoothing = +range.value; this.draw(); });
        label.append(range);
        bar.append(label);
      }
      if (bar.childNodes.length) this.node.querySelector("svg.chart").before(bar);
    }

    // From a linear axis to a logarithmic one over the same values, or back.
    rescale() {
      if (this.y !== this.first) {
        this.y = this.first;
      } else {
        const all = this.paths.flatMap((p) => p.runs.flat()).map((p) => p[1]).concat(this.marks.map((m) => m.at[1]));
        const found = all.map((p) => value(this.first, p));
        const low = Math.min(...found), high = Math.max(...found);
        const kind = this.first.kind === "log" ? "linear" : "log";
        this.y = { ...this.first, kind, low: kind === "log" ? low / 1.1 : 0, high: kind === "log" ? high * 1.1 : high * 1.04 };
      }
      this.draw();
    }

    move(y) {
      return this.y === this.first ? y : place(this.y, value(this.first, y));
    }

    draw() {
      for (const p of this.paths) {
        const all = p.runs.map((run) => {
          let before = null;
          return run.map(([x, y]) => {
            y = this.move(y);
            if (p.smooth && this.smoothing) y = before = before === null ? y : before * this.smoothing + y * (1 - this.smoothing);
            return [x, y];
          });
        });
        p.node.setAttribute("d", path(all, p.close));
      }
      for (const m of this.marks) {
        m.node.setAttribute("transform", `translate(${m.at[0]},${+this.move(m.at[1]).toFixed(2)})`);
        m.node.classList.toggle("off", this.smoothing > 0 && m.node.parentNode.querySelector(".value") !== null);
      }
      this.grid();
    }

    grid() {
      const group = this.svg.querySelector(".ticks-y");
      group.replaceChildren();
      for (const [v, label] of ticks(this.y)) {
        const y = place(this.y, v);
        const line = document.createElementNS(NS, "path"), text = document.createElementNS(NS, "text");
        line.setAttribute("class", "grid");
        line.setAttribute("d", `M${this.x.from},${y}H${this.x.to}`);
        text.setAttribute("x", this.x.from - 6);
        text.setAttribute("y", y + 4);
        text.setAttribute("text-anchor", "end");
        text.textContent = label;
        group.append(line, text);
      }
      for (const mark of this.svg.querySelectorAll(".mark[data-y]")) {
        const y = place(this.y, +mark.dataset.y), inside = y >= Math.min(this.y.from, this.y.to) && y <= Math.max(this.y.from, this.y.to);
        mark.classList.toggle("off", !inside);
        if (!inside) continue;
        mark.querySelector("path").setAttribute("d", `M${this.x.from},${y}L${this.x.to},${y}`);
        mark.querySelector("text").setAttribute("y", y < this.y.to + 14 ? y + 12 : y - 4);
      }
    }

    // The values of a series nearest to a place, with the extremes that its point stands for.
    at(series, x) {
      const line = series.querySelector(".value"), band = series.querySelector(".band");
      let best = null;
      const see = (px, y, low, high) => {
        const distance = Math.abs(px - x);
        if (best === null || distance < best.distance) best = { distance, x: px, y, low, high };
      };
      if (line) {
        const found = this.paths.find((p) => p.node === line).runs;
        const around = band ? this.paths.find((p) => p.node === band).runs : null;
        found.forEach((run, r) => run.forEach(([px, y], i) => {
          const edge = around && around[r];
          see(px, y, edge && edge[edge.length - 1 - i][1], edge && edge[i][1]);
        }));
      } else {
        this.marks.filter((m) => m.node.parentNode === series).forEach((m) => see(m.at[0], m.at[1]));
      }
      return best;
    }

    say(x) {
      const seen = this.series.filter((s) => !s.classList.contains("off")).map((s) => [s.dataset.name, this.at(s, x)]);
      const near = seen.filter(([, found]) => found !== null);
      if (!near.length) return null;
      const nearest = near.reduce((a, b) => (b[1].distance < a[1].distance ? b : a))[1].x;
      const where = value(this.x, nearest);
      const number = (p) => show(value(this.first, p));
      const head = this.x.whole === "names" ? this.names[Math.round(where)] : this.xLabel() + " " + (this.x.whole === "whole" ? Math.round(where) : show(where));
      const lines = near.map(([name, f]) => {
        const short = name.length > 32 ? name.slice(0, 31) + "…" : name;
        const range = f.low !== undefined && f.low !== null && Math.abs(f.low - f.high) > 0.1 ? ` (${number(f.low)} … ${number(f.high)})` : "";
        return `${short}: ${number(f.y)}${range}`;
      });
      return { x: nearest, text: [head, ...lines].join("\n") };
    }

    xLabel() {
      return this.svg.querySelector(".x-label").textContent;
    }

    hover() {
      const tip = make("div");
      tip.className = "tip";
      tip.setAttribute("role", "status");
      tip.hidden = true;
      this.node.append(tip);
      const cursor = document.createElementNS(NS, "path");
      cursor.setAttribute("class", "cursor off");
      this.svg.append(cursor);
      let at = this.x.from;
      const show = (x) => {
        at = Math.min(Math.max(x, this.x.from), this.x.to);
        const said = this.say(at);
        if (!said) return hide();
        cursor.setAttribute("d", `M${said.x},${this.y.to}V${this.y.from}`);
        cursor.classList.remove("off");
        tip.textContent = said.text;
        tip.hidden = false;
        const box = this.svg.getBoundingClientRect(), outer = this.node.getBoundingClientRect();
        const left = box.left - outer.left + (said.x / this.svg.viewBox.baseVal.width) * box.width;
        const room = outer.width - tip.offsetWidth;
        tip.style.left = Math.max(0, Math.min(room, left > outer.width / 2 ? left - tip.offsetWidth - 12 : left + 12)) + "px";
        tip.style.top = box.top - outer.top + box.height * 0.1 + "px";
      };
      const hide = () => { tip.hidden = true; cursor.classList.add("off"); };
      const pointed = (e) => {
        const box = this.svg.getBoundingClientRect();
        show(((e.clientX - box.left) / box.width) * this.svg.viewBox.baseVal.width);
      };
      this.svg.addEventListener("pointermove", pointed);
      this.svg.addEventListener("pointerdown", pointed);
      this.svg.addEventListener("pointerleave", hide);
      this.svg.setAttribute("tabindex", "0");
      this.svg.addEventListener("blur", hide);
      this.svg.addEventListener("keydown", (e) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
        if (e.key === "Escape") hide();
        if (!step) return;
        e.preventDefault();
        // To the next point in that direction, not by a fixed way.
        const points = this.paths.filter((p) => p.smooth).flatMap((p) => p.runs.flat().map((q) => q[0])).concat(this.marks.map((m) => m.at[0]));
        const ahead = points.filter((x) => (x - at) * step > 0.01).sort((a, b) => (a - b) * step);
        show(ahead.length ? ahead[0] : at);
      });
    }
  }

  // Over a map: the cell under the pointer, and the value that its colour stands for.
  class HeatMap {
    constructor(node) {
      this.svg = node.querySelector("svg.chart");
      const data = this.svg.dataset;
      this.x = axis(data.x);
      this.y = axis(data.y);
      this.v = axis(data.v);
      this.columns = +data.columns;
      this.rows = +data.rows;
      this.names = { x: JSON.parse(data.xNames), y: JSON.parse(data.yNames) };
      [this.xLabel, this.yLabel, this.vLabel] = ["x", "y", "v"].map((side) => this.svg.querySelector(`.${side}-label`).textContent);
      const title = this.svg.querySelector("title"), about = this.svg.querySelector("desc");
      this.svg.setAttribute("aria-label", title.textContent + ". " + about.textContent);
      this.svg.removeAttribute("aria-labelledby");
      title.remove();
      this.tip = make("div");
      this.tip.className = "tip";
      this.tip.hidden = true;
      node.append(this.tip);
      this.svg.addEventListener("pointermove", (e) => this.show(e, node));
      this.svg.addEventListener("pointerdown", (e) => this.show(e, node));
      this.svg.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    }

    // The picture's pixels, once it has been decoded; the scale beside it, from the largest value down.
    pixels(selector) {
      const image = new Image(), canvas = make("canvas");
      image.src = this.svg.querySelector(selector).getAttribute("href");
      return image.decode().then(() => {
        [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        return context.getImageData(0, 0, canvas.width, canvas.height).data;
      });
    }

    async show(event, node) {
      const box = this.svg.getBoundingClientRect(), outer = node.getBoundingClientRect();
      const unit = this.svg.viewBox.baseVal.width / box.width;
      const share = (a, p) => (p - a.from) / (a.to - a.from);
      const across = share(this.x, (event.clientX - box.left) * unit), up = share(this.y, (event.clientY - box.top) * unit);
      if (across < 0 || across >= 1 || up <= 0 || up > 1) { this.tip.hidden = true; return; }
      this.cells ??= Promise.all([this.pixels(".cells"), this.pixels(".scale")]);
      const [cells, scale] = await this.cells;
      const column = Math.floor(across * this.columns), row = Math.floor((1 - up) * this.rows);
      const at = (row * this.columns + column) * 4, levels = scale.length / 4;
      const level = [...Array(levels).keys()].find((i) => [0, 1, 2].every((c) => scale[4 * i + c] === cells[at + c]));
      const number = (a, s) => {
        const v = value({ ...a, from: 0, to: 1 }, s);
        return a.whole === "whole" ? String(Math.round(v)) : show(v);
      };
      const found = cells[at + 3] === 0 || level === undefined ? "none" : number(this.v, 1 - level / (levels - 1));
      this.tip.textContent = [
        `${this.xLabel} ${this.names.x[column] ?? number(this.x, (column + 0.5) / this.columns)}`,
        `${this.yLabel} ${this.names.y[row] ?? number(this.y, 1 - (row + 0.5) / this.rows)}`,
        `${this.vLabel} ${found}`,
      ].join("\n");
      this.tip.hidden = false;
      const left = event.clientX - outer.left;
      this.tip.style.left = Math.max(0, left > outer.width / 2 ? left - this.tip.offsetWidth - 12 : left + 12) + "px";
      this.tip.style.top = event.clientY - outer.top + 12 + "px";
    }
  }

  // One of several sets of figures at a time.
  document.querySelectorAll(".choice").forEach((node) => {
    const all = [...node.querySelectorAll(":scope > .option")];
    if (all.length < 2) return;
    const label = make("label", node.dataset.what + " "), select = make("select"), bar = make("div");
    all.forEach((option) => select.append(make("option", option.dataset.name)));
    const show = () => all.forEach((option, i) => { option.hidden = i !== select.selectedIndex; option.classList.add("shown"); });
    select.addEventListener("change", show);
    label.append(select);
    bar.className = "tools";
    bar.append(label);
    node.prepend(bar);
    show();
  });

  // What is wider than the page says so.
  const hint = (node) => {
    const wide = node.scrollWidth > node.clientWidth + 1, before = node.previousElementSibling;
    const there = before !== null && before.classList.contains("hint");
    if (wide && !there) {
      const note = make("p", "wider than the page: scroll sideways \u2192");
      note.className = "hint";
      node.before(note);
    } else if (!wide && there) {
      before.remove();
    }
  };
  const hints = () => document.querySelectorAll(".scroll").forEach((node) => { if (node.clientWidth > 0) hint(node); });
  hints();
  window.addEventListener("resize", hints);
  document.querySelectorAll("details").forEach((node) => node.addEventListener("toggle", hints));

  document.querySelectorAll("figure.curves").forEach((node) => new Figure(node));
  document.querySelectorAll("figure.map").forEach((node) => new HeatMap(node));
})();

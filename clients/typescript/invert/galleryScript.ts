/**
 * The gallery's script: filters, pages, and a dialog with a slider between a picture before and after. It is text,
 * because it runs in the reader's browser. `#show=ID` opens the dialog.
 */
export const GALLERY_SCRIPT = `
"use strict";
(() => {
  const PAGE = 60;
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const cards = all("article").map((element) => ({ element, text: one(".about", element).textContent.toLowerCase() }));
  const tools = one(".tools"), search = one("[type=search]", tools), pager = one(".pager"), box = one("dialog");
  let state = "all", page = 0, matching = cards, open = -1;

  function show() {
    const pages = Math.max(1, Math.ceil(matching.length / PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    const shown = new Set(matching.slice(page * PAGE, (page + 1) * PAGE));
    for (const card of cards) card.element.hidden = !shown.has(card);
    for (const button of all("[data-state]", tools)) button.setAttribute("aria-pressed", button.dataset.state === state);
    one(".empty").hidden = matching.length > 0;
    pager.hidden = pages === 1;
    one("[role=status]", pager).textContent = "Page " + (page + 1) + " of " + pages;
    one(".earlier", pager).disabled = page === 0;
    one(".later", pager).disabled = page === pages - 1;
  }
  function filter() {
    const wanted = search.value.trim().toLowerCase();
    matching = cards.filter(({ element, text }) =>
      (state === "all" || element.classList.contains(state)) && text.includes(wanted));
    page = 0;
    show();
  }
  function turn(by) {
    page += by;
    show();
    scrollTo(0, 0);
  }
  function slide(percent) {
    one(".compare", box).style.setProperty("--at", percent + "%");
  }
  function picture(kind, from) {
    const image = one("." + kind, box);
    image.hidden = !from;
    if (from) [image.src, image.alt] = [from.src, from.alt];
  }
  function enlarge(index) {
    if (index < 0 || index >= matching.length) return;
    open = index;
    const card = matching[index].element;
    box.className = card.className;
    const [before, after] = all("figure", card).map((figure) => one("img", figure));
    one("h2", box).textContent = one("h2", card).textContent;
    picture("before", before);
    picture("after", after);
    const slider = one("[type=range]", box);
    slider.hidden = !(before && after);
    slider.value = 50;
    slide(before && after ? 50 : 0);
    one(".compare", box).hidden = !(before || after);
    const about = one(".box-about", box);
    about.replaceChildren();
    for (const part of all(".facts, .reason, .links", card)) about.append(part.cloneNode(true));
    one(".earlier", box).disabled = index === 0;
    one(".later", box).disabled = index === matching.length - 1;
    if (!box.open) box.showModal();
    history.replaceState(null, "", "#show=" + card.dataset.id);
    page = Math.floor(index / PAGE);
    show();
  }
  function openFromAddress() {
    const index = matching.findIndex(({ element }) => "#show=" + element.dataset.id === location.hash);
    if (index >= 0) enlarge(index);
  }

  tools.hidden = false;
  for (const button of all("[data-state]", tools)) button.onclick = () => { state = button.dataset.state; filter(); };
  search.oninput = filter;
  one(".earlier", pager).onclick = () => turn(-1);
  one(".later", pager).onclick = () => turn(1);
  cards.forEach((card) => {
    const pair = one(".pair", card.element);
    pair.tabIndex = 0;
    pair.role = "button";
    pair.ariaLabel = "Compare " + one("h2", card.element).textContent;
    pair.onclick = () => enlarge(matching.indexOf(card));
    pair.onkeydown = (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      pair.click();
    };
  });
  one("[type=range]", box).oninput = ({ target }) => slide(target.value);
  one(".close", box).onclick = () => box.close();
  one(".earlier", box).onclick = () => enlarge(open - 1);
  one(".later", box).onclick = () => enlarge(open + 1);
  box.onclick = (event) => { if (event.target === box) box.close(); };
  box.onclose = () => {
    history.replaceState(null, "", location.pathname + location.search);
    one(".pair", matching[open].element).focus();
  };
  box.onkeydown = (event) => {
    const by = { PageUp: -1, PageDown: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    enlarge(open + by);
  };
  addEventListener("hashchange", openFromAddress);
  show();
  openFromAddress();
})();
`;

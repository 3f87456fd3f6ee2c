/** The gallery's looks: light and dark, one column on a phone. */
export const GALLERY_STYLE = `
:root { color-scheme: light dark; --page: #f4f4f1; --card: #fff; --text: #1c1d1f; --quiet: #63666b; --line: #dcdcd6;
  --good: #1b7f4b; --bad: #b3261e; --open: #8a6100; --focus: #1a66d6; }
@media (prefers-color-scheme: dark) { :root { --page: #131416; --card: #1d1f22; --text: #ececea; --quiet: #a2a5aa;
  --line: #33363b; --good: #58c08b; --bad: #ff8a80; --open: #e0b04c;
  --focus: #7db1ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1440px; padding: 2.5rem clamp(1rem, 4vw, 3rem) 4rem; background: var(--page);
  color: var(--text); font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: .5rem 2rem;
  margin-bottom: 2rem; }
h1 { margin: 0; font-size: clamp(1.6rem, 4vw, 2.2rem); letter-spacing: -.02em; }
header p { margin: 0; color: var(--quiet); }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 34rem), 1fr)); gap: 1.5rem; }
article { background: var(--card); border: 1px solid var(--line); border-radius: 14px; overflow: hidden;
  display: flex; flex-direction: column; }
[hidden] { display: none !important; }
.tools { display: flex; flex-wrap: wrap; gap: .75rem 1.5rem; margin-bottom: 1.5rem; }
.states { display: flex; flex-wrap: wrap; gap: .4rem; }
button, input[type=search] { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; padding: .35rem .8rem; }
button { cursor: pointer; }
button:disabled { color: var(--quiet); cursor: default; opacity: .55; }
button b { font-weight: 400; color: var(--quiet); }
button[aria-pressed=true] { border-color: currentColor; font-weight: 600; }
input[type=search] { flex: 1 1 14rem; max-width: 26rem; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 2px; background: var(--line); }
.pair[role=button] { cursor: zoom-in; }
.pair:focus-visible { outline-offset: -2px; }
figure { margin: 0; display: flex; flex-direction: column; background: var(--page); }
figure img, .none { aspect-ratio: 4 / 3; width: 100%; }
figure img { display: block; object-fit: contain; }
figcaption { padding: .3rem 1.2rem; border-top: 1px solid var(--line); background: var(--card); color: var(--quiet);
  font-size: .8rem; }
.none { display: grid; place-items: center; padding: 1rem; color: var(--quiet); font-size: .9rem;
  text-align: center; }
.about { padding: 1rem 1.2rem 1.15rem; }
h2 { margin: 0 0 .3rem; font-size: 1.05rem; overflow-wrap: anywhere; }
.facts, .links { margin: 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: .15rem 1.1rem; color: var(--quiet);
  font-size: .9rem; }
.links { margin-top: .3rem; }
.state { font-weight: 600; }
.done .state { color: var(--good); }
.failed .state { color: var(--bad); }
.waiting .state { color: var(--open); }
.failed { border-color: var(--bad); }
.reason { margin: .6rem 0 0; font-size: .9rem; overflow-wrap: anywhere; }
.left-out { margin-top: 2.5rem; overflow-wrap: anywhere; }
a { color: inherit; }
code { font: .85em ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.empty { color: var(--quiet); }
.pager { display: flex; align-items: center; justify-content: center; gap: 1rem; margin-top: 2rem; }
dialog { width: min(100vw - 1rem, 1100px); max-width: none; max-height: calc(100dvh - 1rem); padding: 0; border: 0;
  border-radius: 14px; background: var(--card); color: inherit; overflow: auto; }
dialog::backdrop { background: rgb(0 0 0 / .7); }
.box-head, .box-foot { display: flex; align-items: center; justify-content: space-between; gap: 1rem;
  padding: .8rem 1.2rem; }
.box-head h2 { margin: 0; }
.close { border: 0; font-size: 1.4rem; line-height: 1; }
.compare { --at: 50%; position: relative; display: grid; background: var(--page); }
.compare img { grid-area: 1 / 1; width: 100%; height: min(70dvh, 720px); object-fit: contain; }
.compare .after { clip-path: inset(0 0 0 var(--at)); }
.compare::after { content: ""; position: absolute; inset: 0 auto 0 var(--at); width: 2px; margin-left: -1px;
  background: #fff; box-shadow: 0 0 0 1px rgb(0 0 0 / .4); pointer-events: none; }
.compare:has(input[hidden])::after { display: none; }
.compare input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize; }
.compare:has(input:focus-visible) { outline: 2px solid var(--focus); outline-offset: -2px; }
.box-about { flex: 1; min-width: 0; }
@media (max-width: 40rem) { .box-foot { flex-wrap: wrap; } .box-about { flex-basis: 100%; order: -1; } }
footer { margin-top: 2.5rem; color: var(--quiet); font-size: .85rem; }
`;
